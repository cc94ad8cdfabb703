//! `labwire open`: client of OpEn's protocol.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Subcommand};
use labwire_core::open::code;
use labwire_tokio::{ClientSettings, OptimizerClient};
use serde_json::json;

use crate::common::{COMMAS, block_on, number, positive_seconds, read_file};
use crate::console::{Stream, answer};
use crate::failure::{Failure, Outcome};
use crate::prompt::{self, Dialogue, Line, Said, Step, Words};
use crate::result;
use crate::solve::RunArguments;
use crate::tls::TlsArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Server address.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:4598"
    )]
    address: String,
    /// Time limit for the reply, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0, value_parser = number)]
    timeout: f64,
    /// Longest reply, in bytes.
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 64 << 20)]
    message_bytes: usize,
    #[command(flatten)]
    tls: TlsArguments,
    /// Without one, commands are read line by line.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask whether the server is ready.
    Ping {
        /// Number that the server returns.
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        number: i32,
    },
    /// Solve the server's problem. The exit status is 0 only if the solve converged.
    Run {
        #[command(flatten)]
        run: RunArguments,
        /// Name of the problem, if several are loaded.
        #[arg(long)]
        problem: Option<String>,
        /// Milliseconds from the arrival of the request after which the result is of no use: a solve that takes longer
        /// ends with its best point, one whose turn comes later with error 2108.
        #[arg(long, value_name = "MILLISECONDS", value_parser = positive)]
        max_solve_time: Option<f64>,
    },
    /// Load a problem file onto the server, if it permits that.
    Load {
        /// Problem file; `-` is standard input.
        file: PathBuf,
    },
    /// End the server.
    Kill {
        /// Number for the server's log.
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        number: i32,
    },
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    block_on(call(arguments))
}

fn positive(text: &str) -> Result<f64, String> {
    let number = number(text)?;
    match number > 0.0 && number.is_finite() {
        true => Ok(number),
        false => Err(format!("{text} is not a positive number")),
    }
}

async fn call(arguments: Arguments) -> Outcome {
    let Arguments {
        address,
        timeout,
        message_bytes,
        tls,
        command,
    } = arguments;
    let mut options = ClientSettings::default();
    options.limits.request_timeout = positive_seconds("--timeout", timeout)?;
    options.limits.message_bytes = message_bytes;
    let client = OptimizerClient::connect(tls.remote(&address).await?, options);
    let client = client.await.map_err(|error| Failure::call(&error))?;
    let mut calls = Calls {
        address,
        client,
        problems: Vec::new(),
    };
    match command {
        Some(command) => calls.call(command).await,
        None => {
            let greeting = format!(
                "calls go to {}; `help` lists the commands, Tab completes",
                calls.address
            );
            prompt::run(calls, &greeting).await
        }
    }
}

/// Calls of one server.
struct Calls {
    address: String,
    client: OptimizerClient,
    /// Names of the problems that were loaded.
    problems: Vec<String>,
}

impl Calls {
    async fn call(&mut self, command: Command) -> Outcome {
        let Self {
            address,
            client,
            problems,
        } = self;
        let failed = |error| Failure::call(&error);
        match command {
            Command::Ping { number } => {
                let start = Instant::now();
                let pong = client.ping(number).await.map_err(failed)?;
                let milliseconds = start.elapsed().as_secs_f64() * 1e3;
                answer(
                    || format!("{address} answers {pong} after {milliseconds:.3} ms"),
                    || json!({"type": "Pong", "number": pong, "milliseconds": milliseconds}),
                );
                Ok(ExitCode::SUCCESS)
            }
            Command::Run {
                run,
                problem,
                max_solve_time,
            } => {
                let mut request = run.request(problem);
                request.max_solve_time_ms = max_solve_time;
                // A single number with a decimal comma is taken for two.
                let is_list = request.parameter.len() > 1;
                let reply = client.run(request).await.map_err(|error| match failed(error) {
                    failure if is_list && failure.reply_code == Some(code::PARAMETERS) => {
                        failure.hint(COMMAS)
                    }
                    failure => failure,
                })?;
                Ok(result::print(reply, Stream::Output))
            }
            Command::Load { file } => {
                let name = client.load(read_file(&file)?).await.map_err(failed)?;
                answer(
                    || format!("{address} has loaded `{name}`"),
                    || json!({"type": "Loaded", "name": name}),
                );
                problems.push(name);
                Ok(ExitCode::SUCCESS)
            }
            Command::Kill { number } => {
                client.kill(number).await.map_err(failed)?;
                answer(
                    || format!("{address} is shutting down"),
                    || json!({"type": "Done", "address": address}),
                );
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl Dialogue for Calls {
    const NAME: &'static str = "open";

    async fn carry_out(&mut self, line: &str) -> Result<Step, Failure> {
        let command = match Line::<Command>::parse_line(line)? {
            Said::Command(command) => command,
            Said::Only(step) => return Ok(step),
        };
        let status = prompt::unless_interrupted(self.call(command)).await?;
        Ok(match status == ExitCode::SUCCESS {
            true => Step::Done,
            false => Step::Failed,
        })
    }

    async fn words(&mut self) -> Words {
        let problems = self.problems.clone();
        let next = move |before: &[String]| match before.last() {
            Some(last) if last == "--problem" => problems.clone(),
            _ => Vec::new(),
        };
        Words::of_commands(Line::<Command>::command(), Box::new(next))
    }
}
