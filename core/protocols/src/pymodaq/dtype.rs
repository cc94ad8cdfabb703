//! Data types of array elements: NumPy's array-protocol type strings (`<f8`, `>i4`, `|b1`, `<M8[ns]` ...).

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// Longest time unit stored, without `[...]` (`100000ns` is longer than any seen).
const MAX_UNIT: usize = 8;
/// Largest element, in bytes: far beyond any number, with room for text and opaque records.
const MAX_ITEM_SIZE: usize = 1 << 20;

/// Kind, size and byte order of an array's elements. Displayed as NumPy's type string and parsed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dtype {
    kind: Kind,
    order: ByteOrder,
    item_size: u32,
    /// Unit of a date or duration, padded with zeros; empty for every other kind.
    unit: [u8; MAX_UNIT],
}

/// Kind of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an array has to be read whatever its kind"
)]
pub enum Kind {
    /// `b`: true or false, one byte.
    Bool,
    /// `i`: a signed integer.
    Int,
    /// `u`: an unsigned integer.
    Uint,
    /// `f`: a floating-point number.
    Float,
    /// `c`: a complex number, real part first.
    Complex,
    /// `S`: bytes, padded with zeros.
    Bytes,
    /// `U`: text with 4 bytes per character, padded with zeros.
    Text,
    /// `M`: a date.
    Date,
    /// `m`: a duration.
    Duration,
    /// `V`: anything else, opaque.
    Opaque,
}

/// Byte order of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are no other orders")]
pub enum ByteOrder {
    /// `<`: least significant byte first.
    Little,
    /// `>`: most significant byte first.
    Big,
    /// `|`: not applicable.
    None,
}

impl Dtype {
    /// `|u1`: single bytes.
    pub const U8: Self = Self::number(Kind::Uint, 1);
    /// `<u2`.
    pub const U16: Self = Self::number(Kind::Uint, 2);
    /// `<u4`.
    pub const U32: Self = Self::number(Kind::Uint, 4);
    /// `<i4`.
    pub const I32: Self = Self::number(Kind::Int, 4);
    /// `<i8`.
    pub const I64: Self = Self::number(Kind::Int, 8);
    /// `<f4`.
    pub const F32: Self = Self::number(Kind::Float, 4);
    /// `<f8`.
    pub const F64: Self = Self::number(Kind::Float, 8);
    /// `|b1`.
    pub const BOOL: Self = Self::number(Kind::Bool, 1);
    /// `<c16`.
    pub const COMPLEX: Self = Self::number(Kind::Complex, 16);

    /// Kind of an element.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Byte order of an element.
    #[must_use]
    pub const fn order(self) -> ByteOrder {
        self.order
    }

    /// Number of bytes of one element, at least 1.
    #[must_use]
    pub const fn item_size(self) -> usize {
        self.item_size as usize
    }

    /// Whether an element is a number (or true or false), so that it can be sent as a scalar.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(
            self.kind,
            Kind::Bool | Kind::Int | Kind::Uint | Kind::Float | Kind::Complex
        )
    }

    /// Value of one element as a float: booleans as 0 and 1, big integers rounded. `None` if it is not a real number,
    /// for floats wider than 8 bytes, and if `item` is not the size of an element.
    #[must_use]
    pub fn read(self, item: &[u8]) -> Option<f64> {
        if item.len() != self.item_size() || item.len() > 8 {
            return None;
        }
        let mut bytes = [0; 8];
        bytes[..item.len()].copy_from_slice(item);
        if self.order == ByteOrder::Big {
            bytes[..item.len()].reverse();
        }
        let raw = u64::from_le_bytes(bytes);
        let unused = 64 - 8 * self.item_size;
        match (self.kind, self.item_size) {
            (Kind::Bool, _) => Some(f64::from(u8::from(raw != 0))),
            (Kind::Uint, _) => Some(raw as f64),
            (Kind::Int, _) => Some((((raw << unused) as i64) >> unused) as f64),
            (Kind::Float, 8) => Some(f64::from_bits(raw)),
            (Kind::Float, 4) => Some(f64::from(f32::from_bits(raw as u32))),
            (Kind::Float, 2) => Some(half(raw as u16)),
            _ => None,
        }
    }

    const fn number(kind: Kind, item_size: u32) -> Self {
        let order = if item_size == 1 {
            ByteOrder::None
        } else {
            ByteOrder::Little
        };
        Self {
            kind,
            order,
            item_size,
            unit: [0; MAX_UNIT],
        }
    }

    fn unit(&self) -> &str {
        let length = self.unit.iter().position(|&byte| byte == 0).unwrap_or(MAX_UNIT);
        core::str::from_utf8(&self.unit[..length]).unwrap_or_default()
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = (bits >> 10) & 0x1f;
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => fraction / f64::from(1u32 << 24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => return f64::NAN,
        _ => (1024.0 + fraction) * f64::from(1u32 << exponent) / f64::from(1u32 << 25),
    };
    sign * magnitude
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            ByteOrder::Little => '<',
            ByteOrder::Big => '>',
            ByteOrder::None => '|',
        };
        // Text counts characters of 4 bytes.
        let size = if self.kind == Kind::Text {
            self.item_size / 4
        } else {
            self.item_size
        };
        write!(f, "{order}{}{size}", self.kind.letter())?;
        match self.unit() {
            "" => Ok(()),
            unit => write!(f, "[{unit}]"),
        }
    }
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::Uint => 'u',
            Self::Float => 'f',
            Self::Complex => 'c',
            Self::Bytes => 'S',
            Self::Text => 'U',
            Self::Date => 'M',
            Self::Duration => 'm',
            Self::Opaque => 'V',
        }
    }

    fn has_size(self, size: usize) -> bool {
        match self {
            Self::Bool => size == 1,
            Self::Int | Self::Uint => matches!(size, 1 | 2 | 4 | 8),
            Self::Float => matches!(size, 2 | 4 | 8 | 12 | 16),
            Self::Complex => matches!(size, 8 | 16 | 24 | 32),
            Self::Date | Self::Duration => size == 8,
            Self::Bytes | Self::Text | Self::Opaque => (1..=MAX_ITEM_SIZE).contains(&size),
        }
    }
}

