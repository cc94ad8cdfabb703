//! How large a problem file may be.

/// Limits on what a problem's text may ask for. A text that exceeds one is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextLimits {
    /// `text-bytes`: the length of the text, in bytes. Default 4 MiB.
    pub text_bytes: usize,
    /// `variables`: the number of decision variables, of parameters, and of constraints, each; of an optimal-control
    /// problem, those of one stage. Default 10,000.
    pub variables: usize,
    /// `expression-depth`: how deep parentheses, calls and lists may be nested, calls of definitions included.
    /// Default 64.
    pub expression_depth: usize,
    /// `graph-nodes`: the number of different operations, before derivatives are added. Default 200,000.
    pub graph_nodes: usize,
    /// `expansion-steps`: how many operations, elements of vectors and loop iterations are gone through while
    /// expressions are written out. Default 4,000,000.
    pub expansion_steps: usize,
    /// `stage-memory`: how many numbers the evaluation of an optimal-control problem may hold, all stages together.
    /// Default 50,000,000 (400 MB).
    pub stage_memory: usize,
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
