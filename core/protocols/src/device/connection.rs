//! State machine of a connection: connecting, giving up, and the device's health.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::time::Instant;
use labwire_session::{
    Action, Asker, Backoff, CloseReason, ConnectError, Connector, Event, Misuse, Session, Timer,
    TransmitState,
};

use super::conversation::Conversation;
use super::event::{DeviceEvent, Health, State};
use super::request::{Cause, Request, RequestId};
use super::settings::Settings;
use super::statistics::Statistics;
use super::telnet::Telnet;

/// Self-healing device connection. See the [module](super) for its guarantees.
#[derive(Debug)]
pub struct Connection {
    settings: Settings,
    phase: Phase,
    conversation: Conversation,
    telnet: Telnet,
    /// Bytes for the transport that belong to no request: refusals of telnet options, replies to a login.
    control: Vec<u8>,
    /// Bytes received in which the prompt of a login is searched.
    greeting: Vec<u8>,
    backoff: Backoff,
    last_attempt: Instant,
    /// Time since which the device has been unusable, and latest cause.
    degraded: Option<(Instant, Cause)>,
    /// Whether the next connection must bring an answer before the device counts as well.
    unproved: bool,
    next_id: u64,
    wants_connect: bool,
    wants_close: bool,
    events: VecDeque<Health>,
    is_shutting_down: bool,
    closed: Option<CloseReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Disconnected,
    Connecting,
    /// Connected; the device has yet to greet or ask for this part of the login.
    Greeting {
        since: Instant,
        part: usize,
    },
    /// Connected, but input is dropped until this time.
    Settling {
        since: Instant,
        until: Instant,
    },
    Connected {
        since: Instant,
        /// `statistics.answers` at its start.
        answers: u64,
    },
    Backoff {
        until: Instant,
    },
    Closed,
}