/// Unknown type string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a data type")]
#[non_exhaustive]
pub struct UnknownDtype(pub String);

impl FromStr for Dtype {
    type Err = UnknownDtype;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| UnknownDtype(text.to_string()))
    }
}

fn parse(text: &str) -> Option<Dtype> {
    let mut chars = text.chars();
    let order = match chars.next()? {
        '<' => ByteOrder::Little,
        '>' => ByteOrder::Big,
        '|' => ByteOrder::None,
        _ => return None,
    };
    let kind = match chars.next()? {
        'b' => Kind::Bool,
        'i' => Kind::Int,
        'u' => Kind::Uint,
        'f' => Kind::Float,
        'c' => Kind::Complex,
        'S' | 'a' => Kind::Bytes,
        'U' => Kind::Text,
        'M' => Kind::Date,
        'm' => Kind::Duration,
        'V' => Kind::Opaque,
        _ => return None,
    };
    let (size, unit) = match chars.as_str().split_once('[') {
        Some((size, unit)) => (size, unit.strip_suffix(']')?),
        None => (chars.as_str(), ""),
    };
    let is_time = matches!(kind, Kind::Date | Kind::Duration);
    let plain = |text: &str, allowed: fn(&u8) -> bool| text.bytes().all(|byte| allowed(&byte));
    // Only the canonical spelling is accepted, so that display and parsing are inverse.
    if !plain(size, u8::is_ascii_digit) || size.starts_with('0') || size.len() > 7 {
        return None;
    }
    if unit.len() > MAX_UNIT
        || unit.is_empty() == text.ends_with(']')
        || !plain(unit, u8::is_ascii_alphanumeric)
    {
        return None;
    }
    if !unit.is_empty() && !is_time {
        return None;
    }
    let size: usize = size.parse().ok()?;
    let item_size = if kind == Kind::Text {
        size.checked_mul(4)?
    } else {
        size
    };
    // A byte order where none applies, or a missing one, is not guessed at.
    let needs_order = item_size > 1 && !matches!(kind, Kind::Bytes | Kind::Opaque);
    if !kind.has_size(item_size) || (needs_order && order == ByteOrder::None) {
        return None;
    }
    let mut padded = [0; MAX_UNIT];
    padded[..unit.len()].copy_from_slice(unit.as_bytes());
    Some(Dtype {
        kind,
        order,
        item_size: u32::try_from(item_size).ok()?,
        unit: padded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_strings_come_back_as_they_were() {
        for text in [
            "<f8",
            ">f8",
            "<f4",
            "<f2",
            "<f16",
            "<c16",
            "|b1",
            "|u1",
            "<u1",
            "|i1",
            "<i2",
            ">i8",
            "<U5",
            "|S3",
            "|V12",
            "<M8[ns]",
            "<m8[25us]",
            "<M8",
        ] {
            assert_eq!(text.parse::<Dtype>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "f8",
            "=f8",
            "<f3",
            "<f0",
            "<f08",
            "<f8 ",
            "<f+8",
            "|O",
            "|O8",
            "<i99999999999",
            "<b2",
            "|f8",
            "<U0",
            "<i8[ns]",
            "<M8[]",
            "<M8[n s]",
            "<M8[ns",
            "<M8ns]",
            "µ",
            "<",
            "<f",
        ] {
            assert!(text.parse::<Dtype>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn elements_are_read_in_their_order() {
        let read = |dtype: &str, item: &[u8]| dtype.parse::<Dtype>().unwrap().read(item);
        assert_eq!(read("<i2", &[0xfe, 0xff]), Some(-2.0));
        assert_eq!(read(">i2", &[0xff, 0xfe]), Some(-2.0));
        assert_eq!(read("<u2", &[0xfe, 0xff]), Some(65534.0));
        assert_eq!(read("<i8", &(-7i64).to_le_bytes()), Some(-7.0));
        assert_eq!(read(">f8", &1.5f64.to_be_bytes()), Some(1.5));
        assert_eq!(read("<f4", &0.25f32.to_le_bytes()), Some(0.25));
        assert_eq!(read("|b1", &[7]), Some(1.0));
        assert_eq!(read("<c16", &[0; 16]), None);
        assert_eq!(read("<f8", &[0; 4]), None);
    }

    #[test]
    fn halves() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960464477539063e-8),
            (0x3555, 0.333251953125),
            (0x7c00, f64::INFINITY),
            (0x8000, -0.0),
        ] {
            assert_eq!(half(bits).to_bits(), f64::to_bits(value), "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
