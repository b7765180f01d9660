//! Paths that are accepted, in canonical form, and those that are refused, with the reason.

use super::*;
use proptest::prelude::*;

fn check(raw: &str, list: bool, expected: Result<&str, PathError>) {
    let parsed = RequestPath::parse(raw, list);
    match (&parsed, expected) {
        (Ok(path), Ok(text)) => assert_eq!(path.as_str(), text, "{raw:?}"),
        (Err(error), Err(wanted)) => assert_eq!(*error, wanted, "{raw:?}"),
        _ => panic!("{raw:?}, list {list}: {parsed:?}, expected {expected:?}"),
    }
}

#[test]
fn canonical_form() {
    check("secret/data/a", false, Ok("secret/data/a"));
    check("secret/metadata/t", true, Ok("secret/metadata/t/"));
    check("secret/metadata/t/", true, Ok("secret/metadata/t/"));
    check("secret/metadata%2Ft%2f", true, Ok("secret/metadata/t/"));
    check("secret%2fdata%2Fa", false, Ok("secret/data/a"));
    check("s/a%252fb", false, Ok("s/a%2fb"));
    check("s/a%20b+c", false, Ok("s/a b+c"));
    check("s/a..b/%2e%2e%2e/.x", false, Ok("s/a..b/.../.x"));
    check("s/%c3%a9/e%cc%81/ключ", false, Ok("s/é/e\u{301}/ключ"));
    check("s/$%7bx%7d/*", false, Ok("s/${x}/*"));
}

#[test]
fn refused() {
    use PathError::*;
    check("", false, Err(Empty));
    check("", true, Err(Empty));
    for raw in ["/s", "s//a", "s/%2fa", "s%2F%2fa", "%2fs"] {
        check(raw, false, Err(EmptySegment));
        check(raw, true, Err(EmptySegment));
    }
    check("/", true, Err(EmptySegment));
    check("s//", true, Err(EmptySegment));
    check("s/", false, Err(TrailingSlash));
    check("s%2f", false, Err(TrailingSlash));
    for raw in ["s/../a", "s/./a", "..", ".", "s/..", "s/%2e%2e/a", "s/.%2E/a", "s/a%2f%2e%2e%2fb", "s/%2e"] {
        check(raw, false, Err(RelativeSegment));
    }
    for raw in ["s/%", "s/%2", "s/%zz", "s/%2x", "s/%é"] {
        check(raw, false, Err(BadEscape));
    }
    for raw in ["s/%ff", "s/%c3", "s/%ed%a0%80", "s/%c0%af"] {
        check(raw, false, Err(NotUtf8));
    }
}

#[test]
fn nothing_invisible() {
    let hidden = [
        0x00, 0x09, 0x0A, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xA0, 0xAD, 0x061C, 0x115F, 0x1680, 0x180E, 0x2003,
        0x200B, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E, 0x202F, 0x2060, 0x3000, 0x3164, 0xE000, 0xFE0F,
        0xFEFF, 0xFFFD, 0xFFFE, 0x1FFFE, 0xE0041, 0xF0000, 0x10FFFD, 0x10FFFF,
    ];
    for code in hidden {
        let c = char::from_u32(code).unwrap();
        check(&format!("s/a{c}b"), false, Err(PathError::NotPrintable { code }));
    }
    for c in [' ', '~', '!', 'é', '\u{301}', 'ж', '中', '🔑', '¿', '€', '、', '\u{1F511}'] {
        check(&format!("s/a{c}b"), false, Ok(&format!("s/a{c}b")));
    }
    assert!(INVISIBLE.windows(2).all(|w| w[0].1 < w[1].0), "the table is sorted and without overlaps");
}

#[test]
fn limits() {
    let segment = "a".repeat(MAX_SEGMENT_BYTES);
    check(&segment, false, Ok(&segment));
    check(&format!("s/{segment}b"), false, Err(PathError::SegmentTooLong { segment: 2 }));
    let long = format!("{}a", "ab/".repeat(MAX_PATH_BYTES / 3));
    assert_eq!(long.len(), MAX_PATH_BYTES);
    check(&long, false, Ok(&long));
    check(&long, true, Err(PathError::TooLong { bytes: MAX_PATH_BYTES + 1 }));
    check(&format!("{long}b"), false, Err(PathError::TooLong { bytes: MAX_PATH_BYTES + 1 }));
    let escaped = "%61".repeat(MAX_PATH_BYTES + 1);
    check(&escaped, false, Err(PathError::TooLong { bytes: escaped.len() }));
}

#[test]
fn views() {
    let list = RequestPath::parse("secret/metadata/t", true).unwrap();
    assert!(list.is_list());
    assert_eq!(list.without_trailing_slash(), "secret/metadata/t");
    assert_eq!(list.segments().collect::<Vec<_>>(), ["secret", "metadata", "t"]);
    let read = RequestPath::from_canonical("secret/a%2fb").unwrap();
    assert!(!read.is_list());
    assert_eq!(read.segments().collect::<Vec<_>>(), ["secret", "a%2fb"]);
    assert_eq!(RequestPath::from_canonical("a/../b"), Err(PathError::RelativeSegment));
}

#[test]
fn messages_say_what_to_do() {
    let texts = [
        (
            PathError::NotPrintable { code: 0x200B },
            "the path has the non-printable character U+200B; remove it",
        ),
        (PathError::TrailingSlash, "only a list may end in a slash; remove it or use LIST"),
        (
            PathError::TooLong { bytes: 5000 },
            "the path has 5000 bytes, the limit is 4096; use a shorter path",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn accepted_paths_are_canonical(raw in "[a%2fFeE./é\u{200b}]{0,24}", list: bool) {
        let Ok(path) = RequestPath::parse(&raw, list) else { return Ok(()) };
        prop_assert_eq!(path.is_list(), list);
        prop_assert_eq!(path.as_str().ends_with('/'), list);
        prop_assert!(path.segments().all(|s| !s.is_empty() && s != "." && s != ".."));
        prop_assert_eq!(RequestPath::from_canonical(path.as_str()), Ok(path));
    }
}