impl Connection {
    /// Creates a connection, which the host's first [`handle_timeout`](Session::handle_timeout) starts. `seed`
    /// determines the jitter of its back-off; it should differ between connections.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            phase: Phase::Disconnected,
            conversation: Conversation::new(&settings),
            telnet: Telnet::default(),
            control: Vec::new(),
            greeting: Vec::new(),
            backoff: Backoff::new(settings.backoff_initial, settings.backoff_maximum, seed),
            last_attempt: Instant::ZERO,
            degraded: None,
            unproved: false,
            next_id: 0,
            wants_connect: false,
            wants_close: false,
            events: VecDeque::new(),
            is_shutting_down: false,
            closed: None,
            settings,
        }
    }

    /// Cancels a request whose reply is no longer wanted. If none of it was sent it is dropped, without an event.
    /// Otherwise it is seen through, so that the next request does not get its answer.
    pub fn cancel(&mut self, now: Instant, id: RequestId) {
        self.conversation.cancel(id);
        self.update(now);
    }

    /// State of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Disconnected | Phase::Closed => State::Disconnected,
            Phase::Connecting => State::Connecting,
            Phase::Greeting { .. } | Phase::Settling { .. } | Phase::Connected { .. } => State::Connected,
            Phase::Backoff { .. } => State::Backoff,
        }
    }

    /// Reason why the device is unusable; `None` while it is well.
    #[must_use]
    pub fn degraded(&self) -> Option<&Cause> {
        self.degraded.as_ref().map(|(_, cause)| cause)
    }

    /// Counters.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.conversation.statistics
    }

    /// Upper bound on the next delay.
    #[must_use]
    pub fn backoff_step(&self) -> Duration {
        self.backoff.step()
    }

    fn begin_attempt(&mut self, now: Instant) {
        self.phase = Phase::Connecting;
        self.last_attempt = now;
        self.wants_connect = true;
        self.conversation.statistics.attempts += 1;
    }

    fn end_attempt(&mut self, now: Instant, error: ConnectError) {
        let cause = Cause::Connect(error);
        self.conversation.fail_all(&cause);
        self.degrade(now, cause, 0);
        self.back_off(now);
    }

    /// Handles the end of the current connection.
    fn disconnect(&mut self, now: Instant, cause: Cause) {
        let (since, answers) = match self.phase {
            Phase::Greeting { since, .. } | Phase::Settling { since, .. } => {
                (since, self.statistics().answers)
            }
            Phase::Connected { since, answers } => (since, answers),
            _ => return,
        };
        // A device that accepts connections and drops them, or stays silent, is not well merely because it could be
        // connected to.
        let lasted = now.duration_since(since) >= self.settings.backoff_maximum;
        let proved = self.statistics().answers > answers || lasted;
        if proved {
            self.backoff.reset();
        }
        self.unproved = !proved || cause == Cause::TimedOut;
        self.wants_close = true;
        self.conversation.statistics.connections_lost += 1;
        let unconfirmed = self.conversation.lost(&cause);
        self.degrade(now, cause, unconfirmed);
        self.back_off(now);
    }

    fn degrade(&mut self, now: Instant, cause: Cause, unconfirmed: u32) {
        if let Some((_, last_cause)) = &mut self.degraded {
            *last_cause = cause;
        } else {
            self.degraded = Some((now, cause.clone()));
            self.events.push_back(Health::Degraded { cause, unconfirmed });
        }
    }

    fn back_off(&mut self, now: Instant) {
        let until = now + self.backoff.next_delay();
        self.phase = Phase::Backoff {
            until: until.max(self.earliest_attempt()),
        };
    }

    fn earliest_attempt(&self) -> Instant {
        self.last_attempt + self.settings.minimum_interval
    }

    /// Time of the next attempt to connect; a waiting request does not wait for the back-off.
    fn attempt_due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Backoff { until } if self.conversation.len() == 0 => Some(until),
            Phase::Backoff { .. } => Some(self.earliest_attempt()),
            _ => None,
        }
    }

    /// Takes a part of the greeting or login. The device settles after the last.
    fn greet(&mut self, now: Instant, bytes: &[u8]) {
        let Phase::Greeting { since, mut part } = self.phase else {
            return;
        };
        self.conversation.discard(bytes);
        self.greeting.extend_from_slice(bytes);
        while let Some(login) = self.settings.login.get(part) {
            let Some(at) = memchr::memmem::find(&self.greeting, &login.prompt) else {
                break;
            };
            self.greeting.drain(..at + login.prompt.len());
            self.control.extend_from_slice(&login.reply);
            part += 1;
        }
        if self.greeting.len() > self.settings.answer_bytes {
            self.greet_no_more(now);
        } else if part < self.settings.login.len() {
            self.phase = Phase::Greeting { since, part };
        } else {
            self.greeting.clear();
            self.phase = Phase::Settling {
                since,
                until: now + self.settings.settle_time,
            };
        }
    }

    /// Ends a connection on which the device has not greeted as it should.
    fn greet_no_more(&mut self, now: Instant) {
        let mut said = core::mem::take(&mut self.greeting);
        said.truncate(100);
        let cause = Cause::NotGreeted(said);
        self.conversation.fail_all(&cause);
        self.disconnect(now, cause);
    }

    /// Advances as far as possible.
    fn update(&mut self, now: Instant) {
        if let Phase::Settling { since, until } = self.phase
            && now >= until
        {
            let answers = self.statistics().answers;
            self.phase = Phase::Connected { since, answers };
        }
        self.conversation.pause(!self.control.is_empty());
        if let Phase::Connected { answers, .. } = self.phase {
            let result = self.conversation.advance(now);
            let proved = self.statistics().answers > answers;
            if (proved || !self.unproved)
                && let Some((since, _)) = self.degraded.take()
            {
                self.unproved = false;
                let after = now.duration_since(since);
                self.events.push_back(Health::Restored { after });
            }
            if let Err(cause) = result {
                self.disconnect(now, cause);
            }
        }
        if let (Phase::Backoff { .. }, Some((_, cause))) = (self.phase, &self.degraded) {
            self.conversation.fail_listeners(cause);
        }
        if self.is_shutting_down && self.conversation.len() == 0 && self.phase != Phase::Closed {
            self.wants_close |= matches!(self.state(), State::Connecting | State::Connected);
            self.wants_connect = false;
            self.phase = Phase::Closed;
            self.closed = Some(CloseReason::Shutdown);
        }
    }
}

impl Connector for Connection {
    fn poll_action(&mut self) -> Option<Action> {
        if core::mem::take(&mut self.wants_close) {
            Some(Action::Close)
        } else {
            core::mem::take(&mut self.wants_connect).then_some(Action::Connect)
        }
    }

    fn handle_connected(&mut self, now: Instant) {
        if self.phase == Phase::Connecting {
            self.conversation.statistics.connections += 1;
            (self.telnet, self.control) = (Telnet::default(), Vec::new());
            self.greeting.clear();
            self.phase = Phase::Greeting { since: now, part: 0 };
            self.greet(now, &[]);
            self.handle_timeout(now);
        }
    }

    fn handle_connect_failed(&mut self, now: Instant, error: ConnectError) {
        if self.phase == Phase::Connecting {
            self.end_attempt(now, error);
            self.update(now);
        }
    }
}

