//! Problem files under `tests/problems`.

use std::fs;
use std::path::PathBuf;

use labwire_core::problem::{Problem, TextLimits};

/// Problem without parameters, with a known optimum.
#[derive(Clone, Debug)]
pub struct KnownProblem {
    /// The problem.
    pub problem: Problem,
    /// Text of its file.
    pub text: String,
    /// Lowest known cost that is reached from the given start.
    pub optimum: f64,
    /// Kind of its constraints: "unconstrained", "bound", "inequality" or "equality".
    pub class: String,
}

/// Optimal-control problem.
#[derive(Clone, Debug)]
pub struct OptimalControl {
    /// The problem.
    pub problem: Problem,
    /// Text of its file.
    pub text: String,
    /// Name of its file.
    pub name: String,
    /// Parameters to solve it for.
    pub parameters: Vec<f64>,
}

/// Every problem of a folder, in the order of its list.
///
/// # Panics
/// If a file cannot be read.
pub fn known_problems(folder: &str) -> Vec<KnownProblem> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("a line has three words");
        let (name, optimum, class) = (word(), word(), word());
        let (problem, text) = load(&format!("{folder}/{name}.json"));
        KnownProblem {
            problem,
            text,
            optimum: optimum.parse().expect("the second word is a number"),
            class: class.to_owned(),
        }
    };
    read_file(&format!("{folder}/optima.txt"))
        .lines()
        .map(read)
        .collect()
}

/// Every optimal-control problem of the benchmark, in the order of the names.
///
/// # Panics
/// If a file cannot be read.
pub fn optimal_control() -> Vec<OptimalControl> {
    optimal_control_in("ocp")
}

/// Every optimal-control problem of a folder, in the order of the names.
///
/// # Panics
/// If a file cannot be read.
pub fn optimal_control_in(folder: &str) -> Vec<OptimalControl> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next().expect("a line begins with a name").to_owned();
        let (problem, text) = load(&format!("{folder}/{name}.json"));
        OptimalControl {
            problem,
            text,
            name,
            parameters: words
                .map(|word| word.parse().expect("a parameter is a number"))
                .collect(),
        }
    };
    read_file(&format!("{folder}/parameters.txt"))
        .lines()
        .map(read)
        .collect()
}

fn load(path: &str) -> (Problem, String) {
    let text = read_file(path);
    let problem = Problem::from_json(&text, &TextLimits::default());
    (problem.unwrap_or_else(|error| panic!("{path}: {error}")), text)
}

fn read_file(path: &str) -> String {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../problems")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
