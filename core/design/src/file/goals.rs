//! Sections `targets` and `until` of an experiment file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_model::expression::graph::Expr;
use labwire_model::problem::TextError;
use labwire_model::text::{Fault, Place, suggestion};
use labwire_solve::Compact;

use super::Reader;
use crate::goal::Until;
use crate::inputs::SETTING;
use crate::keys;
use crate::prior::Parameter;

impl<'t> Reader<'t> {
    /// Reads the target quantities: names and functions of the parameters.
    pub(super) fn targets(&mut self, place: &Place<'t>) -> Result<(Vec<String>, Vec<Expr>), TextError> {
        let (mut names, mut outputs) = (Vec::new(), Vec::new());
        for entry in place.entries("an object of names and expressions of the parameters")? {
            names.push(self.file.new_name(place, &entry)?);
            let value = self.file.value(&entry.value)?;
            match value.as_scalar() {
                Some(output) if self.file.expander.graph.depends_on(output, SETTING) => {
                    let message = "a target is a function of the parameters; it cannot depend on settings";
                    return Err(entry.value.error(message.into()));
                }
                Some(output) => outputs.push(output),
                None => {
                    return Err(entry
                        .value
                        .error(format!("a target must be a number, found {}", value.describe())));
                }
            }
        }
        match names.is_empty() {
            true => Err(place.error("expected at least one target".into())),
            false => Ok((names, outputs)),
        }
    }

    /// Reads the rules that end the experiment.
    pub(super) fn until(
        &mut self,
        place: &Place<'t>,
        parameters: &[Parameter],
        targets: &[String],
    ) -> Result<Until, TextError> {
        let mut until = Until::default();
        let names = || {
            parameters
                .iter()
                .map(|it| it.name.as_str())
                .chain(targets.iter().map(String::as_str))
        };
        for entry in place.entries_of(
            "an object of \"std\", \"cost\" or \"measurements\"",
            keys::until::NAMES,
        )? {
            let value = &entry.value;
            match entry.name {
                "measurements" => until.measurements = Some(value.whole_number(1, u32::MAX)? as usize),
                "cost" => until.cost = Some(self.above_zero(value)?),
                _ => {
                    for entry in
                        value.entries("an object of parameters or targets and standard deviations")?
                    {
                        if !names().any(|name| name == entry.name) {
                            let fault =
                                Fault::new(0, format!("there is no parameter or target `{}`", entry.name));
                            return Err(
                                value.fault_in_key(&entry, fault.suggest(suggestion(entry.name, names())))
                            );
                        }
                        until
                            .std
                            .push((entry.name.into(), self.above_zero(&entry.value)?));
                    }
                }
            }
        }
        Ok(until)
    }

    fn above_zero(&mut self, place: &Place<'t>) -> Result<f64, TextError> {
        match self.number(place)? {
            number if number > 0.0 => Ok(number),
            number => Err(place.error(format!("expected a positive number, found {}", Compact(number)))),
        }
    }
}
