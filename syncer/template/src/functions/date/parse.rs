//! Reading times by Go's layouts.

use super::civil::{MONTHS, WEEKDAYS, days, days_in};
use super::layout::{self, Element, Form};
use super::object::{Civil, Time};
use super::zone::Zone;

/// Why a text is no time in this layout.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// A number is out of its range, or two elements contradict each other.
    Words(&'static str),
    /// The layout ends before the text.
    Extra(Vec<u8>),
    /// An element of the layout that the rest of the text does not begin with.
    Element { element: Vec<u8>, rest: Vec<u8> },
}

/// Why one element could not be read.
enum Bad {
    Form,
    Range(&'static str),
}

/// What has been read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    is_pm: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone: String,
}

/// Reads a time; where the text says nothing of a zone, it is in `local`.
pub(super) fn parse(layout: &[u8], text: &[u8], local: &Zone) -> Result<Time, Error> {
    let mut fields = Fields::default();
    let (mut layout, mut rest) = (layout, text);
    loop {
        let chunk = layout::next(layout);
        rest = skip(rest, chunk.before)
            .map_err(|at| Error::Element { element: chunk.before.to_vec(), rest: at.to_vec() })?;
        let Some(element) = chunk.element else { break };
        layout = chunk.after;
        rest = fields.read(element, rest, layout).map_err(|bad| match bad {
            Bad::Range(words) => Error::Words(words),
            Bad::Form => Error::Element { element: chunk.text.to_vec(), rest: rest.to_vec() },
        })?;
    }
    if !rest.is_empty() {
        return Err(Error::Extra(rest.to_vec()));
    }
    fields.time(local)
}

/// The text after words of the layout; spaces stand for any number of spaces. An error has where they differ.
fn skip<'t>(mut text: &'t [u8], mut words: &[u8]) -> Result<&'t [u8], &'t [u8]> {
    while let Some((&first, more)) = words.split_first() {
        if first == b' ' {
            if text.first().is_some_and(|&b| b != b' ') {
                return Err(text);
            }
            words = without_spaces(words);
            text = without_spaces(text);
        } else {
            text = text.strip_prefix(&[first]).ok_or(text)?;
            words = more;
        }
    }
    Ok(text)
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().take_while(|&&b| b == b' ').count();
    text.get(end..).unwrap_or_default()
}

/// Splits off exactly so many bytes.
fn take(text: &[u8], count: usize) -> Result<(&[u8], &[u8]), Bad> {
    text.split_at_checked(count).ok_or(Bad::Form)
}

fn number(digits: &[u8]) -> Result<i64, Bad> {
    digits.iter().try_fold(0_i64, |n, digit| {
        digit
            .is_ascii_digit()
            .then(|| n.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')))
            .ok_or(Bad::Form)
    })
}

/// A number of one to `most` digits, of exactly that many if it is fixed.
fn digits(text: &[u8], most: usize, is_fixed: bool) -> Result<(i64, &[u8]), Bad> {
    let count = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || is_fixed && count < most {
        return Err(Bad::Form);
    }
    let (digits, rest) = take(text, count)?;
    Ok((number(digits)?, rest))
}

/// The place of the name that the text begins with, whatever its case.
fn lookup<'t>(text: &'t [u8], names: &[&str], length: Option<usize>) -> Result<(i64, &'t [u8]), Bad> {
    for (index, name) in (0..).zip(names) {
        let name = name.as_bytes();
        let name = length.and_then(|length| name.get(..length)).unwrap_or(name);
        if text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return Ok((index, text.get(name.len()..).unwrap_or_default()));
        }
    }
    Err(Bad::Form)
}

/// The number, if it is from 0 to below the limit.
fn below(number: i64, limit: i64, words: &'static str) -> Result<i64, Bad> {
    if number < limit { Ok(number) } else { Err(Bad::Range(words)) }
}

/// Nanoseconds of `.123`: the mark and digits, of which nine count.
fn nanoseconds(text: &[u8]) -> Result<i64, Bad> {
    let (mark, digits) = text.split_first().ok_or(Bad::Form)?;
    if !matches!(mark, b'.' | b',') {
        return Err(Bad::Form);
    }
    let digits = digits.get(..9).unwrap_or(digits);
    let scale = 10_i64.pow(9 - u32::try_from(digits.len()).unwrap_or(9));
    Ok(number(digits)? * scale)
}

/// How many bytes at the start of a text are a fraction of a second: a mark and at least one digit.
fn fraction_length(text: &[u8]) -> Option<usize> {
    let (mark, digits) = text.split_first()?;
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    (matches!(mark, b'.' | b',') && count > 0).then_some(1 + count)
}

