//! Common part of all sessions: bounded output, the event queue, and the end of a connection.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{CloseReason, Event, Timer, TransmitState};
use crate::limits::SessionLimits;
use crate::time::Instant;

/// Payloads that are sent from their own memory, each with the length of the buffered output before it. None is
/// empty.
pub type Payloads = VecDeque<(usize, Arc<Vec<u8>>)>;

/// Output that is produced in pieces, as the peer takes it.
pub trait Source: fmt::Debug + Send {
    /// Number of bytes that are left, exactly.
    fn remaining(&self) -> usize;

    /// Appends the next piece: at least one byte as long as any are left.
    fn produce(&mut self, piece: &mut Vec<u8>);
}

/// Output beside the buffer.
#[derive(Debug)]
enum Part {
    Payload(Arc<Vec<u8>>),
    /// A source, and the piece of it that is being sent.
    Source(Box<dyn Source>, Vec<u8>),
}

impl Part {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Payload(bytes) => bytes,
            Self::Source(_, piece) => piece,
        }
    }

    /// Goes on to the next piece. Returns whether there is one.
    fn advance(&mut self) -> bool {
        match self {
            Self::Payload(_) => false,
            Self::Source(source, piece) => {
                piece.clear();
                source.produce(piece);
                !piece.is_empty()
            }
        }
    }
}

/// Output, events and the end of a connection, for protocols to build a [`Session`](super::Session) on.
///
/// ```text
/// Open --finish_sending--> half-closed, still reading --close_after_linger--> Lingering --EOF, time, bytes--> Drained
///   \--close_after_linger--> (output drains) Lingering                         \--lost, write time-out--> Drained
///    \--close / abort---------------------------------------------------------------------------------> Drained
/// ```
#[derive(Debug)]
pub struct Link<E> {
    output: Vec<u8>,
    sent: usize,
    /// Each with the length of the buffered output before it. None is empty; of the sources only the first has a piece.
    parts: VecDeque<(usize, Part)>,
    /// Number of bytes sent of the first part, of a source: of its piece.
    part_sent: usize,
    /// Number of bytes to be sent, whether or not they have been produced.
    owed: usize,
    events: VecDeque<Event<E>>,
    phase: Phase,
    sending_finished: bool,
    peer_finished: bool,
    /// Time of the last progress of the output; meaningful while there is output.
    progress: Instant,
    /// Whether a wish of the host to end shortens the wait for a peer that does not read.
    is_server: bool,
    /// Whether it has been shortened.
    is_hurried: bool,
    limits: SessionLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Closed for the application; output still drains.
    Draining,
    /// FIN is out; input is discarded until the peer's FIN, `until`, or `left` bytes.
    Lingering {
        until: Instant,
        left: usize,
    },
    Drained {
        aborted: bool,
    },
}

