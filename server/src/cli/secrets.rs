//! `tongfu secrets show|key|seal|rotate|replace`: secrets encrypted at rest (docs/secrets.md).

use crate::config::Config;
use crate::issue::make_secret;
use crate::serve::open;
use anyhow::{Error, Result, anyhow, bail};
use clap::Subcommand;
use payment::ports::{NewSecrets, SealState, Store};
use store::Keys;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// How secrets are kept, by which keys, and who is at work with which of them.
    Show,
    /// Prints a new key: for the file that `secrets_key_file` names, and for a safe.
    Key,
    /// Takes the clear text of secrets out of the database. Programs that are too old to
    /// read without it refuse the database from then on.
    Seal {
        /// No program is at work that is older than this one.
        #[arg(long)]
        older_are_stopped: bool,
    },
    /// Lets the first of the keys that are given write from now on, and wraps by it what
    /// others wrap. A backup from before is still opened by those alone.
    Rotate,
    /// Begins with a new key where all copies of the old one are lost: makes a new secret
    /// for each business system and key for each partner, and prints them, once. Before
    /// the seal nothing is lost, and none is made.
    Replace {
        /// No copy of the key is left anywhere.
        #[arg(long)]
        key_is_lost: bool,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    match command {
        Command::Key => println!("{}", *Keys::made()?),
        Command::Show => show(&open(config).await?.sealing().await?),
        Command::Seal { older_are_stopped } => {
            seal(&*open(config).await?, older_are_stopped).await?;
        }
        Command::Rotate => {
            let wrapped = open(config)
                .await?
                .rotate_key()
                .await?
                .map_err(Error::msg)?;
            println!("the first key writes from now on; {wrapped} secrets were kept by another");
        }
        Command::Replace { key_is_lost } => replace(config, key_is_lost).await?,
    }
    Ok(())
}

async fn replace(config: &Config, key_is_lost: bool) -> Result<()> {
    if !key_is_lost {
        bail!("every business system needs its new secret then: say --key-is-lost");
    }
    let store = store::open(config.database()?.with_lost_keys()).await?;
    let mut made = NewSecrets::new();
    for code in store.domain_codes("").await? {
        made.insert(code, make_secret()?.into());
    }
    let replaced = store.replace_secrets(&made).await?.map_err(Error::msg)?;
    if replaced == 0 {
        println!("no secret was lost; the first key writes from now on");
        return Ok(());
    }
    for (code, secret) in &made {
        println!("{code} {}", **secret);
    }
    println!("These are shown this once: give each business system and partner its own.");
    Ok(())
}

async fn seal(store: &dyn Store, older_are_stopped: bool) -> Result<()> {
    if store.sealing().await?.sealed_ms.is_none() {
        if !older_are_stopped {
            bail!(
                "older programs can't read secrets once they are sealed, and are not told of here: \
                 stop them, and say --older-are-stopped"
            );
        }
        let sealed = store.seal_secrets().await?.map_err(Error::msg)?;
        println!("sealed {sealed} secrets");
    }
    store.erase_clear_text().await.map_err(|error| {
        anyhow!("they are sealed, but traces may stand in the files: seal again ({error})")
    })?;
    println!("no clear text is left in its tables; backups and logs from before still hold it");
    println!("now set secrets_sealed, so that nobody takes the seal off");
    Ok(())
}

fn show(state: &SealState) {
    let how = match (&state.writes, state.sealed_ms) {
        (None, _) => "in clear: no key was ever given (secrets_key_file)",
        (Some(_), None) => "encrypted, and in clear beside until `tongfu secrets seal`",
        (Some(_), Some(_)) => "sealed",
    };
    println!("secrets   {how}");
    for (key, count) in &state.kept {
        println!(
            "          {count} by {}",
            key.as_deref().unwrap_or("no key")
        );
    }
    println!("writes    {}", state.writes.as_deref().unwrap_or("-"));
    println!("given     {}", listed(&state.ours));
    for one in &state.instances {
        println!(
            "at work   {} {} with {}",
            one.name,
            one.version,
            listed(&one.keys)
        );
    }
}

fn listed(keys: &[String]) -> String {
    match keys {
        [] => "no key".to_owned(),
        keys => keys.join(" "),
    }
}
