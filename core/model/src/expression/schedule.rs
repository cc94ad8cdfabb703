//! Scheduling of a section's values into runs: a list scheduler takes the operation on the longest chain
//! first, with all operations of its kind that are ready, and then arranges the operands so that a run reads
//! memory in order.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

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
    users: Users,
}

#[derive(Default)]
struct Batch {
    tasks: Vec<usize>,
    /// Greatest of their heights.
    height: u32,
}

impl<'a> Queue<'a> {
    fn new(tasks: &'a [Task], slot_of: &[u32]) -> Self {
        let mut made_by: Vec<Option<usize>> = vec![None; slot_of.len()];
        for (i, task) in tasks.iter().enumerate() {
            for result in task.results.iter().flatten() {
                made_by[result.index()] = Some(i);
            }
        }
        let makers = |task: &Task| {
            let mut makers = task.operands.map(|operand| {
                let operand = operand?.index();
                made_by[operand].filter(|_| slot_of[operand] == u32::MAX)
            });
            makers.sort_unstable();
            makers
        };
        let users = Users::new(tasks.iter().map(makers), tasks.len());
        let mut queue = Self {
            tasks,
            ready: BTreeMap::new(),
            waiting: vec![0; tasks.len()],
            heights: vec![1; tasks.len()],
            users,
        };
        // Users come after the tasks whose results they use.
        for maker in (0..tasks.len()).rev() {
            for &user in queue.users.of(maker) {
                queue.waiting[user] += 1;
                queue.heights[maker] = queue.heights[maker].max(queue.heights[user] + 1);
            }
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
        for i in self.users.range(task) {
            let user = self.users.tasks[i];
            self.waiting[user] -= 1;
            if self.waiting[user] == 0 {
                self.make_ready(user);
            }
        }
    }
}

/// Tasks that use the result of each task, in ascending order.
struct Users {
    tasks: Vec<usize>,
    /// Where those of each task begin, and the end.
    starts: Vec<usize>,
}

impl Users {
    /// `makers`: for each task the tasks whose results it uses, equal ones together.
    fn new<M>(makers: M, len: usize) -> Self
    where
        M: Iterator<Item = [Option<usize>; 3]> + Clone,
    {
        let distinct = |[a, b, c]: [Option<usize>; 3]| {
            let rest = [b.filter(|_| b != a), c.filter(|_| c != b)];
            core::iter::once(a).chain(rest).flatten()
        };
        let mut starts = vec![0; len + 1];
        for maker in makers.clone().flat_map(distinct) {
            starts[maker + 1] += 1;
        }
        for maker in 0..len {
            starts[maker + 1] += starts[maker];
        }
        let mut tasks = vec![0; starts[len]];
        let mut next = starts.clone();
        for (user, makers) in makers.enumerate() {
            for maker in distinct(makers) {
                tasks[next[maker]] = user;
                next[maker] += 1;
            }
        }
        Self { tasks, starts }
    }

    fn range(&self, maker: usize) -> Range<usize> {
        self.starts[maker]..self.starts[maker + 1]
    }

    fn of(&self, maker: usize) -> &[usize] {
        &self.tasks[self.range(maker)]
    }
}

/// Slots of the operands of one operation.
type Key = [u32; 3];

/// Splits a batch into stretches along which every operand stays or advances by one slot, and the rest.
fn line_up(kind: Kind, batch: &[usize], tasks: &[Task], slot_of: &[u32]) -> Vec<(Vec<Key>, Vec<usize>)> {
    let key = |member: usize| {
        let mut key = tasks[member]
            .operands
            .map(|operand| operand.map_or(0, |expr| slot_of[expr.index()]));
        if let Kind::Binary(op) = kind
            && op.is_commutative()
        {
            key[..2].sort_unstable();
        }
        key
    };
    let mut left = Left::new(batch.iter().map(|&member| (key(member), member)));
    let mut stretches = Vec::new();
    let mut rest = (Vec::new(), Vec::new());
    while let Some(start) = left.first() {
        let lengths = strides(kind).map(|stride| (left.stretch_length(start, stride), stride));
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
            if let Some(member) = left.take(key) {
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

/// Members of a batch that are not in a run yet, in the order of their keys.
struct Left {
    members: Vec<(u128, usize)>,
    is_taken: Vec<bool>,
    /// Number of members, from the first on, of which all are taken.
    begun: usize,
}

impl Left {
    fn new(members: impl Iterator<Item = (Key, usize)>) -> Self {
        let mut members: Vec<_> = members.map(|(key, member)| (rank(key), member)).collect();
        members.sort_unstable();
        Self {
            is_taken: vec![false; members.len()],
            members,
            begun: 0,
        }
    }

    /// Least key.
    fn first(&mut self) -> Option<Key> {
        self.begun += self.is_taken[self.begun..]
            .iter()
            .position(|is_taken| !is_taken)?;
        let (rank, _) = self.members[self.begun];
        Some([(rank >> 64) as u32, (rank >> 32) as u32, rank as u32])
    }

    fn find(&self, key: Key) -> Option<usize> {
        let members = &self.members[self.begun..];
        let found = members.binary_search_by_key(&rank(key), |(rank, _)| *rank).ok()?;
        Some(self.begun + found).filter(|place| !self.is_taken[*place])
    }

    fn take(&mut self, key: Key) -> Option<usize> {
        let place = self.find(key)?;
        self.is_taken[place] = true;
        Some(self.members[place].1)
    }

    fn stretch_length(&self, start: Key, stride: Key) -> usize {
        (0..)
            .take_while(|&step| self.find(advance(start, stride, step)).is_some())
            .count()
    }
}

/// The key as a number of the same order, which is quicker to compare.
fn rank([a, b, c]: Key) -> u128 {
    u128::from(a) << 64 | u128::from(b) << 32 | u128::from(c)
}

/// Every combination of strides in which at least one operand advances.
fn strides(kind: Kind) -> impl Iterator<Item = Key> {
    let operands = kind.operands() as u32;
    (1..1_u32 << operands).map(|bits| [bits & 1, bits >> 1 & 1, bits >> 2 & 1])
}

fn advance(start: Key, stride: Key, step: u32) -> Key {
    core::array::from_fn(|i| start[i] + stride[i] * step)
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
