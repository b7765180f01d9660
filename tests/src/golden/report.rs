//! What a run over recordings has shown, as text: per scenario and, for all runs of this process, a final table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use super::Verdict;

/// The verdicts of one scenario, or of one file that has none.
#[derive(Debug, Default)]
pub struct Part {
    /// The scenario's name.
    pub name: String,
    /// How many steps or rows passed.
    pub passed: usize,
    /// The step or row, and each difference.
    pub failed: Vec<(String, Vec<String>)>,
    /// The reason, and the steps or rows left out for it.
    pub left_out: BTreeMap<String, Vec<String>>,
}

impl Part {
    /// Adds one verdict; `what` names the step or row.
    pub fn add(&mut self, what: String, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(differences) => self.failed.push((what, differences)),
            Verdict::LeftOut(reason) => self.left_out.entry(reason).or_default().push(what),
        }
    }

    fn count_left_out(&self) -> usize {
        self.left_out.values().map(Vec::len).sum()
    }
}

/// The verdicts of one run over one file.
#[derive(Debug, Default)]
pub struct Report {
    /// The file and the server.
    pub title: String,
    /// Its scenarios.
    pub parts: Vec<Part>,
}

impl Report {
    /// How many passed, failed and were left out.
    pub fn totals(&self) -> (usize, usize, usize) {
        self.parts.iter().fold((0, 0, 0), |(passed, failed, left_out), part| {
            (passed + part.passed, failed + part.failed.len(), left_out + part.count_left_out())
        })
    }

    /// Prints this report and the table of all reports so far, and fails the test if anything failed or nothing ran.
    ///
    /// # Panics
    /// On any failed step or row, and when not one passed.
    pub fn conclude(self) {
        static TABLE: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let (passed, failed, left_out) = self.totals();
        let line = format!("{:<34} {passed:>6} {failed:>6} {left_out:>8}", self.title);
        let mut table = TABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        table.push(line);
        println!("\n{self}\n{:<34} passed failed left out\n{}\n", "recordings", table.join("\n"));
        drop(table);
        assert!(failed == 0, "{}: {failed} of {} failed, see above", self.title, passed + failed);
        assert!(passed > 0, "{}: nothing was tried", self.title);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "== {}", self.title)?;
        for part in &self.parts {
            let (failed, left_out) = (part.failed.len(), part.count_left_out());
            writeln!(
                out,
                "{:<28} {:>4} passed {failed:>4} failed {left_out:>4} left out",
                part.name, part.passed
            )?;
            for (reason, what) in &part.left_out {
                writeln!(out, "    left out {}: {reason}: {}", what.len(), what.join("; "))?;
            }
            for (what, differences) in &part.failed {
                writeln!(out, "    FAILED {what}")?;
                for difference in differences {
                    writeln!(out, "        {difference}")?;
                }
            }
        }
        Ok(())
    }
}
