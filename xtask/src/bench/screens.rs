//! What the console's screens cost on each book: the time to the whole answer, and on
//! PostgreSQL the rows that the database reads for it (docs/scale.md).

use super::report::Spread;
use super::side::{Side, timed};
use crate::step::step;
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use std::thread;
use std::time::Duration;

/// Each screen, by what an operator looks for.
const SCREENS: [(&str, &str); 21] = [
    ("money at risk", "/"),
    ("orders", "/orders"),
    ("orders by payment", "/orders?paid=1"),
    ("orders of a business", "/orders?business=book1"),
    ("orders of a channel", "/orders?channel=Wechat"),
    ("orders unpaid", "/orders?state=NOTPAY"),
    (
        "orders closed, of which there are none",
        "/orders?state=CLOSED",
    ),
    ("orders of no account", "/orders?account=nobody"),
    ("orders of no sum", "/orders?min=90000.00"),
    ("one order", "/order/book1"),
    ("a number", "/find?number=trade77"),
    ("no number", "/find?number=nothing"),
    ("figures of today", "/figures?days=1"),
    ("figures of seven days", "/figures?days=7"),
    ("figures of thirty days", "/figures?days=30"),
    ("of seven days, by business", "/figures?days=7&by=business"),
    ("acts", "/acts"),
    ("refunds", "/refunds"),
    ("queues", "/queues"),
    ("business systems", "/businesses"),
    ("channel accounts", "/accounts"),
];
/// By then an instance has summed the hours of the month that its figures are of.
const SUMMED: Duration = Duration::from_secs(300);
/// What an idle session of PostgreSQL has counted is told by then.
const TOLD: Duration = Duration::from_secs(11);
/// Of each screen, so that what runs beside does not count.
const TIMES: u32 = 10;

/// A signed-in operator of a book's instance.
struct Desk<'a> {
    side: &'a Side,
    wire: Wire,
}

impl<'a> Desk<'a> {
    fn open(side: &'a Side) -> Result<Self> {
        let wire = Wire::kept();
        let said = "name=dev&password=tongfu-development";
        let signed_in = wire.post_form(&address(side, "/sign-in"), said)?;
        let cookie = signed_in.cookie.context("no session at the console")?;
        let wire = wire.keeping(cookie);
        Ok(Self { side, wire })
    }

    /// How long a screen takes, ms.
    fn look(&self, path: &str) -> Result<f64> {
        let (ms, answer) = timed(|| self.wire.get(&address(self.side, path)))?;
        // A number leads on to its order.
        if !matches!(answer.status, 200 | 303 | 404) {
            bail!("{path} answers {}", answer.status);
        }
        Ok(ms)
    }
}

fn address(side: &Side, path: &str) -> String {
    format!("{}{path}", side.world.address(3))
}

/// Each screen on each book, in turn, with the rows that are read for it.
pub(super) fn print(name: &str, sides: &[Side], rounds: u32) -> Result<()> {
    step("waiting for what hours come to", || {
        thread::sleep(SUMMED);
        Ok(())
    })?;
    let desks = sides.iter().map(Desk::open).collect::<Result<Vec<_>>>()?;
    let sizes: Vec<_> = sides
        .iter()
        .map(|side| format!("{:>10}", side.orders))
        .collect();
    println!(
        "{:<50} {}   rows read",
        format!("a screen on {name}, ms"),
        sizes.join(" ")
    );
    for (screen, path) in &SCREENS {
        let mut told = Vec::new();
        for desk in &desks {
            // The first warms up.
            desk.look(path)?;
            let ms = (0..rounds)
                .map(|_| desk.look(path))
                .collect::<Result<Vec<_>>>()?;
            told.push(format!("{:>10.1}", Spread::of(ms.into_iter()).median));
        }
        let read = match sides.last().filter(|side| side.is_on_postgres()) {
            None => String::new(),
            Some(side) => format!("{:.0}", read(side, desks.last().context("no desk")?, path)?),
        };
        println!("{screen:<50} {}   {read}", told.join(" "));
    }
    Ok(())
}

/// Rows that the database reads for a screen, less what it reads beside.
fn read(side: &Side, desk: &Desk<'_>, path: &str) -> Result<f64> {
    let over = |times: u32| -> Result<f64> {
        let before = side.rows_read()?;
        for _ in 0..times {
            desk.look(path)?;
        }
        thread::sleep(TOLD);
        Ok(side.rows_read()? - before)
    };
    Ok((over(TIMES)? - over(0)?).max(0.0) / f64::from(TIMES))
}
