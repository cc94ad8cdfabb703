//! Device connection, network and device in simulated time.
//!
//! The device answers `Q000017
//! ` with `A000017
//! `, and nothing to `S000017
//! `. Its weather changes on schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use labwire_core::device::{Connection, Request, RequestId, Settings};
use labwire_core::session::{Action, Asker, ConnectError, Connector, Event, Session};
use labwire_core::time::Instant;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::contract::Contract;

/// Behaviour of the device and the network for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Healthy,
    /// Nothing listens.
    Refusing,
    /// Nobody answers attempts to connect.
    Blackhole,
    /// Connections are accepted and closed at once.
    Dropping,
    /// Requests are read and never answered.
    Mute,
    /// Answers are delayed by this time.
    Slow(Duration),
    /// Half an answer, then the end of the stream.
    HalfThenClose,
    /// Half an answer, then silence.
    HalfThenMute,
    /// A connection is reset after this many bytes.
    ResetAfter(usize),
    /// Bytes vanish in both directions, without a sign.
    HalfOpen,
    /// The device sends unsolicited bytes right after its answers.
    Chatty,
}

/// Effect of a change of the weather on the existing connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    None,
    Close,
    Reset,
    /// The other side forgets it, without a sign.
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Query { idempotent: bool },
    Send,
    SendThenRecv,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    pub(crate) timeout: Duration,
    pub(crate) cancel_after: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) weather: Vec<(Duration, Weather, Cut)>,
    pub(crate) calls: Vec<Call>,
    /// Serial converter: answers on their way when a connection ended arrive at the start of the next.
    pub(crate) converter: bool,
}

/// Time after which probes of a dead connection have failed.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(3);
/// Longest delay from one side to the other.
pub(crate) const LATENCY: Duration = Duration::from_millis(10);

enum Happening {
    Weather(Weather, Cut),
    Call(usize),
    Cancel(RequestId),
    Writable,
    Connected(u64),
    Refused(u64),
    ToDevice(u64, Vec<u8>),
    ToClient(u64, Vec<u8>),
    Fin(u64),
    Lost(u64),
}

pub(crate) struct World {
    now: Instant,
    schedule: Schedule,
    random: Xoshiro256PlusPlus,
    happenings: BTreeMap<(Instant, u64), Happening>,
    happened: u64,
    weather: Weather,
    client: Connection,
    /// Number of the client's current connection or attempt; 0 if there is none.
    connection: u64,
    connections: u64,
    device: Device,
    pub(crate) contract: Contract,
}

/// Device's end of the newest connection.
#[derive(Default)]
struct Device {
    connection: u64,
    /// Whether the other side is gone, or bytes vanish.
    forgotten: bool,
    line: Vec<u8>,
    received: usize,
    /// Arrival of the last bytes on their way, in both directions: a stream keeps its order.
    to_device: Instant,
    to_client: Instant,
    held: Vec<u8>,
}

impl World {
    pub(crate) fn new(schedule: Schedule, settings: Settings) -> Self {
        let mut world = Self {
            now: Instant::ZERO,
            random: Xoshiro256PlusPlus::seed_from_u64(schedule.seed),
            happenings: BTreeMap::new(),
            happened: 0,
            weather: Weather::Healthy,
            client: Connection::new(settings.clone(), schedule.seed),
            connection: 0,
            connections: 0,
            device: Device::default(),
            contract: Contract::new(settings),
            schedule,
        };
        for (at, weather, cut) in world.schedule.weather.clone() {
            world.at(Instant::ZERO + at, Happening::Weather(weather, cut));
        }
        for (index, call) in world.schedule.calls.clone().iter().enumerate() {
            world.at(Instant::ZERO + call.at, Happening::Call(index));
        }
        world
    }

