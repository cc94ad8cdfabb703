//! Device side of a connection, for emulators.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::framing::lines::Progress;
use labwire_session::framing::{FrameError, FrameReader, Framing};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Link, Protocol, Responder, Timer};

use super::dialect::Dialect;
use super::settings::Login;
use super::telnet::Telnet;

/// Answer of a device to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Reply {
    /// Bytes with their framing; empty if the device is silent.
    pub bytes: Vec<u8>,
    /// Delay of the answer.
    pub after: Duration,
    /// Fate of the connection afterwards.
    pub then: Then,
}

/// Fate of a connection after a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an emulator has to do every one")]
pub enum Then {
    /// It stays.
    #[default]
    Stay,
    /// The device closes it.
    Close,
    /// The device resets it; bytes that were not sent are lost.
    Reset,
}

/// One connection of a device. Its events are messages in the device's dialect, with their framing, each to be
/// answered.
#[derive(Debug)]
pub struct Server {
    link: Link<Vec<u8>>,
    dialect: Arc<Dialect>,
    telnet: Telnet,
    /// Parts of the login that are awaited, the first of which was asked for.
    login: VecDeque<Login>,
    reader: FrameReader<Messages>,
    unanswered: usize,
    /// Length of the messages since nothing was unanswered.
    in_flight: usize,
    /// Replies that are delayed.
    replies: VecDeque<(Instant, Reply)>,
    is_shutting_down: bool,
}

/// Framing of a dialect's messages.
#[derive(Debug)]
struct Messages {
    dialect: Arc<Dialect>,
    progress: Progress,
}

impl Framing for Messages {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let found = self.dialect.find_message(bytes, &mut self.progress);
        if found.is_some() {
            self.progress = Progress::default();
        }
        Ok(found)
    }
}

/// Number of messages that may wait for their answers, above which no more are read.
const MAX_MESSAGES: usize = 64;

impl Server {
    /// Creates a connection that begins at `now`, with the dialect's greeting.
    #[must_use]
    pub fn new(now: Instant, dialect: &Dialect, limits: SessionLimits) -> Self {
        let dialect = Arc::new(dialect.clone());
        let messages = Messages {
            dialect: dialect.clone(),
            progress: Progress::default(),
        };
        let reader = FrameReader::new(messages, limits.message_bytes);
        let mut link = Link::of_server(limits);
        link.send(now, &dialect.greeting());
        let mut server = Self {
            link,
            login: dialect.login().into(),
            dialect,
            telnet: Telnet::spoken(),
            reader,
            unanswered: 0,
            in_flight: 0,
            replies: VecDeque::new(),
            is_shutting_down: false,
        };
        server.ask_login(now);
        server
    }

    /// Sends the prompt of the awaited part of the login, and the greetings before it.
    fn ask_login(&mut self, now: Instant) {
        while let Some(login) = self.login.front() {
            self.link.send(now, &login.prompt);
            if !login.reply.is_empty() {
                break;
            }
            self.login.pop_front();
        }
    }

    /// Takes a message as a part of the login. Returns whether it was one.
    fn take_login(&mut self, now: Instant, message: &[u8]) -> bool {
        let Some(login) = self.login.front() else {
            return false;
        };
        if message.trim_ascii() == login.reply.trim_ascii() {
            self.login.pop_front();
        }
        self.ask_login(now);
        true
    }

    /// Closes the connection before any data.
    pub fn close(&mut self) {
        self.link.close(CloseReason::Finished);
    }

    fn read(&mut self, now: Instant) {
        while self.link.is_open() && self.has_room() {
            match self.reader.poll_message(<[u8]>::to_vec) {
                Ok(Some(message)) if self.take_login(now, &message) => {}
                Ok(Some(message)) => {
                    self.unanswered += 1;
                    self.in_flight += message.len();
                    self.link.emit(message);
                }
                Ok(None) => break,
                Err(error) => self.link.abort(error.into()),
            }
        }
    }

    /// Whether more messages may wait for their answers.
    fn has_room(&self) -> bool {
        self.unanswered < MAX_MESSAGES && self.in_flight <= self.link.limits().message_bytes
    }

    /// Sends the replies that are due.
    fn write(&mut self, now: Instant) {
        while let Some((due, _)) = self.replies.front()
            && *due <= now
            && let Some((_, reply)) = self.replies.pop_front()
        {
            self.unanswered = self.unanswered.saturating_sub(1);
            if self.unanswered == 0 {
                self.in_flight = 0;
            }
            self.link.send(now, &reply.bytes);
            match reply.then {
                Then::Stay => {}
                Then::Close => self.link.close_after_linger(now, CloseReason::Finished),
                Then::Reset => self.link.abort(CloseReason::Finished),
            }
        }
        self.read(now);
        let is_finished = self.link.has_peer_finished() || self.is_shutting_down;
        if is_finished && self.unanswered == 0 {
            self.link.close_after_linger(now, CloseReason::Finished);
        }
    }
}

impl Protocol for Server {
    type Event = Vec<u8>;

    fn link(&self) -> &Link<Vec<u8>> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<Vec<u8>> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if self.dialect.offers_telnet() {
            let mut refusals = Vec::new();
            let data = self.telnet.filter(bytes, &mut refusals);
            self.link.send(now, &refusals);
            self.reader.push(&data);
        } else {
            self.reader.push(bytes);
        }
        self.read(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.write(now);
    }

    fn shut_down(&mut self, now: Instant) {
        self.is_shutting_down = true;
        self.write(now);
    }

    fn can_receive(&self) -> bool {
        !self.link.is_full() && self.has_room()
    }

    fn unfinished(&self) -> usize {
        self.reader.held() + self.in_flight
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        self.replies.front().map(|&(due, _)| (due, Timer::Other("reply")))
    }

    fn expire(&mut self, now: Instant, _timer: Timer) {
        self.write(now);
    }
}

impl Responder for Server {
    type Reply = Reply;

    fn reply(&mut self, now: Instant, reply: Reply) {
        let after_last = self.replies.back().map_or(now, |&(due, _)| due.max(now));
        self.replies.push_back((after_last.max(now + reply.after), reply));
        self.write(now);
    }
}
