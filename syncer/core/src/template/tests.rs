//! Templates of objects: what they make, in which order, and what is said when they fail.

use std::collections::BTreeMap;

use syncer_template::NoRandomness;

use super::*;
use crate::fetch::{FetchRequest, Fetched, Fetches};
use crate::render::{RenderedSecret, render};
use crate::wanted::tests::read_spec;

/// No time passes, and no dice roll.
struct Still;

impl Env for Still {
    fn now(&self) -> i128 {
        0
    }

    fn local_zone(&self) -> &str {
        "UTC"
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(7);
        Ok(())
    }

    fn expired(&self) -> bool {
        false
    }
}

/// Does something with templates that need no other objects.
pub(crate) fn with_kit<T>(work: impl FnOnce(&mut Kit<'_>) -> T) -> T {
    with_sources(&Sources::new(), work)
}

fn with_sources<T>(sources: &Sources, work: impl FnOnce(&mut Kit<'_>) -> T) -> T {
    work(&mut Kit { engine: &Engine::default(), env: &mut Still, sources })
}

const SECRET: &str = r#"{"user":"bob","password":"hunter2","port":5432}"#;

fn sources() -> Sources {
    let values = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), SecretValue::from(*value))).collect()
    };
    let config = values(&[
        ("app.conf", "user={{ .user }}"),
        ("many", "a: {{ .user | quote }}\nport: {{ .port }}\non: yes\nempty:\n"),
        ("b64", "{{ .user | upper }}"),
        ("encoded", "Ym9i"),
        ("broken", "{{ .user"),
        ("nested", "a: {b: c}"),
        ("list", "- a"),
        ("bad", "a: ["),
    ]);
    let secret = values(&[("k", "{{ .password }}!")]);
    let source = |kind, name: &str| SourceRef { kind, name: name.to_owned() };
    Sources::from([
        (source(SourceKind::ConfigMap, "cm"), Ok(config)),
        (source(SourceKind::Secret, "cm"), Ok(secret)),
        (source(SourceKind::ConfigMap, "gone"), Err("configmaps \"gone\" not found".to_owned())),
    ])
}

fn made(template: &str) -> Result<RenderedSecret, String> {
    let text = format!(
        "secretStoreRef: {{name: s}}\ndataFrom: [{{extract: {{key: a}}}}]\ntarget:\n  template: {}",
        template.replace('\n', "\n    ")
    );
    let wanted = read_spec(&text)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let fetched = Fetched { secret: Some(SecretValue::from(SECRET)), version: Some(1) };
    let fetches = Fetches::from([(FetchRequest { key: "a".to_owned(), version: None }, Ok(fetched))]);
    with_sources(&sources(), |kit| render(&wanted, &fetches, kit))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// What a template gives: `type`, labels and annotations (ours apart) and data, in one line.
#[track_caller]
fn check(template: &str, want: Result<&str, &str>) {
    let got = made(template).map(|secret| {
        let texts = |map: &BTreeMap<String, String>, mark: &str| {
            let own = map.iter().filter(|(key, _)| !key.starts_with("reconcile.external-secrets.io/"));
            own.map(|(key, value)| format!("{mark}{key}={value}")).collect::<Vec<_>>()
        };
        let data = secret
            .data
            .iter()
            .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value.expose())));
        let mut parts = vec![secret.secret_type.clone()];
        parts.extend(texts(&secret.labels, "+"));
        parts.extend(texts(&secret.annotations, "@"));
        parts.extend(secret.finalizers.iter().map(|it| format!("!{it}")));
        parts.extend(data);
        parts.join(" ")
    });
    assert_eq!(got.as_deref().map_err(String::as_str), want, "{template}");
}

#[test]
fn what_templates_make() {
    for (template, want) in [
        ("{}", "Opaque password=hunter2 port=5432 user=bob"),
        ("{type: kubernetes.io/basic-auth}", "kubernetes.io/basic-auth password=hunter2 port=5432 user=bob"),
        ("{data: {x: '{{ .user }}:{{ .password }}'}}", "Opaque x=bob:hunter2"),
        ("{data: {x: why}, mergePolicy: Merge}", "Opaque password=hunter2 port=5432 user=bob x=why"),
        (
            "{data: {user: '{{ .user | upper }}'}, mergePolicy: Merge}",
            "Opaque password=hunter2 port=5432 user=BOB",
        ),
        (
            "{metadata: {labels: {a: 'x-{{ .user }}'}, annotations: {b: '{{ .port }}'}, finalizers: [f/x]}}",
            "Opaque +a=x-bob @b=5432 !f/x password=hunter2 port=5432 user=bob",
        ),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: app.conf}]}}]}", "Opaque app.conf=user=bob"),
        (
            "{templateFrom: [{configMap: {name: cm, items: [{key: many, templateAs: KeysAndValues}]}}]}",
            "Opaque a=bob empty= on=true port=5432",
        ),
        ("{templateFrom: [{secret: {name: cm, items: [{key: k}]}}]}", "Opaque k=hunter2!"),
        ("{templateFrom: [{literal: 'x: {{ .user }}'}], data: {y: z}}", "Opaque x=bob y=z"),
        ("{templateFrom: [{literal: 'x: one'}, {literal: 'x: two'}]}", "Opaque x=two"),
        ("{templateFrom: [{literal: 'x: one'}], data: {x: three}}", "Opaque x=three"),
        (
            "{templateFrom: [{literal: 'x: {{ .user }}', target: LABELS}], metadata: {labels: {x: own}}}",
            "Opaque +x=own",
        ),
        ("{templateFrom: [{literal: 'x: {{ .user }}', target: Annotations}]}", "Opaque @x=bob"),
        (
            "{templateFrom: [{configMap: {name: cm, items: [{key: encoded}]}, valuesDecodingStrategy: Base64}]}",
            "Opaque encoded=bob",
        ),
        ("{templateFrom: [{literal: ''}]}", "Opaque"),
        (
            "{templateFrom: [{literal: 'a: x', configMap: {name: cm, items: [{key: app.conf}]}, secret: {name: cm, items: [{key: k}]}}]}",
            "Opaque a=x app.conf=user=bob k=hunter2!",
        ),
    ] {
        check(template, Ok(want));
    }
}

