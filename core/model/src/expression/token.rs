//! Tokeniser of expressions.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_solve::Compact;

use crate::text::Fault;

/// Token of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Name(String),
    /// Operator or bracket.
    Symbol(&'static str),
    End,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Number(value) => format!("the number {}", Compact(*value)),
            Self::Name(name) => format!("the name `{name}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => String::from("the end of the expression"),
        }
    }
}

/// Symbols, longer ones first where one is a prefix of another.
const SYMBOLS: [&str; 20] = [
    "..", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "=", ";", "@",
];

/// Tokens of `text` with their byte positions; [`Token::End`] is the last.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let next_is_digit = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let (token, len) = if first.is_ascii_digit() || (first == '.' && next_is_digit) {
            number(rest, at)?
        } else if is_name_start(first) {
            let len = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
            (Token::Name(String::from(&rest[..len])), len)
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            return Err(no_meaning(first, at));
        };
        tokens.push((at, token));
        rest = rest[len..].trim_start();
    }
    tokens.push((text.trim_end().len(), Token::End));
    Ok(tokens)
}

/// Fault for a sign that is none of the language, with what was probably meant.
fn no_meaning(sign: char, at: usize) -> Fault {
    let shown = match sign {
        '\'' | '"' => String::from(sign),
        _ => sign.escape_debug().to_string(),
    };
    let fault = Fault::new(at, format!("`{shown}` has no meaning in an expression"));
    let help = match sign {
        '\u{2212}' | '\u{2013}' | '\u{2014}' => "write `-`",
        '\u{d7}' | '\u{b7}' | '\u{22c5}' => "write `*`",
        '\u{f7}' => "write `/`",
        '\u{2264}' => "write `<=`",
        '\u{2265}' => "write `>=`",
        '\u{2260}' => "write `!=`",
        '\u{b2}' => "write `^2`",
        '\u{b3}' => "write `^3`",
        '?' => "write `if(condition, a, b)`",
        ':' => "a range is written `a..b`, a choice `if(condition, a, b)`",
        '.' => "`*`, `/` and `^` act on each element as they are",
        '\'' => "a transpose is written `transpose(A)`; vectors need none: `x @ Q @ x`",
        '%' => "the remainder of a division is `a - b*floor(a/b)`",
        '&' | '|' => super::syntax::LOGIC,
        '{' | '}' => "write `(` and `)`",
        _ => return fault,
    };
    fault.help(String::from(help))
}

pub(super) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

pub(super) fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Number at the beginning of `text`, and its length. `0..4` begins with 0, not with `0.`.
fn number(text: &str, at: usize) -> Result<(Token, usize), Fault> {
    let bytes = text.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1) != Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent_end = digits((end + 1 + sign).min(bytes.len()));
        if exponent_end > end + 1 + sign {
            end = exponent_end;
        }
    }
    match text[..end].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(Fault::new(
            at,
            format!("the number {} is too large", &text[..end]),
        )),
    }
}
