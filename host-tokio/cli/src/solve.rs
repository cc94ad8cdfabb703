//! `labwire solve`: solves a problem file once.

mod explain;
mod plot;
mod table;

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use labwire_core::open::{ErrorReply, RunReply, RunRequest, code};
use labwire_core::problem::{ProblemSolver, Solution, SolveError, StartOptions};
use labwire_core::service::Busy;
use labwire_core::service::optimizer::{add_sensitivities, refusal, run_reply};
use labwire_core::solve::Progress;
use labwire_tokio::Clock;

use self::explain::explain;
pub(crate) use self::explain::{HUGE, STIFF};
use self::plot::Trace;
use self::table::Table;
use crate::check::list;
use crate::common::{COMMAS, number, positive_seconds, read_file};
use crate::config::ConfigArgument;
use crate::console::{Stream, note};
use crate::failure::{self, Failure, Outcome};
use crate::{files, problem, result};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Problem file; `-` is standard input.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    run: RunArguments,
    /// Time limit of the solve, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = number)]
    solve_time: f64,
    /// Print a line per iteration: cost, infeasibility, residual, step, regularisation and kind of step.
    #[arg(short, long)]
    verbose: bool,
    /// Draw convergence and solution to this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Arguments of a solve.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// Parameters, one after the other: 1,10
    #[arg(
        short,
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    parameter: Vec<f64>,
    /// Initial guess, one number per variable.
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    initial_guess: Option<Vec<f64>>,
    /// Initial Lagrange multipliers, one per component of F1.
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        value_parser = number,
        allow_hyphen_values = true
    )]
    initial_lagrange_multipliers: Option<Vec<f64>>,
    /// Initial penalty.
    #[arg(long, value_name = "NUMBER", value_parser = number, allow_hyphen_values = true)]
    initial_penalty: Option<f64>,
    /// Add the derivatives of solution and multipliers with respect to the parameters, one column per parameter.
    #[arg(long)]
    sensitivities: bool,
}

impl RunArguments {
    fn start_options(&self) -> StartOptions<'_> {
        let mut options = StartOptions::default();
        options.initial_guess = self.initial_guess.as_deref();
        options.f1_multipliers = self.initial_lagrange_multipliers.as_deref();
        options.penalty = self.initial_penalty;
        options
    }

    pub(crate) fn request(&self, problem: Option<String>) -> RunRequest {
        let mut request = RunRequest::new(self.parameter.clone());
        request.initial_guess = self.initial_guess.clone();
        request.initial_lagrange_multipliers = self.initial_lagrange_multipliers.clone();
        request.initial_penalty = self.initial_penalty;
        request.problem = problem;
        request.sensitivities = self.sensitivities.then_some(true);
        request
    }
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.config.read()?;
    let text = read_file(&arguments.file)?;
    let file = arguments.file.display().to_string();
    let problem = problem::read(&arguments.file, &text, config.open.text_limits())?;
    let parameters = list(problem.parameters());
    let longest = positive_seconds("--solve-time", arguments.solve_time)?;
    let settings = problem.settings().clone().limit_duration(longest);
    let mut solver = ProblemSolver::with_settings(problem, settings)
        .map_err(|error| Failure::new(failure::DATA, format!("{file}: {error}")))?;
    let mut trace = arguments.plot.is_some().then(Trace::default);
    let table = arguments.verbose.then(Table::default);
    let solution = solve(&mut solver, &arguments.run, trace.as_mut(), table)
        .map_err(|error| refused(refusal(&error), &parameters))?;
    let explanation = explain(&solver, &arguments.run.parameter, &solution);
    let mut reply = run_reply(solution).map_err(|error| {
        let failure = refused(error, &parameters);
        match explanation.is_empty() {
            true => failure,
            false => failure.hint(explanation.join("\n      ")),
        }
    })?;
    if arguments.run.sensitivities {
        add_sensitivities(&mut reply, solver.sensitivities());
    }
    if let (Some(path), Some(trace)) = (&arguments.plot, &trace) {
        save_plot(path, trace, &reply)?;
    }
    let to = Stream::beside(&[&arguments.plot]);
    let status = result::print(reply, to);
    explanation.iter().for_each(|line| note!("{line}"));
    Ok(status)
}

