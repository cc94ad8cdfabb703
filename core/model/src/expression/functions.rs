//! Functions and constants that expressions may use.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::operation::{Binary, Unary};
use crate::text::suggestion;

/// Function of the language of expressions, as help and reference print it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FunctionEntry {
    /// Name, as expressions call it.
    pub name: &'static str,
    /// Arguments, as in a call: `x`, `a, b`.
    pub arguments: &'static str,
    /// Meaning: one sentence without a full stop.
    pub meaning: &'static str,
    pub(super) function: Function,
}

/// Kind of a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    /// Elementwise, of one argument.
    Unary(Unary),
    /// Elementwise, of two arguments.
    Binary(Binary),
    /// Combines the elements of one vector, or several arguments.
    Fold(Binary),
    /// Sum or product of the elements of one vector (the form with a range is part of the syntax).
    Join(Binary),
    If,
    Dot,
    Norm1,
    Norm2,
    NormInf,
    Shape(Shape),
    Interp,
    InterpCubic,
    Interp2,
    Quad,
    Transpose,
}

/// Smooth or piecewise function, elementwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    SmoothAbs,
    SmoothMax,
    Softplus,
    Huber,
}

const fn entry(
    name: &'static str,
    arguments: &'static str,
    function: Function,
    meaning: &'static str,
) -> FunctionEntry {
    FunctionEntry {
        name,
        arguments,
        meaning,
        function,
    }
}

/// The functions, by name: one table for the reader, its errors, and the reference.
pub const FUNCTIONS: &[FunctionEntry] = {
    use Function::{
        Dot, Fold, If, Interp, Interp2, InterpCubic, Join, Norm1, Norm2, NormInf, Quad, Shape as Form,
        Transpose,
    };
    const fn one(name: &'static str, op: Unary, meaning: &'static str) -> FunctionEntry {
        entry(name, "x", Function::Unary(op), meaning)
    }
    const fn two(
        name: &'static str,
        arguments: &'static str,
        op: Binary,
        meaning: &'static str,
    ) -> FunctionEntry {
        entry(name, arguments, Function::Binary(op), meaning)
    }
    &[
        one("abs", Unary::Abs, "magnitude; its derivative at 0 is 0"),
        one("acos", Unary::Acos, "inverse cosine"),
        one("acosh", Unary::Acosh, "inverse hyperbolic cosine"),
        one("asin", Unary::Asin, "inverse sine"),
        one("asinh", Unary::Asinh, "inverse hyperbolic sine"),
        one("atan", Unary::Atan, "inverse tangent"),
        two("atan2", "y, x", Binary::Atan2, "angle of the point (x, y)"),
        one("atanh", Unary::Atanh, "inverse hyperbolic tangent"),
        one("cos", Unary::Cos, "cosine of an angle in radians"),
        one("cosh", Unary::Cosh, "hyperbolic cosine"),
        entry("dot", "a, b", Dot, "inner product of two vectors"),
        one("erf", Unary::Erf, "error function"),
        one("exp", Unary::Exp, "exponential"),
        one("expm1", Unary::Expm1, "exp(x) - 1, accurate near 0"),
        one(
            "floor",
            Unary::Floor,
            "largest whole number not above x; its derivative is 0",
        ),
        entry(
            "huber",
            "x, w",
            Form(Shape::Huber),
            "x^2/2 within w of 0, outside the line that goes on from there: w*(abs(x) - w/2)",
        ),
        two("hypot", "a, b", Binary::Hypot, "sqrt(a^2 + b^2) without overflow"),
        entry(
            "if",
            "condition, a, b",
            If,
            "a where the condition is not 0, else b",
        ),
        entry(
            "interp",
            "x, xs, ys",
            Interp,
            "value at x of the lines through the points (xs, ys); outside of them the end lines go on",
        ),
        entry(
            "interp2",
            "x, y, xs, ys, table",
            Interp2,
            "linear interpolation in a table with a row for each of xs and a column for each of ys",
        ),
        entry(
            "interp_cubic",
            "x, xs, ys",
            InterpCubic,
            "like interp, by cubics with continuous slope (Catmull-Rom: at a point that of the parabola through it and its neighbours)",
        ),
        one("log", Unary::Log, "natural logarithm"),
        one("log10", Unary::Log10, "logarithm to base 10"),
        one("log1p", Unary::Log1p, "log(1 + x), accurate near 0"),
        entry(
            "max",
            "a, b, ...",
            Fold(Binary::Max),
            "largest argument, or element of a vector",
        ),
        entry(
            "min",
            "a, b, ...",
            Fold(Binary::Min),
            "smallest argument, or element of a vector",
        ),
        entry(
            "norm1",
            "v",
            Norm1,
            "sum of the magnitudes of a vector's elements",
        ),
        entry(
            "norm2",
            "v",
            Norm2,
            "Euclidean norm of a vector; its derivative at 0 is 0",
        ),
        entry(
            "norm_inf",
            "v",
            NormInf,
            "largest magnitude of a vector's elements",
        ),
        two("pow", "a, b", Binary::Pow, "a to the power of b, like a^b"),
        entry(
            "prod",
            "i in a..b, e",
            Join(Binary::Mul),
            "product of e over a range, or of a vector's elements: prod(v)",
        ),
        entry(
            "quad",
            "x, Q",
            Quad,
            "quadratic form x @ Q @ x of a vector and a matrix",
        ),
        one("sign", Unary::Sign, "-1, 0 or 1; its derivative is 0"),
        one("sin", Unary::Sin, "sine of an angle in radians"),
        one("sinh", Unary::Sinh, "hyperbolic sine"),
        entry(
            "smooth_abs",
            "x, w",
            Form(Shape::SmoothAbs),
            "sqrt(x^2 + w^2) - w: abs(x) rounded off within about w of 0",
        ),
        entry(
            "smooth_max",
            "a, b, w",
            Form(Shape::SmoothMax),
            "(a + b + sqrt((a - b)^2 + w^2))/2: max(a, b), rounded off where they are within about w of one another",
        ),
        entry(
            "softplus",
            "x, w",
            Form(Shape::Softplus),
            "w*log(1 + exp(x/w)), max(0, x) rounded off within about w of 0; softplus(x) has w = 1",
        ),
        one("sqrt", Unary::Sqrt, "square root"),
        entry(
            "sum",
            "i in a..b, e",
            Join(Binary::Add),
            "sum of e over a range, or of a vector's elements: sum(v)",
        ),
        one("tan", Unary::Tan, "tangent of an angle in radians"),
        one("tanh", Unary::Tanh, "hyperbolic tangent"),
        entry("transpose", "A", Transpose, "transpose of a matrix"),
    ]
};

