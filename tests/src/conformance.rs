//! The promises of every [`Session`], checked on a session, its application and what its peer says.

use std::fmt::Debug;
use std::time::Duration;

use labwire_core::session::{CloseReason, Event, Need, Session, Timer, TransmitState};
use labwire_core::time::Instant;

/// Session under test, its application and its peer.
pub struct Case<S: Session> {
    /// A new session, connected.
    pub open: Box<dyn Fn(Instant) -> S>,
    /// Request of the application's own, if it is one that asks. Returns whether the session took it.
    pub ask: fn(&mut S, Instant) -> bool,
    /// Requests at the start.
    pub asks: usize,
    /// Part of the application that answers events.
    pub answer: fn(&mut S, Instant, S::Event),
    /// Part of the host beside bytes and time: connecting, for a session that asks for it.
    pub tend: fn(&mut S, Instant),
    /// Bytes from the peer.
    pub said: Vec<u8>,
    /// The session outlives its connections, and ends only when it is shut down.
    pub is_connector: bool,
    /// Most output that may wait: the limit `output-bytes`, and the answers to one piece of input.
    pub output: usize,
    /// Most memory that may be [held](Session::held): besides output, a message, a piece of input, and requests in
    /// progress.
    pub held: usize,
}

/// One step of a random walk.
#[derive(Clone, Debug)]
pub enum Op {
    /// The peer says this.
    Input(Vec<u8>),
    /// The peer says a part of the case's [`said`](Case::said), from here on, of this length.
    Said(usize, usize),
    /// The application asks.
    Ask,
    /// The transport takes so many bytes.
    Take(usize),
    /// Time passes until the timer is due.
    Timeout,
    /// So much time passes.
    Wait(Duration),
    /// The peer ends its side.
    Eof,
    /// The transport fails.
    Lost,
    /// The host wants to end.
    Shutdown,
    /// There is memory for a long reply, or long requests have to wait for it.
    Room(bool),
}

/// Answers of a session to everything that a host asks.
#[derive(Debug, PartialEq)]
struct State {
    waiting: Vec<u8>,
    transmit_state: TransmitState,
    timeout: Option<(Instant, Timer)>,
    wants_input: bool,
    is_closed: bool,
    is_drained: bool,
}

/// A session at work, watched.
struct Run<'a, S: Session> {
    case: &'a Case<S>,
    session: S,
    now: Instant,
    /// Output that the transport takes at a time; zero: none.
    take: usize,
    /// Events that the application has not answered, if it takes its time.
    unanswered: Option<Vec<S::Event>>,
    is_recording: bool,
    events: Vec<String>,
    sent: Vec<u8>,
    closed: Option<CloseReason>,
}

impl<'a, S: Session<Event: Debug>> Run<'a, S> {
    fn new(case: &'a Case<S>, take: usize) -> Self {
        let now = Instant::ZERO + Duration::from_secs(1);
        let mut run = Self {
            session: (case.open)(now),
            case,
            now,
            take,
            unanswered: None,
            is_recording: true,
            events: Vec::new(),
            sent: Vec::new(),
            closed: None,
        };
        for _ in 0..case.asks {
            assert!((case.ask)(&mut run.session, now), "a new session takes requests");
        }
        run.settle();
        run
    }

    /// Takes events and output until nothing moves, and looks at what has to hold at any time.
    fn settle(&mut self) {
        loop {
            (self.case.tend)(&mut self.session, self.now);
            let mut moved = self.take_events();
            while self.take > 0 && !self.session.transmit().is_empty() {
                self.transmit(self.take);
                moved = true;
            }
            if !moved {
                break;
            }
        }
        self.check();
    }

