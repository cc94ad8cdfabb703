//! Reference model: the guarantees of a device connection, checked from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use labwire_core::device::{DeviceEvent, Failure, Health, RequestId, Settings, State};
use labwire_core::time::Instant;

use crate::world::Kind;

/// Watches one connection and panics when it violates a guarantee.
pub(crate) struct Contract {
    settings: Settings,
    pending: BTreeMap<RequestId, Submitted>,
    cancelled: BTreeMap<RequestId, Submitted>,
    /// By call number: the connections on which bytes of its message were written.
    written: BTreeMap<usize, Vec<u64>>,
    delivered: BTreeMap<usize, usize>,
    /// Calls that nobody waits for: nothing more of them may be written.
    abandoned: BTreeSet<usize>,
    /// Sends that succeeded on the current connection, and those of earlier ones that no event has reported yet.
    sends: Vec<usize>,
    unreported: Vec<usize>,
    degraded: bool,
    state: State,
    since: Instant,
    last_attempt: Option<Instant>,
    /// Upper bounds on the current wait, and on the next.
    wait: Duration,
    next_wait: Duration,
    /// Whether somebody has waited for a connection during the current wait.
    asked: bool,
    /// Number of answers on the current connection.
    answers: u64,
    /// Whether the last connection brought none.
    unproved: bool,
    was_restored: bool,
    fine_since: Option<Instant>,
    pub(crate) tally: Tally,
}

/// Cases that occurred, to verify that the schedules reach all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answers: u64,
    pub(crate) failures: u64,
    pub(crate) twice: u64,
    pub(crate) restored: u64,
    pub(crate) lost_sends: u64,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            answers: self.answers + other.answers,
            failures: self.failures + other.failures,
            twice: self.twice + other.twice,
            restored: self.restored + other.restored,
            lost_sends: self.lost_sends + other.lost_sends,
        }
    }
}

#[derive(Clone, Copy)]
struct Submitted {
    index: usize,
    kind: Kind,
    is_listening: bool,
    at: Instant,
    deadline: Instant,
}