/// Functions that files of earlier versions may define themselves: a file's own definition goes before them.
const LATER: &[&str] = &[
    "huber",
    "interp",
    "interp2",
    "interp_cubic",
    "log10",
    "norm1",
    "quad",
    "smooth_abs",
    "smooth_max",
    "softplus",
    "transpose",
];

/// Names under which other languages have a function, and how it is written here.
const FOREIGN: &[(&str, &str)] = &[
    ("arccos", "acos(x)"),
    ("arcsin", "asin(x)"),
    ("arctan", "atan(x)"),
    ("arctan2", "atan2(y, x)"),
    ("ceil", "-floor(-x)"),
    ("fabs", "abs(x)"),
    ("ln", "log(x)"),
    ("log2", "log(x)/log(2)"),
    ("mod", "a - b*floor(a/b)"),
    ("norm", "norm2(v)"),
    ("power", "a^b"),
    ("round", "floor(x + 0.5)"),
    ("sgn", "sign(x)"),
    ("sqr", "x^2"),
    ("square", "x^2"),
    ("where", "if(condition, a, b)"),
];

/// Constants by name.
pub(super) const CONSTANTS: [(&str, f64); 3] = [
    ("e", core::f64::consts::E),
    ("inf", f64::INFINITY),
    ("pi", core::f64::consts::PI),
];

/// Function of this name.
pub(super) fn function(name: &str) -> Option<Function> {
    FUNCTIONS
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| entry.function)
}

/// Whether no file may define this name.
pub(super) fn is_reserved(name: &str) -> bool {
    function(name).is_some() && !LATER.contains(&name)
}

/// Advice on a call of an unknown function: the spelling here, the near name, or all names; `defined` are the file's own.
pub(super) fn advice<'a>(name: &str, defined: impl Iterator<Item = &'a str> + Clone) -> String {
    let lower = name.to_ascii_lowercase();
    if let Some((_, spelling)) = FOREIGN.iter().find(|(foreign, _)| *foreign == lower) {
        return format!("write {spelling}");
    }
    let own = FUNCTIONS.iter().map(|entry| entry.name);
    match suggestion(name, own.clone().chain(defined.clone())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let known: Vec<&str> = own.chain(defined).collect();
            format!("known functions: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_sentences_end_without_a_stop() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for entry in FUNCTIONS {
            assert!(
                !entry.meaning.is_empty() && !entry.meaning.ends_with('.'),
                "{entry:?}"
            );
        }
        assert!(FOREIGN.iter().all(|(foreign, _)| function(foreign).is_none()));
    }
}
