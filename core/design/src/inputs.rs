//! Inputs of a formula, in the designer's words: settings and the parameters sought.
//!
//! The expression graph, which problems share, calls its constant inputs parameters and those that it differentiates by
//! decision variables.

use labwire_model::expression::graph::Input;
use labwire_model::expression::program::InputLengths;

/// The setting: one value per knob; in a cost, those of the next setting and then those of the previous one.
pub(super) const SETTING: Input = Input::Parameter;

/// The unknown parameters.
pub(super) const PARAMETER: Input = Input::Variable;

/// Lengths of the inputs of a formula.
pub(super) fn lengths(setting: usize, parameters: usize) -> InputLengths {
    InputLengths {
        parameters: setting,
        variables: parameters,
        multipliers: 0,
    }
}
