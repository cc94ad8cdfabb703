//! Decision variables that are whole numbers: branch and bound over solves without that condition.
//!
//! Each node is a solve within narrower bounds, warm from the node above it. Depth first, towards the nearest whole numbers;
//! the first candidate comes from rounding the sums over time (sum-up rounding: S. Sager, Numerical Methods for Mixed-Integer
//! Optimal Control Problems, 2005), which is near the optimum for relays over many stages. Of a problem that is not convex,
//! a node's solve is a local minimum, and so is what the bounds say.

use alloc::vec::Vec;

use labwire_session::Busy;
use labwire_session::time::Instant;

use crate::error::SolverError;
use crate::math;
use crate::parametric::ParametricProblem;
use crate::solver::{Solver, Start};
use crate::status::{Counters, Status};

/// Distance from a whole number that counts as none.
const WHOLE: f64 = 1e-5;
/// Part of the cost by which a node has to promise less than the best solution.
const PROMISE: f64 = 1e-6;
/// Largest number of nodes.
const MAX_NODES: u32 = 100_000;

/// Bounds of the whole numbers, and what the node above has found.
#[derive(Clone, Debug)]
struct Node {
    min: Vec<f64>,
    max: Vec<f64>,
    /// Cost of the node above.
    bound: f64,
    start: Start,
}

/// Search over the nodes of one solve.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Bounds of all decision variables.
    bounds: (Vec<f64>, Vec<f64>),
    open: Vec<Node>,
    current: Node,
    best: Option<Solver>,
    deadline: Option<Instant>,
    nodes: u32,
    /// Least bound of the nodes that were given up without an answer.
    unresolved: f64,
    /// Work of the nodes that have ended.
    counters: Counters,
    is_ended: bool,
}

impl Tree {
    /// Tree of the solve that `solver` has begun; `None` if the problem has no whole numbers, or no bounds.
    pub(super) fn new(problem: &(impl ParametricProblem + ?Sized), solver: &Solver) -> Option<Self> {
        let integers = problem.integers();
        if integers.is_empty() {
            return None;
        }
        let (min, max) = solver.structure().set.bounds(problem.num_variables())?;
        let of = |bounds: &[f64]| integers.iter().map(|&i| bounds[i]).collect();
        Some(Self {
            open: Vec::new(),
            current: Node {
                min: of(&min),
                max: of(&max),
                bound: f64::NEG_INFINITY,
                start: Start::cold(Vec::new()),
            },
            bounds: (min, max),
            best: None,
            deadline: solver.deadline(),
            nodes: 1,
            unresolved: f64::INFINITY,
            counters: Counters::default(),
            is_ended: false,
        })
    }

    /// Takes the result of the node whose solve has ended, and begins the next one in `solver`, or leaves the best there.
    pub(super) fn advance(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        solver: &mut Solver,
        now: Instant,
    ) -> Result<Busy, SolverError> {
        if self.is_ended {
            return Ok(Busy::No);
        }
        self.counters += solver.counters();
        match solver.status() {
            Status::Converged | Status::Stationary => self.branch(problem, solver),
            Status::LocallyInfeasible { .. } => {}
            // The bounds of the whole numbers do not make it finite.
            Status::Unbounded | Status::NotConvergedOutOfTime | Status::Cancelled => {
                let status = solver.status().clone();
                self.stop(solver, status);
                return Ok(Busy::No);
            }
            _ => self.unresolved = math::min(self.unresolved, self.current.bound),
        }
        while let Some(node) = self.open.pop() {
            if !self.promises(node.bound) {
                continue;
            }
            if self.nodes == MAX_NODES {
                self.open.push(node);
                break;
            }
            self.nodes += 1;
            self.begin(problem, solver, now, node)?;
            return Ok(Busy::Yes);
        }
        let is_open = !self.open.is_empty() || self.promises(self.unresolved);
        self.end(solver, is_open.then_some(Status::NotConvergedIterations));
        Ok(Busy::No)
    }

