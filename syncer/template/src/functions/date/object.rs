//! Go's `time.Time`, `time.Duration`, `time.Month`, `time.Weekday` and `*time.Location` as templates see them.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use super::civil::{self, MONTHS, WEEKDAYS};
use super::duration::ElapsedTime;
use super::methods::{DURATION_METHODS, LOCATION_METHODS, MONTH_METHODS, TIME_METHODS, WEEKDAY_METHODS};
use super::zone::{Offset, Zone};
use crate::go::{Kind, List, Method, Object, Type, Value};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The first second of the year 1, where Go's zero time is.
const ZERO: i64 = -62_135_596_800;
/// How `String` writes a time.
const STRING: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";
/// RFC 3339 with a fraction, how JSON has it.
const JSON: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";

/// A moment, and the zone in which it is shown.
#[derive(Clone)]
pub(super) struct Time {
    unix: i64,
    nanos: i64,
    zone: Zone,
}

/// A date and a time of day, before it is known when that was.
pub(super) struct Civil {
    pub(super) date: (i64, i64, i64),
    pub(super) clock: (i64, i64, i64),
    pub(super) nanos: i64,
}

impl Civil {
    /// Seconds since 1970 if the clock shows UTC.
    pub(super) fn seconds(&self) -> i64 {
        let (year, month, day) = self.date;
        let (hour, minute, second) = self.clock;
        civil::days(year, month, day).wrapping_mul(DAY).wrapping_add(hour * 3_600 + minute * 60 + second)
    }
}

impl Time {
    /// A moment in seconds and nanoseconds (0 to 999,999,999) since 1970.
    pub(super) fn new(unix: i64, nanos: i64, zone: Zone) -> Self {
        Self { unix, nanos, zone }
    }

    /// When clocks of a zone show this.
    pub(super) fn of(civil: &Civil, zone: Zone) -> Self {
        Self { unix: zone.unix(civil.seconds()), nanos: civil.nanos, zone }
    }

    /// Go's zero time.
    pub(super) fn zero() -> Self {
        Self::new(ZERO, 0, Zone::Utc)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.unix == ZERO && self.nanos == 0
    }

    /// The same moment in another zone.
    pub(super) fn within(&self, zone: Zone) -> Self {
        Self { zone, ..*self }
    }

    pub(super) fn unix(&self) -> i64 {
        self.unix
    }

    pub(super) fn nanosecond(&self) -> i64 {
        self.nanos
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What the zone says of this moment.
    pub(super) fn zone_now(&self) -> Offset {
        self.zone.at(self.unix)
    }

    /// Seconds since 1970 as the clock in the zone shows them.
    fn shown(&self) -> i64 {
        self.unix.wrapping_add(self.zone_now().seconds)
    }

    fn day_number(&self) -> i64 {
        self.shown().div_euclid(DAY)
    }

    pub(super) fn date(&self) -> (i64, i64, i64) {
        civil::date(self.day_number())
    }

    pub(super) fn clock(&self) -> (i64, i64, i64) {
        let second = self.shown().rem_euclid(DAY);
        (second / 3_600, second / 60 % 60, second % 60)
    }

    pub(super) fn weekday(&self) -> i64 {
        civil::weekday(self.day_number())
    }

    pub(super) fn year_day(&self) -> i64 {
        self.day_number() - civil::days(self.date().0, 1, 1) + 1
    }

    /// The moment that many nanoseconds later.
    pub(super) fn add(&self, nanos: i64) -> Self {
        let sum = self.nanos + nanos % SECOND;
        let unix = self.unix.wrapping_add(nanos / SECOND).wrapping_add(sum.div_euclid(SECOND));
        Self { unix, nanos: sum.rem_euclid(SECOND), zone: self.zone.clone() }
    }

    /// The same time of day on another date; days over the end of a month carry over.
    pub(super) fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let (year, month, day) = self.date();
        let date = (year.wrapping_add(years), month.wrapping_add(months), day.wrapping_add(days));
        Self::of(&Civil { date, clock: self.clock(), nanos: self.nanos }, self.zone.clone())
    }

    fn since_zero(&self) -> i128 {
        (i128::from(self.unix) - i128::from(ZERO)) * i128::from(SECOND) + i128::from(self.nanos)
    }

