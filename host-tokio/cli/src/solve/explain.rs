//! Explanation of an unsuccessful end, and advice.

use labwire_core::problem::stages::Shooting;
use labwire_core::problem::{Defect, Edge, Evaluator, Problem, ProblemSolver, Solution};
use labwire_core::sets::Set;
use labwire_core::solve::{IntegerSearch, Settings, Status};

/// Constraints that are named.
const NAMED: usize = 5;
/// Ratio of the largest to the smallest magnitude from which on other units are recommended.
const WIDE: f64 = 1e6;

/// Lines for people; if the solve converged, only about dynamics that run away.
pub(crate) fn explain(solver: &ProblemSolver, parameters: &[f64], solution: &Solution) -> Vec<String> {
    let mut lines = Vec::new();
    let settings = solver.solver().settings();
    let point = PointOfView::new(solver.problem(), parameters, solution, settings);
    if let Some(search) = &solution.integers
        && solution.status != Status::Converged
        && let Some(more) = integers(solution, search, settings)
    {
        lines.extend(more);
        lines.extend(point.violated());
        return lines;
    }
    match &solution.status {
        Status::Converged => {
            lines.extend(growth(solver.problem(), solution));
            return lines;
        }
        Status::LocallyInfeasible { .. } => {
            lines.push(
                "near this point no change of the variables lowers the violation of the constraints:".into(),
            );
            lines.extend(point.violated());
            lines.extend(missed_dynamics(solver, parameters));
            lines.push("try to relax one of them, or another start (--initial-guess)".into());
            return lines;
        }
        Status::Unbounded => {
            lines.push("the cost falls without a bound that the constraints would set".into());
            lines.extend(point.farthest());
            return lines;
        }
        Status::NotFinite => match solver.problem().runaway(parameters, &solution.u) {
            Some(defect) => return runs_away(solver.problem(), &defect),
            None => return point.not_finite(),
        },
        Status::NotConvergedIterations => lines.push(format!(
            "the limits are {} inner iterations for each of {} outer ones (\"max_inner_iterations\", \
             \"max_outer_iterations\" in \"solver\")",
            settings.max_inner_iterations, settings.max_outer_iterations
        )),
        Status::NotConvergedOutOfTime => {
            lines.push(
                "a longer time may do (--solve-time SECONDS, \"max_duration_ms\" in \"solver\")".into(),
            );
        }
        Status::Stalled => lines.push(why_stalled(point.edge.as_ref())),
        _ => {}
    }
    lines.extend(growth(solver.problem(), solution));
    lines.extend(point.violated());
    lines.extend(missed_dynamics(solver, parameters));
    lines.extend(point.steepest());
    lines.extend(point.units());
    lines
}

/// Reason why no step was found.
fn why_stalled(edge: Option<&Edge>) -> String {
    match edge {
        Some(edge) => format!(
            "the solve ends at the edge of a function's domain: {edge}; keep its operand away from there (a bound, or a \
             small constant under it)"
        ),
        None => "no step lowers the merit in double precision: the tolerance is below round-off, or a function jumps or has \
                 a kink there (max, min, abs, if)"
            .into(),
    }
}

/// Lines about a search for integers that has no result, or was ended by a limit.
fn integers(solution: &Solution, search: &IntegerSearch, settings: &Settings) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    match &solution.status {
        // That of the first node is one of the problem itself.
        Status::LocallyInfeasible { .. } if search.nodes > 1 => {
            lines.push(match search.is_global {
                true => "no integers within their bounds satisfy the constraints; the point of all nodes that violates them least:".into(),
                false => "no integers were found that satisfy the constraints, in a problem that is not known to be convex; the point \
                          that violates them least:".into(),
            });
            return Some(lines);
        }
        Status::NotConvergedIterations if search.nodes >= u64::from(settings.max_nodes) => lines.push(format!(
            "the limit is {} nodes (\"max_nodes\" in \"solver\"); a larger \"integer_gap\" ends the search earlier",
            settings.max_nodes
        )),
        Status::NotConvergedOutOfTime => lines.push(
            "a longer time may do (--solve-time SECONDS, \"max_duration_ms\" in \"solver\"); a larger \"integer_gap\" ends the search \
             earlier"
                .into(),
        ),
        _ => return None,
    }
    lines.push(match search.best {
        Some(_) => "the result is the best solution so far".into(),
        None => {
            "no solution is known yet: the result is rounded, and does not satisfy the constraints".into()
        }
    });
    Some(lines)
}

/// Advice about dynamics that an explicit integrator cannot follow.
pub(crate) const STIFF: &str = "if the dynamics are stiff, a step is too long for an explicit integrator: \"integrator\": \"radau2\" or \
                     \"backward_euler\" in \"dynamics\", or more \"substeps\"";
