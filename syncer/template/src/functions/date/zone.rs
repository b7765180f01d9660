//! Time zones: UTC, those of the IANA database (built in), and fixed offsets that a text named.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A place's time zone.
#[derive(Clone)]
pub(super) enum Zone {
    /// UTC.
    Utc,
    /// The zone in which dates are read and written that name none.
    Local(TimeZone, String),
    /// A zone of the database.
    Named(TimeZone, String),
    /// A number of seconds east of UTC, with the name that a text gave it.
    Fixed(String, i64),
}

/// What a zone says of a moment.
pub(super) struct Offset {
    pub(super) name: String,
    pub(super) seconds: i64,
    pub(super) is_dst: bool,
}

/// The zone of that very name. No files are read: the database is part of the program.
fn find(name: &str) -> Option<TimeZone> {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    DATABASE.get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

impl Zone {
    /// The zone that stands for `Local`; UTC if there is none of that name.
    pub(super) fn local(name: &str) -> Self {
        match find(name) {
            Some(zone) if name != "UTC" => Self::Local(zone, name.to_owned()),
            _ => Self::Local(TimeZone::UTC, "UTC".to_owned()),
        }
    }

    /// A zone of the database, or UTC.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        if matches!(name, "" | "UTC") {
            return Some(Self::Utc);
        }
        find(name).map(|zone| Self::Named(zone, name.to_owned()))
    }

    /// Its name, empty for an offset without one.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Local(_, name) | Self::Named(_, name) | Self::Fixed(name, _) => name,
        }
    }

    /// What holds at a moment, in seconds since 1970.
    pub(super) fn at(&self, unix: i64) -> Offset {
        match self {
            Self::Utc => Offset { name: "UTC".to_owned(), seconds: 0, is_dst: false },
            Self::Fixed(name, seconds) => Offset { name: name.clone(), seconds: *seconds, is_dst: false },
            Self::Local(zone, _) | Self::Named(zone, _) => {
                let info = zone.to_offset_info(timestamp(unix));
                Offset {
                    name: info.abbreviation().to_owned(),
                    seconds: i64::from(info.offset().seconds()),
                    is_dst: info.dst().is_dst(),
                }
            }
        }
    }

    /// The seconds since 1970 of a moment that clocks in this zone show as `shown`.
    pub(super) fn unix(&self, shown: i64) -> i64 {
        match self.at(shown).seconds {
            0 => shown,
            // The offset there may not be the one an offset earlier, around a change of the clocks.
            offset => shown.wrapping_sub(self.at(shown.wrapping_sub(offset)).seconds),
        }
    }

    /// The offset that an abbreviation stands for in this zone: at that moment, or else at any.
    pub(super) fn offset_of(&self, abbreviation: &str, shown: i64) -> Option<i64> {
        let (Self::Local(zone, _) | Self::Named(zone, _)) = self else { return None };
        let first = self.at(i64::MIN);
        let known = zone
            .following(Timestamp::MIN)
            .take(MAX_CHANGES)
            .map(|change| (change.abbreviation().to_string(), i64::from(change.offset().seconds())));
        let named: Vec<i64> = std::iter::once((first.name, first.seconds))
            .chain(known)
            .filter(|(name, _)| name == abbreviation)
            .map(|(_, seconds)| seconds)
            .collect();
        let is_then = |seconds: &i64| self.at(shown.wrapping_sub(*seconds)).name == abbreviation;
        named.iter().copied().find(is_then).or_else(|| named.first().copied())
    }
}

/// More changes of the clocks than any zone has had.
const MAX_CHANGES: usize = 400;

/// The moment for the database, which knows the years -9999 to 9999.
fn timestamp(unix: i64) -> Timestamp {
    Timestamp::from_second(unix).unwrap_or(if unix < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
