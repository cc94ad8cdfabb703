//! Section `settings` of an experiment file: knobs and their values.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_model::problem::TextError;
use labwire_model::text::Place;
use labwire_solve::Compact;
use labwire_solve::math::all_finite;

use super::Reader;
use crate::grid::{Grid, Knob, linspace, logspace};
use crate::inputs::SETTING;
use crate::keys;
use crate::model::Model;

/// Operations of the constraints at a setting, if there are as many settings as the limit allows.
const OPERATIONS_PER_SETTING: usize = 100;

impl<'t> Reader<'t> {
    /// Reads the knobs, those of a list together, and defines them as inputs.
    pub(super) fn knobs(&mut self, place: &Place<'t>) -> Result<Vec<Vec<Knob>>, TextError> {
        let entries = place.entries("an object of knobs and their values")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one knob".into()));
        }
        let (mut lists, mut count) = (Vec::new(), 0);
        for entry in entries {
            let names = self.new_names(place, &entry)?;
            let columns = match &names[..] {
                [name] => alloc::vec![self.knob_values(&entry.value, name)?],
                _ => self.rows(&entry.value, &names)?,
            };
            for name in &names {
                self.define_input(name, SETTING, count);
                count += 1;
            }
            let knobs = names.into_iter().zip(columns);
            lists.push(knobs.map(|(name, values)| Knob { name, values }).collect());
        }
        Ok(lists)
    }

    /// Columns of numbers that go together by row: a list of rows, or a file.
    pub(super) fn rows(&mut self, place: &Place<'t>, names: &[String]) -> Result<Vec<Vec<f64>>, TextError> {
        if !place.is_list() {
            let entries = place.entries_of(
                "a list of rows such as [[1, 2], [3, 4]], or {\"csv\": \"FILE\"}",
                &["csv"],
            )?;
            let [entry] = &entries[..] else {
                return Err(place.error("expected a list of rows, or \"csv\"".into()));
            };
            return self.columns(&entry.value, names);
        }
        let rows = place.items("a list of rows")?;
        if rows.is_empty() {
            return Err(place.error("expected at least one row".into()));
        }
        let mut columns = alloc::vec![Vec::with_capacity(rows.len()); names.len()];
        for row in &rows {
            let values = self.numbers(row, &format!("a row of {} numbers", names.len()))?;
            if values.len() != names.len() {
                let message = format!(
                    "expected {} ({} numbers), found {}",
                    names.join(", "),
                    names.len(),
                    values.len()
                );
                return Err(row.error(message));
            }
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        Ok(columns)
    }

    /// Columns of a CSV file by name.
    fn columns(&mut self, place: &Place<'t>, names: &[String]) -> Result<Vec<Vec<f64>>, TextError> {
        let file = place.string("the name of a CSV file")?;
        let columns = self
            .outside
            .columns(file, names)
            .map_err(|message| place.error(message))?;
        match columns
            .iter()
            .all(|column| !column.is_empty() && all_finite(column))
            && columns.len() == names.len()
        {
            true => Ok(columns),
            false => Err(place.error(format!("{file}: expected rows of finite numbers"))),
        }
    }

    pub(super) fn knob_values(&mut self, place: &Place<'t>, name: &str) -> Result<Vec<f64>, TextError> {
        const WHAT: &str = "values such as {\"linspace\": [1.5, 4.5, 200]}, or a list of numbers";
        if place.is_list() {
            return self.values(place);
        }
        let entries = place.entries_of(WHAT, keys::setting::NAMES)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", keys::setting::NAMES.join(", "))));
        };
        match entry.name {
            "values" => return self.values(&entry.value),
            "csv" => return Ok(self.columns(&entry.value, &[name.into()])?.concat()),
            _ => {}
        }
        let [start, stop, count] = self.some_numbers(&entry.value, "[start, stop, count]")?;
        let most = self.limits.settings;
        if !(count >= 1.0 && labwire_solve::math::floor(count) == count) {
            return Err(entry.value.error(format!(
                "the count must be a whole number from 1 on, not {}",
                Compact(count)
            )));
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
        match all_finite(&values) {
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

    /// The grid, without the settings that `constraints` exclude.
    pub(super) fn grid(
        &self,
        place: &Place<'t>,
        lists: Vec<Vec<Knob>>,
        constraints: Option<&mut dyn Model>,
    ) -> Result<Grid, TextError> {
        let limit = self.limits.settings;
        let Some(grid) = Grid::of_lists(lists).filter(|grid| grid.len() <= limit) else {
            return Err(place.error(format!("more than {limit} combinations (limit `settings`)")));
        };
        let Some(constraints) = constraints else {
            return Ok(grid);
        };
        if constraints.operations().saturating_mul(grid.len()) > OPERATIONS_PER_SETTING.saturating_mul(limit)
        {
            let count = grid.len();
            let message = format!(
                "their constraints take too many operations for {count} combinations (limit `settings`)"
            );
            return Err(place.error(message));
        }
        grid.restricted(constraints)
            .ok_or_else(|| place.error("the constraints exclude every setting".into()))
    }
}
