//! The settings an instrument can be given: every combination of the values of its knobs.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::math::pow;

/// Something that can be set on an instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Its name.
    pub name: String,
    /// The values it may be given; at least one.
    pub values: Vec<f64>,
}

/// `count` values from `start` to `stop`, both included, equally far apart: bit for bit those of NumPy's `linspace`.
pub fn linspace(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / (count.max(2) - 1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| i as f64 * step + start).collect();
    if let [_, .., last] = &mut values[..] {
        *last = stop;
    }
    values
}

/// `count` values from 10^`start` to 10^`stop`, both included, as NumPy's `logspace`.
pub fn logspace(start: f64, stop: f64, count: usize) -> Vec<f64> {
    linspace(start, stop, count)
        .into_iter()
        .map(|exponent| pow(10.0, exponent))
        .collect()
}

/// Every combination of the values of some knobs, never written out. The last knob changes fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    knobs: Vec<Knob>,
    len: usize,
}

impl Grid {
    /// The combinations of the values of `knobs`; nothing if there are none, or more than can be counted.
    pub fn new(knobs: Vec<Knob>) -> Option<Self> {
        let counts = knobs.iter().map(|knob| knob.values.len());
        let len = counts.into_iter().try_fold(1_usize, usize::checked_mul)?;
        (len > 0 && !knobs.is_empty()).then_some(Self { knobs, len })
    }

    /// The knobs.
    pub fn knobs(&self) -> &[Knob] {
        &self.knobs
    }

    /// The number of combinations.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The setting number `index`, a number for each knob.
    pub fn setting(&self, index: usize) -> Vec<f64> {
        let mut setting = alloc::vec![0.0; self.knobs.len()];
        self.fill(index, 1, &mut setting);
        setting
    }

    /// Writes the settings from `start` on, `count` of them: the knob `k` of the setting `i` to `rows[k * count + i]`.
    pub(super) fn fill(&self, start: usize, count: usize, rows: &mut [f64]) {
        let mut repeats = self.len;
        for (knob, row) in self.knobs.iter().zip(rows.chunks_exact_mut(count)) {
            let values = &knob.values;
            repeats /= values.len();
            for (i, entry) in row.iter_mut().enumerate() {
                *entry = values[(start + i) / repeats % values.len()];
            }
        }
    }

    /// Whether a setting is one of the combinations.
    pub fn contains(&self, setting: &[f64]) -> bool {
        self.knobs
            .iter()
            .zip(setting)
            .all(|(knob, x)| knob.values.contains(x))
    }

    /// All settings: a row for each knob.
    pub fn rows(&self) -> Vec<Vec<f64>> {
        let mut rows = alloc::vec![0.0; self.knobs.len() * self.len];
        self.fill(0, self.len, &mut rows);
        rows.chunks_exact(self.len).map(<[f64]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_those_of_a_meshgrid() {
        let knob = |name: &str, values: &[f64]| Knob {
            name: name.into(),
            values: values.into(),
        };
        let grid = Grid::new(alloc::vec![knob("a", &[1.0, 2.0]), knob("b", &[3.0, 4.0, 5.0])]).unwrap();
        assert_eq!(grid.len(), 6);
        let expected = [[1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [3.0, 4.0, 5.0, 3.0, 4.0, 5.0]];
        assert_eq!(grid.rows(), expected);
        assert_eq!(grid.setting(4), [2.0, 4.0]);
        assert!(grid.contains(&[2.0, 5.0]) && !grid.contains(&[5.0, 2.0]));
    }

    #[test]
    fn linspace_is_numpys() {
        assert_eq!(
            linspace(2.0, 3.0, 4),
            [2.0, 2.333_333_333_333_333_5, 2.666_666_666_666_666_5, 3.0]
        );
        assert_eq!(linspace(2.0, 3.0, 1), [2.0]);
        assert_eq!(logspace(0.0, 2.0, 3), [1.0, 10.0, 100.0]);
    }
}