impl Fields {
    /// Reads one element and gives the text after it; `layout` is what follows in the layout.
    fn read<'t>(&mut self, element: Element, text: &'t [u8], layout: &[u8]) -> Result<&'t [u8], Bad> {
        let rest;
        match element {
            Element::Year => {
                let (two, after) = take(text, 2)?;
                let year = go_number(two)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
                rest = after;
            }
            Element::LongYear => {
                let (four, after) = take(text, 4)?;
                self.year = number(four)?;
                rest = after;
            }
            Element::Month | Element::LongMonth => {
                let length = (element == Element::Month).then_some(3);
                let (month, after) = lookup(text, &MONTHS, length)?;
                self.month = Some(month + 1);
                rest = after;
            }
            Element::NumMonth | Element::ZeroMonth => {
                let (month, after) = digits(text, 2, element == Element::ZeroMonth)?;
                if !(1..=12).contains(&month) {
                    return Err(Bad::Range("month out of range"));
                }
                self.month = Some(month);
                rest = after;
            }
            Element::Weekday | Element::LongWeekday => {
                rest = lookup(text, &WEEKDAYS, (element == Element::Weekday).then_some(3))?.1;
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let is_padded = element == Element::UnderDay;
                let text = text.strip_prefix(b" ").filter(|_| is_padded).unwrap_or(text);
                let (day, after) = digits(text, 2, element == Element::ZeroDay)?;
                self.day = Some(day);
                rest = after;
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let is_padded = element == Element::UnderYearDay;
                let spaces = text.iter().take(2).take_while(|&&b| is_padded && b == b' ').count();
                let text = text.get(spaces..).unwrap_or_default();
                let (day, after) = digits(text, 3, element == Element::ZeroYearDay)?;
                self.year_day = Some(day);
                rest = after;
            }
            other => return self.read_clock(other, text, layout),
        }
        Ok(rest)
    }

    fn read_clock<'t>(&mut self, element: Element, text: &'t [u8], layout: &[u8]) -> Result<&'t [u8], Bad> {
        match element {
            Element::Hour => {
                let (hour, rest) = digits(text, 2, false)?;
                self.hour = below(hour, 24, "hour out of range")?;
                Ok(rest)
            }
            Element::Hour12 | Element::ZeroHour12 => {
                let (hour, rest) = digits(text, 2, element == Element::ZeroHour12)?;
                self.hour = below(hour, 13, "hour out of range")?;
                Ok(rest)
            }
            Element::Minute | Element::ZeroMinute => {
                let (minute, rest) = digits(text, 2, element == Element::ZeroMinute)?;
                self.minute = below(minute, 60, "minute out of range")?;
                Ok(rest)
            }
            Element::Second | Element::ZeroSecond => {
                let (second, rest) = digits(text, 2, element == Element::ZeroSecond)?;
                self.second = below(second, 60, "second out of range")?;
                let is_next = matches!(layout::next(layout).element, Some(Element::Fraction { .. }));
                // A fraction is read after the seconds even if the layout has none.
                let length = fraction_length(rest).filter(|_| !is_next).unwrap_or(0);
                self.read_fraction(rest, length)
            }
            Element::UpperPm | Element::LowerPm => {
                let (half, rest) = take(text, 2)?;
                self.is_pm = Some(match (element, half) {
                    (Element::UpperPm, b"PM") | (Element::LowerPm, b"pm") => true,
                    (Element::UpperPm, b"AM") | (Element::LowerPm, b"am") => false,
                    _ => return Err(Bad::Form),
                });
                Ok(rest)
            }
            Element::Fraction { trimmed: true, .. } => {
                self.read_fraction(text, fraction_length(text).unwrap_or(0))
            }
            Element::Fraction { digits, .. } => self.read_fraction(text, 1 + digits),
            Element::ZoneOffset(form) => self.read_offset(form, text),
            _ => self.read_zone_name(text),
        }
    }

    /// Reads a fraction of a second of so many bytes, its mark included; none if that is 0.
    fn read_fraction<'t>(&mut self, text: &'t [u8], length: usize) -> Result<&'t [u8], Bad> {
        let (fraction, rest) = take(text, length)?;
        if length > 0 {
            self.nanos = nanoseconds(fraction)?;
        }
        Ok(rest)
    }

    fn read_offset<'t>(&mut self, form: Form, text: &'t [u8]) -> Result<&'t [u8], Bad> {
        if let Some(rest) = text.strip_prefix(b"Z").filter(|_| form.z) {
            self.is_utc = true;
            return Ok(rest);
        }
        let gap = usize::from(form.colons);
        let parts = 1 + usize::from(form.minutes) + usize::from(form.seconds);
        let (shown, rest) = take(text, 1 + parts * 2 + (parts - 1) * gap)?;
        let (sign, shown) = take(shown, 1)?;
        let mut numbers = [0; 3];
        for (index, number) in numbers.iter_mut().take(parts).enumerate() {
            let start = index * (2 + gap);
            if form.colons && index > 0 && shown.get(start - 1) != Some(&b':') {
                return Err(Bad::Form);
            }
            *number = digits(shown.get(start..start + 2).unwrap_or_default(), 2, true)?.0;
        }
        let [hours, minutes, seconds] = numbers;
        below(seconds, 61, "time zone offset second out of range")?;
        below(minutes, 61, "time zone offset minute out of range")?;
        below(hours, 25, "time zone offset hour out of range")?;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match sign {
            b"+" => offset,
            b"-" => -offset,
            _ => return Err(Bad::Form),
        });
        Ok(rest)
    }

    fn read_zone_name<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], Bad> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.is_utc = true;
            return Ok(rest);
        }
        let length = zone_name_length(text).ok_or(Bad::Form)?;
        let (name, rest) = take(text, length)?;
        self.zone = String::from_utf8_lossy(name).into_owned();
        Ok(rest)
    }

    /// Month and day, from the day of the year if that was given.
    fn date(&self) -> Result<(i64, i64, i64), Error> {
        let year = self.year;
        let Some(year_day) = self.year_day else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            if !(1..=days_in(year, month)).contains(&day) {
                return Err(Error::Words("day out of range"));
            }
            return Ok((year, month, day));
        };
        let first = days(year, 1, 1);
        if !(1..=days(year + 1, 1, 1) - first).contains(&year_day) {
            return Err(Error::Words("day-of-year out of range"));
        }
        let date = super::civil::date(first + year_day - 1);
        if self.month.is_some_and(|month| month != date.1) {
            return Err(Error::Words("day-of-year does not match month"));
        }
        if self.day.is_some_and(|day| day != date.2) {
            return Err(Error::Words("day-of-year does not match day"));
        }
        Ok(date)
    }

    fn time(&self, local: &Zone) -> Result<Time, Error> {
        let hour = match self.is_pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let civil = Civil { date: self.date()?, clock: (hour, self.minute, self.second), nanos: self.nanos };
        if self.is_utc {
            return Ok(Time::of(&civil, Zone::Utc));
        }
        let shown = civil.seconds();
        // An offset of -1 second counts as none.
        if let Some(offset) = self.offset.filter(|offset| *offset != -1) {
            let unix = shown.wrapping_sub(offset);
            let there = local.at(unix);
            let is_local = there.seconds == offset && (self.zone.is_empty() || there.name == self.zone);
            let zone = if is_local { local.clone() } else { Zone::Fixed(self.zone.clone(), offset) };
            return Ok(Time::new(unix, self.nanos, zone));
        }
        if self.zone.is_empty() {
            return Ok(Time::of(&civil, local.clone()));
        }
        if let Some(offset) = local.offset_of(&self.zone, shown) {
            return Ok(Time::new(shown.wrapping_sub(offset), self.nanos, local.clone()));
        }
        let hours = self.zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(0);
        let zone = Zone::Fixed(self.zone.clone(), hours * 3_600);
        Ok(Time::new(shown, self.nanos, zone))
    }
}

