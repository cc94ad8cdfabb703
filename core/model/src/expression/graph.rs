//! Expression graphs: static single assignment, hash-consed, folded where that changes no bit.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use super::operation::{Binary, Unary, select};

/// Handle of a value in a [`Graph`]. The operands of a value always precede it: the order of the handles is
/// an evaluation order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expr(u32);

impl Expr {
    /// Index in the graph.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Kind of an input of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a back end has to supply every vector")]
pub enum Input {
    /// A parameter of the problem.
    Parameter,
    /// A decision variable.
    Variable,
    /// A Lagrange multiplier: the weight of one constraint's gradient.
    Multiplier,
    /// The rate of change of a decision variable along a direction.
    Direction,
    /// The rate of change of a Lagrange multiplier along a direction.
    MultiplierRate,
}

/// Definition of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a back end has to know every node")]
pub enum Node {
    /// Number, by its bits.
    Constant(u64),
    /// Element of an input vector.
    Input(Input, u32),
    /// Operation on one value.
    Unary(Unary, Expr),
    /// Operation on two values.
    Binary(Binary, Expr, Expr),
    /// The second value where the first is not 0, else the third.
    Select(Expr, Expr, Expr),
}

impl Node {
    /// Operands of the value.
    pub fn operands(&self) -> impl Iterator<Item = Expr> + use<> {
        let operands = match *self {
            Self::Constant(_) | Self::Input(..) => [None; 3],
            Self::Unary(_, x) => [Some(x), None, None],
            Self::Binary(_, a, b) => [Some(a), Some(b), None],
            Self::Select(c, a, b) => [Some(c), Some(a), Some(b)],
        };
        operands.into_iter().flatten()
    }

    /// The definition as a number, which is quicker to compare.
    fn key(&self) -> u128 {
        let pack = |kind: u8, op: u8, operands: [u32; 3]| {
            let number = u128::from(u16::from_be_bytes([kind, op]));
            operands
                .iter()
                .fold(number, |number, operand| number << 32 | u128::from(*operand))
        };
        match *self {
            Self::Constant(bits) => u128::from(bits),
            Self::Input(input, index) => pack(1, input as u8, [0, 0, index]),
            Self::Unary(op, x) => pack(2, op as u8, [0, 0, x.0]),
            Self::Binary(op, a, b) => pack(3, op as u8, [0, a.0, b.0]),
            Self::Select(c, a, b) => pack(4, 0, [c.0, a.0, b.0]),
        }
    }

    fn has_kink(&self) -> bool {
        match self {
            Self::Constant(_) | Self::Input(..) => false,
            Self::Unary(op, _) => op.has_kink(),
            Self::Binary(op, ..) => op.has_kink(),
            Self::Select(..) => true,
        }
    }
}

/// Largest integer exponent that is expanded into products instead of a call of `pow`.
const MAX_PRODUCT_EXPONENT: f64 = 16.0;

/// Expression graph in which equal subexpressions are shared.
///
/// Simplifications are exact: for every input they give the bits (up to the payload of NaN) of the
/// expression as written. `0*x` stays, since `x` may not be finite; `x + 0` stays, since `x` may be -0. The
/// one convention is that a power with a constant integer exponent of magnitude up to 16 *is* the product by
/// repeated squaring.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    /// The value of each definition, by its key.
    index: BTreeMap<u128, Expr>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    /// One bit per kind of [`Input`] that the value depends on.
    inputs: u8,
    /// Whether the value has a kink as a function of the decision variables.
    has_kink: bool,
}

impl Graph {
    /// Creates an empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no values yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All values, operands before results.
    pub fn exprs(&self) -> impl DoubleEndedIterator<Item = Expr> + use<> {
        (0..self.nodes.len() as u32).map(Expr)
    }

    /// Definition of a value.
    #[must_use]
    pub fn node(&self, expr: Expr) -> Node {
        self.nodes[expr.index()]
    }

