//! Two sessions, a simulated clock, and between them a link that re-chunks, delays, cuts and half-closes by a seed.
//!
//! ```
//! use labwire_core::limits::SessionLimits;
//! use labwire_core::open::{Client, Permissions, Reply, Request, Server};
//! use labwire_core::session::Asker;
//! use labwire_core::time::Instant;
//! use labwire_tests::sim::{Pair, Weather};
//!
//! let nothing = Permissions { kill: false, load: false };
//! let mut pair = Pair::new(
//!     Client::one_shot(SessionLimits::default()),
//!     Server::new(Instant::ZERO, SessionLimits::default(), nothing),
//!     Weather::random(7),
//! );
//! pair.a.session.request(pair.now, &Request::Ping(3)).unwrap();
//! while pair.step() {} // a server with an application answers `pair.b.events` here
//! assert_eq!(pair.a.events, [Reply::Pong(3)]);
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use labwire_core::session::{CloseReason, Event, Session, TransmitState};
use labwire_core::time::Instant;

/// Behaviour of the link, the same in both directions unless stated otherwise.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Largest number of bytes that travel together.
    pub max_piece: usize,
    /// Longest delay of a piece.
    pub max_delay: Duration,
    /// Number of bytes, in both directions together, after which the connection is lost.
    pub cut_after: Option<usize>,
    /// Number of bytes from `a` after which `b` sees the end of the stream, and further bytes from `a` are lost.
    pub half_close_after: Option<usize>,
}

impl Weather {
    /// Everything arrives at once.
    pub fn calm() -> Self {
        Self {
            seed: 0,
            max_piece: usize::MAX,
            max_delay: Duration::ZERO,
            cut_after: None,
            half_close_after: None,
        }
    }

    /// Small or large pieces, short or long delays; nothing is lost.
    pub fn random(seed: u64) -> Self {
        let mut random = SplitMix64(seed);
        Self {
            seed: random.next(),
            max_piece: [1, 2, 7, 100, 5000][random.below(5)],
            max_delay: Duration::from_micros([0, 50, 3000][random.below(3)]),
            ..Self::calm()
        }
    }
}

/// One end of the link.
pub struct End<S: Session> {
    /// Session.
    pub session: S,
    /// Events reported and not yet taken by the test.
    pub events: VecDeque<S::Event>,
    /// Reason why the session ended, once it has.
    pub closed: Option<CloseReason>,
    /// Packets on their way, with their times of arrival.
    incoming: VecDeque<(Instant, Packet)>,
    sent: usize,
    has_finished_sending: bool,
    /// Whether the host has dropped the session's transport.
    is_gone: bool,
}

#[derive(Debug)]
enum Packet {
    Bytes(Vec<u8>),
    Fin,
    Reset,
}

/// Two sessions and the link between them.
pub struct Pair<A: Session, B: Session> {
    /// Current time.
    pub now: Instant,
    /// One end.
    pub a: End<A>,
    /// The other end.
    pub b: End<B>,
    weather: Weather,
    random: SplitMix64,
}

impl<A: Session, B: Session> Pair<A, B> {
    /// Connects `a` and `b`.
    pub fn new(a: A, b: B, weather: Weather) -> Self {
        Self {
            now: Instant::ZERO,
            a: End::new(a),
            b: End::new(b),
            random: SplitMix64(weather.seed),
            weather,
        }
    }

    /// Does the next step of a host, or lets time pass until something is due. Returns false if nothing ever will be.
    pub fn step(&mut self) -> bool {
        let moved = [
            self.a.deliver(self.now),
            self.b.deliver(self.now),
            self.a
                .emit(self.now, &mut self.b, &self.weather, &mut self.random),
            self.b
                .emit(self.now, &mut self.a, &self.weather, &mut self.random),
        ];
        self.apply_faults();
        if moved.contains(&true) {
            return true;
        }
        let Some(due) = [self.a.due(), self.b.due()].into_iter().flatten().min() else {
            return false;
        };
        self.now = self.now.max(due);
        self.a.handle_timeout(self.now);
        self.b.handle_timeout(self.now);
        true
    }

