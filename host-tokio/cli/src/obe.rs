//! `labwire obe`: client of OptBayesExpt's protocol.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Subcommand};
use labwire_core::obe::{ErrorReply, Limits, Measurement, Request, RunName, Sigma};
use labwire_core::python_json::{self, Object, Value, dumps, parse};
use labwire_tokio::{ObeClient, Remote, Tokio};

use crate::common::{COMMAS, block_on, has_decimal_comma, number, positive_seconds};
use crate::console::say;
use crate::failure::{self, Failure, Outcome};
use crate::prompt::{self, Dialogue, Line, Said, Step, Words};
use crate::tls::TlsArguments;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Server address.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:61981"
    )]
    address: String,
    /// Time limit for the reply, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0, value_parser = number)]
    timeout: f64,
    /// Longest reply, in bytes, of any number of values. Default: 64 MiB, with two million values.
    #[arg(long, global = true, value_name = "NUMBER")]
    message_bytes: Option<usize>,
    /// Run to act on, by its name or number, instead of the default one; with `newrun`, the name of a run to begin beside
    /// it.
    #[arg(long, global = true, value_name = "RUN", value_parser = run_name)]
    run: Option<RunName>,
    #[command(flatten)]
    tls: TlsArguments,
    /// Without one, commands are read line by line.
    #[command(subcommand)]
    command: Option<Command>,
}

/// Commands of OptBayesExpt's server, and labwire's own. Replies are printed as JSON.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask whether the server is ready.
    Ready,
    /// All settings, one list per knob.
    Getset,
    /// Particles, one list per parameter.
    Getpar,
    /// Constants of the model.
    Getcon,
    /// Weights of the particles.
    Getwgt,
    /// Means of the parameters.
    Getmean,
    /// Standard deviations of the parameters.
    Getstd,
    /// Covariance matrix of the parameters.
    Getcov,
    /// Setting of highest utility.
    Optset,
    /// Setting drawn with a probability that increases with its utility.
    Goodset {
        /// Exponent of the utility.
        #[arg(long, value_parser = number)]
        pickiness: Option<f64>,
    },
    /// Report a measurement.
    Newdat {
        /// Setting, one number per knob.
        #[arg(
            short,
            long,
            required = true,
            value_delimiter = ',',
            value_parser = number,
            allow_hyphen_values = true
        )]
        x: Vec<f64>,
        /// Values, one per channel.
        #[arg(
            short,
            long,
            required = true,
            value_delimiter = ',',
            value_parser = number,
            allow_hyphen_values = true
        )]
        y: Vec<f64>,
        /// Standard deviations of the values: one per channel, or one for all.
        #[arg(short, long, value_delimiter = ',', value_parser = number)]
        s: Vec<f64>,
    },
    /// Start a new run in place of the default one, which is kept.
    Newrun {
        /// Arguments of the experiment, such as lolim=2.5; values are JSON, or else text.
        #[arg(value_name = "NAME=VALUE", value_parser = argument)]
        arguments: Vec<(String, Value)>,
    },
    /// State of the run: effective sample size, entropy, resamplings, seed, warnings.
    Status,
    /// Utility of every setting.
    Utility,
    /// The next settings together, for instruments that take a list of them.
    Batch {
        /// Number of settings.
        count: usize,
    },
    /// Credible interval of each parameter.
    Interval {
        /// Probability of the interval; 0.95 by default.
        #[arg(long, value_parser = number)]
        probability: Option<f64>,
    },
    /// All measurements.
    History,
    /// Undo the last measurement; directly after newrun or load, return to the run before.
    Undo,
    /// Runs that can be resumed, the one changed last at the end.
    Runs,
    /// Make another run the default one.
    Resume {
        /// Name or number of the run.
        #[arg(value_parser = run_name)]
        name: RunName,
    },
    /// Save the posterior under a name, in the server's folder.
    Save {
        /// Name of the posterior.
        name: String,
    },
    /// Start a new run from a saved posterior.
    Load {
        /// Name of the posterior.
        name: String,
    },
    /// End the server.
    Done,
    /// Send any message.
    Raw {
        /// The message, in the dialect of Python's json module: NaN and Infinity are numbers.
        #[arg(value_name = "JSON", value_parser = json)]
        message: Value,
    },
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    block_on(call(arguments))
}

async fn call(arguments: Arguments) -> Outcome {
    let mut limits = Limits::default();
    limits.session.request_timeout = positive_seconds("--timeout", arguments.timeout)?;
    if let Some(bytes) = arguments.message_bytes {
        limits.session.message_bytes = bytes;
        // More than there can be.
        limits.json.values = bytes;
    }
    let calls = Calls {
        remote: arguments.tls.remote(&arguments.address).await?,
        address: arguments.address,
        limits,
        run: arguments.run,
    };
    match arguments.command {
        Some(command) => calls.call(command, calls.run.clone()).await,
        None => {
            // Before the first line is typed.
            calls.ask(Value::from(&Request::Ready)).await?;
            let greeting = format!(
                "connected to {}; `help` lists the commands, Tab completes",
                calls.address
            );
            prompt::run(calls, &greeting).await
        }
    }
}

/// Calls of one server.
struct Calls {
    address: String,
    remote: Remote,
    limits: Limits,
    /// Run to act on.
    run: Option<RunName>,
}

impl Calls {
    async fn ask(&self, message: Value) -> Result<Value, Failure> {
        let (remote, limits) = (self.remote.clone(), self.limits.clone());
        let client = ObeClient::connect::<Tokio>(remote, CONNECT_TIMEOUT, limits).await;
        let client = client.map_err(|error| Failure::unreachable(&error))?;
        let reply = client.tcpcmd(message).await;
        client.finish().await;
        let reply = reply.map_err(|error| Failure::no_reply(&error))?;
        match ErrorReply::from_value(&reply) {
            Some(error) => {
                let address = &self.address;
                Err(Failure::new(failure::DATA, format!("{address}: {error}")))
            }
            None => Ok(reply),
        }
    }

