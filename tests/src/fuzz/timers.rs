//! Time: a peer that says anything, reads as much as it likes and stays away as long as it likes.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::pymodaq::{self, ModuleKind};
use labwire_core::python_json::Value;
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Service};
use labwire_core::session::{Asker, Session};
use labwire_core::time::Instant;
use labwire_core::zeiss::Transport;
use labwire_core::{obe, open};

use super::GENERATIONS;
use super::sessions::{actuator, designer, grabber, importer, obe_limits, optimizer};

const ID: ConnectionId = ConnectionId(1);
const FUEL: u32 = 64;
/// Calls after which a timer that is still due is never served.
const CALLS: usize = 100;
/// Steps of long work, and waits, after which a connection that was told to end never does.
const PATIENCE: usize = 2000;

/// Timers of the sessions and services: a call that is not due changes nothing, one that is due is not due again for
/// ever, and what is told to end does, whatever its peer has said, read or left unread.
///
/// Input: a byte for the session, then a script: bytes whose last three bits say what happens and whose first five how
/// much of it; input is followed by its bytes.
pub fn timers(input: &[u8]) {
    let [choice, script @ ..] = input else { return };
    let limits = pymodaq::Limits::default();
    let generation = GENERATIONS[usize::from(*choice) / 12 % GENERATIONS.len()];
    let now = Instant::ZERO;
    match choice % 12 {
        0 => Served::walk(optimizer(), script),
        1 => Served::walk(designer(), script),
        2 => Served::walk(importer(Transport::Tcp), script),
        3 => Served::walk(importer(Transport::WebSocket), script),
        4 => Served::walk(Registry::new(RegistrySettings::default()), script),
        5 => Served::walk(grabber(generation), script),
        6 => Served::walk(actuator(generation), script),
        7 => {
            let name = "spectrometer";
            let kind = ModuleKind::Grabber;
            walk(
                Alone(pymodaq::Client::new(now, &limits, generation, kind, name, None)),
                script,
            );
        }
        8 => walk(Alone(pymodaq::Controller::new(now, &limits)), script),
        9 => {
            let mut client = open::Client::one_shot(SessionLimits::default());
            let asked = client.request(now, &open::Request::Ping(1));
            asked.expect("an open connection");
            walk(Alone(client), script);
        }
        10 => {
            let mut client = obe::Client::new(obe_limits());
            let asked = client.request(now, &Value::from(&obe::Request::Ready));
            asked.expect("an open connection");
            walk(Alone(client), script);
        }
        _ => {
            let mut client = labwire_core::zeiss::Client::new(Transport::Tcp, Default::default());
            client.request(now, "{}").expect("an open connection");
            walk(Alone(client), script);
        }
    }
}

/// A connection as its host sees it.
trait Subject {
    fn wants_input(&self) -> bool;
    fn say(&mut self, now: Instant, bytes: &[u8]);
    fn end(&mut self, now: Instant);
    fn shut_down(&mut self, now: Instant);
    fn waiting(&self) -> usize;
    fn take(&mut self, now: Instant, count: usize);
    fn due(&self) -> Option<Instant>;
    fn pass(&mut self, now: Instant);
    /// Does a part of what is to be done besides.
    fn work(&mut self, now: Instant) -> Busy;
    fn is_drained(&self) -> bool;
}

/// Connection of a service.
struct Served<S: Service>(Endpoint<S>);

impl<S: Service> Served<S> {
    fn walk(service: S, script: &[u8]) {
        let mut server = Endpoint::new(service);
        let opened = server.open(Instant::ZERO, ID, Peer::LOCAL);
        opened.expect("the first connection");
        walk(Self(server), script);
    }
}

impl<S: Service> Subject for Served<S> {
    fn wants_input(&self) -> bool {
        self.0.wants_input(ID)
    }

    fn say(&mut self, now: Instant, bytes: &[u8]) {
        self.0.handle_input(now, ID, bytes);
    }

    fn end(&mut self, now: Instant) {
        self.0.handle_eof(now, ID);
    }

    fn shut_down(&mut self, now: Instant) {
        self.0.handle_shutdown(now);
    }

