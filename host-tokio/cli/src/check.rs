//! `labwire check`: a file in words, or the error in it.

mod experiment;
mod shape;
mod trouble;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::problem::{Named, Problem};

use crate::common::{number, read_file};
use crate::config::{Config, ConfigArgument, Layers};
use crate::console::say;
use crate::failure::{self, Failure, Outcome};
use crate::problem;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Problem, experiment or configuration (.toml) file; `-` is standard input.
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
    /// Parameters, one after the other: 1,10; by default 1 each.
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
    if arguments
        .file
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        return explain_configuration(&file, &text);
    }
    if experiment::is_experiment(&text) {
        return experiment::explain(&file, &text, &config);
    }
    explain(&file, &text, &config, arguments)
}

fn explain(file: &str, text: &str, config: &Config, arguments: &Arguments) -> Outcome {
    let problem = problem::read(&arguments.file, text, config.open.text_limits())?;
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
        return Ok(ExitCode::SUCCESS);
    }
    judge(&problem, arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what a configuration changes.
fn explain_configuration(file: &str, text: &str) -> Outcome {
    let mut layers = Layers::new();
    layers.add_text(file, text)?;
    layers.finish()?;
    say!("{file}: configuration");
    for (key, default, value) in Layers::new().differences(&layers) {
        say!("  {key} = {value}, in place of {default}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints sparsity, the character of the functions, and likely trouble at the start.
fn judge(problem: &Problem, arguments: &Arguments) -> Result<(), Failure> {
    if let Some(second) = problem.second_derivatives() {
        let (jacobian, hessian) = (second.jacobian.len(), second.hessian.len());
        let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
        say!(
            "  sparsity     {jacobian} of {} entries of the Jacobian, {hessian} of {} of the Hessian",
            n * m,
            n * (n + 1) / 2
        );
    }
    let parameters = match arguments.parameter.is_empty() {
        true => vec![1.0; problem.num_parameters()],
        false => arguments.parameter.clone(),
    };
    let expected = problem.num_parameters();
    expect("--parameter", &parameters, expected)?;
    let start = problem
        .initial_guess()
        .map_or_else(|| vec![0.0; problem.num_variables()], <[f64]>::to_vec);
    if let Some((cost, constraints)) = shape::shapes(problem, &parameters, &start) {
        say!("  cost         {}", cost.name());
        for (block, shapes) in problem
            .blocks()
            .iter()
            .filter_map(|block| Some((block, constraints.get(block.range.clone())?)))
        {
            let worst = shapes.iter().max().map_or("", |shape| shape.name());
            let Range { start, end } = block.range;
            say!("  g[{start}..{end}] is  {worst}");
        }
    }
    for line in trouble::trouble(problem, &parameters, &start) {
        say!("  beware       {line}");
    }
    Ok(())
}

fn expect(name: &str, vector: &[f64], expected: usize) -> Result<(), Failure> {
    let found = vector.len();
    if found == expected {
        return Ok(());
    }
    let message = format!("{name} has {found} numbers, the problem needs {expected}");
    Err(Failure::new(failure::USAGE, message))
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
        expect(name, vector, expected)?;
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
