//! PyMoDAQ module: hardware that carries out the orders of the servers it is connected to.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use labwire_protocols::pymodaq::{
    Axis, Client, DataDim, DataToExport, DataWithAxes, ERROR, Generation, Limits, ModuleKind, Order, Report,
    Settings,
};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Timer};

use super::{ConnectionId, NoJob, Peer, Service};

/// Detector.
///
/// No call blocks: [`start`](Grabber::start) begins, [`poll`](Grabber::poll) returns the data once they are there. A
/// blocking driver belongs on its own thread, behind this trait.
pub trait Grabber: Send {
    /// Initial settings.
    fn settings(&self) -> Settings;

    /// Applies changed settings.
    ///
    /// # Errors
    /// If the settings are refused; the old ones stay in force. The text goes to the server.
    fn configure(&mut self, now: Instant, settings: &Settings) -> Result<(), String>;

    /// Starts to acquire data of dimensionality `dim`, which may be ignored.
    fn start(&mut self, now: Instant, dim: DataDim);

    /// Data, once after each [`start`](Grabber::start), or the reason why there are none. `timestamp` is the time in
    /// seconds since 1970 (UTC).
    fn poll(&mut self, now: Instant, timestamp: f64) -> Option<Result<DataToExport, String>>;

    /// Time at which to poll for the data.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Actuator that moves along one axis.
pub trait Actuator: Send {
    /// Initial settings. Servers of 4.4 look for one named `units`.
    fn settings(&self) -> Settings;

    /// Applies changed settings.
    ///
    /// # Errors
    /// If the settings are refused; the old ones stay in force. The text goes to the server.
    fn configure(&mut self, now: Instant, settings: &Settings) -> Result<(), String>;

    /// Units of the positions.
    fn units(&self) -> String;

    /// Current position.
    fn position(&mut self, now: Instant) -> f64;

    /// Starts to move to a position; a move in progress is replaced.
    ///
    /// # Errors
    /// If the position is refused; the text goes to the server.
    fn move_to(&mut self, now: Instant, target: f64) -> Result<(), String>;

    /// Starts to move to the home position.
    ///
    /// # Errors
    /// If the move is refused; the text goes to the server.
    fn move_home(&mut self, now: Instant) -> Result<(), String>;

    /// Stops at the current position.
    fn stop(&mut self, now: Instant);

    /// If it is moving, the time at which to ask again.
    fn moves_until(&mut self, now: Instant) -> Option<Instant>;
}

/// Hardware of an instrument.
#[expect(clippy::exhaustive_enums, reason = "PyMoDAQ has two kinds")]
pub enum Hardware {
    /// A detector.
    Grabber(Box<dyn Grabber>),
    /// An actuator.
    Actuator(Box<dyn Actuator>),
}

impl fmt::Debug for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grabber(_) => "Grabber",
            Self::Actuator(_) => "Actuator",
        })
    }
}

/// Settings of an instrument.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModuleSettings {
    /// Limits of each connection.
    pub limits: Limits,
    /// Protocol generation. Default g4.
    pub generation: Generation,
    /// Name proposed to a labwire server, as an `Info`; real servers display it.
    pub name: Option<String>,
    /// Seconds from 1970 (UTC) to [`Instant::ZERO`], for the times of data.
    pub epoch: f64,
}

impl Default for ModuleSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            generation: Generation::G4,
            name: None,
            epoch: 0.0,
        }
    }
}

/// Instrument: hardware with the servers it is connected to, usually one, any number if it listens. The data go to
/// the server that asked, the end of a move to the server that ordered it; all are told of changed settings.
#[derive(Debug)]
pub struct Instrument {
    config: ModuleSettings,
    hardware: Hardware,
    settings: Settings,
    connections: VecDeque<ConnectionId>,
    replies: VecDeque<(ConnectionId, Report)>,
    grabs: VecDeque<(ConnectionId, DataDim)>,
    is_grabbing: bool,
    /// Axes sent to each connection, for g1 and g2.
    axes: BTreeMap<ConnectionId, [Option<Axis>; 2]>,
    /// Changes of settings that wait for the current grab.
    changes: VecDeque<(ConnectionId, Vec<String>, String)>,
    /// Connection that ordered the current move, and time at which to check whether it has ended.
    mover: Option<(ConnectionId, Instant)>,
    is_shutting_down: bool,
}

