//! `labwire example`: files to begin with.

use std::process::ExitCode;

use labwire_core::design::{DEFAULT_EXPERIMENT, EXPERIMENTS};
use labwire_core::problem::DEFAULT_PROBLEM;
use serde_json::{Value, json};

use crate::console::{answer, answer_text};
use crate::failure::{self, Failure, Outcome, did_you_mean};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Name of the file, such as heating.json; without one, all are listed.
    name: Option<String>,
    /// List all files, each with a command to run it.
    #[arg(long, conflicts_with = "name")]
    list: bool,
}

/// File to begin with.
struct Example {
    name: &'static str,
    about: &'static str,
    /// Command that uses the file.
    command: &'static str,
    text: &'static str,
}

static EXAMPLES: [Example; 13] = [
    Example {
        name: "rosenbrock.json",
        about: "a problem with a ball, an equation and an inequality",
        command: "labwire solve rosenbrock.json -p 1,10",
        text: DEFAULT_PROBLEM,
    },
    Example {
        name: "fit.json",
        about: "least squares: a decay through five readings, which are parameters",
        command: "labwire solve fit.json -p 2.1,1.2,0.8,0.4,0.3",
        text: include_str!("example/fit.json"),
    },
    Example {
        name: "heating.json",
        about: "a plan over six hours with bounds and a constraint at the end",
        command: "labwire solve heating.json -p 5,16",
        text: include_str!("example/heating.json"),
    },
    Example {
        name: "portfolio.json",
        about: "shares that add up to 1",
        command: "labwire solve portfolio.json -p 2",
        text: include_str!("example/portfolio.json"),
    },
    Example {
        name: "swing.json",
        about: "optimal control: a pendulum swings up",
        command: "labwire solve swing.json -p 0",
        text: include_str!("example/swing.json"),
    },
    Example {
        name: "parking.json",
        about: "optimal control with an obstacle, in discrete time",
        command: "labwire solve parking.json -p -1,2,0.5",
        text: include_str!("example/parking.json"),
    },
    Example {
        name: "crane.json",
        about: "predictive control: state and target are parameters, solves start from the last one",
        command: "labwire solve crane.json -p 0,0,0,0,3",
        text: include_str!("example/crane.json"),
    },
    Example {
        name: "unit-commitment.json",
        about: "on/off inputs: which of three machines run in which hour; parameters are what runs now, and since when",
        command: "labwire solve unit-commitment.json -p 1,0,0,0,0,0",
        text: include_str!("example/unit-commitment.json"),
    },
    Example {
        name: "dip.json",
        about: "an experiment with one knob: where is the resonance?",
        command: "labwire experiment dip.json simulate -m 50",
        text: DEFAULT_EXPERIMENT,
    },
    Example {
        name: "rabi.json",
        about: "two knobs: length and detuning of a pulse",
        command: "labwire experiment rabi.json simulate -m 50",
        text: EXPERIMENTS[4].1,
    },
    Example {
        name: "coil.json",
        about: "two channels, unknown noise, a cost of changing the frequency",
        command: "labwire experiment coil.json simulate -m 50",
        text: EXPERIMENTS[1].1,
    },
    Example {
        name: "supply.toml",
        about: "configuration of a connection to a slow device",
        command: "labwire device query --config supply.toml --address 127.0.0.1:5025 --preset scpi '*IDN?'",
        text: include_str!("example/supply.toml"),
    },
    Example {
        name: "bench.toml",
        about: "configuration of servers in a laboratory",
        command: "labwire serve --config bench.toml",
        text: include_str!("example/bench.toml"),
    },
];

/// Text of the example of this name, with its ending or without.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    find(name).map(|example| example.text)
}

fn find(name: &str) -> Option<&'static Example> {
    let stem = |name: &'static str| name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut examples = EXAMPLES.iter();
    examples.find(|example| example.name == name || stem(example.name) == name)
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Some(name) = &arguments.name else {
        list();
        return Ok(ExitCode::SUCCESS);
    };
    match find(name) {
        Some(example) => {
            answer_text(
                || example.text.to_owned(),
                || {
                    let mut object = example.to_json();
                    object["text"] = json!(example.text);
                    object
                },
            );
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let known = EXAMPLES.iter().map(|example| example.name);
            Err(
                Failure::new(failure::USAGE, format!("there is no example `{name}`"))
                    .hint(did_you_mean(name, known)),
            )
        }
    }
}

impl Example {
    /// All but the text.
    fn to_json(&self) -> Value {
        json!({"name": self.name, "about": self.about, "command": self.command})
    }
}

fn list() {
    let lines = EXAMPLES.iter().map(
        |Example {
             name, about, command, ..
         }| format!("{name:<20}  {about}\n{:20}  {command}\n", ""),
    );
    answer(
        || {
            format!(
                "{}\nlabwire example NAME > NAME writes one.",
                lines.collect::<String>()
            )
        },
        || EXAMPLES.iter().map(Example::to_json).collect(),
    );
}