    /// Runs until `end`, in which the last weather has been healthy since `healthy_since`.
    pub(crate) fn run(&mut self, healthy_since: Instant, end: Instant) {
        self.drive();
        loop {
            let happening = self.happenings.keys().next().map(|&(at, _)| at);
            let timeout = self.client.poll_timeout().map(|(at, _)| at.max(self.now));
            let Some(next) = happening.into_iter().chain(timeout).min().filter(|&at| at <= end) else {
                break;
            };
            if self.now < healthy_since && next >= healthy_since {
                self.contract.weather_is_fine(healthy_since);
            }
            self.now = next;
            match self.happenings.first_entry() {
                Some(entry) if entry.key().0 == next => {
                    let happening = entry.remove();
                    self.happen(happening);
                }
                _ => self.client.handle_timeout(self.now),
            }
            self.drive();
        }
        self.contract.end();
    }

    fn at(&mut self, at: Instant, happening: Happening) {
        self.happened += 1;
        self.happenings.insert((at, self.happened), happening);
    }

    fn latency(&mut self) -> Duration {
        Duration::from_nanos(self.random.next_u64() % LATENCY.as_nanos() as u64)
    }

    /// Steps that every host takes after every call.
    fn drive(&mut self) {
        loop {
            match self.client.poll_action() {
                Some(Action::Connect) => self.connect(),
                Some(Action::Close) => self.connection = 0,
                None => {}
            }
            while let Some(event) = self.client.poll_event() {
                match event {
                    Event::Application(event) => self.contract.event(self.now, event),
                    Event::Closed(reason) => panic!("closed: {reason}"),
                }
            }
            self.contract.state(self.now, self.client.state());
            if self.client.transmit().is_empty() || self.is_stuffed() {
                break;
            }
            let waiting = self.client.transmit();
            let count = 1 + self.random.next_u64() as usize % waiting.len();
            let bytes = waiting[..count].to_vec();
            self.contract.written(self.connection, waiting);
            self.client.transmitted(self.now, count);
            self.write(bytes);
        }
    }

    /// Whether the transport takes nothing at the moment.
    fn is_stuffed(&mut self) -> bool {
        let stuffed = self.random.next_u64().is_multiple_of(8);
        if stuffed {
            self.at(self.now + LATENCY, Happening::Writable);
        }
        stuffed
    }

    fn connect(&mut self) {
        assert_eq!(self.connection, 0, "two connections at once");
        self.connections += 1;
        self.connection = self.connections;
        self.contract.attempt(self.now);
        let at = self.now + self.latency();
        match self.weather {
            Weather::Refusing => self.at(at, Happening::Refused(self.connection)),
            Weather::Blackhole | Weather::HalfOpen => {}
            _ => self.at(at, Happening::Connected(self.connection)),
        }
    }

