//! Reading of experiments: only the operator's own text may reach for files and programs.

use alloc::boxed::Box;
use alloc::string::String;

use labwire_design::{DesignLimits, Experiment, Outside};
use labwire_model::problem::TextError;

/// Limits on all texts, and what the operator's text may reach for.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) limits: DesignLimits,
    operator: Option<(String, Box<dyn Outside>)>,
}

impl Texts {
    pub(super) fn new(limits: DesignLimits, operator: Option<(&str, Box<dyn Outside>)>) -> Self {
        let operator = operator.map(|(text, outside)| (text.into(), outside));
        Self { limits, operator }
    }

    /// Reads an experiment. A text is the operator's if it is the same to the letter, wherever it comes from: from a log,
    /// or from a client that sends it back.
    pub(super) fn read(&self, text: &str, arguments: &[(&str, f64)]) -> Result<Experiment, TextError> {
        match &self.operator {
            Some((known, outside)) if known == text => {
                Experiment::from_operator(text, arguments, &self.limits, &**outside)
            }
            _ => Experiment::from_json(text, arguments, &self.limits),
        }
    }
}
