//! `sys/tools`: hashes of given bytes, and random bytes.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use broker_core::json::{Json, field};
use broker_core::wire::quote;
use ring::digest;
use zeroize::Zeroizing;

use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{data, hex};

/// The most random bytes of one answer.
const MAX_RANDOM_BYTES: usize = 128 * 1024;
/// Random bytes where the request names no number.
const DEFAULT_RANDOM_BYTES: &str = "32";

/// The hash of the body's `input`.
pub fn hash(context: &Context<'_>, algorithm: Option<&str>) -> Result<Answer, Failure> {
    let sum = sum(&context.request.body, algorithm)?;
    Ok(data(context, format!("{{\"sum\":{}}}", quote(&sum))))
}

fn sum(body: &Json, in_path: Option<&str>) -> Result<String, Failure> {
    let in_body = text(body, "algorithm", "sha2-256")?;
    let algorithm = match in_path.unwrap_or(&in_body) {
        "sha2-256" => &digest::SHA256,
        "sha2-384" => &digest::SHA384,
        "sha2-512" => &digest::SHA512,
        other => {
            return Err(Failure::bad_request(format!(
                "unsupported algorithm {other}; use \"sha2-256\", \"sha2-384\" or \"sha2-512\""
            )));
        }
    };
    let format = Format::of(body, "hex")?;
    let input = input(body)?;
    Ok(format.encode(digest::digest(algorithm, &input).as_ref()))
}

/// The body's `input`, decoded; nothing where it is missing.
fn input(body: &Json) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = match body.get("input") {
        None | Some(Json::Null) => "",
        Some(Json::String(text)) => text.as_str(),
        Some(_) => return Err(Failure::bad_request("\"input\" must be a text in base64")),
    };
    // Where, but not what: the input may be a secret.
    STANDARD.decode(text).map(Zeroizing::new).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len(),
        };
        Failure::bad_request(format!(
            "unable to decode input as base64: illegal base64 data at input byte {at}"
        ))
    })
}

/// Random bytes from the system.
pub fn random(context: &Context<'_>, source: Option<&str>, bytes: Option<&str>) -> Result<Answer, Failure> {
    let (count, format) = wanted(&context.request.body, source, bytes)?;
    let mut bytes = Zeroizing::new(vec![0; count]);
    context.app.ledger.random(&mut bytes);
    let text = Zeroizing::new(format.encode(&bytes));
    Ok(data(context, format!("{{\"random_bytes\":{}}}", quote(&text))))
}

/// How many random bytes are asked for, and how they are written. What is in the path wins.
fn wanted(body: &Json, source: Option<&str>, bytes: Option<&str>) -> Result<(usize, Format), Failure> {
    let in_body = text(body, "source", "platform")?;
    match source.unwrap_or(&in_body) {
        "" | "platform" => {}
        other => {
            return Err(Failure::bad_request(format!(
                "unsupported entropy source {other:?}; use \"platform\""
            )));
        }
    }
    let in_body = text(body, "bytes", DEFAULT_RANDOM_BYTES)?;
    let count: i64 = bytes.unwrap_or(&in_body).parse().map_err(|_| {
        Failure::bad_request(format!("\"bytes\" must be a number from 1 to {MAX_RANDOM_BYTES}"))
    })?;
    if count < 1 {
        return Err(Failure::bad_request("\"bytes\" cannot be less than 1"));
    }
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= MAX_RANDOM_BYTES)
        .ok_or_else(|| Failure::bad_request(format!("\"bytes\" cannot be more than {MAX_RANDOM_BYTES}")))?;
    Ok((count, Format::of(body, "base64")?))
}

/// A text of the body, or what stands for it where it is missing.
fn text(body: &Json, name: &str, missing: &str) -> Result<String, Failure> {
    let given = field::optional(body, name, field::text).map_err(|e| Failure::bad_request(e.to_string()))?;
    Ok(given.unwrap_or_else(|| missing.to_owned()))
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Hex,
    Base64,
}

