//! `labwire obe`: the client's side of OptBayesExpt's protocol.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use labwire_core::obe::{ErrorReply, Limits, Measurement, Request, Sigma};
use labwire_core::python_json::{self, Object, Value, dumps, parse};
use labwire_tokio::{ObeClient, Tokio};

use crate::common::{block_on, resolve, seconds};
use crate::failure::{self, Failure, Outcome};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:61981"
    )]
    address: String,
    /// How long to wait for the reply, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0)]
    timeout: f64,
    #[command(subcommand)]
    command: Command,
}

/// The commands of OptBayesExpt's server, and labwire's own. Replies are printed as JSON.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask whether the server is there.
    Ready,
    /// All settings, a list for each knob.
    Getset,
    /// The particles, a list for each parameter.
    Getpar,
    /// The model's constants.
    Getcon,
    /// The particles' weights.
    Getwgt,
    /// The parameters' means.
    Getmean,
    /// The parameters' standard deviations.
    Getstd,
    /// The parameters' covariance matrix.
    Getcov,
    /// The setting of the highest utility.
    Optset,
    /// A setting drawn with a probability that grows with its utility.
    Goodset {
        /// How much it grows.
        #[arg(long)]
        pickiness: Option<f64>,
    },
    /// Report a measurement.
    Newdat {
        /// The setting, a number for each knob.
        #[arg(
            short,
            long,
            required = true,
            value_delimiter = ',',
            allow_hyphen_values = true
        )]
        x: Vec<f64>,
        /// The values, one for each channel.
        #[arg(
            short,
            long,
            required = true,
            value_delimiter = ',',
            allow_hyphen_values = true
        )]
        y: Vec<f64>,
        /// Their standard deviations: one for each channel, or one for all.
        #[arg(short, long, value_delimiter = ',')]
        s: Vec<f64>,
    },
    /// Begin again.
    Newrun {
        /// What the experiment takes, such as lolim=2.5; values are JSON, or else text.
        #[arg(value_name = "NAME=VALUE", value_parser = argument)]
        arguments: Vec<(String, Value)>,
    },
    /// How the run stands: effective sample size, entropy, resamplings, seed, warnings.
    Status,
    /// The utility of every setting.
    Utility,
    /// For each parameter, the ends of the interval that holds it.
    Interval {
        /// With this probability; 0.95 if not given.
        #[arg(long)]
        probability: Option<f64>,
    },
    /// What was measured.
    History,
    /// Take the last measurement back.
    Undo,
    /// Keep the posterior under a name, where the server keeps them.
    Save {
        /// The name.
        name: String,
    },
    /// Go on from a posterior that was kept.
    Load {
        /// The name.
        name: String,
    },
    /// End the server.
    Done,
    /// Send any message.
    Raw {
        /// As Python's json module reads it: NaN and Infinity are numbers.
        #[arg(value_parser = json)]
        json: Value,
    },
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    block_on(call(arguments))
}

async fn call(arguments: Arguments) -> Outcome {
    let address = arguments.address;
    let mut limits = Limits::default();
    limits.session.request_timeout = seconds("--timeout", arguments.timeout)?;
    let client = ObeClient::connect::<Tokio>(resolve(&address).await?, CONNECT_TIMEOUT, limits).await;
    let client = client.map_err(|error| Failure::unreachable(&address, &error))?;
    let reply = client.tcpcmd(message(arguments.command)).await;
    client.finish().await;
    let reply = reply.map_err(|error| Failure::new(failure::PROTOCOL, format!("{address}: {error}")))?;
    match ErrorReply::from_value(&reply) {
        Some(error) => Err(Failure::new(failure::DATA, format!("{address}: {error}"))),
        None => {
            println!("{}", dumps(&reply));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn message(command: Command) -> Value {
    Value::from(&match command {
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
        Command::Newrun { arguments } => Request::NewRun(arguments.into_iter().collect::<Object>()),
        Command::Status => Request::Status,
        Command::Utility => Request::Utility,
        Command::Interval { probability } => Request::Interval { probability },
        Command::History => Request::History,
        Command::Undo => Request::Undo,
        Command::Save { name } => Request::Save { name },
        Command::Load { name } => Request::Load { name },
        Command::Done => Request::Done,
        Command::Raw { json } => return json,
    })
}

fn json(text: &str) -> Result<Value, String> {
    parse(text.as_bytes(), &python_json::Limits::default()).map_err(|error| error.to_string())
}

fn argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE")?;
    Ok((name.to_owned(), json(value).unwrap_or_else(|_| value.into())))
}
