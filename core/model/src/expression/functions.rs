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

/// Makes the table for readers and that for help, of which programs that only read contain nothing.
macro_rules! functions {
    ($($name:literal($arguments:literal) $function:expr, $meaning:literal;)+) => {
        const KINDS: &[(&str, Function)] = &[$(($name, $function)),+];

        /// The functions, by name.
        pub static FUNCTIONS: &[FunctionEntry] = &[$(FunctionEntry {
            name: $name,
            arguments: $arguments,
            meaning: $meaning,
        }),+];
    };
}

functions! {
    "abs"("x") Function::Unary(Unary::Abs), "magnitude; its derivative at 0 is 0";
    "acos"("x") Function::Unary(Unary::Acos), "inverse cosine";
    "acosh"("x") Function::Unary(Unary::Acosh), "inverse hyperbolic cosine";
    "asin"("x") Function::Unary(Unary::Asin), "inverse sine";
    "asinh"("x") Function::Unary(Unary::Asinh), "inverse hyperbolic sine";
    "atan"("x") Function::Unary(Unary::Atan), "inverse tangent";
    "atan2"("y, x") Function::Binary(Binary::Atan2), "angle of the point (x, y)";
    "atanh"("x") Function::Unary(Unary::Atanh), "inverse hyperbolic tangent";
    "cos"("x") Function::Unary(Unary::Cos), "cosine of an angle in radians";
    "cosh"("x") Function::Unary(Unary::Cosh), "hyperbolic cosine";
    "dot"("a, b") Function::Dot, "inner product of two vectors";
    "erf"("x") Function::Unary(Unary::Erf), "error function";
    "exp"("x") Function::Unary(Unary::Exp), "exponential";
    "expm1"("x") Function::Unary(Unary::Expm1), "exp(x) - 1, accurate near 0";
    "floor"("x") Function::Unary(Unary::Floor), "largest whole number not above x; its derivative is 0";
    "huber"("x, w") Function::Shape(Shape::Huber), "x^2/2 within w of 0, outside the line that goes on from there: w*(abs(x) - w/2)";
    "hypot"("a, b") Function::Binary(Binary::Hypot), "sqrt(a^2 + b^2) without overflow";
    "if"("condition, a, b") Function::If, "a where the condition is not 0, else b";
    "interp"("x, xs, ys") Function::Interp, "value at x of the lines through the points (xs, ys); outside of them the end lines go on";
    "interp2"("x, y, xs, ys, table") Function::Interp2, "linear interpolation in a table with a row for each of xs and a column for each of ys";
    "interp_cubic"("x, xs, ys") Function::InterpCubic, "like interp, by cubics with continuous slope (Catmull-Rom: at a point that of the parabola through it and its neighbours)";
    "log"("x") Function::Unary(Unary::Log), "natural logarithm";
    "log10"("x") Function::Unary(Unary::Log10), "logarithm to base 10";
    "log1p"("x") Function::Unary(Unary::Log1p), "log(1 + x), accurate near 0";
    "max"("a, b, ...") Function::Fold(Binary::Max), "largest argument, or element of a vector";
    "min"("a, b, ...") Function::Fold(Binary::Min), "smallest argument, or element of a vector";
    "norm1"("v") Function::Norm1, "sum of the magnitudes of a vector's elements";
    "norm2"("v") Function::Norm2, "Euclidean norm of a vector; its derivative at 0 is 0";
    "norm_inf"("v") Function::NormInf, "largest magnitude of a vector's elements";
    "pow"("a, b") Function::Binary(Binary::Pow), "a to the power of b, like a^b";
    "prod"("i in a..b, e") Function::Join(Binary::Mul), "product of e over a range, or of a vector's elements: prod(v)";
    "quad"("x, Q") Function::Quad, "quadratic form x @ Q @ x of a vector and a matrix";
    "sign"("x") Function::Unary(Unary::Sign), "-1, 0 or 1; its derivative is 0";
    "sin"("x") Function::Unary(Unary::Sin), "sine of an angle in radians";
    "sinh"("x") Function::Unary(Unary::Sinh), "hyperbolic sine";
    "smooth_abs"("x, w") Function::Shape(Shape::SmoothAbs), "sqrt(x^2 + w^2) - w: abs(x) rounded off within about w of 0";
    "smooth_max"("a, b, w") Function::Shape(Shape::SmoothMax), "(a + b + sqrt((a - b)^2 + w^2))/2: max(a, b), rounded off where they are within about w of one another";
    "softplus"("x, w") Function::Shape(Shape::Softplus), "w*log(1 + exp(x/w)), max(0, x) rounded off within about w of 0; softplus(x) has w = 1";
    "sqrt"("x") Function::Unary(Unary::Sqrt), "square root";
    "sum"("i in a..b, e") Function::Join(Binary::Add), "sum of e over a range, or of a vector's elements: sum(v)";
    "tan"("x") Function::Unary(Unary::Tan), "tangent of an angle in radians";
    "tanh"("x") Function::Unary(Unary::Tanh), "hyperbolic tangent";
    "transpose"("A") Function::Transpose, "transpose of a matrix";
}

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
    KINDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, function)| *function)
}

/// Whether no file may define this name.
pub(super) fn is_reserved(name: &str) -> bool {
    function(name).is_some() && !LATER.contains(&name)
}

/// Advice on a call of an unknown function: the spelling here, the near name, or all names; `defined` are the file's own.
pub(super) fn advice<'a>(name: &str, defined: impl Iterator<Item = &'a str> + Clone) -> String {
    let lower = name.to_lowercase();
    if let Some((_, spelling)) = FOREIGN.iter().find(|(foreign, _)| *foreign == lower) {
        return format!("write {spelling}");
    }
    let own = KINDS.iter().map(|(known, _)| *known);
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
