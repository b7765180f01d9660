//! The functions that are asked about: what is left out and why, and the arguments with which each makes sense.

use super::arguments::{Want, expression, one_of};
use super::random::Random;
use super::words::*;

/// Functions that have no fixed answer, or another than Sprig's; they are held to golden rows and properties instead.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("ago", "depends on the time"),
    ("now", "depends on the time"),
    ("bcrypt", "salted"),
    ("htpasswd", "has a third argument in External Secrets, and is salted"),
    ("encryptAES", "has a random vector"),
    ("genCA", "makes keys"),
    ("genCAWithKey", "signs with the time in it"),
    ("genPrivateKey", "makes keys"),
    ("genSelfSignedCert", "makes keys"),
    ("genSelfSignedCertWithKey", "signs with the time in it"),
    ("genSignedCert", "makes keys"),
    ("genSignedCertWithKey", "signs with the time in it"),
    ("randAlpha", "random"),
    ("randAlphaNum", "random"),
    ("randAscii", "random"),
    ("randBytes", "random"),
    ("randInt", "random"),
    ("randNumeric", "random"),
    ("shuffle", "random"),
    ("uuidv4", "random"),
];

/// Go's own functions, with signatures in the same form.
pub const BUILTINS: &[(&str, &str)] = &[
    ("and", "func(interface {}, ...interface {}) interface {}"),
    ("or", "func(interface {}, ...interface {}) interface {}"),
    ("not", "func(interface {}) bool"),
    ("eq", "func(interface {}, ...interface {}) bool"),
    ("ne", "func(interface {}, interface {}) bool"),
    ("lt", "func(interface {}, interface {}) bool"),
    ("le", "func(interface {}, interface {}) bool"),
    ("gt", "func(interface {}, interface {}) bool"),
    ("ge", "func(interface {}, interface {}) bool"),
    ("index", "func(interface {}, ...interface {}) interface {}"),
    ("len", "func(interface {}) int"),
    ("print", "func(...interface {}) string"),
    ("println", "func(...interface {}) string"),
    ("printf", "func(string, ...interface {}) string"),
    ("html", "func(...interface {}) string"),
    ("js", "func(...interface {}) string"),
    ("urlquery", "func(...interface {}) string"),
];

const FORMATS: &[&str] = &[
    "%v",
    "%+v",
    "%#v",
    "%T",
    "%q",
    "%x",
    "%X",
    "%d",
    "%s",
    "%t",
    "%g",
    "%e",
    "%f",
    "%.2f",
    "%8.3f|",
    "%-8v|",
    "%08d",
    "%+d",
    "% d",
    "%o",
    "%b",
    "%c",
    "%U",
    "%%",
    "%v %v",
    "%[2]v %[1]v",
    "%*d",
    "%s%",
    "%!",
    "%z",
    "%6.2q|",
    "% x",
    "%#x",
    "%#q",
    "plain",
    "%x %X",
    "%v=%q;",
    "%.3s|",
    "%5t|",
    "%p",
];

/// The arguments of a function as templates write them; `None` where the signature says enough.
pub fn arguments(random: &mut Random, name: &str) -> Option<Vec<String>> {
    let r = random;
    let any = |r: &mut Random| expression(r, Want::Any, 1);
    let text = |r: &mut Random| expression(r, Want::Text, 1);
    let dict = |r: &mut Random| expression(r, Want::Dict, 1);
    Some(match name {
        "regexMatch" | "mustRegexMatch" | "regexFind" | "mustRegexFind" => vec![one_of(r, PATTERNS), text(r)],
        "regexFindAll" | "mustRegexFindAll" | "regexSplit" | "mustRegexSplit" => {
            vec![one_of(r, PATTERNS), text(r), r.between(-1, 3).to_string()]
        }
        "regexReplaceAll"
        | "mustRegexReplaceAll"
        | "regexReplaceAllLiteral"
        | "mustRegexReplaceAllLiteral" => {
            vec![one_of(r, PATTERNS), text(r), one_of(r, REPLACEMENTS)]
        }
        "date" => vec![one_of(r, LAYOUTS), moment(r)],
        "dateInZone" | "date_in_zone" => vec![one_of(r, LAYOUTS), moment(r), one_of(r, ZONES)],
        "htmlDate" => vec![moment(r)],
        "htmlDateInZone" => vec![moment(r), one_of(r, ZONES)],
        "toDate" | "mustToDate" => vec![one_of(r, &LAYOUTS[..4]), one_of(r, DATES)],
        "dateModify" | "date_modify" | "mustDateModify" | "must_date_modify" => {
            vec![one_of(r, DURATIONS), expression(r, Want::Time, 1)]
        }
        "duration" => vec![if r.chance(60) {
            one_of(r, &["95", "3661", "0", "-5", "x"])
        } else {
            format!("(int64 {})", r.between(-9, 99999))
        }],
        "durationRound" => vec![if r.chance(80) {
            one_of(r, DURATIONS)
        } else {
            format!("(int64 {})", r.between(0, 9_999_999))
        }],
        "semver" => vec![one_of(r, VERSIONS)],
        "semverCompare" => vec![one_of(r, CONSTRAINTS), one_of(r, VERSIONS)],
        "urlParse" => vec![one_of(r, URLS)],
        "urlJoin" => {
            vec![if r.chance(60) { format!("(urlParse {})", one_of(r, &URLS[..6])) } else { dict(r) }]
        }
        "fromJson" | "mustFromJson" => vec![one_of(r, JSONS)],
        "fromYaml" => vec![one_of(r, YAMLS)],
        "b64dec" | "b32dec" => vec![one_of(r, BASES)],
        "typeIs" | "typeIsLike" | "kindIs" => vec![one_of(r, TYPES), any(r)],
        "printf" => (0..=r.below(3)).fold(vec![one_of(r, FORMATS)], |mut all, _| {
            all.push(any(r));
            all
        }),
        "dict" => (0..r.below(4)).flat_map(|n| [format!("\"k{n}\""), any(r)]).collect(),
        "get" | "hasKey" | "unset" => vec![dict(r), one_of(r, &["a", "b", "nope"])],
        "set" => vec![dict(r), one_of(r, &["a", "z"]), any(r)],
        "pick" | "omit" => vec![dict(r), one_of(r, &["a", "b"]), one_of(r, &["k9", "nope"])],
        "pluck" => vec![one_of(r, &["a", "b"]), dict(r), dict(r)],
        "dig" => vec![one_of(r, &["a", "nested"]), one_of(r, &["k", "a"]), any(r), dict(r)],
        "index" => match r.below(3) {
            0 => vec![expression(r, Want::List, 1), r.between(0, 3).to_string()],
            1 => vec![dict(r), one_of(r, &["a", "nope", "b"])],
            _ => vec![".".to_owned(), one_of(r, &["a", "nope", "num"])],
        },
        "lt" | "le" | "gt" | "ge" | "eq" | "ne" => {
            let want = *r.pick(&[&Want::Text, &Want::Int, &Want::Number, &Want::Bool]);
            vec![expression(r, want, 1), expression(r, want, 1)]
        }
        _ => return small_numbers(r, name).or_else(|| lists(r, name)),
    })
}

