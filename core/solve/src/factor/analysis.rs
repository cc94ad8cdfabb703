//! Symbolic analysis of a sparse symmetric matrix: the order of elimination, and its fronts.
//!
//! The order is that of minimum degree on the elimination graph (Rose 1972), ties by index. Rows of constraints, which have
//! no diagonal worth mentioning, wait until one of their variables was eliminated (Bridson, An ordering method for the direct
//! solution of saddle-point matrices, 2007). Columns whose structures agree, or nearly, form a front.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

/// Consecutive columns that are eliminated together.
#[derive(Clone, Debug)]
pub(super) struct Front {
    /// First column, and number of columns, in elimination order.
    pub(super) first: usize,
    pub(super) count: usize,
    /// Later rows with entries in these columns, in elimination order.
    pub(super) rows: Vec<usize>,
    pub(super) num_children: usize,
    pub(super) is_root: bool,
}

/// Elimination order and fronts, children before parents.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    /// Column of the matrix at each place of the order, and the inverse.
    pub(super) order: Vec<usize>,
    pub(super) places: Vec<usize>,
    pub(super) fronts: Vec<Front>,
}

/// Bounds of an analysis; one that exceeds them is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactorLimits {
    /// Number of entries of the factor.
    pub(crate) fill: usize,
    /// Multiplications of a factorisation.
    pub(crate) multiplications: f64,
    /// Whether room is made for the delay of most columns.
    pub(crate) has_delays: bool,
}

/// Largest number of neighbours that are visited to find an order.
const MAX_VISITS: usize = 100_000_000;
/// Columns of a front up to which it takes in a child of nearly the same structure, and the number of explicit zeros per
/// column that this may cost.
const MAX_RELAXED_COLUMNS: usize = 8;
const MAX_RELAXED_ZEROS: usize = 4;

impl Front {
    pub(super) fn size(&self) -> usize {
        self.count + self.rows.len()
    }
}

impl Analysis {
    /// Analyses a matrix of `dimension` columns with these entries (row, column), of which those from `first_late` on are
    /// constraints. `None` beyond the limits.
    pub(super) fn new(
        dimension: usize,
        entries: &[(u32, u32)],
        first_late: usize,
        limits: FactorLimits,
    ) -> Option<Self> {
        let (eliminated, structures) = eliminate(dimension, entries, first_late, limits)?;
        let mut times = vec![0; dimension];
        for (time, &column) in eliminated.iter().enumerate() {
            times[column] = time;
        }
        // The parent of a column is the first that its elimination touches.
        let parents: Vec<Option<usize>> = structures
            .iter()
            .map(|structure| structure.iter().map(|&row| times[row]).min())
            .collect();
        let postorder = postorder(&parents);
        let order: Vec<usize> = postorder.iter().map(|&time| eliminated[time]).collect();
        let mut places = vec![0; dimension];
        for (place, &column) in order.iter().enumerate() {
            places[column] = place;
        }
        let rows = postorder.iter().map(|&time| {
            let mut rows: Vec<usize> = structures[time].iter().map(|&row| places[row]).collect();
            rows.sort_unstable();
            rows
        });
        let fronts = fronts(rows.collect());
        Some(Self {
            order,
            places,
            fronts,
        })
    }

    /// Multiplications of a factorisation.
    pub(super) fn multiplications(&self) -> f64 {
        let columns = self.fronts.iter().flat_map(|front| {
            let size = front.size();
            (0..front.count).map(move |column| (size - column) as f64)
        });
        columns.fold(0.0, |sum, len| sum + len * len / 2.0)
    }
}

