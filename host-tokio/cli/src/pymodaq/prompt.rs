//! `labwire pymodaq`: interactive commands, with history and completion.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use etcetera::BaseStrategy;
use labwire_core::pymodaq::Command as Order;
use labwire_tokio::ModuleController;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use super::control;
use crate::console::{note, refuse, say};
use crate::failure::{self, Failure, Outcome};
use crate::tls::TlsArguments;

#[derive(Debug, Parser)]
#[command(name = "", no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Control(control::Command),
    /// Leave. The modules keep running.
    #[command(alias = "exit")]
    Quit,
}

/// Completion of commands, options and names of modules.
struct Words {
    modules: Vec<String>,
}

type Lines = Editor<Words, FileHistory>;

pub(crate) async fn run(address: String, timeout: Duration, tls: &TlsArguments) -> Outcome {
    let controller = control::connect(&address, timeout, tls).await?;
    let unusable = |error: ReadlineError| Failure::new(failure::SYSTEM, format!("no prompt: {error}"));
    let mut lines = Lines::new().map_err(unusable)?;
    lines.set_helper(Some(Words {
        modules: names(&controller).await,
    }));
    let history = history_file();
    if let Some(file) = &history {
        // It does not exist before the first session.
        let _ = lines.load_history(file);
    }
    say!("connected to {address}; `help` lists the commands, Tab completes, Ctrl-C stops a move");
    let mut failed = 0;
    loop {
        let line;
        (line, lines) = read(lines).await?;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unusable(error)),
        };
        if line.trim().is_empty() {
            continue;
        }
        // Failure to save the history is not worth a message.
        let _ = lines.add_history_entry(&line);
        match parse(&line) {
            Ok(Command::Quit) => break,
            Ok(Command::Control(command)) => match control::carry_out(&controller, command).await {
                Ok(count) => failed += count,
                Err(error) => {
                    refuse(&error);
                    failed += 1;
                }
            },
            Err(message) => {
                note!("{message}");
                failed += 1;
            }
        }
        if let Some(words) = lines.helper_mut() {
            words.modules = names(&controller).await;
        }
    }
    if let Some(file) = &history {
        // Without it, the next session begins without a history.
        let _ = save_history(&mut lines, file);
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        failure::UNAVAILABLE.into()
    })
}

/// Reads a line on a thread that may block.
async fn read(mut lines: Lines) -> Result<(Result<String, ReadlineError>, Lines), Failure> {
    let reading = tokio::task::spawn_blocking(move || (lines.readline("pymodaq> "), lines));
    reading
        .await
        .map_err(|error| Failure::new(failure::SYSTEM, format!("no prompt: {error}")))
}

fn parse(line: &str) -> Result<Command, String> {
    let words = shlex::split(line).ok_or("a quotation mark is missing")?;
    let line = Line::try_parse_from(words).map_err(|error| error.to_string().trim_end().to_owned())?;
    Ok(line.command)
}

async fn names(controller: &ModuleController) -> Vec<String> {
    // Without an answer there is nothing to complete; the next command reports the error.
    let answers = controller.ask(Vec::new(), Order::List).await.unwrap_or_default();
    answers.into_iter().map(|answer| answer.module).collect()
}

/// File with the history: in the user's state directory, or where the system has none, in the data directory.
fn history_file() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("labwire").join("pymodaq-history"))
}

/// Writes the history as a whole.
fn save_history(lines: &mut Lines, file: &Path) -> rustyline::Result<()> {
    file.parent().map(std::fs::create_dir_all).transpose()?;
    let incomplete = file.with_extension("new");
    lines.save_history(&incomplete)?;
    Ok(std::fs::rename(incomplete, file)?)
}

impl Words {
    /// Possible completions of the last word of `line`.
    fn candidates(&self, line: &str) -> Vec<String> {
        let (before, word) = line.rsplit_once(' ').unwrap_or(("", line));
        let program = Line::command();
        let mut known: Vec<String> = Vec::new();
        match before.split_whitespace().next() {
            None => known.extend(
                program
                    .get_subcommands()
                    .map(|command| command.get_name().to_owned()),
            ),
            Some(name) => {
                let options = program
                    .find_subcommand(name)
                    .into_iter()
                    .flat_map(|command| command.get_arguments());
                known.extend(options.filter_map(|option| Some(format!("--{}", option.get_long()?))));
                known.extend(self.modules.iter().map(|module| quoted(module)));
            }
        }
        known.retain(|candidate| candidate.starts_with(word));
        known
    }
}

fn quoted(name: &str) -> String {
    shlex::try_quote(name).map_or_else(|_| name.to_owned(), |name| name.into_owned())
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = &line[..position];
        let start = line.rfind(' ').map_or(0, |space| space + 1);
        let pair = |word: String| Pair {
            display: word.clone(),
            replacement: word + " ",
        };
        Ok((start, self.candidates(line).into_iter().map(pair).collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands() {
        assert!(matches!(
            parse("move-abs 'left stage' -2.5"),
            Ok(Command::Control(control::Command::MoveAbs { module, value })) if module == "left stage" && value == -2.5
        ));
        assert!(matches!(
            parse("grab --every 1s --plot"),
            Ok(Command::Control(control::Command::Grab { .. }))
        ));
        assert!(matches!(parse("exit"), Ok(Command::Quit)));
        assert!(parse("grab 'left").unwrap_err().contains("quotation mark"));
        assert!(
            parse("fly")
                .unwrap_err()
                .contains("unrecognized subcommand 'fly'")
        );
        assert!(parse("help").unwrap_err().contains("move-abs"));
    }

    #[test]
    fn commands_options_and_modules_are_completed() {
        let words = Words {
            modules: vec!["camera".into(), "left stage".into()],
        };
        assert_eq!(words.candidates("mo"), ["move-abs", "move-rel"]);
        assert_eq!(words.candidates("grab c"), ["camera"]);
        assert_eq!(words.candidates("home l"), [] as [&str; 0]);
        assert_eq!(words.candidates("home 'l"), ["'left stage'"]);
        assert_eq!(words.candidates("grab --n"), ["--npy"]);
    }
}
