//! Constants: numbers of all bases and characters, with every reading that fits.

use crate::functions::number::{parse_float, parse_int, parse_uint};
use crate::gofmt::quote;

/// A numeric constant; each reading is there if it is exact enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct Number {
    /// As written.
    pub(crate) text: String,
    /// As a signed integer.
    pub(crate) int: Option<i64>,
    /// As an unsigned integer.
    pub(crate) uint: Option<u64>,
    /// As a floating-point number.
    pub(crate) float: Option<f64>,
    /// As a complex number, real and imaginary part.
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    /// Reads a number. Errors are Go's words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if let Some(imaginary) = text.strip_suffix('i').and_then(|text| parse_float(text.as_bytes())) {
            return Ok(Self::of_complex(text, 0.0, imaginary));
        }
        let uint = parse_uint(text.as_bytes(), 0).flatten();
        let int = parse_int(text.as_bytes(), 0).ok();
        let mut number = Self { text: text.to_owned(), int, uint, ..Self::default() };
        if int == Some(0) {
            number.uint = Some(0);
        }
        number.float = int.map(|n| n as f64).or(uint.map(|n| n as f64));
        if number.float.is_some() {
            return Ok(number);
        }
        let Some(float) = parse_float(text.as_bytes()) else {
            return Err(format!("illegal number syntax: {}", quote::shown(text.as_bytes())));
        };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote::shown(text.as_bytes())));
        }
        number.take_float(float);
        Ok(number)
    }

    /// Reads `1+2i`.
    pub(super) fn read_complex(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let sign = (1..bytes.len()).rev().find(|&at| {
            matches!(bytes.get(at), Some(b'+' | b'-'))
                && !matches!(bytes.get(at - 1), Some(b'e' | b'E' | b'p' | b'P'))
        });
        let parts = sign.and_then(|at| {
            let imaginary = bytes.get(at..bytes.len().checked_sub(1)?)?;
            Some((parse_float(bytes.get(..at)?)?, parse_float(imaginary)?))
        });
        let (real, imaginary) = parts.ok_or("syntax error scanning complex number")?;
        Ok(Self::of_complex(text, real, imaginary))
    }

    /// Reads a character in its quotes.
    pub(super) fn read_char(text: &str) -> Result<Self, String> {
        let inner = text.as_bytes().get(1..).unwrap_or_default();
        let (rune, _, tail) = quote::unquote_char(inner, b'\'').ok_or("invalid syntax")?;
        if tail != b"'" {
            return Err(format!("malformed character constant: {text}"));
        }
        Ok(Self {
            text: text.to_owned(),
            int: Some(i64::from(rune)),
            uint: Some(u64::from(rune)),
            float: Some(f64::from(rune)),
            complex: None,
        })
    }

    /// Whether it stands for a float where nothing else is asked for.
    pub(crate) fn is_float(&self) -> bool {
        let bytes = self.text.as_bytes();
        let hex = matches!(bytes, [b'0', b'x' | b'X', _, ..]) && !self.text.contains(['p', 'P']);
        self.float.is_some()
            && !hex
            && bytes.first() != Some(&b'\'')
            && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }

    fn of_complex(text: &str, real: f64, imaginary: f64) -> Self {
        let mut number = Self { text: text.to_owned(), complex: Some((real, imaginary)), ..Self::default() };
        if imaginary == 0.0 {
            number.take_float(real);
        }
        number
    }

    /// The readings of a float: integers too where they are exact.
    fn take_float(&mut self, float: f64) {
        const TWO_63: f64 = 9_223_372_036_854_775_808.0;
        self.float = Some(float);
        let whole = float.fract() == 0.0;
        self.int = (whole && (-TWO_63..TWO_63).contains(&float)).then_some(float as i64);
        self.uint = (whole && (0.0..TWO_63 * 2.0).contains(&float)).then_some(float as u64);
    }
}