#[test]
fn failures_are_said_as_the_operator_says_them() {
    let own = "could not apply template: could not execute template: could not execute template: unable to execute template at key x:";
    let from = "could not apply template: error fetching templateFrom data:";
    for (template, want) in [
        ("{data: {x: '{{ .value | nofunc }}'}}", format!("{own} unable to parse template at key x: template: x:1: function \"nofunc\" not defined")),
        ("{data: {x: '{{ .user '}}", format!("{own} unable to parse template at key x: template: x:1: unclosed action")),
        ("{data: {x: '{{ .absent }}'}}", format!("{own} unable to execute template at key x: template: x:1:3: executing \"x\" at <.absent>: map has no entry for key \"absent\"")),
        ("{data: {x: '{{ fail .password }}'}}", format!("{own} unable to execute template at key x: template: x:1:3: executing \"x\" at <fail .password>: error calling fail: <redacted, 7 bytes>")),
        ("{metadata: {labels: {x: '{{ .no }}'}}}", format!("{own} unable to execute template at key x: template: x:1:3: executing \"x\" at <.no>: map has no entry for key \"no\"")),
        ("{templateFrom: [{configMap: {name: gone, items: [{key: k}]}}]}", format!("{from} configmaps \"gone\" not found")),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: none}]}}]}", format!("{from} error in configmap cm: missing key none")),
        ("{templateFrom: [{secret: {name: cm, items: [{key: none}]}}]}", format!("{from} error in secret cm: missing key none")),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: broken}]}}]}", format!("{from} unable to execute template at key broken: unable to parse template at key broken: template: broken:1: unclosed action")),
        ("{templateFrom: [{literal: 'x: {{ .no }}'}]}", format!("{from} unable to execute template at key literal: template: literal:1:6: executing \"literal\" at <.no>: map has no entry for key \"no\"")),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: nested, templateAs: KeysAndValues}]}}]}", format!("{from} could not unmarshal template to 'map[string][]byte': the value of a is a list or map; it must be a text, as with toJson and quote")),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: list, templateAs: KeysAndValues}]}}]}", format!("{from} could not unmarshal template to 'map[string][]byte': the template must give a map of keys and values")),
        ("{templateFrom: [{configMap: {name: cm, items: [{key: b64}]}, valuesDecodingStrategy: Base64}]}", format!("{from} failure decoding key b64: error applying decoding strategy Base64 to data: illegal base64 data at input byte 0")),
        ("{type: kubernetes.io/service-account-token, metadata: {annotations: {kubernetes.io/service-account.name: x}}}", "could not apply template: type kubernetes.io/service-account-token with the annotation kubernetes.io/service-account.name would be filled with a token of that account; remove one of them".to_owned()),
    ] {
        check(template, Err(&format!("error processing spec.target.template, err: {want}")));
    }
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    for (template, want) in [
        ("{engineVersion: v1}", "spec.target.template.engineVersion: unsupported value"),
        (
            "{type: bootstrap.kubernetes.io/token}",
            "spec.target.template.type: a bootstrap token lets nodes join",
        ),
        (
            "{templateFrom: [{target: spec.x, literal: a}]}",
            "spec.target.template.templateFrom[0].target: not a part of a Secret",
        ),
        (
            "{templateFrom: [{configMap: {name: UPPER, items: []}}]}",
            "spec.target.template.templateFrom[0].configMap.name: not a name of Kubernetes",
        ),
        ("{data: {'in valid': x}}", "key \"in valid\""),
        ("{dta: {}}", "spec.target.template.dta: unknown field"),
    ] {
        let error = made(template).map(|_| "a Secret").unwrap_err();
        assert!(error.contains(want), "{template}: {error}");
    }
}

#[test]
fn no_error_holds_a_value() {
    for template in [
        "{{ .password.x }}",
        "{{ index .password 99 }}",
        "{{ fromJson .password | mustToJson | atoi | fail }}",
        "{{ mustRegexFind \"[\" .password }}",
        "{{ printf \"%d\" (fail .password) }}",
        "{{ slice .password 1 }}",
    ] {
        let error = made(&format!("{{data: {{x: '{template}'}}}}")).map(|_| "a Secret").unwrap_err();
        assert!(!error.contains("hunter"), "{error}");
    }
}

#[test]
fn sources_are_named_once() {
    let wanted = read_spec(
        "secretStoreRef: {name: s}\ndataFrom: [{extract: {key: a}}]\ntarget: {template: {templateFrom: [{configMap: {name: b, items: [{key: k1}, {key: k2}]}, secret: {name: b, items: [{key: k3}]}}, {configMap: {name: a, items: [{key: k1}]}}]}}",
    )
    .unwrap();
    let names: Vec<String> =
        wanted.target.sources().iter().map(|it| format!("{:?} {}", it.kind, it.name)).collect();
    assert_eq!(names, ["ConfigMap a", "ConfigMap b", "Secret b"]);
}
