//! Search for integers: branch and bound over solves without that condition.
//!
//! Each node is a solve within narrower bounds, warm from the node above. Until a solution is known, the search goes down
//! towards the nearest integers, then to the node that promises most. It divides where both parts are expected to cost most, by
//! what the integers' bounds have cost so far (pseudo-costs). The first candidates are the integers of the start, if it
//! is warm, and those of sum-up rounding, which are near the optimum for relays over many stages.

mod node;

use alloc::sync::Arc;
use alloc::vec::Vec;

use labwire_session::Busy;
use labwire_session::time::Instant;

use crate::error::SolverError;
use crate::functions::{Functions, Structure};
use crate::integers::Integers;
use crate::math;
use crate::parametric::ParametricProblem;
use crate::settings::Settings;
use crate::solver::{Solver, Start};
use crate::status::{Counters, IntegerSearch, Status, StopReason};
use node::{Gains, Node};

/// Distance from an integer that counts as none.
const INTEGRAL: f64 = 1e-5;
/// Number of open nodes from which on the search goes down, where there are few at a time.
const MAX_OPEN: usize = 256;
/// Largest number of steps in which a point is evaluated.
const FIRST_STEPS: u32 = 8;

/// Search of one solve.
#[derive(Clone, Debug)]
pub(super) struct Search {
    integers: Integers,
    open: Vec<Node>,
    /// The first node, and the current one.
    first: Node,
    current: Node,
    /// Solver of the current node, then of the result; `None`: that of the problem, of the first node.
    solver: Option<Solver>,
    /// Solver and cost of the best solution.
    best: Option<Solver>,
    best_cost: Option<f64>,
    /// Of the nodes without a solution, the one that violates the constraints least.
    nearest: Option<Solver>,
    /// Integers of a warm start.
    guess: Option<Vec<f64>>,
    gains: Gains,
    /// Decision variables of the first node.
    relaxed: Option<Vec<f64>>,
    deadline: Option<Instant>,
    nodes: u64,
    /// Least cost that nodes promise which were given up: for less than the gap, and without an answer.
    passed_over: f64,
    unanswered: f64,
    /// Outcome of the first of the latter.
    failure: Option<Status>,
    /// Work of the nodes that have ended.
    counters: Counters,
    is_ended: bool,
}

/// Gives the integers of a problem bounds that are integers.
pub(super) fn tighten<P: ParametricProblem + ?Sized>(
    problem: &P,
    structure: &mut Structure,
) -> Result<(), SolverError> {
    match problem.integers() {
        Some(integers) => integers.tighten(&mut structure.set, structure.num_variables),
        None => Ok(()),
    }
}

/// Numbers of a solver for a problem, where a solver without a search has `solver` and its start `start`: the first, the
/// current, the best and the nearest solver, and the open nodes, two of which share a start.
pub(super) fn memory<P: ParametricProblem + ?Sized>(problem: &P, solver: usize, start: usize) -> usize {
    let Some(integers) = problem.integers() else {
        return solver;
    };
    let num_integers = integers.indices.len();
    let node = start / 2 + 2 * num_integers + 4;
    4 * solver + (MAX_OPEN + num_integers) * node + 4 * num_integers
}

/// Search of the solve that `root` has begun from `start`, if the problem has integers.
/// `has_guess`: whether the integers of `start` are worth a try.
pub(super) fn begin<P: ParametricProblem + ?Sized>(
    problem: &P,
    root: &Solver,
    start: &Start,
    has_guess: bool,
) -> Option<Search> {
    let integers = problem.integers()?;
    Some(Search::new(integers, root, start, has_guess))
}

impl Search {
    fn new(integers: &Integers, root: &Solver, start: &Start, has_guess: bool) -> Self {
        let set = &root.structure().set;
        let bounds = |index: &usize| set.coordinate_bounds(*index).unwrap_or((0.0, 0.0));
        let (min, max) = integers.indices.iter().map(bounds).unzip();
        let guess = integers.indices.iter().map(|&i| math::floor(start.u[i] + 0.5));
        let first = Node {
            min,
            max,
            bound: f64::NEG_INFINITY,
            start: Arc::new(Start::cold(Vec::new())),
            is_candidate: false,
            step: None,
        };
        Self {
            open: Vec::new(),
            current: first.clone(),
            first,
            solver: None,
            best: None,
            best_cost: None,
            nearest: None,
            guess: has_guess.then(|| guess.collect()),
            gains: Gains::new(integers.indices.len()),
            relaxed: None,
            deadline: root.deadline(),
            nodes: 1,
            passed_over: f64::INFINITY,
            unanswered: f64::INFINITY,
            failure: None,
            counters: Counters::default(),
            is_ended: false,
            integers: integers.clone(),
        }
    }

    /// Whether the search has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Solver of the current node, or of the result.
    pub(super) fn solver<'a>(&'a self, root: &'a Solver) -> &'a Solver {
        self.solver.as_ref().unwrap_or(root)
    }

