//! Which policies are accepted, and every message of those that are not.

use super::*;

fn check(name: &str, text: &str, expected: &[&str]) {
    let problems = compile(name, text, PolicySource::Api).err().unwrap_or_default();
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn accepted() {
    let text = "# c\npath \"/s/a\" { capabilities = [\"read\", \"list\"] comment = \"x\" }\n  path \"s/*\" { policy = \"write\" }";
    let policy = compile(" Team/App ", text, PolicySource::Api).unwrap();
    assert_eq!(policy.name, "team/app");
    let found: Vec<_> = policy
        .stanzas
        .iter()
        .map(|s| (s.pattern.as_str(), s.capabilities.to_string(), s.line, s.column))
        .collect();
    let all = "create, delete, list, read, update".to_owned();
    assert_eq!(found, [("s/a", "list, read".to_owned(), 2, 1), ("s/*", all, 3, 3)]);
    check("p", "", &[]);
    check("p", "path \"a\" { policy = \"read\" capabilities = [\"sudo\", \"scan\", \"patch\"] }", &[]);
    let both = compile("p", "path \"a\" { policy = \"read\" capabilities = [\"sudo\"] }", PolicySource::Api)
        .unwrap();
    assert_eq!(both.stanzas[0].capabilities.to_string(), "list, read, sudo");
    for (name, text) in
        [(crate::DEFAULT, crate::DEFAULT_TEXT), (crate::RESPONSE_WRAPPING, crate::RESPONSE_WRAPPING_TEXT)]
    {
        check(name, text, &[]);
    }
}

#[test]
fn every_problem_at_once_in_order() {
    let text = "path \"s/+*\" {\n  capabilities = [\"READ\"]\n  required_parameters = [\"a\"]\n  foo = 1\n}\n\
                path \"s/{{identity.entity.name}}/*\" {\n  policy = \"readonly\"\n  capabilities = [\"subscribe\"]\n}";
    let known = "known are create, delete, deny, list, patch, read, scan, sudo, update, in lower case";
    check(
        "X",
        text,
        &[
            "policy \"x\", line 1: path \"s/+*\": invalid use of wildcards ('+*' is forbidden)",
            &format!("policy \"x\", line 2: path \"s/+*\": invalid capability \"READ\"; {known}"),
            "policy \"x\", line 3: `required_parameters` is not supported by this broker yet; remove it or leave this path out",
            "policy \"x\", line 4: invalid key \"foo\" on line 4",
            "policy \"x\", line 6: path \"s/{{identity.entity.name}}/*\": the template `{{identity.entity.name}}` \
             is not supported by this broker yet; write the path out or use `+`",
            "policy \"x\", line 7: path \"s/{{identity.entity.name}}/*\": invalid policy \"readonly\"; use deny, read, write or sudo",
            "policy \"x\", line 8: path \"s/{{identity.entity.name}}/*\": capability \"subscribe\" is not supported by this broker; remove it",
        ],
    );
}

#[test]
fn keys_that_are_not_enforced_are_refused_by_name() {
    for key in [
        "allowed_parameters",
        "denied_parameters",
        "required_parameters",
        "min_wrapping_ttl",
        "max_wrapping_ttl",
        "mfa_methods",
        "control_group",
        "expiration",
        "pagination_limit",
        "list_scan_response_keys_filter_path",
        "subscribe_event_types",
    ] {
        let text = format!("path \"a\" {{\n  capabilities = [\"read\"]\n  {key} = []\n}}");
        let message = format!(
            "policy \"p\", line 3: `{key}` is not supported by this broker yet; remove it or leave this path out"
        );
        check("p", &text, &[&message]);
    }
}

#[test]
fn names_and_grammar() {
    check("root", "", &["policy \"root\": the name is reserved for the built-in policy; choose another"]);
    check(" ROOT ", "", &["policy \"root\": the name is reserved for the built-in policy; choose another"]);
    check("", "", &["policy \"\": the policy name is empty; give one"]);
    check(
        "p",
        "path \"a\" = {}",
        &["policy \"p\", line 1: At 1:10: nested object expected: LBRACE got: ASSIGN"],
    );
    check(
        "p",
        "path \"a\" { capabilities = [\"recover\"] }",
        &[
            "policy \"p\", line 1: path \"a\": capability \"recover\" is not supported by this broker; remove it",
        ],
    );
}
