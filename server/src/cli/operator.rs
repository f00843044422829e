//! `tongfu operator add|list|set|renew` (docs/console.md).

use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use crate::zone;
use anyhow::{Error, Result, bail};
use checkout::{DEVELOPMENT_OPERATOR, Given, given, token};
use clap::Subcommand;
use payment::operators::{Operator, Role};

/// Bytes of a name.
const NAME_MAX: usize = 64;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds an operator of the console; prints a password, a key for one-time passwords
    /// and recovery codes, once.
    Add {
        /// Its name, which acts are recorded under.
        name: String,
        /// viewer looks; support also has channels asked and sends callbacks again;
        /// cashier also gives money back; admin may everything.
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Lists all operators.
    List,
    /// Changes an operator. Its sessions end where it may not sign in any more.
    Set {
        /// Its name.
        name: String,
        /// Another role.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// Whether it may sign in.
        #[arg(long)]
        enabled: Option<bool>,
    },
    /// Gives an operator another password, key and codes, for one who lost them; its
    /// sessions end.
    Renew {
        /// Its name.
        name: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Add { name, role } => {
            let fits = (1..=NAME_MAX).contains(&name.len());
            let is_plain = |c: char| c.is_alphanumeric() || "._-@".contains(c);
            if !fits || !name.chars().all(is_plain) || name == DEVELOPMENT_OPERATOR {
                bail!(
                    "a name has 1 to {NAME_MAX} bytes: letters, digits, . _ - @; and \
                     {DEVELOPMENT_OPERATOR} is development's"
                );
            }
            let (password, given) = made(&name)?;
            let operator = Operator {
                name,
                role,
                enabled: true,
                created_ms: now_ms(),
            };
            let added = store.add_operator(&operator, &given.proof).await?;
            added.map_err(Error::msg)?;
            tell(&password, &given);
        }
        Command::List => {
            for operator in store.operators().await? {
                let enabled = if operator.enabled { "" } else { " disabled" };
                let since = zone::time(operator.created_ms);
                println!(
                    "{} {} since {since}{enabled}",
                    operator.name,
                    operator.role.word()
                );
            }
        }
        Command::Set {
            name,
            role,
            enabled,
        } => {
            let mut found = role.is_some() || enabled.is_some();
            if !found {
                bail!("--role or --enabled is needed");
            }
            if let Some(role) = role {
                found &= store.set_operator_role(&name, role).await?;
            }
            if let Some(enabled) = enabled {
                found &= store.enable_operator(&name, enabled).await?;
            }
            if !found {
                bail!("there is no operator {name}");
            }
        }
        Command::Renew { name } => {
            let (password, given) = made(&name)?;
            let renewed = store.prove_operator(&name, &given.proof).await?;
            renewed.map_err(Error::msg)?;
            tell(&password, &given);
        }
    }
    Ok(())
}

/// A password that nobody chose, and what it proves.
fn made(name: &str) -> Result<(String, Given)> {
    let password = token()?[..20].to_owned();
    let given = given(name, &password, true).map_err(Error::msg)?;
    Ok((password, given))
}

fn tell(password: &str, given: &Given) {
    println!("password  {password}");
    if let Some(totp) = &given.totp {
        println!("one-time  {}", **totp);
        println!("Give this address to an app for one-time passwords, as a QR code or by hand.");
    }
    println!("Each of these stands once for a one-time password, where the app is lost:");
    for code in &given.recovery {
        println!("    {}", **code);
    }
    println!("All of this is shown this once.");
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "viewer, support, cashier or admin".to_owned())
}
