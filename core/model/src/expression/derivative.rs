//! Derivatives as graphs: one table of partial derivatives, traversed backwards for gradients and forwards
//! for directional derivatives.
//!
//! A branch that a selection, min, max or abs does not take contributes exactly 0, even where its derivative
//! is not finite. A value that passed a selection may therefore be an exact 0 that must stay 0 whatever it
//! is multiplied by; such values are marked as masked, and their products follow the rule "0 times anything
//! is 0".

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::graph::{Expr, Graph, Input, Node};
use super::operation::{Binary, Unary};

/// Gradient of `sum of weight * output` with respect to the decision variables `0..variables`; `None` where
/// it is structurally zero. `outputs` are pairs (output, weight).
pub fn gradient(graph: &mut Graph, outputs: &[(Expr, Expr)], variables: u32) -> Vec<Option<Expr>> {
    let mut pending: BTreeMap<Expr, Vec<Flow>> = BTreeMap::new();
    for &(output, weight) in outputs {
        pending.entry(output).or_default().push(Flow::new(graph, weight));
    }
    let mut gradient = alloc::vec![None; variables as usize];
    // Operands precede results: all contributions to the last pending value have arrived.
    while let Some((expr, flows)) = pending.pop_last() {
        if !graph.depends_on(expr, Input::Variable) {
            continue;
        }
        let adjoint = Flow::sum(graph, &flows);
        if let Node::Input(Input::Variable, index) = graph.node(expr)
            && let Some(entry) = gradient.get_mut(index as usize)
        {
            *entry = Some(adjoint.into_expr(graph));
        }
        for partial in partials(graph, expr).into_iter().flatten() {
            if graph.depends_on(partial.operand, Input::Variable) {
                let flow = partial.apply(graph, adjoint);
                pending.entry(partial.operand).or_default().push(flow);
            }
        }
    }
    gradient
}

/// Derivative of each output along a direction: `seeds` are pairs (decision variable or multiplier, its rate
/// of change). `None` where it is structurally zero. Applied to a [`gradient`], it gives a product with the
/// Hessian.
pub fn directional(graph: &mut Graph, outputs: &[Expr], seeds: &[(Expr, Expr)]) -> Vec<Option<Expr>> {
    let mut rates: Vec<Option<Flow>> = alloc::vec![None; graph.len()];
    for &(variable, rate) in seeds {
        rates[variable.index()] = Some(Flow::new(graph, rate));
    }
    for expr in ancestors(graph, outputs, &[Input::Variable, Input::Multiplier]) {
        rates[expr.index()] = rate(graph, expr, |operand| rates[operand.index()]);
    }
    let rate = |output: &Expr| rates[output.index()].map(|rate| rate.into_expr(graph));
    outputs.iter().map(rate).collect()
}

/// Outputs to be differentiated by single variables, with the values that depend on each value.
pub(crate) struct Columns {
    /// Values that take each value as an operand, and the outputs that each value is.
    consumers: Vec<Vec<Expr>>,
    outputs: Vec<Vec<usize>>,
    /// Index after that of the last output that each value leads to.
    reach: Vec<usize>,
}

impl Columns {
    pub(crate) fn new(graph: &Graph, outputs: &[Expr]) -> Self {
        let mut columns = Self {
            consumers: alloc::vec![Vec::new(); graph.len()],
            outputs: alloc::vec![Vec::new(); graph.len()],
            reach: alloc::vec![0; graph.len()],
        };
        for (i, output) in outputs.iter().enumerate() {
            columns.outputs[output.index()].push(i);
            columns.reach[output.index()] = i + 1;
        }
        let ancestors = ancestors(graph, outputs, &[Input::Variable]);
        for expr in &ancestors {
            for operand in graph.node(*expr).operands() {
                columns.consumers[operand.index()].push(*expr);
            }
        }
        for expr in ancestors.iter().rev() {
            for operand in graph.node(*expr).operands() {
                let reach = columns.reach[expr.index()].max(columns.reach[operand.index()]);
                columns.reach[operand.index()] = reach;
            }
        }
        columns
    }

