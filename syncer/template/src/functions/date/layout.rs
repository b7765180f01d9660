//! Go's layouts: what stands for what in `Mon Jan _2 15:04:05 2006`.

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    ZoneOffset(Form),
    /// A fraction of a second: how many digits, and whether final zeros are left out.
    Fraction {
        digits: usize,
        mark: u8,
        trimmed: bool,
    },
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// `Z` for UTC.
    pub(super) z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

const fn form(z: bool, colons: bool, minutes: bool, seconds: bool) -> Element {
    Element::ZoneOffset(Form { z, colons, minutes, seconds })
}

/// The fixed elements, longer ones before those that they begin with.
#[rustfmt::skip]
const FIXED: &[(&[u8], Element)] = &[
    (b"January", Element::LongMonth), (b"Jan", Element::Month),
    (b"Monday", Element::LongWeekday), (b"Mon", Element::Weekday), (b"MST", Element::ZoneName),
    (b"002", Element::ZeroYearDay), (b"01", Element::ZeroMonth), (b"02", Element::ZeroDay),
    (b"03", Element::ZeroHour12), (b"04", Element::ZeroMinute), (b"05", Element::ZeroSecond),
    (b"06", Element::Year),
    (b"15", Element::Hour), (b"1", Element::NumMonth),
    (b"2006", Element::LongYear), (b"2", Element::Day),
    (b"__2", Element::UnderYearDay), (b"_2", Element::UnderDay),
    (b"3", Element::Hour12), (b"4", Element::Minute), (b"5", Element::Second),
    (b"PM", Element::UpperPm), (b"pm", Element::LowerPm),
    (b"-070000", form(false, false, true, true)), (b"-07:00:00", form(false, true, true, true)),
    (b"-0700", form(false, false, true, false)), (b"-07:00", form(false, true, true, false)),
    (b"-07", form(false, false, false, false)),
    (b"Z070000", form(true, false, true, true)), (b"Z07:00:00", form(true, true, true, true)),
    (b"Z0700", form(true, false, true, false)), (b"Z07:00", form(true, true, true, false)),
    (b"Z07", form(true, false, false, false)),
];

/// The next element of a layout, with the words before it and the layout after it.
pub(super) struct Chunk<'l> {
    pub(super) before: &'l [u8],
    pub(super) element: Option<Element>,
    /// The element as it stands in the layout.
    pub(super) text: &'l [u8],
    pub(super) after: &'l [u8],
}

/// Splits a layout at its next element.
pub(super) fn next(layout: &[u8]) -> Chunk<'_> {
    let part = |from: usize, to: usize| layout.get(from..to).unwrap_or_default();
    for at in 0..layout.len() {
        let rest = part(at, layout.len());
        if let Some((length, element)) = element(rest) {
            let end = at + length;
            return Chunk {
                before: part(0, at),
                element: Some(element),
                text: part(at, end),
                after: part(end, layout.len()),
            };
        }
    }
    Chunk { before: layout, element: None, text: &[], after: &[] }
}

/// The element that a layout begins with, and its length.
fn element(rest: &[u8]) -> Option<(usize, Element)> {
    if rest.starts_with(b"_2006") {
        return None; // an underscore before a year
    }
    let is_lower = |at: usize| rest.get(at).is_some_and(u8::is_ascii_lowercase);
    let fixed = FIXED.iter().find(|(text, _)| rest.starts_with(text));
    match fixed {
        Some((_, Element::Month | Element::Weekday)) if is_lower(3) => None,
        Some((text, element)) => Some((text.len(), *element)),
        None => fraction(rest),
    }
}

/// `.000` or `,999`, if no other digit follows.
fn fraction(rest: &[u8]) -> Option<(usize, Element)> {
    let (&mark, digits) = rest.split_first()?;
    let first = digits.first().copied().filter(|digit| matches!(digit, b'0' | b'9'))?;
    if !matches!(mark, b'.' | b',') {
        return None;
    }
    let count = digits.iter().take_while(|&&digit| digit == first).count();
    if digits.get(count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((1 + count, Element::Fraction { digits: count, mark, trimmed: first == b'9' }))
}
