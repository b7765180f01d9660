//! Manifests as text.

use proptest::prelude::*;

use super::*;
use crate::existing::ExistingSecret;
use crate::render::MANAGED;

fn secret(data: &[(&str, &[u8])]) -> RenderedSecret {
    RenderedSecret {
        namespace: "ns".to_owned(),
        name: "db".to_owned(),
        secret_type: "Opaque".to_owned(),
        labels: BTreeMap::from([(MANAGED.to_owned(), "true".to_owned()), ("a".to_owned(), "yes".to_owned())]),
        annotations: BTreeMap::from([
            (DATA_HASH.to_owned(), "abc".to_owned()),
            ("n".to_owned(), "l1\nl2: \"x\"".to_owned()),
        ]),
        data: data.iter().map(|(key, value)| ((*key).to_owned(), SecretValue::new(value.to_vec()))).collect(),
        finalizers: Vec::new(),
        immutable: false,
    }
}

const HEAD: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: "db"
  namespace: "ns"
  labels:
    "a": "yes"
    "reconcile.external-secrets.io/managed": "true"
  annotations:
    "n": "l1\nl2: \"x\""
"#;

#[test]
fn a_manifest() {
    let got = to_yaml(&secret(&[("user", b"admin"), ("pass", b"\x00\xff"), ("empty", b"")]), Values::Base64);
    let want = format!(
        "{HEAD}    \"{DATA_HASH}\": \"abc\"\ntype: \"Opaque\"\ndata:\n  \"empty\": \"\"\n  \"pass\": \"AP8=\"\n  \"user\": \"YWRtaW4=\"\n"
    );
    assert_eq!(*got, want);
}

#[test]
fn a_masked_manifest_shows_lengths_and_cannot_be_read_back() {
    let mut secret = secret(&[("user", b"hunter2hunter"), ("empty", b"")]);
    secret.immutable = true;
    let got = to_yaml(&secret, Values::Masked);
    let want = format!(
        "# Values are masked: this text is for reading and cannot be applied.\n{HEAD}    \"{DATA_HASH}\": \"<masked>\"\ntype: \"Opaque\"\nimmutable: true\ndata:\n  \"empty\": \"<masked, 0 bytes>\"\n  \"user\": \"<masked, 13 bytes>\"\n"
    );
    assert_eq!(*got, want);
    assert!(!got.contains("hunter2"));
    let problems = ExistingSecret::read("f", &got).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(problems[0].to_string().ends_with("not Base64; use stringData for plain text"));
}

#[test]
fn without_anything() {
    let mut secret = secret(&[]);
    secret.labels.clear();
    secret.annotations.clear();
    let want = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"db\"\n  namespace: \"ns\"\ntype: \"Opaque\"\ndata: {}\n";
    assert_eq!(*to_yaml(&secret, Values::Base64), want);
}

proptest! {
    /// Whatever is in a Secret, the text reads back as the same Secret, and is the same every time.
    #[test]
    fn reads_back(
        data in prop::collection::btree_map("[-._a-zA-Z0-9]{1,12}", prop::collection::vec(any::<u8>(), 0..40), 0..6),
        texts in prop::collection::btree_map("[a-z]{1,8}(/[a-z.]{1,8})?", any::<String>(), 0..6),
        immutable in any::<bool>(),
    ) {
        let pairs: Vec<_> = data.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        let secret = RenderedSecret { annotations: texts.clone(), labels: texts, immutable, ..secret(&pairs) };
        let text = to_yaml(&secret, Values::Base64);
        prop_assert_eq!(&*text, &*to_yaml(&secret.clone(), Values::Base64));
        let read = ExistingSecret::read("f", &text).map_err(|problems| TestCaseError::fail(problems[0].to_string()))?;
        prop_assert_eq!(&read.annotations, &secret.annotations);
        prop_assert_eq!(&read.labels, &secret.labels);
        prop_assert_eq!(read.immutable, immutable);
        let read: Vec<_> = read.data.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
        prop_assert_eq!(read, pairs);
    }
}