    fn write(&mut self, bytes: Vec<u8>) {
        let at = (self.now + self.latency()).max(self.device.to_device);
        self.device.to_device = at;
        self.at(at, Happening::ToDevice(self.connection, bytes));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Weather(weather, cut) => {
                self.weather = weather;
                self.cut(cut);
            }
            Happening::Call(index) => self.call(index),
            Happening::Cancel(id) => {
                self.contract.cancelled(id);
                self.client.cancel(self.now, id);
            }
            Happening::Connected(connection) if connection == self.connection => self.connected(),
            Happening::Refused(connection) if connection == self.connection => {
                self.connection = 0;
                self.client.handle_connect_failed(self.now, ConnectError::Refused);
            }
            Happening::ToDevice(connection, bytes) if connection == self.device.connection => {
                self.device_reads(&bytes);
            }
            Happening::ToClient(connection, bytes) if connection == self.connection => {
                self.client.handle_input(self.now, &bytes);
            }
            Happening::ToClient(_, bytes) if self.schedule.converter => self.device.held.extend(bytes),
            Happening::Fin(connection) if connection == self.connection => self.client.handle_eof(self.now),
            Happening::Lost(connection) if connection == self.connection => {
                self.client.handle_lost(self.now);
            }
            _ => {}
        }
    }

    fn call(&mut self, index: usize) {
        let mut call = self.schedule.calls[index];
        if call.kind == Kind::SendThenRecv {
            // `recv` takes the next bytes. Whether they belong to the `send` is the caller's business, who cannot be
            // sure if the device sends unsolicited bytes, or if an earlier `recv` was given up.
            call.cancel_after = None;
            if self.chatters() {
                call.kind = Kind::Send;
            }
        }
        let until = || labwire_core::framing::until::Until::delimiter("\n");
        let question = format!("Q{index:06}\n");
        let requests = match call.kind {
            Kind::Query { idempotent: true } => vec![Request::query(question, until()).idempotent()],
            Kind::Query { idempotent: false } => vec![Request::query(question, until())],
            Kind::Send => vec![Request::send(format!("S{index:06}\n"))],
            Kind::SendThenRecv => vec![Request::send(question), Request::recv(until())],
        };
        for request in requests {
            let request = request.timeout(call.timeout);
            let is_listening = request.steps[0].message.is_empty();
            match self.client.request(self.now, &request) {
                Ok(id) => {
                    self.contract
                        .submitted(self.now, id, index, call.kind, is_listening, call.timeout);
                    if let Some(after) = call.cancel_after {
                        self.at(self.now + after, Happening::Cancel(id));
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn chatters(&self) -> bool {
        self.schedule
            .weather
            .iter()
            .any(|&(_, weather, _)| weather == Weather::Chatty)
    }

    fn connected(&mut self) {
        let held = std::mem::take(&mut self.device.held);
        self.device = Device {
            connection: self.connection,
            ..Device::default()
        };
        self.client.handle_connected(self.now);
        self.say(held);
        match self.weather {
            Weather::Dropping => self.cut(Cut::Close),
            Weather::Blackhole | Weather::HalfOpen => self.cut(Cut::Forget),
            _ => {}
        }
    }

    fn cut(&mut self, cut: Cut) {
        let connection = self.device.connection;
        if cut == Cut::None || self.device.forgotten {
            return;
        }
        let at = (self.now + self.latency()).max(self.device.to_client);
        self.device.forgotten = true;
        match cut {
            Cut::None => {}
            Cut::Close => self.at(at, Happening::Fin(connection)),
            Cut::Reset => self.at(at, Happening::Lost(connection)),
            Cut::Forget => self.at(self.now + KEEPALIVE, Happening::Lost(connection)),
        }
    }

    fn device_reads(&mut self, bytes: &[u8]) {
        if self.device.forgotten {
            return;
        }
        for &byte in bytes {
            self.device.received += 1;
            if self.weather == Weather::ResetAfter(self.device.received) {
                return self.cut(Cut::Reset);
            }
            self.device.line.push(byte);
            if byte == b'\n' {
                let line = std::mem::take(&mut self.device.line);
                self.contract.delivered(&line);
                self.answer(line);
            }
        }
    }

    fn answer(&mut self, mut line: Vec<u8>) {
        if line[0] != b'Q' {
            return;
        }
        line[0] = b'A';
        match self.weather {
            Weather::Mute => {}
            Weather::HalfOpen => self.cut(Cut::Forget),
            Weather::HalfThenClose => {
                self.say(line[..4].to_vec());
                self.cut(Cut::Close);
            }
            Weather::HalfThenMute => self.say(line[..4].to_vec()),
            Weather::Slow(delay) => {
                self.device.to_client = (self.now + delay).max(self.device.to_client);
                self.say(line);
            }
            Weather::Chatty => {
                line.extend(b"U000000\nU");
                self.arrives(line);
            }
            _ => self.say(line),
        }
    }

    /// In pieces, each with its own delay.
    fn say(&mut self, bytes: Vec<u8>) {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + self.random.next_u64() as usize % rest.len());
            self.arrives(piece.to_vec());
            rest = after;
        }
    }

    fn arrives(&mut self, bytes: Vec<u8>) {
        let at = (self.now + self.latency()).max(self.device.to_client);
        self.device.to_client = at;
        self.at(at, Happening::ToClient(self.device.connection, bytes));
    }
}
