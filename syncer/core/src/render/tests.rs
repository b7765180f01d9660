//! Entries, fetched secrets and the values that come of them.

use super::*;
use crate::fetch::Fetched;
use crate::template::tests::with_kit;
use crate::wanted::tests::read_spec;

/// The Secret without objects that hold templates.
fn render(wanted: &Wanted, fetches: &Fetches) -> Result<RenderedSecret, Vec<RenderProblem>> {
    with_kit(|kit| super::render(wanted, fetches, kit))
}

/// What the stores of the tests hold: the secret `KEY`, or an error.
fn fetches(secrets: &[(&str, Option<&str>)]) -> Fetches {
    secrets
        .iter()
        .map(|(key, secret)| {
            let fetched = Fetched { secret: secret.map(SecretValue::from), version: Some(1) };
            (FetchRequest { key: (*key).to_owned(), version: None }, Ok(fetched))
        })
        .collect()
}

fn text(secret: &RenderedSecret) -> Vec<String> {
    secret
        .data
        .iter()
        .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value.expose())))
        .collect()
}

/// Renders the entries of a spec; the secret at `a` is given.
#[track_caller]
fn check(entries: &str, secret: &str, want: Result<&[&str], &[&str]>) {
    let wanted = read_spec(&format!("secretStoreRef: {{name: s}}\n{entries}")).unwrap();
    let got = render(&wanted, &fetches(&[("a", Some(secret))]))
        .map(|secret| text(&secret))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>());
    let want = want.map(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>());
    let want = want.map_err(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(got, want, "{entries} of {secret}");
}

fn data(remote: &str) -> String {
    format!("data: [{{secretKey: k, remoteRef: {{key: a{remote}}}}}]")
}

fn extract(more: &str) -> String {
    format!("dataFrom: [{{extract: {{key: a{more}}}}}]")
}

