//! `tongfu sign`: the sign doctor.

use crate::config::Config;
use crate::serve::{now_ms, open};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use payment::lang::Lang;
use payment::pairs::Pairs;
use payment::printable::printable;
use payment::sign::Purpose;
use payment::verify::{
    domain_code, explain, verify_close, verify_pay, verify_query, verify_refund,
};

#[derive(Args)]
pub(crate) struct Command {
    /// A whole address, or its query; the fragment form too.
    address: String,
    /// What the sign is for.
    #[arg(long = "for", value_enum, default_value_t = For::Pay)]
    purpose: For,
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
}

pub(crate) async fn run(config: &Config, command: &Command) -> Result<()> {
    let refused = |refusal: payment::refusal::Refusal| anyhow!(refusal.text(Lang::En));
    let query = command
        .address
        .rsplit_once('?')
        .map_or(command.address.as_str(), |(_, q)| q);
    let pairs = Pairs::from_query(query).map_err(refused)?;
    let code = domain_code(&pairs).map_err(refused)?;
    let store = open(config).await?;
    let domain = store
        .domain(code)
        .await?
        .with_context(|| format!("no domain `{code}`"))?;
    let now_ms = now_ms();
    let purpose = match command.purpose {
        For::Pay => Purpose::Pay,
        For::Query => Purpose::Query,
        For::Refund => Purpose::Refund,
        For::Close => Purpose::Close,
    };
    let explanation = explain(&domain, &pairs, purpose, now_ms);
    for (form, values, holds) in &explanation.forms {
        println!("{form}: {}", if *holds { "HOLDS" } else { "does not hold" });
        for value in values {
            println!("    {}", printable(value));
        }
    }
    if !explanation.left_out.is_empty() {
        println!(
            "not signed, not part of the interface: {}",
            printable(&explanation.left_out.join(", "))
        );
    }
    let verdict = match purpose {
        Purpose::Pay => verify_pay(&domain, &pairs, now_ms).map(|_| ()),
        Purpose::Query => verify_query(&domain, &pairs, now_ms).map(|_| ()),
        Purpose::Refund => verify_refund(&domain, &pairs, now_ms).map(|_| ()),
        Purpose::Close => verify_close(&domain, &pairs, now_ms).map(|_| ()),
    };
    match verdict {
        Ok(()) => println!("accepted"),
        Err(refusal) => println!(
            "refused: {} {}",
            refusal.code().code(),
            refusal.text(Lang::En)
        ),
    }
    Ok(())
}
