//! Sparse `L D L^T`: fronts in a minimum-degree order, with pivots of one and two rows chosen by threshold. A column without
//! a stable pivot in its front is delayed to the next (Duff and Reid, The multifrontal solution of indefinite sparse
//! symmetric linear systems, ACM TOMS 9, 1983).

use alloc::vec;
use alloc::vec::Vec;

use super::analysis::{Analysis, FactorLimits};
use super::{Dense, Inertia};
use crate::math;

/// Room for delayed columns: memory relative to that without delays.
const ROOM: usize = 2;
/// Room for delayed columns in a small front.
const MIN_ROOM: usize = 16;
/// Largest front for the columns of a matrix most of which are delayed: it takes 8 MB.
const WIDE_FRONT: usize = 1000;

/// Symmetric matrix with a fixed structure, and its factorisation. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Sparse {
    analysis: Analysis,
    /// Entries in elimination order (row, column), row >= column, front by front, with their place in `values`.
    entries: Vec<(usize, usize, usize)>,
    /// First entry of each front.
    starts: Vec<usize>,
    values: Vec<f64>,
    scale: Vec<f64>,
    norms: Vec<f64>,
    front: Dense,
    capacity: usize,
    /// Columns of the front in work, and the place of each column there.
    indices: Vec<usize>,
    local: Vec<usize>,
    panels: Vec<Panel>,
    panel_rows: Stack<usize>,
    panel_values: Stack<f64>,
    blocks: Vec<Block>,
    block_rows: Stack<usize>,
    block_values: Stack<f64>,
    work: Vec<f64>,
    gathered: Vec<f64>,
}

/// Eliminated columns of a front.
#[derive(Clone, Copy, Debug)]
struct Panel {
    rows: usize,
    /// First of its values; those of the last front, which takes in what was delayed, stay where they are.
    values: Option<usize>,
    size: usize,
    eliminated: usize,
}

/// Contribution of a front to its parent: the rest of its matrix, of which the first rows were delayed.
#[derive(Clone, Copy, Debug)]
struct Block {
    rows: usize,
    values: usize,
    size: usize,
    delayed: usize,
}

/// Vector that does not grow beyond the memory it was given.
#[derive(Clone, Debug)]
struct Stack<T> {
    items: Vec<T>,
    limit: usize,
}

impl<T: Copy> Stack<T> {
    fn new(limit: usize) -> Self {
        Self {
            items: Vec::with_capacity(limit),
            limit,
        }
    }

    fn has_room(&self, len: usize) -> bool {
        self.items.len() + len <= self.limit
    }
}

impl Sparse {
    /// Analyses a matrix of `dimension` rows with these entries (row, column), of which those of one place add up; rows
    /// from `first_late` on belong to constraints. `None` beyond the limits.
    pub(crate) fn new(
        dimension: usize,
        entries: &[(u32, u32)],
        first_late: usize,
        limits: FactorLimits,
    ) -> Option<Self> {
        let analysis = Analysis::new(dimension, entries, first_late, limits)?;
        let place = |column: u32| analysis.places[column as usize];
        let mut placed: Vec<(usize, usize, usize)> = entries
            .iter()
            .enumerate()
            .map(|(value, &(row, column))| {
                let (a, b) = (place(row), place(column));
                (a.max(b), a.min(b), value)
            })
            .collect();
        placed.sort_unstable_by_key(|&(row, column, value)| (column, row, value));
        let fronts = &analysis.fronts;
        let starts = fronts
            .iter()
            .map(|front| placed.partition_point(|&(_, column, _)| column < front.first));
        let mut starts: Vec<usize> = starts.collect();
        starts.push(placed.len());
        let largest = fronts.iter().map(super::analysis::Front::size).max().unwrap_or(0);
        let narrow = ROOM * largest + MIN_ROOM;
        let capacity = match limits.has_delays {
            true => narrow.max(WIDE_FRONT).min(dimension),
            false => narrow.min(dimension),
        };
        let spare = if limits.has_delays { capacity } else { MIN_ROOM };
        let room = |len: usize| ROOM * len + spare * MIN_ROOM.max(spare);
        let (block_rows, block_values) = peak(&analysis);
        let sizes = || fronts.iter().map(super::analysis::Front::size);
        let panel_values: usize = fronts.iter().map(|front| front.count * front.size()).sum();
        Some(Self {
            values: vec![0.0; entries.len()],
            entries: placed,
            starts,
            scale: vec![1.0; dimension],
            norms: vec![0.0; dimension],
            front: Dense::new(capacity),
            capacity,
            indices: Vec::with_capacity(capacity),
            local: vec![0; dimension],
            panels: Vec::with_capacity(fronts.len()),
            panel_rows: Stack::new(room(sizes().sum())),
            // The diagonal and couplings of the pivots follow their columns.
            panel_values: Stack::new(room(panel_values + dimension)),
            blocks: Vec::with_capacity(fronts.len()),
            block_rows: Stack::new(room(block_rows)),
            block_values: Stack::new(room(block_values)),
            work: vec![0.0; dimension],
            gathered: vec![0.0; capacity],
            analysis,
        })
    }

