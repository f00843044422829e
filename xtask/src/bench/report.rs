//! The table, and files of the same figures for machines (JSON) and eyes (SVG).

use super::load::Load;
use anyhow::Result;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// One figure.
#[derive(Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// It should be no more.
    at_most: Option<f64>,
    /// It should be no less.
    at_least: Option<f64>,
}

impl Figure {
    pub(super) fn new(name: &str, value: f64, unit: &'static str, at_most: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit,
            at_most,
            at_least: None,
        }
    }

    pub(super) fn at_least(name: &str, value: f64, unit: &'static str, least: f64) -> Self {
        Self {
            at_least: Some(least),
            ..Self::new(name, value, unit, None)
        }
    }

    /// Whether its goal is reached.
    pub(super) fn holds(&self) -> bool {
        self.at_most.is_none_or(|most| self.value <= most)
            && self.at_least.is_none_or(|least| self.value >= least)
    }

    /// Its goal, as it is printed.
    pub(super) fn goal(&self) -> String {
        match (self.at_most, self.at_least) {
            (Some(most), _) => format!("at most {most}"),
            (None, Some(least)) => format!("at least {least}"),
            (None, None) => String::new(),
        }
    }
}

/// One round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) ours: Load,
    pub(super) floor: Load,
}

/// What all rounds of one thing came to.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) goal: Option<f64>,
    pub(super) figures: Vec<Figures>,
}

/// The middle of some values, the least and the most.
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(values.len() / 2),
            least: at(0),
            most: at(values.len().saturating_sub(1)),
        }
    }
}

impl Row {
    fn spread(&self, value: impl Fn(&Figures) -> f64) -> Spread {
        Spread::of(self.figures.iter().map(value))
    }

    fn ratio(&self) -> Spread {
        self.spread(|one| one.ours.per_second() / one.floor.per_second())
    }

    fn failed(&self) -> u64 {
        self.figures.iter().map(|one| one.ours.failed()).sum()
    }

    /// Whether nothing failed, and the goal is reached where there is one.
    pub(super) fn holds(&self) -> bool {
        self.failed() == 0 && self.goal.is_none_or(|goal| self.ratio().median >= goal)
    }
}

/// Medians, with the least and the most.
pub(super) fn print(rows: &[Row]) {
    println!(
        "{:<24} {:>9} {:>17} {:>9} {:>17} {:>7} {:>13} {:>5} {:>8} {:>8} {:>8} {:>7}",
        "",
        "ours/s",
        "least–most",
        "floor/s",
        "least–most",
        "ratio",
        "least–most",
        "goal",
        "p50, ms",
        "p99, ms",
        "floor's",
        "failed"
    );
    for row in rows {
        let ours = row.spread(|one| one.ours.per_second());
        let floor = row.spread(|one| one.floor.per_second());
        let ratio = row.ratio();
        let ms = |value: fn(&Figures) -> f64| row.spread(value).median / 1e3;
        let goal = row
            .goal
            .map_or_else(|| "-".to_owned(), |goal| goal.to_string());
        println!(
            "{:<24} {:>9.0} {:>17} {:>9.0} {:>17} {:>7.3} {:>13} {:>5} {:>8.2} {:>8.2} {:>8.2} {:>7}",
            row.name,
            ours.median,
            format!("{:.0}–{:.0}", ours.least, ours.most),
            floor.median,
            format!("{:.0}–{:.0}", floor.least, floor.most),
            ratio.median,
            format!("{:.3}–{:.3}", ratio.least, ratio.most),
            goal,
            ms(|one| one.ours.p50_us),
            ms(|one| one.ours.p99_us),
            ms(|one| one.floor.p99_us),
            row.failed(),
        );
    }
}

/// What was told in figures of its own, by database.
pub(super) fn print_figures(figures: &[(&str, Figure)]) {
    for (database, figure) in figures {
        let goal = figure.goal();
        let missed = if figure.holds() { "" } else { "MISSED" };
        println!(
            "{:<34} {:>10.1} {:<3} {goal:<14} {missed}",
            format!("{} on {database}", figure.name),
            figure.value,
            figure.unit
        );
    }
}

/// `report.json` and `report.svg`.
pub(super) fn write(rows: &[Row], figures: &[(&str, Figure)], folder: &Path) -> Result<()> {
    let json = folder.join("report.json");
    let all = serde_json::json!({ "beside floors": rows, "figures": figures });
    std::fs::write(&json, serde_json::to_string_pretty(&all)?)?;
    let svg = folder.join("report.svg");
    std::fs::write(&svg, plot(rows))?;
    println!("\n{}\n{}", json.display(), svg.display());
    Ok(())
}

/// A line a row: its ratio in each round as a dot, the median as a bar, the goal as a
/// stroke.
fn plot(rows: &[Row]) -> String {
    const LEFT: f64 = 190.0;
    const WIDE: f64 = 480.0;
    const LINE: f64 = 26.0;
    let height = LINE * (rows.len() as f64 + 2.0);
    let most = rows
        .iter()
        .map(|row| row.ratio().most.max(row.goal.unwrap_or(0.0)));
    let most = most.fold(1.0, f64::max);
    let x = |ratio: f64| LEFT + WIDE * ratio / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <text x=\"8\" y=\"18\">answers a second, ours ÷ floor, round by round</text>\n",
        LEFT + WIDE + 60.0
    );
    for (index, row) in rows.iter().enumerate() {
        let middle = LINE * (index as f64 + 1.8);
        let ratio = row.ratio();
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"12\" fill=\"#9bc\"/>\
             <text x=\"{}\" y=\"{}\">{:.2}</text>",
            middle + 5.0,
            row.name,
            middle - 6.0,
            x(ratio.median) - LEFT,
            x(ratio.most) + 8.0,
            middle + 5.0,
            ratio.median
        );
        for one in &row.figures {
            let at = x(one.ours.per_second() / one.floor.per_second());
            let _ = writeln!(
                svg,
                "<circle cx=\"{at}\" cy=\"{middle}\" r=\"3\" fill=\"#036\"/>"
            );
        }
        if let Some(goal) = row.goal {
            let at = x(goal);
            let _ = writeln!(
                svg,
                "<path d=\"M{at} {} v18\" stroke=\"#c00\" stroke-width=\"2\"/>",
                middle - 9.0
            );
        }
    }
    svg + "</svg>\n"
}