    /// Nanoseconds from another moment to this one, as far as they fit.
    pub(super) fn since(&self, other: &Self) -> i64 {
        let nanos = self.since_zero() - other.since_zero();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// Nanoseconds over the last multiple of a duration since the zero time.
    pub(super) fn remainder(&self, of: i64) -> i64 {
        i64::try_from(self.since_zero().rem_euclid(i128::from(of))).unwrap_or(0)
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        (self.unix, self.nanos).cmp(&(other.unix, other.nanos))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Object(Rc::new(time))
    }
}

impl Object for Time {
    fn go_type(&self) -> Type {
        Type::Named("time.Time", Kind::Struct)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        let wall = Value::Uint64(self.nanos.unsigned_abs());
        let location = Value::Object(Rc::new(LocationField(Location(self.zone.clone()))));
        vec![
            ("wall", false, wall),
            ("ext", false, Value::Int64(self.unix.wrapping_sub(ZERO))),
            ("loc", false, location),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        TIME_METHODS
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.format(STRING))
    }

    fn go_string(&self) -> Option<Vec<u8>> {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.clock();
        let month =
            usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or("");
        let zone = match &self.zone {
            Zone::Utc => "time.UTC".to_owned(),
            Zone::Local(..) => "time.Local".to_owned(),
            other => format!("time.Location(\"{}\")", other.name()),
        };
        let nanos = self.nanos;
        Some(
            format!("time.Date({year}, time.{month}, {day}, {hour}, {minute}, {second}, {nanos}, {zone})")
                .into_bytes(),
        )
    }

    fn json(&self) -> Option<Vec<u8>> {
        (0..10_000).contains(&self.date().0).then(|| self.format(JSON))
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        let same_zone = std::mem::discriminant(&self.zone) == std::mem::discriminant(&other.zone)
            && self.zone.name() == other.zone.name()
            && !matches!(self.zone, Zone::Fixed(..));
        Some(same_zone && self.compare(other).is_eq())
    }
}

/// `*time.Location`
pub(super) struct Location(pub(super) Zone);

impl Object for Location {
    fn go_type(&self) -> Type {
        Type::Named("*time.Location", Kind::Ptr)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        let offsets = match &self.0 {
            Zone::Fixed(name, seconds) => vec![Value::string(name.as_bytes()), Value::Int(*seconds)],
            _ => Vec::new(),
        };
        vec![
            ("name", false, Value::string(self.0.name())),
            ("zone", false, Value::list(offsets)),
            ("tx", false, Value::List(List::nil(Type::ANY))),
            ("extend", false, Value::string("")),
            ("cacheStart", false, Value::Int64(0)),
            ("cacheEnd", false, Value::Int64(0)),
            ("cacheZone", false, Value::Nil),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        LOCATION_METHODS
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.0.name().as_bytes().to_vec())
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(self.0.name() == other.0.name() && !matches!(self.0, Zone::Fixed(..)))
    }
}

/// A time's own pointer to its zone: Go has nil there for UTC.
struct LocationField(Location);

impl Object for LocationField {
    fn go_type(&self) -> Type {
        self.0.go_type()
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        self.0.fields()
    }

    fn is_nil(&self) -> bool {
        matches!(self.0.0, Zone::Utc)
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        self.0.equal(other)
    }
}

/// A number that has a name.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $type:literal, $kind:ident, $methods:ident, $string:expr) => {
        $(#[$doc])*
        pub(super) struct $name(pub(super) i64);

        impl From<$name> for Value {
            fn from(number: $name) -> Self {
                Self::Object(Rc::new(number))
            }
        }

        impl Object for $name {
            fn go_type(&self) -> Type {
                Type::Named($type, Kind::$kind)
            }

            fn as_any(&self) -> &dyn Any {
                self
            }

            fn underlying(&self) -> Option<Value> {
                Some(Value::$kind(self.0))
            }

            fn methods(&self) -> &'static [Method] {
                $methods
            }

            fn string(&self) -> Option<Vec<u8>> {
                Some($string(self.0).into_bytes())
            }

            fn equal(&self, other: &dyn Object) -> Option<bool> {
                Some(self.0 == other.as_any().downcast_ref::<Self>()?.0)
            }
        }
    };
}

/// A name of a list, or the number in the words of Go.
fn named(names: &[&str], index: i64, number: i64, kind: &str) -> String {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    name.map_or_else(|| format!("%!{kind}({})", number.cast_unsigned()), |name| (*name).to_owned())
}

number! {
    /// `time.Duration`: nanoseconds.
    Duration, "time.Duration", Int64, DURATION_METHODS, |nanos| ElapsedTime(nanos).to_string()
}
number! {
    /// `time.Month`: January is 1.
    Month, "time.Month", Int, MONTH_METHODS, |month: i64| named(&MONTHS, month.wrapping_sub(1), month, "Month")
}
number! {
    /// `time.Weekday`: Sunday is 0.
    Weekday, "time.Weekday", Int, WEEKDAY_METHODS, |day| named(&WEEKDAYS, day, day, "Weekday")
}
