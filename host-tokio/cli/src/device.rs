//! `labwire device`: talk to lab devices, or emulate one.

mod console;
mod emulate;
mod sparkline;
mod target;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;
use labwire_core::device::{Dialect, OPTIONS};
use serde_json::{Value, json};
use target::Target;

use crate::common::block_on;
use crate::console::answer;
use crate::failure::Outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Without one, commands to the device are read line by line.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send commands. Prints the answers, if the dialect has any.
    Send {
        /// Commands, without line endings; escapes such as \x05 are understood.
        #[arg(required = true)]
        commands: Vec<String>,
    },
    /// Send queries and print the answers, one per line.
    Query {
        /// Queries, without line endings; escapes such as \x05 are understood.
        #[arg(required = true)]
        commands: Vec<String>,
        /// The queries may be repeated: send again if the connection is lost before the answer.
        #[arg(long)]
        idempotent: bool,
    },
    /// Send commands and queries, in order, on one connection: those with a question mark in their first word have an
    /// answer, which is printed.
    Talk {
        /// Commands and queries, without line endings; escapes such as \x05 are understood.
        #[arg(required = true)]
        commands: Vec<String>,
    },
    /// List the dialects, and the options that change them.
    Presets,
    /// Poll repeatedly; show a live line per query, write a table.
    Watch(watch::Arguments),
    /// Emulate a device.
    Emulate(Box<emulate::Arguments>),
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    block_on(async {
        let target = &arguments.target;
        let Some(command) = arguments.command else {
            return console::run(target).await;
        };
        match command {
            Command::Send { commands } => {
                let send = |command: &[u8]| target.preset.send(command);
                ask(target, &commands, false, send).await
            }
            Command::Query { commands, idempotent } => {
                let query = |command: &[u8]| target.preset.query(command);
                ask(target, &commands, idempotent, query).await
            }
            Command::Talk { commands } => {
                let talk = |command: &[u8]| target.preset.request(command);
                ask(target, &commands, false, talk).await
            }
            Command::Presets => {
                target.refuse_talk("presets")?;
                answer(|| presets().trim_end().to_owned(), presets_as_json);
                Ok(ExitCode::SUCCESS)
            }
            Command::Watch(arguments) => watch::run(target, arguments).await,
            Command::Emulate(arguments) => {
                target.refuse_talk("emulate")?;
                emulate::run(*arguments).await
            }
        }
    })
}

/// List of the dialects and options.
fn presets() -> String {
    let presets = Dialect::ALL.iter().map(|dialect| {
        let (name, port, about) = (dialect.name, dialect.port, dialect.about);
        format!("{name:10} {port:5}  {about}\n")
    });
    let options = OPTIONS
        .iter()
        .map(|(option, about)| format!("{option}\n    {about}\n"));
    let heads = [
        "preset      port  devices\n",
        "\noptions, as in scpi,end=crlf,echo\n",
    ];
    let [presets, options] = [presets.collect::<String>(), options.collect()];
    [heads[0], &presets, heads[1], &options].concat()
}

fn presets_as_json() -> Value {
    let presets = Dialect::ALL.iter().map(|dialect| {
        let (name, port, about) = (dialect.name, dialect.port, dialect.about);
        json!({"name": name, "port": port, "about": about})
    });
    let options = OPTIONS.iter();
    let options = options.map(|(option, about)| json!({"option": option, "about": about}));
    json!({"presets": presets.collect::<Vec<_>>(), "options": options.collect::<Vec<_>>()})
}

async fn ask(
    target: &Target,
    commands: &[String],
    idempotent: bool,
    request: impl Fn(&[u8]) -> Result<labwire_core::device::Request, labwire_core::device::DialectError>,
) -> Outcome {
    let requests = commands
        .iter()
        .map(|command| target.request(command, &request))
        .collect::<Result<Vec<_>, _>>()?;
    let device = target.open()?;
    let alone = target.alone()?;
    for (mut request, command) in requests.into_iter().zip(commands) {
        request.idempotent = idempotent;
        let reply = device
            .perform(request.alone_for(alone))
            .await
            .map_err(|error| target.failed(command, &error))?;
        target.print(command, &reply);
    }
    Ok(ExitCode::SUCCESS)
}