    /// The derivatives of the outputs from `first` on with respect to one decision variable that are not structurally zero, as
    /// pairs (index of the output, derivative), and the number of values that were visited: those between the two.
    pub(crate) fn column(
        &self,
        graph: &mut Graph,
        variable: u32,
        first: usize,
    ) -> (Vec<(usize, Expr)>, usize) {
        let mut rates: BTreeMap<Expr, Flow> = BTreeMap::new();
        let one = graph.constant(1.0);
        let seed = graph.input(Input::Variable, variable);
        rates.insert(seed, Flow::new(graph, one));
        let consumers = |expr: Expr| {
            let consumers = self.consumers.get(expr.index()).into_iter().flatten().copied();
            consumers.filter(|expr| self.reach[expr.index()] > first)
        };
        let mut pending: BTreeSet<Expr> = consumers(seed).collect();
        // Operands precede results.
        while let Some(expr) = pending.pop_first() {
            if let Some(rate) = rate(graph, expr, |operand| rates.get(&operand).copied()) {
                rates.insert(expr, rate);
                pending.extend(consumers(expr));
            }
        }
        let reached = rates.iter().flat_map(|(expr, rate)| {
            let outputs = self.outputs.get(expr.index()).into_iter().flatten();
            let outputs = outputs.filter(|output| **output >= first);
            outputs.map(|output| (*output, *rate))
        });
        let mut reached: Vec<(usize, Flow)> = reached.collect();
        reached.sort_unstable_by_key(|(output, _)| *output);
        let entries = reached.into_iter();
        let entries = entries.map(|(output, rate)| (output, rate.into_expr(graph)));
        (entries.collect(), rates.len())
    }
}

/// Rate of `expr`, if an operand has one.
fn rate(graph: &mut Graph, expr: Expr, of_operand: impl Fn(Expr) -> Option<Flow>) -> Option<Flow> {
    let flows = partials(graph, expr).map(|partial| {
        let partial = partial?;
        let rate = of_operand(partial.operand)?;
        Some(partial.apply(graph, rate))
    });
    match flows {
        [Some(first), Some(second)] => Some(Flow::sum(graph, &[first, second])),
        [one, other] => one.or(other),
    }
}

/// Values on which the outputs depend and which themselves depend on inputs of these kinds, operands before
/// results, without the inputs.
pub(crate) fn ancestors(graph: &Graph, outputs: &[Expr], inputs: &[Input]) -> Vec<Expr> {
    let mut needed = alloc::vec![false; graph.len()];
    for output in outputs {
        needed[output.index()] = true;
    }
    let mut ancestors = Vec::new();
    for expr in graph.exprs().rev() {
        if needed[expr.index()] && inputs.iter().any(|input| graph.depends_on(expr, *input)) {
            graph
                .node(expr)
                .operands()
                .for_each(|operand| needed[operand.index()] = true);
            ancestors.push(expr);
        }
    }
    ancestors.reverse();
    ancestors.retain(|expr| !matches!(graph.node(*expr), Node::Input(..)));
    ancestors
}

/// Contribution on its way through the graph.
#[derive(Clone, Copy, Debug)]
struct Flow {
    value: Expr,
    /// The sign is separate, so that sums can subtract instead of negating first.
    is_negative: bool,
    /// Whether an exact 0 may mean "branch not taken".
    is_masked: bool,
}

impl Flow {
    fn new(graph: &Graph, value: Expr) -> Self {
        Self {
            value,
            is_negative: false,
            is_masked: false,
        }
        .normalized(graph)
    }

    fn normalized(mut self, graph: &Graph) -> Self {
        if let Node::Unary(Unary::Neg, inner) = graph.node(self.value) {
            self.value = inner;
            self.is_negative = !self.is_negative;
        }
        self
    }

    fn sum(graph: &mut Graph, flows: &[Self]) -> Self {
        if let [flow] = flows {
            return *flow;
        }
        let with_sign = |negative: bool| -> Vec<Expr> {
            let chosen = flows.iter().filter(|flow| flow.is_negative == negative);
            chosen.map(|flow| flow.value).collect()
        };
        let (positive, negative) = (with_sign(false), with_sign(true));
        let is_masked = flows.iter().all(|flow| flow.is_masked);
        let (value, is_negative) = match (positive.is_empty(), negative.is_empty()) {
            (true, false) => (graph.sum(&negative), true),
            (_, true) => (graph.sum(&positive), false),
            (false, false) => {
                let (plus, minus) = (graph.sum(&positive), graph.sum(&negative));
                (graph.binary(Binary::Sub, plus, minus), false)
            }
        };
        Self {
            value,
            is_negative,
            is_masked,
        }
        .normalized(graph)
    }

