//! Orders given to a module, until they end.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_protocols::pymodaq::{
    Answer, Command, DataDim, DataToExport, DataWithAxes, Generation, Instruction, Order,
};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Timer};

use super::{Module, seconds};
use crate::registry::{OperationError, OperationId, Outcome, RegistrySettings};

const ANSWER_TIMEOUT: Timer = Timer::Other("answer-timeout");
const GRAB_TIMEOUT: Timer = Timer::Other("grab-timeout");
const MOVE_TIMEOUT: Timer = Timer::Other("move-timeout");
const SET_TIMEOUT: Timer = Timer::Other("set-timeout");
const STOP_TIMEOUT: Timer = Timer::Other("stop-timeout");

/// Interval at which a stopping stage is asked for its position.
const STOP_POLL: Duration = Duration::from_millis(100);
/// Grab in progress.
#[derive(Debug)]
pub(super) struct Grabbing {
    /// `None` if the reply is no longer wanted, but the data are still outstanding.
    operation: Option<OperationId>,
    due: Instant,
}

#[derive(Debug)]
pub(super) struct Moving {
    /// `None` if the reply is no longer wanted, but the stage is moving.
    operation: Option<OperationId>,
    /// Order that waits for the module's position, which tells its generation and units.
    unsent: Option<Command>,
    due: Instant,
}

#[derive(Debug)]
pub(super) struct Stopping {
    operations: Vec<OperationId>,
    due: Instant,
    /// Last reported position and its time, and time of the next query: if the position is the same then, the stage
    /// is at rest.
    last: Option<(f64, Instant)>,
    ask_at: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Setting {
    operation: OperationId,
    path: Vec<String>,
    xml: String,
    due: Instant,
}

impl Module {
    pub(in crate::registry) fn submit(
        &mut self,
        now: Instant,
        config: &RegistrySettings,
        operation: OperationId,
        command: Command,
    ) {
        let result = if self.can(&command) {
            self.try_submit(now, config, operation, command)
        } else {
            Err(OperationError::WrongKind(self.kind.name()))
        };
        match result {
            Ok(None) => {}
            Ok(Some(answer)) => self.finish(operation, Ok(answer)),
            Err(error) => self.finish(operation, Err(error)),
        }
    }

    /// Gives an order. Returns the answer if there is one at once.
    fn try_submit(
        &mut self,
        now: Instant,
        config: &RegistrySettings,
        operation: OperationId,
        command: Command,
    ) -> Result<Option<Answer>, OperationError> {
        match command {
            Command::List => return Ok(Some(Answer::Info(self.info(now)))),
            Command::Last => {
                let data = self
                    .last_data
                    .clone()
                    .ok_or_else(|| impossible("it has sent no data"))?;
                return Ok(Some(Answer::Data(data)));
            }
            Command::Settings => {
                let settings = self.settings.as_ref().map_err(impossible)?;
                return Ok(Some(Answer::Settings(settings.xml().into())));
            }
            Command::Grab(dim) => {
                if self.grabs.len() >= config.module_queue {
                    return Err(OperationError::QueueFull(config.module_queue));
                }
                self.grabs
                    .push_back((operation, dim.unwrap_or_else(|| self.usual_dim())));
                self.order_grab(now, config);
            }
            Command::MoveAbs(_) | Command::MoveRel(_) | Command::Home => {
                self.begin_move(now, config, operation, command)?;
            }
            Command::Stop => self.begin_stop(now, config, operation),
            Command::Position => {
                self.asking.push(operation);
                self.ask_position(now, config);
            }
            Command::Set { path, value } => self.begin_set(now, config, operation, path, &value)?,
            Command::Rename(_) => return Err(impossible("names are given by the registry")),
        }
        Ok(None)
    }

    /// Asks for the position, unless an answer is outstanding.
    pub(in crate::registry) fn ask_position(&mut self, now: Instant, config: &RegistrySettings) {
        if self.answer_due.is_none() {
            self.answer_due = Some(now + config.answer_timeout);
            self.order(position_order(self.generation, config));
        }
    }

    /// Handles the end of the connection.
    pub(in crate::registry) fn leave(&mut self, reason: &CloseReason) {
        let mut operations: Vec<OperationId> = self.grabs.drain(..).map(|(operation, _)| operation).collect();
        operations.extend(self.grabbing.take().and_then(|grabbing| grabbing.operation));
        operations.extend(self.moving.take().and_then(|moving| moving.operation));
        operations.extend(
            self.stopping
                .take()
                .into_iter()
                .flat_map(|stopping| stopping.operations),
        );
        operations.append(&mut self.asking);
        operations.extend(self.setting.drain(..).map(|setting| setting.operation));
        for operation in operations {
            self.finish(operation, Err(OperationError::Gone(reason.clone())));
        }
    }

