//! PEM as Go's `encoding/pem` reads and writes it.

use std::collections::BTreeMap;

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{DecodeError, Engine as _};
use zeroize::Zeroizing;

use crate::error::{Error, Piece};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";
const LINE: usize = 64;

/// Go's standard base64: padding is needed, bits behind the last byte are ignored.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// One PEM block.
pub(crate) struct Block {
    /// What stands between `BEGIN` and the dashes.
    pub(crate) kind: Vec<u8>,
    /// The lines `key: value` before the contents.
    headers: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The contents.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The block as text.
    pub(crate) fn to_text(&self) -> Result<Vec<u8>, Error> {
        if self.headers.keys().any(|key| key.contains(&b':')) {
            return Err(Error::new("pem: cannot encode a header key that contains a colon"));
        }
        let base64 = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        let headers: usize = self.headers.iter().map(|(key, value)| key.len() + value.len() + 3).sum();
        // As large as it gets, so that no part of a key is left behind where a smaller text was.
        let size = 2 * self.kind.len() + headers + base64.len() + base64.len() / LINE + 40;
        let mut out = Vec::with_capacity(size);
        put(&mut out, &[BEGIN, &self.kind, b"-----\n"]);
        // The header Proc-Type comes first wherever it is there.
        let (first, others): (Vec<_>, Vec<_>) =
            self.headers.iter().partition(|(key, _)| *key == b"Proc-Type");
        for (key, value) in first.iter().chain(&others) {
            put(&mut out, &[key, b": ", value, b"\n"]);
        }
        if !self.headers.is_empty() {
            out.push(b'\n');
        }
        for line in base64.as_bytes().chunks(LINE) {
            put(&mut out, &[line, b"\n"]);
        }
        put(&mut out, &[b"-----END ", &self.kind, b"-----\n"]);
        Ok(out)
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// A block of this kind and without headers, as text.
pub(crate) fn encode(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let block = Block {
        kind: kind.as_bytes().to_vec(),
        headers: BTreeMap::new(),
        bytes: Zeroizing::new(bytes.to_vec()),
    };
    block.to_text().unwrap_or_default()
}

/// The next block and what stands behind it; without a block all of the text.
pub(crate) fn decode(data: &[u8]) -> (Option<Block>, &[u8]) {
    let mut rest = data;
    while let Some(end) = find(rest, END) {
        let (before, from_end) = rest.split_at_checked(end).unwrap_or((rest, b""));
        let behind = from_end.get(END.len()..).unwrap_or_default();
        if let Some((block, after)) = last_block(before, behind) {
            return (Some(block), after);
        }
        rest = behind;
    }
    (None, data)
}

/// The block whose last line begins at `behind`, just after `-----END `, and what follows it.
fn last_block<'a>(before: &'a [u8], behind: &'a [u8]) -> Option<(Block, &'a [u8])> {
    let begin = find_last(before, BEGIN)?;
    let at_line_start = begin.checked_sub(1).is_none_or(|at| before.get(at) == Some(&b'\n'));
    if !at_line_start {
        return None;
    }
    let (type_line, mut rest) = line(before.get(begin + BEGIN.len()..)?);
    let kind = type_line.strip_suffix(DASHES)?;
    let mut headers = BTreeMap::new();
    loop {
        let (text, next) = line(rest);
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { break };
        let (key, value) = text.split_at_checked(colon)?;
        headers.insert(key.trim_ascii().to_vec(), value.get(1..)?.trim_ascii().to_vec());
        if next.is_empty() {
            // Go wants an empty line between headers and the last line.
            return None;
        }
        rest = next;
    }
    let trailer = behind.strip_prefix(kind)?.strip_prefix(DASHES)?;
    let (tail, after) = line(trailer);
    if !tail.is_empty() {
        return None;
    }
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(rest.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect());
    let bytes = Zeroizing::new(base64_decode(&compact).ok()?);
    Some((Block { kind: kind.to_vec(), headers, bytes }, after))
}

/// The first line without its end and without blanks before it, and what follows.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let (text, rest) = match data.iter().position(|byte| *byte == b'\n') {
        None => (data, b"".as_slice()),
        Some(at) => (data.get(..at).unwrap_or_default(), data.get(at + 1..).unwrap_or_default()),
    };
    let mut text = if rest.len() < data.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    while let [head @ .., b' ' | b'\t'] = text {
        text = head;
    }
    (text, rest)
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn find_last(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).rposition(|window| window == what)
}

/// Decodes standard base64 as Go does: ends of lines are skipped.
pub(crate) fn base64_decode(text: &[u8]) -> Result<Vec<u8>, Error> {
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    LENIENT.decode(compact.as_slice()).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len(),
        };
        Error::with(["illegal base64 data at input byte ".into(), Piece::value(at.to_string().as_bytes())])
    })
}

/// Template function `filterPEM`: the blocks of one type, whatever its letters' case, one after the other.
///
/// Text before the first block is ignored.
///
/// # Errors
/// If there is no block of the type, and text that is no block either.
pub fn filter_pem(kind: &[u8], input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rest = find(input, b"-----BEGIN").and_then(|at| input.get(at..)).unwrap_or(input);
    // A block is written with ends of lines that it may not have had.
    let mut out = Vec::with_capacity(input.len() + input.len() / LINE + 100);
    loop {
        let (block, after) = decode(rest);
        rest = after;
        let Some(block) = block else { break };
        if equal_fold(&block.kind, kind) {
            out.extend_from_slice(&Zeroizing::new(block.to_text()?));
        }
    }
    if out.is_empty() && !rest.is_empty() {
        return Err(Error::new("error filtering pem: found junk"));
    }
    Ok(out)
}

/// Whether two texts are the same but for the case of their letters.
fn equal_fold(a: &[u8], b: &[u8]) -> bool {
    match (std::str::from_utf8(a), std::str::from_utf8(b)) {
        (Ok(a), Ok(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => a.eq_ignore_ascii_case(b),
    }
}
