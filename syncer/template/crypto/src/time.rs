//! Moments in certificates.

use crate::der::{self, Der};

const NANOS: i128 = 1_000_000_000;

/// Whether this is a time as Go reads it: `YYMMDDhhmm[ss]` with two digits of the year (UTCTime) or
/// `YYYYMMDDhhmmss` with four (GeneralizedTime), then `Z` or an offset.
pub(crate) fn is_valid(text: &[u8], four_digits: bool) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some((head, zone)) = text.split_at_checked(digits) else { return false };
    let mut pairs = head.chunks_exact(2).map(two);
    let year = if four_digits {
        let (Some(century), Some(rest)) = (pairs.next(), pairs.next()) else { return false };
        century * 100 + rest
    } else {
        // UTCTime's years are 1950 to 2049; only whether it is a leap year matters here.
        let Some(rest) = pairs.next() else { return false };
        if rest >= 50 { 1900 + rest } else { 2000 + rest }
    };
    let rest: Vec<u32> = pairs.collect();
    let (month, day, hour, minute, second) = match (rest.as_slice(), four_digits) {
        ([month, day, hour, minute, second], _) => (*month, *day, *hour, *minute, *second),
        ([month, day, hour, minute], false) => (*month, *day, *hour, *minute, 0),
        _ => return false,
    };
    digits % 2 == 0
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && is_zone(zone)
}

fn two(pair: &[u8]) -> u32 {
    pair.iter().fold(0, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0')))
}

/// Number of days of a month, 0 if there is no such month.
fn days_in(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

fn is_zone(zone: &[u8]) -> bool {
    match zone {
        b"Z" => true,
        [b'+' | b'-', h1, h2, m1, m2] => {
            let digits = [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit());
            // An offset of nothing is written Z.
            digits && two(&[*h1, *h2]) < 24 && two(&[*m1, *m2]) < 60 && zone.get(1..) != Some(b"0000")
        }
        _ => false,
    }
}

/// A moment in nanoseconds since 1970 as DER: UTCTime from 1950 to 2049, else GeneralizedTime. None outside the years 0 to 9999.
pub(crate) fn to_der(nanoseconds: i128) -> Option<Der> {
    let seconds = i64::try_from(nanoseconds.div_euclid(NANOS)).ok()?;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    if (1950..2050).contains(&year) {
        let text = format!("{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z", year.rem_euclid(100));
        Some(der::element(der::UTC_TIME, &[text.as_bytes()]))
    } else if (0..10_000).contains(&year) {
        let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
        Some(der::element(der::GENERALIZED_TIME, &[text.as_bytes()]))
    } else {
        None
    }
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March on, so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The moment this many days later, as Go's 64-bit durations count: wrapping.
pub(crate) fn after_days(nanoseconds: i128, days: i64) -> i128 {
    nanoseconds + i128::from(86_400_000_000_000_i64.wrapping_mul(days))
}
