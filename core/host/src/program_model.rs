//! Models that a program computes: it reads lines of settings and parameters, and answers each with a line of predictions.
//!
//! ```text
//! > {"t": [0.0, 0.5], "k": [1.2, 1.3]}
//! < [1.0, 0.52]
//! ```
//! A line holds many points, a list of numbers per knob and parameter. The answer is a list of as many numbers, or for several
//! channels, a list of such lists; `null` and `NaN` are values that cannot be computed.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use labwire_core::design::{Model, ModelProgram, Points};
use labwire_core::python_json::{Limits, Object, Value, dumps, parse};

use crate::process;

/// Number of points of a line.
const POINTS: usize = 4096;
/// Longest text of a number in an answer, in bytes, and of an answer besides its numbers.
const NUMBER_BYTES: usize = 64;
const OTHER_BYTES: usize = 4096;
/// Operations that an evaluation counts for: a program takes about as long.
const OPERATIONS: usize = 1000;

/// Model that a program computes. Clones share the program, which is started by the first evaluation and ended with the last
/// clone. After a fault it is not started again.
#[derive(Clone, Debug)]
pub(crate) struct ProgramModel {
    program: ModelProgram,
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    fault: Option<String>,
}

/// Program, and the thread that talks to it.
#[derive(Debug)]
struct Running {
    child: Child,
    lines: Sender<(String, usize)>,
    answers: Receiver<Result<String, String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

impl ProgramModel {
    pub(crate) fn new(program: ModelProgram, folder: &Path) -> Self {
        Self {
            program,
            folder: folder.into(),
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Predictions for points `start` to `start + count`, channel by channel.
    fn ask(&self, state: &mut State, line: String, count: usize) -> Result<Vec<f64>, String> {
        if state.running.is_none() {
            state.running = Some(self.start()?);
        }
        let Some(running) = &mut state.running else {
            return Err("it is not running".into());
        };
        let channels = self.program.channels;
        let bytes = OTHER_BYTES.saturating_add(count.saturating_mul(channels).saturating_mul(NUMBER_BYTES));
        // If its thread has ended, there is an answer that says why.
        let _ = running.lines.send((line, bytes));
        let answer = match running.answers.recv_timeout(self.program.time_limit) {
            Ok(answer) => answer?,
            Err(RecvTimeoutError::Timeout) => {
                let limit = self.program.time_limit;
                return Err(format!(
                    "no answer within {limit:?} (`time_limit`); an answer must be flushed"
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Err("it has ended".into()),
        };
        numbers(&answer, channels, count)
    }

    fn start(&self) -> Result<Running, String> {
        let (name, arguments) = self.program.command.split_first().ok_or("it has no name")?;
        let folder = match self.folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &self.folder,
        };
        let is_beside = name.contains(['/', '\\']);
        let path = match (is_beside, std::path::absolute(folder)) {
            (true, Ok(folder)) => folder.join(name),
            _ => name.into(),
        };
        let mut command = Command::new(path);
        process::lead_a_group(&mut command);
        let mut child = command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no input or output".into());
        };
        let (lines, to_write) = channel();
        let (read, answers) = channel();
        thread::Builder::new()
            .name("model".into())
            .spawn(move || talk(input, BufReader::new(output), &to_write, &read))
            .map_err(|error| format!("there is no thread for it: {error}"))?;
        Ok(Running {
            child,
            lines,
            answers,
        })
    }
}

/// Writes lines and reads the answers, until one of the two ends.
fn talk(
    mut input: ChildStdin,
    mut output: BufReader<ChildStdout>,
    lines: &Receiver<(String, usize)>,
    answers: &Sender<Result<String, String>>,
) {
    for (line, bytes) in lines {
        let answer = exchange(&mut input, &mut output, &line, bytes);
        let failed = answer.is_err();
        if answers.send(answer).is_err() || failed {
            return;
        }
    }
}

fn exchange(
    input: &mut ChildStdin,
    output: &mut BufReader<ChildStdout>,
    line: &str,
    bytes: usize,
) -> Result<String, String> {
    let written = input.write_all(line.as_bytes()).and_then(|()| input.flush());
    let mut answer = Vec::new();
    let read = output.take(bytes as u64).read_until(b'\n', &mut answer);
    match (read, answer.last()) {
        (Ok(_), Some(b'\n')) => String::from_utf8(answer).map_err(|_| "its answer is not in UTF-8".into()),
        (Ok(_), _) if answer.len() >= bytes => Err(format!("its answer is longer than {bytes} bytes")),
        (Err(error), _) => Err(format!("its answer cannot be read: {error}")),
        (Ok(_), _) => match written {
            Ok(()) => Err("it ended before it answered".into()),
            Err(error) => Err(format!("it ended before it read the line: {error}")),
        },
    }
}

/// Reads the numbers of an answer, channel by channel.
fn numbers(answer: &str, channels: usize, count: usize) -> Result<Vec<f64>, String> {
    let limits = Limits {
        values: count
            .saturating_mul(channels)
            .saturating_add(channels + OTHER_BYTES),
        ..Limits::default()
    };
    let value =
        parse(answer.as_bytes(), &limits).map_err(|error| format!("its answer is not JSON: {error}"))?;
    let expected = || match channels {
        1 => format!("its answer must be a list of {count} numbers"),
        _ => format!("its answer must be a list of {channels} lists, each of {count} numbers"),
    };
    let list = value.as_list().ok_or_else(expected)?;
    let is_flat = !matches!(list.first(), Some(Value::List(_)));
    let rows = match is_flat && channels == 1 {
        true => vec![list],
        false => list
            .iter()
            .map(Value::as_list)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(expected)?,
    };
    if rows.len() != channels || rows.iter().any(|row| row.len() != count) {
        return Err(expected());
    }
    let number = |value: &Value| match value {
        Value::Null => Some(f64::NAN),
        value => value.as_f64(),
    };
    rows.into_iter()
        .flatten()
        .map(number)
        .collect::<Option<_>>()
        .ok_or_else(expected)
}

impl Model for ProgramModel {
    fn num_outputs(&self) -> usize {
        self.program.channels
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let len = settings.len().max(parameters.len());
        let mut state = self.state();
        for start in (0..len).step_by(POINTS) {
            let count = POINTS.min(len - start);
            let mut line = Object::new();
            for (i, name) in self.program.inputs.iter().enumerate() {
                let row = match i.checked_sub(self.program.knobs) {
                    None => settings.row(i),
                    Some(parameter) => parameters.row(parameter),
                };
                let values = match row {
                    [value] => vec![*value; count],
                    row => row[start..start + count].to_vec(),
                };
                line.insert(name.as_str(), values);
            }
            let line = dumps(&line.into()) + "\n";
            let asked = match &state.fault {
                None => self.ask(&mut state, line, count),
                Some(_) => Err(String::new()),
            };
            for (row, channel) in outputs.chunks_exact_mut(len).zip(0..) {
                match &asked {
                    Ok(numbers) => {
                        row[start..start + count].copy_from_slice(&numbers[channel * count..][..count])
                    }
                    Err(_) => row[start..start + count].fill(f64::NAN),
                }
            }
            if let (Err(fault), None) = (asked, &state.fault) {
                state.running = None;
                state.fault = Some(format!("{}: {fault}", self.program.command.join(" ")));
            }
        }
    }

    fn operations(&self) -> usize {
        OPERATIONS
    }

    fn fault(&self) -> Option<String> {
        self.state().fault.clone()
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
