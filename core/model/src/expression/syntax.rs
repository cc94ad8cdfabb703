//! Grammar of expressions: text to a syntax tree.
//!
//! From loosest to tightest: comparison (not chained), `+ -`, `* / @`, sign, `^` (right-associative; its
//! exponent may carry a sign), then index, slice and call.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::operation::Binary;
use super::token::{Token, tokens};
use crate::text::Fault;

/// Index of a term in a [`Formula`].
pub(super) type TermId = usize;

/// Part of a formula and its position in the text, in bytes: of its operator or its beginning, and of all of it.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) at: usize,
    pub(super) range: Range<usize>,
    pub(super) kind: TermKind,
}

#[derive(Clone, Debug)]
pub(super) enum TermKind {
    Number(f64),
    Name(String),
    Negate(TermId),
    Binary(&'static str, TermId, TermId),
    Call(String, Vec<TermId>),
    Index(TermId, TermId),
    Slice(TermId, Option<TermId>, Option<TermId>),
    List(Vec<TermId>),
    /// `[a; b]`: lines of items.
    Stack(Vec<Vec<TermId>>),
    /// `A[i, j]`, where each may be a range.
    Block(TermId, Pick, Pick),
    Loop(Box<Loop>),
}

/// Index, or range from and to; an end that is left out is that of the whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    One(TermId),
    Range(Option<TermId>, Option<TermId>),
}

/// `sum(i in a..b, e)`, `prod(i in a..b, e)` or `[e for i in a..b]`.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) name: String,
    pub(super) from: TermId,
    pub(super) to: TermId,
    pub(super) body: TermId,
    /// Operation that combines the values; `None` collects them in a vector.
    pub(super) join: Option<Binary>,
}

/// Parsed expression. Terms refer only to earlier ones.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    pub(super) terms: Vec<Term>,
    pub(super) root: TermId,
    text: String,
}

impl Formula {
    /// Text of a term.
    pub(super) fn text(&self, id: TermId) -> &str {
        self.text
            .get(self.terms[id].range.clone())
            .unwrap_or_default()
            .trim_end()
    }
}

/// Parses an expression.
pub(super) fn parse(text: &str, depth_limit: usize) -> Result<Formula, Fault> {
    let mut parser = Parser::new(text, depth_limit)?;
    let root = parser.expression(COMPARISON)?;
    parser.expect_end()?;
    Ok(Formula {
        terms: parser.terms,
        root,
        text: text.into(),
    })
}

/// Constraint: one side, or sides with comparisons between them.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// Its root is the first side.
    pub(super) formula: Formula,
    /// Position and symbol of each comparison, and the side after it; two at most.
    pub(super) links: Vec<(usize, &'static str, TermId)>,
}

/// Parses a constraint: an expression, `a <= b`, or `low <= a <= high`.
pub(super) fn parse_comparison(text: &str, depth_limit: usize) -> Result<Comparison, Fault> {
    let mut parser = Parser::new(text, depth_limit)?;
    let root = parser.expression(ADDITION)?;
    let mut links: Vec<(usize, &'static str, TermId)> = Vec::new();
    while let Token::Symbol(symbol) = *parser.peek()
        && matches!(binding(symbol), Some((COMPARISON, _)))
    {
        let at = parser.at();
        let points = |symbol: &str| symbol.as_bytes().first().copied();
        match links.as_slice() {
            [] => {}
            [(_, first, _)]
                if points(first) == points(symbol) && matches!(symbol, "<" | "<=" | ">" | ">=") => {}
            _ => {
                let help = "a chain is low <= expression <= high, or high >= expression >= low".into();
                return Err(Fault::new(at, "these comparisons form no chain".into()).help(help));
            }
        }
        parser.next += 1;
        let side = parser.expression(ADDITION)?;
        links.push((at, symbol, side));
    }
    parser.expect_end()?;
    let terms = parser.terms;
    Ok(Comparison {
        formula: Formula {
            terms,
            root,
            text: text.into(),
        },
        links,
    })
}

/// Parses `name` or `name(argument, ...)`, the left side of a definition.
pub(crate) fn parse_signature(text: &str) -> Result<(String, Option<Vec<String>>), Fault> {
    let mut parser = Parser::new(text, 1)?;
    let name = parser.name("a name")?;
    let mut arguments = None;
    if parser.take("(") {
        let mut names: Vec<String> = Vec::new();
        loop {
            let at = parser.at();
            let argument = parser.name("the name of an argument")?;
            if names.contains(&argument) {
                return Err(Fault::new(at, format!("the argument `{argument}` appears twice")));
            }
            names.push(argument);
            if !parser.take(",") {
                break;
            }
        }
        parser.expect(")", "`,` or `)`")?;
        arguments = Some(names);
    }
    parser.expect_end()?;
    Ok((name, arguments))
}

/// Binding powers.
const COMPARISON: u32 = 0;
const ADDITION: u32 = 1;
const MULTIPLICATION: u32 = 2;
const SIGN: u32 = 3;
const POWER: u32 = 4;

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    terms: Vec<Term>,
    depth_left: usize,
    depth_limit: usize,
}