impl Session for Connection {
    type Event = DeviceEvent;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        let data;
        let bytes = if self.settings.telnet {
            data = self.telnet.filter(bytes, &mut self.control);
            &data
        } else {
            bytes
        };
        match self.phase {
            Phase::Greeting { .. } => self.greet(now, bytes),
            Phase::Settling { .. } => self.conversation.discard(bytes),
            Phase::Connected { .. } => self.conversation.input(now, bytes),
            _ => return,
        }
        self.update(now);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.disconnect(now, Cause::Closed);
        self.update(now);
    }

    fn handle_lost(&mut self, now: Instant) {
        self.disconnect(now, Cause::Lost);
        self.update(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Disconnected => self.begin_attempt(now),
            Phase::Connecting if now >= self.last_attempt + self.settings.connect_timeout => {
                // An attempt that the host has not begun needs no end.
                self.wants_close |= !core::mem::take(&mut self.wants_connect);
                self.end_attempt(now, ConnectError::TimedOut);
            }
            Phase::Greeting { since, .. } if now >= since + self.settings.connect_timeout => {
                self.greet_no_more(now);
            }
            Phase::Backoff { .. } if self.attempt_due().is_some_and(|due| now >= due) => {
                self.begin_attempt(now);
            }
            _ => {}
        }
        if self.conversation.expire(now) {
            self.disconnect(now, Cause::TimedOut);
        }
        self.update(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.is_shutting_down = true;
        self.update(now);
    }

    /// Always true: unsolicited input is bounded by `answer-bytes`, and an end of stream must not go unnoticed.
    fn wants_input(&self) -> bool {
        true
    }

    fn transmit(&self) -> &[u8] {
        match self.phase {
            Phase::Greeting { .. } | Phase::Settling { .. } | Phase::Connected { .. } => {}
            _ => return &[],
        }
        let message = self.conversation.transmit();
        if message.is_empty() {
            &self.control
        } else {
            message
        }
    }

    fn transmitted(&mut self, now: Instant, count: usize) {
        if self.conversation.transmit().is_empty() {
            self.control.drain(..count.min(self.control.len()));
        } else {
            self.conversation.transmitted(now, count);
        }
        self.update(now);
    }

    fn transmit_state(&self) -> TransmitState {
        TransmitState::Open
    }

    fn poll_event(&mut self) -> Option<Event<DeviceEvent>> {
        // The state of the device first, so that the recipient of a failure finds the device degraded already.
        if let Some(health) = self.events.pop_front() {
            return Some(Event::Application(DeviceEvent::Health(health)));
        }
        if let Some((id, result)) = self.conversation.poll_finished() {
            return Some(Event::Application(DeviceEvent::Finished { id, result }));
        }
        if let Some(bytes) = self.conversation.poll_unasked() {
            return Some(Event::Application(DeviceEvent::Unasked(bytes)));
        }
        self.closed.take().map(Event::Closed)
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let own = match self.phase {
            Phase::Disconnected => Some((Instant::ZERO, Timer::Start)),
            Phase::Connecting => Some((
                self.last_attempt + self.settings.connect_timeout,
                Timer::ConnectTimeout,
            )),
            Phase::Greeting { since, .. } => {
                Some((since + self.settings.connect_timeout, Timer::ConnectTimeout))
            }
            Phase::Settling { until, .. } => Some((until, Timer::SettleTime)),
            Phase::Backoff { .. } => self.attempt_due().map(|due| (due, Timer::Backoff)),
            Phase::Connected { .. } | Phase::Closed => None,
        };
        let is_connected = matches!(self.phase, Phase::Connected { .. });
        let requests = self.conversation.next_deadline(is_connected);
        own.into_iter().chain(requests).min_by_key(|&(due, _)| due)
    }

    fn held(&self) -> usize {
        match self.phase {
            Phase::Closed => 0,
            _ => self.conversation.held(),
        }
    }

    fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn is_drained(&self) -> bool {
        self.phase == Phase::Closed
    }
}

impl Asker for Connection {
    type Request = Request;
    type Ticket = RequestId;

    /// Queues a request; its end is reported by [`DeviceEvent::Finished`].
    ///
    /// # Errors
    /// If `queue-length` requests are waiting already, or the connection is shutting down.
    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, Misuse> {
        if self.is_shutting_down {
            return Err(Misuse::Closed);
        }
        if self.conversation.len() >= self.settings.queue_length {
            return Err(Misuse::QueueFull);
        }
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let deadline = now + request.timeout.unwrap_or(self.settings.request_timeout);
        self.conversation.push(id, request.clone(), deadline);
        self.update(now);
        Ok(id)
    }
}
