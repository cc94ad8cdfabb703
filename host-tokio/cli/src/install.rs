//! `labwire completions` and `labwire man`: what a shell and `man` know of the program, from its own command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::console::{answer, answer_text};
use crate::failure::{Failure, Outcome};
use crate::files::save;
use crate::standard::is_standard;

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArguments {
    /// Shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a script that makes a shell complete commands, options and their values.
pub(crate) fn print_completions<Cli: CommandFactory>(arguments: &CompletionsArguments) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "labwire", &mut script);
    let script = String::from_utf8_lossy(&script);
    let shell = arguments.shell.to_string();
    answer_text(
        || script.to_string(),
        || json!({"shell": shell, "script": script}),
    );
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArguments {
    /// Folder for the manual pages, which is created if need be; `-` prints that of `labwire` itself.
    folder: PathBuf,
}

/// Writes a manual page per command.
pub(crate) fn write_man<Cli: CommandFactory>(arguments: &ManArguments) -> Outcome {
    let folder = &arguments.folder;
    let mut command = Cli::command();
    command.build();
    if is_standard(folder) {
        save(folder, page(&command, folder)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, &error))?;
    let mut written = Vec::new();
    write_pages(&command, folder, &mut written)?;
    let count = written.len();
    answer(
        || format!("{count} manual pages in {}", folder.display()),
        || json!({"folder": folder.display().to_string(), "pages": written}),
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of a command and of those below it; adds their names to `written`.
fn write_pages(command: &Command, folder: &Path, written: &mut Vec<String>) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let file = format!("{name}.1");
    let path = folder.join(&file);
    save(&path, page(command, &path)?)?;
    written.push(file);
    command
        .get_subcommands()
        // Those that clap adds below commands would double all the others.
        .filter(|below| {
            !below.is_hide_set() && (below.get_name() != "help" || command.get_name() == "labwire")
        })
        .try_for_each(|below| write_pages(below, folder, written))
}

fn page(command: &Command, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut page);
    rendered.map_err(|error| Failure::writing(path, &error))?;
    Ok(page)
}
