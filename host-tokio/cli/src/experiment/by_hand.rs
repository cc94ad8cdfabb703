//! `labwire experiment FILE by-hand`: suggests a setting, asks for the value measured there, and repeats.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use labwire_core::design::{Designer, Experiment, Noise};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::trace::Trace;
use super::{designer, plot, setting, table};
use crate::common::{has_decimal_comma, read_file};
use crate::console::{note, say, say_text};
use crate::failure::{self, Failure, Outcome};
use crate::files::{is_standard, save};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keep the posterior in this file, and continue from it if it exists.
    #[arg(long, value_name = "FILE.json")]
    posterior: Option<PathBuf>,
}

const HELP: &str = "\
NUMBERS        the measured value of each channel, then the standard deviation, if it is not known: 0.98 0.005
at NUMBERS     measure at this setting instead
undo           take the last measurement back
plot           narrowing of the first parameter
help, quit";

/// Line typed by the user.
enum Line {
    Measured(Vec<f64>),
    At(Vec<f64>),
    Undo,
    Plot,
    Help,
    Quit,
}

pub(crate) fn run(experiment: Experiment, seed: u64, options: &Arguments) -> Outcome {
    let mut designer = start(&experiment, seed, options.posterior.as_deref())?;
    let mut editor = DefaultEditor::new().map_err(|error| unusable(&error))?;
    say!("{}; `help` lists the commands", experiment.name);
    let mut trace = Trace::new("by hand", 0, &designer);
    let mut x = designer.suggest();
    loop {
        say!(
            "measurement {}: {}",
            designer.history().len() + 1,
            setting(&experiment, &x)
        );
        let text = match editor.readline("measured: ") {
            Ok(text) => text,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(unusable(&error)),
        };
        // Without a history, earlier lines cannot be recalled.
        let _ = editor.add_history_entry(&text);
        match parse(&text, &experiment) {
            Err(message) => note!("{message}"),
            Ok(Line::Quit) => return Ok(ExitCode::SUCCESS),
            Ok(Line::Help) => say!("{HELP}"),
            Ok(Line::Plot) => say_text!("{}", plot::terminal(&trace, &experiment.parameters[0].name, None)),
            Ok(Line::At(setting)) => x = setting,
            Ok(Line::Undo) => match designer.undo() {
                Ok(()) => {
                    trace = Trace::new("by hand", 0, &designer);
                    x = learned(&mut designer, options)?;
                }
                Err(error) => note!("{error}"),
            },
            Ok(Line::Measured(numbers)) => {
                let warnings = designer.num_warnings();
                let (values, sigma) = numbers.split_at(experiment.channels().min(numbers.len()));
                let sigma = (!sigma.is_empty()).then_some(sigma);
                match designer.update(&x, values, sigma) {
                    Err(error) => note!("{error}"),
                    Ok(()) => {
                        let new = (designer.num_warnings() - warnings) as usize;
                        let kept = designer.warnings().count();
                        designer
                            .warnings()
                            .skip(kept.saturating_sub(new))
                            .for_each(|warning| note!("warning: {warning}"));
                        trace.push(&designer);
                        x = learned(&mut designer, options)?;
                    }
                }
            }
        }
    }
}

/// Designer from an existing posterior, or from the priors.
fn start(experiment: &Experiment, seed: u64, posterior: Option<&Path>) -> Result<Designer, Failure> {
    match posterior {
        Some(path) if is_standard(path) => {
            let message = "--posterior is a file that is read and written, not `-`";
            Err(Failure::new(failure::USAGE, message))
        }
        Some(path) if path.is_file() => {
            let loaded = Designer::from_posterior(experiment.clone(), &read_file(path)?);
            loaded.map_err(|error| Failure::new(failure::DATA, format!("{}: {error}", path.display())))
        }
        _ => designer(experiment, seed),
    }
}

/// Saves and prints the posterior. Returns the next setting.
fn learned(designer: &mut Designer, options: &Arguments) -> Result<Vec<f64>, Failure> {
    if let Some(path) = &options.posterior {
        save(path, designer.posterior())?;
    }
    say_text!("{}", table(designer));
    Ok(designer.suggest())
}

fn parse(text: &str, experiment: &Experiment) -> Result<Line, String> {
    if let Some(word) = text.split_ascii_whitespace().find(|word| has_decimal_comma(word)) {
        return Err(format!(
            "{word:?}: the decimal sign is a point; two numbers are separated by a blank"
        ));
    }
    let words: Vec<&str> = text
        .split([' ', ',', '\t'])
        .filter(|word| !word.is_empty())
        .collect();
    let numbers = |words: &[&str]| -> Result<Vec<f64>, String> {
        let numbers = words.iter().map(|word| {
            word.parse()
                .map_err(|_| format!("{word:?} is not a number; see help"))
        });
        numbers.collect()
    };
    match words[..] {
        ["undo"] => Ok(Line::Undo),
        ["plot"] => Ok(Line::Plot),
        ["quit" | "exit"] => Ok(Line::Quit),
        [] | ["help"] => Ok(Line::Help),
        ["at", ref words @ ..] => {
            let (setting, expected) = (numbers(words)?, experiment.grid.knobs().len());
            match setting.len() == expected {
                true => Ok(Line::At(setting)),
                false => Err(format!("a setting has {expected} numbers, not {}", setting.len())),
            }
        }
        _ => {
            let (measured, channels) = (numbers(&words)?, experiment.channels());
            if matches!(experiment.noise, Noise::Unknown(_)) && measured.len() > channels {
                let taken = format!("takes {channels} and has its noise as a parameter");
                return Err(format!(
                    "{} numbers, where the experiment {taken}",
                    measured.len()
                ));
            }
            Ok(Line::Measured(measured))
        }
    }
}

fn unusable(error: &ReadlineError) -> Failure {
    Failure::new(failure::SYSTEM, format!("no prompt: {error}"))
}
