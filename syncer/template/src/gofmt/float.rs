//! Floating-point numbers as texts, as Go's strconv writes them.

/// Decimal digits without trailing zeros, and where the point stands before them: `0.digits * 10^point`.
struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

/// No number has more digits behind its point, nor in all.
const MOST_DIGITS: usize = 1100;

/// The text of a number for the verbs e, E, f, g, G, b, x and X; without a precision the shortest exact one.
pub(crate) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let abs = value.abs();
    let text = match verb {
        'b' => binary(abs),
        'x' | 'X' => hexadecimal(abs, precision),
        'f' => plain(&decimal(abs, verb, precision), precision),
        'e' | 'E' => {
            let decimal = decimal(abs, verb, precision);
            let behind = precision.unwrap_or(decimal.digits.len().saturating_sub(1));
            scientific(&decimal, behind)
        }
        _ => general(abs, precision),
    };
    let text = if verb.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text };
    format!("{sign}{text}")
}

fn decimal(abs: f64, verb: char, precision: Option<usize>) -> Decimal {
    let text = match (precision, verb) {
        (None, _) => format!("{abs:e}"),
        (Some(behind), 'f') => return fixed(abs, behind),
        (Some(behind), _) => format!("{abs:.*e}", behind.min(MOST_DIGITS)),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    trimmed(digits, exponent.parse::<i64>().unwrap_or(0) + 1)
}

fn fixed(abs: f64, behind: usize) -> Decimal {
    let text = format!("{abs:.*}", behind.min(MOST_DIGITS));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let point = i64::try_from(whole.len()).unwrap_or(0);
    trimmed(whole.bytes().chain(fraction.bytes()).collect(), point)
}

fn trimmed(mut digits: Vec<u8>, mut point: i64) -> Decimal {
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    digits.drain(..zeros);
    point -= i64::try_from(zeros).unwrap_or(0);
    if digits.is_empty() {
        point = 0;
    }
    Decimal { digits, point }
}

fn general(abs: f64, precision: Option<usize>) -> String {
    let precision = precision.map(|p| p.max(1));
    let decimal = decimal(abs, 'e', precision.map(|p| p - 1));
    let count = decimal.digits.len();
    let len = i64::try_from(count).unwrap_or(0);
    let mut limit = precision.map_or(6, |p| i64::try_from(p).unwrap_or(i64::MAX));
    if precision.is_some() && limit > len && len >= decimal.point {
        limit = len;
    }
    let exponent = decimal.point - 1;
    if exponent < -4 || exponent >= limit {
        return scientific(&decimal, precision.unwrap_or(count).min(count).saturating_sub(1));
    }
    plain(&decimal, Some(usize::try_from((len - decimal.point).max(0)).unwrap_or(0)))
}

fn scientific(decimal: &Decimal, behind: usize) -> String {
    let mut out = String::new();
    out.push(digit(decimal, 0));
    if behind > 0 {
        out.push('.');
        (1..=behind).for_each(|at| out.push(digit(decimal, at)));
    }
    let exponent = if decimal.digits.is_empty() { 0 } else { decimal.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{out}e{sign}{:02}", exponent.unsigned_abs())
}

fn plain(decimal: &Decimal, behind: Option<usize>) -> String {
    let len = i64::try_from(decimal.digits.len()).unwrap_or(0);
    let behind = behind.unwrap_or_else(|| usize::try_from((len - decimal.point).max(0)).unwrap_or(0));
    let mut out = String::new();
    if decimal.point <= 0 {
        out.push('0');
    }
    (0..decimal.point.max(0)).for_each(|at| out.push(digit(decimal, usize::try_from(at).unwrap_or(0))));
    if behind > 0 {
        out.push('.');
        for at in 0..behind {
            let index = i64::try_from(at).unwrap_or(0) + decimal.point;
            out.push(usize::try_from(index).map_or('0', |index| digit(decimal, index)));
        }
    }
    out
}

fn digit(decimal: &Decimal, at: usize) -> char {
    decimal.digits.get(at).map_or('0', |b| char::from(*b))
}

/// Mantissa and exponent of 2, the mantissa with its highest bit unless the number is tiny.
fn parts(abs: f64) -> (u64, i64) {
    let bits = abs.to_bits();
    let exponent = i64::try_from(bits >> 52).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

fn binary(abs: f64) -> String {
    let (mantissa, exponent) = parts(abs);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(abs: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(abs);
    exponent = if mantissa == 0 { 0 } else { exponent + 52 };
    // The leading digit is at bit 60.
    mantissa <<= 8;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(digits) = precision.filter(|p| *p < 15) {
        let shift = u32::try_from(60 - digits * 4).unwrap_or(60);
        let (rest, half) = (mantissa & ((1 << shift) - 1), 1 << (shift - 1));
        mantissa >>= shift;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut out = format!("0x{}", mantissa >> 60 & 15);
    mantissa <<= 4;
    let mut left = precision;
    if left.map_or(mantissa != 0, |p| p > 0) {
        out.push('.');
    }
    while left.map_or(mantissa != 0, |p| p > 0) {
        out.push_str(&format!("{:x}", mantissa >> 60 & 15));
        mantissa <<= 4;
        left = left.map(|p| p - 1);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{out}p{sign}{:02}", exponent.unsigned_abs())
}
