//! The recorded answers of Go's gjson, and what is ours alone.

use serde_json::Value;

use super::*;

/// One look-up, as text for comparison.
fn look_up(json: &str, path: &str) -> Result<Option<Found>, String> {
    let json = Raw::parse(json).map_err(|error| error.to_string())?;
    get(json, path).map_err(|error| error.to_string())
}

/// The recorded rows: documents that are no JSON are refused here, numbers keep their digits; all else is the same.
#[test]
fn recorded_answers() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/golden/gjson.json")).unwrap();
    let (mut same, mut digits, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap();
        let (json, path) = (text("j"), text("p"));
        let got = match look_up(json, path) {
            Ok(got) => got,
            Err(_) if serde_json::from_str::<Value>(json).is_err() => {
                refused += 1;
                continue;
            }
            Err(error) => {
                wrong.push(format!("{path} in {json:.40}: {error}"));
                continue;
            }
        };
        let want = row["exists"].as_bool().unwrap().then(|| (text("raw").to_owned(), text("str").to_owned()));
        let got = got.map(|found| (found.raw().to_owned(), found.value().to_string()));
        match (&got, &want) {
            _ if got == want => same += 1,
            // Go prints such numbers anew.
            (Some((got_raw, value)), Some((raw, _)))
                if got_raw == raw && value == raw && text("type") == "Number" =>
            {
                digits += 1;
            }
            _ => wrong.push(format!("{path} in {json:.40}: got {got:?}, want {want:?}")),
        }
    }
    println!("{} rows: {same} the same, {digits} keep their digits, {refused} not JSON", rows.len());
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
