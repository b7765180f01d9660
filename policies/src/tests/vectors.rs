//! Recorded verdicts.