impl Instrument {
    /// Creates an instrument without connections.
    pub fn new(hardware: Hardware, config: ModuleSettings) -> Self {
        let settings = match &hardware {
            Hardware::Grabber(grabber) => grabber.settings(),
            Hardware::Actuator(actuator) => actuator.settings(),
        };
        Self {
            config,
            hardware,
            settings,
            connections: VecDeque::new(),
            replies: VecDeque::new(),
            grabs: VecDeque::new(),
            is_grabbing: false,
            axes: BTreeMap::new(),
            changes: VecDeque::new(),
            mover: None,
            is_shutting_down: false,
        }
    }

    fn kind(&self) -> ModuleKind {
        match self.hardware {
            Hardware::Grabber(_) => ModuleKind::Grabber,
            Hardware::Actuator(_) => ModuleKind::Actuator,
        }
    }

    fn timestamp(&self, now: Instant) -> f64 {
        self.config.epoch + now.duration_since(Instant::ZERO).as_secs_f64()
    }

    fn reply(&mut self, to: ConnectionId, report: Report) {
        self.replies.push_back((to, report));
    }

    fn refuse(&mut self, to: ConnectionId, why: impl Into<String>) {
        self.reply(
            to,
            Report::Info {
                name: ERROR.into(),
                value: why.into(),
            },
        );
    }

    /// Carries out the hardware's part of an order, or returns the reason why not.
    fn carry_out(&mut self, now: Instant, from: ConnectionId, order: Order) -> Result<(), String> {
        match (&mut self.hardware, order) {
            (_, Order::SetInfo { path, xml }) => self.changes.push_back((from, path, xml)),
            (_, Order::Other(_)) => {}
            (Hardware::Grabber(_), Order::Grab(dim)) => self.grabs.push_back((from, dim)),
            (Hardware::Actuator(actuator), order) => {
                match order {
                    Order::GetActuatorValue | Order::CheckPosition => {
                        let position = self.position(now);
                        self.reply(from, Report::PositionIs(position));
                        return Ok(());
                    }
                    Order::StopMotion => {
                        actuator.stop(now);
                        return Ok(());
                    }
                    Order::MoveAbs(target) => actuator.move_to(now, number(&target)?)?,
                    Order::MoveRel(distance) => {
                        let target = actuator.position(now) + number(&distance)?;
                        actuator.move_to(now, target)?;
                    }
                    Order::MoveHome => actuator.move_home(now)?,
                    _ => return Err("an actuator does not grab".to_string()),
                }
                self.mover = Some((from, now));
            }
            (Hardware::Grabber(_), _) => return Err("a grabber does not move".to_string()),
        }
        Ok(())
    }

    /// Changes settings, but not during a grab.
    fn change_settings(&mut self, now: Instant) {
        while !self.is_grabbing
            && let Some((from, path, xml)) = self.changes.pop_front()
        {
            if let Err(why) = self.set(now, from, path, &xml) {
                self.refuse(from, why);
            }
        }
    }

    fn set(&mut self, now: Instant, from: ConnectionId, path: Vec<String>, xml: &str) -> Result<(), String> {
        let mut changed = self.settings.clone();
        // Real clients drop the first name, real servers send none to drop.
        let is_whole = path.is_empty() || self.settings.element(&path).is_some();
        let below = path.get(usize::from(!is_whole)..).unwrap_or_default();
        if below.is_empty() {
            return Err("the path of a setting is empty".into());
        }
        changed.replace(below, xml).map_err(|error| error.to_string())?;
        // Servers, both real ones and labwire's, drop the first name of the path.
        let root = "settings".to_string();
        let path: Vec<String> = core::iter::once(root).chain(below.iter().cloned()).collect();
        match &mut self.hardware {
            Hardware::Grabber(grabber) => grabber.configure(now, &changed)?,
            Hardware::Actuator(actuator) => actuator.configure(now, &changed)?,
        }
        self.settings = changed;
        let others = self.connections.clone();
        for to in others.into_iter().filter(|&to| to != from).chain([from]) {
            self.reply(
                to,
                Report::InfoXml {
                    path: path.clone(),
                    xml: xml.into(),
                },
            );
        }
        Ok(())
    }