    /// Work so far.
    pub(super) fn counters(&self, root: &Solver) -> Counters {
        let mut counters = self.counters;
        if !self.is_ended {
            counters += self.solver(root).counters();
        }
        counters
    }

    /// What the search knows.
    pub(super) fn report(&self) -> IntegerSearch {
        let current = if self.is_ended {
            f64::INFINITY
        } else {
            self.current.bound
        };
        let open = self.open.iter().map(|node| node.bound);
        let bound = [self.passed_over, self.unanswered, current]
            .into_iter()
            .chain(open);
        let bound = bound.chain(self.best_cost).fold(f64::INFINITY, math::min);
        IntegerSearch::new(self.nodes, self.best_cost, bound, self.integers.is_convex)
    }

    /// Continues the current node, or begins the next one.
    ///
    /// # Errors
    /// As those of the solver.
    pub(super) fn step(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &mut Solver,
        functions: &mut dyn Functions,
        now: Instant,
        fuel: u32,
    ) -> Result<Busy, SolverError> {
        if self.is_ended {
            return Ok(Busy::No);
        }
        let solver = current(&mut self.solver, root);
        if solver.step(functions, now, fuel)? == Busy::Yes {
            return Ok(Busy::Yes);
        }
        self.counters += solver.counters();
        match solver.status().clone() {
            status @ (Status::NotConvergedOutOfTime | Status::Cancelled) => {
                self.open.push(self.current.clone());
                self.give_up(problem, root, functions, status);
            }
            // Other bounds of the integers would not set one to the cost.
            Status::Unbounded => {
                (self.best, self.best_cost, self.nearest) = (None, None, None);
                self.end(root, None);
            }
            status => {
                self.take(root, status);
                self.begin_next(problem, root, functions, now)?;
            }
        }
        Ok(if self.is_ended { Busy::No } else { Busy::Yes })
    }

    /// Ends the search that is in progress, if any.
    pub(super) fn cancel(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &mut Solver,
        functions: &mut dyn Functions,
    ) {
        if self.is_ended {
            return;
        }
        let solver = current(&mut self.solver, root);
        solver.stop(StopReason::Cancelled);
        self.counters += solver.counters();
        self.open.push(self.current.clone());
        self.give_up(problem, root, functions, Status::Cancelled);
    }

    /// Takes the result of the current node.
    fn take(&mut self, root: &Solver, status: Status) {
        let solver = self.solver(root);
        let is_solved = matches!(status, Status::Converged | Status::Stationary);
        let is_useful = is_solved
            || (matches!(status, Status::Stalled | Status::NotConvergedIterations)
                && solver.cost().is_finite()
                && math::all_finite(solver.solution()));
        let is_feasible = solver.violation() <= solver.settings().delta_tolerance;
        let (cost, violation) = (solver.cost(), solver.violation());
        if matches!(status, Status::LocallyInfeasible { .. }) {
            let nearest = self.nearest.as_ref().map_or(f64::INFINITY, Solver::violation);
            if violation < nearest && self.best.is_none() {
                self.nearest = self.solver.take();
            }
            return;
        }
        let is_leaf = self.current.is_leaf();
        if !is_leaf && is_useful {
            if is_solved {
                let above = self.current.bound;
                if let Some(step) = self.current.step {
                    self.gains.note(step, cost - above);
                }
                self.current.bound = self.bound_of(cost);
            }
            self.branch(root);
            return;
        }
        if is_leaf && is_useful && is_feasible && self.best_cost.is_none_or(|best| cost < best) {
            (self.best, self.best_cost) = (self.solver.take(), Some(cost));
        }
        if !is_solved && !self.current.is_candidate {
            self.unanswered = math::min(self.unanswered, self.current.bound);
            self.failure.get_or_insert(status);
        }
    }

    /// Bound of a node whose solve found this cost.
    fn bound_of(&self, cost: f64) -> f64 {
        match self.integers.is_convex {
            true => math::max(cost, self.current.bound),
            // What the node above found says nothing then.
            false => cost,
        }
    }

    /// Whether a node with this bound may have a solution that is better by more than the gap.
    fn promises(&self, bound: f64, settings: &Settings) -> bool {
        match self.best_cost {
            Some(best) => {
                // A unit of an integer changes the cost by less than the tolerance where that does not count.
                let gap = math::max(settings.integer_gap * best.abs(), settings.tolerance);
                bound < best - gap
            }
            None => bound < f64::INFINITY,
        }
    }

    /// Begins the next node, or ends.
    fn begin_next(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &mut Solver,
        functions: &mut dyn Functions,
        now: Instant,
    ) -> Result<(), SolverError> {
        while let Some(node) = self.pick() {
            if !self.promises(node.bound, root.settings()) {
                self.passed_over = math::min(self.passed_over, node.bound);
                continue;
            }
            if self.nodes >= u64::from(root.settings().max_nodes) {
                self.open.push(node);
                self.give_up(problem, root, functions, Status::NotConvergedIterations);
                return Ok(());
            }
            self.begin(problem, root, now, node)?;
            self.nodes += 1;
            if let Some(deadline) = self.deadline {
                self.solver.iter_mut().for_each(|solver| solver.end_by(deadline));
            }
            return Ok(());
        }
        let is_open = self.promises(self.unanswered, root.settings());
        match self.failure.take().filter(|_| is_open) {
            Some(failure) => self.give_up(problem, root, functions, failure),
            None => self.end(root, None),
        }
        Ok(())
    }

