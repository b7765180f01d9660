//! Powers of ten with the very bits that Go's `math.Pow` gives.

/// `math.Pow(10, power)`
pub(super) fn of_ten(power: i64) -> f64 {
    // Ten is 0.625 * 2^4; the squares are kept between a half and one.
    let (mut base, mut base_exponent) = (0.625f64, 4i64);
    let (mut mantissa, mut exponent) = (1.0f64, 0i64);
    let mut left = power.unsigned_abs();
    if power == 1 {
        return 10.0;
    }
    while left != 0 {
        if base_exponent.abs() > 1 << 12 {
            exponent += base_exponent;
            break;
        }
        if left & 1 == 1 {
            mantissa *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent *= 2;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if power < 0 {
        (mantissa, exponent) = (1.0 / mantissa, -exponent);
    }
    scaled(mantissa, exponent)
}

/// `mantissa * 2^exponent`, rounded once; the mantissa is near one.
fn scaled(mantissa: f64, exponent: i64) -> f64 {
    let Ok(exponent) = i32::try_from(exponent.clamp(-5000, 5000)) else { return mantissa };
    if exponent < -1000 {
        // The last step is the only one that can lose bits.
        return mantissa * 2f64.powi(-1000) * 2f64.powi((exponent + 1000).max(-1000));
    }
    if exponent > 1000 {
        return mantissa * 2f64.powi(1000) * 2f64.powi((exponent - 1000).min(1000));
    }
    mantissa * 2f64.powi(exponent)
}
