//! A document and a path of gjson, both any bytes: an answer within the limits, the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncer_template::gjson;

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (path, json) = (&data[..split], data.get(split + 1..).unwrap_or_default());
    let Ok(path) = std::str::from_utf8(path) else { return };
    let answer = || gjson::get(json, path).map(|found| found.map(|found| (found.kind(), found.raw().to_vec(), found.text().to_vec())));
    assert!(answer() == answer(), "two answers");
});
