//! Tests of times by themselves; the answers are Go's.

use super::object::Time;
use super::parse::parse;
use super::zone::Zone;
use crate::go::Object;

fn check(zone: &str, layout: &str, text: &str, wanted: &str) {
    let local = Zone::local(zone);
    let given = match parse(layout.as_bytes(), text.as_bytes(), &local) {
        Ok(time) => String::from_utf8(time.string().unwrap()).unwrap(),
        Err(error) => format!("{error:?}"),
    };
    assert_eq!(given, wanted, "{layout} {text} in {zone}");
}

#[test]
fn texts_are_times_in_their_zone() {
    for (zone, layout, text, wanted) in [
        ("UTC", "2006-01-02 15:04", "2024-03-10 01:02", "2024-03-10 01:02:00 +0000 UTC"),
        ("Europe/Berlin", "2006-01-02 15:04", "2024-07-01 12:00", "2024-07-01 12:00:00 +0200 CEST"),
        ("Europe/Berlin", "2006-01-02 15:04", "2024-03-31 02:30", "2024-03-31 03:30:00 +0200 CEST"),
        ("Europe/Berlin", "2006-01-02 15:04 MST", "2024-07-01 12:00 CEST", "2024-07-01 12:00:00 +0200 CEST"),
        ("Europe/Berlin", "15:04 -0700", "12:00 +0530", "0000-01-01 12:00:00 +0530 +0530"),
        ("UTC", "2006-01-02 MST", "2024-07-01 PST", "2024-07-01 00:00:00 +0000 PST"),
        ("UTC", "2006-01-02 MST", "2024-07-01 GMT+3", "2024-07-01 03:00:00 +0300 GMT+3"),
        ("UTC", "Jan _2 3:04pm 2006", "feb  3 1:05pm 1999", "1999-02-03 13:05:00 +0000 UTC"),
        ("UTC", "2006-01-02 15:04:05", "2024-07-01 12:00:01.25", "2024-07-01 12:00:01.25 +0000 UTC"),
        ("UTC", "06-002", "68-366", "2068-12-31 00:00:00 +0000 UTC"),
    ] {
        check(zone, layout, text, wanted);
    }
}

#[test]
fn what_is_no_time_is_said() {
    for (layout, text, wanted) in [
        ("2006-01-02", "2024-13-01", "Words(\"month out of range\")"),
        ("2006-01-02", "2023-02-29", "Words(\"day out of range\")"),
        ("15:04", "24:00", "Words(\"hour out of range\")"),
        ("Z07:00", "+25:00", "Words(\"time zone offset hour out of range\")"),
        ("2006-002", "2023-366", "Words(\"day-of-year out of range\")"),
        ("2006 002 Jan", "2023 040 Jan", "Words(\"day-of-year does not match month\")"),
    ] {
        check("UTC", layout, text, wanted);
    }
}

#[test]
fn dates_far_from_ours_are_written() {
    let time = Time::zero();
    assert_eq!(time.string().unwrap(), b"0001-01-01 00:00:00 +0000 UTC");
    let far = time.add_date(290_000_000, 13, -1);
    assert_eq!(far.string().unwrap(), b"290000002-01-31 00:00:00 +0000 UTC");
    assert_eq!(far.json(), None);
}
