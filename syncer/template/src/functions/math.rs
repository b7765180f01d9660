//! Functions on numbers, and from anything to numbers.

mod decimal;
mod power;

use decimal::Decimal;

use super::cast::{to_float64, to_int64};
use super::number::{NotInt, parse_int};
use super::show::display;
use crate::function::{Call, Failure, Function, Piece};
use crate::go::{List, Type, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "add", signature: "func(...interface {}) int64", call: add },
    Function { name: "add1", signature: "func(interface {}) int64", call: add1 },
    Function { name: "add1f", signature: "func(interface {}) float64", call: add1f },
    Function { name: "addf", signature: "func(...interface {}) float64", call: addf },
    Function { name: "atoi", signature: "func(string) int", call: atoi },
    Function { name: "biggest", signature: "func(interface {}, ...interface {}) int64", call: max },
    Function { name: "ceil", signature: "func(interface {}) float64", call: ceil },
    Function { name: "div", signature: "func(interface {}, interface {}) int64", call: div },
    Function { name: "divf", signature: "func(interface {}, ...interface {}) float64", call: divf },
    Function { name: "float64", signature: "func(interface {}) float64", call: float64 },
    Function { name: "floor", signature: "func(interface {}) float64", call: floor },
    Function { name: "int", signature: "func(interface {}) int", call: int },
    Function { name: "int64", signature: "func(interface {}) int64", call: int64 },
    Function { name: "max", signature: "func(interface {}, ...interface {}) int64", call: max },
    Function { name: "maxf", signature: "func(interface {}, ...interface {}) float64", call: maxf },
    Function { name: "min", signature: "func(interface {}, ...interface {}) int64", call: min },
    Function { name: "minf", signature: "func(interface {}, ...interface {}) float64", call: minf },
    Function { name: "mod", signature: "func(interface {}, interface {}) int64", call: modulo },
    Function { name: "mul", signature: "func(interface {}, ...interface {}) int64", call: mul },
    Function { name: "mulf", signature: "func(interface {}, ...interface {}) float64", call: mulf },
    Function { name: "round", signature: "func(interface {}, int, ...float64) float64", call: round },
    Function { name: "seq", signature: "func(...int) string", call: seq },
    Function { name: "sub", signature: "func(interface {}, interface {}) int64", call: sub },
    Function { name: "subf", signature: "func(interface {}, ...interface {}) float64", call: subf },
    Function { name: "toDecimal", signature: "func(interface {}) int64", call: to_decimal },
    Function { name: "until", signature: "func(int) []int", call: until },
    Function { name: "untilStep", signature: "func(int, int, int) []int", call: until_step },
];

fn integer(call: &Call<'_>, index: usize) -> i64 {
    to_int64(&call.value(index))
}

fn number(call: &Call<'_>, index: usize) -> f64 {
    to_float64(&call.value(index))
}

fn int(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int(integer(call, 0)))
}

fn int64(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int64(integer(call, 0)))
}

fn float64(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Float64(number(call, 0)))
}

fn atoi(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int(match parse_int(call.str(0)?, 10) {
        Ok(n) | Err(NotInt::Range(n)) => n,
        Err(NotInt::Syntax) => 0,
    }))
}

/// The digits that a value prints, read to base 8.
fn to_decimal(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value(0);
    Ok(Value::Int64(parse_int(display(call, &value)?.bytes(), 8).unwrap_or(0)))
}

/// Folds all arguments, which wrap around as Go's `int64` does.
fn integers(call: &Call<'_>, fold: fn(i64, i64) -> i64) -> Value {
    Value::Int64(call.rest(0).iter().map(to_int64).reduce(fold).unwrap_or(0))
}

fn add(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(integers(call, i64::wrapping_add))
}

fn add1(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int64(integer(call, 0).wrapping_add(1)))
}

fn sub(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(integers(call, i64::wrapping_sub))
}

fn mul(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(integers(call, i64::wrapping_mul))
}

fn max(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(integers(call, i64::max))
}

fn min(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(integers(call, i64::min))
}

fn div(call: &mut Call<'_>) -> Result<Value, Failure> {
    divided(call, i64::wrapping_div)
}

fn modulo(call: &mut Call<'_>) -> Result<Value, Failure> {
    divided(call, i64::wrapping_rem)
}

fn divided(call: &Call<'_>, divide: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match integer(call, 1) {
        0 => Err(Failure::panic("runtime error: integer divide by zero")),
        divisor => Ok(Value::Int64(divide(integer(call, 0), divisor))),
    }
}

/// Go's `math.Max`: NaN wins, but not over the infinity.
fn maxf(call: &mut Call<'_>) -> Result<Value, Failure> {
    floats(call, |a, b| {
        if a == f64::INFINITY || b == f64::INFINITY {
            f64::INFINITY
        } else if a.is_nan() || b.is_nan() {
            f64::NAN
        } else if a == b {
            if a.is_sign_negative() { b } else { a }
        } else {
            a.max(b)
        }
    })
}

