//! Our template engine beside Go's on random templates, and gjson beside the Go library.

use harness::oracle::systematic::cases;
use harness::oracle::{Data, compare, ours, paths};
use syncer_template::gjson::{self, Kind};

/// Pairs of documents and paths; `KEYREEVE_TEST_SEED` asks about others.
const PATHS: usize = 30_000;

fn seed() -> u64 {
    std::env::var("KEYREEVE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn look(json: &str, path: &str) -> Result<Option<(String, String, String)>, String> {
    let Some(found) = gjson::get(json.as_bytes(), path).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let kind = match found.kind() {
        Kind::Json => "JSON".to_owned(),
        other => format!("{other:?}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let raw = text(found.raw());
    Ok(Some((kind, raw, text(&found.text()))))
}

#[test]
fn gjson_agrees_with_the_go_library() {
    let looked = paths::run(seed(), PATHS, look).unwrap();
    println!(
        "seed {}, {} cases, {} found something, {} more on which Go's library panics, {} differ",
        seed(),
        looked.cases,
        looked.found,
        looked.panics,
        looked.failures.len()
    );
    let shown: Vec<&str> = looked.failures.iter().take(30).map(String::as_str).collect();
    assert!(looked.failures.is_empty(), "{}", shown.join("\n"));
}

/// Templates; each of the functions comes at least a hundred times among them.
const TEMPLATES: usize = 24_000;

/// The text that must not be in any error.
const MARKER: &str = "Hunter2Marker";

#[test]
fn templates_agree_with_go() {
    let certificate = rcgen::generate_simple_self_signed(vec!["example.com".to_owned()]).unwrap();
    let base64 =
        |text: String| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text).into_bytes();
    let extra = Data::from([
        ("cert64".to_owned(), base64(certificate.cert.pem())),
        ("key64".to_owned(), base64(certificate.signing_key.serialize_pem())),
    ]);
    let report = compare::run(seed(), TEMPLATES, extra, ours::render).unwrap();
    println!("{}", report.text(seed()));
    assert!(report.failures.is_empty(), "{} of {} differ, see above", report.failures.len(), report.cases);
    assert!(report.rendered * 10 >= report.cases * 6, "fewer than 60 % render");
    let few: Vec<_> = report.functions.iter().filter(|(_, count)| **count < 100).collect();
    assert!(few.is_empty(), "asked about too seldom: {few:?}");
}

#[test]
fn usual_edge_and_wrong_arguments_agree_with_go() {
    let report = compare::systematic(ours::render).unwrap();
    println!("{}", report.text(0));
    assert!(report.failures.is_empty(), "{} of {} differ, see above", report.failures.len(), report.cases);
}

/// Every function, with secrets where other things should be: whatever goes wrong, no error shows one.
#[test]
fn no_error_shows_a_secret() {
    let secrets = [
        MARKER.to_owned(),
        format!("{MARKER},{MARKER}"),
        format!("{{\"{MARKER}\":\"{MARKER}\"}}"),
        format!("-----BEGIN {MARKER}-----\n{MARKER}\n-----END {MARKER}-----\n"),
        format!("https://{MARKER}:{MARKER}@%{MARKER}"),
        format!("[{MARKER}"),
        format!("1.{MARKER}"),
    ];
    let (mut errors, mut shown) = (0, Vec::new());
    for secret in secrets {
        let data = Data::from([
            ("a".to_owned(), secret.clone().into_bytes()),
            ("b".to_owned(), secret.clone().into_bytes()),
            ("multi".to_owned(), secret.clone().into_bytes()),
            ("empty".to_owned(), Vec::new()),
            ("bin".to_owned(), [secret.as_bytes(), b"\xff\x00"].concat()),
        ]);
        for function in harness::oracle::all_functions().unwrap() {
            let all = [
                "(list .a)",
                "(dict .a .a)",
                ".a",
                "(dict \"k\" (list .a))",
                "(index . \"a\" | printf \"%q\")",
            ];
            let given = all
                .iter()
                .flat_map(|value| (0..=function.parameters.len()).map(|count| vec![*value; count].join(" ")));
            let templates = given.map(|arguments| format!("{{{{ {} {arguments} }}}}", function.name));
            for template in templates.chain(cases(&function).into_iter().map(|case| case.template)) {
                if let Err(error) = ours::render(&template, &data) {
                    errors += 1;
                    if error.contains(MARKER) {
                        shown.push(format!("{template}: {error}"));
                    }
                }
            }
        }
    }
    println!("{errors} errors of all functions with secrets as arguments");
    assert!(errors > 5_000, "too few errors to mean anything");
    assert!(shown.is_empty(), "{} show it:\n{}", shown.len(), shown[..shown.len().min(30)].join("\n"));
}