impl Contract {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            pending: BTreeMap::new(),
            cancelled: BTreeMap::new(),
            written: BTreeMap::new(),
            delivered: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            sends: Vec::new(),
            unreported: Vec::new(),
            degraded: false,
            state: State::Disconnected,
            since: Instant::ZERO,
            last_attempt: None,
            wait: Duration::ZERO,
            next_wait: settings.backoff_initial,
            asked: false,
            answers: 0,
            unproved: false,
            was_restored: false,
            fine_since: None,
            tally: Tally::default(),
            settings,
        }
    }

    pub(crate) fn submitted(
        &mut self,
        now: Instant,
        id: RequestId,
        index: usize,
        kind: Kind,
        is_listening: bool,
        timeout: Duration,
    ) {
        let submitted = Submitted {
            index,
            kind,
            is_listening,
            at: now,
            deadline: now + timeout,
        };
        assert!(self.pending.insert(id, submitted).is_none(), "{id:?} used twice");
    }

    pub(crate) fn cancelled(&mut self, id: RequestId) {
        if let Some(submitted) = self.pending.remove(&id) {
            self.cancelled.insert(id, submitted);
            if !submitted.is_listening {
                self.abandoned.insert(submitted.index);
            }
        }
    }

    /// An attempt to connect starts: never before the minimum interval, and without demand not before half a back-off
    /// step.
    pub(crate) fn attempt(&mut self, now: Instant) {
        if let Some(last) = self.last_attempt {
            let interval = now.duration_since(last);
            assert!(
                interval >= self.settings.minimum_interval,
                "{interval:?} between attempts"
            );
            let waited = now.duration_since(self.since);
            assert!(
                self.asked || waited >= self.wait / 2,
                "{waited:?} of {:?} waited",
                self.wait
            );
        }
        self.last_attempt = Some(now);
    }

    /// The client wants to write `waiting`, and a part of it is written.
    pub(crate) fn written(&mut self, connection: u64, waiting: &[u8]) {
        assert_eq!(self.state, State::Connected);
        if waiting.len() < 8 {
            return;
        }
        let index = number(waiting);
        let connections = self.written.entry(index).or_default();
        assert!(
            !connections.contains(&connection),
            "call {index} written twice to one connection"
        );
        assert!(
            !self.abandoned.contains(&index),
            "call {index} written after it was cancelled"
        );
        connections.push(connection);
        let is_idempotent = self
            .pending
            .values()
            .any(|pending| pending.index == index && pending.kind == Kind::Query { idempotent: true });
        assert!(
            connections.len() <= 1 + usize::from(is_idempotent),
            "call {index} sent again"
        );
        self.tally.twice += u64::from(connections.len() == 2);
    }

    /// The device has read a complete line.
    pub(crate) fn delivered(&mut self, line: &[u8]) {
        *self.delivered.entry(number(line)).or_default() += 1;
    }

    pub(crate) fn event(&mut self, now: Instant, event: DeviceEvent) {
        match event {
            DeviceEvent::Health(Health::Degraded { unconfirmed, .. }) => {
                assert!(!self.degraded, "degraded twice");
                self.degraded = true;
                let lost = self.undelivered(&self.sends).count();
                assert!(lost <= unconfirmed as usize, "{lost} of {unconfirmed} sends lost");
                self.tally.lost_sends += lost as u64;
                self.sends.clear();
                self.unreported.clear();
            }
            DeviceEvent::Health(Health::Restored { .. }) => {
                assert!(self.degraded, "restored twice");
                self.degraded = false;
                self.was_restored = true;
                self.tally.restored += 1;
            }
            DeviceEvent::Unasked(_) => {}
            DeviceEvent::Finished { id, result } => self.finished(now, id, result),
        }
    }

    fn finished(&mut self, now: Instant, id: RequestId, result: Result<Vec<u8>, Failure>) {
        let submitted = self.pending.remove(&id).or_else(|| self.cancelled.remove(&id));
        let call = submitted.unwrap_or_else(|| panic!("{id:?} ended twice"));
        assert!(
            now <= call.deadline,
            "{:?} late",
            now.duration_since(call.deadline)
        );
        match result {
            Ok(answer) => {
                let awaits = call.is_listening || matches!(call.kind, Kind::Query { .. });
                let expected = if awaits {
                    format!("A{:06}\n", call.index)
                } else {
                    String::new()
                };
                assert_eq!(
                    answer.escape_ascii().to_string(),
                    expected.as_bytes().escape_ascii().to_string()
                );
                if awaits {
                    self.answers += 1;
                    self.tally.answers += 1;
                    assert!(self.delivered.contains_key(&call.index));
                } else if !self.degraded {
                    self.sends.push(call.index);
                }
            }
            Err(failure) => {
                self.tally.failures += 1;
                let never_written = !self.written.contains_key(&call.index);
                assert!(
                    failure.is_sent() || call.is_listening || never_written,
                    "{failure} is a lie"
                );
                let is_quiet = failure == Failure::TimedOut { sent: false };
                assert!(
                    self.degraded || is_quiet || call.is_listening,
                    "{failure} without Degraded"
                );
            }
        }
    }

    /// State of the connection after everything else has been checked.
    pub(crate) fn state(&mut self, now: Instant, state: State) {
        if std::mem::take(&mut self.was_restored) {
            assert!(self.answers > 0 || !self.unproved, "restored without an answer");
        }
        if state != self.state {
            self.enter(now, state);
        }
        let waiting = self.pending.values().filter(|pending| !pending.is_listening);
        let asked = waiting.map(|pending| pending.at.max(self.since)).min();
        self.asked |= asked.is_some();
        if let (State::Backoff, Some(last)) = (state, self.last_attempt) {
            let due = asked.unwrap_or(self.since + self.wait);
            let due = due.max(last + self.settings.minimum_interval);
            assert!(now <= due, "{:?} too late to connect", now.duration_since(due));
        }
    }

    fn enter(&mut self, now: Instant, state: State) {
        match (self.state, state) {
            (State::Connecting, State::Backoff) => {
                let fine = self.fine_since.zip(self.last_attempt);
                assert!(
                    fine.is_none_or(|(fine, attempt)| attempt < fine),
                    "failed in fine weather"
                );
                assert!(
                    self.pending.is_empty(),
                    "the attempt failed, but not who waited for it"
                );
            }
            (State::Connected, State::Backoff) => {
                let lasted = now.duration_since(self.since) >= self.settings.backoff_maximum;
                self.unproved = self.answers == 0 && !lasted;
                if !self.unproved {
                    self.next_wait = self.settings.backoff_initial;
                }
                self.unreported.append(&mut self.sends);
            }
            (State::Disconnected | State::Backoff, State::Connecting) => {}
            (State::Connecting, State::Connected) => self.answers = 0,
            change => panic!("{change:?}"),
        }
        if state == State::Backoff {
            assert!(self.degraded, "the connection ended without a word");
            let first = self.pending.values().next();
            assert!(
                !first.is_some_and(|first| first.is_listening),
                "listening to nobody"
            );
            self.wait = self.next_wait;
            self.next_wait = (self.wait * 2).min(self.settings.backoff_maximum);
        }
        self.asked = false;
        self.since = now;
        self.state = state;
    }

    /// From now on every attempt to connect succeeds.
    pub(crate) fn weather_is_fine(&mut self, since: Instant) {
        self.fine_since = Some(since);
    }

    /// Long after the faults have ended: every request has ended, the device is well, and nothing was lost silently.
    pub(crate) fn end(&mut self) {
        assert!(
            self.pending.is_empty(),
            "{} requests never ended",
            self.pending.len()
        );
        assert_eq!(self.state, State::Connected);
        assert!(!self.degraded, "never restored");
        let silent: Vec<_> = self
            .undelivered(&self.unreported)
            .chain(self.undelivered(&self.sends))
            .collect();
        assert!(silent.is_empty(), "sends {silent:?} lost in silence");
        let twice = |(index, &count): (&usize, &usize)| count > self.written[index].len();
        assert!(!self.delivered.iter().any(twice));
    }

    fn undelivered<'a>(&'a self, sends: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        sends
            .iter()
            .copied()
            .filter(|index| !self.delivered.contains_key(index))
    }
}

fn number(message: &[u8]) -> usize {
    let digits = std::str::from_utf8(&message[1..7]).ok();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("messages are numbered")
}