/// Go's `math.Min`: NaN wins, but not over the negative infinity.
fn minf(call: &mut Call<'_>) -> Result<Value, Failure> {
    floats(call, |a, b| {
        if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
            f64::NEG_INFINITY
        } else if a.is_nan() || b.is_nan() {
            f64::NAN
        } else if a == b {
            if a.is_sign_negative() { a } else { b }
        } else {
            a.min(b)
        }
    })
}

fn floats(call: &Call<'_>, fold: fn(f64, f64) -> f64) -> Result<Value, Failure> {
    Ok(Value::Float64(call.rest(0).iter().map(to_float64).reduce(fold).unwrap_or(0.0)))
}

fn floor(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Float64(number(call, 0).floor()))
}

fn ceil(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Float64(number(call, 0).ceil()))
}

/// Rounds up from the third argument (a half) on, down below; for numbers below zero that always means down.
fn round(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (value, places) = (number(call, 0), call.int(1)?);
    let up_from = if call.len() > 2 { call.float(2)? } else { 0.5 };
    let power = power::of_ten(places);
    let digit = power * value;
    let fraction = digit - digit.trunc();
    let whole = if fraction >= up_from { digit.ceil() } else { digit.floor() };
    Ok(Value::Float64(whole / power))
}

/// Exact decimal arithmetic over all arguments, starting with `start` or the first of them.
fn decimals(
    call: &mut Call<'_>,
    start: Option<Decimal>,
    operate: fn(&Decimal, &Decimal) -> Option<Decimal>,
) -> Result<Value, Failure> {
    let mut result = start;
    for value in call.rest(0).to_vec() {
        let value = to_float64(&value);
        let Some(value) = Decimal::from_float(value) else {
            let shown = Piece::value(value.to_string().as_bytes());
            return Err(Failure::error(["Cannot create a Decimal from ".into(), shown]));
        };
        let next = match &result {
            None => value,
            Some(result) => operate(result, &value).ok_or_else(|| Failure::error("decimal division by 0"))?,
        };
        call.step(1 + next.digits() / 8)?;
        result = Some(next);
    }
    Ok(Value::Float64(result.map_or(0.0, |result| result.to_float())))
}

fn add1f(call: &mut Call<'_>) -> Result<Value, Failure> {
    decimals(call, Some(Decimal::one()), |a, b| Some(a.plus(b)))
}

fn addf(call: &mut Call<'_>) -> Result<Value, Failure> {
    decimals(call, Some(Decimal::zero()), |a, b| Some(a.plus(b)))
}

fn subf(call: &mut Call<'_>) -> Result<Value, Failure> {
    decimals(call, None, |a, b| Some(a.minus(b)))
}

fn mulf(call: &mut Call<'_>) -> Result<Value, Failure> {
    decimals(call, None, |a, b| Some(a.times(b)))
}

fn divf(call: &mut Call<'_>) -> Result<Value, Failure> {
    decimals(call, None, Decimal::divided_by)
}

/// The numbers from `start` towards `stop`, which is left out; none if the step leads away from it.
fn steps(call: &mut Call<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let leads_away = if stop < start { step >= 0 } else { step <= 0 };
    if leads_away {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    call.grow(count.saturating_mul(size_of::<Value>()))?;
    call.step(count as u64 / 64)?;
    // Beyond the largest number Go would go on at the smallest one; the limit above ends before.
    Ok(std::iter::successors(Some(start), |n| n.checked_add(step)).take(count).collect())
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::new(Type::INT, numbers.into_iter().map(Value::Int).collect()))
}

fn until(call: &mut Call<'_>) -> Result<Value, Failure> {
    let count = call.int(0)?;
    Ok(ints(steps(call, 0, count, if count < 0 { -1 } else { 1 })?))
}

fn until_step(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (start, stop, step) = (call.int(0)?, call.int(1)?, call.int(2)?);
    Ok(ints(steps(call, start, stop, step)?))
}

/// As the shell's `seq`: end, or start and end, or start, step and end; the end is part of it.
fn seq(call: &mut Call<'_>) -> Result<Value, Failure> {
    let params = (0..call.len()).map(|index| call.int(index)).collect::<Result<Vec<_>, _>>()?;
    let (start, step, end) = match *params.as_slice() {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Ok(Value::string("")),
    };
    let direction = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if end < start && step > 0 {
        return Ok(Value::string(""));
    }
    let numbers = steps(call, start, end.wrapping_add(direction), step)?;
    call.grow(numbers.len().saturating_mul(20))?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::string(texts.join(" ")))
}