    fn into_expr(self, graph: &mut Graph) -> Expr {
        if self.is_negative {
            graph.unary(Unary::Neg, self.value)
        } else {
            self.value
        }
    }
}

/// Derivative of a value with respect to one of its operands, as a factor for the contributions.
#[derive(Clone, Copy)]
struct Partial {
    operand: Expr,
    is_negative: bool,
    steps: [Option<Step>; 3],
}

#[derive(Clone, Copy)]
enum Step {
    /// Times 2, as the sum with itself.
    Double,
    Times(Expr),
    Over(Expr),
    /// Times this value; 0 where this value is 0, whatever the contribution.
    TimesOrZero(Expr),
    /// Passes where the condition is not 0.
    When(Expr),
    /// Passes where the condition is 0.
    Unless(Expr),
}

impl Partial {
    fn new(operand: Expr, steps: &[Step]) -> Self {
        Self {
            operand,
            is_negative: false,
            steps: core::array::from_fn(|i| steps.get(i).copied()),
        }
    }

    fn negative(operand: Expr, steps: &[Step]) -> Self {
        Self {
            is_negative: true,
            ..Self::new(operand, steps)
        }
    }

    fn apply(&self, graph: &mut Graph, flow: Flow) -> Flow {
        let Flow {
            mut value,
            is_negative,
            mut is_masked,
        } = flow;
        for step in self.steps.into_iter().flatten() {
            let may_meet_infinity = match step {
                Step::Times(factor) => !graph.constant_value(factor).is_some_and(f64::is_finite),
                _ => !is_nonzero_constant(graph, value),
            };
            let (mul, div) = if is_masked && may_meet_infinity {
                (Binary::MaskedMul, Binary::MaskedDiv)
            } else {
                (Binary::Mul, Binary::Div)
            };
            let zero = graph.constant(0.0);
            value = match step {
                Step::Double => graph.binary(Binary::Add, value, value),
                Step::Times(factor) => graph.binary(mul, value, factor),
                Step::Over(divisor) => graph.binary(div, value, divisor),
                Step::TimesOrZero(factor) => graph.binary(Binary::MaskedMul, factor, value),
                Step::When(condition) => graph.select(condition, value, zero),
                Step::Unless(condition) => graph.select(condition, zero, value),
            };
            is_masked |= matches!(step, Step::TimesOrZero(_) | Step::When(_) | Step::Unless(_));
        }
        Flow {
            value,
            is_negative: is_negative != self.is_negative,
            is_masked,
        }
        .normalized(graph)
    }
}

fn is_nonzero_constant(graph: &Graph, expr: Expr) -> bool {
    graph.constant_value(expr).is_some_and(|value| value != 0.0)
}

/// The derivatives of a value that are not structurally zero: there are two at most.
type Partials = [Option<Partial>; 2];

fn partials(graph: &mut Graph, expr: Expr) -> Partials {
    match graph.node(expr) {
        Node::Constant(_) | Node::Input(..) => [None; 2],
        Node::Unary(op, x) => [unary_partial(graph, op, x, expr), None],
        Node::Binary(op, a, b) => binary_partials(graph, op, a, b, expr),
        Node::Select(condition, a, b) => [
            Some(Partial::new(a, &[Step::When(condition)])),
            Some(Partial::new(b, &[Step::Unless(condition)])),
        ],
    }
}

