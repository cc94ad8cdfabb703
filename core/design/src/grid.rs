//! Grid of settings: every combination of the values of the knobs.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use labwire_solve::math::pow;

/// Adjustable quantity of an instrument.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Knob {
    /// Name of the knob.
    pub name: String,
    /// Values it can be set to; at least one.
    pub values: Vec<f64>,
}

/// `count` equally spaced values from `start` to `stop`, both included: bit for bit those of NumPy's
/// `linspace`.
#[must_use]
pub fn linspace(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / (count.max(2) - 1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| i as f64 * step + start).collect();
    if let [_, .., last] = &mut values[..] {
        *last = stop;
    }
    values
}

/// `count` values from 10^`start` to 10^`stop`, both included, spaced like those of NumPy's `logspace`.
#[must_use]
pub fn logspace(start: f64, stop: f64, count: usize) -> Vec<f64> {
    linspace(start, stop, count)
        .into_iter()
        .map(|exponent| pow(10.0, exponent))
        .collect()
}

/// Every combination of the values of the knobs, computed on demand. The last knob varies fastest. Clones share the
/// values.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    knobs: Arc<[Knob]>,
    len: usize,
}

impl Grid {
    /// Creates the grid of `knobs`; `None` if it is empty or its size overflows.
    pub fn new(knobs: Vec<Knob>) -> Option<Self> {
        let counts = knobs.iter().map(|knob| knob.values.len());
        let len = counts.into_iter().try_fold(1_usize, usize::checked_mul)?;
        let knobs = Arc::from(knobs);
        (len > 0)
            .then_some(Self { knobs, len })
            .filter(|grid| !grid.knobs.is_empty())
    }

    /// Knobs of the grid.
    #[must_use]
    pub fn knobs(&self) -> &[Knob] {
        &self.knobs
    }

    /// Number of settings.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Setting number `index`, one value per knob.
    #[must_use]
    pub fn setting(&self, index: usize) -> Vec<f64> {
        let mut setting = alloc::vec![0.0; self.knobs.len()];
        self.fill(index, 1, &mut setting);
        setting
    }

    /// Writes `count` settings from `start` on: knob `k` of setting `i` to `rows[k * count + i]`.
    pub(super) fn fill(&self, start: usize, count: usize, rows: &mut [f64]) {
        for (knob, row) in rows.chunks_exact_mut(count).enumerate() {
            self.read(knob, start, row);
        }
    }

    /// Copies the values of one knob in successive settings, from setting number `start` on.
    pub fn read(&self, knob: usize, start: usize, values: &mut [f64]) {
        let Some((knob, faster)) = self.knobs.get(knob..).and_then(<[Knob]>::split_first) else {
            return;
        };
        let repeats: usize = faster.iter().map(|knob| knob.values.len()).product();
        for (i, value) in values.iter_mut().enumerate() {
            *value = knob.values[(start + i) / repeats % knob.values.len()];
        }
    }

    /// Whether `setting` is on the grid.
    #[must_use]
    pub fn contains(&self, setting: &[f64]) -> bool {
        self.knobs
            .iter()
            .zip(setting)
            .all(|(knob, x)| knob.values.contains(x))
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
        for (knob, expected) in expected.iter().enumerate() {
            for start in 0..6 {
                let mut values = alloc::vec![0.0; 6 - start];
                grid.read(knob, start, &mut values);
                assert_eq!(values, expected[start..]);
            }
        }
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
