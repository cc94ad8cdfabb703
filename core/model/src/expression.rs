//! Expressions: from text to a graph, its derivatives, and a program that evaluates them.
//!
//! ```text
//! text -> syntax tree -> expression graph -> derivative graph -> program -> interpreter
//! ```

mod bounded;
mod calls;
pub(crate) mod curvature;
pub mod derivative;
mod edge;
mod expand;
mod functions;
pub mod graph;
pub(crate) mod interpreter;
pub(crate) mod named;
pub mod operation;
pub mod program;
pub mod run;
mod schedule;
mod scope;
pub(crate) mod stage;
mod syntax;
mod table;
mod tangent;
mod token;
pub(crate) mod unit;
mod value;

pub(crate) use bounded::Bounded;
pub use edge::Edge;
pub use expand::Expander;
pub use functions::{FUNCTIONS, FunctionEntry};
pub use named::Named;
pub use scope::Scope;
pub(crate) use scope::{Compared, Part};
pub(crate) use syntax::parse_signature;
pub(crate) use unit::Quantity;
pub use value::Value;
