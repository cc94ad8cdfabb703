//! Registry of PyMoDAQ modules: the modules, their states, and the orders to them.

mod batch;
mod module;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use self::batch::Batch;
pub use self::module::{Module, ModuleState};
use super::Permission;
use super::{ConnectionId, NoJob, Peer, Service};
use labwire_protocols::pymodaq::{
    Answer, Command, ControlRequest, Instruction, Limits, ModuleKind, Origin, Recognition, Server,
    ServerEvent,
};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Timer};

/// Limits, times and permissions of a registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct RegistrySettings {
    /// Limits of each connection.
    pub limits: Limits,
    /// Method of detecting the generation of a module.
    #[serde(skip)]
    pub recognition: Recognition,
    /// `check-position`: whether to ask g2 modules for their position with `check_position`, as servers up to 3.5
    /// did. Default no.
    pub check_position: bool,
    /// `grab-timeout`: time limit for the data of a grab. Then the grab fails; no further one is ordered until the
    /// data have come after all, and if that takes as long again the module is dropped. Default 30 s.
    #[serde(with = "labwire_session::seconds")]
    pub grab_timeout: Duration,
    /// `move-timeout`: time limit of a move. Then the order fails; the module counts as moving until it reports the
    /// end or is stopped. Default 120 s.
    #[serde(with = "labwire_session::seconds")]
    pub move_timeout: Duration,
    /// `stop-timeout`: time limit for a stage to come to rest. Then the order fails. Default 10 s.
    #[serde(with = "labwire_session::seconds")]
    pub stop_timeout: Duration,
    /// `answer-timeout`: time limit for a module to report its position. Then the order fails. Default 5 s.
    #[serde(with = "labwire_session::seconds")]
    pub answer_timeout: Duration,
    /// `set-timeout`: time to wait for a module to confirm a setting, which the protocol does not require. Then the
    /// order ends as unconfirmed. Default 1 s.
    #[serde(with = "labwire_session::seconds")]
    pub set_timeout: Duration,
    /// `module-queue`: number of grabs that may wait for one module. One more fails. Default 64.
    pub module_queue: usize,
    /// Permission to use the modules. Default: peers on this machine.
    pub controllers: Permission,
    /// Seconds from 1970 (UTC) to [`Instant::ZERO`], for the times in orders.
    #[serde(skip)]
    pub epoch: f64,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            recognition: Recognition::default(),
            check_position: false,
            grab_timeout: Duration::from_secs(30),
            move_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(5),
            set_timeout: Duration::from_secs(1),
            module_queue: 64,
            controllers: Permission::Local,
            epoch: 0.0,
        }
    }
}

/// Identifier of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number")]
pub struct OperationId(pub u64);