    fn take_events(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.session.poll_event() {
            assert_eq!(self.closed, None, "an event after the last one: {event:?}");
            moved = true;
            if self.is_recording {
                self.events.push(format!("{event:?}"));
            }
            match event {
                Event::Application(event) => match &mut self.unanswered {
                    Some(unanswered) => unanswered.push(event),
                    None => (self.case.answer)(&mut self.session, self.now, event),
                },
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
        moved
    }

    fn transmit(&mut self, count: usize) {
        let waiting = self.session.transmit();
        let count = count.min(waiting.len());
        if self.is_recording {
            self.sent.extend_from_slice(&waiting[..count]);
        }
        self.session.transmitted(self.now, count);
    }

    fn check(&mut self) {
        assert_eq!(
            self.session.is_closed(),
            self.closed.is_some(),
            "closed, and said so"
        );
        let waiting = self.session.transmit().len();
        assert!(waiting <= self.case.output, "{waiting} bytes of output wait");
        let held = self.session.held();
        assert!(waiting <= held && held <= self.case.held, "{held} bytes are held");
        assert!(
            self.session.need() == Need::Nothing || !self.session.is_closed(),
            "the need of a closed session"
        );
        if self.session.is_drained() {
            assert!(self.closed.is_some() && held == 0);
            assert_eq!(self.session.poll_timeout(), None);
        }
        // A time-out that is not due is none.
        if self.session.poll_timeout().is_none_or(|(due, _)| due > self.now) {
            let before = self.state();
            self.session.handle_timeout(self.now);
            assert!(self.session.poll_event().is_none(), "an event of nothing");
            assert_eq!(self.state(), before, "a time-out that was not due");
        }
    }

    fn state(&self) -> State {
        let session = &self.session;
        State {
            waiting: session.transmit().to_vec(),
            transmit_state: session.transmit_state(),
            timeout: session.poll_timeout(),
            wants_input: session.wants_input(),
            is_closed: session.is_closed(),
            is_drained: session.is_drained(),
        }
    }

    fn input(&mut self, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            // With everything answered and sent there is room for more.
            assert!(self.session.wants_input(), "no appetite after {:?}", self.events);
            self.session.handle_input(self.now, piece);
            self.settle();
        }
    }

    fn end(&mut self, end: &Op) {
        match end {
            Op::Eof => self.session.handle_eof(self.now),
            Op::Lost => self.session.handle_lost(self.now),
            _ => self.session.handle_shutdown(self.now),
        }
        self.settle();
    }

    /// Time passes until the timer is due.
    fn time_out(&mut self) -> bool {
        let Some((due, timer)) = self.session.poll_timeout() else {
            return false;
        };
        self.now = self.now.max(due);
        // Each call may end one of several things that are due.
        for _ in 0..100 {
            self.session.handle_timeout(self.now);
            self.settle();
            if self.session.poll_timeout().is_none_or(|(due, _)| due > self.now) {
                return true;
            }
        }
        panic!("{timer} is due and stays due");
    }

    /// Lets the session end, as it has to after `end`, by itself or by what the peer does at last.
    fn run_out(&mut self) {
        self.take = usize::MAX;
        self.settle();
        if self.case.is_connector {
            self.end(&Op::Shutdown);
        }
        for _ in 0..100 {
            if self.session.is_drained() {
                break;
            }
            if self.session.need() == Need::Room {
                self.session.handle_room(self.now, true);
                self.settle();
                assert_ne!(self.session.need(), Need::Room, "there was room");
            }
            if !self.time_out() {
                self.end(&Op::Eof);
            }
        }
        assert!(self.session.is_drained(), "no end: {:?}", self.events);
        self.poke();
    }

    /// Nothing comes of anything any more.
    fn poke(&mut self) {
        let state = self.session.transmit_state();
        self.now = self.now + Duration::from_secs(3600);
        self.session.handle_timeout(self.now);
        self.session.handle_input(self.now, &self.case.said);
        self.session.handle_eof(self.now);
        self.session.handle_lost(self.now);
        self.session.handle_shutdown(self.now);
        self.session.transmitted(self.now, 1);
        assert!(
            !(self.case.ask)(&mut self.session, self.now),
            "a request after the end"
        );
        self.settle();
        assert!(self.session.is_drained());
        assert_eq!(self.session.transmit_state(), state, "the end, another way");
    }
}

/// Every chunking of input gives the same events, every chunking of output the same bytes.
pub fn chunks<S: Session<Event: Debug>>(case: &Case<S>) {
    let run = |first: usize, piece: usize, take: usize| {
        let mut run = Run::new(case, take);
        let (first, rest) = case.said.split_at(first);
        run.input(first, usize::MAX);
        run.input(rest, piece);
        (run.events, run.sent, run.closed)
    };
    let whole = run(0, usize::MAX, usize::MAX);
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(run(0, piece, usize::MAX), whole, "input by {piece}");
        assert_eq!(run(0, usize::MAX, piece), whole, "output by {piece}");
    }
    for first in 1..case.said.len() {
        assert_eq!(run(first, usize::MAX, usize::MAX), whole, "input cut at {first}");
    }
}

