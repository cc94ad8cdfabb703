//! Operations of an expression graph and their definitions: folding, the interpreter and every other back
//! end agree with the functions given here, bit for bit.

use labwire_solve::math;

/// Operation on one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a back end has to compute every operation"
)]
pub enum Unary {
    /// `-x`
    Neg,
    /// `|x|`; its derivative at 0 is 0.
    Abs,
    /// -1, 0 or 1; its derivative is 0 everywhere.
    Sign,
    /// Largest integer not above `x`; its derivative is 0 everywhere.
    Floor,
    /// The square root.
    Sqrt,
    /// The square root of a sum of squares: its derivative at 0 is 0, a subgradient of the norm.
    NormSqrt,
    /// The exponential.
    Exp,
    /// The natural logarithm.
    Log,
    /// The logarithm to base 10.
    Log10,
    /// `log(1 + x)`
    Log1p,
    /// `exp(x) - 1`
    Expm1,
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The tangent.
    Tan,
    /// The inverse sine.
    Asin,
    /// The inverse cosine.
    Acos,
    /// The inverse tangent.
    Atan,
    /// The hyperbolic sine.
    Sinh,
    /// The hyperbolic cosine.
    Cosh,
    /// The hyperbolic tangent.
    Tanh,
    /// The inverse hyperbolic sine.
    Asinh,
    /// The inverse hyperbolic cosine.
    Acosh,
    /// The inverse hyperbolic tangent.
    Atanh,
    /// The error function.
    Erf,
}

/// Operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a back end has to compute every operation"
)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `a * b`, but 0 where `a` is 0, whatever `b` is.
    MaskedMul,
    /// `a / b`, but 0 where `a` is 0, whatever `b` is.
    MaskedDiv,
    /// `a` to the power of `b`.
    Pow,
    /// The angle of the point (`b`, `a`).
    Atan2,
    /// `sqrt(a^2 + b^2)` without overflow.
    Hypot,
    /// Minimum; the first at a tie.
    Min,
    /// Maximum; the first at a tie.
    Max,
    /// 1 where `a < b`, else 0.
    Less,
    /// 1 where `a <= b`, else 0.
    LessEqual,
    /// 1 where `a == b`, else 0.
    Equal,
    /// 1 where `a != b`, else 0.
    NotEqual,
}

impl Unary {
    /// Function that the operation computes.
    #[must_use]
    pub fn function(self) -> fn(f64) -> f64 {
        match self {
            Self::Neg => |x| -x,
            Self::Abs => f64::abs,
            Self::Sign => math::sign,
            Self::Floor => math::floor,
            Self::Sqrt | Self::NormSqrt => math::sqrt,
            Self::Exp => math::exp,
            Self::Log => math::log,
            Self::Log10 => math::log10,
            Self::Log1p => math::log1p,
            Self::Expm1 => math::expm1,
            Self::Sin => math::sin,
            Self::Cos => math::cos,
            Self::Tan => math::tan,
            Self::Asin => math::asin,
            Self::Acos => math::acos,
            Self::Atan => math::atan,
            Self::Sinh => math::sinh,
            Self::Cosh => math::cosh,
            Self::Tanh => math::tanh,
            Self::Asinh => math::asinh,
            Self::Acosh => math::acosh,
            Self::Atanh => math::atanh,
            Self::Erf => math::erf,
        }
    }

    /// Whether the value or the derivative jumps somewhere; a constraint with such an operation gets no
    /// multiplier.
    #[must_use]
    pub fn has_kink(self) -> bool {
        matches!(self, Self::Abs | Self::Sign | Self::Floor)
    }
}

impl Binary {
    /// Function that the operation computes.
    #[must_use]
    pub fn function(self) -> fn(f64, f64) -> f64 {
        match self {
            Self::Add => |a, b| a + b,
            Self::Sub => |a, b| a - b,
            Self::Mul => |a, b| a * b,
            Self::Div => |a, b| a / b,
            Self::MaskedMul => masked_mul,
            Self::MaskedDiv => masked_div,
            Self::Pow => math::pow,
            Self::Atan2 => math::atan2,
            Self::Hypot => math::hypot,
            Self::Min => math::min,
            Self::Max => math::max,
            Self::Less => |a, b| truth(a < b),
            Self::LessEqual => |a, b| truth(a <= b),
            Self::Equal => |a, b| truth(a == b),
            Self::NotEqual => |a, b| truth(a != b),
        }
    }

    /// Whether `op(a, b)` and `op(b, a)` have the same bits.
    #[must_use]
    pub fn is_commutative(self) -> bool {
        matches!(self, Self::Add | Self::Mul | Self::Equal | Self::NotEqual)
    }

    /// Whether the value or the derivative jumps somewhere; a constraint with such an operation gets no
    /// multiplier.
    #[must_use]
    pub fn has_kink(self) -> bool {
        matches!(
            self,
            Self::Min | Self::Max | Self::Less | Self::LessEqual | Self::Equal | Self::NotEqual
        )
    }
}

/// Value of a selection: `a` where the condition is not 0, else `b`.
#[must_use]
pub fn select(condition: f64, a: f64, b: f64) -> f64 {
    if condition != 0.0 { a } else { b }
}

/// Value of [`Binary::MaskedMul`].
pub(super) fn masked_mul(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a * b }
}

/// Value of [`Binary::MaskedDiv`].
pub(super) fn masked_div(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a / b }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}
