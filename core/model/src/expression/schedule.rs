//! Scheduling of a section's values into runs: a list scheduler takes the operation on the longest chain
//! first, with all operations of its kind that are ready, and then arranges the operands so that a run reads
//! memory in order.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::graph::{Expr, Graph, Node};
use super::operation::Unary;
use super::run::{Kind, Operand, Operands, Run};

/// Shortest run for which strided operands pay off.
const MIN_STRIDED: usize = 4;

/// Operation to be scheduled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    kind: Kind,
    operands: [Option<Expr>; 3],
    results: [Option<Expr>; 2],
}

/// Operations of each section. Where sine and cosine of the same value are both needed, they become one
/// operation, in the earlier of their sections.
pub(super) fn tasks(graph: &Graph, section_of: &[Option<u32>], sections: usize) -> Vec<Vec<Task>> {
    let live = || {
        graph
            .exprs()
            .filter_map(|expr| Some((expr, section_of[expr.index()]?)))
    };
    let mut circular: BTreeMap<Expr, [Option<(Expr, u32)>; 2]> = BTreeMap::new();
    for (expr, section) in live() {
        match graph.node(expr) {
            Node::Unary(Unary::Sin, x) => circular.entry(x).or_default()[0] = Some((expr, section)),
            Node::Unary(Unary::Cos, x) => circular.entry(x).or_default()[1] = Some((expr, section)),
            _ => {}
        }
    }
    let mut tasks = vec![Vec::new(); sections];
    for (expr, mut section) in live() {
        let (mut kind, operands) = match graph.node(expr) {
            Node::Constant(_) | Node::Input(..) => continue,
            Node::Unary(op, x) => (Kind::Unary(op), [Some(x), None, None]),
            Node::Binary(op, a, b) => (Kind::Binary(op), [Some(a), Some(b), None]),
            Node::Select(c, a, b) => (Kind::Select, [Some(c), Some(a), Some(b)]),
        };
        let mut results = [Some(expr), None];
        if let Kind::Unary(Unary::Sin | Unary::Cos) = kind
            && let [Some(x), ..] = operands
            && let Some([Some((sine, in_first)), Some((cosine, in_second))]) = circular.get(&x)
        {
            if expr != *sine.min(cosine) {
                continue;
            }
            kind = Kind::SinCos;
            results = [Some(*sine), Some(*cosine)];
            section = *in_first.min(in_second);
        }
        tasks[section as usize].push(Task {
            kind,
            operands,
            results,
        });
    }
    tasks
}

/// Memory of a program that is being laid out.
pub(super) struct Memory<'a> {
    /// The number of slots so far.
    pub(super) slots: &'a mut usize,
    /// Operands of gathered runs.
    pub(super) indices: &'a mut Vec<u32>,
    /// The slot of each value that has one.
    pub(super) slot_of: &'a mut [u32],
}

/// Places the tasks of one section behind the values that the memory already holds, and notes the slot of each result.
pub(super) fn runs(tasks: &[Task], memory: &mut Memory<'_>) -> Vec<Run> {
    let mut queue = Queue::new(tasks, memory.slot_of);
    let mut runs = Vec::new();
    while let Some((kind, batch)) = queue.take_most_urgent() {
        for (keys, members) in line_up(kind, &batch, tasks, memory.slot_of) {
            let run = place(kind, &keys, memory);
            for (place, &member) in members.iter().enumerate() {
                for (row, result) in tasks[member].results.iter().enumerate() {
                    if let Some(result) = result {
                        memory.slot_of[result.index()] =
                            run.destination + (row * members.len() + place) as u32;
                    }
                }
            }
            runs.push(run);
        }
        for member in batch {
            queue.finish(member);
        }
    }
    runs
}

/// Tasks whose operands are all computed, by operation.
struct Queue<'a> {
    tasks: &'a [Task],
    ready: BTreeMap<Kind, Batch>,
    /// Number of operands for which each task still waits.
    waiting: Vec<u32>,
    /// Length of the longest chain of tasks that starts with each task.
    heights: Vec<u32>,
    /// Pairs (task, user of its result), sorted.
    users: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Batch {
    tasks: Vec<usize>,
    /// Greatest of their heights.
    height: u32,
}

impl<'a> Queue<'a> {
    fn new(tasks: &'a [Task], slot_of: &[u32]) -> Self {
        let mut made_by: BTreeMap<Expr, usize> = BTreeMap::new();
        for (i, task) in tasks.iter().enumerate() {
            made_by.extend(task.results.iter().flatten().map(|result| (*result, i)));
        }
        let mut queue = Self {
            tasks,
            ready: BTreeMap::new(),
            waiting: vec![0; tasks.len()],
            heights: vec![1; tasks.len()],
            users: Vec::new(),
        };
        for (i, task) in tasks.iter().enumerate() {
            let pending = task.operands.iter().flatten();
            let pending: BTreeSet<usize> = pending
                .filter(|operand| slot_of[operand.index()] == u32::MAX)
                .filter_map(|operand| made_by.get(operand).copied())
                .collect();
            queue.waiting[i] = pending.len() as u32;
            queue.users.extend(pending.into_iter().map(|maker| (maker, i)));
        }
        queue.users.sort_unstable();
        // Users come after the tasks whose results they use.
        for &(maker, user) in queue.users.iter().rev() {
            queue.heights[maker] = queue.heights[maker].max(queue.heights[user] + 1);
        }
        for i in 0..tasks.len() {
            if queue.waiting[i] == 0 {
                queue.make_ready(i);
            }
        }
        queue
    }

