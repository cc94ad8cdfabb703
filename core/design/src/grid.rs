//! Grid of settings: every combination of the values of the knobs.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use labwire_solve::math::pow;

use super::model::{Model, Points};

/// Most settings processed at a time.
pub(super) const BLOCK: usize = 128;

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

/// Settings to choose from: every combination of the values of the knobs, or of lists of values that some knobs take
/// together, without those that constraints exclude. Computed on demand; the last knob varies fastest. Clones share the
/// values.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    knobs: Arc<[Knob]>,
    /// Numbers of knobs, in order, that take their values together.
    lists: Arc<[usize]>,
    /// Indices among all combinations, in ascending order, where constraints exclude some.
    kept: Option<Arc<[u32]>>,
    combinations: usize,
    len: usize,
}

impl Grid {
    /// Creates the grid of `knobs`; `None` if it is empty or its size overflows.
    pub fn new(knobs: Vec<Knob>) -> Option<Self> {
        Self::of_lists(knobs.into_iter().map(|knob| alloc::vec![knob]).collect())
    }

    /// Every combination of an entry of each list; the knobs of a list have one value per entry. `None` if there is
    /// none, their size overflows, or the knobs of a list differ in their number of values.
    pub fn of_lists(lists: Vec<Vec<Knob>>) -> Option<Self> {
        let entries = lists.iter().map(|list| {
            let len = list.first()?.values.len();
            list.iter().all(|knob| knob.values.len() == len).then_some(len)
        });
        let mut entries = entries.into_iter();
        let len = entries.try_fold(1_usize, |product, len| product.checked_mul(len?))?;
        let sizes = lists.iter().map(Vec::len).collect();
        let knobs: Vec<Knob> = lists.into_iter().flatten().collect();
        (len > 0 && !knobs.is_empty()).then(|| Self {
            knobs: Arc::from(knobs),
            lists: sizes,
            kept: None,
            combinations: len,
            len,
        })
    }

    /// The settings at which no output of `constraints`, a function of the setting alone, is 0. `None` if there is none,
    /// or more than 2^32 before.
    #[must_use]
    pub fn restricted(self, constraints: &mut dyn Model) -> Option<Self> {
        let mut kept = Vec::new();
        let (mut settings, mut outputs) = (Vec::new(), Vec::new());
        for start in (0..self.len).step_by(BLOCK) {
            let count = BLOCK.min(self.len - start);
            settings.resize(self.knobs.len() * count, 0.0);
            outputs.resize(constraints.num_outputs() * count, 0.0);
            self.fill(start, count, &mut settings);
            let points = Points::new(&settings, count, 0..count);
            constraints.evaluate(points, Points::one(&[]), &mut outputs);
            for i in 0..count {
                if outputs
                    .iter()
                    .skip(i)
                    .step_by(count)
                    .all(|output| output.abs() > 0.0)
                {
                    kept.push(u32::try_from(self.combination(start + i)).ok()?);
                }
            }
        }
        let len = kept.len();
        (len > 0).then(|| Self {
            kept: Some(Arc::from(kept)),
            len,
            ..self
        })
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
        let mut first = 0;
        for (list, repeats) in self.lists() {
            if let Some(knob) = list.get(knob - first) {
                for (i, value) in values.iter_mut().enumerate() {
                    *value = knob.values[self.combination(start + i) / repeats % knob.values.len()];
                }
                return;
            }
            first += list.len();
        }
    }

    /// Whether `setting` is on the grid.
    #[must_use]
    pub fn contains(&self, setting: &[f64]) -> bool {
        let (mut rest, mut combination) = (setting, 0);
        for (list, repeats) in self.lists() {
            let Some((values, others)) = rest.split_at_checked(list.len()) else {
                return false;
            };
            let is_entry = |i: &usize| list.iter().zip(values).all(|(knob, x)| knob.values[*i] == *x);
            let Some(entry) = (0..list[0].values.len()).find(is_entry) else {
                return false;
            };
            combination += entry * repeats;
            rest = others;
        }
        let kept = self.kept.as_deref();
        kept.is_none_or(|kept| {
            kept.binary_search_by_key(&combination, |index| *index as usize)
                .is_ok()
        })
    }

    /// Number of 64-bit numbers that the indices of the settings take, where constraints exclude some.
    pub(super) fn num_indices(&self) -> usize {
        self.kept.as_deref().map_or(0, <[u32]>::len).div_ceil(2)
    }

    /// Index among all combinations of setting number `index`.
    fn combination(&self, index: usize) -> usize {
        match &self.kept {
            None => index,
            Some(kept) => kept.get(index).map_or(0, |index| *index as usize),
        }
    }

    /// Knobs that take their values together, and the number of settings for which an entry of theirs is repeated.
    fn lists(&self) -> impl Iterator<Item = (&[Knob], usize)> {
        let (mut rest, mut repeats) = (&*self.knobs, self.combinations);
        self.lists.iter().map(move |size| {
            let (list, others) = rest.split_at(*size);
            rest = others;
            repeats /= list[0].values.len();
            (list, repeats)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Closure;

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

    /// A list of pairs and a knob beside it, of which a constraint leaves three settings.
    #[test]
    fn lists_go_together_and_constraints_exclude() {
        let knob = |name: &str, values: &[f64]| Knob {
            name: name.into(),
            values: values.into(),
        };
        let pairs = alloc::vec![knob("v", &[1.0, 3.0]), knob("i", &[2.0, 4.0])];
        let lists = alloc::vec![pairs, alloc::vec![knob("t", &[5.0, 6.0])]];
        let grid = Grid::of_lists(lists.clone()).unwrap();
        let settings = |grid: &Grid| -> Vec<Vec<f64>> { (0..grid.len()).map(|i| grid.setting(i)).collect() };
        assert_eq!(
            settings(&grid),
            [[1.0, 2.0, 5.0], [1.0, 2.0, 6.0], [3.0, 4.0, 5.0], [3.0, 4.0, 6.0]]
        );
        assert!(grid.contains(&[3.0, 4.0, 5.0]) && !grid.contains(&[1.0, 4.0, 5.0]));
        let mut below = Closure::new(|[v, _, t]: [f64; 3], []: [f64; 0]| [f64::from(v * t < 18.0)]);
        let grid = grid.restricted(&mut below).unwrap();
        assert_eq!(
            settings(&grid),
            [[1.0, 2.0, 5.0], [1.0, 2.0, 6.0], [3.0, 4.0, 5.0]]
        );
        assert!(grid.contains(&[3.0, 4.0, 5.0]) && !grid.contains(&[3.0, 4.0, 6.0]));
        let mut values = [0.0; 2];
        grid.read(0, 1, &mut values);
        assert_eq!(values, [1.0, 3.0]);
        let mut never = Closure::new(|[_, _, _]: [f64; 3], []: [f64; 0]| [0.0]);
        assert!(grid.restricted(&mut never).is_none());
        let uneven = alloc::vec![alloc::vec![knob("v", &[1.0]), knob("i", &[2.0, 4.0])]];
        assert!(Grid::of_lists(uneven).is_none());
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
