//! Commands line by line, with history and completion: on a terminal, or from a pipe.

mod words;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use labwire_tokio::replace_file;
use rustyline::Editor;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use serde_json::json;

use crate::console::{self, answer_text, is_json, refuse, say};
use crate::failure::{self, Failure, Outcome};
use crate::serve::state_folder;

pub(crate) use words::{Next, Words};

/// What talks with the user.
pub(crate) trait Dialogue {
    /// Name before the cursor, and of the history.
    const NAME: &'static str;

    /// Carries out a line.
    ///
    /// # Errors
    /// If it is refused. The dialogue goes on.
    async fn carry_out(&mut self, line: &str) -> Result<Step, Failure>;

    /// Words to complete the next line with.
    async fn words(&mut self) -> Words;
}

/// What follows a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next line.
    Done,
    /// The next line, after a failure that has been told.
    Failed,
    /// Nothing.
    Quit,
}

/// Line of a prompt whose commands are those of a program.
#[derive(Debug, Parser)]
#[command(name = "", no_binary_name = true, disable_help_flag = true)]
pub(crate) struct Line<C: Subcommand> {
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: LineCommand<C>,
}

#[derive(Debug, Subcommand)]
enum LineCommand<C: Subcommand> {
    #[command(flatten)]
    Known(C),
    /// Leave; what is connected stays as it is.
    #[command(alias = "exit")]
    Quit,
}

/// What a line says.
#[derive(Debug)]
pub(crate) enum Said<C> {
    /// A command to carry out.
    Command(C),
    /// Nothing more than this.
    Only(Step),
}

impl<C: Subcommand> Line<C> {
    /// What a line says; help has been printed.
    pub(crate) fn parse_line(line: &str) -> Result<Said<C>, Failure> {
        let refused = |why: String| Failure::new(failure::USAGE, why);
        let words = shlex::split(line).ok_or_else(|| refused("a quotation mark is missing".to_owned()))?;
        let line = match Self::try_parse_from(words) {
            Ok(line) => line,
            Err(help) if !help.use_stderr() => {
                answer_text(|| help.to_string(), || json!({"text": help.to_string()}));
                return Ok(Said::Only(Step::Done));
            }
            Err(error) => {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                return Err(refused(text.trim_end().to_owned()));
            }
        };
        if line.json {
            console::answer_in_json(true);
        }
        Ok(match line.command {
            LineCommand::Known(command) => Said::Command(command),
            LineCommand::Quit => Said::Only(Step::Quit),
        })
    }
}

type Lines = Editor<Words, FileHistory>;

/// Carries out lines until there are no more. The status is a failure if one of them failed.
pub(crate) async fn run<D: Dialogue>(mut dialogue: D, greeting: &str) -> Outcome {
    let mut lines = Lines::new().map_err(unusable)?;
    lines.set_helper(Some(dialogue.words().await));
    let history = state_folder(&format!("{}-history", D::NAME));
    if let Some(file) = &history {
        // It does not exist before the first session.
        let _ = lines.load_history(file);
    }
    let in_json = is_json();
    if !in_json {
        say!("{greeting}");
    }
    let mut has_failed = false;
    loop {
        let line;
        (line, lines) = read(lines, format!("{}> ", D::NAME)).await?;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            // One line that is not text does not end what the others are for.
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                refuse(&Failure::new(failure::USAGE, "the line is not in UTF-8"));
                has_failed = true;
                continue;
            }
            Err(error) => return Err(unusable(error)),
        };
        // Editors on Windows begin a file with it.
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        // Failure to save the history is not worth a message.
        let _ = lines.add_history_entry(line);
        let step = dialogue.carry_out(line).await.unwrap_or_else(|failure| {
            refuse(&failure);
            Step::Failed
        });
        // A line may have asked for it for itself.
        console::answer_in_json(in_json);
        has_failed |= step == Step::Failed;
        if step == Step::Quit {
            break;
        }
        lines.set_helper(Some(dialogue.words().await));
    }
    if let Some(file) = &history {
        // Without it, the next session begins without a history.
        let _ = save_history(&lines, file);
    }
    Ok(match has_failed {
        false => ExitCode::SUCCESS,
        true => failure::UNAVAILABLE.into(),
    })
}

/// Result of a call; an interrupt ends the waiting, and not the program.
pub(crate) async fn unless_interrupted<T>(
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        result = call => result,
        _ = tokio::signal::ctrl_c() => {
            let why = "interrupted; what was asked for may still be carried out";
            Err(Failure::new(failure::UNAVAILABLE, why))
        }
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::new(failure::SYSTEM, format!("no prompt: {error}"))
}

/// Reads a line on a thread that may block.
async fn read(mut lines: Lines, prompt: String) -> Result<(Result<String, ReadlineError>, Lines), Failure> {
    let reading = tokio::task::spawn_blocking(move || (lines.readline(prompt.as_str()), lines));
    reading
        .await
        .map_err(|error| Failure::new(failure::SYSTEM, format!("no prompt: {error}")))
}

/// Writes the history as a whole.
fn save_history(lines: &Lines, file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // As rustyline reads it. A line has no end inside.
    let entries = lines.history().iter();
    let entries = entries.map(|line| line.replace('\\', "\\\\") + "\n");
    replace_file(
        file,
        ("#V2\n".to_owned() + &entries.collect::<String>()).as_bytes(),
    )
}
