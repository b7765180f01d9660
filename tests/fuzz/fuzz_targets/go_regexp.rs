//! A pattern, a text and a replacement through Go's regular expressions: no panic, and ranges that fit the text.
#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use syncer_regexp::{Regexp, quote_meta};

fn free(_: usize) -> Result<(), Infallible> {
    Ok(())
}

fn up_to_a_megabyte() -> impl FnMut(usize) -> Result<(), ()> {
    let mut left = 1usize << 20;
    move |bytes| {
        left = left.checked_sub(bytes).ok_or(())?;
        Ok(())
    }
}

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
    let Ok(all) = re.find_all(text, -1, &mut free);
    assert_eq!(re.is_match(text), !all.is_empty());
    assert_eq!(re.find(text), all.first().cloned());
    assert_eq!(re.find_all(text, 1, &mut free).as_deref().map(|found| found.first()), Ok(all.first()));
    let mut end = 0;
    for found in &all {
        assert!(end <= found.start && found.start <= found.end && found.end <= text.len());
        end = found.end;
    }
    // Every match replaced by itself leaves the text as it was.
    assert_eq!(re.replace_all(text, b"$0", &mut free).as_deref(), Ok(text));
    let literal = re.replace_all_literal(text, template, &mut up_to_a_megabyte());
    if !template.contains(&b'$') {
        assert_eq!(re.replace_all(text, template, &mut up_to_a_megabyte()), literal);
    }
    for n in [-1, 2] {
        let Ok(pieces) = re.split(text, n, &mut free);
        let pieces = pieces.unwrap_or_default();
        assert!(pieces.iter().all(|piece| piece.start <= piece.end && piece.end <= text.len()));
    }
});