/// Advice about dynamics that have no value.
const UNDEFINED: &str = "an expression has no value there (a root or logarithm of a negative number, 0/0), or Newton's method found no \
                         solution of \"algebraic\" equations or of an implicit integrator: a \"guess\" near it, or more \"substeps\"";
/// Magnitude of a state that units hardly explain; of slopes, its square.
pub(crate) const HUGE: f64 = 1e12;

/// Advice if states, or what small changes of the inputs do to them, grow out of all proportion.
fn growth(problem: &Problem, solution: &Solution) -> Option<String> {
    let states = &problem.stages()?.states;
    let values = states
        .iter()
        .filter_map(|state| solution.variables.get(&state.name))
        .flatten();
    let largest = values.map(|x| x.abs()).fold(0.0, f64::max);
    let residual = solution.residual;
    if largest > HUGE {
        Some(format!("the states grow to {largest:.1e}: {STIFF}"))
    } else if residual.is_finite() && residual > HUGE * HUGE {
        Some(format!(
            "the slopes along the inputs grow to {residual:.1e}: {STIFF}"
        ))
    } else {
        None
    }
}

/// Advice about dynamics that run away.
fn runs_away(problem: &Problem, defect: &Defect) -> Vec<String> {
    let Defect {
        state, stage, value, ..
    } = defect;
    let is_single = problem
        .stages()
        .is_some_and(|stages| stages.shooting == Shooting::Single);
    let other = if is_single { ", \"shooting\": \"auto\"" } else { "" };
    vec![
        format!(
            "the dynamics run away: with the inputs of the start, the state {state} leaves what numbers can say at stage \
             {stage}, where it is {value:.1e}"
        ),
        if value.is_nan() { UNDEFINED } else { STIFF }.into(),
        format!("try inputs that hold it (\"initial_guess\", --initial-guess), a smaller \"horizon\"{other}"),
    ]
}

/// The state that is farthest from where the dynamics lead.
fn missed_dynamics(solver: &ProblemSolver, parameters: &[f64]) -> Option<String> {
    let (problem, solver) = (solver.problem(), solver.solver());
    let gap = problem.largest_gap(parameters, solver.solution(), solver.states()?)?;
    if gap.value.abs() <= solver.settings().delta_tolerance {
        return None;
    }
    let Defect {
        state, stage, value, ..
    } = gap;
    Some(format!(
        "  the state {state} at stage {stage} is not where the dynamics lead: {value:.1e} off"
    ))
}

/// Solution, and the values of the problem's functions there.
struct PointOfView<'a> {
    problem: &'a Problem,
    solution: &'a Solution,
    settings: &'a Settings,
    cost: f64,
    constraints: Vec<f64>,
    /// Of the cost, and of the Lagrangian.
    slopes: Vec<f64>,
    gradient: Vec<f64>,
    edge: Option<Edge>,
}

impl<'a> PointOfView<'a> {
    fn new(problem: &'a Problem, parameters: &[f64], solution: &'a Solution, settings: &'a Settings) -> Self {
        let mut evaluator: Evaluator = problem.evaluator();
        evaluator.set_parameters(parameters);
        let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
        let mut constraints = vec![0.0; m];
        let mut u = solution.u.clone();
        u.resize(n, 0.0);
        let cost = evaluator.forward(&u, &mut constraints);
        let mut slopes = vec![0.0; n];
        evaluator.reverse(&vec![0.0; m], &mut slopes);
        let mut multipliers = [&*solution.f1_multipliers, &solution.f2_multipliers].concat();
        multipliers.resize(m, 0.0);
        let mut gradient = vec![0.0; n];
        evaluator.reverse(&multipliers, &mut gradient);
        let edge = evaluator.edge();
        Self {
            problem,
            solution,
            settings,
            cost,
            constraints,
            slopes,
            gradient,
            edge,
        }
    }

    /// The constraints that are violated most.
    fn violated(&self) -> Vec<String> {
        // Index, value, and the nearest value that is allowed.
        let mut violated: Vec<(usize, f64, f64)> = Vec::new();
        for block in self.problem.blocks() {
            let values = &self.solution.constraints[block.range.clone()];
            let mut nearest = values.to_vec();
            block.set.project(&mut nearest);
            let pairs = values.iter().copied().zip(nearest);
            violated.extend(
                block
                    .range
                    .clone()
                    .zip(pairs)
                    .map(|(index, (value, nearest))| (index, value, nearest)),
            );
        }
        let distance = |(_, value, nearest): &(usize, f64, f64)| (value - nearest).abs();
        violated.retain(|constraint| distance(constraint) > self.settings.delta_tolerance);
        violated.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
        let line = |constraint: &(usize, f64, f64)| {
            let (index, value, nearest) = constraint;
            let name = self.problem.constraint_name(*index);
            let distance = distance(constraint);
            match *nearest {
                // The sides of a comparison are compared by their difference.
                0.0 => format!("  {name} is off by {}", shown(distance)),
                _ => format!(
                    "  {name} is {}, allowed is {}: off by {}",
                    shown(*value),
                    shown(*nearest),
                    shown(distance)
                ),
            }
        };
        let mut lines: Vec<String> = violated.iter().take(NAMED).map(line).collect();
        if violated.len() > NAMED {
            lines.push(format!("  and {} more", violated.len() - NAMED));
        }
        lines
    }

