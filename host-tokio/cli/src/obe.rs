//! `labwire obe`: client of OptBayesExpt's protocol.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use labwire_core::obe::{ErrorReply, Limits, Measurement, Request, RunName, Sigma};
use labwire_core::python_json::{self, Object, Value, dumps, parse};
use labwire_tokio::{ObeClient, Tokio};

use crate::common::{block_on, number, positive_seconds};
use crate::console::say;
use crate::failure::{self, Failure, Outcome};
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
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0)]
    timeout: f64,
    /// Run to act on, by its name or number, instead of the default one; with `newrun`, the name of a run to begin beside
    /// it.
    #[arg(long, global = true, value_name = "RUN", value_parser = run_name)]
    run: Option<RunName>,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(subcommand)]
    command: Command,
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
        #[arg(long)]
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
        #[arg(long)]
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
        #[arg(value_parser = json)]
        json: Value,
    },
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    block_on(call(arguments))
}

async fn call(arguments: Arguments) -> Outcome {
    let address = arguments.address;
    let is_list = matches!(arguments.command, Command::Runs);
    let message = message(arguments.command, arguments.run)?;
    let mut limits = Limits::default();
    limits.session.request_timeout = positive_seconds("--timeout", arguments.timeout)?;
    let remote = arguments.tls.remote(&address).await?;
    let client = ObeClient::connect::<Tokio>(remote, CONNECT_TIMEOUT, limits).await;
    let client = client.map_err(|error| Failure::unreachable(&error))?;
    let reply = client.tcpcmd(message).await;
    client.finish().await;
    let reply = reply.map_err(|error| Failure::no_reply(&error))?;
    match ErrorReply::from_value(&reply) {
        Some(error) => Err(Failure::new(failure::DATA, format!("{address}: {error}"))),
        None => {
            match reply.as_list().filter(|_| is_list) {
                // A line each.
                Some(runs) => say!("[{}]", runs.iter().map(dumps).collect::<Vec<_>>().join(",\n ")),
                None => say!("{}", dumps(&reply)),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn message(command: Command, run: Option<RunName>) -> Result<Value, Failure> {
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
        Command::Raw { json } => return Ok(json),
    };
    let is_of_server = matches!(
        request,
        Request::Ready | Request::Done | Request::Runs | Request::Resume { .. }
    );
    match run {
        None => Ok(Value::from(&request)),
        Some(_) if is_of_server => Err(Failure::new(
            failure::USAGE,
            "--run: this command is about no run",
        )),
        Some(run) => Ok(Value::from(&Request::Of {
            run,
            request: Box::new(request),
        })),
    }
}

fn run_name(text: &str) -> Result<RunName, String> {
    RunName::try_from(&Value::from(text)).map_err(|error| error.message)
}

fn json(text: &str) -> Result<Value, String> {
    parse(text.as_bytes(), &python_json::Limits::default()).map_err(|error| error.to_string())
}

fn argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), json(value).unwrap_or_else(|_| value.into())))
}
