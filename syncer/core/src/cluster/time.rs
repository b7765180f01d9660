//! Times as the API writes them, RFC 3339 in UTC, from and to seconds since 1970.

/// Days from 1970-01-01 to the first day of the civil calendar's era, 0000-03-01.
const EPOCH: i64 = 719_468;
const DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// Seconds since 1970 as `2026-11-25T02:42:28Z`.
pub fn format_time(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Microseconds since 1970 as `2026-11-25T02:42:28.000001Z`, the form that leases have.
pub fn format_micro_time(micros: i64) -> String {
    let text = format_time(micros.div_euclid(1_000_000));
    format!("{}.{:06}Z", text.trim_end_matches('Z'), micros.rem_euclid(1_000_000))
}

/// Seconds since 1970 of a time such as `2026-11-25T02:42:28Z`; fractions are cut off. `None` for any other text.
pub fn parse_time(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let fits = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    fits.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut out = [0; 3];
    let mut parts = text.split(separator);
    for slot in &mut out {
        let part =
            parts.next().filter(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Year, month and day of a day counted from 1970-01-01. Years begin in March, so that a leap day is the last one.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + EPOCH;
    let era = day.div_euclid(ERA);
    let of_era = day.rem_euclid(ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<i64>) {
        assert_eq!(parse_time(text), want, "{text}");
    }

    #[test]
    fn times_of_the_api() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-24T23:26:10Z", Some(1_795_562_770));
        check("2000-02-29T23:59:59.999999Z", Some(951_868_799));
        check("1969-12-31T23:59:59Z", Some(-1));
        for text in
            ["", "now", "2026-11-24", "2026-11-24T23:26:10", "2026-13-24T23:26:10Z", "2026-1-+4T0:0:0Z"]
        {
            check(text, None);
        }
        assert_eq!(format_micro_time(1_500_000), "1970-01-01T00:00:01.500000Z");
    }

    #[test]
    fn every_day_of_a_thousand_years_goes_there_and_back() {
        for day in -20_000..345_000 {
            let seconds = day * DAY + day.rem_euclid(DAY);
            assert_eq!(parse_time(&format_time(seconds)), Some(seconds));
        }
        assert_eq!(format_time(1_795_562_770), "2026-11-24T23:26:10Z");
    }
}
