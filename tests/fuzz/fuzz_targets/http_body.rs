//! A request body, through the JSON reader, its writer, and the coercions of fields.
#![no_main]

use broker_core::json::{Json, JsonLimits, field, parse};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(json) = parse(data, &JsonLimits::default()) else { return };
    // Another reader has the last word on what JSON is.
    assert!(serde_json::from_slice::<IgnoredAny>(data).is_ok(), "this is no JSON, but it was accepted");

    let text = json.to_text();
    let again = parse(text.as_bytes(), &JsonLimits::STORED)
        .unwrap_or_else(|error| panic!("cannot be read again: {error}"));
    assert!(again.to_text() == text, "what was written is read differently");
    // The other reader refuses what is deeper than it goes, and takes a key of its own for a command.
    let private = text.contains("$serde_json::private::");
    if let (false, Ok(meant)) = (private, serde_json::from_slice::<Value>(data)) {
        assert!(
            serde_json::from_str::<Value>(&text).is_ok_and(|written| written == meant),
            "the meaning changed"
        );
    }

    let Json::Object(fields) = &json else { return };
    for (name, value) in fields {
        let _ = field::text(name, value);
        let _ = field::seconds(name, value);
        let _ = field::signed_seconds(name, value);
        let _ = field::boolean(name, value);
        let _ = field::integer(name, value);
        let _ = field::unsigned(name, value);
        let _ = field::list(name, value);
        let _ = field::plain_list(name, value);
        let _ = field::text_map(name, value);
        let _ = field::object(name, value);
    }
});
