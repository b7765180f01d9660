//! Functions that make certificates, and Sprig's type that holds one and its key.

use std::any::Any;

use syncer_template_crypto as crypto;

use super::{cost, failure, random};
use crate::function::{Call, Failure, Piece};
use crate::functions::show::display;
use crate::go::{Kind, Object, Str, Type, Value};

/// Sprig's `certificate`: both parts are PEM.
struct Certificate {
    cert: Str,
    key: Str,
}

impl Object for Certificate {
    fn go_type(&self) -> Type {
        Type::Named("sprig.certificate", Kind::Struct)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        vec![("Cert", true, Value::Str(self.cert.clone())), ("Key", true, Value::Str(self.key.clone()))]
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(self.cert == other.cert && self.key == other.key)
    }
}

/// The value that a function gives, or its failure.
fn value(call: &Call<'_>, made: Result<crypto::CertificateKey, crypto::Error>) -> Result<Value, Failure> {
    let mut made = made.map_err(|error| failure(call, error))?;
    let key = Str::new(std::mem::take(&mut *made.key));
    Ok(Value::Object(std::rc::Rc::new(Certificate { cert: Str::new(made.cert), key })))
}

/// Counts the work that a certificate is: a signature, and a key unless the template brings one.
fn count(call: &mut Call<'_>, has_key: bool) -> Result<(), Failure> {
    call.step(if has_key { cost::SIGNATURE } else { cost::RSA_2048 })
}

/// The key argument, if the function has that parameter.
fn key<'c>(call: &'c Call<'_>, index: usize) -> Result<Option<&'c [u8]>, Failure> {
    if index < call.len() { call.str(index).map(Some) } else { Ok(None) }
}

/// `buildCustomCert cert key`
pub(super) fn build_custom(call: &mut Call<'_>) -> Result<Value, Failure> {
    value(call, crypto::build_custom_cert(call.str(0)?, call.str(1)?))
}

/// `genCA name days` and `genCAWithKey name days key`
pub(super) fn ca(call: &mut Call<'_>) -> Result<Value, Failure> {
    count(call, call.len() > 2)?;
    let (mut random, now) = (random(call)?, call.env().now());
    let subject = crypto::Subject {
        common_name: call.str(0)?,
        ips: Vec::new(),
        dns: Vec::new(),
        now,
        days: call.int(1)?,
    };
    value(call, crypto::gen_ca(&subject, key(call, 2)?, &mut random))
}

/// `genSelfSignedCert name ips dns days` and the same with a key.
pub(super) fn self_signed(call: &mut Call<'_>) -> Result<Value, Failure> {
    count(call, call.len() > 4)?;
    let (mut random, now) = (random(call)?, call.env().now());
    let names = Names::of(call)?;
    let subject = names.subject(call, now)?;
    value(call, crypto::gen_self_signed_cert(&subject, key(call, 4)?, &mut random))
}

/// `genSignedCert name ips dns days authority` and the same with a key.
pub(super) fn signed(call: &mut Call<'_>) -> Result<Value, Failure> {
    count(call, call.len() > 5)?;
    let (mut random, now) = (random(call)?, call.env().now());
    let names = Names::of(call)?;
    let subject = names.subject(call, now)?;
    let authority = call.object::<Certificate>(4)?;
    let authority = crypto::CertificateKey {
        cert: authority.cert.bytes().to_vec(),
        key: authority.key.bytes().to_vec().into(),
    };
    value(call, crypto::gen_signed_cert(&subject, &authority, key(call, 5)?, &mut random))
}

/// The alternative names among the arguments.
struct Names {
    ips: Vec<Str>,
    dns: Vec<Str>,
}

impl Names {
    fn of(call: &mut Call<'_>) -> Result<Self, Failure> {
        Ok(Self {
            ips: strings(call, 1, "error parsing ip: ")?,
            dns: strings(call, 2, "error processing alternate dns name: ")?,
        })
    }

    fn subject<'c>(&'c self, call: &'c Call<'_>, now: i128) -> Result<crypto::Subject<'c>, Failure> {
        Ok(crypto::Subject {
            common_name: call.str(0)?,
            ips: self.ips.iter().map(Str::bytes).collect(),
            dns: self.dns.iter().map(Str::bytes).collect(),
            now,
            days: call.int(3)?,
        })
    }
}

/// The texts of a list; nothing else may be in it.
fn strings(call: &mut Call<'_>, index: usize, error: &str) -> Result<Vec<Str>, Failure> {
    let items = call.list(index)?.items();
    items
        .into_iter()
        .map(|item| match item {
            Value::Str(text) => Ok(text),
            other => {
                let shown = display(call, &other)?;
                let pieces = [Piece::from(error), Piece::value(shown.bytes()), " is not a string".into()];
                Err(Failure::error(pieces))
            }
        })
        .collect()
}
