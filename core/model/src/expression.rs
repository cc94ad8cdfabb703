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
mod value;

pub(crate) use bounded::Bounded;
pub use edge::Edge;
pub use expand::Expander;
pub use functions::{FUNCTIONS, FunctionEntry};
pub use scope::{Named, Scope};
pub(crate) use syntax::parse_signature;
pub use value::Value;
