//! The report of a run, as Markdown.

use std::fmt::Write;

use super::Figure;

/// One row: ours and the peer's figure, and the goal.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Ours.
    pub ours: Figure,
    /// The peer's.
    pub peer: Figure,
    /// The most microseconds of ours.
    pub goal_us: Option<f64>,
    /// The least ratio of the peer's to ours.
    pub goal_ratio: Option<f64>,
}

impl Row {
    fn verdict(&self) -> String {
        let mut short = Vec::new();
        if let Some(goal) = self.goal_us.filter(|goal| self.ours.cpu_us > *goal) {
            short.push(format!("{:.0} µs over {goal:.0}", self.ours.cpu_us));
        }
        let ratio = self.peer.cpu_us / self.ours.cpu_us;
        if let Some(goal) = self.goal_ratio.filter(|goal| ratio < *goal) {
            short.push(format!("{ratio:.1}× under {goal:.0}×"));
        }
        match (short.is_empty(), self.goal_us.is_some() || self.goal_ratio.is_some()) {
            (true, true) => "reached".to_owned(),
            (true, false) => "no goal".to_owned(),
            (false, _) => format!("falls short: {}", short.join(", ")),
        }
    }
}

/// The whole report. `facts` are lines of figures that are not per operation.
pub fn markdown(rows: &[Row], facts: &[String], conditions: &[String]) -> String {
    let mut out = String::from(
        "# Benchmark results\n\nWritten by `make bench`. Processor time of the server per operation, medians of blocks taken in turn (ours, peer, peer, ours).\n\n",
    );
    for condition in conditions {
        let _ = writeln!(out, "* {condition}");
    }
    out.push_str("\n| operation | Keyreeve CPU-µs | OpenBao CPU-µs | ratio | Keyreeve per s | OpenBao per s | syncs per operation, ours | goal |\n|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let syncs = row.ours.syncs.map_or("–".to_owned(), |s| format!("{s:.3}"));
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.1}× | {:.0} | {:.0} | {syncs} | {} |",
            row.name,
            row.ours.cpu_us,
            row.peer.cpu_us,
            row.peer.cpu_us / row.ours.cpu_us,
            row.ours.per_second,
            row.peer.per_second,
            row.verdict()
        );
    }
    out.push('\n');
    for fact in facts {
        let _ = writeln!(out, "* {fact}");
    }
    out
}