    fn begin(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &Solver,
        now: Instant,
        node: Node,
    ) -> Result<(), SolverError> {
        let mut structure = root.structure().clone();
        let bounds = node.min.iter().copied().zip(node.max.iter().copied());
        for (&index, bounds) in self.integers.indices.iter().zip(bounds) {
            structure.set.restrict(structure.num_variables, index, bounds);
        }
        let mut start = Start::clone(&node.start);
        structure.set.project(&mut start.u);
        let solver = self
            .solver
            .insert(problem.solver(structure, root.settings().clone())?);
        solver.set_convex(self.integers.is_convex);
        solver.start(now, &start)?;
        self.current = node;
        Ok(())
    }

    /// Node to go on with: the latest while no solution is known, then the one that promises most, of equal ones the latest.
    fn pick(&mut self) -> Option<Node> {
        let goes_down = self.best_cost.is_none() || self.open.len() > MAX_OPEN;
        if goes_down {
            return self.open.pop();
        }
        let mut chosen = self.open.len().checked_sub(1)?;
        for i in (0..chosen).rev() {
            if self.open[i].bound < self.open[chosen].bound {
                chosen = i;
            }
        }
        Some(self.open.remove(chosen))
    }

    /// Divides the current node, whose solve has ended.
    fn branch(&mut self, root: &Solver) {
        let solver = self.solver(root);
        let mut start = Start::cold(solver.solution().to_vec());
        solver.store_warm_start(&mut start);
        // Those of other inputs.
        (start.states, start.costates) = (None, None);
        let node = Node {
            start: Arc::new(start),
            ..self.current.clone()
        };
        let values: Vec<f64> = self.integers.indices.iter().map(|&i| node.start.u[i]).collect();
        let Some((parts, farthest)) = node.divide(&values, &self.gains) else {
            return;
        };
        self.open.extend(parts);
        let is_first = self.nodes == 1;
        if is_first {
            self.relaxed = Some(node.start.u.clone());
        }
        if is_first || farthest <= INTEGRAL {
            let rounded = self.integers.sum_up(&values, &node.min, &node.max);
            self.open.push(node.candidate(rounded));
        }
        if let Some(guess) = self.guess.take() {
            self.open.push(node.candidate(guess));
        }
    }

    /// Ends the search before it is complete; without a solution, with rounded decision variables.
    fn give_up(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &mut Solver,
        functions: &mut dyn Functions,
        status: Status,
    ) {
        if self.best_cost.is_none()
            && let Some(solver) = self.rounded(problem, root, functions)
        {
            self.counters += solver.counters();
            let is_solution = solver.violation() <= solver.settings().delta_tolerance;
            self.best_cost = is_solution.then(|| solver.cost());
            self.best = Some(solver);
        }
        self.end(root, Some(status));
    }

    /// Solver at the rounded decision variables of the first node; `None` if nothing is known of it yet.
    fn rounded(
        &mut self,
        problem: &(impl ParametricProblem + ?Sized),
        root: &Solver,
        functions: &mut dyn Functions,
    ) -> Option<Solver> {
        let relaxed = match self.relaxed.take() {
            Some(relaxed) => relaxed,
            None if root.counters().evaluations == 0 => return None,
            None => root.solution().to_vec(),
        };
        let values: Vec<f64> = self.integers.indices.iter().map(|&i| relaxed[i]).collect();
        let mut node = self.first.clone();
        node.start = Arc::new(Start::cold(relaxed));
        let rounded = self.integers.sum_up(&values, &node.min, &node.max);
        self.begin(problem, root, Instant::ZERO, node.candidate(rounded))
            .ok()?;
        let mut solver = self.solver.take()?;
        // The first steps evaluate the point.
        for _ in 0..FIRST_STEPS {
            let is_known = solver.violation().is_finite();
            if is_known || solver.step(functions, Instant::ZERO, 1).ok()? == Busy::No {
                break;
            }
        }
        solver.stop(StopReason::OutOfTime);
        solver.cost().is_finite().then_some(solver)
    }

    /// Ends the search with the best that it has; `status` replaces the outcome of that solve.
    fn end(&mut self, root: &mut Solver, status: Option<Status>) {
        self.is_ended = true;
        let result = self.best.take().or_else(|| self.nearest.take());
        self.solver = result.or_else(|| self.solver.take());
        if let Some(status) = status {
            current(&mut self.solver, root).end_as(status);
        }
    }
}

fn current<'a>(solver: &'a mut Option<Solver>, root: &'a mut Solver) -> &'a mut Solver {
    match solver {
        Some(solver) => solver,
        None => root,
    }
}
