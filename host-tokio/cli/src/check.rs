//! `labwire check`: a file in words, or the error in it.

mod experiment;
mod facts;
mod shape;
mod trouble;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use facts::Facts;
use labwire_core::problem::{Named, Problem};
use labwire_core::solve::Integers;
use serde_json::{Map, Value, json};

use crate::common::{number, read_file};
use crate::config::{Config, ConfigArgument, Layers};
use crate::console::one_line;
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
        return experiment::explain(&arguments.file, &text, &config);
    }
    explain(&file, &text, &config, arguments)
}

fn explain(file: &str, text: &str, config: &Config, arguments: &Arguments) -> Outcome {
    let problem = problem::read(&arguments.file, text, config.open.text_limits())?;
    let mut facts = describe(file, &problem);
    match &arguments.at {
        Some(u) => evaluate(&problem, u, arguments, &mut facts)?,
        None => judge(&problem, arguments, &mut facts)?,
    }
    facts.print();
    Ok(ExitCode::SUCCESS)
}

/// What a problem consists of.
fn describe(file: &str, problem: &Problem) -> Facts {
    let mut facts = Facts::new(file, "Problem", format!("{file}: problem `{}`", problem.name()));
    facts.mention("name", json!(problem.name()));
    if let Some(stages) = problem.stages() {
        facts.set(
            "stages",
            stages.num_stages(),
            "stages",
            json!(stages.num_stages()),
        );
        let mut vectors = |name, vectors| facts.set(name, list(vectors), name, lengths(vectors));
        vectors("states", stages.own_states());
        vectors("inputs", &stages.inputs);
        if !stages.horizon_variables().is_empty() {
            vectors("horizon", stages.horizon_variables());
        }
    }
    let mut vectors = |name, vectors| facts.set(name, list(vectors), name, lengths(vectors));
    vectors("variables", problem.variables());
    vectors("parameters", problem.parameters());
    for vectors in [
        &problem.results().into_iter().cloned().collect::<Vec<_>>()[..],
        problem.parameters(),
    ] {
        describe_names(vectors, &mut facts);
    }
    describe_free(problem, &mut facts);
    let (f1, f2) = (problem.num_f1(), problem.num_f2());
    let words = format!("{f1} in F1, {f2} in F2");
    facts.set("constraints", words, "constraints", json!({"f1": f1, "f2": f2}));
    let set = problem.set().to_string();
    facts.set("u in", &set, "set", json!(set));
    for block in problem.blocks() {
        let (Range { start, end }, set) = (block.range.clone(), block.set.to_string());
        facts.line(format!("  g[{start}..{end}] in  {set}"));
        facts.list("constraint_sets", json!({"from": start, "to": end, "set": set}));
    }
    if let Some(integers) = problem.integers() {
        let (count, is_convex) = (integers.indices.len(), integers.is_convex);
        let entries = json!({"count": count, "is_convex": is_convex});
        facts.set("integers", search(integers), "integers", entries);
    }
    for note in problem.stages().iter().flat_map(|stages| &stages.notes) {
        facts.add("note", note, "notes", json!(note));
    }
    let operations = problem.summary().operations;
    let operations = operations.forward + operations.reverse;
    let of_each_stage = problem.stages().map_or("", |_| ", of each stage");
    let words = format!("{operations} for cost, constraints and gradient{of_each_stage}");
    facts.set("operations", words, "operations", json!(operations));
    facts
}

