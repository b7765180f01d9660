//! Functions that draw from the random bytes of the caller.

use zeroize::Zeroizing;

use super::encoding::bases;
use crate::function::{Call, Failure, Function};
use crate::go::Value;

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "randAlpha", signature: "func(int) string", call: rand_alpha },
    Function { name: "randAlphaNum", signature: "func(int) string", call: rand_alpha_num },
    Function { name: "randAscii", signature: "func(int) string", call: rand_ascii },
    Function { name: "randBytes", signature: "func(int) (string, error)", call: rand_bytes },
    Function { name: "randInt", signature: "func(int, int) int", call: rand_int },
    Function { name: "randNumeric", signature: "func(int) string", call: rand_numeric },
    Function { name: "uuidv4", signature: "func() string", call: uuidv4 },
];

/// Random bytes asked for at a time.
const BLOCK: usize = 256;

fn rand_alpha(call: &mut Call<'_>) -> Result<Value, Failure> {
    characters(call, |byte| byte.is_ascii_alphabetic())
}

fn rand_alpha_num(call: &mut Call<'_>) -> Result<Value, Failure> {
    characters(call, |byte| byte.is_ascii_alphanumeric())
}

fn rand_numeric(call: &mut Call<'_>) -> Result<Value, Failure> {
    characters(call, |byte| byte.is_ascii_digit())
}

fn rand_ascii(call: &mut Call<'_>) -> Result<Value, Failure> {
    characters(call, |byte| matches!(byte, b' '..=b'~'))
}

/// As many characters of a kind as the argument says, each as likely as the others; none for a negative number.
fn characters(call: &mut Call<'_>, wanted: fn(u8) -> bool) -> Result<Value, Failure> {
    let count = usize::try_from(call.int(0)?).unwrap_or(0);
    call.grow(count)?;
    let alphabet: Vec<u8> = (0..=u8::MAX).filter(|byte| wanted(*byte)).collect();
    let mut out = Zeroizing::new(Vec::with_capacity(count));
    let mut block = Zeroizing::new([0; BLOCK]);
    while out.len() < count {
        call.step(1)?;
        call.random(block.as_mut_slice())?;
        // The bytes past the last whole run of the alphabet are thrown away, so that none is drawn more often.
        let fair = BLOCK - BLOCK % alphabet.len();
        let drawn = block.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let letters = drawn.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        let missing = count - out.len();
        out.extend(letters.take(missing));
    }
    Ok(Value::string(std::mem::take(&mut *out)))
}

/// `randBytes count`: random bytes as Base64.
fn rand_bytes(call: &mut Call<'_>) -> Result<Value, Failure> {
    let Ok(count) = usize::try_from(call.int(0)?) else {
        return Err(Failure::panic("runtime error: makeslice: len out of range"));
    };
    call.grow(count.saturating_mul(3))?;
    let mut bytes = Zeroizing::new(vec![0; count]);
    call.random(&mut bytes)?;
    Ok(Value::string(bases::encode_64(&bytes)))
}

/// `randInt low high`: a number from `low` to below `high`.
fn rand_int(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (low, high) = (call.int(0)?, call.int(1)?);
    let range = u64::try_from(high.wrapping_sub(low)).unwrap_or(0);
    if range == 0 {
        return Err(Failure::panic("invalid argument to Intn"));
    }
    loop {
        let mut bytes = [0; 8];
        call.step(1)?;
        call.random(&mut bytes)?;
        let drawn = u64::from_ne_bytes(bytes);
        if drawn < u64::MAX - u64::MAX % range {
            return Ok(Value::Int(low.wrapping_add_unsigned(drawn % range)));
        }
    }
}

/// A UUID of version 4.
fn uuidv4(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut bytes = [0; 16];
    call.random(&mut bytes)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let mut text = format!("{number:032x}");
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    Ok(Value::string(text))
}