    /// The variable along which the Lagrangian changes most.
    fn steepest(&self) -> Option<String> {
        let bounds = self.problem.set().bounds(self.gradient.len());
        let is_blocked = |i: usize| match &bounds {
            Some((min, max)) => {
                let (u, slope) = (self.solution.u[i], self.gradient[i]);
                (u <= min[i] && slope > 0.0) || (u >= max[i] && slope < 0.0)
            }
            None => false,
        };
        let free = (0..self.solution.u.len()).filter(|&i| !is_blocked(i));
        let steepest = free.max_by(|&a, &b| self.gradient[a].abs().total_cmp(&self.gradient[b].abs()))?;
        let slope = self.gradient[steepest];
        (slope.abs() > self.settings.tolerance).then(|| {
            format!(
                "the Lagrangian is steepest along {}: {slope:.1e}, the tolerance is {:.0e}",
                self.problem.variable_name(steepest),
                self.settings.tolerance
            )
        })
    }

    /// The variable that runs away: the cost falls most when it is moved farther out.
    fn farthest(&self) -> Option<String> {
        let gain = |&i: &usize| -self.slopes[i] * self.solution.u[i];
        let indices = 0..self.solution.u.len();
        let farthest = indices.max_by(|a, b| gain(a).total_cmp(&gain(b)))?;
        let name = self.problem.variable_name(farthest);
        let value = self.solution.u[farthest];
        Some(match self.problem.set() {
            Set::All => format!("{name} is at {value:.1e}: it may need bounds (\"constraints\")"),
            _ => format!("{name} is at {value:.1e}: it may need other bounds (\"constraints\")"),
        })
    }

    /// Advice if magnitudes are far apart.
    fn units(&self) -> Option<String> {
        let name = |i: usize| self.problem.variable_name(i);
        let (small, large) = extremes(&self.solution.u)?;
        let ratio = (self.solution.u[large] / self.solution.u[small]).abs();
        if ratio > WIDE {
            return Some(format!(
                "the variables' magnitudes lie far apart, {:.0e} ({}) and {:.0e} ({}): choose units in which they are about 1",
                self.solution.u[small].abs(),
                name(small),
                self.solution.u[large].abs(),
                name(large)
            ));
        }
        let (small, large) = extremes(&self.slopes)?;
        let ratio = (self.slopes[large] / self.slopes[small]).abs();
        (ratio > WIDE).then(|| {
            format!(
                "the cost's slopes lie far apart, {:.0e} ({}) and {:.0e} ({}): choose units in which they are alike",
                self.slopes[small].abs(),
                name(small),
                self.slopes[large].abs(),
                name(large)
            )
        })
    }

    /// Values that are not finite at the start.
    fn not_finite(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.cost.is_finite() {
            lines.push(format!("at the initial guess the cost is {}", self.cost));
        }
        for (i, value) in self
            .constraints
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_finite())
            .take(NAMED)
        {
            lines.push(format!(
                "at the initial guess {} is {value}",
                self.problem.constraint_name(i)
            ));
        }
        let is_bad = |(_, slope): &(usize, &f64)| !slope.is_finite();
        for (i, slope) in self.gradient.iter().enumerate().filter(is_bad).take(NAMED) {
            let name = self.problem.variable_name(i);
            lines.push(format!(
                "at the initial guess the derivative with respect to {name} is {slope}"
            ));
        }
        if let Some(edge) = self.edge {
            lines.push(format!("there {edge}"));
        }
        let start = match self.problem.initial_guess() {
            Some(_) => "the file's \"initial_guess\"",
            None => "the origin, as the file has no \"initial_guess\"",
        };
        lines.push(format!(
            "the solve starts at {start}, unless --initial-guess says otherwise: start inside of the domain"
        ));
        lines
    }
}

/// The value with about four digits.
fn shown(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude == 0.0 || (1e-2..1e5).contains(&magnitude) => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.3e}"),
    }
}

/// Indices of the smallest and the largest magnitude above 0.
fn extremes(values: &[f64]) -> Option<(usize, usize)> {
    let magnitude = |i: &usize| values[*i].abs();
    let indices = || (0..values.len()).filter(|&i| values[i] != 0.0 && values[i].is_finite());
    let smallest = indices().min_by(|a, b| magnitude(a).total_cmp(&magnitude(b)))?;
    let largest = indices().max_by(|a, b| magnitude(a).total_cmp(&magnitude(b)))?;
    Some((smallest, largest))
}
