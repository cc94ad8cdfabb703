//! Files and programs that an experiment names: the core opens and starts none.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::model::Model;

/// What an experiment may name outside of its text. A host provides it for texts that its operator names, on the command
/// line or in a configuration; nobody else's text may reach for it.
pub trait Outside: fmt::Debug + Send {
    /// Columns of a CSV file with these names, in this order.
    ///
    /// # Errors
    /// If the file cannot be read, or a column is missing.
    fn columns(&self, file: &str, names: &[String]) -> Result<Vec<Vec<f64>>, String>;

    /// Model that a program computes. The program starts with the first evaluation, and ends with the model.
    ///
    /// # Errors
    /// If there can be no such model.
    fn program(&self, program: ModelProgram) -> Result<Box<dyn Model>, String>;
}

/// Program that computes a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelProgram {
    /// Program and its arguments; at least one.
    pub command: Vec<String>,
    /// Names of the knobs, then of the parameters.
    pub inputs: Vec<String>,
    /// Number of the knobs.
    pub knobs: usize,
    /// Number of outputs.
    pub channels: usize,
    /// Longest time for an answer.
    pub time_limit: Duration,
}

/// Nothing outside of the text.
#[derive(Debug)]
pub(super) struct Refused;

impl Outside for Refused {
    fn columns(&self, file: &str, _: &[String]) -> Result<Vec<Vec<f64>>, String> {
        Err(refusal("the file", file))
    }

    fn program(&self, program: ModelProgram) -> Result<Box<dyn Model>, String> {
        Err(refusal("the command", &program.command.join(" ")))
    }
}

fn refusal(what: &str, name: &str) -> String {
    format!(
        "{what} {name:?} is honoured only in an experiment file that the operator names, on the command line or in the \
         configuration, not in a text from elsewhere"
    )
}