    /// Largest part of the cost by which an unknown solution may be better than the best; `None` without a solution.
    pub(super) fn gap(&self) -> Option<f64> {
        let best = self.best.as_ref()?.cost();
        let open = self.open.iter().map(|node| node.bound);
        let lowest = open.fold(self.unresolved, math::min);
        let gap = (best - lowest) / scale(best);
        Some(math::max(0.0, gap))
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    fn promises(&self, bound: f64) -> bool {
        match &self.best {
            Some(best) => bound < best.cost() - PROMISE * scale(best.cost()),
            None => bound < f64::INFINITY,
        }
    }

    fn begin(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        solver: &mut Solver,
        now: Instant,
        node: Node,
    ) -> Result<(), SolverError> {
        let (mut min, mut max) = self.bounds.clone();
        for (place, &i) in problem.integers().iter().enumerate() {
            (min[i], max[i]) = (node.min[place], node.max[place]);
        }
        let mut start = node.start.clone();
        for ((u, min), max) in start.u.iter_mut().zip(&min).zip(&max) {
            *u = math::clamp(*u, *min, *max);
        }
        *solver = problem.solver_within(solver.settings().clone(), min, max)?;
        solver.start(now, &start)?;
        if let Some(deadline) = self.deadline {
            solver.end_by(deadline);
        }
        self.current = node;
        Ok(())
    }

    /// Keeps a solution in whole numbers, or divides the node.
    fn branch(&mut self, problem: &(impl ParametricProblem + ?Sized), solver: &Solver) {
        let cost = solver.cost();
        if !self.promises(cost) {
            return;
        }
        let (min, max) = (&self.current.min, &self.current.max);
        if min.iter().zip(max).all(|(min, max)| min == max) {
            self.best = Some(solver.clone());
            return;
        }
        let mut start = Start::cold(solver.solution().to_vec());
        solver.store_warm_start(&mut start);
        (start.states, start.costates) = (None, None);
        let values: Vec<f64> = problem.integers().iter().map(|&i| solver.solution()[i]).collect();
        let child = |min: &[f64], max: &[f64]| Node {
            min: min.to_vec(),
            max: max.to_vec(),
            bound: cost,
            start: start.clone(),
        };
        let distance = |x: f64| (x - math::floor(x + 0.5)).abs();
        let farthest = (0..values.len()).filter(|&i| min[i] < max[i] && distance(values[i]) > WHOLE);
        let farthest = farthest.reduce(|best, i| {
            if distance(values[i]) > distance(values[best]) {
                i
            } else {
                best
            }
        });
        let mut children = Vec::new();
        match farthest {
            None => {
                let whole: Vec<f64> = values.iter().map(|x| math::floor(x + 0.5)).collect();
                children.push(child(&whole, &whole));
            }
            Some(i) => {
                let below = math::floor(values[i]);
                let (mut low, mut high) = (child(min, max), child(min, max));
                (low.max[i], high.min[i]) = (below, below + 1.0);
                children.extend(if values[i] - below < 0.5 {
                    [high, low]
                } else {
                    [low, high]
                });
                if self.nodes == 1 {
                    let rounded = summed_up(problem.integers(), problem.integer_stride(), &values, min, max);
                    children.push(child(&rounded, &rounded));
                }
            }
        }
        self.open.append(&mut children);
    }

    /// Ends the search that is in progress, if any.
    pub(super) fn cancel(&mut self, solver: &mut Solver) {
        if !self.is_ended {
            self.stop(solver, Status::Cancelled);
        }
    }

    /// Ends the search before the current node has an answer.
    fn stop(&mut self, solver: &mut Solver, status: Status) {
        self.open.push(self.current.clone());
        self.end(solver, Some(status));
    }

    fn end(&mut self, solver: &mut Solver, status: Option<Status>) {
        self.is_ended = true;
        if let Some(best) = &self.best {
            *solver = best.clone();
        }
        if let Some(status) = status {
            solver.end_as(status);
        }
    }
}

fn scale(cost: f64) -> f64 {
    math::max(1.0, cost.abs())
}

/// Sum-up rounding: along the variables of equal place modulo the stride, sums of the rounded follow those of the values.
fn summed_up(integers: &[usize], stride: usize, values: &[f64], min: &[f64], max: &[f64]) -> Vec<f64> {
    let mut rounded = Vec::with_capacity(values.len());
    for (place, &i) in integers.iter().enumerate() {
        let is_same = |other: &usize| stride > 0 && integers[*other] % stride == i % stride;
        let before = (0..place).filter(is_same);
        let owed: f64 = before.map(|other| values[other] - rounded[other]).sum();
        let whole = math::floor(owed + values[place] + 0.5);
        rounded.push(math::clamp(whole, min[place], max[place]));
    }
    rounded
}
