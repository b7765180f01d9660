//! Writing times by Go's layouts.

use super::civil::{MONTHS, WEEKDAYS};
use super::layout::{self, Element, Form};
use super::object::Time;

/// A number with leading zeros; the sign of a negative one comes before them.
fn push(out: &mut Vec<u8>, number: i64, width: usize) {
    let sign = if number < 0 { "-" } else { "" };
    out.extend(format!("{sign}{:0width$}", number.unsigned_abs()).into_bytes());
}

/// A name of a list.
fn name(names: &'static [&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or("")
}

fn short(name: &str) -> &[u8] {
    name.as_bytes().get(..3).unwrap_or_default()
}

impl Time {
    /// The time in a layout.
    pub(super) fn format(&self, layout: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(layout.len());
        let mut rest = layout;
        loop {
            let chunk = layout::next(rest);
            out.extend_from_slice(chunk.before);
            let Some(element) = chunk.element else { return out };
            self.write_date(&mut out, element);
            rest = chunk.after;
        }
    }

    fn write_date(&self, out: &mut Vec<u8>, element: Element) {
        let (year, month, day) = self.date();
        match element {
            Element::Year => push(out, year.wrapping_abs() % 100, 2),
            Element::LongYear => push(out, year, 4),
            Element::Month => out.extend_from_slice(short(name(&MONTHS, month - 1))),
            Element::LongMonth => out.extend_from_slice(name(&MONTHS, month - 1).as_bytes()),
            Element::NumMonth => push(out, month, 0),
            Element::ZeroMonth => push(out, month, 2),
            Element::Weekday => out.extend_from_slice(short(name(&WEEKDAYS, self.weekday()))),
            Element::LongWeekday => out.extend_from_slice(name(&WEEKDAYS, self.weekday()).as_bytes()),
            Element::Day => push(out, day, 0),
            Element::UnderDay => out.extend(format!("{day:2}").into_bytes()),
            Element::ZeroDay => push(out, day, 2),
            Element::UnderYearDay => out.extend(format!("{:3}", self.year_day()).into_bytes()),
            Element::ZeroYearDay => push(out, self.year_day(), 3),
            other => self.write_clock(out, other),
        }
    }

    fn write_clock(&self, out: &mut Vec<u8>, element: Element) {
        let (hour, minute, second) = self.clock();
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let half: &[u8] = if hour >= 12 { b"PM" } else { b"AM" };
        match element {
            Element::Hour => push(out, hour, 2),
            Element::Hour12 => push(out, hour12, 0),
            Element::ZeroHour12 => push(out, hour12, 2),
            Element::Minute => push(out, minute, 0),
            Element::ZeroMinute => push(out, minute, 2),
            Element::Second => push(out, second, 0),
            Element::ZeroSecond => push(out, second, 2),
            Element::UpperPm => out.extend_from_slice(half),
            Element::LowerPm => out.extend(half.to_ascii_lowercase()),
            Element::Fraction { digits, mark, trimmed } => self.write_fraction(out, digits, mark, trimmed),
            Element::ZoneOffset(form) => self.write_offset(out, form),
            Element::ZoneName => {
                let zone = self.zone_now();
                if zone.name.is_empty() {
                    self.write_offset(out, Form { z: false, colons: false, minutes: true, seconds: false });
                } else {
                    out.extend(zone.name.into_bytes());
                }
            }
            _ => {}
        }
    }

    fn write_fraction(&self, out: &mut Vec<u8>, digits: usize, mark: u8, trimmed: bool) {
        let nanos = format!("{:09}", self.nanosecond());
        let shown = nanos.get(..digits).unwrap_or(&nanos);
        let shown = if trimmed { shown.trim_end_matches('0') } else { shown };
        if !trimmed || !shown.is_empty() {
            out.push(mark);
            out.extend_from_slice(shown.as_bytes());
        }
    }

    fn write_offset(&self, out: &mut Vec<u8>, form: Form) {
        let seconds = self.zone_now().seconds;
        if seconds == 0 && form.z {
            out.push(b'Z');
            return;
        }
        let minutes = seconds / 60;
        out.push(if minutes < 0 { b'-' } else { b'+' });
        push(out, (minutes / 60).abs(), 2);
        let colon: &[u8] = if form.colons { b":" } else { b"" };
        if form.minutes {
            out.extend_from_slice(colon);
            push(out, (minutes % 60).abs(), 2);
        }
        if form.seconds {
            out.extend_from_slice(colon);
            push(out, if minutes < 0 { seconds.wrapping_neg() % 60 } else { seconds % 60 }, 2);
        }
    }
}
