//! `cargo xtask cells`: a day of many payments over cells, each a set of business systems
//! with a database of their own (docs/scale.md). It reckons with what was measured, minute
//! by minute; nothing is started.

use anyhow::{Result, bail};
use std::process::ExitCode;

const MINUTES: usize = 1_440;
/// A person pays half a minute after the page came, on average.
const WAITS_S: f64 = 30.0;
/// A page polls every two seconds where its stream does not tell it.
const POLLS_A_SECOND: f64 = 0.5;
/// Tries of a callback that is not taken: minutes after the payment.
const TRIES_MIN: [usize; 14] = [0, 0, 0, 1, 2, 5, 15, 35, 65, 125, 245, 485, 845, 1_385];

/// What is reckoned with.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Payments in the day
    #[arg(long, default_value_t = 10_000_000.0)]
    payments: f64,
    /// Cells; 0: as few as hold the peak
    #[arg(long, default_value_t = 0)]
    cells: usize,
    /// Business systems; the larger ones have the most of the payments (Zipf)
    #[arg(long, default_value_t = 10_000)]
    businesses: usize,
    /// How many times the day's mean the noon's best minute has
    #[arg(long, default_value_t = 5.0)]
    peak: f64,
    /// Orders that are begun and not paid, for each that is
    #[arg(long, default_value_t = 0.4)]
    unpaid: f64,
    /// Of the callbacks, the part whose receiver is away for an hour at noon
    #[arg(long, default_value_t = 0.02)]
    away: f64,
    /// Core time of a page, µs (measured: docs/scale.md)
    #[arg(long, default_value_t = 330.0)]
    page_us: f64,
    /// Core time of a start, µs
    #[arg(long, default_value_t = 1_700.0)]
    start_us: f64,
    /// Core time of a poll, µs
    #[arg(long, default_value_t = 32.0)]
    poll_us: f64,
    /// Core time of a notify that settles, µs
    #[arg(long, default_value_t = 1_500.0)]
    notify_us: f64,
    /// Core time of a callback's try, µs
    #[arg(long, default_value_t = 800.0)]
    callback_us: f64,
    /// What an order takes on disk with all that belongs to it, bytes
    #[arg(long, default_value_t = 3_500.0)]
    bytes: f64,
    /// Cores of an instance
    #[arg(long, default_value_t = 4.0)]
    cores: f64,
    /// How much of them is used at the peak
    #[arg(long, default_value_t = 0.5)]
    used: f64,
    /// Transactions a second that one PostgreSQL commits
    #[arg(long, default_value_t = 6_000.0)]
    commits: f64,
}

/// One minute of one cell.
#[derive(Clone, Copy, Default)]
struct Minute {
    paid: f64,
    begun: f64,
    callbacks: f64,
    watching: f64,
}

/// What a cell needs.
#[derive(Clone, Copy, Default)]
struct Need {
    paid_a_second: f64,
    cores: f64,
    commits: f64,
    callbacks_a_second: f64,
    watching: f64,
    disk_gb: f64,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.payments <= 0.0 || options.businesses == 0 || options.peak < 1.0 {
        bail!("a day has payments, businesses, and a peak of at least its mean");
    }
    let shares = zipf(options.businesses);
    let one = need(options, 1.0);
    let fewest = (one.commits / options.commits).ceil().max(1.0) as usize;
    let cells = if options.cells == 0 {
        fewest + 1
    } else {
        options.cells
    };
    let loads = spread(&shares, cells);
    println!(
        "{:.0} payments a day; at the peak {:.0} a second, {:.0} callbacks a second, {:.0} pages \
         that wait",
        options.payments, one.paid_a_second, one.callbacks_a_second, one.watching
    );
    println!(
        "{:>4} {:>8} {:>10} {:>8} {:>10} {:>11} {:>12} {:>10} {:>9}",
        "cell",
        "share",
        "paid/s",
        "cores",
        "instances",
        "commits/s",
        "connections",
        "callback/s",
        "GB a day"
    );
    let mut holds = true;
    for (number, share) in loads.iter().enumerate() {
        let need = need(options, *share);
        let instances = (need.cores / (options.cores * options.used))
            .ceil()
            .max(2.0);
        holds &= need.commits <= options.commits;
        println!(
            "{:>4} {:>7.1}% {:>10.0} {:>8.1} {:>10.0} {:>11.0} {:>12.0} {:>10.0} {:>9.1}",
            number + 1,
            share * 100.0,
            need.paid_a_second,
            need.cores,
            instances,
            need.commits,
            instances * 17.0,
            need.callbacks_a_second,
            need.disk_gb
        );
    }
    if !holds {
        println!("a cell's database does not hold its peak: more cells");
    }
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The part of all payments that each business system has, the largest first.
fn zipf(count: usize) -> Vec<f64> {
    let weights: Vec<f64> = (1..=count).map(|rank| 1.0 / rank as f64).collect();
    let all: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / all).collect()
}

