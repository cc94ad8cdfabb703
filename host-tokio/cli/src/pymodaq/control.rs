//! Commands for the modules of a running server.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use labwire_core::pymodaq::{
    Answer, Command as Order, DataDim, Limits, ModuleAnswer, ModuleInfo, Setting, Settings,
};
use labwire_tokio::{ControlError, ModuleController};
use serde_json::json;

use super::output::{Destination, Output};
use super::refusal::{NOBODY, refuse};
use crate::common::number;
use crate::console::{answer, is_json, one_line, say};
use crate::failure::{self, Failure, Outcome};
use crate::tls::TlsArguments;

/// Commands for a server's modules. Names are those shown by `list`, or addresses.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the modules.
    List,
    /// Grab data, from several modules at once; without names, from all grabbers.
    Grab {
        /// Names of modules.
        modules: Vec<String>,
        /// Requested dimensionality, which a module may ignore.
        #[arg(long, value_name = "DIM")]
        dim: Option<Dim>,
        /// Grab repeatedly, at this interval: 1s, 200ms, 2min.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        every: Option<Duration>,
        /// Number of grabs. Default: one, or with --every until interrupted.
        #[arg(long, value_name = "NUMBER")]
        count: Option<usize>,
        #[command(flatten)]
        to: Destination,
    },
    /// Show the latest data, without grabbing.
    Last {
        /// Names of modules.
        modules: Vec<String>,
        #[command(flatten)]
        to: Destination,
    },
    /// Move to a position. An interrupt stops the move.
    MoveAbs {
        /// Name of the module.
        module: String,
        /// Position.
        #[arg(value_parser = number, allow_negative_numbers = true)]
        value: f64,
    },
    /// Move by a distance. An interrupt stops the move.
    MoveRel {
        /// Name of the module.
        module: String,
        /// Distance.
        #[arg(value_parser = number, allow_negative_numbers = true)]
        value: f64,
    },
    /// Move to the home position. An interrupt stops the move.
    Home {
        /// Name of the module.
        module: String,
    },
    /// Stop; without names, all actuators.
    Stop {
        /// Names of modules.
        modules: Vec<String>,
    },
    /// Show the position; without names, of all actuators.
    Position {
        /// Names of modules.
        modules: Vec<String>,
    },
    /// Change a setting.
    Set {
        /// Name of the module.
        module: String,
        /// Path of the setting: the names of its groups and its own name, separated by slashes.
        path: String,
        /// New value.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Show the settings of a module.
    Settings {
        /// Name of the module.
        module: String,
        /// Print the XML that the module sent.
        #[arg(long)]
        xml: bool,
    },
    /// Rename a module.
    Rename {
        /// Name of the module.
        module: String,
        /// New name.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Dim {
    #[value(name = "0D", alias = "0d")]
    Zero,
    #[value(name = "1D", alias = "1d")]
    One,
    #[value(name = "2D", alias = "2d")]
    Two,
    #[value(name = "ND", alias = "nd")]
    Many,
}

impl From<Dim> for DataDim {
    fn from(dim: Dim) -> Self {
        match dim {
            Dim::Zero => Self::Data0D,
            Dim::One => Self::Data1D,
            Dim::Two => Self::Data2D,
            Dim::Many => Self::DataND,
        }
    }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("min", 60.0), ("h", 3600.0), ("s", 1.0), ("", 1.0)];
    let (amount, scale) = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))
        .unwrap_or((text, &1.0));
    let seconds = number(amount)
        .map_err(|why| format!("{text} is not a time: {why}; expected one such as 200ms, 1s, 2min or 1h"))?;
    Duration::try_from_secs_f64(seconds * scale).map_err(|_| format!("{text} is too long to wait for"))
}

/// Connects, carries out one command, and prints the outcome.
pub(crate) async fn run(address: String, limits: &Limits, tls: &TlsArguments, command: Command) -> Outcome {
    let controller = connect(&address, limits, tls).await?;
    match carry_out(&controller, command).await? {
        0 => Ok(ExitCode::SUCCESS),
        _ => Ok(failure::UNAVAILABLE.into()),
    }
}