/// Wherever a conversation ends, and however, the session ends: once, and for good.
pub fn ends<S: Session<Event: Debug>>(case: &Case<S>) {
    for length in 0..=case.said.len() {
        for end in [Op::Eof, Op::Lost, Op::Shutdown] {
            for take in [usize::MAX, 0] {
                let mut run = Run::new(case, usize::MAX);
                run.input(&case.said[..length], usize::MAX);
                run.take = take;
                run.end(&end);
                if matches!(end, Op::Lost) && !case.is_connector {
                    assert!(run.session.is_drained(), "lost, and not drained");
                }
                run.run_out();
            }
        }
    }
}

/// A peer that does not read: output stays within its limit, requests are refused, and in the end the session is
/// aborted.
pub fn unread<S: Session<Event: Debug>>(case: &Case<S>) {
    flood(case, true);
    flood(case, false);
}

fn flood<S: Session<Event: Debug>>(case: &Case<S>, is_said: bool) {
    let mut run = Run::new(case, 0);
    let mut takes_requests = true;
    for _ in 0..1000 {
        let takes_input = is_said && run.session.wants_input() && !run.session.is_closed();
        if takes_input {
            run.session.handle_input(run.now, &case.said);
            run.settle();
        }
        takes_requests = (case.ask)(&mut run.session, run.now);
        run.settle();
        if !takes_input && !takes_requests {
            break;
        }
    }
    assert!(!takes_requests, "requests without end");
    let is_silent = run.session.transmit().is_empty();
    if !is_silent && !case.is_connector {
        for _ in 0..100 {
            if run.session.is_drained() || !run.time_out() {
                break;
            }
        }
        assert!(run.session.is_drained(), "a peer that does not read is kept");
        assert_eq!(run.session.transmit_state(), TransmitState::Abort);
    }
    run.run_out();
}

/// An application that does not answer: in the end nothing more is read, and what is held stays within its limit.
pub fn unanswered<S: Session<Event: Debug>>(case: &Case<S>) {
    for piece in [7, 1000, 4096] {
        let mut run = Run::new(case, usize::MAX);
        (run.unanswered, run.is_recording) = (Some(Vec::new()), false);
        let mut said = case.said.iter().copied().cycle();
        let mut given = 0;
        while run.session.wants_input() && !run.session.is_closed() && given < 100_000 {
            let bytes: Vec<u8> = said.by_ref().take(piece).collect();
            run.session.handle_input(run.now, &bytes);
            given += bytes.len();
            run.settle();
        }
        for event in run.unanswered.take().into_iter().flatten() {
            (case.answer)(&mut run.session, run.now, event);
            run.settle();
        }
        run.run_out();
    }
}

/// Anything in any order: no promise is broken.
pub fn walk<S: Session<Event: Debug>>(case: &Case<S>, ops: &[Op]) {
    let mut run = Run::new(case, 0);
    run.is_recording = false;
    for op in ops {
        match op {
            Op::Input(bytes) => give(&mut run, bytes),
            Op::Said(from, length) => {
                let from = from % (case.said.len() + 1);
                let end = case.said.len().min(from + length);
                give(&mut run, &case.said[from..end]);
            }
            Op::Ask => drop((case.ask)(&mut run.session, run.now)),
            Op::Take(count) => run.transmit(*count),
            Op::Timeout => drop(run.time_out()),
            Op::Wait(time) => {
                run.now = run.now + *time;
                run.session.handle_timeout(run.now);
            }
            Op::Room(has_room) => run.session.handle_room(run.now, *has_room),
            end => run.end(end),
        }
        run.settle();
    }
    run.run_out();
}

fn give<S: Session<Event: Debug>>(run: &mut Run<'_, S>, bytes: &[u8]) {
    if run.session.wants_input() {
        run.session.handle_input(run.now, bytes);
    }
}