/// Business systems over cells: each, the largest first, to the cell that has the least.
fn spread(shares: &[f64], cells: usize) -> Vec<f64> {
    let mut loads = vec![0.0_f64; cells.max(1)];
    for share in shares {
        if let Some(least) = loads.iter_mut().min_by(|one, other| one.total_cmp(other)) {
            *least += share;
        }
    }
    loads.sort_by(|one: &f64, other| other.total_cmp(one));
    loads
}

/// The day of a cell that has this part of all payments, and the most that it needs.
fn need(options: &Options, share: f64) -> Need {
    let weights: Vec<f64> = (0..MINUTES)
        .map(|minute| weight(minute, options.peak))
        .collect();
    let all: f64 = weights.iter().sum();
    let mut day = [Minute::default(); MINUTES];
    for (minute, weight) in weights.iter().enumerate() {
        let paid = options.payments * share * weight / all;
        day[minute].paid = paid;
        day[minute].begun = paid * (1.0 + options.unpaid);
        day[minute].watching = paid / 60.0 * WAITS_S * (1.0 + options.unpaid);
        tell(&mut day, minute, paid, options.away);
    }
    let mut most = Need::default();
    for minute in &day {
        let each_second = |count: f64| count / 60.0;
        let (paid, begun) = (each_second(minute.paid), each_second(minute.begun));
        let callbacks = each_second(minute.callbacks);
        let polls = minute.watching * POLLS_A_SECOND;
        let us = begun * (options.page_us + options.start_us)
            + polls * options.poll_us
            + paid * options.notify_us
            + callbacks * options.callback_us;
        most.paid_a_second = most.paid_a_second.max(paid);
        most.cores = most.cores.max(us / 1e6);
        // A start and its answer, a notify kept, settled and marked, a try of a callback.
        most.commits = most.commits.max(2.0 * begun + 3.0 * paid + callbacks);
        most.callbacks_a_second = most.callbacks_a_second.max(callbacks);
        most.watching = most.watching.max(minute.watching);
    }
    let orders = options.payments * share * (1.0 + options.unpaid);
    most.disk_gb = orders * options.bytes / 1e9;
    most
}

/// Callbacks of one minute's payments: at once, and by the schedule where their receiver
/// is away from 12:00 to 13:00.
fn tell(day: &mut [Minute; MINUTES], minute: usize, paid: f64, away: f64) {
    day[minute].callbacks += paid;
    let gone = |at: usize| (720..780).contains(&at);
    if !gone(minute) {
        return;
    }
    for after in TRIES_MIN.iter().skip(1) {
        let at = minute + after;
        if at >= MINUTES {
            return;
        }
        day[at].callbacks += paid * away;
        if !gone(at) {
            return;
        }
    }
}

/// How busy a minute is: the night, the day, and a peak at noon.
fn weight(minute: usize, peak: f64) -> f64 {
    let hour = minute as f64 / 60.0;
    let day = 1.0 + 0.8 * ((hour - 15.0) / 24.0 * std::f64::consts::TAU).cos();
    let noon = (peak - 1.0) * (-((hour - 12.1) / 0.5).powi(2)).exp();
    day + noon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_share_all_of_it() {
        let loads = spread(&zipf(10_000), 4);
        assert!((loads.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(loads[0] / loads[3] < 1.01, "{loads:?}");
        // Where one business system is larger than a cell's part, its cell is.
        let loads = spread(&zipf(10), 8);
        assert!(loads[0] > 0.3, "{loads:?}");
    }

    #[test]
    fn who_is_away_is_called_again() {
        let mut day = [Minute::default(); MINUTES];
        tell(&mut day, 725, 100.0, 0.5);
        let all: f64 = day.iter().map(|minute| minute.callbacks).sum();
        assert!(all > 400.0, "{all}");
        let mut day = [Minute::default(); MINUTES];
        tell(&mut day, 100, 100.0, 0.5);
        assert!((day.iter().map(|minute| minute.callbacks).sum::<f64>() - 100.0).abs() < 1e-9);
    }
}