    fn position(&mut self, now: Instant) -> DataWithAxes {
        let timestamp = self.timestamp(now);
        let name = self.config.name.clone().unwrap_or_default();
        match &mut self.hardware {
            Hardware::Actuator(actuator) => {
                DataWithAxes::actuator(name, timestamp, actuator.position(now), actuator.units())
            }
            Hardware::Grabber(_) => DataWithAxes::actuator(name, timestamp, f64::NAN, ""),
        }
    }

    /// Starts and finishes whatever is due.
    fn advance(&mut self, now: Instant) {
        let timestamp = self.timestamp(now);
        self.change_settings(now);
        while let (Hardware::Grabber(grabber), Some(&(from, dim))) = (&mut self.hardware, self.grabs.front())
        {
            if !self.is_grabbing {
                grabber.start(now, dim);
                self.is_grabbing = true;
            }
            let Some(result) = grabber.poll(now, timestamp) else {
                return;
            };
            self.is_grabbing = false;
            self.grabs.pop_front();
            match result {
                Ok(data) => {
                    self.report_axes(from, &data);
                    self.reply(from, Report::Done(Arc::new(data)));
                }
                Err(why) => self.refuse(from, why),
            }
            self.change_settings(now);
        }
        let (Hardware::Actuator(actuator), Some((mover, _))) = (&mut self.hardware, self.mover) else {
            return;
        };
        self.mover = actuator.moves_until(now).map(|due| (mover, due));
        if self.mover.is_none() {
            let position = self.position(now);
            self.reply(mover, Report::MoveDone(position));
        }
    }
}

impl Instrument {
    /// Sends the axes, which g1 and g2 transmit once, before the data.
    fn report_axes(&mut self, to: ConnectionId, export: &DataToExport) {
        let Some(data) = export
            .data
            .first()
            .filter(|_| self.config.generation.has_axis_reports())
        else {
            return;
        };
        let rank = data.data.first().map_or(0, |array| array.shape().len());
        let axis = |dimension: Option<usize>| {
            data.axes
                .iter()
                .find(|axis| usize::try_from(axis.index).ok() == dimension)
                .cloned()
        };
        // The last dimension is the horizontal one.
        let axes = [axis(rank.checked_sub(1)), axis(rank.checked_sub(2))];
        if self.axes.get(&to) == Some(&axes) {
            return;
        }
        let [x, y] = axes.clone();
        self.replies.extend(x.map(|x| (to, Report::XAxis(x))));
        self.replies.extend(y.map(|y| (to, Report::YAxis(y))));
        self.axes.insert(to, axes);
    }
}

fn number(position: &DataWithAxes) -> Result<f64, String> {
    let value = position.value().filter(|value| value.is_finite());
    value.ok_or_else(|| "the position is not a finite number".to_string())
}

impl Service for Instrument {
    type Session = Client;
    type Job = NoJob;

    fn open_session(&mut self, now: Instant, _peer: Peer) -> Client {
        let config = &self.config;
        let name = config.name.as_deref();
        Client::new(
            now,
            &config.limits,
            config.generation,
            self.kind(),
            self.settings.xml(),
            name,
        )
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, order: Order) {
        if !self.connections.contains(&from) {
            self.connections.push_back(from);
        }
        if let Err(why) = self.carry_out(now, from, order) {
            self.refuse(from, why);
        }
        self.advance(now);
    }

    /// The orders of the connection continue; nobody is told.
    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, _reason: &CloseReason) {
        self.connections.retain(|&id| id != from);
        self.axes.remove(&from);
        let mut is_first = self.is_grabbing;
        // A running grab is completed, so that its data do not answer the next one.
        self.grabs
            .retain(|&(id, _)| core::mem::take(&mut is_first) || id != from);
    }

    fn take_job(&mut self, _now: Instant) -> Option<NoJob> {
        None
    }

    fn finish_job(&mut self, _now: Instant, job: NoJob) {
        match job {}
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, Report)> {
        self.replies.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.hardware {
            Hardware::Grabber(grabber) if self.is_grabbing => {
                Some((grabber.poll_timeout()?, Timer::Other("exposure")))
            }
            Hardware::Grabber(_) => None,
            Hardware::Actuator(_) => self.mover.map(|(_, due)| (due, Timer::Other("move"))),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.is_shutting_down = true;
    }

    fn is_finished(&self) -> bool {
        self.is_shutting_down
    }
}
