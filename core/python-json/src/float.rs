//! Python's `repr(float)`: the shortest digits that round-trip, formatted as Python formats them.

use alloc::string::String;
use core::fmt::Write;

/// Appends a finite float as Python prints it: `1.0`, `1e-05`, `1e+16`, `-0.0`.
///
/// The digits come from zmij, not `core::fmt`: of two equally close shortest decimals, Python takes the even
/// one (as zmij does), `core::fmt` the larger.
pub(super) fn write_finite(out: &mut String, float: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(float);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

    // The value is 0.DIGITS times ten to `point`.
    let mut digits = [b'0'; 32];
    for (slot, digit) in digits.iter_mut().zip(whole.bytes().chain(fraction.bytes())) {
        *slot = digit;
    }
    let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
    if leading == digits.len() {
        out.push_str(if sign.is_empty() { "0.0" } else { "-0.0" });
        return;
    }
    let trailing = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    let point = whole.len() as i32 + exponent.parse().unwrap_or(0) - leading as i32;
    out.push_str(sign);
    let digits = str::from_utf8(&digits[leading..digits.len() - trailing]).unwrap_or_default();
    layout(out, digits, point);
}

/// Appends 0.DIGITS times ten to `point`: with an exponent when it is below -4 or from 16 on.
fn layout(out: &mut String, digits: &str, point: i32) {
    let (first, rest) = digits.split_at(1);
    match point {
        -3..=0 => {
            out.push_str("0.");
            zeros(out, -point);
            out.push_str(digits);
        }
        1..=16 => match digits.split_at_checked(point as usize) {
            Some((whole, fraction)) => {
                out.push_str(whole);
                out.push('.');
                out.push_str(if fraction.is_empty() { "0" } else { fraction });
            }
            None => {
                out.push_str(digits);
                zeros(out, point - digits.len() as i32);
                out.push_str(".0");
            }
        },
        _ => {
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            let exponent = point - 1;
            let sign = if exponent < 0 { '-' } else { '+' };
            // Writing to a `String` cannot fail.
            let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
        }
    }
}

fn zeros(out: &mut String, count: i32) {
    (0..count).for_each(|_| out.push('0'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_layout() {
        for (float, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
            (123.456, "123.456"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1234567890123456.0, "1234567890123456.0"),
            (123456789012345.6, "123456789012345.6"),
            (1e16, "1e+16"),
            (12345678901234567.0, "1.2345678901234568e+16"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (2.0f64.powi(-44), "5.684341886080802e-14"),
            (2.0f64.powi(-24), "5.960464477539063e-08"),
            (2.9802322387695312e-08, "2.9802322387695312e-08"),
            (2.0f64.powi(50) + 0.25, "1125899906842624.2"),
        ] {
            let mut out = String::new();
            write_finite(&mut out, float);
            assert_eq!(out, text);
        }
    }
}
