//! `tongfu sign`: the sign clinic.

use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use payment::lang::Lang;
use payment::pasted::{self, Kind, Pasted, report};
use payment::printable::printable;
use payment::refusal::Refusal;
use payment::sign::Purpose;
use payment::slip;

#[derive(Args)]
pub(crate) struct Command {
    /// A whole address, or its query, the fragment form too; a form, or a JSON body.
    pasted: String,
    /// What the sign is for; by default as what was given looks.
    #[arg(long = "for", value_enum)]
    purpose: Option<For>,
    /// The text that you signed yourself: the first byte that differs is told. Your secret
    /// in it, or `***` in its place.
    #[arg(long, value_name = "TEXT")]
    theirs: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    /// The pages, pay and wechatQuery.
    Pay,
    /// query and queryInfo.
    Query,
    /// refund.
    Refund,
    /// close.
    Close,
    /// A callback to bgUrl.
    Callback,
    /// A partner's call of /forecore.
    Forecore,
    /// A call, a page's form or the news of epay.
    Epay,
}

impl From<For> for Kind {
    fn from(wish: For) -> Self {
        match wish {
            For::Pay => Self::Call(Purpose::Pay),
            For::Query => Self::Call(Purpose::Query),
            For::Refund => Self::Call(Purpose::Refund),
            For::Close => Self::Call(Purpose::Close),
            For::Callback => Self::Callback,
            For::Forecore => Self::Partner,
            For::Epay => Self::Epay,
        }
    }
}

pub(crate) async fn run(config: &Config, command: &Command) -> Result<()> {
    let refused = |refusal: Refusal| anyhow!(refusal.text(Lang::En));
    let pasted = Pasted::new(&command.pasted);
    let pairs = pasted.pairs().map_err(refused)?;
    let kind = command.purpose.map(Kind::from);
    let kind = kind.unwrap_or_else(|| Kind::guess(&pasted, &pairs));
    let code = kind.domain_code(&pairs).map_err(refused)?;
    let store = open(config).await?;
    let domain = store.domain(&code).await?;
    let domain = domain.with_context(|| format!("no domain `{}`", printable(&code)))?;
    let (told, refusal) = report(&domain, &pasted, kind, now_ms()).map_err(refused)?;
    for form in &told.forms {
        let holds = if form.holds { "HOLDS" } else { "does not hold" };
        println!("{}: {holds}", form.name.0);
        for line in &form.lines {
            println!("    {}", printable(line));
        }
    }
    if !told.left_out.is_empty() {
        let names = printable(&told.left_out.join(", "));
        println!("not signed, not part of the interface: {names}");
    }
    if !told.slips.is_empty() {
        println!("it seems that {}", slip::told(&told.slips, Lang::En));
    }
    if let Some(theirs) = &command.theirs {
        match pasted::difference(&domain, &told.forms, theirs) {
            None => {
                println!(
                    "your text is the right one: what is left is the secret, the algorithm, the case of the digits"
                )
            }
            Some((place, ours, theirs)) => println!(
                "your text differs at byte {place} (from 0, *** in the secret's place): it goes on `{}`, and `{}` is right",
                printable(&theirs),
                printable(&ours)
            ),
        }
    }
    match refusal {
        None if kind.is_judged_whole() => println!("accepted"),
        None => println!("the sign holds; the values are not judged"),
        Some(refusal) => bail!("refused: {} {}", refusal.code().code(), refused(refusal)),
    }
    Ok(())
}