    async fn call(&self, command: Command, run: Option<RunName>) -> Outcome {
        let is_list = matches!(command, Command::Runs);
        let has_lists = command.has_lists();
        let reply = self.ask(message(command, run)?).await;
        let reply = reply.map_err(|failure| match has_lists && failure.code == failure::DATA {
            true => failure.hint(COMMAS),
            false => failure,
        })?;
        match reply.as_list().filter(|_| is_list) {
            // A line each.
            Some(runs) => say!("[{}]", runs.iter().map(dumps).collect::<Vec<_>>().join(",\n ")),
            None => say!("{}", dumps(&reply)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Command of a line, for a run.
#[derive(Debug, Subcommand)]
enum LineCommand {
    #[command(flatten)]
    Known(Command),
    /// Act on a run from now on; without a name, on the default one.
    Run {
        /// Name or number of the run.
        #[arg(value_parser = run_name)]
        name: Option<RunName>,
    },
}

impl Dialogue for Calls {
    const NAME: &'static str = "obe";

    async fn carry_out(&mut self, line: &str) -> Result<Step, Failure> {
        match Line::<LineCommand>::parse_line(line)? {
            Said::Only(step) => return Ok(step),
            Said::Command(LineCommand::Run { name }) => self.run = name,
            Said::Command(LineCommand::Known(command)) => {
                let is_of_server = command.is_of_server();
                let run = self.run.clone().filter(|_| !is_of_server);
                prompt::unless_interrupted(self.call(command, run)).await?;
            }
        }
        Ok(Step::Done)
    }

    async fn words(&mut self) -> Words {
        // Without an answer there is nothing to complete; the next command reports the error.
        let runs = self.ask(Value::from(&Request::Runs)).await.ok();
        let runs = runs.as_ref().and_then(Value::as_list).unwrap_or_default();
        let runs: Vec<String> = runs.iter().filter_map(name_of).collect();
        let next = move |before: &[String]| match before {
            [command] if command == "run" || command == "resume" => runs.clone(),
            _ => Vec::new(),
        };
        Words::of_commands(Line::<LineCommand>::command(), Box::new(next))
    }
}

impl Command {
    /// Whether numbers were given with commas between them.
    fn has_lists(&self) -> bool {
        matches!(self, Self::Newdat { x, y, s } if [x, y, s].iter().any(|numbers| numbers.len() > 1))
    }

    /// Whether the command is about no run.
    fn is_of_server(&self) -> bool {
        matches!(self, Self::Ready | Self::Done | Self::Runs | Self::Resume { .. })
    }
}

fn message(command: Command, run: Option<RunName>) -> Result<Value, Failure> {
    if run.is_some() && command.is_of_server() {
        let why = "--run: this command is about no run";
        return Err(Failure::new(failure::USAGE, why));
    }
    let request = match command {
        Command::Ready => Request::Ready,
        Command::Getset => Request::Settings,
        Command::Getpar => Request::Particles,
        Command::Getcon => Request::Constants,
        Command::Getwgt => Request::Weights,
        Command::Getmean => Request::Mean,
        Command::Getstd => Request::StandardDeviation,
        Command::Getcov => Request::Covariance,
        Command::Optset => Request::OptimalSetting,
        Command::Goodset { pickiness } => Request::GoodSetting { pickiness },
        Command::Newdat { x, y, s } => {
            let s = match s[..] {
                [] => None,
                [s] => Some(Sigma::Every(s)),
                _ => Some(Sigma::PerChannel(s)),
            };
            Request::NewData(Measurement { x, y, s })
        }
        Command::Newrun { arguments } => {
            let mut arguments: Object = arguments.into_iter().collect();
            if let Some(run) = &run {
                arguments.insert("run", run);
            }
            return Ok(Value::from(&Request::NewRun(arguments)));
        }
        Command::Status => Request::Status,
        Command::Utility => Request::Utility,
        Command::Batch { count } => Request::Batch { count },
        Command::Interval { probability } => Request::Interval { probability },
        Command::History => Request::History,
        Command::Undo => Request::Undo,
        Command::Runs => Request::Runs,
        Command::Resume { name } => Request::Resume { run: name },
        Command::Save { name } => Request::Save { name },
        Command::Load { name } => Request::Load { name },
        Command::Done => Request::Done,
        Command::Raw { message } => return Ok(message),
    };
    Ok(Value::from(&match run {
        None => request,
        Some(run) => Request::Of {
            run,
            request: Box::new(request),
        },
    }))
}

fn run_name(text: &str) -> Result<RunName, String> {
    RunName::try_from(&Value::from(text)).map_err(|error| error.message)
}

fn json(text: &str) -> Result<Value, String> {
    parse(text.as_bytes(), &python_json::Limits::default()).map_err(|error| error.to_string())
}

fn argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value = match json(value) {
        Ok(value) => value,
        // No argument of an experiment is a list.
        Err(_) if has_decimal_comma(value) => Value::Float(number(value)?),
        Err(_) => value.into(),
    };
    Ok((name.to_owned(), value))
}

/// Name of a run in the server's list, or else its number.
fn name_of(entry: &Value) -> Option<String> {
    let fields = entry.as_object()?;
    match fields.get("name").and_then(Value::as_str) {
        Some(name) => Some(name.to_owned()),
        None => fields.get("run").map(dumps),
    }
}