/// Connects to a server. Of the limits, `request-timeout` is the longest wait for an answer.
pub(crate) async fn connect(
    address: &str,
    limits: &Limits,
    tls: &TlsArguments,
) -> Result<ModuleController, Failure> {
    let connected = ModuleController::connect(tls.remote(address).await?, limits).await;
    connected.map_err(|error| {
        let failure = Failure::new(failure::UNAVAILABLE, error.to_string());
        match &error.error {
            ControlError::Connect(why) => {
                failure.hint_unless_tls(why, "start a server with `labwire pymodaq serve`")
            }
            other => failure.hint_about(&other.to_string()),
        }
    })
}

/// Carries out a command. Returns the number of modules that failed, after printing the failures.
pub(crate) async fn carry_out(controller: &ModuleController, command: Command) -> Result<usize, Failure> {
    let one = |module: String| vec![module];
    match command {
        Command::List => list(controller).await,
        Command::Grab {
            modules,
            dim,
            every,
            count,
            to,
        } => {
            let order = Order::Grab(dim.map(DataDim::from));
            let count = count.or(if every.is_some() { None } else { Some(1) });
            grab(controller, modules, order, every, count, &to).await
        }
        Command::Last { modules, to } => grab(controller, modules, Order::Last, None, Some(1), &to).await,
        Command::MoveAbs { module, value } => travel(controller, module, Order::MoveAbs(value)).await,
        Command::MoveRel { module, value } => travel(controller, module, Order::MoveRel(value)).await,
        Command::Home { module } => travel(controller, module, Order::Home).await,
        Command::Stop { modules } => simple(controller, modules, Order::Stop).await,
        Command::Position { modules } => simple(controller, modules, Order::Position).await,
        Command::Set { module, path, value } => {
            let path = path.split('/').map(str::to_owned).collect();
            simple(controller, one(module), Order::Set { path, value }).await
        }
        Command::Settings { module, xml } => settings(controller, module, xml).await,
        Command::Rename { module, name } => simple(controller, one(module), Order::Rename(name)).await,
    }
}

async fn ask(
    controller: &ModuleController,
    modules: Vec<String>,
    order: Order,
) -> Result<Vec<ModuleAnswer>, Failure> {
    controller.ask(modules, order).await.map_err(|error| {
        let code = match error.error {
            ControlError::Refused(_) => failure::DATA,
            _ => failure::UNAVAILABLE,
        };
        let failure = Failure::new(code, error.to_string()).hint_about(&error.error.to_string());
        match error.error {
            ControlError::TimedOut(_) => failure.hint("a longer time is given with --timeout"),
            _ => failure,
        }
    })
}

/// Prints the answer of each module. Returns the number of failures.
async fn simple(controller: &ModuleController, modules: Vec<String>, order: Order) -> Result<usize, Failure> {
    let answers = ask(controller, modules, order).await?;
    Ok(say(controller, &answers))
}

fn say(controller: &ModuleController, answers: &[ModuleAnswer]) -> usize {
    let server = controller.remote().name();
    let mut failed = 0;
    for ModuleAnswer { module, result } in answers {
        let name = one_line(module);
        match result {
            Ok(Answer::Position { value, units }) => answer(
                || {
                    format!("{name}: {value} {}", one_line(units))
                        .trim_end()
                        .to_owned()
                },
                || json!({"module": module, "position": value, "units": units}),
            ),
            Ok(Answer::Set { confirmed }) => answer(
                || match confirmed {
                    true => format!("{name}: set"),
                    false => format!("{name}: sent, not confirmed"),
                },
                || json!({"module": module, "confirmed": confirmed}),
            ),
            Ok(_) => answer(
                || format!("{name}: done"),
                || json!({"module": module, "done": true}),
            ),
            Err(error) => {
                refuse(server, Some(module), error);
                failed += 1;
            }
        }
    }
    if answers.is_empty() {
        refuse(server, None, NOBODY);
        failed += 1;
    }
    failed
}

