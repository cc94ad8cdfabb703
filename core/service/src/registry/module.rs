//! State of one module.

mod orders;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use labwire_protocols::pymodaq::{
    Axis, Command, DataDim, DataToExport, DataWithAxes, ERROR, Generation, Instruction, ModuleInfo,
    ModuleKind, NAME, Report, ServerEvent, Settings,
};
use labwire_session::limits::beginning;
use labwire_session::time::Instant;

use self::orders::{Grabbing, Moving, Setting, Stopping};
use super::{OperationError, OperationId, Outcome, RegistrySettings};
use crate::ConnectionId;

/// Number of `Info` values kept per module, and largest length of each.
const MAX_INFOS: usize = 64;
const MAX_INFO_BYTES: usize = 4096;

/// Activity of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever waits for a module has to know every state"
)]
pub enum ModuleState {
    /// Nothing.
    Idle,
    /// It was told to grab and has not sent the data.
    Grabbing,
    /// It was told to move and has not reported the end.
    Moving,
    /// It was told to stop and is not known to stand still.
    Stopping,
}

impl ModuleState {
    /// Its name for display.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Grabbing => "grabbing",
            Self::Moving => "moving",
            Self::Stopping => "stopping",
        }
    }
}

/// Connected module.
#[derive(Debug)]
pub struct Module {
    pub(super) id: ConnectionId,
    name: String,
    address: String,
    kind: ModuleKind,
    generation: Option<Generation>,
    since: Instant,
    /// Its settings, or why there are none.
    settings: Result<Settings, String>,
    infos: BTreeMap<String, String>,
    axes: [Option<Axis>; 2],
    frames: u64,
    last_data: Option<Arc<DataToExport>>,
    position: Option<(f64, String)>,
    grabs: VecDeque<(OperationId, DataDim)>,
    grabbing: Option<Grabbing>,
    moving: Option<Moving>,
    stopping: Option<Stopping>,
    asking: Vec<OperationId>,
    answer_due: Option<Instant>,
    setting: Vec<Setting>,
    instructions: Vec<Instruction>,
    outcomes: Vec<(OperationId, Outcome)>,
}

impl Module {
    pub(super) fn new(
        now: Instant,
        id: ConnectionId,
        kind: ModuleKind,
        generation: Option<Generation>,
        address: String,
    ) -> Self {
        Self {
            id,
            name: address.clone(),
            address,
            kind,
            generation,
            since: now,
            settings: Err("it has sent no settings".into()),
            infos: BTreeMap::new(),
            axes: [None, None],
            frames: 0,
            last_data: None,
            position: None,
            grabs: VecDeque::new(),
            grabbing: None,
            moving: None,
            stopping: None,
            asking: Vec::new(),
            answer_due: None,
            setting: Vec::new(),
            instructions: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Name of the module: its address, unless it was given another.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the module.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Kind of the module.
    #[must_use]
    pub fn kind(&self) -> ModuleKind {
        self.kind
    }

    /// Generation of the module; before g4 it becomes known when the module sends data or a position.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        self.generation
    }

    /// Current activity.
    #[must_use]
    pub fn state(&self) -> ModuleState {
        match self {
            _ if self.stopping.is_some() => ModuleState::Stopping,
            _ if self.moving.is_some() => ModuleState::Moving,
            _ if self.grabbing.is_some() => ModuleState::Grabbing,
            _ => ModuleState::Idle,
        }
    }

    /// Settings sent by the module, with later changes applied.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref().ok()
    }

    /// Values that the module wants to be displayed, by name.
    #[must_use]
    pub fn infos(&self) -> &BTreeMap<String, String> {
        &self.infos
    }

    /// Latest data sent by the module, whether asked for or not.
    #[must_use]
    pub fn last_data(&self) -> Option<&Arc<DataToExport>> {
        self.last_data.as_ref()
    }

    /// Number of times that the module has sent data.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Latest position reported by the module, and its units.
    #[must_use]
    pub fn position(&self) -> Option<(f64, &str)> {
        self.position
            .as_ref()
            .map(|(value, units)| (*value, units.as_str()))
    }

    /// Whether modules of this kind support the command.
    pub(super) fn can(&self, command: &Command) -> bool {
        match command {
            Command::Grab(_) | Command::Last => self.kind == ModuleKind::Grabber,
            Command::MoveAbs(_) | Command::MoveRel(_) | Command::Home | Command::Stop | Command::Position => {
                self.kind == ModuleKind::Actuator
            }
            _ => true,
        }
    }

    pub(super) fn rename(&mut self, name: &str) {
        self.name = name.to_string();
    }

    pub(super) fn take_instructions(&mut self) -> impl Iterator<Item = Instruction> + use<> {
        core::mem::take(&mut self.instructions).into_iter()
    }

    pub(super) fn take_outcomes(&mut self) -> impl Iterator<Item = (OperationId, Outcome)> + use<> {
        core::mem::take(&mut self.outcomes).into_iter()
    }