#[test]
fn a_property_is_a_key_or_a_path() {
    let property = |path: &str| data(&format!(", property: '{path}'"));
    let secret = r#"{"user":"u","n":12345678901234567890,"one":1.0,"t":true,"null":null,"a.b":"dots","a":{"b":"path","z":[{"id":1,"v":"x"},{"id":2,"v":"<y>"}]},"e":""}"#;
    for (path, want) in [
        ("user", "k=u"),
        ("n", "k=12345678901234567890"),
        ("one", "k=1.0"),
        ("t", "k=true"),
        ("null", "k="),
        ("e", "k="),
        ("a.b", "k=dots"),
        ("a.z.0.v", "k=x"),
        ("a.z.#(id==2).v", "k=<y>"),
        ("a.z.#.id", "k=[1,2]"),
        ("a.z.1", r#"k={"id":2,"v":"\u003cy\u003e"}"#),
        ("a", r#"k={"b":"path","z":[{"id":1,"v":"x"},{"id":2,"v":"\u003cy\u003e"}]}"#),
        ("a.z.#", "k=2"),
        ("n|@tostr", "k=12345678901234567890"),
    ] {
        check(&property(path), secret, Ok(&[want]));
    }
    check(
        &property("nope"),
        secret,
        Err(&["error processing spec.data[0] (key: a), err: cannot find secret data for key: \"nope\""]),
    );
    check(
        &property("a.z.#(id"),
        secret,
        Err(&["error processing spec.data[0] (key: a), err: cannot find secret data for key: \"a.z.#(id\""]),
    );
}

#[test]
fn without_a_property_the_secret_is_json() {
    check(
        &data(""),
        r#"{ "value":"one", "user":"u", "nested":{"k":"v"} }"#,
        Ok(&[r#"k={"nested":{"k":"v"},"user":"u","value":"one"}"#]),
    );
    check(
        &data(""),
        r#"{"h":"<&>","n":1e400,"f":1.10}"#,
        Ok(&[r#"k={"f":1.10,"h":"\u003c\u0026\u003e","n":1e400}"#]),
    );
    check(&data(""), "{}", Ok(&["k={}"]));
}

#[test]
fn extract_takes_every_key() {
    check(
        &extract(""),
        r#"{"value":"one","user":"u","nested":{"k":"v"},"n":12345678901234567890,"l":[1, 2.0],"b":false,"z":null,"":"none"}"#,
        Ok(&[
            "b=false",
            "l=[1,2.0]",
            "n=12345678901234567890",
            r#"nested={"k":"v"}"#,
            "user=u",
            "value=one",
            "z=",
        ]),
    );
    check(&extract(""), "{}", Ok(&[]));
    check(&extract(", property: j"), r#"{"j":"{\"x\":1.50,\"y\":\"s\"}"}"#, Ok(&["x=1.50", "y=s"]));
    check(&extract(", property: o"), r#"{"o":{"x":{"b":1,"a":2}}}"#, Ok(&[r#"x={"a":2,"b":1}"#]));
    for property in ["value", "list", "nothing"] {
        check(
            &extract(&format!(", property: {property}")),
            r#"{"value":"one","list":[1],"nothing":null}"#,
            Err(&[
                "error processing spec.dataFrom[0].extract, err: the value is not a JSON object, so nothing can be extracted from it; use data instead of dataFrom",
            ]),
        );
    }
}

#[test]
fn names_of_extracted_keys() {
    check(&extract(""), r#"{"bad key":"x","a/b":"y"}"#, Ok(&["a_b=y", "bad_key=x"]));
    check(&extract(", conversionStrategy: Unicode"), r#"{"bad key":"x"}"#, Ok(&["bad_U0020_key=x"]));
    check(
        &extract(""),
        r#"{"a b":"x","a/b":"y"}"#,
        Err(&[
            "error processing spec.dataFrom[0].extract, err: two keys become \"a_b\" by conversion; use conversionStrategy Unicode or rename one at the provider",
        ]),
    );
    check(
        &extract(""),
        r#"{"größe":"x"}"#,
        Err(&[
            "error processing spec.dataFrom[0].extract, err: key \"größe\": the key has the illegal character 'ö'; allowed are letters, digits, '-', '_' and '.'; set conversionStrategy or rename it at the provider",
        ]),
    );
    check(
        &extract(""),
        r#"{"..":"x"}"#,
        Err(&[
            "error processing spec.dataFrom[0].extract, err: key \"..\": the key must not be '.' or begin with '..'; rename it at the provider",
        ]),
    );
}

#[test]
fn values_are_decoded() {
    check(&data(", property: p, decodingStrategy: Base64"), r#"{"p":"Zm9v"}"#, Ok(&["k=foo"]));
    check(&data(", property: p, decodingStrategy: Auto"), r#"{"p":"plain!"}"#, Ok(&["k=plain!"]));
    check(&extract(", decodingStrategy: Base64"), r#"{"x":"Zm9v","y":"YmFy"}"#, Ok(&["x=foo", "y=bar"]));
    check(
        &data(", property: p, decodingStrategy: Base64"),
        r#"{"p":"!!notb64!!"}"#,
        Err(&[
            "error processing spec.data[0] (key: a), err: error applying decoding strategy Base64 to data: illegal base64 data at input byte 0",
        ]),
    );
    check(&data(", property: p"), r#"{"p":"a\u0000b"}"#, Ok(&["k=a\0b"]));
    check(
        &data(", property: p, nullBytePolicy: Fail"),
        r#"{"p":"a\u0000b"}"#,
        Err(&[
            "error processing spec.data[0] (key: a), err: key \"k\": the value contains a null byte; correct it or set nullBytePolicy to Ignore",
        ]),
    );
    check(
        &extract(", nullBytePolicy: Fail, decodingStrategy: Base64"),
        r#"{"p":"AA=="}"#,
        Err(&[
            "error processing spec.dataFrom[0].extract, err: key \"p\": the value contains a null byte; correct it or set nullBytePolicy to Ignore",
        ]),
    );
}

#[test]
fn later_keys_win() {
    check(
        "data: [{secretKey: x, remoteRef: {key: a, property: 'y'}}, {secretKey: x, remoteRef: {key: a, property: z}}]\n\
         dataFrom: [{extract: {key: a}}, {extract: {key: a, property: o}}]",
        r#"{"x":"1","y":"2","z":"3","o":{"y":"4"}}"#,
        Ok(&[r#"o={"y":"4"}"#, "x=3", "y=4", "z=3"]),
    );
}

#[test]
fn lying_stores() {
    for (secret, cause) in [
        ("", "not valid JSON at byte 0"),
        ("<html>hunter2</html>", "not valid JSON at byte 0"),
        ("[1]", "but Array"),
        ("\"text\"", "but String"),
        ("null", "but Null"),
        ("{\"a\":1", "not valid JSON at byte 6"),
    ] {
        let want = format!(
            "error processing spec.data[0] (key: a), err: the store's answer is not a JSON object ({cause}); check the store's version and path"
        );
        check(&data(", property: a"), secret, Err(&[&want]));
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let want = "error processing spec.data[0] (key: a), err: the store's answer is not a JSON object (JSON nested deeper than 64 levels at byte 68); check the store's version and path";
    check(&data(""), &deep, Err(&[want]));
    let wanted = read_spec(&format!("secretStoreRef: {{name: s}}\n{}", data(""))).unwrap();
    let mut binary = fetches(&[]);
    let fetched = Fetched { secret: Some(SecretValue::new(vec![b'{', 0xff, b'}'])), version: None };
    binary.insert(FetchRequest { key: "a".to_owned(), version: None }, Ok(fetched));
    let problems = render(&wanted, &binary).unwrap_err();
    assert!(problems[0].to_string().contains("(not UTF-8)"), "{}", problems[0]);
}

#[test]
fn every_failure_is_told() {
    let wanted = read_spec(
        "secretStoreRef: {name: s}\n\
         data:\n\
         - {secretKey: w, remoteRef: {key: a, property: x}}\n\
         - {secretKey: x, remoteRef: {key: missing}}\n\
         - {secretKey: 'y', remoteRef: {key: failed}}\n\
         - {secretKey: z, remoteRef: {key: forgotten}}",
    )
    .unwrap();
    let mut fetches = fetches(&[("a", Some(r#"{"x":"1"}"#)), ("missing", None)]);
    let failure = FetchFailure { message: "the server is sealed".to_owned() };
    fetches.insert(FetchRequest { key: "failed".to_owned(), version: None }, Err(failure));
    let problems: Vec<_> = render(&wanted, &fetches).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "error processing spec.data[1] (key: missing), err: Secret does not exist",
            "error processing spec.data[2] (key: failed), err: the server is sealed",
            "error processing spec.data[3] (key: forgotten), err: the secret was not read from the store; this is a fault of the syncer, please report it",
        ]
    );
}

#[test]
fn what_is_missing_is_left_out_only_where_the_policy_says() {
    for (policy, want) in [("Delete", true), ("Merge", true), ("Retain", false)] {
        let wanted = read_spec(&format!(
            "secretStoreRef: {{name: s}}\ntarget: {{deletionPolicy: {policy}}}\ndata:\n- {{secretKey: x, remoteRef: {{key: missing}}}}\n- {{secretKey: 'y', remoteRef: {{key: a, property: p}}}}\ndataFrom: [{{extract: {{key: missing}}}}]"
        ))
        .unwrap();
        let fetches = fetches(&[("a", Some(r#"{"p":"1"}"#)), ("missing", None)]);
        assert_eq!(
            render(&wanted, &fetches).map(|secret| text(&secret)).ok(),
            want.then(|| vec!["y=1".to_owned()])
        );
        if want {
            assert_eq!(
                collect(&wanted, &fetches).ok().unwrap().missing,
                [
                    "secret does not exist at provider using spec.dataFrom[0]",
                    "secret does not exist at provider using spec.dataFrom[0] (key=missing)"
                ]
            );
        }
    }
}

#[test]
fn size_of_a_secret() {
    let wanted = |keys: &str| read_spec(&format!("secretStoreRef: {{name: s}}\n{keys}")).unwrap();
    let one = wanted("data: [{secretKey: x, remoteRef: {key: a, property: p}}]");
    let two = wanted(
        "data: [{secretKey: x, remoteRef: {key: a, property: p}}, {secretKey: 'y', remoteRef: {key: a, property: p}}]",
    );
    let secret =
        |bytes: usize| fetches(&[("a", Some(format!("{{\"p\":\"{}\"}}", "x".repeat(bytes)).as_str()))]);
    assert!(render(&one, &secret(MAX_SECRET_BYTES)).is_ok());
    assert!(render(&two, &secret(MAX_SECRET_BYTES / 2)).is_ok());
    let problems = render(&one, &secret(MAX_SECRET_BYTES + 1)).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "error processing spec, err: the Secret would have 1048577 bytes, at most 1048576 are allowed; split it"
    );
    assert!(render(&two, &secret(MAX_SECRET_BYTES / 2 + 1)).is_err());
}

/// One Secret that the reference operator wrote: the ExternalSecret's name and spec, data, fingerprint of the data, and
/// the label `created-by`.
type Observed = (&'static str, &'static str, &'static [&'static str], &'static str, Option<&'static str>);

const OBSERVED: [Observed; 6] = [
    (
        "ok",
        "data: [{secretKey: value, remoteRef: {key: o/a, property: value}}]",
        &["value=one"],
        "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a",
        Some("6a6d345942d0f433a0dad647145fdab045f3b2609491befb39b478cb"),
    ),
    (
        "ok-default-policies-extract",
        "dataFrom: [{extract: {key: o/a}}]",
        &[r#"nested={"k":"v"}"#, "user=u", "value=one"],
        "7aca15cbe8ba1219e73d6ca2f1cd733d7125c02fe6ea0e3a5aaa8660",
        Some("3007fb392e0c16a7cc61239523f1cca1cb3f47f83e27a40e9a11f8fb"),
    ),
    (
        "no-property-whole",
        "data: [{secretKey: value, remoteRef: {key: o/a}}]",
        &[r#"value={"nested":{"k":"v"},"user":"u","value":"one"}"#],
        "9766a41fbedd31fb9dc67705ca26d9e223b08cb082da9c95dcaca343",
        Some("1582d4ca9287bb8f09abb7354648ac0bd91225551f07cc63ad76a751"),
    ),
    (
        "immutable",
        "target: {immutable: true}\ndata: [{secretKey: value, remoteRef: {key: o/imm, property: value}}]",
        &["value=one"],
        "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a",
        Some("14aa722468b4f84a3951edcd50dd3a0b9474e9b24b3f18e2776575ee"),
    ),
    (
        "creation-orphan",
        "target: {name: orphan-t, creationPolicy: Orphan}\ndata: [{secretKey: value, remoteRef: {key: o/a, property: value}}]",
        &["value=one"],
        "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a",
        None,
    ),
    (
        "owner-a",
        "target: {name: shared}\ndata: [{secretKey: value, remoteRef: {key: o/a, property: value}}]",
        &["value=one"],
        "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a",
        Some("c55c32eee5e943c271d7b6dada63c1e58599956fe7ef04bea4ea38a6"),
    ),
];

#[test]
fn secrets_of_the_reference_operator() {
    let store = [
        ("o/a", Some(r#"{"value":"one","user":"u","nested":{"k":"v"}}"#)),
        ("o/imm", Some(r#"{"value":"one"}"#)),
    ];
    for (name, spec, data, data_hash, created_by) in OBSERVED {
        let mut wanted = read_spec(&format!("secretStoreRef: {{name: vault}}\n{spec}")).unwrap();
        name.clone_into(&mut wanted.name);
        "obs1".clone_into(&mut wanted.namespace);
        wanted.labels.clear();
        wanted.annotations.clear();
        let secret = render(&wanted, &fetches(&store)).unwrap();
        assert_eq!(text(&secret), data, "{name}");
        let labels: Vec<_> = secret.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let created_by = created_by.map(|hash| format!("reconcile.external-secrets.io/created-by={hash}"));
        let managed = "reconcile.external-secrets.io/managed=true".to_owned();
        assert_eq!(labels, created_by.into_iter().chain([managed]).collect::<Vec<_>>(), "{name}");
        assert_eq!(
            secret.annotations,
            BTreeMap::from([(DATA_HASH.to_owned(), data_hash.to_owned())]),
            "{name}"
        );
        assert_eq!(
            (secret.secret_type.as_str(), secret.immutable),
            ("Opaque", name == "immutable"),
            "{name}"
        );
    }
}

#[test]
fn labels_and_annotations_are_copied() {
    let wanted = read_spec(
        "secretStoreRef: {name: s}\ntarget: {name: t}\ndata: [{secretKey: k, remoteRef: {key: a}}]",
    )
    .unwrap();
    let secret = render(&wanted, &fetches(&[("a", Some("{}"))])).unwrap();
    assert_eq!((secret.namespace.as_str(), secret.name.as_str()), ("ns", "t"));
    assert_eq!(secret.labels["team"], "a");
    assert_eq!(secret.annotations["note"], "1");
    assert_eq!(secret.labels[CREATED_BY], created_by("ns", "es"));
}

#[test]
fn nothing_shows_a_value() {
    let wanted = read_spec("secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: a, property: p, decodingStrategy: Base64}}]\ndataFrom: [{extract: {key: a, property: p}}, {extract: {key: a, property: p.q}}]").unwrap();
    let answers = fetches(&[("a", Some(r#"{"p":"hunter2!"}"#))]);
    let problems = render(&wanted, &answers).unwrap_err();
    assert_eq!(problems.len(), 3);
    let good =
        read_spec("secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: a, property: p}}]")
            .unwrap();
    let shown = format!("{problems:?} {answers:?} {:?}", render(&good, &answers).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}
