//! The proleptic Gregorian calendar: days since 1970-01-01 and dates.

/// Days in 400 years.
const ERA: i64 = 146_097;

/// The day of a date; months and days may lie outside their ranges and carry over.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let months = year.wrapping_mul(12).wrapping_add(month).wrapping_sub(1);
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    // Years begin in March here, so that the leap day is the last one.
    let shifted = if month < 2 { year.wrapping_sub(1) } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 10) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.wrapping_mul(ERA).wrapping_add(day_of_era).wrapping_sub(719_468).wrapping_add(day).wrapping_sub(1)
}

/// Year, month and day of the month.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let days = days.wrapping_add(719_468);
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era.wrapping_add(era.wrapping_mul(400)).wrapping_add(i64::from(month <= 2));
    (year, month, day)
}

/// Number of days of a month.
pub(super) fn days_in(year: i64, month: i64) -> i64 {
    days(year, month + 1, 1) - days(year, month, 1)
}

/// Day of the week, Sunday being 0.
pub(super) fn weekday(days: i64) -> i64 {
    days.wrapping_add(4).rem_euclid(7)
}

/// English names of the months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English names of the days of the week.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