    pub(in crate::registry) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let grab = self
            .grabbing
            .as_ref()
            .map(|grabbing| (grabbing.due, GRAB_TIMEOUT));
        // Nobody waits for a move that was given up.
        let moving = self.moving.as_ref().filter(|moving| moving.operation.is_some());
        let moving = moving.map(|moving| (moving.due, MOVE_TIMEOUT));
        let stop = self
            .stopping
            .as_ref()
            .map(|stopping| (stopping.due, STOP_TIMEOUT));
        let ask = self
            .stopping
            .as_ref()
            .and_then(|stopping| stopping.ask_at)
            .map(|at| (at, Timer::Other("stop-poll")));
        let answer = self.answer_due.map(|due| (due, ANSWER_TIMEOUT));
        let set = self
            .setting
            .iter()
            .map(|setting| (setting.due, SET_TIMEOUT))
            .min();
        [grab, moving, stop, ask, answer, set].into_iter().flatten().min()
    }

    pub(in crate::registry) fn handle_timeout(&mut self, now: Instant, config: &RegistrySettings) {
        let timed_out = |timer| Err(OperationError::TimedOut(timer));
        if let Some(grabbing) = self.grabbing.as_mut().filter(|grabbing| grabbing.due <= now) {
            grabbing.due = now + config.grab_timeout;
            match grabbing.operation.take() {
                Some(operation) => self.finish(operation, timed_out(GRAB_TIMEOUT)),
                None => {
                    let reason = "it owes data for twice the grab-timeout".to_string();
                    self.instructions.push(Instruction::Drop(reason));
                }
            }
        }
        if let Some(moving) = self.moving.as_mut().filter(|moving| moving.due <= now)
            && let Some(operation) = moving.operation.take()
        {
            self.finish(operation, timed_out(MOVE_TIMEOUT));
        }
        if let Some(stopping) = self.stopping.take_if(|stopping| stopping.due <= now) {
            for operation in stopping.operations {
                self.finish(operation, timed_out(STOP_TIMEOUT));
            }
        }
        if self
            .stopping
            .as_mut()
            .and_then(|stopping| stopping.ask_at.take_if(|at| *at <= now))
            .is_some()
        {
            self.order(position_order(self.generation, config));
        }
        if self.answer_due.take_if(|due| *due <= now).is_some() {
            for operation in core::mem::take(&mut self.asking) {
                self.finish(operation, timed_out(ANSWER_TIMEOUT));
            }
            // A module that does not tell its position is none of PyMoDAQ's, which from 4.1 on all do.
            self.order_move(now, config);
        }
        for setting in self
            .setting
            .extract_if(.., |setting| setting.due <= now)
            .collect::<Vec<_>>()
        {
            if let Ok(settings) = &mut self.settings {
                // It was found there when it was set.
                let _ = settings.replace(&setting.path, &setting.xml);
            }
            self.finish(setting.operation, Ok(Answer::Set { confirmed: false }));
        }
    }

    fn order(&mut self, order: Order) {
        self.instructions.push(Instruction::Order(order));
    }

    fn finish(&mut self, operation: OperationId, outcome: Outcome) {
        self.outcomes.push((operation, outcome));
    }

    fn usual_dim(&self) -> DataDim {
        let first = self.last_data.as_ref().and_then(|data| data.data.first());
        first.map_or(DataDim::Data2D, |data| data.dim)
    }

    /// Orders the next grab; one at a time, because data do not say which grab they answer.
    fn order_grab(&mut self, now: Instant, config: &RegistrySettings) {
        if self.grabbing.is_none()
            && let Some((operation, dim)) = self.grabs.pop_front()
        {
            self.grabbing = Some(Grabbing {
                operation: Some(operation),
                due: now + config.grab_timeout,
            });
            self.order(Order::Grab(dim));
        }
    }

    /// Handles data, whether asked for or not.
    pub(super) fn end_grab(&mut self, now: Instant, config: &RegistrySettings, data: Arc<DataToExport>) {
        if let Some(operation) = self.grabbing.take().and_then(|grabbing| grabbing.operation) {
            self.finish(operation, Ok(Answer::Data(data)));
        }
        self.order_grab(now, config);
    }

    fn begin_move(
        &mut self,
        now: Instant,
        config: &RegistrySettings,
        operation: OperationId,
        command: Command,
    ) -> Result<(), OperationError> {
        if self.moving.is_some() || self.stopping.is_some() {
            return Err(OperationError::Moving);
        }
        self.moving = Some(Moving {
            operation: Some(operation),
            due: now + config.move_timeout,
            unsent: Some(command),
        });
        if self.generation.is_some() {
            self.order_move(now, config);
        } else {
            self.ask_position(now, config);
        }
        Ok(())
    }

    /// Orders the move that waits, if there is one.
    fn order_move(&mut self, now: Instant, config: &RegistrySettings) {
        let unsent = self.moving.as_mut().and_then(|moving| moving.unsent.take());
        let Some(command) = unsent else { return };
        let position = |value| self.position_object(now, config, value);
        let order = match command {
            Command::MoveAbs(value) => Order::MoveAbs(position(value)),
            Command::MoveRel(value) => Order::MoveRel(position(value)),
            _ => Order::MoveHome,
        };
        self.order(order);
    }