    /// Multiplications of a factorisation.
    pub(crate) fn multiplications(&self) -> f64 {
        self.analysis.multiplications()
    }

    /// Numbers that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.front.memory() + self.panel_values.limit + self.block_values.limit + 8 * self.values.len()
    }

    /// Values of the entries, in the order in which they were given.
    pub(crate) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// Factorises. Entries that are not finite count as vanishing eigenvalues, and so does everything if delayed columns do
    /// not fit.
    pub(crate) fn factorize(&mut self) -> Inertia {
        let nothing = Inertia {
            zero: self.scale.len(),
            ..Inertia::default()
        };
        if !math::all_finite(&self.values) {
            return nothing;
        }
        self.equilibrate();
        self.panels.clear();
        self.blocks.clear();
        for stack in [&mut self.panel_rows, &mut self.block_rows] {
            stack.items.clear();
        }
        for stack in [&mut self.panel_values, &mut self.block_values] {
            stack.items.clear();
        }
        let mut inertia = Inertia::default();
        for index in 0..self.analysis.fronts.len() {
            if !self.eliminate(index, &mut inertia) {
                return nothing;
            }
        }
        inertia
    }

    /// Assembles a front and eliminates as many of its variables as possible. Returns whether there was room.
    fn eliminate(&mut self, index: usize, inertia: &mut Inertia) -> bool {
        let front = &self.analysis.fronts[index];
        let children = self.blocks.len() - front.num_children;
        self.indices.clear();
        let delayed: usize = self.blocks[children..].iter().map(|block| block.delayed).sum();
        let size = front.size() + delayed;
        if size > self.capacity {
            return false;
        }
        self.indices.extend(front.first..front.first + front.count);
        for block in &self.blocks[children..] {
            let rows = &self.block_rows.items[block.rows..];
            self.indices.extend(&rows[..block.delayed]);
        }
        self.indices.extend(&front.rows);
        let (count, is_root) = (front.count + delayed, front.is_root);
        for (place, column) in self.indices.iter().enumerate() {
            self.local[*column] = place;
        }
        self.front.clear(size);
        for &(row, column, value) in &self.entries[self.starts[index]..self.starts[index + 1]] {
            let scaled = self.values[value] * self.scale[row] * self.scale[column];
            self.front.add(self.local[row], self.local[column], scaled);
        }
        self.assemble_children(children);
        let eliminated = match is_root {
            true => {
                self.front.eliminate_all(inertia);
                size
            }
            false => self.front.eliminate_front(count, inertia),
        };
        let is_last = index + 1 == self.analysis.fronts.len();
        self.store_panel(size, eliminated, is_last) && (is_root || self.store_block(size, eliminated, count))
    }

    /// Adds the contributions of the children, and releases them.
    fn assemble_children(&mut self, first: usize) {
        let Some(&Block { rows, values, .. }) = self.blocks.get(first) else {
            return;
        };
        for block in &self.blocks[first..] {
            let rows = &self.block_rows.items[block.rows..][..block.size];
            let mut values = self.block_values.items[block.values..].iter();
            for (i, row) in rows.iter().enumerate() {
                for (column, value) in rows[..=i].iter().zip(&mut values) {
                    self.front.add(self.local[*row], self.local[*column], *value);
                }
            }
        }
        self.block_rows.items.truncate(rows);
        self.block_values.items.truncate(values);
        self.blocks.truncate(first);
    }

    fn store_panel(&mut self, size: usize, eliminated: usize, is_last: bool) -> bool {
        let (rows, values) = (self.panel_rows.items.len(), self.panel_values.items.len());
        if !self.panel_rows.has_room(size) {
            return false;
        }
        let places = (0..size).map(|i| self.indices[self.front.place(i)]);
        self.panel_rows.items.extend(places);
        if !is_last {
            if !self.panel_values.has_room(size * eliminated + eliminated) {
                return false;
            }
            for i in 0..size {
                let row = self.front.row(i, eliminated);
                self.panel_values.items.extend_from_slice(row);
            }
            let couplings = &self.front.couplings()[..eliminated];
            self.panel_values.items.extend_from_slice(couplings);
        }
        self.panels.push(Panel {
            rows,
            values: (!is_last).then_some(values),
            size,
            eliminated,
        });
        true
    }

    fn store_block(&mut self, size: usize, eliminated: usize, count: usize) -> bool {
        let rest = size - eliminated;
        let (rows, values) = (self.block_rows.items.len(), self.block_values.items.len());
        if !self.block_rows.has_room(rest) || !self.block_values.has_room(rest * (rest + 1) / 2) {
            return false;
        }
        for i in eliminated..size {
            self.block_rows.items.push(self.indices[self.front.place(i)]);
            let row = &self.front.row(i, i + 1)[eliminated..];
            self.block_values.items.extend_from_slice(row);
        }
        self.blocks.push(Block {
            rows,
            values,
            size: rest,
            delayed: count - eliminated,
        });
        true
    }

    /// Solves in place.
    pub(crate) fn solve(&mut self, x: &mut [f64]) {
        for (place, &column) in self.analysis.order.iter().enumerate() {
            self.work[place] = x[column] * self.scale[place];
        }
        for index in 0..self.panels.len() {
            self.solve_panel(index, |panel, l, couplings, x| {
                for i in 0..panel.size {
                    let len = i.min(panel.eliminated);
                    let known = math::dot(&l[i * panel.eliminated..][..len], &x[..len]);
                    x[i] -= known;
                }
                let diagonal = |i: usize| l[i * panel.eliminated + i];
                Dense::divide_by(diagonal, couplings, &mut x[..panel.eliminated]);
            });
        }
        for index in (0..self.panels.len()).rev() {
            self.solve_panel(index, |panel, l, _, x| {
                for i in (0..panel.size).rev() {
                    let value = x[i];
                    let len = i.min(panel.eliminated);
                    math::add(&mut x[..len], -value, &l[i * panel.eliminated..][..len]);
                }
            });
        }
        for (place, &column) in self.analysis.order.iter().enumerate() {
            x[column] = self.work[place] * self.scale[place];
        }
    }

    /// Applies `change` to the entries of a panel's rows, given its columns and the couplings of its pivots.
    fn solve_panel(&mut self, index: usize, change: impl Fn(Panel, &[f64], &[f64], &mut [f64])) {
        let panel = self.panels[index];
        let rows = &self.panel_rows.items[panel.rows..][..panel.size];
        let (l, couplings) = match panel.values {
            Some(first) => self.panel_values.items[first..].split_at(panel.size * panel.eliminated),
            None => (self.front.factor(), self.front.couplings()),
        };
        let x = &mut self.gathered[..panel.size];
        for (x, row) in x.iter_mut().zip(rows) {
            *x = self.work[*row];
        }
        change(panel, l, &couplings[..panel.eliminated], x);
        for (x, row) in x.iter().zip(rows) {
            self.work[*row] = *x;
        }
    }

    /// As [`Dense`] does; the entries of one place count by their sum.
    fn equilibrate(&mut self) {
        self.scale.fill(1.0);
        for _ in 0..3 {
            self.norms.fill(0.0);
            let mut entries = self.entries.iter().peekable();
            while let Some(&(row, column, value)) = entries.next() {
                let mut sum = self.values[value];
                while let Some(&(_, _, value)) = entries.next_if(|next| (next.0, next.1) == (row, column)) {
                    sum += self.values[value];
                }
                let size = sum.abs() * self.scale[row] * self.scale[column];
                self.norms[row] = math::max(self.norms[row], size);
                self.norms[column] = math::max(self.norms[column], size);
            }
            for (scale, largest) in self.scale.iter_mut().zip(&self.norms) {
                if *largest > 0.0 {
                    *scale /= math::sqrt(*largest);
                }
            }
        }
    }
}