    fn apply_faults(&mut self) {
        if self
            .weather
            .cut_after
            .is_some_and(|limit| self.a.sent + self.b.sent >= limit)
        {
            self.weather.cut_after = None;
            self.a.reset(self.now);
            self.b.reset(self.now);
        }
        if self
            .weather
            .half_close_after
            .is_some_and(|limit| self.a.sent >= limit)
        {
            self.weather.half_close_after = None;
            if !self.a.has_finished_sending {
                self.a.has_finished_sending = true;
                let due = self.b.last_arrival(self.now);
                self.b.incoming.push_back((due, Packet::Fin));
            }
        }
    }
}

impl<S: Session> End<S> {
    fn new(session: S) -> Self {
        Self {
            session,
            events: VecDeque::new(),
            closed: None,
            incoming: VecDeque::new(),
            sent: 0,
            has_finished_sending: false,
            is_gone: false,
        }
    }

    /// Delivers what has arrived. Returns whether there was anything.
    fn deliver(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while self
            .incoming
            .front()
            .is_some_and(|(due, packet)| *due <= now && self.takes(packet))
        {
            moved = true;
            match self.incoming.pop_front() {
                Some((_, Packet::Bytes(bytes))) => self.session.handle_input(now, &bytes),
                Some((_, Packet::Fin)) => self.session.handle_eof(now),
                Some((_, Packet::Reset)) => {
                    self.is_gone = true;
                    self.session.handle_lost(now);
                }
                None => {}
            }
            self.collect_events();
        }
        moved
    }

    fn takes(&self, packet: &Packet) -> bool {
        !self.is_gone && (matches!(packet, Packet::Reset) || self.session.wants_input())
    }

    /// Sends a pending piece, or ends if there is none. Returns whether there was anything to do.
    fn emit<P: Session>(
        &mut self,
        now: Instant,
        peer: &mut End<P>,
        weather: &Weather,
        random: &mut SplitMix64,
    ) -> bool {
        self.collect_events();
        if self.is_gone {
            // Bytes for a closed socket are answered with a reset.
            let late = self
                .incoming
                .iter()
                .any(|(_, packet)| matches!(packet, Packet::Bytes(_)));
            self.incoming.clear();
            if late {
                peer.reset(now);
            }
            return late;
        }
        let mut moved = false;
        if !self.session.transmit().is_empty() && self.session.transmit_state() != TransmitState::Abort {
            let waiting = self.session.transmit();
            let count = 1 + random.below(waiting.len().min(weather.max_piece));
            let bytes = waiting[..count].to_vec();
            let delay = weather.max_delay.mul_f64(random.below(1000) as f64 / 1000.0);
            let due = peer.last_arrival(now + delay);
            if !self.has_finished_sending {
                peer.incoming.push_back((due, Packet::Bytes(bytes)));
            }
            self.sent += count;
            self.session.transmitted(now, count);
            moved = true;
        }
        moved || self.finish(now, peer)
    }

    fn finish<P: Session>(&mut self, now: Instant, peer: &mut End<P>) -> bool {
        let state = self.session.transmit_state();
        if state == TransmitState::Abort {
            self.is_gone = true;
            peer.reset(now);
            return true;
        }
        let mut moved = false;
        if state != TransmitState::Open && !self.has_finished_sending {
            self.has_finished_sending = true;
            peer.incoming.push_back((peer.last_arrival(now), Packet::Fin));
            moved = true;
        }
        if self.session.is_drained() {
            self.is_gone = true;
            moved = true;
        }
        moved
    }

    /// A reset overtakes everything that is on its way.
    fn reset(&mut self, now: Instant) {
        if !self.is_gone {
            self.incoming.clear();
            self.incoming.push_back((now, Packet::Reset));
        }
    }

    fn collect_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert_eq!(self.closed, None, "an event after the last one");
            match event {
                Event::Application(event) => self.events.push_back(event),
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
    }

    /// Pieces do not overtake each other.
    fn last_arrival(&self, due: Instant) -> Instant {
        self.incoming.back().map_or(due, |(last, _)| due.max(*last))
    }

    fn due(&self) -> Option<Instant> {
        if self.is_gone {
            return None;
        }
        let timer = self.session.poll_timeout().map(|(due, _)| due);
        let packet = self.incoming.front().filter(|(_, packet)| self.takes(packet));
        timer.into_iter().chain(packet.map(|(due, _)| *due)).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.is_gone {
            return;
        }
        self.session.handle_timeout(now);
        self.collect_events();
        if let Some((due, name)) = self.session.poll_timeout() {
            assert!(due > now, "{name} is due and stays due");
        }
    }
}

/// Sebastiano Vigna's SplitMix64.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
