//! Detectors with blocking drivers.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use labwire_core::pymodaq::{DataDim, DataToExport, Settings};
use labwire_core::service::module::Grabber;
use labwire_core::time::Instant;

/// Interval at which the thread's results are polled.
const POLL: Duration = Duration::from_millis(1);

/// Interface of a blocking driver.
pub trait BlockingGrabber: Send + 'static {
    /// Initial settings. Default: none.
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// Applies changed settings. Default: refuses, because there are none to change.
    ///
    /// # Errors
    /// If the settings are refused; the old ones stay in force. The text goes to the server.
    fn configure(&mut self, _settings: &Settings) -> Result<(), String> {
        Err("this detector has no settings".into())
    }

    /// Acquires data, for as long as that takes. `timestamp` is the time in seconds since 1970 (UTC).
    ///
    /// # Errors
    /// If the acquisition fails; the text goes to the server.
    fn grab(&mut self, dim: DataDim, timestamp: f64) -> Result<DataToExport, String>;
}

/// [`Grabber`] that runs a blocking driver on its own thread.
#[derive(Debug)]
pub struct Blocking {
    settings: Settings,
    tasks: Sender<Task>,
    results: Receiver<Result<DataToExport, String>>,
    dim: DataDim,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Idle,
    /// The driver is about to begin.
    Starting(Instant),
    /// The driver is working; the time of the next poll.
    Working(Instant),
}

enum Task {
    Grab(DataDim, f64),
    Configure(Settings, Sender<Result<(), String>>),
}

impl Blocking {
    /// Starts the thread.
    pub fn new(mut driver: impl BlockingGrabber) -> Self {
        let settings = driver.settings();
        let (tasks, received) = channel();
        let (sender, results) = channel();
        thread::spawn(move || {
            // Ends when the instrument is dropped.
            while let Ok(task) = received.recv() {
                let sent = match task {
                    Task::Grab(dim, timestamp) => sender.send(driver.grab(dim, timestamp)).is_ok(),
                    Task::Configure(settings, answer) => answer.send(driver.configure(&settings)).is_ok(),
                };
                if !sent {
                    return;
                }
            }
        });
        Self {
            settings,
            tasks,
            results,
            dim: DataDim::Data0D,
            phase: Phase::Idle,
        }
    }
}

impl Grabber for Blocking {
    fn settings(&self) -> Settings {
        self.settings.clone()
    }

    fn configure(&mut self, _now: Instant, settings: &Settings) -> Result<(), String> {
        let (sender, answer) = channel();
        let gone = || "the driver has failed".to_owned();
        self.tasks
            .send(Task::Configure(settings.clone(), sender))
            .map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    fn start(&mut self, now: Instant, dim: DataDim) {
        (self.dim, self.phase) = (dim, Phase::Starting(now));
    }

    fn poll(&mut self, now: Instant, timestamp: f64) -> Option<Result<DataToExport, String>> {
        if let Phase::Starting(_) = self.phase {
            // If the thread has failed, its result channel reports it.
            let _ = self.tasks.send(Task::Grab(self.dim, timestamp));
        }
        match self.results.try_recv() {
            Ok(result) => {
                self.phase = Phase::Idle;
                Some(result)
            }
            Err(TryRecvError::Empty) => {
                self.phase = Phase::Working(now + POLL);
                None
            }
            Err(TryRecvError::Disconnected) => {
                self.phase = Phase::Idle;
                Some(Err("the driver has failed".into()))
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle => None,
            Phase::Starting(due) | Phase::Working(due) => Some(due),
        }
    }
}