/// Reason why an order failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// There is no such module.
    #[error("there is no module {0:?}")]
    Unknown(String),
    /// The module is of the other kind.
    #[error("no {0} can do that")]
    WrongKind(&'static str),
    /// The module is moving.
    #[error("it is moving; stop it first")]
    Moving,
    /// Too many orders are waiting for the module: the limit `module-queue`.
    #[error("limit module-queue of {0} exceeded")]
    QueueFull(usize),
    /// A time limit was exceeded.
    #[error("timed out: {0}")]
    TimedOut(Timer),
    /// The move was stopped at this position.
    #[error("stopped at {0}")]
    Stopped(f64),
    /// The module has refused, or failed.
    #[error("the module says: {0}")]
    Refused(String),
    /// The order cannot be carried out.
    #[error("{0}")]
    Impossible(String),
    /// The module has gone.
    #[error("the module has gone: {0}")]
    Gone(#[source] CloseReason),
}

/// Outcome of an order.
pub type Outcome = Result<Answer, OperationError>;

/// Registry of connected modules, which gives them orders: for its own process, and for controllers that connect to
/// the same port.
#[derive(Debug)]
pub struct Registry {
    config: RegistrySettings,
    modules: BTreeMap<ConnectionId, Module>,
    replies: VecDeque<(ConnectionId, Instruction)>,
    outcomes: VecDeque<(OperationId, Outcome)>,
    next_operation: u64,
    /// Requests of controllers, by the operations that they wait for.
    batches: BTreeMap<u64, Batch>,
    waiting: BTreeMap<OperationId, (u64, usize)>,
    next_batch: u64,
    is_shutting_down: bool,
}

impl Registry {
    /// Creates a registry without modules.
    pub fn new(config: RegistrySettings) -> Self {
        Self {
            config,
            modules: BTreeMap::new(),
            replies: VecDeque::new(),
            outcomes: VecDeque::new(),
            next_operation: 0,
            batches: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_batch: 0,
            is_shutting_down: false,
        }
    }

    /// Modules, in the order of their arrival.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// Module of this name or address.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules()
            .find(|module| module.name() == name || module.address() == name)
    }

    /// Gives an order to a module. [`poll_outcome`](Registry::poll_outcome) always reports its outcome.
    pub fn submit(&mut self, now: Instant, module: &str, command: Command) -> OperationId {
        self.begin(now, module, command, None)
    }

    /// Outcomes of the orders given by [`submit`](Registry::submit), as they end.
    pub fn poll_outcome(&mut self) -> Option<(OperationId, Outcome)> {
        self.outcomes.pop_front()
    }

    /// `part`: the batch that waits for the outcome, and the index in it; `None` for this process.
    fn begin(
        &mut self,
        now: Instant,
        module: &str,
        command: Command,
        part: Option<(u64, usize)>,
    ) -> OperationId {
        let operation = OperationId(self.next_operation);
        self.next_operation += 1;
        if let Some(part) = part {
            self.waiting.insert(operation, part);
        }
        let found = self.module(module).map(|module| module.id);
        match (found, command) {
            (None, _) => self.finish(operation, Err(OperationError::Unknown(module.to_string()))),
            (Some(id), Command::Rename(name)) => {
                let outcome = self.rename(id, &name).map(|()| Answer::Done);
                self.finish(operation, outcome);
            }
            (Some(id), command) => {
                if let Some(module) = self.modules.get_mut(&id) {
                    module.submit(now, &self.config, operation, command);
                    self.collect(id);
                }
            }
        }
        operation
    }

    fn finish(&mut self, operation: OperationId, outcome: Outcome) {
        match self.waiting.remove(&operation) {
            Some((batch, index)) => self.answer_part(batch, index, outcome),
            None => self.outcomes.push_back((operation, outcome)),
        }
    }

    fn rename(&mut self, id: ConnectionId, name: &str) -> Result<(), OperationError> {
        let name = name.trim();
        if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            return Err(OperationError::Impossible(format!("{name:?} cannot be a name")));
        }
        match self.module(name) {
            Some(other) if other.id != id => Err(OperationError::Impossible(format!(
                "another module is called {name:?}"
            ))),
            _ => {
                if let Some(module) = self.modules.get_mut(&id) {
                    module.rename(name);
                }
                Ok(())
            }
        }
    }

    /// Collects the orders to be sent and the outcomes of a module.
    fn collect(&mut self, id: ConnectionId) {
        let Some(module) = self.modules.get_mut(&id) else {
            return;
        };
        self.replies
            .extend(module.take_instructions().map(|instruction| (id, instruction)));
        let outcomes: Vec<_> = module.take_outcomes().collect();
        for (operation, outcome) in outcomes {
            self.finish(operation, outcome);
        }
    }

    fn leave(&mut self, id: ConnectionId, reason: &CloseReason) {
        if let Some(module) = self.modules.get_mut(&id) {
            module.leave(reason);
            self.collect(id);
            self.modules.remove(&id);
        }
        self.batches.retain(|_, batch| batch.from() != id);
    }
}

impl Service for Registry {
    type Session = Server;
    type Job = NoJob;

    fn open_session(&mut self, now: Instant, peer: Peer) -> Server {
        let origin = Origin {
            address: peer
                .address
                .map_or_else(|| "in-process".into(), |address| address.to_string()),
            may_control: self.config.controllers.includes(peer),
        };
        Server::new(now, &self.config.limits, self.config.recognition, origin)
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, event: ServerEvent) {
        match event {
            ServerEvent::Module {
                kind,
                generation,
                address,
            } => {
                let mut module = Module::new(now, from, kind, generation, address);
                if kind == ModuleKind::Actuator {
                    // Learns its position and its generation.
                    module.ask_position(now, &self.config);
                }
                self.modules.insert(from, module);
            }
            ServerEvent::Request(request) => match ControlRequest::from_object(&request) {
                Ok(request) => self.begin_batch(now, from, request),
                Err(answer) => self
                    .replies
                    .push_back((from, Instruction::Answer(answer.to_object()))),
            },
            ServerEvent::Leaving(reason) => self.leave(from, &reason),
            ServerEvent::Controller => {}
            ServerEvent::Generation(_) | ServerEvent::Report(_) | ServerEvent::Unsendable(_) => {
                let Some(module) = self.modules.get_mut(&from) else {
                    return;
                };
                if let Some(name) = module.handle_event(now, &self.config, event) {
                    // If the name is taken, the module keeps its address as its name.
                    let _ = self.rename(from, &name);
                }
            }
        }
        self.collect(from);
    }

    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, reason: &CloseReason) {
        self.leave(from, reason);
    }

    fn take_job(&mut self, _now: Instant) -> Option<NoJob> {
        None
    }

    fn finish_job(&mut self, _now: Instant, job: NoJob) {
        match job {}
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, Instruction)> {
        self.replies.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.modules.values().filter_map(Module::poll_timeout).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<ConnectionId> = self
            .modules
            .iter()
            .filter(|(_, module)| module.poll_timeout().is_some_and(|(due, _)| due <= now))
            .map(|(&id, _)| id)
            .collect();
        for id in due {
            if let Some(module) = self.modules.get_mut(&id) {
                module.handle_timeout(now, &self.config);
            }
            self.collect(id);
        }
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.is_shutting_down = true;
    }

    fn is_finished(&self) -> bool {
        self.is_shutting_down && self.modules.is_empty() && self.batches.is_empty()
    }
}