    /// Handles an event of the connection. Returns the name that the module proposes, if any.
    pub(super) fn handle_event(
        &mut self,
        now: Instant,
        config: &RegistrySettings,
        event: ServerEvent,
    ) -> Option<String> {
        match event {
            ServerEvent::Generation(generation) => self.generation = Some(generation),
            ServerEvent::Unsendable(error) => {
                self.fail_current(now, config, &OperationError::Refused(error.to_string()))
            }
            ServerEvent::Report(report) => return self.handle_report(now, config, report),
            _ => {}
        }
        None
    }

    fn handle_report(&mut self, now: Instant, config: &RegistrySettings, report: Report) -> Option<String> {
        match report {
            Report::Done(data) => self.take_data(now, config, data),
            Report::PositionIs(position) => self.take_position(now, config, &position),
            Report::MoveDone(position) => self.end_move(&position),
            Report::XAxis(axis) => self.axes[1] = Some(axis),
            Report::YAxis(axis) => self.axes[0] = Some(axis),
            Report::Infos(xml) => {
                self.settings = Settings::parse(xml).map_err(|error| format!("what it has sent: {error}"));
                self.confirm_settings();
            }
            Report::InfoXml { path, xml } => {
                if let (Ok(settings), Some((_, path))) = (&mut self.settings, path.split_first()) {
                    // An unknown setting is not a reason to drop the module.
                    let _ = settings.replace(path, &xml);
                }
                self.confirm_settings();
            }
            Report::Info { name, value } if name == ERROR => {
                self.fail_current(now, config, &OperationError::Refused(value.clone()));
                self.keep_info(name, value);
            }
            Report::Info { name, value } if name == NAME => return Some(value),
            Report::Info { name, value } => self.keep_info(name, value),
            Report::Quit | Report::Other(_) => {}
        }
        None
    }

    fn take_data(&mut self, now: Instant, config: &RegistrySettings, mut data: Arc<DataToExport>) {
        if !self.generation.is_some_and(Generation::has_data_objects) {
            self.complete(Arc::make_mut(&mut data), now, config);
        }
        self.frames += 1;
        self.last_data = Some(data.clone());
        self.end_grab(now, config, data);
    }

    /// Completes data of g1 and g2, which are bare arrays, with their time, name and axes.
    fn complete(&self, export: &mut DataToExport, now: Instant, config: &RegistrySettings) {
        export.timestamp = config.epoch + seconds(now);
        export.name.clone_from(&self.name);
        for data in &mut export.data {
            (data.timestamp, data.name) = (export.timestamp, self.name.clone());
            let Some(shape) = data.data.first().map(|array| array.shape().to_vec()) else {
                continue;
            };
            for (index, axis) in self.axes.iter().enumerate() {
                // A curve has only an x axis, which is the first of its dimensions.
                let dimension = if shape.len() == 1 {
                    index.checked_sub(1)
                } else {
                    Some(index)
                };
                let Some((dimension, axis)) = dimension.zip(axis.as_ref()) else {
                    continue;
                };
                if shape.get(dimension) == Some(&axis.data.len()) && shape.len() <= 2 {
                    data.axes.push(Axis {
                        index: dimension as i64,
                        ..axis.clone()
                    });
                }
            }
        }
    }

    fn keep_position(&mut self, position: &DataWithAxes) -> Option<f64> {
        let value = position.value()?;
        self.position = Some((value, position.units.clone()));
        Some(value)
    }

    fn keep_info(&mut self, name: String, mut value: String) {
        if name.len() > MAX_INFO_BYTES || (self.infos.len() >= MAX_INFOS && !self.infos.contains_key(&name)) {
            return;
        }
        if value.len() > MAX_INFO_BYTES {
            value.truncate(beginning(&value, MAX_INFO_BYTES).len());
        }
        self.infos.insert(name, value);
    }

    fn info(&self, now: Instant) -> ModuleInfo {
        let last = match (&self.position, &self.last_data) {
            (Some((value, units)), _) => format!("{value} {units}").trim_end().to_string(),
            (None, Some(data)) => summary(data),
            (None, None) => String::new(),
        };
        let mut info = ModuleInfo::default();
        info.kind = self.kind.name().into();
        info.generation = self.generation.map_or("unknown", Generation::name).into();
        info.address = self.address.clone();
        info.state = self.state().name().into();
        info.seconds = now.duration_since(self.since).as_secs_f64();
        info.frames = i64::try_from(self.frames).unwrap_or(i64::MAX);
        info.last = last;
        info
    }
}

/// Summary of data: the channels with their shapes.
fn summary(data: &DataToExport) -> String {
    let item = |item: &DataWithAxes| {
        let shapes: Vec<String> = item
            .data
            .iter()
            .map(|array| format!("{}{:?}", array.dtype(), array.shape()))
            .collect();
        format!("{} {}", item.name, shapes.join(" "))
    };
    data.data.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// Seconds since the origin of the registry's time.
fn seconds(now: Instant) -> f64 {
    now.duration_since(Instant::ZERO).as_secs_f64()
}
