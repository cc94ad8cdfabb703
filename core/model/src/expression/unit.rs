//! Units of a file: products of powers of symbols. They are compared, never converted: `kW` and `W` are two symbols.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::text::Fault;

/// Parts of a power: halves, thirds, quarters and sixths are whole numbers of them.
const PARTS: i32 = 12;
/// Largest magnitude of a power.
const MOST: i32 = 1000 * PARTS;
/// Characters of a text, and symbols of a product: whatever has more is no unit that anybody reads.
const LENGTH: usize = 100;
const SYMBOLS: usize = 64;
/// Levels of parentheses.
const LEVELS: usize = 8;
/// Characters of a symbol that are no letters.
const SIGNS: &str = "_%‰°$€£¥'\"";

/// Unit: symbols and their powers, in twelfths, none of them 0, in the order in which they appear; no symbol at all for 1 and rad.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    powers: Rc<[(String, i32)]>,
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.powers.len() == other.powers.len()
            && self.powers.iter().all(|power| other.powers.contains(power))
    }
}

/// What is known of the unit of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Quantity {
    /// Written as a number: of any unit in a sum, of none in a product.
    Number,
    /// Of any unit.
    #[default]
    Unknown,
    Known(Unit),
}

impl Quantity {
    /// That of a name: what is written as a number has no known unit either.
    pub(crate) fn of_name(self) -> Self {
        match self {
            Self::Number => Self::Unknown,
            other => other,
        }
    }

    pub(crate) fn known(&self) -> Option<&Unit> {
        match self {
            Self::Known(unit) => Some(unit),
            _ => None,
        }
    }

    /// Product with the other, or quotient if `power` is -1.
    pub(crate) fn times(&self, other: &Self, power: i32) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Number, Self::Number) => Self::Number,
            (Self::Known(unit), Self::Number) => Self::Known(unit.clone()),
            (Self::Number, Self::Known(unit)) => {
                Unit::one().times(unit, power).map_or(Self::Unknown, Self::Known)
            }
            (Self::Known(a), Self::Known(b)) => a.times(b, power).map_or(Self::Unknown, Self::Known),
        }
    }

    /// Power with an exponent, `None` if that is not known.
    pub(crate) fn power(&self, exponent: Option<f64>) -> Self {
        match self {
            Self::Known(unit) if unit.is_one() => self.clone(),
            Self::Known(unit) => exponent
                .and_then(|exponent| unit.power(exponent))
                .map_or(Self::Unknown, Self::Known),
            other => other.clone(),
        }
    }
}

impl Unit {
    /// The unit of numbers.
    pub(crate) fn one() -> Self {
        Self::of(Vec::new())
    }

    fn of(mut powers: Vec<(String, i32)>) -> Self {
        powers.retain(|(_, power)| *power != 0);
        Self {
            powers: powers.into(),
        }
    }

    pub(crate) fn is_one(&self) -> bool {
        self.powers.is_empty()
    }

    /// Parses a unit such as `m/s^2`, `kW h`, `EUR/(kW h)` or `1`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if let Some((at, _)) = text.char_indices().nth(LENGTH) {
            let message = format!("a unit has at most {LENGTH} characters");
            return Err(Fault::new(at, message));
        }
        let mut parser = Parser { text, at: 0 };
        let unit = parser.product(LEVELS)?;
        match parser.peek() {
            None => Ok(unit),
            Some(_) => Err(parser.unexpected("a symbol, `/`, `^` or the end")),
        }
    }

    /// Product with a whole power of the other; `None` if a power is too large, or there are too many symbols.
    pub(crate) fn times(&self, other: &Self, power: i32) -> Option<Self> {
        let mut powers = self.powers.to_vec();
        for (symbol, own) in other.powers.iter() {
            let more = own.checked_mul(power)?;
            match powers.iter_mut().find(|(known, _)| known == symbol) {
                Some((_, sum)) => *sum = sum.checked_add(more).filter(is_small)?,
                None => powers.push((symbol.clone(), more)),
            }
        }
        (powers.len() <= SYMBOLS).then(|| Self::of(powers))
    }

    /// Power; `None` if it is no multiple of a twelfth, or too large.
    pub(crate) fn power(&self, exponent: f64) -> Option<Self> {
        let mut powers = Vec::with_capacity(self.powers.len());
        for (symbol, own) in self.powers.iter() {
            powers.push((symbol.clone(), whole(f64::from(*own) * exponent)?));
        }
        Some(Self::of(powers))
    }
}

fn is_small(power: &i32) -> bool {
    (-MOST..=MOST).contains(power)
}

