//! The query of the audit log that a filter means, and records as lines for people.

use broker_core::json::Json;

use crate::arguments::AuditFilter;

/// The path of the audit log in the API.
pub const PATH: &str = "sys/keyreeve/audit";

/// Query parameters of a filter, without its `after`.
pub fn query(filter: &AuditFilter) -> Vec<(&'static str, String)> {
    let all = [
        ("kind", &filter.kind),
        ("result", &filter.result),
        ("reason", &filter.reason),
        ("id", &filter.id),
        ("actor", &filter.actor),
        ("accessor", &filter.accessor),
        ("subject", &filter.subject),
        ("mount", &filter.mount),
        ("via", &filter.via),
        ("ip", &filter.ip),
        ("path", &filter.path),
        ("from", &filter.from),
        ("to", &filter.to),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

/// A record as one line: number, time, what happened, how it ended, who, about what.
pub fn record_line(record: &Json) -> String {
    let text = |place: &[&str]| {
        let found = place.iter().try_fold(record, |value, name| value.get(name));
        match found {
            Some(Json::String(text)) => text.to_string(),
            Some(Json::Number(digits)) => digits.to_string(),
            _ => String::new(),
        }
    };
    let or = |first: String, other: &str| if first.is_empty() { other.to_owned() } else { first };
    let mut line = format!(
        "{:>6}  {}  {:<15}  {:<5}  {:<18}  {:<14}  {}",
        text(&["seq"]),
        text(&["time"]),
        text(&["kind"]),
        text(&["result"]),
        text(&["reason"]),
        or(text(&["actor", "name"]), "-"),
        or(text(&["object", "path"]), &or(text(&["report", "path"]), "-")),
    );
    let version = or(text(&["object", "version"]), &text(&["report", "version"]));
    if !version.is_empty() {
        line.push_str(&format!(" v{version}"));
    }
    let target = text(&["report", "target"]);
    if !target.is_empty() {
        line.push_str(&format!(" -> {target}"));
    }
    let clean: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    clean + "\n"
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{AuditCommand, Cli, Command};
    use crate::testing::words;

    #[test]
    fn options_are_query_parameters() {
        let typed = "audit query -kind=secret.read -result=deny -reason=no-rule -id=i -actor=a -accessor=b -subject=s -mount=m \
                     -via=v -ip=1.2.3.4 -path=secret/ -from=2026-11-25T10:00:00Z -to=2026-11-25T11:00:00Z -after=3 -limit=10";
        let cli = Cli::try_parse_from(words(typed)).unwrap_or_else(|e| panic!("{e}"));
        let Command::Audit(AuditCommand::Query { filter, limit }) = cli.command else { panic!() };
        let query: Vec<String> =
            query(&filter).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            query.join("&"),
            "kind=secret.read&result=deny&reason=no-rule&id=i&actor=a&accessor=b&subject=s&mount=m&via=v&ip=1.2.3.4&path=secret/&from=2026-11-25T10:00:00Z&to=2026-11-25T11:00:00Z"
        );
        assert_eq!((filter.after, limit), (Some(3), Some(10)));
        assert!(Cli::try_parse_from(words("audit query -limit=0")).is_err());
        assert!(Cli::try_parse_from(words("audit query -limit=1001")).is_err());
    }

    #[test]
    fn records_are_lines() {
        let check = |record: &str, expected: &str| {
            let record = broker_core::json::parse(record.as_bytes(), &Default::default()).unwrap();
            assert_eq!(record_line(&record), expected);
        };
        check(
            r#"{"seq":7,"time":"2026-11-25T10:00:00Z","kind":"secret.read","result":"allow","reason":"ok","actor":{"name":"token-app"},"object":{"path":"secret/data/app","version":3}}"#,
            "     7  2026-11-25T10:00:00Z  secret.read      allow  ok                  token-app       secret/data/app v3\n",
        );
        check(
            r#"{"seq":8,"time":"t","kind":"delivery","result":"allow","reason":"ok","object":{"path":""},"report":{"path":"p","version":2,"target":"Secret a/b"}}"#,
            "     8  t  delivery         allow  ok                  -               p v2 -> Secret a/b\n",
        );
        check(
            r#"{"seq":9,"time":"t","kind":"request","result":"error","reason":"bad-request","object":{"path":"a\u001b[2Jb"}}"#,
            "     9  t  request          error  bad-request         -               a\u{fffd}[2Jb\n",
        );
    }
}
