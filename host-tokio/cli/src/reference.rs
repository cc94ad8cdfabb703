//! `labwire schema` and `labwire help`: what files may hold, from the tables that their readers use.

mod config;
mod help;
mod schema;
mod topics;

use std::process::ExitCode;

use clap::CommandFactory;
use serde_json::json;

use crate::console::{answer_text, say_text};
use crate::failure::{self, Failure, Outcome, did_you_mean};

pub(crate) use topics::topic_names;

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArguments {
    /// Kind of file.
    #[arg(value_enum)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Problem files.
    Problem,
    /// Experiment files.
    Experiment,
    /// Configuration files.
    Config,
}

/// Prints a JSON Schema.
pub(crate) fn print_schema(arguments: &SchemaArguments) -> Outcome {
    let schema = match arguments.format {
        Format::Problem => schema::of("Problem file of labwire", &labwire_core::problem::keys::FILE),
        Format::Experiment => schema::of("Experiment file of labwire", &labwire_core::design::keys::FILE),
        Format::Config => config::schema(),
    };
    say_text!("{schema:#}\n");
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, clap::Args)]
pub(crate) struct HelpArguments {
    /// A command, or one of: problem, ocp, sets, solver, experiment, priors, settings, options, functions, config.
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
    /// Print Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Prints a topic, or the help of a command.
pub(crate) fn print_help<Cli: CommandFactory>(arguments: &HelpArguments) -> Outcome {
    let mut command = Cli::command();
    command.build();
    let mut command = &mut command;
    if let [name] = &arguments.topic[..]
        && let Some(topic) = topics::find(name)
    {
        let text = || help::render(topic, arguments.markdown);
        answer_text(text, || json!({"topic": name, "text": text()}));
        return Ok(ExitCode::SUCCESS);
    }
    for name in &arguments.topic {
        let commands: Vec<String> = command
            .get_subcommands()
            .map(|known| known.get_name().to_owned())
            .collect();
        command = match command.find_subcommand_mut(name) {
            Some(command) => command,
            None => return Err(unknown(name, &commands)),
        };
    }
    let text = command.render_long_help().to_string();
    answer_text(
        || text.clone(),
        || json!({"topic": arguments.topic.join(" "), "text": text}),
    );
    Ok(ExitCode::SUCCESS)
}

fn unknown(name: &str, commands: &[String]) -> Failure {
    let known = topic_names().chain(commands.iter().map(String::as_str));
    Failure::new(failure::USAGE, format!("there is no help about `{name}`")).hint(did_you_mean(name, known))
}