    /// The number, if the value is a constant.
    #[must_use]
    pub fn constant_value(&self, expr: Expr) -> Option<f64> {
        match self.node(expr) {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Whether the value depends on inputs of this kind.
    #[must_use]
    pub fn depends_on(&self, expr: Expr, input: Input) -> bool {
        self.facts[expr.index()].inputs & (1 << input as u8) != 0
    }

    /// Whether the value depends only on parameters and constants.
    #[must_use]
    pub fn is_fixed_by_parameters(&self, expr: Expr) -> bool {
        self.facts[expr.index()].inputs & !(1 << Input::Parameter as u8) == 0
    }

    /// Whether the value has a kink or a jump as a function of the decision variables, from max, min, abs,
    /// sign, floor, a comparison or a selection.
    #[must_use]
    pub fn has_kink(&self, expr: Expr) -> bool {
        self.facts[expr.index()].has_kink
    }

    /// Adds a number.
    pub fn constant(&mut self, value: f64) -> Expr {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.intern(Node::Constant(value.to_bits()))
    }

    /// Adds an element of an input vector.
    pub fn input(&mut self, input: Input, index: u32) -> Expr {
        self.intern(Node::Input(input, index))
    }

    /// Number after that of the last element of an input vector that the graph has.
    #[must_use]
    pub(crate) fn num_inputs(&self, input: Input) -> u32 {
        let last = self.nodes.iter().filter_map(|node| match node {
            Node::Input(kind, index) if *kind == input => Some(*index + 1),
            _ => None,
        });
        last.max().unwrap_or(0)
    }

    /// Adds an operation on one value.
    pub fn unary(&mut self, op: Unary, x: Expr) -> Expr {
        if let Some(value) = self.constant_value(x) {
            return self.constant(op.function()(value));
        }
        match (op, self.node(x)) {
            (Unary::Neg, Node::Unary(Unary::Neg, inner)) => inner,
            _ => self.intern(Node::Unary(op, x)),
        }
    }

    /// Adds an operation on two values.
    pub fn binary(&mut self, op: Binary, a: Expr, b: Expr) -> Expr {
        if let (Some(x), Some(y)) = (self.constant_value(a), self.constant_value(b)) {
            return self.constant(op.function()(x, y));
        }
        match op {
            Binary::Add => self.add(a, b),
            Binary::Sub => self.sub(a, b),
            Binary::Mul | Binary::Div | Binary::MaskedMul | Binary::MaskedDiv => self.product(op, a, b),
            Binary::Pow => self.power(a, b),
            _ => self.intern_binary(op, a, b),
        }
    }

    /// Adds a selection: `a` where the condition is not 0, else `b`.
    pub fn select(&mut self, condition: Expr, a: Expr, b: Expr) -> Expr {
        if a == b {
            return a;
        }
        match self.constant_value(condition) {
            Some(value) if select(value, 1.0, 0.0) == 1.0 => a,
            Some(_) => b,
            None => self.intern(Node::Select(condition, a, b)),
        }
    }

    /// Adds the sum of `terms`, 0 if there are none. Terms are added pairwise, the first half to the second,
    /// until one is left: the rounding error grows with the logarithm of their number, and each round is one
    /// run of additions.
    pub fn sum(&mut self, terms: &[Expr]) -> Expr {
        self.fold(Binary::Add, terms)
            .unwrap_or_else(|| self.constant(0.0))
    }

    /// Combines `terms` in the order of [`sum`](Self::sum); `None` if there are none.
    pub fn fold(&mut self, op: Binary, terms: &[Expr]) -> Option<Expr> {
        let mut terms = Vec::from(terms);
        while terms.len() > 1 {
            let half = terms.len().div_ceil(2);
            for i in half..terms.len() {
                terms[i - half] = self.binary(op, terms[i - half], terms[i]);
            }
            terms.truncate(half);
        }
        terms.first().copied()
    }

    fn add(&mut self, a: Expr, b: Expr) -> Expr {
        match (self.node(a), self.node(b)) {
            (Node::Constant(bits), _) if bits == (-0.0_f64).to_bits() => b,
            (_, Node::Constant(bits)) if bits == (-0.0_f64).to_bits() => a,
            (_, Node::Unary(Unary::Neg, y)) => self.sub(a, y),
            (Node::Unary(Unary::Neg, x), _) => self.sub(b, x),
            _ => self.intern_binary(Binary::Add, a, b),
        }
    }

    fn sub(&mut self, a: Expr, b: Expr) -> Expr {
        match (self.node(a), self.node(b)) {
            (_, Node::Constant(0)) => a,
            (_, Node::Unary(Unary::Neg, y)) => self.intern_binary(Binary::Add, a, y),
            _ => self.intern_binary(Binary::Sub, a, b),
        }
    }

    /// Product or quotient: factors of 1 and -1 vanish, signs move out.
    fn product(&mut self, op: Binary, a: Expr, b: Expr) -> Expr {
        let is_exact = matches!(op, Binary::Mul | Binary::Div);
        match (self.node(a), self.node(b)) {
            (Node::Unary(Unary::Neg, x), _) if is_exact => {
                let product = self.binary(op, x, b);
                return self.unary(Unary::Neg, product);
            }
            (_, Node::Unary(Unary::Neg, y)) if is_exact => {
                let product = self.binary(op, a, y);
                return self.unary(Unary::Neg, product);
            }
            _ => {}
        }
        if let Some(value) = self.constant_value(b)
            && is_exact
            && value.abs() == 1.0
        {
            return self.with_sign(a, value);
        }
        if let Some(value) = self.constant_value(a)
            && op == Binary::Mul
            && value.abs() == 1.0
        {
            return self.with_sign(b, value);
        }
        self.intern_binary(op, a, b)
    }

    fn with_sign(&mut self, x: Expr, sign: f64) -> Expr {
        if sign < 0.0 { self.unary(Unary::Neg, x) } else { x }
    }

    fn power(&mut self, base: Expr, exponent: Expr) -> Expr {
        match self.constant_value(exponent) {
            Some(n) if n == labwire_solve::math::floor(n) && n.abs() <= MAX_PRODUCT_EXPONENT => {
                let product = self.product_power(base, n.abs() as u32);
                if n >= 0.0 {
                    return product;
                }
                let one = self.constant(1.0);
                self.binary(Binary::Div, one, product)
            }
            _ => self.intern_binary(Binary::Pow, base, exponent),
        }
    }

    fn product_power(&mut self, base: Expr, exponent: u32) -> Expr {
        match exponent {
            0 => self.constant(1.0),
            1 => base,
            n if n % 2 == 0 => {
                let root = self.product_power(base, n / 2);
                self.binary(Binary::Mul, root, root)
            }
            n => {
                let rest = self.product_power(base, n - 1);
                self.binary(Binary::Mul, rest, base)
            }
        }
    }

    fn intern_binary(&mut self, op: Binary, a: Expr, b: Expr) -> Expr {
        if op.is_commutative() && b < a {
            self.intern(Node::Binary(op, b, a))
        } else {
            self.intern(Node::Binary(op, a, b))
        }
    }

    fn intern(&mut self, node: Node) -> Expr {
        let expr = Expr(self.nodes.len() as u32);
        match self.index.entry(node.key()) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(place) => place.insert(expr),
        };
        let mut facts = Facts::default();
        if let Node::Input(input, _) = node {
            facts.inputs = 1 << input as u8;
        }
        for operand in node.operands() {
            let operand = self.facts[operand.index()];
            facts.inputs |= operand.inputs;
            facts.has_kink |= operand.has_kink;
        }
        facts.has_kink |= node.has_kink() && facts.inputs & (1 << Input::Variable as u8) != 0;
        self.nodes.push(node);
        self.facts.push(facts);
        expr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_inputs() -> (Graph, Expr, Expr) {
        let mut graph = Graph::new();
        let x = graph.input(Input::Variable, 0);
        let y = graph.input(Input::Variable, 1);
        (graph, x, y)
    }

    #[test]
    fn equal_expressions_are_one_node() {
        let (mut graph, x, y) = two_inputs();
        let first = graph.binary(Binary::Add, x, y);
        let second = graph.binary(Binary::Add, y, x);
        assert_eq!(first, second);
        assert_eq!(graph.len(), 3);
    }

    #[test]
    fn what_could_change_bits_is_not_folded() {
        let (mut graph, x, _) = two_inputs();
        let zero = graph.constant(0.0);
        assert_ne!(graph.binary(Binary::Mul, x, zero), zero);
        assert_ne!(graph.binary(Binary::Add, x, zero), x);
        assert_ne!(graph.binary(Binary::Sub, x, x), zero);
        assert_eq!(graph.binary(Binary::Sub, x, zero), x);
    }

    #[test]
    fn signs_and_ones_vanish_exactly() {
        let (mut graph, x, y) = two_inputs();
        let one = graph.constant(1.0);
        let minus_one = graph.constant(-1.0);
        let minus_x = graph.unary(Unary::Neg, x);
        assert_eq!(graph.binary(Binary::Mul, one, x), x);
        assert_eq!(graph.binary(Binary::Div, x, one), x);
        assert_eq!(graph.binary(Binary::Mul, x, minus_one), minus_x);
        assert_eq!(graph.unary(Unary::Neg, minus_x), x);
        let difference = graph.binary(Binary::Sub, y, x);
        assert_eq!(graph.binary(Binary::Add, minus_x, y), difference);
    }

    #[test]
    fn small_powers_are_products() {
        let (mut graph, x, _) = two_inputs();
        let three = graph.constant(3.0);
        let square = graph.binary(Binary::Mul, x, x);
        let cube = graph.binary(Binary::Mul, square, x);
        assert_eq!(graph.binary(Binary::Pow, x, three), cube);
        let half = graph.constant(0.5);
        let root = graph.binary(Binary::Pow, x, half);
        assert_eq!(graph.node(root), Node::Binary(Binary::Pow, x, half));
    }

    #[test]
    fn kinks_count_only_in_the_variables() {
        let (mut graph, x, _) = two_inputs();
        let p = graph.input(Input::Parameter, 0);
        let fixed = graph.unary(Unary::Abs, p);
        let smooth = graph.binary(Binary::Mul, fixed, x);
        let kinked = graph.unary(Unary::Abs, x);
        assert!(!graph.has_kink(smooth));
        assert!(graph.has_kink(kinked));
        assert!(graph.is_fixed_by_parameters(fixed));
    }
}