/// Columns in the order of their elimination, and the rows that each leaves below its diagonal.
fn eliminate(
    dimension: usize,
    entries: &[(u32, u32)],
    first_late: usize,
    limits: FactorLimits,
) -> Option<(Vec<usize>, Vec<Vec<usize>>)> {
    let mut neighbours = vec![Vec::new(); dimension];
    for &(row, column) in entries.iter().filter(|(row, column)| row != column) {
        neighbours[row as usize].push(column as usize);
        neighbours[column as usize].push(row as usize);
    }
    for list in &mut neighbours {
        list.sort_unstable();
        list.dedup();
    }
    let mut queue: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (column, list) in neighbours.iter().enumerate() {
        if column < first_late || list.is_empty() {
            queue.insert((list.len(), column));
        }
    }
    let (mut order, mut structures) = (Vec::with_capacity(dimension), Vec::with_capacity(dimension));
    let (mut fill, mut multiplications, mut visits) = (0, 0.0, 0);
    while let Some((_, column)) = queue.pop_first() {
        let clique = core::mem::take(&mut neighbours[column]);
        let len = clique.len();
        if order.len() + len + 1 == dimension {
            // The rest is dense.
            fill += (len + 1) * (len + 2) / 2;
            multiplications += (len * len * len) as f64 / 6.0;
            order.push(column);
            order.extend(&clique);
            structures.extend((0..=len).map(|first| clique[first..].to_vec()));
            break;
        }
        fill += len + 1;
        multiplications += (len * len) as f64 / 2.0;
        visits += clique
            .iter()
            .map(|&member| len + neighbours[member].len())
            .sum::<usize>();
        if fill > limits.fill || multiplications > limits.multiplications || visits > MAX_VISITS {
            return None;
        }
        for &member in &clique {
            let list = &mut neighbours[member];
            queue.remove(&(list.len(), member));
            *list = united(list, &clique, [column, member]);
            queue.insert((list.len(), member));
        }
        order.push(column);
        structures.push(clique);
    }
    // Constraints that only have one another.
    let is_whole = order.len() == dimension;
    let is_within = fill <= limits.fill && multiplications <= limits.multiplications;
    (is_whole && is_within).then_some((order, structures))
}

/// Union of two ascending lists without these elements.
fn united(a: &[usize], b: &[usize], without: [usize; 2]) -> Vec<usize> {
    let mut union = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x == y => {
                a.next();
                b.next()
            }
            (Some(x), Some(y)) if x < y => a.next(),
            (_, Some(_)) => b.next(),
            (_, None) => a.next(),
        };
        match next {
            None => return union,
            Some(next) if without.contains(&next) => {}
            Some(next) => union.push(next),
        }
    }
}

/// Order in which every node follows its children, without those of others between.
fn postorder(parents: &[Option<usize>]) -> Vec<usize> {
    let len = parents.len();
    let mut children = vec![Vec::new(); len];
    // Of the last child, the columns may join those of the parent.
    for (node, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(node);
        }
    }
    let mut order = Vec::with_capacity(len);
    let roots = (0..len).filter(|node| parents[*node].is_none());
    for root in roots {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.last_mut() {
            match children[*node].get(*next) {
                Some(child) => {
                    *next += 1;
                    stack.push((*child, 0));
                }
                None => {
                    order.push(*node);
                    stack.pop();
                }
            }
        }
    }
    order
}

/// Fronts of columns in elimination order, each with its rows below the diagonal.
fn fronts(rows: Vec<Vec<usize>>) -> Vec<Front> {
    let mut fronts: Vec<Front> = Vec::new();
    for (column, rows) in rows.into_iter().enumerate() {
        let is_root = rows.is_empty();
        if let Some(last) = fronts.last_mut()
            && last.rows.first() == Some(&column)
        {
            let zeros = rows.len() + 1 - last.rows.len();
            if zeros == 0 || (last.count < MAX_RELAXED_COLUMNS && zeros <= MAX_RELAXED_ZEROS) {
                last.count += 1;
                last.rows = rows;
                last.is_root = is_root;
                continue;
            }
        }
        fronts.push(Front {
            first: column,
            count: 1,
            rows,
            num_children: 0,
            is_root,
        });
    }
    count_children(&mut fronts);
    fronts
}

fn count_children(fronts: &mut [Front]) {
    let starts: Vec<usize> = fronts.iter().map(|front| front.first).collect();
    for i in 0..fronts.len() {
        if let Some(row) = fronts[i].rows.first() {
            let parent = starts.partition_point(|start| start <= row) - 1;
            fronts[parent].num_children += 1;
        }
    }
}
