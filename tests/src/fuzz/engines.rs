//! Files that describe experiments and problems.

use labwire_core::design::{Designer, Experiment};
use labwire_core::problem::{Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::time::Instant;

use super::sessions::small_design;

/// Experiment files: any text is read or refused; an experiment that was read can be designed a little, saved and
/// loaded.
pub fn experiment_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut experiment = match Experiment::from_json(text, &[], &small_design()) {
        Ok(experiment) => experiment,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    experiment.options.particles = experiment.options.particles.min(50);
    let Ok(mut designer) = Designer::new(experiment.clone(), 1) else {
        return;
    };
    for value in [0.5, -1e3] {
        let setting = designer.suggest();
        assert!(designer.experiment().grid.contains(&setting) || setting.iter().any(|x| x.is_nan()));
        let values = vec![value; designer.experiment().channels()];
        // It may be refused.
        let _ = designer.update(&setting, &values, Some(&[0.1]));
        let weights = designer.weights();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    let saved = designer.posterior();
    let loaded = Designer::from_posterior(experiment, &saved).expect("it was just written");
    assert_eq!(loaded.posterior(), saved);
}

/// Problem files: any text is read or refused; a problem that was read can be evaluated and solved a little.
pub fn problem_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut limits = TextLimits::default();
    (limits.graph_nodes, limits.expansion_steps, limits.variables) = (20_000, 100_000, 200);
    limits.stage_memory = 100_000;
    match Problem::from_json(text, &limits) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(problem) => {
            let parameters = vec![1.0; problem.num_parameters()];
            let guess = vec![0.5; problem.num_variables()];
            let mut options = StartOptions::default();
            options.initial_guess = Some(&guess);
            let mut solver = ProblemSolver::new(problem).expect("the reader checks sets and settings");
            solver
                .start(Instant::ZERO, &parameters, &options)
                .expect("lengths fit");
            solver.step(Instant::ZERO, 50).expect("a solve was started");
        }
    }
}