    fn begin_stop(&mut self, now: Instant, config: &RegistrySettings, operation: OperationId) {
        if let Some(moving) = &mut self.moving {
            moving.unsent = None;
        }
        self.order(Order::StopMotion);
        self.order(position_order(self.generation, config));
        let stopping = self.stopping.get_or_insert_with(|| Stopping {
            operations: Vec::new(),
            due: now + config.stop_timeout,
            last: None,
            ask_at: None,
        });
        stopping.operations.push(operation);
    }

    fn begin_set(
        &mut self,
        now: Instant,
        config: &RegistrySettings,
        operation: OperationId,
        path: Vec<String>,
        value: &str,
    ) -> Result<(), OperationError> {
        let settings = self.settings.as_ref().map_err(impossible)?;
        let mut changed = settings.clone();
        changed
            .set_value(&path, value)
            .map_err(|error| impossible(error.to_string()))?;
        let xml = changed.element(&path).unwrap_or_default().to_string();
        // Modules drop the first name, which stands for the root.
        let mut full = Vec::from(["settings".to_string()]);
        full.extend(path.iter().cloned());
        self.order(Order::SetInfo {
            path: full,
            xml: xml.clone(),
        });
        self.setting.push(Setting {
            operation,
            path,
            xml,
            due: now + config.set_timeout,
        });
        Ok(())
    }

    /// Ends the orders whose settings now have the requested value.
    pub(super) fn confirm_settings(&mut self) {
        let Ok(settings) = &self.settings else { return };
        let wanted = |setting: &Setting| {
            let mut expected = settings.clone();
            expected.replace(&setting.path, &setting.xml).is_ok()
                && expected.value(&setting.path) == settings.value(&setting.path)
        };
        for setting in self
            .setting
            .extract_if(.., |setting| wanted(setting))
            .collect::<Vec<_>>()
        {
            self.finish(setting.operation, Ok(Answer::Set { confirmed: true }));
        }
    }

    pub(super) fn take_position(&mut self, now: Instant, config: &RegistrySettings, position: &DataWithAxes) {
        let Some(value) = self.keep_position(position) else {
            return;
        };
        self.answer_due = None;
        self.order_move(now, config);
        for operation in core::mem::take(&mut self.asking) {
            self.finish(operation, Ok(self.position_answer()));
        }
        let Some(stopping) = &mut self.stopping else {
            return;
        };
        let stands = stopping
            .last
            .is_some_and(|(last, at)| last == value && now.duration_since(at) >= STOP_POLL);
        if self.moving.is_none() || stands {
            self.end_stop();
        } else if stopping
            .last
            .is_none_or(|(_, at)| now.duration_since(at) >= STOP_POLL)
        {
            stopping.last = Some((value, now));
            stopping.ask_at = Some(now + STOP_POLL);
        }
    }

    pub(super) fn end_move(&mut self, position: &DataWithAxes) {
        self.keep_position(position);
        if self.stopping.is_some() {
            self.end_stop();
        } else if let Some(operation) = self.moving.take().and_then(|moving| moving.operation) {
            self.finish(operation, Ok(self.position_answer()));
        }
    }

    fn end_stop(&mut self) {
        let at = self.position.as_ref().map_or(f64::NAN, |(value, _)| *value);
        if let Some(operation) = self.moving.take().and_then(|moving| moving.operation) {
            self.finish(operation, Err(OperationError::Stopped(at)));
        }
        for operation in self
            .stopping
            .take()
            .into_iter()
            .flat_map(|stopping| stopping.operations)
        {
            self.finish(operation, Ok(self.position_answer()));
        }
    }

    /// Fails the order that the module has just refused.
    pub(super) fn fail_current(&mut self, now: Instant, config: &RegistrySettings, error: &OperationError) {
        let grab = self.grabbing.take().and_then(|grabbing| grabbing.operation);
        let moving = self.moving.take().and_then(|moving| moving.operation);
        for operation in grab.into_iter().chain(moving) {
            self.finish(operation, Err(error.clone()));
        }
        self.order_grab(now, config);
    }

    fn position_answer(&self) -> Answer {
        let (value, units) = self.position.clone().unwrap_or((f64::NAN, String::new()));
        Answer::Position { value, units }
    }

    /// Position as an order carries it, in the module's own units.
    fn position_object(&self, now: Instant, config: &RegistrySettings, value: f64) -> DataWithAxes {
        let units = self.position.as_ref().map_or("", |(_, units)| units.as_str());
        DataWithAxes::actuator(self.name.as_str(), config.epoch + seconds(now), value, units)
    }
}

fn position_order(generation: Option<Generation>, config: &RegistrySettings) -> Order {
    if config.check_position && generation.is_none_or(|generation| generation <= Generation::G2) {
        Order::CheckPosition
    } else {
        Order::GetActuatorValue
    }
}

fn impossible(why: impl Into<String>) -> OperationError {
    OperationError::Impossible(why.into())
}