async fn list(controller: &ModuleController) -> Result<usize, Failure> {
    let answers = ask(controller, Vec::new(), Order::List).await?;
    let modules: Vec<(&String, &ModuleInfo)> = answers
        .iter()
        .filter_map(|answer| match &answer.result {
            Ok(Answer::Info(info)) => Some((&answer.module, info)),
            _ => None,
        })
        .collect();
    if is_json() {
        let object = |(name, info): &(&String, &ModuleInfo)| {
            json!({
                "name": name, "kind": info.kind, "generation": info.generation, "address": info.address,
                "state": info.state, "seconds": info.seconds, "frames": info.frames, "last": info.last,
            })
        };
        let modules: Vec<_> = modules.iter().map(object).collect();
        say!("{}", json!({ "modules": modules }));
        return Ok(0);
    }
    say!(
        "{:<20} {:<9} {:<4} {:<9} {:>7}  {:<21} last",
        "name",
        "kind",
        "gen.",
        "state",
        "frames",
        "address"
    );
    for (name, info) in modules {
        say!(
            "{:<20} {:<9} {:<4} {:<9} {:>7}  {:<21} {}",
            one_line(name),
            info.kind,
            info.generation,
            info.state,
            info.frames,
            info.address,
            one_line(&info.last)
        );
    }
    Ok(0)
}

async fn settings(controller: &ModuleController, module: String, xml: bool) -> Result<usize, Failure> {
    let answers = ask(controller, vec![module], Order::Settings).await?;
    let Some(Ok(Answer::Settings(text))) = answers.first().map(|answer| &answer.result) else {
        return Ok(say(controller, &answers));
    };
    let settings = Settings::parse(text.as_str());
    match settings {
        Ok(settings) if is_json() && !xml => {
            let object = |setting: &Setting| {
                json!({
                    "path": setting.path.join("/"), "value": setting.value, "title": setting.title,
                    "kind": setting.kind, "read_only": setting.is_read_only,
                })
            };
            let settings: Vec<_> = settings.list().iter().map(object).collect();
            say!("{}", json!({ "settings": settings }));
        }
        Ok(settings) if !xml => {
            for setting in settings.list() {
                let note = if setting.is_read_only { ", read-only" } else { "" };
                say!(
                    "{} = {}  ({}, {}{note})",
                    one_line(&setting.path.join("/")),
                    one_line(&setting.value),
                    one_line(&setting.title),
                    one_line(&setting.kind)
                );
            }
        }
        _ => answer(|| text.to_string(), || json!({ "xml": text.to_string() })),
    }
    Ok(0)
}

/// Carries out a move, which an interrupt stops.
async fn travel(controller: &ModuleController, module: String, order: Order) -> Result<usize, Failure> {
    let moving = ask(controller, vec![module.clone()], order);
    tokio::pin!(moving);
    tokio::select! {
        answers = &mut moving => return Ok(say(controller, &answers?)),
        _ = tokio::signal::ctrl_c() => {}
    }
    ask(controller, vec![module], Order::Stop).await?;
    Ok(say(controller, &moving.await?))
}

async fn grab(
    controller: &ModuleController,
    modules: Vec<String>,
    order: Order,
    every: Option<Duration>,
    count: Option<usize>,
    to: &Destination,
) -> Result<usize, Failure> {
    let mut output = Output::new(to, every.is_some() || count != Some(1))?;
    let mut ticks = tokio::time::interval(
        every
            .unwrap_or(Duration::from_millis(1))
            .max(Duration::from_millis(1)),
    );
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = 0;
    let mut number = 0;
    while count.is_none_or(|count| number < count) {
        let grabbed = async {
            ticks.tick().await;
            ask(controller, modules.clone(), order.clone()).await
        };
        let answers = tokio::select! {
            answers = grabbed => answers?,
            _ = tokio::signal::ctrl_c() => break,
        };
        failed += output.take(controller.remote().name(), &answers, number)?;
        number += 1;
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let milliseconds = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(milliseconds("200ms"), Ok(200));
        assert_eq!(milliseconds("1.5s"), Ok(1500));
        assert_eq!(milliseconds("2min"), Ok(120_000));
        assert_eq!(milliseconds("1h"), Ok(3_600_000));
        assert_eq!(milliseconds("3"), Ok(3000));
        for text in ["", "s", "fast", "-1s", "1e300h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