impl Format {
    fn of(body: &Json, missing: &str) -> Result<Self, Failure> {
        match text(body, "format", missing)?.as_str() {
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            other => Err(Failure::bad_request(format!(
                "unsupported encoding format {other:?}; must be \"hex\" or \"base64\""
            ))),
        }
    }

    fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_core::json::{JsonLimits, parse};

    fn json(text: &str) -> Json {
        parse(text.as_bytes(), &JsonLimits::default()).unwrap()
    }

    #[test]
    fn hashes() {
        let check = |algorithm: Option<&str>, body: &str, expected: &str| {
            let got = sum(&json(body), algorithm).unwrap_or_else(|failure| failure.message());
            assert_eq!(got, expected, "{algorithm:?} {body}");
        };
        let hi = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        let hi_384 = "0791006df8128477244f53d0fdce210db81f55757510e26acee35c18a6bceaa28dcdbbfd6dc041b9b4dc7b1b54e37f52";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        check(None, "{\"input\":\"aGk=\"}", hi);
        check(Some("sha2-256"), "{\"input\":\"aGk=\",\"algorithm\":\"sha2-512\"}", hi);
        check(None, "{\"input\":\"aGk=\",\"algorithm\":\"sha2-384\"}", hi_384);
        check(
            None,
            "{\"input\":\"aGk=\",\"format\":\"base64\"}",
            "j0NDRmSPa5bfid2pAcUXaxCm2Dlh3TwayItZstwyeqQ=",
        );
        check(None, "{}", empty);
        let algorithm = "unsupported algorithm sha2-224; use \"sha2-256\", \"sha2-384\" or \"sha2-512\"";
        check(Some("sha2-224"), "{\"input\":\"aGk=\"}", algorithm);
        check(None, "{\"format\":\"x\"}", "unsupported encoding format \"x\"; must be \"hex\" or \"base64\"");
        check(None, "{\"input\":7}", "\"input\" must be a text in base64");
        let base64 = "unable to decode input as base64: illegal base64 data at input byte ";
        check(None, "{\"input\":\"!!\"}", &format!("{base64}0"));
        check(None, "{\"input\":\"aGk=x\"}", &format!("{base64}3"));
        check(None, "{\"input\":\"aGk\"}", &format!("{base64}3"));
    }

    #[test]
    fn sha2_512_differs_in_length() {
        assert_eq!(sum(&json("{}"), Some("sha2-512")).unwrap().len(), 128);
    }

    #[test]
    fn random_requests() {
        let check = |source: Option<&str>, bytes: Option<&str>, body: &str, expected: Result<_, &str>| {
            let got = wanted(&json(body), source, bytes).map_err(|failure| failure.message());
            assert_eq!(got, expected.map_err(str::to_owned), "{source:?} {bytes:?} {body}");
        };
        check(None, None, "{}", Ok((32, Format::Base64)));
        check(None, None, "{\"bytes\":8,\"format\":\"hex\",\"source\":\"platform\"}", Ok((8, Format::Hex)));
        check(Some("platform"), Some("16"), "{\"bytes\":8,\"source\":\"x\"}", Ok((16, Format::Base64)));
        check(None, Some("131072"), "{}", Ok((131_072, Format::Base64)));
        check(None, Some("131073"), "{}", Err("\"bytes\" cannot be more than 131072"));
        check(None, Some("0"), "{}", Err("\"bytes\" cannot be less than 1"));
        check(None, None, "{\"bytes\":-1}", Err("\"bytes\" cannot be less than 1"));
        check(None, Some("x"), "{}", Err("\"bytes\" must be a number from 1 to 131072"));
        check(Some("seal"), None, "{}", Err("unsupported entropy source \"seal\"; use \"platform\""));
        check(
            None,
            None,
            "{\"source\":\"all\"}",
            Err("unsupported entropy source \"all\"; use \"platform\""),
        );
        let format = "unsupported encoding format \"x\"; must be \"hex\" or \"base64\"";
        check(None, None, "{\"format\":\"x\"}", Err(format));
    }
}
