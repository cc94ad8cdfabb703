//! `labwire check`: what a problem file holds, or what is wrong with it.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::problem::{Named, Problem, ProblemLimits};

use super::failure::{Failure, Outcome};
use super::read_file;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file; `-` is standard input.
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let text = read_file(&arguments.file)?;
    let file = arguments.file.display().to_string();
    let problem = Problem::from_json(&text, &ProblemLimits::default())
        .map_err(|error| Failure::problem(&file, &error))?;
    println!("{file}: problem `{}`", problem.name());
    if let Some(stages) = problem.stages() {
        println!("  stages       {}", stages.horizon);
        println!("  states       {}", list(&stages.states));
        println!("  inputs       {}", list(&stages.inputs));
    }
    println!("  variables    {}", list(problem.variables()));
    println!("  parameters   {}", list(problem.parameters()));
    println!(
        "  constraints  {} in F1, {} in F2",
        problem.num_f1(),
        problem.num_f2()
    );
    println!("  u in         {}", problem.set());
    for block in problem.blocks() {
        let Range { start, end } = block.range;
        println!("  g[{start}..{end}] in  {}", block.set);
    }
    let operations = problem.summary().operations;
    let operations = operations.forward + operations.reverse;
    let of_each_stage = problem.stages().map_or("", |_| ", of each stage");
    println!("  operations   {operations} for cost, constraints and gradient{of_each_stage}");
    Ok(ExitCode::SUCCESS)
}

/// Named vectors with their lengths, as a person would write them.
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