/// The integer that a product with a fraction is, but for round-off.
fn whole(parts: f64) -> Option<i32> {
    let nearest = labwire_solve::math::floor(parts + 0.5);
    let is_near = (parts - nearest).abs() <= 1e-9 && nearest.abs() <= f64::from(MOST);
    is_near.then_some(nearest as i32)
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factors = |is_above: bool| -> Vec<String> {
            let own = self.powers.iter().filter(|(_, power)| (*power > 0) == is_above);
            own.map(|(symbol, power)| match power.unsigned_abs() {
                12 => symbol.clone(),
                power => format!("{symbol}^{}", exponent(power)),
            })
            .collect()
        };
        let (above, below) = (factors(true), factors(false));
        let above = if above.is_empty() {
            "1".to_string()
        } else {
            above.join(" ")
        };
        match below.as_slice() {
            [] => f.write_str(&above),
            [only] => write!(f, "{above}/{only}"),
            many => write!(f, "{above}/({})", many.join(" ")),
        }
    }
}

/// A power of so many twelfths, as units are written.
fn exponent(twelfths: u32) -> String {
    let parts = PARTS as u32;
    let common = (1..=parts)
        .rev()
        .find(|d| twelfths.is_multiple_of(*d) && parts.is_multiple_of(*d))
        .unwrap_or(1);
    match parts / common {
        1 => format!("{}", twelfths / common),
        below => format!("({}/{below})", twelfths / common),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn take(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn unexpected(&mut self, what: &str) -> Fault {
        let found = match self.peek() {
            None => "the end".to_string(),
            Some(c) => format!("`{}`", c.escape_debug()),
        };
        Fault::new(self.at, format!("expected {what} in a unit, found {found}"))
            .help("units are written \"kW\", \"m/s^2\", \"kW h\", \"EUR/(kW h)\", \"1\"".into())
    }

    /// Factors, with `*`, a space, or `/` between them.
    fn product(&mut self, levels: usize) -> Result<Unit, Fault> {
        let mut unit = self.factor(levels)?;
        let mut is_after_slash = false;
        loop {
            let power = match self.peek() {
                None | Some(')') => return Ok(unit),
                Some('/') => -1,
                Some('*' | '·') => 1,
                Some(c) if is_start(c) || c == '(' || c == '1' => {
                    if is_after_slash {
                        let help = "write parentheses, as in \"EUR/(kW h)\", or `*`".into();
                        let message = "whether this factor is above or below the slash is not clear".into();
                        return Err(Fault::new(self.at, message).help(help));
                    }
                    1
                }
                Some(_) => return Err(self.unexpected("a symbol, `/`, `^` or the end")),
            };
            let is_written = self.take('/') || self.take('*') || self.take('·');
            is_after_slash = power < 0 || is_after_slash && is_written;
            let at = self.at;
            let factor = self.factor(levels)?;
            unit = unit.times(&factor, power).ok_or_else(|| too_large(at))?;
        }
    }

    fn factor(&mut self, levels: usize) -> Result<Unit, Fault> {
        let base = match self.peek() {
            Some('(') if levels > 0 => {
                self.at += 1;
                let inner = self.product(levels - 1)?;
                match self.take(')') {
                    true => inner,
                    false => return Err(self.unexpected("`)`")),
                }
            }
            Some('1') if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                self.at += 1;
                Unit::one()
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let fault = Fault::new(self.at, "a unit has no factor but 1: nothing is converted".into());
                return Err(fault.help("give the number to a name of its own, with a unit".into()));
            }
            Some(c) if is_start(c) => self.symbol()?,
            _ => return Err(self.unexpected("a symbol")),
        };
        let at = self.at;
        let exponent = if self.rest().starts_with('²') && self.take('²') {
            2.0
        } else if self.rest().starts_with('³') && self.take('³') {
            3.0
        } else if self.take('^') {
            self.exponent()?
        } else {
            return Ok(base);
        };
        base.power(exponent).ok_or_else(|| too_large(at))
    }

    fn symbol(&mut self) -> Result<Unit, Fault> {
        let rest = self.rest();
        let len = rest.find(|c| !is_start(c)).unwrap_or(rest.len());
        // Digits belong to words such as `kg_CO2`; those of `m2` are most likely a power.
        let len = match rest[..len].contains('_') {
            true => rest
                .find(|c: char| !is_start(c) && !c.is_ascii_digit())
                .unwrap_or(rest.len()),
            false => len,
        };
        if let Some(digit) = rest[len..].chars().next().filter(char::is_ascii_digit) {
            let name = &rest[..len];
            return Err(
                Fault::new(self.at + len, format!("a symbol has no digit after `{name}`"))
                    .help(format!("a power is written `{name}^{digit}`")),
            );
        }
        // Two pairs of signs look alike.
        let name: String = rest[..len]
            .chars()
            .map(|c| {
                if c == 'µ' {
                    'μ'
                } else if c == '\u{2126}' {
                    'Ω'
                } else {
                    c
                }
            })
            .collect();
        self.at += len;
        let is_number = name == "rad";
        Ok(Unit::of(alloc::vec![(name, if is_number { 0 } else { PARTS })]))
    }

    /// A number, or a fraction in parentheses.
    fn exponent(&mut self) -> Result<f64, Fault> {
        if !self.take('(') {
            return self.number();
        }
        let mut value = self.number()?;
        if self.take('/') {
            value /= self.number()?;
        }
        match self.take(')') {
            true => Ok(value),
            false => Err(self.unexpected("`)`")),
        }
    }

    fn number(&mut self) -> Result<f64, Fault> {
        self.skip_space();
        let digits = self.rest().trim_start_matches(['-', '+']);
        let signs = self.rest().len() - digits.len();
        let len = digits
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(digits.len());
        let end = signs + len;
        match self.rest()[..end].parse() {
            Ok(value) => {
                self.at += end;
                Ok(value)
            }
            Err(_) => Err(self.unexpected("an exponent")),
        }
    }
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || SIGNS.contains(c)
}

fn too_large(at: usize) -> Fault {
    let message = format!(
        "a power in a unit is a multiple of 1/{PARTS}, up to {}",
        MOST / PARTS
    );
    Fault::new(at, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_products_of_powers() {
        for (text, shown) in [
            ("kW", "kW"),
            (" m/s^2 ", "m/s^2"),
            ("kW h", "kW h"),
            ("kW*h", "kW h"),
            ("EUR/(kW h)", "EUR/(kW h)"),
            ("J/kg/K", "J/(kg K)"),
            ("m²", "m^2"),
            ("m^-1", "1/m"),
            ("V/Hz^(1/2)", "V/Hz^(1/2)"),
            ("V/Hz^0.5", "V/Hz^(1/2)"),
            ("1", "1"),
            ("1/s", "1/s"),
            ("rad/s", "1/s"),
            ("m s/m", "s"),
            ("°C", "°C"),
            ("%", "%"),
            ("kg_CO2/(kW h)", "kg_CO2/(kW h)"),
            ("µm", "μm"),
        ] {
            assert_eq!(
                Unit::parse(text).map(|unit| unit.to_string()),
                Ok(shown.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_unit_is_refused_where_it_begins() {
        for (text, at, message) in [
            ("", 0, "expected a symbol in a unit, found the end"),
            ("kW/", 3, "expected a symbol in a unit, found the end"),
            (
                "EUR/kW h",
                7,
                "whether this factor is above or below the slash is not clear",
            ),
            ("100 kW", 0, "a unit has no factor but 1: nothing is converted"),
            ("m2", 1, "a symbol has no digit after `m`"),
            ("m^x", 2, "expected an exponent in a unit, found `x`"),
            (
                "m^0.123",
                1,
                "a power in a unit is a multiple of 1/12, up to 1000",
            ),
            ("(m", 2, "expected `)` in a unit, found the end"),
            (
                "m + s",
                2,
                "expected a symbol, `/`, `^` or the end in a unit, found `+`",
            ),
            ("((((((((((m", 8, "expected a symbol in a unit, found `(`"),
        ] {
            let fault = Unit::parse(text).unwrap_err();
            assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
        }
    }

    #[test]
    fn long_units_are_refused() {
        let symbol = |i: u32| char::from_u32(0x4e00 + i).unwrap();
        let text = |first: u32, count: u32| -> String {
            (first..first + count).flat_map(|i| [symbol(i), ' ']).collect()
        };
        let fault = Unit::parse(&text(0, 10_000)).unwrap_err();
        assert_eq!(fault.message, "a unit has at most 100 characters");
        assert_eq!(fault.at, text(0, 50).len());
        let [a, b] = [0, 40].map(|first| Unit::parse(&text(first, 40)).unwrap());
        assert_eq!(a.times(&b, 1), None);
        assert_eq!(a.times(&a, -1), Some(Unit::one()));
    }

    #[test]
    fn fractions_of_powers_are_kept() {
        let unit = Unit::parse("m^2 s").unwrap();
        let root = unit.power(0.5).unwrap();
        assert_eq!(root.to_string(), "m s^(1/2)");
        assert_eq!(root.power(2.0), Some(unit.clone()));
        assert_eq!(unit.power(1.0 / 3.0).unwrap().power(3.0), Some(unit.clone()));
        assert_eq!(unit.power(0.123), None);
        assert_eq!(unit.power(1e9), None);
    }
}
