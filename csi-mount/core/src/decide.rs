//! What becomes of a volume's files, decided from what is known of its secret: a table without a clock.

use crate::refresh::{Failure, Millis};

/// Which state of a secret was read: a key that was removed and written anew has the same version at another time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its version.
    pub version: u64,
    /// When that version was written, RFC 3339.
    pub created: String,
}

/// What is known of a secret.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The newest state that was read.
    pub read: Option<&'a Mark>,
    /// Why the last read failed, and since when reads fail.
    pub trouble: Option<(Failure, Millis)>,
}

/// What is to be done with a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Show the state that was read, and let reading be as before.
    Show,
    /// Let reading be as before.
    Restore,
    /// Refuse every access.
    Refuse(Why),
    /// Nothing, at least until this time if there is one.
    Nothing(Option<Millis>),
}

/// Why access is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The broker denies the secret, or it is gone.
    Denied,
    /// The broker is away for longer than the volume allows.
    Stale,
}

/// How a volume wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the files stay when the broker denies the secret.
    pub keep: bool,
    /// How long the files stay while the broker is away; `None` for ever.
    pub max_stale: Option<Millis>,
}

/// What a volume shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The state of the secret that is shown, or that cannot be.
    pub mark: Option<Mark>,
    /// Whether access is refused.
    pub refused: bool,
}

/// What is to be done now.
pub fn decide(now: Millis, known: Known<'_>, shown: &Shown, rules: Rules) -> Act {
    let Some((failure, since)) = known.trouble else {
        return match known.read {
            Some(mark) if shown.mark.as_ref() != Some(mark) => Act::Show,
            Some(_) if shown.refused => Act::Restore,
            _ => Act::Nothing(None),
        };
    };
    match failure {
        _ if shown.refused => Act::Nothing(None),
        Failure::Denied | Failure::Absent if rules.keep => Act::Nothing(None),
        Failure::Denied | Failure::Absent => Act::Refuse(Why::Denied),
        Failure::Away | Failure::Unusable => match rules.max_stale.map(|most| since.saturating_add(most)) {
            Some(end) if end <= now => Act::Refuse(Why::Stale),
            end => Act::Nothing(end),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(version: u64) -> Mark {
        Mark { version, created: "2026-01-01T00:00:00Z".to_owned() }
    }

    #[test]
    fn files_follow_what_is_known_of_the_secret() {
        use Act::{Nothing, Refuse, Restore, Show};
        use Failure::{Absent, Away, Denied, Unusable};
        let fail = Rules { keep: false, max_stale: None };
        let keep = Rules { keep: true, max_stale: None };
        let stale = Rules { keep: false, max_stale: Some(50) };
        let both = Rules { keep: true, max_stale: Some(50) };
        // The version read, the trouble since 100, the version shown, whether refused, the rules; at 120 and at 150.
        for (read, trouble, version, refused, rules, expected, later) in [
            (None, None, 1, false, fail, Nothing(None), Nothing(None)),
            (Some(1), None, 1, false, fail, Nothing(None), Nothing(None)),
            (Some(2), None, 1, false, fail, Show, Show),
            (Some(1), None, 1, true, fail, Restore, Restore),
            (Some(2), None, 1, true, fail, Show, Show),
            (Some(1), Some(Denied), 1, false, fail, Refuse(Why::Denied), Refuse(Why::Denied)),
            (Some(1), Some(Absent), 1, false, fail, Refuse(Why::Denied), Refuse(Why::Denied)),
            (Some(1), Some(Denied), 1, true, fail, Nothing(None), Nothing(None)),
            (Some(1), Some(Denied), 1, false, keep, Nothing(None), Nothing(None)),
            (Some(2), Some(Away), 1, false, fail, Nothing(None), Nothing(None)),
            (Some(1), Some(Unusable), 1, false, fail, Nothing(None), Nothing(None)),
            (Some(1), Some(Away), 1, false, stale, Nothing(Some(150)), Refuse(Why::Stale)),
            (None, Some(Away), 1, false, both, Nothing(Some(150)), Refuse(Why::Stale)),
            (Some(1), Some(Away), 1, true, stale, Nothing(None), Nothing(None)),
            (Some(1), None, 1, true, stale, Restore, Restore),
        ] {
            let read = read.map(mark);
            let known = Known { read: read.as_ref(), trouble: trouble.map(|failure| (failure, 100)) };
            let shown = Shown { mark: Some(mark(version)), refused };
            assert_eq!(decide(120, known, &shown, rules), expected, "{known:?} {shown:?} {rules:?}");
            assert_eq!(decide(150, known, &shown, rules), later, "later: {known:?} {shown:?} {rules:?}");
        }
    }
}
