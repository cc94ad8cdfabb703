//! Server of PyMoDAQ modules, and modules whose hardware is in Python; `labwire/_modules.py` is what users see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::{
    Axis, DataClass, DataDim, DataToExport, DataWithAxes, Generation, NdArray, Settings,
};
use labwire_core::service::module::{Actuator, Hardware, Instrument, ModuleSettings};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::session::Backoff;
use labwire_core::time::Instant;
use labwire_tokio::{Blocking, BlockingGrabber, Host, dial};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::clients::remote;
use crate::server::{Listening, listen};
use crate::tasks::spawn;
use crate::{ending, errors};

/// Delays between attempts to connect to a server.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// Time between two looks at a moving actuator.
const POLL: Duration = Duration::from_millis(2);

/// Seconds since 1970 (UTC).
fn unix_time() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Server for modules, and for those who use them.
#[pyfunction]
pub(crate) fn serve_modules(py: Python<'_>, address: String) -> PyResult<Bound<'_, PyAny>> {
    let mut settings = RegistrySettings::default();
    settings.epoch = unix_time();
    listen(py, "pymodaq", address, Registry::new(settings))
}

/// Connects a module to the server at `address`, again and again if need be; a future of what stops it. A detector has `grab`,
/// an actuator `position` and `move_to`, and perhaps `home` and `stop`.
#[pyfunction]
pub(crate) fn connect_module<'py>(
    py: Python<'py>,
    address: String,
    generation: &str,
    name: Option<String>,
    seed: u64,
    hardware: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut settings = ModuleSettings::default();
    settings.generation = generation.parse::<Generation>().map_err(errors::input)?;
    settings.name = name;
    settings.epoch = unix_time();
    let grab = hardware.getattr("grab")?;
    let hardware = match grab.is_none() {
        false => Hardware::Grabber(Box::new(Blocking::new(Detector(grab.unbind())))),
        true => Hardware::Actuator(Box::new(Stage::new(hardware)?)),
    };
    let instrument = Instrument::new(hardware, settings);
    spawn(py, async move {
        let server = remote(&address).await?;
        let host = Host::start("module", instrument, HostLimits::default());
        let (listening, stop, end) = Listening::new(address);
        tokio::spawn(async move {
            tokio::select! {
                () = dial(&host, server, Backoff::new(FIRST_DELAY, LONGEST_DELAY, seed)) => {}
                () = stop.cancelled() => {}
            }
            host.shutdown().await;
            drop(end);
        });
        Ok(listening)
    })
}

/// dtype as numpy writes it, shape, bytes by rows.
type Raw = (String, Vec<usize>, PyBackedBytes);
/// Name, units, labels and arrays of the channels, and axes: label, units, dimension, coordinates.
type Part = (
    String,
    String,
    Vec<String>,
    Vec<Raw>,
    Vec<(String, String, i64, Raw)>,
);

/// A function of the dimensionality that returns parts.
struct Detector(Py<PyAny>);

impl BlockingGrabber for Detector {
    fn grab(&mut self, dim: DataDim, timestamp: f64) -> Result<DataToExport, String> {
        let dim = dim.name().trim_start_matches("Data");
        let parts: Vec<Part> = called(|py| self.0.bind(py).call1((dim,))?.extract())?;
        let parts = parts.into_iter().map(|part| read(part, timestamp));
        Ok(DataToExport::new("", timestamp, parts.collect::<Result<_, _>>()?))
    }
}

fn read((name, units, labels, arrays, axes): Part, timestamp: f64) -> Result<DataWithAxes, String> {
    let arrays = arrays.into_iter().map(array).collect::<Result<_, _>>()?;
    let mut data = DataWithAxes::new(DataClass::DataFromPlugins, name, timestamp, arrays);
    (data.units, data.labels) = (units, labels);
    for (label, units, dimension, raw) in axes {
        data.axes.push(Axis::new(label, units, array(raw)?, dimension));
    }
    Ok(data)
}

fn array((dtype, shape, bytes): Raw) -> Result<NdArray, String> {
    let dtype = dtype.parse().map_err(|error| format!("{error}"))?;
    NdArray::new(dtype, shape, bytes.to_vec()).map_err(|error| error.to_string())
}

/// Calls Python. Its exception is a text too, and is reported.
fn called<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T, String> {
    let called = ending::attach(|py| {
        call(py).map_err(|error| {
            let text = error.to_string();
            errors::report(py, error);
            text
        })
    });
    called.unwrap_or_else(|| Err(String::from("the module is ending")))
}

/// An object whose moves last as long as its methods take.
struct Stage {
    position: Py<PyAny>,
    stop: Option<Py<PyAny>>,
    has_home: bool,
    units: String,
    /// The last known position.
    last: f64,
    /// Targets, none for the home position.
    moves: Sender<Option<f64>>,
    is_moving: Arc<AtomicBool>,
}

impl Stage {
    fn new(hardware: &Bound<'_, PyAny>) -> PyResult<Self> {
        let optional =
            |name| Ok::<_, PyErr>(Some(hardware.getattr(name)?).filter(|method| !method.is_none()));
        let (move_to, home) = (
            hardware.getattr("move_to")?.unbind(),
            optional("home")?.map(Bound::unbind),
        );
        let has_home = home.is_some();
        let (moves, received) = channel();
        let is_moving = Arc::new(AtomicBool::new(false));
        let flag = is_moving.clone();
        thread::spawn(move || {
            // Ends when the instrument is dropped. Where a move has failed, the position says so.
            while let Ok(target) = received.recv() {
                let _ = called(|py| match (target, &home) {
                    (Some(target), _) => move_to.call1(py, (target,)).map(drop),
                    (None, Some(home)) => home.call0(py).map(drop),
                    (None, None) => Ok(()),
                });
                flag.store(false, Ordering::SeqCst);
            }
        });
        Ok(Self {
            position: hardware.getattr("position")?.unbind(),
            stop: optional("stop")?.map(Bound::unbind),
            has_home,
            units: hardware.getattr("units")?.extract()?,
            last: 0.0,
            moves,
            is_moving,
        })
    }

    fn begin(&mut self, target: Option<f64>) -> Result<(), String> {
        if self.is_moving.swap(true, Ordering::SeqCst) {
            return Err("it is moving; stop it first".into());
        }
        self.moves
            .send(target)
            .map_err(|_| String::from("the actuator has failed"))
    }
}

impl Actuator for Stage {
    fn settings(&self) -> Settings {
        Settings::default()
    }

    fn configure(&mut self, _now: Instant, _settings: &Settings) -> Result<(), String> {
        Err("this actuator has no settings".into())
    }

    fn units(&self) -> String {
        self.units.clone()
    }

    fn position(&mut self, _now: Instant) -> f64 {
        if let Ok(position) = called(|py| self.position.bind(py).call0()?.extract()) {
            self.last = position;
        }
        self.last
    }

    fn move_to(&mut self, _now: Instant, target: f64) -> Result<(), String> {
        self.begin(Some(target))
    }

    fn move_home(&mut self, _now: Instant) -> Result<(), String> {
        match self.has_home {
            true => self.begin(None),
            false => Err("this actuator has no home position".into()),
        }
    }

    fn stop(&mut self, _now: Instant) {
        if let Some(stop) = &self.stop {
            let _ = called(|py| stop.call0(py).map(drop));
        }
    }

    fn moves_until(&mut self, now: Instant) -> Option<Instant> {
        self.is_moving.load(Ordering::SeqCst).then(|| now + POLL)
    }
}
