//! Section `settings` of an experiment file: knobs and their values.

use alloc::format;
use alloc::vec::Vec;

use labwire_model::problem::TextError;
use labwire_model::text::Place;

use super::Reader;
use crate::grid::{Grid, Knob, linspace, logspace};
use crate::keys;

impl<'t> Reader<'t> {
    pub(super) fn knobs(&mut self, place: &Place<'t>) -> Result<Vec<Knob>, TextError> {
        let entries = place.entries("an object of knobs and their values")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one knob".into()));
        }
        let mut knobs = Vec::new();
        for entry in entries {
            let name = self.file.new_name(place, &entry)?;
            let values = self.knob_values(&entry.value)?;
            knobs.push(Knob { name, values });
        }
        Ok(knobs)
    }

    fn knob_values(&mut self, place: &Place<'t>) -> Result<Vec<f64>, TextError> {
        const WHAT: &str = "values such as {\"linspace\": [1.5, 4.5, 200]}, or a list of numbers";
        if place.is_list() {
            return self.values(place);
        }
        let entries = place.entries_of(WHAT, keys::setting::NAMES)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", keys::setting::NAMES.join(", "))));
        };
        if entry.name == "values" {
            return self.values(&entry.value);
        }
        let [start, stop, count] = self.some_numbers(&entry.value, "[start, stop, count]")?;
        let most = self.limits.settings;
        if !(count >= 1.0 && labwire_solve::math::floor(count) == count) {
            return Err(entry
                .value
                .error(format!("the count must be a whole number from 1 on, not {count}")));
        }
        if count > most as f64 {
            return Err(entry
                .value
                .error(format!("more than {most} values (limit `settings`)")));
        }
        let count = count as usize;
        let values = match entry.name {
            "linspace" => linspace(start, stop, count),
            _ => logspace(start, stop, count),
        };
        match labwire_solve::math::all_finite(&values) {
            true => Ok(values),
            false => Err(entry.value.error("exceeds the range of 64-bit floats".into())),
        }
    }

    pub(super) fn values(&mut self, place: &Place<'t>) -> Result<Vec<f64>, TextError> {
        let values = self.numbers(place, "a list of numbers")?;
        match values.is_empty() {
            true => Err(place.error("expected at least one value".into())),
            false => Ok(values),
        }
    }

    pub(super) fn grid(&self, place: &Place<'t>, knobs: Vec<Knob>) -> Result<Grid, TextError> {
        let limit = self.limits.settings;
        match Grid::new(knobs) {
            Some(grid) if grid.len() <= limit => Ok(grid),
            _ => Err(place.error(format!("more than {limit} combinations (limit `settings`)"))),
        }
    }
}
