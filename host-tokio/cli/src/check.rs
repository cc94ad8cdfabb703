//! `labwire check`: summary of a problem file, or the error in it.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::problem::{Named, Problem};

use crate::common::{number, read_file};
use crate::config::ConfigArgument;
use crate::console::say;
use crate::failure::{self, Failure, Outcome};
use crate::problem;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Problem file; `-` is standard input.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgument,
    /// Evaluate cost, constraints and gradient at this point, one number per variable.
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    at: Option<Vec<f64>>,
    /// Parameters for `--at`, one after the other: 1,10
    #[arg(
        short,
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    parameter: Vec<f64>,
    /// Multipliers of the constraints in the gradient for `--at`, one per component of F1, then of F2; by default 0.
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    multipliers: Option<Vec<f64>>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.config.read()?;
    let text = read_file(&arguments.file)?;
    let file = arguments.file.display().to_string();
    let problem = problem::read(&arguments.file, &text, config.open.text_limits())?;
    say!("{file}: problem `{}`", problem.name());
    if let Some(stages) = problem.stages() {
        say!("  stages       {}", stages.num_stages());
        say!("  states       {}", list(stages.own_states()));
        say!("  inputs       {}", list(&stages.inputs));
        if !stages.horizon_variables().is_empty() {
            say!("  horizon      {}", list(stages.horizon_variables()));
        }
    }
    say!("  variables    {}", list(problem.variables()));
    say!("  parameters   {}", list(problem.parameters()));
    say!(
        "  constraints  {} in F1, {} in F2",
        problem.num_f1(),
        problem.num_f2()
    );
    say!("  u in         {}", problem.set());
    for block in problem.blocks() {
        let Range { start, end } = block.range;
        say!("  g[{start}..{end}] in  {}", block.set);
    }
    for note in problem.stages().iter().flat_map(|stages| &stages.notes) {
        say!("  note         {note}");
    }
    let operations = problem.summary().operations;
    let operations = operations.forward + operations.reverse;
    let of_each_stage = problem.stages().map_or("", |_| ", of each stage");
    say!("  operations   {operations} for cost, constraints and gradient{of_each_stage}");
    if let Some(u) = &arguments.at {
        evaluate(&problem, u, arguments)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the functions at `u`, one line per name and JSON value.
fn evaluate(problem: &Problem, u: &[f64], arguments: &Arguments) -> Result<(), Failure> {
    let num_constraints = problem.num_f1() + problem.num_f2();
    let no_weights = vec![0.0; num_constraints];
    let multipliers = arguments.multipliers.as_ref().unwrap_or(&no_weights);
    for (name, vector, expected) in [
        ("--at", u, problem.num_variables()),
        ("--parameter", &arguments.parameter, problem.num_parameters()),
        ("--multipliers", multipliers, num_constraints),
    ] {
        if vector.len() != expected {
            let found = vector.len();
            let message = format!("{name} has {found} numbers, the problem needs {expected}");
            return Err(Failure::new(failure::USAGE, message));
        }
    }
    let (mut g, mut gradient) = (no_weights.clone(), vec![0.0; u.len()]);
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&arguments.parameter);
    let cost = evaluator.forward(u, &mut g);
    evaluator.reverse(multipliers, &mut gradient);
    say!("  cost         {cost:?}");
    say!("  g            {g:?}");
    say!("  gradient     {gradient:?}");
    Ok(())
}

/// Named vectors with their lengths, for display.
pub(crate) fn list(vectors: &[Named]) -> String {
    if vectors.is_empty() {
        return "none".to_owned();
    }
    let vectors: Vec<String> = vectors
        .iter()
        .map(|vector| format!("{}[{}]", vector.name, vector.len))
        .collect();
    vectors.join(", ")
}
