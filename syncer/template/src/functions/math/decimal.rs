//! Exact decimal numbers, as Sprig's functions on floats use them: a sum of 0.1 and 0.2 is 0.3.

use num_bigint::BigInt;

/// `value * 10^exponent`
#[derive(Clone)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

/// How many decimals a quotient keeps.
const DIVISION_DECIMALS: i64 = 16;

impl Decimal {
    pub(super) fn zero() -> Self {
        Self { value: BigInt::ZERO, exponent: 0 }
    }

    pub(super) fn one() -> Self {
        Self { value: BigInt::from(1), exponent: 0 }
    }

    /// The shortest decimal number that stands for this float; `None` for infinities and NaN.
    pub(super) fn from_float(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let written = format!("{number:e}");
        let (mantissa, exponent) = written.split_once('e')?;
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
        let exponent = exponent.parse::<i64>().ok()? - i64::try_from(decimals).ok()?;
        Some(Self { value: digits.parse().ok()?, exponent })
    }

    /// The nearest float; infinity if it is too large.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// About how many digits it has.
    pub(super) fn digits(&self) -> u64 {
        self.value.bits() / 3
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { value: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { value: self.scaled(exponent) - other.scaled(exponent), exponent }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self { value: &self.value * &other.value, exponent: self.exponent + other.exponent }
    }

    /// The quotient, its last decimal rounded half away from zero; `None` for a division by zero.
    pub(super) fn divided_by(&self, other: &Self) -> Option<Self> {
        if other.value == BigInt::ZERO {
            return None;
        }
        let shift = self.exponent - other.exponent + DIVISION_DECIMALS;
        let dividend = if shift > 0 { &self.value * ten_to(shift) } else { self.value.clone() };
        let divisor = if shift < 0 { &other.value * ten_to(-shift) } else { other.value.clone() };
        let quotient = &dividend / &divisor;
        let remainder = &dividend - &quotient * &divisor;
        let up = (remainder.magnitude() * 2u8) >= *divisor.magnitude();
        let away = if (self.value.sign() == num_bigint::Sign::Minus)
            == (other.value.sign() == num_bigint::Sign::Minus)
        {
            1
        } else {
            -1
        };
        Some(Self { value: if up { quotient + away } else { quotient }, exponent: -DIVISION_DECIMALS })
    }

    /// The value at an exponent that is not above its own.
    fn scaled(&self, exponent: i64) -> BigInt {
        &self.value * ten_to(self.exponent - exponent)
    }
}

fn ten_to(power: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}