/// Result of a solve; `trace` and `table` see every iteration.
fn solve(
    solver: &mut ProblemSolver,
    run: &RunArguments,
    mut trace: Option<&mut Trace>,
    mut table: Option<Table>,
) -> Result<Solution, SolveError> {
    let clock = Clock::start();
    solver.start(clock.now(), &run.parameter, &run.start_options())?;
    let mut display = LiveLine::new();
    let max_fuel = match (&trace, &table) {
        (None, None) => MAX_FUEL,
        _ => 1,
    };
    let mut fuel = 1;
    loop {
        let last = clock.now();
        let busy = solver.step(last, fuel)?;
        let progress = solver.progress();
        if let Some(trace) = &mut trace {
            trace.push(&progress);
        }
        if let Some(table) = &mut table {
            table.push(&progress, solver.solver().status());
        }
        if busy == Busy::No {
            break;
        }
        if table.is_none() {
            display.update(&progress);
        }
        // The duration of a unit is not known in advance.
        fuel = if clock.now() < last + GLANCE {
            (2 * fuel).min(max_fuel)
        } else {
            1
        };
    }
    display.bar.finish_and_clear();
    Ok(solver.finish(clock.now())?)
}

fn save_plot(path: &Path, trace: &Trace, reply: &RunReply) -> Result<(), Failure> {
    let unnamed = || vec![("solution".into(), reply.solution.clone())];
    let named = |(name, values): (&String, &Vec<f64>)| (line_name(reply, name), values.clone());
    let variables = match reply.variables.is_empty() {
        true => unnamed(),
        false => reply.variables.iter().map(named).collect(),
    };
    let unit = common_unit(reply);
    let drawn = plot::svg(trace, &variables, &unit).map_err(|error| Failure::new(failure::DATA, error))?;
    files::save(path, drawn)
}

/// Label or name of a part of the solution, with its unit.
fn line_name(reply: &RunReply, name: &str) -> String {
    let unit = reply.units.get(name).map(|unit| format!(" [{unit}]"));
    let shown = reply.labels.get(name).map_or(name, String::as_str);
    format!("{shown}{}", unit.unwrap_or_default())
}

/// The unit of all parts of the solution, in brackets; empty if they have none or several.
fn common_unit(reply: &RunReply) -> String {
    let mut units = reply.variables.keys().map(|name| reply.units.get(name));
    match units.next() {
        Some(Some(first)) if units.all(|unit| unit == Some(first)) => format!("[{first}]"),
        _ => String::new(),
    }
}

/// Largest number of evaluations between two looks at the clock, and the time they should take.
const MAX_FUEL: u32 = 64;
const GLANCE: Duration = Duration::from_millis(5);

fn refused(error: ErrorReply, parameters: &str) -> Failure {
    let code = error.code;
    let failure = Failure::replied(error);
    if code == code::PARAMETERS {
        failure.hint(format!(
            "the problem's parameters are {parameters}; -p takes their numbers: {COMMAS}"
        ))
    } else if code == code::INITIAL_GUESS {
        failure.hint(
            "--initial-guess takes a number for every decision variable; in a file, \"initial_guess\": 0.5 is one for all".to_owned(),
        )
    } else {
        failure
    }
}

/// Live line for a long solve, on a terminal only.
struct LiveLine {
    bar: ProgressBar,
    next: Instant,
}

impl LiveLine {
    fn new() -> Self {
        let bar = if stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            next: Instant::now() + Duration::from_millis(200),
        }
    }

    fn update(&mut self, progress: &Progress) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + Duration::from_millis(100);
        let nodes = progress.integers.map(|search| {
            let best = search
                .best
                .map_or("none yet".to_owned(), |best| format!("{best:.6e}"));
            format!("node {}  best {best}  ", search.nodes)
        });
        self.bar.set_message(format!(
            "{}iteration {}.{}  cost {:.6e}  residual {:.1e}  infeasibility {:.1e}  penalty {:.1e}",
            nodes.unwrap_or_default(),
            progress.counters.outer_iterations,
            progress.counters.inner_iterations,
            progress.cost,
            progress.residual,
            progress.violation,
            progress.penalty,
        ));
        self.bar.tick();
    }
}
