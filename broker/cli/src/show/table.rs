//! Tables as Vault's tool prints them: two columns under a heading, values in Go's notation.

use broker_core::json::Json;

/// Whether numbers that are times in seconds are written as durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durations {
    /// As the server sent them.
    AsTheyAre,
    /// As `1h30m`, for members whose names say so.
    ForPeople,
}

/// `== title ==`, about as wide as what stands below it.
pub fn heading(title: &str, width: usize) -> String {
    let spare = width.saturating_sub(title.chars().count() + 2);
    let signs = if spare == 0 { 2 } else { spare.div_ceil(2) };
    let signs = "=".repeat(signs);
    format!("{signs} {title} {signs}")
}

/// Lines of name and value under `Key` and `Value`.
pub fn rows(pairs: &[(String, String)]) -> String {
    let widest =
        pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max("Key".len());
    let head = [("Key", "Value"), ("---", "-----")];
    let all = head.into_iter().chain(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    all.map(|(name, value)| {
        let gap = " ".repeat(widest - name.chars().count() + 4);
        format!("{name}{gap}{value}\n")
    })
    .collect()
}

/// Names under a heading.
pub fn list(title: &str, names: &[String]) -> String {
    let mut text = format!("{title}\n{}\n", "-".repeat(title.len()));
    names.iter().for_each(|name| {
        text.push_str(name);
        text.push('\n');
    });
    text
}

/// A member's value in a table: `n/a` for an empty text, a duration where that is asked for and the name says so.
pub fn member_text(name: &str, value: &Json, durations: Durations) -> String {
    let is_time =
        |word: &str| name == word || name.strip_suffix(word).is_some_and(|rest| rest.ends_with('_'));
    match (value, durations) {
        (Json::Number(digits), Durations::ForPeople)
            if ["ttl", "period", "duration"].iter().any(|w| is_time(w)) =>
        {
            digits.parse().map_or_else(|_| digits.to_string(), duration)
        }
        _ => value_text(value),
    }
}

/// A value in a table; an empty text is `n/a`.
pub fn value_text(value: &Json) -> String {
    match value {
        Json::String(text) if text.is_empty() => "n/a".to_owned(),
        other => nested_text(other),
    }
}

/// A value in Go's notation.
fn nested_text(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(digits) => digits.to_string(),
        Json::String(text) => text.to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(nested_text).collect::<Vec<_>>().join(" ")),
        Json::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}:{}", nested_text(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// A list of texts as `["a" "b"]`.
pub fn quoted_list(value: &Json) -> String {
    let Json::Array(items) = value else { return "[]".to_owned() };
    format!("[{}]", items.iter().map(Json::to_text).collect::<Vec<_>>().join(" "))
}

/// How long a token lives; 0 is for ever.
pub fn lease_text(value: &Json) -> String {
    match value {
        Json::Number(digits) if digits.as_str() == "0" => "\u{221e}".to_owned(),
        Json::Number(digits) => digits.parse().map_or_else(|_| digits.to_string(), duration),
        other => value_text(other),
    }
}

/// Seconds as `1h30m`, parts that are zero left out.
fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, 0) => format!("{h}h{m}m"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_those_of_vaults_tool() {
        let check = |title: &str, width: usize, expected: &str| assert_eq!(heading(title, width), expected);
        // Widths and headings as recorded from OpenBao's tool.
        check("Secret Path", "secret/data/app".len(), "= Secret Path =");
        check("Secret Path", "secret/data/j".len(), "== Secret Path ==");
        check("Secret Path", "secret/data".len(), "== Secret Path ==");
        check("Metadata Path", "secret/metadata/app".len(), "== Metadata Path ==");
        check("Metadata", "custom_metadata".len() + 9, "======= Metadata =======");
        check("Metadata", "current_metadata_version".len() + 9, "============ Metadata ============");
        check("Version 1", "deletion_time".len() + 9, "====== Version 1 ======");
        check("Data", "user".len() + 9, "==== Data ====");
        check("Data", "a".len() + 9, "== Data ==");
    }

    #[test]
    fn durations() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3599, "59m59s"),
            (3600, "1h"),
            (5400, "1h30m"),
            (3661, "1h1m1s"),
            (3601, "1h0m1s"),
            (2_764_800, "768h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        let check = |name: &str, durations, expected: &str| {
            assert_eq!(member_text(name, &Json::Number("3600".to_owned().into()), durations), expected);
        };
        check("ttl", Durations::ForPeople, "1h");
        check("explicit_max_ttl", Durations::ForPeople, "1h");
        check("period", Durations::ForPeople, "1h");
        check("battle", Durations::ForPeople, "3600");
        check("ttl", Durations::AsTheyAre, "3600");
        assert_eq!(lease_text(&Json::Number("0".to_owned().into())), "\u{221e}");
    }

    #[test]
    fn values_are_in_gos_notation_with_their_own_digits() {
        let check = |text: &str, expected: &str| {
            let json = broker_core::json::parse(text.as_bytes(), &Default::default()).unwrap();
            assert_eq!(value_text(&json), expected);
        };
        check("null", "<nil>");
        check("\"\"", "n/a");
        check("true", "true");
        check("12345678901234567890123", "12345678901234567890123");
        check(r#"{"b":[1,2,{"c":1.50}],"a":""}"#, "map[a: b:[1 2 map[c:1.50]]]");
    }
}