fn moment(random: &mut Random) -> String {
    if random.chance(70) {
        expression(random, Want::Time, 1)
    } else {
        random.between(-99_999, 2_000_000_000).to_string()
    }
}

/// Functions whose numbers must stay small, and those of arithmetic.
fn small_numbers(random: &mut Random, name: &str) -> Option<Vec<String>> {
    let r = random;
    let text = |r: &mut Random| expression(r, Want::Text, 1);
    Some(match name {
        "repeat" | "indent" | "nindent" | "wrap" | "trunc" | "abbrev" => {
            vec![r.between(if name == "trunc" { -5 } else { 0 }, 12).to_string(), text(r)]
        }
        "wrapWith" => vec![r.between(1, 9).to_string(), one_of(r, PIECES), text(r)],
        "abbrevboth" => vec![r.between(0, 9).to_string(), r.between(0, 14).to_string(), text(r)],
        "substr" => vec![r.between(-1, 6).to_string(), r.between(-1, 9).to_string(), text(r)],
        "until" => vec![r.between(-4, 12).to_string()],
        "untilStep" => {
            vec![r.between(-3, 3).to_string(), r.between(-9, 9).to_string(), r.between(-3, 3).to_string()]
        }
        "seq" => (0..r.below(4)).map(|_| r.between(-3, 7).to_string()).collect(),
        "splitn" => vec![one_of(r, PIECES), r.between(-1, 4).to_string(), text(r)],
        "plural" => vec![one_of(r, &["one thing"]), one_of(r, &["many things"]), r.between(0, 3).to_string()],
        "round" => vec![expression(r, Want::Number, 1), r.between(0, 4).to_string()],
        "derivePassword" => vec![
            r.between(1, 3).to_string(),
            one_of(r, &["long", "maximum", "medium", "short", "basic", "pin", "other"]),
            one_of(r, &TEXTS[..4]),
            one_of(r, &["user", "bob"]),
            one_of(r, &["example.com", "site"]),
        ],
        "decryptAES" => vec![
            one_of(r, &["password", "wrong", ""]),
            r.pick(&[".aes", ".aes", ".aes", ".b64", "\"x\"", "\"\""]).to_owned(),
        ],
        "buildCustomCert" => match r.below(4) {
            0 => vec![".cert64".to_owned(), ".b64".to_owned()],
            1 => vec![text(r), ".key64".to_owned()],
            _ => vec![".cert64".to_owned(), ".key64".to_owned()],
        },
        _ => return None,
    })
}

/// Functions that work on lists behind `interface {}`.
fn lists(random: &mut Random, name: &str) -> Option<Vec<String>> {
    let r = random;
    let list = |r: &mut Random| expression(r, Want::List, 1);
    let any = |r: &mut Random| expression(r, Want::Any, 1);
    Some(match name.strip_prefix("must").unwrap_or(name).to_lowercase().as_str() {
        "first" | "last" | "rest" | "initial" | "reverse" | "uniq" | "compact" | "sortalpha"
        | "tostrings" => vec![list(r)],
        "append" | "push" | "prepend" => vec![list(r), any(r)],
        "has" => vec![expression(r, Want::Int, 1), list(r)],
        "without" => vec![list(r), expression(r, Want::Int, 1), one_of(r, PIECES)],
        "slice" => (0..r.below(3)).fold(vec![list(r)], |mut all, _| {
            all.push(r.between(0, 3).to_string());
            all
        }),
        "concat" => vec![list(r), list(r)],
        "chunk" => vec![r.between(1, 4).to_string(), list(r)],
        "join" => vec![one_of(r, PIECES), list(r)],
        _ => return None,
    })
}
