//! Tests of what the binding adds: costs, shown arguments, Sprig's certificate type, missing randomness.

use super::*;
use crate::environment::{Env, Limits, NoRandomness};
use crate::function::{Runtime, find};
use crate::go::Str;

/// An environment whose randomness is a counter, or nothing.
struct Fake {
    byte: Option<u8>,
}

impl Env for Fake {
    fn now(&self) -> i128 {
        1_767_225_600_000_000_000
    }

    fn local_zone(&self) -> &str {
        "UTC"
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        let byte = self.byte.as_mut().ok_or(NoRandomness)?;
        *byte = byte.wrapping_add(1);
        out.fill(*byte);
        Ok(())
    }

    fn expired(&self) -> bool {
        false
    }
}

/// Calls a function with arguments of which none or all stand in the template.
fn call_with(
    env: &mut Fake,
    limits: Limits,
    name: &str,
    args: &[Value],
    literal: bool,
) -> Result<Value, Failure> {
    let mut runtime = Runtime::new(env, limits);
    let (function, _) = find(name).unwrap();
    let literals = vec![literal; args.len()];
    (function.call)(&mut Call::new(Value::Nil, args.to_vec(), literals, &mut runtime))
}

fn run(name: &str, args: &[Value]) -> Result<Value, Failure> {
    call_with(&mut Fake { byte: Some(0) }, Limits::default(), name, args, false)
}

fn string(text: &str) -> Value {
    Value::string(text)
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Str(text) => text.bytes().to_vec(),
        _ => panic!("{} is no string", value.type_name()),
    }
}

/// The two fields of a certificate.
fn fields(value: &Value) -> (Str, Str) {
    let Value::Object(object) = value else { panic!("{} is no object", value.type_name()) };
    assert_eq!(object.go_type().to_string(), "sprig.certificate");
    match object.fields().as_slice() {
        [("Cert", true, Value::Str(cert)), ("Key", true, Value::Str(key))] => (cert.clone(), key.clone()),
        _ => panic!("a certificate has two fields"),
    }
}

#[test]
fn a_scheme_is_shown_only_if_it_stands_in_the_template() {
    let args = ["SECRET", "SHA256", "x", "k"].map(string);
    for (literal, shown) in [(true, "SECRET"), (false, "<redacted, 6 bytes>")] {
        let result = call_with(&mut Fake { byte: Some(0) }, Limits::default(), "rsaDecrypt", &args, literal);
        let Err(Failure::Error(text)) = result else { panic!("it must fail") };
        assert_eq!(text.to_string(), format!("decryption scheme {shown} is not supported"));
    }
}

#[test]
fn panics_stay_panics() {
    let args = ["junk", "junk"].map(string);
    assert_eq!(run("pemToPkcs12", &args).err(), Some(Failure::nil_dereference()));
}

#[test]
fn certificates_go_from_function_to_function() {
    let list = |items: &[&str]| Value::list(items.iter().map(|item| string(item)).collect());
    let key = bytes(&run("genPrivateKey", &[string("ecdsa")]).unwrap());
    let key = || Value::string(key.clone());
    let ca = run("genCAWithKey", &[string("ca"), Value::Int(10), key()]).unwrap();
    assert_eq!(fields(&ca).1.bytes(), bytes(&key()));
    let (names, ips) = (list(&["a.example"]), list(&["10.0.0.1"]));
    let args = [string("leaf"), ips, names, Value::Int(5), ca.clone(), key()];
    let leaf = run("genSignedCertWithKey", &args).unwrap();
    let sans = run("certSANs", &[Value::Str(fields(&leaf).0)]).unwrap();
    let Value::List(sans) = sans else { panic!("a list") };
    assert_eq!(
        sans.items().iter().map(bytes).collect::<Vec<_>>(),
        [b"a.example".to_vec(), b"10.0.0.1".to_vec()]
    );
    let none = run("certSANs", &[Value::Str(fields(&ca).0)]).unwrap();
    assert!(none.is_nil() && none.type_name() == "[]string");
    let same = |a: &Value, b: &Value| match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.equal(&**b),
        _ => None,
    };
    assert_eq!((same(&ca, &ca), same(&ca, &leaf)), (Some(true), Some(false)));
}

#[test]
fn names_must_be_strings() {
    let nothing = Value::List(List::nil(Type::ANY));
    let numbers = Value::list(vec![Value::Int(5)]);
    for (ips, dns, expected) in [
        (numbers.clone(), nothing.clone(), "error parsing ip: <redacted, 1 bytes> is not a string"),
        (nothing, numbers, "error processing alternate dns name: <redacted, 1 bytes> is not a string"),
    ] {
        let args = [string("x"), ips, dns, Value::Int(1)];
        let Err(Failure::Error(text)) = run("genSelfSignedCert", &args) else { panic!("it must fail") };
        assert_eq!(text.to_string(), expected);
    }
}

#[test]
fn without_randomness_nothing_is_made() {
    for (name, args) in [
        ("bcrypt", vec![string("pw")]),
        ("encryptAES", vec![string("k"), string("x")]),
        ("genPrivateKey", vec![string("ed25519")]),
        ("genCA", vec![string("x"), Value::Int(1)]),
    ] {
        let result = call_with(&mut Fake { byte: None }, Limits::default(), name, &args, false);
        let Err(Failure::Error(text)) = result else { panic!("{name} must fail") };
        assert_eq!(text.to_string(), "no random bytes are available");
    }
}

#[test]
fn expensive_calls_count_for_many_steps() {
    for (name, args, steps) in [
        ("bcrypt", vec![string("pw")], cost::PASSWORD),
        (
            "derivePassword",
            vec![Value::Uint32(1), string("pin"), string(""), string(""), string("")],
            cost::SCRYPT,
        ),
        ("genCA", vec![string("x"), Value::Int(1)], cost::RSA_2048),
        ("genPrivateKey", vec![string("rsa")], cost::LARGE_KEY),
        ("pkcs12key", vec![string("x")], cost::PASSWORD),
    ] {
        let limits = Limits { steps: steps - 1, ..Limits::default() };
        let result = call_with(&mut Fake { byte: Some(0) }, limits, name, &args, false);
        assert!(matches!(result, Err(Failure::Limit(_))), "{name}");
    }
}