fn unary_partial(graph: &mut Graph, op: Unary, x: Expr, y: Expr) -> Option<Partial> {
    use Step::{Over, Times, TimesOrZero, Unless};
    let one = graph.constant(1.0);
    let half = graph.constant(0.5);
    let plain = |steps: &[Step]| Some(Partial::new(x, steps));
    let negative = |steps: &[Step]| Some(Partial::negative(x, steps));
    match op {
        Unary::Neg => negative(&[]),
        Unary::Sign | Unary::Floor => None,
        Unary::Abs => plain(&[TimesOrZero(graph.unary(Unary::Sign, x))]),
        Unary::Sqrt => plain(&[Times(half), Over(y)]),
        Unary::NormSqrt => {
            let zero = graph.constant(0.0);
            let at_zero = graph.binary(Binary::Equal, y, zero);
            plain(&[Times(half), Over(y), Unless(at_zero)])
        }
        Unary::Exp => plain(&[Times(y)]),
        Unary::Log => plain(&[Over(x)]),
        Unary::Log10 => plain(&[Times(graph.constant(core::f64::consts::LOG10_E)), Over(x)]),
        Unary::Log1p => plain(&[Over(graph.binary(Binary::Add, one, x))]),
        Unary::Expm1 => plain(&[Times(graph.binary(Binary::Add, y, one))]),
        Unary::Sin => plain(&[Times(graph.unary(Unary::Cos, x))]),
        Unary::Cos => negative(&[Times(graph.unary(Unary::Sin, x))]),
        Unary::Tan => plain(&[Times(one_plus_square(graph, y))]),
        Unary::Asin => plain(&[Over(root_of_one_minus_square(graph, x))]),
        Unary::Acos => negative(&[Over(root_of_one_minus_square(graph, x))]),
        Unary::Atan => plain(&[Over(one_plus_square(graph, x))]),
        Unary::Sinh => plain(&[Times(graph.unary(Unary::Cosh, x))]),
        Unary::Cosh => plain(&[Times(graph.unary(Unary::Sinh, x))]),
        Unary::Tanh => plain(&[Times(one_minus_square(graph, y))]),
        Unary::Asinh => plain(&[Over(graph.binary(Binary::Hypot, x, one))]),
        Unary::Acosh => {
            let (below, above) = (
                graph.binary(Binary::Sub, x, one),
                graph.binary(Binary::Add, x, one),
            );
            let (below, above) = (graph.unary(Unary::Sqrt, below), graph.unary(Unary::Sqrt, above));
            plain(&[Over(below), Over(above)])
        }
        Unary::Atanh => plain(&[Over(one_minus_square(graph, x))]),
        Unary::Erf => {
            let square = graph.binary(Binary::Mul, x, x);
            let exponent = graph.unary(Unary::Neg, square);
            let bell = graph.unary(Unary::Exp, exponent);
            plain(&[
                Times(graph.constant(core::f64::consts::FRAC_2_SQRT_PI)),
                Times(bell),
            ])
        }
    }
}

fn binary_partials(graph: &mut Graph, op: Binary, a: Expr, b: Expr, y: Expr) -> Partials {
    use Step::{Double, Over, Times, TimesOrZero, Unless, When};
    let both = |by_a: &[Step], by_b: &[Step]| [Some(Partial::new(a, by_a)), Some(Partial::new(b, by_b))];
    let opposite =
        |by_a: &[Step], by_b: &[Step]| [Some(Partial::new(a, by_a)), Some(Partial::negative(b, by_b))];
    match op {
        Binary::Add => both(&[], &[]),
        Binary::Sub => opposite(&[], &[]),
        Binary::Mul if a == b => [Some(Partial::new(a, &[Double, Times(a)])), None],
        Binary::Mul => both(&[Times(b)], &[Times(a)]),
        Binary::Div => opposite(&[Over(b)], &[Over(b), Times(y)]),
        Binary::MaskedMul => both(&[Times(b)], &[TimesOrZero(a)]),
        Binary::MaskedDiv => opposite(&[Over(b)], &[Over(b), TimesOrZero(y)]),
        Binary::Pow => power_partials(graph, a, b, y),
        Binary::Atan2 => {
            let (rise, run) = (graph.binary(Binary::Mul, a, a), graph.binary(Binary::Mul, b, b));
            let square = graph.binary(Binary::Add, rise, run);
            opposite(&[Times(b), Over(square)], &[Times(a), Over(square)])
        }
        Binary::Hypot => {
            let cosine = graph.binary(Binary::MaskedDiv, a, y);
            let sine = graph.binary(Binary::MaskedDiv, b, y);
            both(&[Times(cosine)], &[Times(sine)])
        }
        Binary::Min | Binary::Max => {
            let second_wins = match op {
                Binary::Min => graph.binary(Binary::Less, b, a),
                _ => graph.binary(Binary::Less, a, b),
            };
            both(&[Unless(second_wins)], &[When(second_wins)])
        }
        Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual => [None; 2],
    }
}

fn power_partials(graph: &mut Graph, base: Expr, exponent: Expr, y: Expr) -> Partials {
    let one = graph.constant(1.0);
    let lower = graph.binary(Binary::Sub, exponent, one);
    let power = graph.binary(Binary::Pow, base, lower);
    let by_base = Partial::new(base, &[Step::Times(exponent), Step::Times(power)]);
    let by_exponent = graph.depends_on(exponent, Input::Variable).then(|| {
        let log = graph.unary(Unary::Log, base);
        // 0^b is 0 for every b > 0: there the derivative is 0, not 0 * log(0).
        let slope = graph.binary(Binary::MaskedMul, y, log);
        Partial::new(exponent, &[Step::Times(slope)])
    });
    [Some(by_base), by_exponent]
}

