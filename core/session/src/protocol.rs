//! Sessions built from a protocol and a link.

use super::{CloseReason, Event, Link, Need, Session, Timer, TransmitState};
use crate::time::Instant;

/// Part of a [`Session`] that is specific to a protocol; the rest is done by its [`Link`]. For authors of protocols;
/// hosts and applications use the session. Every method but the first two is called only while the link is open.
pub trait Protocol {
    /// Event for the application.
    type Event;

    /// The link.
    fn link(&self) -> &Link<Self::Event>;

    /// The link.
    fn link_mut(&mut self) -> &mut Link<Self::Event>;

    /// Takes all of `bytes`.
    fn receive(&mut self, now: Instant, bytes: &[u8]);

    /// Handles the end of the peer's sending side.
    fn receive_end(&mut self, now: Instant);

    /// Handles the host's wish to end.
    fn shut_down(&mut self, now: Instant);

    /// Whether more input can be taken.
    fn can_receive(&self) -> bool {
        true
    }

    /// Bytes of input that are held: of an incomplete message, and of requests without a reply.
    fn unfinished(&self) -> usize;

    /// See [`Session::need`].
    fn need(&self) -> Need {
        Need::Nothing
    }

    /// See [`Session::handle_room`].
    fn take_room(&mut self, _now: Instant, _has_room: bool) {}

    /// Called when some output was sent, so that there may be room for more.
    fn sent(&mut self, _now: Instant) {}

    /// End of the protocol's own next time limit. [`Timer::IdleTimeout`] closes the link; others are passed to
    /// [`expire`](Protocol::expire).
    fn deadline(&self) -> Option<(Instant, Timer)> {
        None
    }

    /// Handles the end of a time limit.
    fn expire(&mut self, _now: Instant, timer: Timer) {
        self.abort(CloseReason::TimedOut(timer));
    }

    /// Handles a failed transport, or one that is to be dropped at once.
    fn abort(&mut self, reason: CloseReason) {
        self.link_mut().abort(reason);
    }
}

impl<T: Protocol> Session for T {
    type Event = T::Event;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if !self.link_mut().discard(bytes.len()) {
            self.receive(now, bytes);
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        self.link_mut().peer_finished();
        if self.link().is_open() {
            self.receive_end(now);
        }
    }

    fn handle_lost(&mut self, _now: Instant) {
        match self.link().is_open() {
            true => self.abort(CloseReason::Lost),
            false => self.link_mut().abort(CloseReason::Lost),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let is_due = |(due, _): &(Instant, Timer)| *due <= now;
        match self.link().poll_timeout().filter(is_due) {
            Some((_, timer)) if self.link().is_open() => self.abort(CloseReason::TimedOut(timer)),
            Some(_) => self.link_mut().handle_timeout(now),
            None => {}
        }
        if self.link().is_open()
            && let Some((_, timer)) = self.deadline().filter(is_due)
        {
            match timer {
                Timer::IdleTimeout => self
                    .link_mut()
                    .close_after_linger(now, CloseReason::TimedOut(timer)),
                _ => self.expire(now, timer),
            }
        }
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.link_mut().hurry(now);
        if self.link().is_open() {
            self.shut_down(now);
        }
    }

    fn wants_input(&self) -> bool {
        !self.link().is_open() || self.can_receive()
    }

    fn transmit(&self) -> &[u8] {
        self.link().transmit()
    }

    fn transmitted(&mut self, now: Instant, count: usize) {
        self.link_mut().transmitted(now, count);
        if self.link().is_open() {
            self.sent(now);
        }
    }

    fn transmit_state(&self) -> TransmitState {
        self.link().transmit_state()
    }

    fn poll_event(&mut self) -> Option<Event<T::Event>> {
        self.link_mut().poll_event()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let own = match self.link().is_open() {
            true => self.deadline(),
            false => None,
        };
        let link = self.link().poll_timeout();
        link.into_iter().chain(own).min_by_key(|(due, _)| *due)
    }

    fn held(&self) -> usize {
        let unfinished = match self.link().is_open() {
            true => self.unfinished(),
            false => 0,
        };
        self.link().owed() + unfinished
    }

    fn need(&self) -> Need {
        match self.link().is_open() {
            true => Protocol::need(self),
            false => Need::Nothing,
        }
    }

    fn handle_room(&mut self, now: Instant, has_room: bool) {
        if self.link().is_open() {
            self.take_room(now, has_room);
        }
    }

    fn is_closed(&self) -> bool {
        !self.link().is_open()
    }

    fn is_drained(&self) -> bool {
        self.link().is_drained()
    }
}
