//! Section `parameters` of an experiment file: parameters and their priors.

use alloc::format;
use alloc::vec::Vec;

use labwire_model::problem::TextError;
use labwire_model::text::{Place, find};

use super::Reader;
use crate::keys;
use crate::prior::{Parameter, Prior};

impl<'t> Reader<'t> {
    pub(super) fn parameters(&mut self, place: &Place<'t>) -> Result<Vec<Parameter>, TextError> {
        let entries = place.entries("an object of parameters and their priors")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one parameter".into()));
        }
        let mut parameters = Vec::new();
        for entry in entries {
            let name = self.file.new_name(place, &entry)?;
            let prior = self.prior(&entry.value)?;
            prior.check().map_err(|fault| entry.value.error(fault.into()))?;
            parameters.push(Parameter { name, prior });
        }
        Ok(parameters)
    }

    fn prior(&mut self, place: &Place<'t>) -> Result<Prior, TextError> {
        const WHAT: &str = "a prior such as {\"uniform\": [0, 1]}";
        let entries = place.entries_of(WHAT, keys::prior::NAMES)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", keys::prior::NAMES.join(", "))));
        };
        let value = &entry.value;
        Ok(match entry.name {
            "uniform" => {
                let [low, high] = self.some_numbers(value, "[low, high]")?;
                Prior::Uniform { low, high }
            }
            "normal" => {
                let [mean, std] = self.some_numbers(value, "[mean, standard deviation]")?;
                Prior::Normal { mean, std }
            }
            "lognormal" => {
                let what = "[mean, standard deviation] of the logarithm";
                let [mean, std] = self.some_numbers(value, what)?;
                Prior::LogNormal { mean, std }
            }
            "exponential" => Prior::Exponential {
                mean: self.number(value)?,
            },
            "gamma" => {
                let [shape, scale] = self.some_numbers(value, "[shape, scale]")?;
                Prior::Gamma { shape, scale }
            }
            "discrete" => self.discrete(value)?,
            _ => Prior::Samples(self.values(value)?),
        })
    }

    /// Reads a list of values, or an object of values and their weights.
    fn discrete(&mut self, place: &Place<'t>) -> Result<Prior, TextError> {
        if place.is_list() {
            let values = self.values(place)?;
            let weights = alloc::vec![1.0; values.len()];
            return Ok(Prior::Discrete { values, weights });
        }
        let entries = place.entries_of(
            "a list, or an object of \"values\" and \"weights\"",
            keys::discrete::NAMES,
        )?;
        let list =
            |key: &str| find(&entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")));
        Ok(Prior::Discrete {
            values: self.values(list("values")?)?,
            weights: self.values(list("weights")?)?,
        })
    }
}