/// What a solve decides before the first stage, with its bounds: variables of the horizon, elements of the initial state.
fn describe_free(problem: &Problem, facts: &mut Facts) {
    let bounds = problem.set().bounds(problem.num_variables());
    for (i, name) in problem.free_names().into_iter().enumerate() {
        let (min, max) = match &bounds {
            Some((min, max)) => (min[i], max[i]),
            None => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let words = match (min.is_finite(), max.is_finite()) {
            (true, true) => format!("{name}, from {min} to {max}"),
            (true, false) => format!("{name}, from {min} on"),
            (false, true) => format!("{name}, up to {max}"),
            (false, false) => format!("{name}, without bounds"),
        };
        facts.add("free", words, "free", json!(name));
    }
}

/// How many integers there are, and what a solve does about them.
fn search(integers: &Integers) -> String {
    let bound = match integers.is_convex {
        true => "the gap that a solve states holds for all solutions: without integers the problem is convex",
        false => {
            "without integers the problem is not known to be convex: a solve finds local minima, and the gap says no more"
        }
    };
    let count = integers.indices.len();
    let many = if count > MANY {
        ", many: a solve may end at a limit first"
    } else {
        ""
    };
    format!("{count} variables{many}; branch and bound from sum-up rounding; {bound}")
}

/// Number of integers from which on a search may take long.
const MANY: usize = 30;

/// Prints what a configuration changes.
fn explain_configuration(file: &str, text: &str) -> Outcome {
    let mut layers = Layers::new();
    layers.add_text(file, text)?;
    layers.finish()?;
    let mut facts = Facts::new(file, "Configuration", format!("{file}: configuration"));
    for (key, default, value) in Layers::new().differences(&layers) {
        facts.line(format!("  {key} = {value}, in place of {default}"));
        facts.list("changes", json!({"key": key, "value": value, "default": default}));
    }
    facts.print();
    Ok(ExitCode::SUCCESS)
}

/// Adds sparsity, the character of the functions, and likely trouble at the start.
fn judge(problem: &Problem, arguments: &Arguments, facts: &mut Facts) -> Result<(), Failure> {
    if let Some(second) = problem.second_derivatives() {
        let (jacobian, hessian) = (second.jacobian.len(), second.hessian.len());
        let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
        let words = format!(
            "{jacobian} of {} entries of the Jacobian, {hessian} of {} of the Hessian",
            n * m,
            n * (n + 1) / 2
        );
        let entries = json!({"jacobian": jacobian, "hessian": hessian});
        facts.set("sparsity", words, "sparsity", entries);
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
        facts.set("cost", cost.name(), "cost", json!(cost.name()));
        for (block, shapes) in problem
            .blocks()
            .iter()
            .filter_map(|block| Some((block, constraints.get(block.range.clone())?)))
        {
            let worst = shapes.iter().max().map_or("", |shape| shape.name());
            let Range { start, end } = block.range;
            facts.line(format!("  g[{start}..{end}] is  {worst}"));
            facts.list(
                "constraint_functions",
                json!({"from": start, "to": end, "are": worst}),
            );
        }
    }
    for line in trouble::trouble(problem, &parameters, &start) {
        facts.add("beware", &line, "beware", json!(line));
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

/// Adds the functions at `u`, one line per name and JSON value.
fn evaluate(problem: &Problem, u: &[f64], arguments: &Arguments, facts: &mut Facts) -> Result<(), Failure> {
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
    facts.set("cost", format!("{cost:?}"), "cost", json!(cost));
    facts.set("g", format!("{g:?}"), "g", json!(g));
    facts.set("gradient", format!("{gradient:?}"), "gradient", json!(gradient));
    Ok(())
}

/// Units and labels of vectors by their names.
fn describe_names(vectors: &[Named], facts: &mut Facts) {
    for vector in vectors {
        let texts = [("unit", &vector.unit), ("label", &vector.label)];
        let mut entries: Map<String, Value> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(key, text)| (key.to_owned(), json!(text)))
            .collect();
        entries.extend(vector.scale.map(|scale| ("scale".to_owned(), json!(scale))));
        if !entries.is_empty() {
            facts.entry("names", &vector.name, Value::Object(entries));
        }
    }
}

/// Lengths of vectors by their names.
fn lengths(vectors: &[Named]) -> Value {
    let lengths = vectors
        .iter()
        .map(|vector| (vector.name.to_string(), json!(vector.len)));
    Value::Object(lengths.collect())
}

/// Named vectors with their lengths, for display.
pub(crate) fn list(vectors: &[Named]) -> String {
    if vectors.is_empty() {
        return "none".to_owned();
    }
    let vectors: Vec<String> = vectors.iter().map(|vector| one_line(&vector.title())).collect();
    vectors.join(", ")
}
