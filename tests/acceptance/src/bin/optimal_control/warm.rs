//! Steps of model predictive control: solves from the shifted last solution, the state moved on by one stage and disturbed.

use std::time::Instant;

use labwire_acceptance::{OptimalControl, optimal_control};
use labwire_core::problem::ProblemSolver;
use labwire_core::solve::random::Random;

use super::{TOLERANCE, settings};

/// Steps of each problem.
const STEPS: usize = 40;
/// Largest disturbance of an element of the state.
const DISTURBANCE: f64 = 1e-3;
/// Iterations that were reached in the median, by the beginning of the problem's name.
const MEDIANS: [(&str, usize); 4] = [("nav", 2), ("quad", 2), ("cart", 2), ("race", 3)];
/// Problems of which some steps are not solved yet: shortened when the solver improves.
const UNSOLVED: [&str; 1] = ["chain6wall_40"];

/// Counts of the steps of one problem.
struct Steps {
    iterations: Vec<usize>,
    milliseconds: Vec<f64>,
    unsolved: usize,
}

/// Prints a line per problem whose parameters are its initial state. Returns whether all is as good as it was.
pub(crate) fn run(names: &[String]) -> bool {
    println!("problem        iterations: median  worst    ms: median   worst   not converged");
    let mut is_good = true;
    for problem in optimal_control() {
        let is_chosen = names.is_empty() || names.contains(&problem.name);
        if !is_chosen || !starts_at_parameters(&problem) {
            continue;
        }
        let mut steps = follow(&problem);
        steps.iterations.sort_unstable();
        steps.milliseconds.sort_by(f64::total_cmp);
        let (median, worst) = (steps.iterations[STEPS / 2], steps.iterations[STEPS - 1]);
        println!(
            "{:<22} {median:>11} {worst:>6} {:>13.3} {:>7.3} {:>15}",
            problem.name,
            steps.milliseconds[STEPS / 2],
            steps.milliseconds[STEPS - 1],
            steps.unsolved,
        );
        let reached = MEDIANS.iter().find(|(name, _)| problem.name.starts_with(name));
        is_good &= steps.unsolved == 0 || UNSOLVED.contains(&problem.name.as_str());
        is_good &= reached.is_none_or(|(_, most)| median <= *most);
    }
    is_good
}

/// Whether the parameters are the initial state, which a step can then replace.
fn starts_at_parameters(problem: &OptimalControl) -> bool {
    let stages = problem
        .problem
        .stages()
        .expect("it is an optimal-control problem");
    stages.num_states() == problem.problem.num_parameters()
}

fn follow(problem: &OptimalControl) -> Steps {
    let mut solver =
        ProblemSolver::with_settings(&problem.problem, settings(problem)).expect("the settings are valid");
    let mut random = Random::new(1, 0);
    let mut state = problem.parameters.clone();
    let mut steps = Steps {
        iterations: Vec::new(),
        milliseconds: Vec::new(),
        unsolved: 0,
    };
    let mut solution = solver.solve(&state).expect("the parameters fit");
    for _ in 0..STEPS {
        let stages = problem
            .problem
            .stages()
            .expect("it is an optimal-control problem");
        let next = stages.states.iter().flat_map(|named| {
            let values = &solution.variables[&named.name];
            values[named.len..2 * named.len].to_vec()
        });
        state = next
            .map(|x| x + DISTURBANCE * (2.0 * random.uniform() - 1.0))
            .collect();
        let start = Instant::now();
        solution = solver.solve(&state).expect("the parameters fit");
        steps.milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        steps.iterations.push(solution.counters.inner_iterations as usize);
        let is_solved =
            solution.is_converged() && solution.residual <= TOLERANCE && solution.violation <= TOLERANCE;
        steps.unsolved += usize::from(!is_solved);
    }
    steps
}