    fn waiting(&self) -> usize {
        self.0.transmit(ID).len()
    }

    fn take(&mut self, now: Instant, count: usize) {
        self.0.transmitted(now, ID, count);
    }

    fn due(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn pass(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn work(&mut self, now: Instant) -> Busy {
        self.0.step(now, FUEL)
    }

    fn is_drained(&self) -> bool {
        self.0.is_drained(ID)
    }
}

/// Session whose application takes every event and answers none.
struct Alone<S>(S);

impl<S: Session> Subject for Alone<S> {
    fn wants_input(&self) -> bool {
        self.0.wants_input()
    }

    fn say(&mut self, now: Instant, bytes: &[u8]) {
        self.0.handle_input(now, bytes);
    }

    fn end(&mut self, now: Instant) {
        self.0.handle_eof(now);
    }

    fn shut_down(&mut self, now: Instant) {
        self.0.handle_shutdown(now);
    }

    fn waiting(&self) -> usize {
        self.0.transmit().len()
    }

    fn take(&mut self, now: Instant, count: usize) {
        self.0.transmitted(now, count);
    }

    fn due(&self) -> Option<Instant> {
        self.0.poll_timeout().map(|(due, _)| due)
    }

    fn pass(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn work(&mut self, _now: Instant) -> Busy {
        match self.0.poll_event() {
            Some(_) => Busy::Yes,
            None => Busy::No,
        }
    }

    fn is_drained(&self) -> bool {
        self.0.is_drained()
    }
}

fn walk(mut subject: impl Subject, mut script: &[u8]) {
    let mut now = Instant::ZERO;
    let mut has_ended = false;
    while let [step, rest @ ..] = script {
        script = rest;
        let amount = u32::from(step >> 3);
        match step & 7 {
            0 | 1 => {
                let (said, rest) = script.split_at((amount as usize + 1).min(script.len()));
                script = rest;
                if subject.wants_input() && !has_ended {
                    subject.say(now, said);
                }
            }
            2 => drop(subject.work(now)),
            3 => now = wait(&mut subject, now, Duration::from_millis(1 << (amount % 20))),
            4 => {
                if let Some(due) = subject.due() {
                    now = wait(&mut subject, now, due.duration_since(now));
                }
            }
            5 => read(&mut subject, now, 1 << (amount % 20)),
            6 if amount == 0 => subject.shut_down(now),
            6 if amount == 1 && !has_ended => {
                subject.end(now);
                has_ended = true;
            }
            _ => read(&mut subject, now, usize::MAX),
        }
    }
    leave(subject, now);
}

/// The host wants to end, and the peer does nothing more.
fn leave(mut subject: impl Subject, mut now: Instant) {
    subject.shut_down(now);
    for _ in 0..PATIENCE {
        if subject.is_drained() {
            return;
        }
        if matches!(subject.work(now), Busy::Yes) {
            // Work is limited by time, and this is a slow machine.
            now = wait(&mut subject, now, Duration::from_millis(500));
        } else if let Some(due) = subject.due() {
            now = wait(&mut subject, now, due.duration_since(now));
        } else {
            // The host has sent everything.
            assert!(subject.waiting() > 0, "nothing is awaited, but it does not end");
            read(&mut subject, now, usize::MAX);
        }
    }
    panic!("a connection that was told to end does not");
}

fn read(subject: &mut impl Subject, now: Instant, most: usize) {
    let count = subject.waiting().min(most);
    if count > 0 {
        subject.take(now, count);
    }
}

/// Lets time pass: up to the timer, if that is due before.
fn wait(subject: &mut impl Subject, now: Instant, time: Duration) -> Instant {
    let until = now + time;
    let Some(due) = subject.due().filter(|due| *due <= until) else {
        let before = (subject.due(), subject.waiting(), subject.is_drained());
        subject.pass(until);
        assert_eq!(
            (subject.due(), subject.waiting(), subject.is_drained()),
            before,
            "a call before its time"
        );
        return until;
    };
    let now = due.max(now);
    for _ in 0..CALLS {
        subject.pass(now);
        if subject.due().is_none_or(|due| due > now) {
            return now;
        }
    }
    panic!("a timer is due for ever");
}
