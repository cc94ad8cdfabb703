//! Reader of the names of an optimal-control problem: states, inputs, parameters.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::expression::graph::Input;
use crate::expression::{Named, Scope, Value, parse_signature};
use crate::problem::keys;
use crate::text::{Place, TextError};

impl<'t> Scope<'t> {
    /// Reads states, inputs or parameters: a list of names of numbers, or an object of names and lengths.
    pub(super) fn named(
        &mut self,
        place: &Place<'t>,
        input: Input,
        first: usize,
    ) -> Result<Vec<Named>, TextError> {
        if !place.is_list() {
            return self.inputs(place, input, first, keys::variable::NAMES);
        }
        let items = place.items("a list of names")?;
        if items.is_empty() && input == Input::Variable {
            return Err(place.error("expected at least one name".into()));
        }
        if items.len() > self.limits.variables {
            let limit = self.limits.variables;
            return Err(place.error(format!("more than {limit} (limit `variables`)")));
        }
        let mut names = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let name = self.new_scalar_name(item)?;
            let element = self.expander.graph.input(input, (first + i) as u32);
            self.expander.define_value(&name, Value::Scalar(element));
            names.push(Named::new(&name, 1));
        }
        Ok(names)
    }

    fn new_scalar_name(&self, item: &Place<'t>) -> Result<String, TextError> {
        let signature = parse_signature(item.string("a name (a string)")?);
        let fault = match signature.map_err(|fault| item.fault_inside(fault))? {
            (name, None) => match self.expander.check_new_name(&name) {
                Ok(()) => return Ok(name),
                Err(message) => message,
            },
            (_, Some(_)) => "expected a name without arguments".to_string(),
        };
        Err(item.error(fault))
    }
}
