//! Functions that expressions may call.

use super::operation::{Binary, Unary};

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
    Norm2,
    NormInf,
}

/// Functions by name.
pub(super) const FUNCTIONS: [(&str, Function); 32] = [
    ("abs", Function::Unary(Unary::Abs)),
    ("acos", Function::Unary(Unary::Acos)),
    ("acosh", Function::Unary(Unary::Acosh)),
    ("asin", Function::Unary(Unary::Asin)),
    ("asinh", Function::Unary(Unary::Asinh)),
    ("atan", Function::Unary(Unary::Atan)),
    ("atan2", Function::Binary(Binary::Atan2)),
    ("atanh", Function::Unary(Unary::Atanh)),
    ("cos", Function::Unary(Unary::Cos)),
    ("cosh", Function::Unary(Unary::Cosh)),
    ("dot", Function::Dot),
    ("erf", Function::Unary(Unary::Erf)),
    ("exp", Function::Unary(Unary::Exp)),
    ("expm1", Function::Unary(Unary::Expm1)),
    ("floor", Function::Unary(Unary::Floor)),
    ("hypot", Function::Binary(Binary::Hypot)),
    ("if", Function::If),
    ("log", Function::Unary(Unary::Log)),
    ("log1p", Function::Unary(Unary::Log1p)),
    ("max", Function::Fold(Binary::Max)),
    ("min", Function::Fold(Binary::Min)),
    ("norm2", Function::Norm2),
    ("norm_inf", Function::NormInf),
    ("pow", Function::Binary(Binary::Pow)),
    ("prod", Function::Join(Binary::Mul)),
    ("sign", Function::Unary(Unary::Sign)),
    ("sin", Function::Unary(Unary::Sin)),
    ("sinh", Function::Unary(Unary::Sinh)),
    ("sqrt", Function::Unary(Unary::Sqrt)),
    ("sum", Function::Join(Binary::Add)),
    ("tan", Function::Unary(Unary::Tan)),
    ("tanh", Function::Unary(Unary::Tanh)),
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
        .find(|(known, _)| *known == name)
        .map(|(_, function)| *function)
}