/// A number with an optional sign, as two characters may hold it.
fn go_number(text: &[u8]) -> Result<i64, Bad> {
    match text.split_first() {
        Some((b'-', digits)) if !digits.is_empty() => Ok(-number(digits)?),
        Some((b'+', digits)) if !digits.is_empty() => number(digits),
        _ => number(text),
    }
}

/// How much of a text looks like an abbreviation of a time zone.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    let first = text.get(..3)?;
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if first == b"GMT" {
        let after = text.get(3..).unwrap_or_default();
        return Some(3 + signed_offset_length(after).unwrap_or(0));
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return signed_offset_length(text);
    }
    let capitals = text.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    let ends_in_t = capitals > 0 && text.get(capitals - 1) == Some(&b'T');
    match capitals {
        3 => Some(3),
        4 => (ends_in_t || text.starts_with(b"WITA")).then_some(4),
        5 => ends_in_t.then_some(5),
        _ => None,
    }
}

/// The length of a sign and hours up to 23.
fn signed_offset_length(text: &[u8]) -> Option<usize> {
    let (sign, digits) = text.split_first()?;
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = std::str::from_utf8(digits.get(..count)?).ok()?.parse::<u64>().ok()?;
    (matches!(sign, b'+' | b'-') && hours <= 23).then_some(1 + count)
}
