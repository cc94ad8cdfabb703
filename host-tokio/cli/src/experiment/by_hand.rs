//! `labwire experiment FILE by-hand`: suggests a setting, asks for the value measured there, and repeats.

use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use labwire_core::design::{Designer, Experiment, Noise};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde_json::json;

use super::trace::Trace;
use super::{check_model, designer, knobs, plot, setting, table};
use crate::common::{has_decimal_comma, read_file};
use crate::console::{answer, answer_text, is_json, note, refuse, say, say_text};
use crate::failure::{self, Failure, Outcome};
use crate::files::save;
use crate::standard::is_standard;

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
    if !is_json() {
        say!("{}; `help` lists the commands", experiment.name);
    }
    let mut by_hand = ByHand {
        trace: Trace::new("by hand", 0, &designer),
        x: designer.suggest(),
        designer,
        posterior: options.posterior.as_deref(),
    };
    let mut refused = 0;
    loop {
        check_model(&by_hand.designer)?;
        let number = by_hand.designer.history().len() + 1;
        answer(
            || format!("measurement {number}: {}", setting(&experiment, &by_hand.x)),
            || json!({"measurement": number, "setting": knobs(&experiment, &by_hand.x)}),
        );
        let line = match editor.readline("measured: ") {
            Ok(text) => {
                // Without a history, earlier lines cannot be recalled.
                let _ = editor.add_history_entry(&text);
                parse(&text, &experiment)
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(ended(refused)),
            // One line that is not text does not end a day of measuring.
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Err("the line is not in UTF-8; see help".to_owned())
            }
            Err(error) => return Err(unusable(&error)),
        };
        let done = match line {
            Ok(Line::Quit) => return Ok(ended(refused)),
            Ok(line) => by_hand.carry_out(line, &experiment)?,
            Err(message) => Err(message),
        };
        if let Err(message) = done {
            refused += 1;
            match is_json() {
                true => refuse(&Failure::new(failure::DATA, message)),
                false => note!("{message}"),
            }
        }
    }
}

struct ByHand<'a> {
    designer: Designer,
    trace: Trace,
    /// Next setting to measure at.
    x: Vec<f64>,
    posterior: Option<&'a Path>,
}

impl ByHand<'_> {
    /// Carries out a line, or says why it is refused. Fails if the posterior cannot be kept.
    fn carry_out(&mut self, line: Line, experiment: &Experiment) -> Result<Result<(), String>, Failure> {
        match line {
            Line::Quit => {}
            Line::Help => say!("{HELP}"),
            Line::Plot => {
                let name = &experiment.parameters[0].name;
                say_text!("{}", plot::terminal(&self.trace, name, None));
            }
            Line::At(setting) => self.x = setting,
            Line::Undo => {
                if let Err(error) = self.designer.undo() {
                    return Ok(Err(error.to_string()));
                }
                self.trace = Trace::new("by hand", 0, &self.designer);
                self.learned()?;
            }
            Line::Measured(numbers) => {
                let before = self.designer.num_warnings();
                let (values, sigma) = numbers.split_at(experiment.channels().min(numbers.len()));
                let sigma = (!sigma.is_empty()).then_some(sigma);
                if let Err(error) = self.designer.update(&self.x, values, sigma) {
                    return Ok(Err(error.to_string()));
                }
                let new = (self.designer.num_warnings() - before) as usize;
                let kept = self.designer.warnings().count();
                let new = self.designer.warnings().skip(kept.saturating_sub(new));
                new.for_each(|warning| note!("warning: {warning}"));
                self.trace.push(&self.designer);
                self.learned()?;
            }
        }
        Ok(Ok(()))
    }

    /// Saves and prints the posterior, and chooses the next setting.
    fn learned(&mut self) -> Result<(), Failure> {
        if let Some(path) = self.posterior {
            save(path, self.designer.posterior())?;
        }
        answer_text(|| table(&self.designer), || super::posterior(&self.designer));
        if let Some(why) = self.designer.ended().filter(|_| !is_json()) {
            say!("the experiment has reached its end: {why}");
        }
        self.x = self.designer.suggest();
        Ok(())
    }
}

/// Exit status after so many lines that were refused: a failure where nobody could correct them.
fn ended(refused: usize) -> ExitCode {
    match refused {
        1.. if !io::stdin().is_terminal() => failure::DATA.into(),
        _ => ExitCode::SUCCESS,
    }
}

/// Designer from an existing posterior, or from the priors.
pub(super) fn start(
    experiment: &Experiment,
    seed: u64,
    posterior: Option<&Path>,
) -> Result<Designer, Failure> {
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

fn parse(text: &str, experiment: &Experiment) -> Result<Line, String> {
    // Editors on Windows begin a file with it.
    let text = text.trim_start_matches('\u{feff}');
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
            if !experiment.noise.can_be_reported() && measured.len() > channels {
                let noise = match experiment.noise {
                    Noise::Unknown(_) => "has its noise as a parameter",
                    _ => "counts",
                };
                let taken = format!("takes {channels} and {noise}");
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