impl<E> Link<E> {
    /// Creates an open link.
    #[must_use]
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            output: Vec::new(),
            sent: 0,
            parts: VecDeque::new(),
            part_sent: 0,
            owed: 0,
            events: VecDeque::new(),
            phase: Phase::Open,
            sending_finished: false,
            peer_finished: false,
            progress: Instant::ZERO,
            is_server: false,
            is_hurried: false,
            limits,
        }
    }

    /// Creates an open link of a server, which [can be hurried](Link::hurry).
    #[must_use]
    pub fn of_server(limits: SessionLimits) -> Self {
        Self {
            is_server: true,
            ..Self::new(limits)
        }
    }

    /// Limits of the link.
    #[must_use]
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// Queues bytes for the peer. Bytes queued after the link was closed are dropped.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) {
        self.send_with(now, |output| output.extend_from_slice(bytes));
    }

    /// Lets `write` append bytes for the peer straight to the output.
    pub fn send_with(&mut self, now: Instant, write: impl FnOnce(&mut Vec<u8>)) {
        self.send_payloads(now, |output, _| write(output));
    }

    /// As [`send_with`](Link::send_with), with payloads that are not copied into the output.
    pub fn send_payloads(&mut self, now: Instant, write: impl FnOnce(&mut Vec<u8>, &mut Payloads)) {
        if !self.can_send(now) {
            return;
        }
        let before = self.output.len();
        let mut payloads = Payloads::new();
        write(&mut self.output, &mut payloads);
        self.owed += self.output.len() - before;
        for (before, payload) in payloads {
            self.owed += payload.len();
            self.parts.push_back((before, Part::Payload(payload)));
        }
    }

    /// Queues `head`, and after it the bytes of `source`, which are produced as the peer takes them and count from now
    /// on.
    pub fn send_source(&mut self, now: Instant, head: &[u8], mut source: Box<dyn Source>) {
        if !self.can_send(now) {
            return;
        }
        self.output.extend_from_slice(head);
        self.owed += head.len() + source.remaining();
        if source.remaining() == 0 {
            return;
        }
        let mut piece = Vec::new();
        if self.parts.is_empty() {
            source.produce(&mut piece);
        }
        self.parts
            .push_back((self.output.len(), Part::Source(source, piece)));
    }

    /// Whether bytes can be queued.
    fn can_send(&mut self, now: Instant) -> bool {
        if self.phase != Phase::Open || self.sending_finished {
            return false;
        }
        if self.transmit().is_empty() {
            self.output.clear();
            self.sent = 0;
            self.progress = now;
        }
        true
    }

    /// Number of bytes that the peer has asked for and not taken, whether or not they have been produced.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed
    }

    /// Whether more output would exceed the limit `output-bytes`; sessions then stop taking input.
    #[must_use]
    pub fn is_full(&self) -> bool {
        // Without any room, one reply at a time.
        self.owed >= self.limits.output_bytes.max(1)
    }

    /// Waits no longer than `linger-time` for a peer that does not read, because the host wants to end. Only the link of
    /// a server does: a client's output is a request of its own.
    pub fn hurry(&mut self, now: Instant) {
        if self.is_server && !self.is_hurried {
            self.is_hurried = true;
            self.progress = now;
        }
    }

    /// Queues an event.
    pub fn emit(&mut self, event: E) {
        if self.phase == Phase::Open {
            self.events.push_back(Event::Application(event));
        }
    }

    /// Next event.
    pub fn poll_event(&mut self) -> Option<Event<E>> {
        self.events.pop_front()
    }

    /// Bytes to be sent; more may follow.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        match self.parts.front() {
            Some((before, part)) if *before == self.sent => &part.bytes()[self.part_sent..],
            Some((before, _)) => &self.output[self.sent..*before],
            None => &self.output[self.sent..],
        }
    }

    /// Reports that the transport has taken `count` bytes.
    pub fn transmitted(&mut self, now: Instant, count: usize) {
        let count = count.min(self.transmit().len());
        self.progress = now;
        self.owed = self.owed.saturating_sub(count);
        match self.parts.front_mut() {
            Some((before, part)) if *before == self.sent => {
                self.part_sent += count;
                if self.part_sent == part.bytes().len() {
                    self.part_sent = 0;
                    if !part.advance() {
                        self.parts.pop_front();
                        // The next one is now the first.
                        if let Some((_, part @ Part::Source(..))) = self.parts.front_mut() {
                            part.advance();
                        }
                    }
                }
            }
            _ => self.sent += count,
        }
        if self.transmit().is_empty() {
            self.output.clear();
            self.sent = 0;
            // Of what a source announced and did not produce.
            self.owed = 0;
            // An idle connection does not keep the buffer of a burst.
            if self.output.capacity() > 64 << 10 {
                self.output = Vec::new();
            }
            self.start_lingering(now);
        }
    }

    /// Half-closes once the output is sent; reading continues.
    pub fn finish_sending(&mut self) {
        self.sending_finished = true;
    }

    /// Ends the session for the application; sends the pending output, then FIN, then discards input for a while.
    pub fn close_after_linger(&mut self, now: Instant, reason: CloseReason) {
        if self.phase != Phase::Open {
            return;
        }
        self.events.push_back(Event::Closed(reason));
        self.phase = Phase::Draining;
        if self.transmit().is_empty() {
            self.start_lingering(now);
        }
    }

    /// Ends the session; the transport is closed normally (the peer has nothing left to read or send).
    pub fn close(&mut self, reason: CloseReason) {
        self.end(reason, false);
    }

    /// Ends the session; the transport is dropped at once, with any unsent output.
    pub fn abort(&mut self, reason: CloseReason) {
        self.end(reason, true);
    }

    /// Whether the session takes application input. While it lingers it still takes bytes, see
    /// [`discard`](Link::discard).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Counts input that is not read. Returns true if the link is closed and the bytes are to be dropped.
    pub fn discard(&mut self, count: usize) -> bool {
        if let Phase::Lingering { left, .. } = &mut self.phase {
            *left = left.saturating_sub(count);
            if *left == 0 {
                self.phase = Phase::Drained { aborted: true };
            }
        }
        !self.is_open()
    }

    /// Reports the peer's FIN, which ends lingering.
    pub fn peer_finished(&mut self) {
        self.peer_finished = true;
        if let Phase::Lingering { .. } = self.phase {
            self.phase = Phase::Drained { aborted: false };
        }
    }

    /// Whether the peer has sent its FIN.
    #[must_use]
    pub fn has_peer_finished(&self) -> bool {
        self.peer_finished
    }

    /// Time at which this link's own timers are due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.phase {
            Phase::Lingering { until, .. } => Some((until, Timer::LingerTime)),
            Phase::Open | Phase::Draining if !self.transmit().is_empty() => {
                let allowed = match self.is_hurried {
                    true => self.limits.write_timeout.min(self.limits.linger_time),
                    false => self.limits.write_timeout,
                };
                Some((self.progress + allowed, Timer::WriteTimeout))
            }
            _ => None,
        }
    }

    /// Handles this link's own timers.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.poll_timeout() {
            Some((due, _)) if now < due => {}
            Some((_, Timer::LingerTime)) => self.phase = Phase::Drained { aborted: false },
            Some((_, timer)) => self.end(CloseReason::TimedOut(timer), true),
            None => {}
        }
    }

    /// See [`Session::transmit_state`](super::Session::transmit_state).
    #[must_use]
    pub fn transmit_state(&self) -> TransmitState {
        match self.phase {
            Phase::Open if self.sending_finished => TransmitState::FinishAfterDrain,
            Phase::Open => TransmitState::Open,
            Phase::Draining | Phase::Lingering { .. } | Phase::Drained { aborted: false } => {
                TransmitState::CloseAfterLinger
            }
            Phase::Drained { aborted: true } => TransmitState::Abort,
        }
    }

    /// See [`Session::is_drained`](super::Session::is_drained).
    #[must_use]
    pub fn is_drained(&self) -> bool {
        matches!(self.phase, Phase::Drained { .. })
    }

    fn start_lingering(&mut self, now: Instant) {
        if self.phase == Phase::Draining {
            self.phase = if self.peer_finished {
                Phase::Drained { aborted: false }
            } else {
                Phase::Lingering {
                    until: now + self.limits.linger_time,
                    left: self.limits.linger_bytes,
                }
            };
        }
    }

    fn end(&mut self, reason: CloseReason, aborted: bool) {
        if self.phase == Phase::Open {
            self.events.push_back(Event::Closed(reason));
        }
        if !self.is_drained() {
            self.phase = Phase::Drained { aborted };
            // Nobody sends it any more.
            self.output = Vec::new();
            self.parts = VecDeque::new();
            (self.sent, self.part_sent, self.owed) = (0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn lingers_until_the_peer_finishes() {
        let mut link = Link::<()>::new(SessionLimits::default());
        link.send(at(0), b"reply");
        link.close_after_linger(at(0), CloseReason::Finished);
        assert_eq!(link.transmit_state(), TransmitState::CloseAfterLinger);
        assert!(!link.is_drained());
        link.transmitted(at(0), 5);
        assert_eq!(link.poll_timeout(), Some((at(1), Timer::LingerTime)));
        assert!(link.discard(10));
        link.peer_finished();
        assert!(link.is_drained());
        assert_eq!(link.poll_event(), Some(Event::Closed(CloseReason::Finished)));
        assert_eq!(link.poll_event(), None);
    }

    #[test]
    fn payloads_go_out_in_their_place() {
        let mut link = Link::<()>::new(SessionLimits::default());
        link.send_payloads(at(0), |output, payloads| {
            payloads.push_back((0, Arc::new(b"ab".to_vec())));
            output.extend_from_slice(b"cd");
            payloads.push_back((2, Arc::new(b"ef".to_vec())));
        });
        link.send(at(0), b"gh");
        link.send_payloads(at(0), |output, payloads| {
            payloads.push_back((output.len(), Arc::new(alloc::vec![0; 4 << 20])));
        });
        assert!(link.is_full());
        for step in [1, 2] {
            let mut sent = Vec::new();
            while sent.len() < 4 * step {
                let bytes = link.transmit();
                let count = bytes.len().min(step);
                sent.extend_from_slice(&bytes[..count]);
                link.transmitted(at(0), count);
            }
            assert_eq!(sent, if step == 1 { &b"abcd"[..] } else { b"efgh\0\0\0\0" });
        }
        assert!(!link.is_full());
        while !link.transmit().is_empty() {
            link.transmitted(at(1), link.transmit().len());
        }
        link.send(at(2), b"ij");
        assert_eq!(link.transmit(), b"ij");
    }

    /// So many bytes, three at a time.
    #[derive(Debug)]
    struct Threes(usize);

    impl Source for Threes {
        fn remaining(&self) -> usize {
            self.0
        }

        fn produce(&mut self, piece: &mut Vec<u8>) {
            let count = self.0.min(3);
            piece.extend_from_slice(&b"xyz"[..count]);
            self.0 -= count;
        }
    }

    #[test]
    fn a_source_counts_whole_and_is_produced_in_pieces() {
        let limits = SessionLimits::default().with_output_bytes(19);
        let mut link = Link::<()>::new(limits);
        link.send(at(0), b"a");
        link.send_source(at(0), b"b", Box::new(Threes(8)));
        link.send_source(at(0), b"", Box::new(Threes(4)));
        link.send_source(at(0), b"", Box::new(Threes(0)));
        assert!(!link.is_full());
        link.send(at(0), b"cdefg");
        assert!(link.is_full());
        let mut sent = Vec::new();
        while !link.transmit().is_empty() {
            assert_eq!(link.owed(), 19 - sent.len());
            sent.push(link.transmit()[0]);
            link.transmitted(at(0), 1);
        }
        assert_eq!(sent, b"abxyzxyzxyxyzxcdefg");
        assert_eq!(link.owed(), 0);
    }

    #[test]
    fn a_host_that_ends_waits_less_for_a_reader_that_stops() {
        for (mut link, due) in [
            (Link::<()>::of_server(SessionLimits::default()), 11),
            (Link::new(SessionLimits::default()), 30),
        ] {
            link.send(at(0), b"reply");
            link.hurry(at(10));
            link.hurry(at(11));
            assert_eq!(link.poll_timeout(), Some((at(due), Timer::WriteTimeout)));
        }
    }

    #[test]
    fn lingering_is_bounded_in_bytes_and_time() {
        for by_time in [true, false] {
            let mut link = Link::<()>::new(SessionLimits::default());
            link.close_after_linger(at(0), CloseReason::Finished);
            if by_time {
                link.handle_timeout(at(0));
                assert!(!link.is_drained());
                link.handle_timeout(at(1));
            } else {
                link.discard(4 << 20);
                assert_eq!(link.transmit_state(), TransmitState::Abort);
            }
            assert!(link.is_drained());
        }
    }

    #[test]
    fn a_reader_that_stops_is_aborted() {
        let mut link = Link::<()>::new(SessionLimits::default());
        link.send(at(0), b"reply");
        link.transmitted(at(20), 1);
        link.handle_timeout(at(49));
        assert!(link.is_open());
        link.handle_timeout(at(50));
        assert_eq!(
            link.poll_event(),
            Some(Event::Closed(CloseReason::TimedOut(Timer::WriteTimeout)))
        );
        assert_eq!(link.transmit_state(), TransmitState::Abort);
    }
}