    fn make_ready(&mut self, task: usize) {
        let batch = self.ready.entry(self.tasks[task].kind).or_default();
        batch.tasks.push(task);
        batch.height = batch.height.max(self.heights[task]);
    }

    /// Takes all ready tasks of the most urgent operation. Less urgent ones are included where they need no
    /// run of their own, and otherwise gather into long runs.
    fn take_most_urgent(&mut self) -> Option<(Kind, Vec<usize>)> {
        let urgency = |batch: &Batch| (batch.height, batch.tasks.len());
        let kind = *self.ready.iter().max_by_key(|(_, batch)| urgency(batch))?.0;
        self.ready.remove(&kind).map(|batch| (kind, batch.tasks))
    }

    fn finish(&mut self, task: usize) {
        let first = self.users.partition_point(|&(maker, _)| maker < task);
        let end = self.users.partition_point(|&(maker, _)| maker <= task);
        for i in first..end {
            let (_, user) = self.users[i];
            self.waiting[user] -= 1;
            if self.waiting[user] == 0 {
                self.make_ready(user);
            }
        }
    }
}

/// Slots of the operands of one operation.
type Key = [u32; 3];

/// Splits a batch into stretches along which every operand stays or advances by one slot, and the rest.
fn line_up(kind: Kind, batch: &[usize], tasks: &[Task], slot_of: &[u32]) -> Vec<(Vec<Key>, Vec<usize>)> {
    let key = |task: &Task| {
        let mut key = task
            .operands
            .map(|operand| operand.map_or(0, |expr| slot_of[expr.index()]));
        if let Kind::Binary(op) = kind
            && op.is_commutative()
        {
            key[..2].sort_unstable();
        }
        key
    };
    let mut left: BTreeMap<Key, usize> = batch
        .iter()
        .map(|&member| (key(&tasks[member]), member))
        .collect();
    let mut stretches = Vec::new();
    let mut rest = (Vec::new(), Vec::new());
    while let Some((&start, _)) = left.first_key_value() {
        let lengths = strides(kind).map(|stride| (stretch_length(&left, start, stride), stride));
        let (length, stride) = lengths.max_by_key(|(length, _)| *length).unwrap_or((1, [0; 3]));
        let mut stretch = (Vec::new(), Vec::new());
        let stretch = if length < MIN_STRIDED {
            &mut rest
        } else {
            &mut stretch
        };
        let taken = if length < MIN_STRIDED { 1 } else { length };
        for step in 0..taken as u32 {
            let key = advance(start, stride, step);
            if let Some(member) = left.remove(&key) {
                stretch.0.push(key);
                stretch.1.push(member);
            }
        }
        if length >= MIN_STRIDED {
            stretches.push(core::mem::take(stretch));
        }
    }
    if !rest.0.is_empty() {
        stretches.push(rest);
    }
    stretches
}

/// Every combination of strides in which at least one operand advances.
fn strides(kind: Kind) -> impl Iterator<Item = Key> {
    let operands = kind.operands() as u32;
    (1..1_u32 << operands).map(|bits| [bits & 1, bits >> 1 & 1, bits >> 2 & 1])
}

fn advance(start: Key, stride: Key, step: u32) -> Key {
    core::array::from_fn(|i| start[i] + stride[i] * step)
}

fn stretch_length(left: &BTreeMap<Key, usize>, start: Key, stride: Key) -> usize {
    (0..)
        .take_while(|&step| left.contains_key(&advance(start, stride, step)))
        .count()
}

/// Run of operations with these operands.
fn place(kind: Kind, keys: &[Key], memory: &mut Memory<'_>) -> Run {
    let stride_of = |i: usize| match keys {
        [first, second, ..] => second[i].wrapping_sub(first[i]),
        _ => 1,
    };
    let stride: Key = core::array::from_fn(stride_of);
    let is_strided = stride.iter().all(|&stride| stride <= 1)
        && keys
            .iter()
            .enumerate()
            .all(|(step, key)| *key == advance(keys[0], stride, step as u32));
    let operands = if is_strided || keys.len() == 1 {
        Operands::Strided(core::array::from_fn(|i| Operand {
            start: keys[0][i],
            stride: stride[i],
        }))
    } else {
        let offset = memory.indices.len() as u32;
        let slots = keys.iter().flat_map(|key| &key[..kind.operands()]);
        memory.indices.extend(slots);
        Operands::Gathered(offset)
    };
    let destination = *memory.slots as u32;
    *memory.slots += keys.len() * kind.results();
    Run {
        kind,
        destination,
        len: keys.len() as u32,
        operands,
    }
}
