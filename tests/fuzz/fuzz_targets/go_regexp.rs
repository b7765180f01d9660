//! A pattern, a text and a replacement through Go's regular expressions: no panic, and ranges that fit the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncer_regexp::{Regexp, quote_meta};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0);
    let (pattern, text, template) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());

    let quoted = Regexp::new(&quote_meta(text));
    match quoted {
        Ok(quoted) => assert_eq!(quoted.find(text), Some(0..text.len())),
        Err(_) => assert!(std::str::from_utf8(text).is_err() || text.len() > syncer_regexp::MAX_PATTERN),
    }

    let Ok(re) = Regexp::new(pattern) else { return };
    let all = re.find_all(text, -1);
    assert_eq!(re.is_match(text), !all.is_empty());
    assert_eq!(re.find(text), all.first().cloned());
    assert_eq!(re.find_all(text, 1).first(), all.first());
    let mut end = 0;
    for found in &all {
        assert!(end <= found.start && found.start <= found.end && found.end <= text.len());
        end = found.end;
    }
    // Every match replaced by itself leaves the text as it was.
    assert_eq!(re.replace_all(text, b"$0", text.len()).as_deref(), Ok(text));
    let literal = re.replace_all_literal(text, template, 1 << 20);
    if !template.contains(&b'$') {
        assert_eq!(re.replace_all(text, template, 1 << 20), literal);
    }
    for n in [-1, 2] {
        let pieces = re.split(text, n).unwrap_or_default();
        assert!(pieces.iter().all(|piece| piece.start <= piece.end && piece.end <= text.len()));
    }
});