/// Largest number of rows and entries that fronts hold for their parents at a time, without delays.
fn peak(analysis: &Analysis) -> (usize, usize) {
    let (mut rows, mut values) = (0, 0);
    let mut open: Vec<usize> = Vec::new();
    for front in &analysis.fronts {
        open.truncate(open.len() - front.num_children);
        if !front.is_root {
            open.push(front.rows.len());
        }
        let packed = |len: &usize| len * (len + 1) / 2;
        rows = rows.max(open.iter().sum());
        values = values.max(open.iter().map(packed).sum());
    }
    (rows, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_xoshiro::SplitMix64;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};

    const WIDE: FactorLimits = FactorLimits {
        fill: usize::MAX,
        multiplications: f64::INFINITY,
        has_delays: true,
    };

    /// Random quadratic programmes: some variables without curvature, some constraints nearly without regularisation.
    fn programme() -> impl Strategy<Value = (usize, Vec<(u32, u32)>, Vec<f64>)> {
        (2..40_usize, 0..20_usize).prop_flat_map(|(n, m)| {
            let m = m.min(n - 1);
            let row = 0..(n + m) as u32;
            let entries = prop::collection::vec((row, 0..n as u32, -1.0..1.0), n..4 * n);
            let diagonal = prop::collection::vec(prop_oneof![Just(0.0), 0.5..2.0, Just(-0.3)], n);
            let late = prop::collection::vec(prop_oneof![Just(-1e-12), Just(-1.0)], m);
            (entries, diagonal, late, Just(n)).prop_map(|(entries, diagonal, late, n)| {
                let (mut places, mut values) = (Vec::new(), Vec::new());
                for (row, column, value) in entries {
                    places.push((row.max(column), row.min(column)));
                    values.push(value);
                }
                for (i, value) in diagonal.iter().chain(&late).enumerate() {
                    places.push((i as u32, i as u32));
                    values.push(*value);
                }
                (n, places, values)
            })
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_dense_one((n, places, values) in programme()) {
            let size = 1 + places.iter().map(|place| place.0).max().unwrap() as usize;
            let mut dense = Dense::new(size);
            dense.clear(size);
            let mut sparse = Sparse::new(size, &places, n, WIDE).unwrap();
            for (&(row, column), value) in places.iter().zip(&values) {
                dense.add(row as usize, column as usize, *value);
            }
            sparse.values_mut().copy_from_slice(&values);
            let (expected, found) = (dense.factorize(), sparse.factorize());
            if dense.smallest_pivot() > 1e-9 {
                prop_assert_eq!(expected, found);
                let b: Vec<f64> = (0..size).map(|i| (i as f64).sin()).collect();
                let mut x = b.clone();
                sparse.solve(&mut x);
                // The matrix may be nearly singular: not the solutions agree then, but what they solve.
                let (mut product, mut sizes) = (vec![0.0; size], vec![0.0; size]);
                for (&(row, column), value) in places.iter().zip(&values) {
                    let (row, column) = (row as usize, column as usize);
                    let mut add = |to: usize, from: usize| {
                        product[to] += value * x[from];
                        sizes[to] += (value * x[from]).abs();
                    };
                    add(row, column);
                    if row != column {
                        add(column, row);
                    }
                }
                let largest = 1.0 + math::norm_inf(&sizes);
                for (product, b) in product.iter().zip(&b) {
                    prop_assert!((product - b).abs() <= 1e-10 * largest, "{} {}", product, b);
                }
            }
        }
    }

    /// The matrix of a linear programme with a barrier near its solution: curvatures far apart, equations nearly without
    /// regularisation. Most columns are delayed.
    #[test]
    fn ends_of_linear_programmes() {
        for (n, m) in [(30, 10), (60, 50), (100, 40), (200, 150), (300, 100)] {
            for spread in [1.0, 1e4, 1e8] {
                let mut random = SplitMix64::seed_from_u64(1);
                let mut random = || random.next_u32() as f64 / f64::from(u32::MAX);
                let (mut places, mut values) = (Vec::new(), Vec::new());
                for row in 0..m {
                    for column in 0..n {
                        if random() < 6.0 / n as f64 || column % m == row {
                            places.push(((n + row) as u32, column as u32));
                            values.push(2.0 * random() - 1.0);
                        }
                    }
                }
                for i in 0..n + m {
                    places.push((i as u32, i as u32));
                    values.push(match (i < n, random() < m as f64 / n as f64) {
                        (false, _) => -1e-10,
                        (true, true) => 1.0 / spread,
                        (true, false) => spread,
                    });
                }
                let mut sparse = Sparse::new(n + m, &places, n, WIDE).unwrap();
                sparse.values_mut().copy_from_slice(&values);
                let inertia = Inertia {
                    positive: n,
                    negative: m,
                    zero: 0,
                };
                assert_eq!(sparse.factorize(), inertia, "{n} {m} {spread}");
                let expected: Vec<f64> = (0..n + m).map(|i| (i as f64).sin()).collect();
                let mut x = vec![0.0; n + m];
                for (&(row, column), value) in places.iter().zip(&values) {
                    let (row, column) = (row as usize, column as usize);
                    x[row] += value * expected[column];
                    if row != column {
                        x[column] += value * expected[row];
                    }
                }
                sparse.solve(&mut x);
                for (x, expected) in x.iter().zip(&expected) {
                    assert!((x - expected).abs() < 1e-4, "{n} {m} {spread}: {x} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_chain_has_little_fill() {
        let entries: Vec<(u32, u32)> = (0..500)
            .map(|i| (i, i))
            .chain((1..500).map(|i| (i, i - 1)))
            .collect();
        let within = |fill, multiplications| {
            let limits = FactorLimits {
                fill,
                multiplications,
                has_delays: false,
            };
            Sparse::new(500, &entries, 500, limits).is_some()
        };
        assert!(within(999, 250.0) && !within(998, 250.0) && !within(999, 249.0));
    }
}
