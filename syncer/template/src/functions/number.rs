//! Numbers out of text, by Go's `strconv`.

use zeroize::Zeroizing;

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInt {
    /// It is not written like one.
    Syntax,
    /// It does not fit; this is the nearest that does.
    Range(i64),
}

/// `strconv.ParseInt(text, base, 64)`; base 0 takes it from a prefix and allows underscores.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Result<i64, NotInt> {
    let (negative, digits) = sign(text);
    let limit = if negative { i64::MIN.unsigned_abs() } else { i64::MAX.unsigned_abs() };
    let clamp = if negative { i64::MIN } else { i64::MAX };
    let value = parse_uint(digits, base).ok_or(NotInt::Syntax)?.filter(|n| *n <= limit);
    let value = value.ok_or(NotInt::Range(clamp))?;
    Ok(if negative { 0i64.wrapping_sub_unsigned(value) } else { value.cast_signed() })
}

/// An unsigned number; `None` if it is not written like one, `Some(None)` if it does not fit.
pub(crate) fn parse_uint(text: &[u8], base: u32) -> Option<Option<u64>> {
    let any_base = base == 0;
    let (base, digits) = if any_base { prefix(text) } else { (base, text) };
    let mut value = 0u64;
    for &byte in digits {
        if byte == b'_' && any_base {
            continue;
        }
        let digit = u64::from(char::from(byte).to_digit(base)?);
        match value.checked_mul(u64::from(base)).and_then(|value| value.checked_add(digit)) {
            Some(next) => value = next,
            // What follows is not looked at any more.
            None => return Some(None),
        }
    }
    let odd = any_base && text.contains(&b'_') && !underscores_fit(text);
    (!text.is_empty() && !odd).then_some(Some(value))
}

/// The base by a prefix, and the digits behind it.
fn prefix(text: &[u8]) -> (u32, &[u8]) {
    match text {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest),
        [b'0', b'o' | b'O', rest @ ..] if !rest.is_empty() => (8, rest),
        [b'0', rest @ ..] => (8, rest),
        _ => (10, text),
    }
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Whether each underscore stands between digits, or between a base prefix and a digit.
fn underscores_fit(text: &[u8]) -> bool {
    let (_, mut rest) = sign(text);
    let (mut before, mut hex) = (b'^', false);
    if let [b'0', letter, tail @ ..] = rest
        && matches!(letter.to_ascii_lowercase(), b'b' | b'o' | b'x')
    {
        (before, hex, rest) = (b'0', letter.eq_ignore_ascii_case(&b'x'), tail);
    }
    for &byte in rest {
        before = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' | b'A'..=b'F' if hex => b'0',
            b'_' if before == b'0' => b'_',
            b'_' => return false,
            _ if before == b'_' => return false,
            _ => b'!',
        };
    }
    before != b'_'
}

/// `strconv.ParseFloat(text, 64)`; `None` if it is not written like a number or does not fit.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let (negative, unsigned) = sign(text);
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    if unsigned.contains(&b'_') && !underscores_fit(text) {
        return None;
    }
    let digits: Zeroizing<Vec<u8>> =
        Zeroizing::new(unsigned.iter().copied().filter(|&b| b != b'_').collect());
    let value = match digits.as_slice() {
        [b'0', b'x' | b'X', rest @ ..] => hex_float(rest)?,
        decimal => {
            let written = decimal.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
            let first_is_sign = matches!(decimal.first(), Some(b'+' | b'-'));
            let text = std::str::from_utf8(decimal).ok().filter(|_| written && !first_is_sign)?;
            text.parse::<f64>().ok()?
        }
    };
    value.is_finite().then_some(if negative { -value } else { value })
}

/// What stands behind `0x`: a mantissa with an optional point, and an exponent of 2 that must be there.
fn hex_float(text: &[u8]) -> Option<f64> {
    let split = text.iter().position(|b| b.eq_ignore_ascii_case(&b'p'))?;
    let (mantissa, exponent) = (text.get(..split)?, text.get(split + 1..)?);
    let (below_one, exponent) = sign(exponent);
    if exponent.is_empty() || !exponent.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = exponent.iter().fold(0i64, |n, b| (n * 10 + i64::from(b - b'0')).min(100_000));
    let mut exponent = if below_one { -exponent } else { exponent };
    let (mut value, mut point, mut seen) = (0u64, false, false);
    for &byte in mantissa {
        if byte == b'.' && !point {
            point = true;
            continue;
        }
        let digit = u64::from(char::from(byte).to_digit(16)?);
        seen = true;
        if value >> 59 == 0 {
            value = value << 4 | digit;
            exponent -= if point { 4 } else { 0 };
        } else {
            // Only whether something follows counts here: it breaks ties.
            value |= u64::from(digit != 0);
            exponent += if point { 0 } else { 4 };
        }
    }
    seen.then(|| scale(value, exponent))
}

/// `value * 2^exponent`, rounded once.
fn scale(mut value: u64, mut exponent: i64) -> f64 {
    if value == 0 {
        return 0.0;
    }
    // With the highest bit at 63, the number lies in 2^(exponent+63) and up.
    let shift = value.leading_zeros();
    value <<= shift;
    exponent -= i64::from(shift);
    // A number below 2^-1022 keeps fewer than 53 bits.
    let lost = u32::try_from((11 + (-1022 - (exponent + 63)).max(0)).min(66)).unwrap_or(66);
    let kept = value.checked_shr(lost).unwrap_or(0);
    let rest = u128::from(value) & ((1u128 << lost) - 1);
    let half = 1u128 << (lost - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    // 53 bits are exact, and so are the steps to the power wanted: what is left of them fits.
    let mut out = (kept + u64::from(up)) as f64;
    let mut left = exponent + i64::from(lost);
    while left != 0 && out.is_finite() && out != 0.0 {
        let step = left.clamp(-1000, 1000);
        out *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        left -= step;
    }
    out
}
