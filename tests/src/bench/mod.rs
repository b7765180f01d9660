//! Measures cost side by side with the peer in one run: processor time per operation, not seconds, since machines are noisy.

pub mod apiserver;
pub mod load;
pub mod measure;
pub mod peers;
pub mod report;

/// One figure of one server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figure {
    /// Operations done.
    pub operations: u64,
    /// Processor time of the server per operation, in microseconds.
    pub cpu_us: f64,
    /// Operations per second of wall time.
    pub per_second: f64,
    /// Syncs of the server per operation; `None` where it does not tell.
    pub syncs: Option<f64>,
}

/// The middle of several figures, by processor time.
pub fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Writes a part of `tests/bench/RESULTS.md` under a heading of its own, in place of the one that is there.
///
/// # Errors
/// The file cannot be written.
pub fn write_section(title: &str, body: &str) -> std::io::Result<()> {
    let path = crate::folder().join("bench/RESULTS.md");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let heading = format!("\n## {title}\n");
    let (head, tail) = match before.split_once(&heading) {
        Some((head, rest)) => (head, rest.find("\n## ").map_or("", |at| &rest[at..])),
        None => (before.as_str(), ""),
    };
    std::fs::write(&path, format!("{head}{heading}\n{}\n{tail}", body.trim_end()))
}
