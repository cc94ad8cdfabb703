//! Limits on the size of a problem file.

use serde::{Deserialize, Serialize};

/// Limits on the text of a problem. A text that exceeds one is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct TextLimits {
    /// `text-bytes`: length of the text, in bytes. Default 4 MiB.
    pub text_bytes: usize,
    /// `variables`: number of decision variables, of parameters, and of constraints, each; for an
    /// optimal-control problem, of one stage. Default 10,000.
    pub variables: usize,
    /// `expression-depth`: deepest nesting of parentheses, calls and lists, including calls of definitions.
    /// Default 64.
    pub expression_depth: usize,
    /// `graph-nodes`: number of different operations, before derivatives are added. Default 200,000.
    pub graph_nodes: usize,
    /// `expansion-steps`: number of operations, vector elements and loop iterations that the expansion of
    /// all expressions may take. Default 4,000,000.
    pub expansion_steps: usize,
    /// `stage-memory`: number of values that the evaluation of an optimal-control problem may hold, all
    /// stages together. Default 50,000,000 (400 MB).
    pub stage_memory: usize,
}

impl TextLimits {
    labwire_session::setters! {
        with_text_bytes text_bytes: usize,
        with_variables variables: usize,
        with_expression_depth expression_depth: usize,
        with_graph_nodes graph_nodes: usize,
        with_expansion_steps expansion_steps: usize,
        with_stage_memory stage_memory: usize,
    }
}

impl Default for TextLimits {
    fn default() -> Self {
        Self {
            text_bytes: 4 << 20,
            variables: 10_000,
            expression_depth: 64,
            graph_nodes: 200_000,
            expansion_steps: 4_000_000,
            stage_memory: 50_000_000,
        }
    }
}