impl Parser {
    fn new(text: &str, depth_limit: usize) -> Result<Self, Fault> {
        Ok(Self {
            tokens: tokens(text)?,
            next: 0,
            terms: Vec::new(),
            depth_left: depth_limit,
            depth_limit,
        })
    }

    /// Parses an expression whose operators bind at least as tightly as `power`.
    fn expression(&mut self, power: u32) -> Result<TermId, Fault> {
        self.enter()?;
        let mut left = self.signed()?;
        let mut is_comparison = false;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((operator_power, right_power)) = binding(symbol) else {
                break;
            };
            if operator_power < power {
                break;
            }
            let at = self.at();
            if operator_power == COMPARISON {
                if is_comparison {
                    return Err(Fault::new(at, "comparisons cannot be chained".into())
                        .help("use a product of comparisons, or parentheses".into()));
                }
                is_comparison = true;
            }
            self.next += 1;
            let right = self.expression(right_power)?;
            left = self.push(at, TermKind::Binary(symbol, left, right));
        }
        self.depth_left += 1;
        Ok(left)
    }

    fn signed(&mut self) -> Result<TermId, Fault> {
        let at = self.at();
        if self.take("-") {
            let operand = self.expression(SIGN)?;
            return Ok(self.push(at, TermKind::Negate(operand)));
        }
        if self.take("+") {
            return self.expression(SIGN);
        }
        self.postfix()
    }

    /// Parses an operand with any number of indices after it.
    fn postfix(&mut self) -> Result<TermId, Fault> {
        let mut base = self.primary()?;
        let mut levels = 0;
        while let at = self.at()
            && self.take("[")
        {
            levels += 1;
            if levels > 2 {
                return Err(Fault::new(at, "no value has more than two indices".into()));
            }
            let first = self.pick()?;
            let kind = match first {
                _ if self.take(",") => TermKind::Block(base, first, self.pick()?),
                Pick::One(index) => TermKind::Index(base, index),
                Pick::Range(from, to) => TermKind::Slice(base, from, to),
            };
            self.expect("]", "`]`, `,` or `..`")?;
            base = self.push(at, kind);
        }
        Ok(base)
    }

    /// Parses an index or a range, of which both ends may be left out.
    fn pick(&mut self) -> Result<Pick, Fault> {
        let from = match self.peek() {
            Token::Symbol("..") => None,
            _ => Some(self.expression(COMPARISON)?),
        };
        match from {
            Some(index) if !self.take("..") => Ok(Pick::One(index)),
            _ => {
                if from.is_none() {
                    self.next += 1;
                }
                let is_open = matches!(self.peek(), Token::Symbol("]" | ","));
                let to = if is_open {
                    None
                } else {
                    Some(self.expression(COMPARISON)?)
                };
                Ok(Pick::Range(from, to))
            }
        }
    }

    fn primary(&mut self) -> Result<TermId, Fault> {
        let (at, token) = self.tokens[self.next].clone();
        match token {
            Token::Number(value) => {
                self.next += 1;
                Ok(self.push(at, TermKind::Number(value)))
            }
            Token::Name(name) => {
                self.next += 1;
                if self.take("(") {
                    self.call(at, name)
                } else {
                    Ok(self.push(at, TermKind::Name(name)))
                }
            }
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.expression(COMPARISON)?;
                self.expect(")", "`)` or an operator")?;
                self.terms[inner].range = at..self.at();
                Ok(inner)
            }
            Token::Symbol("[") => {
                self.next += 1;
                self.list(at)
            }
            _ => Err(self.unexpected("a number, a name, `(`, `[` or a sign")),
        }
    }

    /// Parses the rest of a call after `name(`.
    fn call(&mut self, at: usize, name: String) -> Result<TermId, Fault> {
        let join = match name.as_str() {
            "sum" => Some(Binary::Add),
            "prod" => Some(Binary::Mul),
            _ => None,
        };
        let is_loop = matches!(
            self.tokens.get(self.next..self.next + 2),
            Some([(_, Token::Name(_)), (_, Token::Name(word))]) if word == "in"
        );
        if join.is_some() && is_loop {
            let (name, from, to) = self.range()?;
            self.expect(",", "`,` and what to add up")?;
            let body = self.expression(COMPARISON)?;
            self.expect(")", "`)` or an operator")?;
            return Ok(self.push_loop(at, name, (from, to), body, join));
        }
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.expression(COMPARISON)?);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")", "`,`, `)` or an operator")?;
        }
        Ok(self.push(at, TermKind::Call(name, arguments)))
    }

    /// Parses the rest of a list after `[`.
    fn list(&mut self, at: usize) -> Result<TermId, Fault> {
        let first = self.expression(COMPARISON)?;
        if matches!(self.peek(), Token::Name(word) if word == "for") {
            self.next += 1;
            let (name, from, to) = self.range()?;
            self.expect("]", "`]` or an operator")?;
            return Ok(self.push_loop(at, name, (from, to), first, None));
        }
        let mut elements = alloc::vec![first];
        while self.take(",") {
            elements.push(self.expression(COMPARISON)?);
        }
        if !matches!(self.peek(), Token::Symbol(";")) {
            self.expect("]", "`,`, `;`, `]`, `for` or an operator")?;
            return Ok(self.push(at, TermKind::List(elements)));
        }
        let mut lines = alloc::vec![elements];
        while self.take(";") {
            let mut line = alloc::vec![self.expression(COMPARISON)?];
            while self.take(",") {
                line.push(self.expression(COMPARISON)?);
            }
            lines.push(line);
        }
        self.expect("]", "`,`, `;`, `]` or an operator")?;
        Ok(self.push(at, TermKind::Stack(lines)))
    }

    /// Parses `i in a..b`.
    fn range(&mut self) -> Result<(String, TermId, TermId), Fault> {
        let name = self.name("the name of the index")?;
        match self.peek() {
            Token::Name(word) if word == "in" => self.next += 1,
            _ => return Err(self.unexpected("`in` and a range such as 0..4")),
        }
        let from = self.expression(ADDITION)?;
        self.expect("..", "`..` and the end of the range (exclusive)")?;
        let to = self.expression(ADDITION)?;
        Ok((name, from, to))
    }

    fn push_loop(
        &mut self,
        at: usize,
        name: String,
        (from, to): (TermId, TermId),
        body: TermId,
        join: Option<Binary>,
    ) -> TermId {
        let kind = Loop {
            name,
            from,
            to,
            body,
            join,
        };
        self.push(at, TermKind::Loop(Box::new(kind)))
    }

    fn push(&mut self, at: usize, kind: TermKind) -> TermId {
        let from = match kind {
            TermKind::Binary(_, first, _)
            | TermKind::Index(first, _)
            | TermKind::Slice(first, ..)
            | TermKind::Block(first, ..) => self.terms[first].range.start,
            _ => at,
        };
        let range = from..self.at();
        self.terms.push(Term { at, range, kind });
        self.terms.len() - 1
    }

    fn enter(&mut self) -> Result<(), Fault> {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(too_deep(self.at(), self.depth_limit)),
        }
    }

    fn name(&mut self, what: &str) -> Result<String, Fault> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str, what: &str) -> Result<(), Fault> {
        if self.take(symbol) {
            Ok(())
        } else {
            Err(self.unexpected(what))
        }
    }

    fn expect_end(&self) -> Result<(), Fault> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(self.unexpected("an operator or the end of the expression")),
        }
    }

    fn unexpected(&self, what: &str) -> Fault {
        let fault = Fault::new(
            self.at(),
            format!("expected {what}, found {}", self.peek().describe()),
        );
        let previous = self.next.checked_sub(1).map(|i| &self.tokens[i].1);
        match (previous, self.peek()) {
            (Some(Token::Symbol("=")), Token::Symbol(sign @ (">" | "<"))) => {
                fault.help(format!("write `{sign}=`"))
            }
            (_, Token::Symbol("=")) => match self.tokens.get(self.next + 1) {
                Some((_, Token::Symbol(sign @ (">" | "<")))) => fault.help(format!("write `{sign}=`")),
                _ => fault.help("equality is written `==`".into()),
            },
            (Some(Token::Number(_)), Token::Symbol(","))
                if matches!(self.tokens.get(self.next + 1), Some((_, Token::Number(_)))) =>
            {
                fault.help("a decimal point is written `.`".into())
            }
            (_, Token::Name(word)) if ["and", "or", "not"].contains(&word.as_str()) => {
                fault.help(String::from(LOGIC))
            }
            (Some(Token::Symbol("*")), Token::Symbol("*")) => fault.help("a power is written `^`".into()),
            (Some(Token::Number(_) | Token::Name(_)), Token::Name(_)) => {
                fault.help("a product needs `*`".into())
            }
            _ => fault,
        }
    }
}

/// What stands for the words of logic.
pub(super) const LOGIC: &str = "comparisons are 1 or 0: `(a < b)*(c < d)` holds where both hold, `max(a < b, c < d)` where one does; constraints that all have to hold are a list";

/// Fault of an expression that is nested too deeply.
pub(super) fn too_deep(at: usize, limit: usize) -> Fault {
    Fault::new(
        at,
        format!("nested deeper than {limit} levels (limit `expression-depth`)"),
    )
}

/// Binding power of an operator, and that of its right side.
fn binding(symbol: &str) -> Option<(u32, u32)> {
    match symbol {
        "<" | "<=" | ">" | ">=" | "==" | "!=" => Some((COMPARISON, ADDITION)),
        "+" | "-" => Some((ADDITION, MULTIPLICATION)),
        "*" | "/" | "@" => Some((MULTIPLICATION, SIGN)),
        "^" => Some((POWER, SIGN)),
        _ => None,
    }
}