fn one_plus_square(graph: &mut Graph, x: Expr) -> Expr {
    let one = graph.constant(1.0);
    let square = graph.binary(Binary::Mul, x, x);
    graph.binary(Binary::Add, one, square)
}

/// `(1 - x)(1 + x)`, accurate near 1.
fn one_minus_square(graph: &mut Graph, x: Expr) -> Expr {
    let one = graph.constant(1.0);
    let (low, high) = (
        graph.binary(Binary::Sub, one, x),
        graph.binary(Binary::Add, one, x),
    );
    graph.binary(Binary::Mul, low, high)
}

fn root_of_one_minus_square(graph: &mut Graph, x: Expr) -> Expr {
    let square = one_minus_square(graph, x);
    graph.unary(Unary::Sqrt, square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::program::{InputLengths, Program};

    /// Evaluates outputs whose inputs are `x` alone.
    fn evaluate(graph: &Graph, outputs: Vec<Expr>, x: &[f64]) -> Vec<f64> {
        let inputs = InputLengths {
            variables: x.len(),
            ..InputLengths::default()
        };
        let program = Program::new(graph, inputs, &[outputs]);
        let mut memory = alloc::vec![[0.0]; program.slots];
        program.initialize(&mut memory);
        program.load(&mut memory, Input::Variable, 0, x.as_chunks().0);
        program.prepare(&mut memory);
        program.run(0, &mut memory).map(|[value]| value).collect()
    }

    /// `exp(a*b) + max(a, b^3)/(1 + |a|) + hypot(a, b)*sin(b) + if(a < b, sqrt(b - a), log(b - a))` of `x[0], x[1]`.
    fn example(graph: &mut Graph) -> Expr {
        let [a, b] = [0, 1].map(|i| graph.input(Input::Variable, i));
        let (one, three) = (graph.constant(1.0), graph.constant(3.0));
        let product = graph.binary(Binary::Mul, a, b);
        let first = graph.unary(Unary::Exp, product);
        let cube = graph.binary(Binary::Pow, b, three);
        let largest = graph.binary(Binary::Max, a, cube);
        let magnitude = graph.unary(Unary::Abs, a);
        let divisor = graph.binary(Binary::Add, one, magnitude);
        let second = graph.binary(Binary::Div, largest, divisor);
        let (length, sine) = (graph.binary(Binary::Hypot, a, b), graph.unary(Unary::Sin, b));
        let third = graph.binary(Binary::Mul, length, sine);
        let difference = graph.binary(Binary::Sub, b, a);
        let is_less = graph.binary(Binary::Less, a, b);
        let (root, log) = (
            graph.unary(Unary::Sqrt, difference),
            graph.unary(Unary::Log, difference),
        );
        let fourth = graph.select(is_less, root, log);
        graph.sum(&[first, second, third, fourth])
    }

    #[test]
    fn hessian_products_are_differences_of_gradients() {
        let mut graph = Graph::new();
        let cost = example(&mut graph);
        let one = graph.constant(1.0);
        let gradient = gradient(&mut graph, &[(cost, one)], 2);
        let gradient: Vec<Expr> = gradient.into_iter().flatten().collect();
        // The direction follows the point in memory.
        let seeds = [0, 1].map(|i| {
            (
                graph.input(Input::Variable, i),
                graph.input(Input::Variable, 2 + i),
            )
        });
        let products = directional(&mut graph, &gradient, &seeds);
        let products: Vec<Expr> = products.into_iter().flatten().collect();
        for [a, b] in [[0.3, 0.8], [-0.4, 0.5], [0.9, 1.4]] {
            let direction = [0.6, -1.1];
            let found = evaluate(&graph, products.clone(), &[a, b, direction[0], direction[1]]);
            let at = |step: f64| {
                let point = [a + step * direction[0], b + step * direction[1], 0.0, 0.0];
                evaluate(&graph, gradient.clone(), &point)
            };
            for ((found, ahead), behind) in found.iter().zip(at(1e-6)).zip(at(-1e-6)) {
                let difference = (ahead - behind) / 2e-6;
                assert!(
                    (found - difference).abs() < 1e-7 * (1.0 + difference.abs()),
                    "{found} {difference}"
                );
            }
        }
    }
}
