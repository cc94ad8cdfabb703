//! Requests on one connection: one at a time, in order, each ended once.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use labwire_session::Timer;
use labwire_session::framing::FrameReader;
use labwire_session::framing::lines::Lines;
use labwire_session::framing::until::{Search, Until};
use labwire_session::time::Instant;

use super::modbus;
use super::request::{Cause, Failure, Request, RequestId, Step};
use super::settings::Settings;
use super::statistics::Statistics;
use super::unasked::{self, Unasked};

/// Outcome of a request.
pub(super) type Finished = (RequestId, Result<Vec<u8>, Failure>);

/// Queue of requests, input from the device, and outcomes.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) statistics: Statistics,
    queue: VecDeque<Pending>,
    /// Current step of the first request; `None` if it has not begun on this connection.
    step: Option<usize>,
    /// Number of bytes of the step's message that the transport has taken.
    written: usize,
    reader: FrameReader<Search>,
    /// Time of the last input.
    heard: Instant,
    /// Whether the device has returned the step's message, if it does.
    is_echoed: bool,
    /// Answer to the current step, and time until which it must stay alone.
    held: Option<(Vec<u8>, Instant)>,
    /// Time before which no request begins.
    not_before: Instant,
    /// Whether the transport is to be left to other bytes than messages.
    is_paused: bool,
    unasked: Unasked,
    /// Number of messages sent whose answers are no longer wanted: the device may still send them.
    owed: u32,
    /// End of the last connection, if an answer was outstanding: it is reported to the next listener.
    answer_lost: Option<Cause>,
    settings: Settings,
    finished: VecDeque<Finished>,
}

#[derive(Debug)]
struct Pending {
    id: RequestId,
    request: Request,
    deadline: Instant,
    /// Time at which the transport took its first byte, on this connection.
    sent_at: Option<Instant>,
    /// Whether it was sent before, on a connection that was lost.
    resent: bool,
}

impl Pending {
    fn is_sent(&self) -> bool {
        self.resent || self.sent_at.is_some()
    }
}

impl Conversation {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            statistics: Statistics::default(),
            queue: VecDeque::new(),
            step: None,
            written: 0,
            reader: FrameReader::new(Search::new(Until::Any), settings.answer_bytes),
            heard: Instant::ZERO,
            is_echoed: false,
            held: None,
            not_before: Instant::ZERO,
            is_paused: false,
            unasked: Unasked::new(settings.events.clone()),
            owed: 0,
            answer_lost: None,
            settings: settings.clone(),
            finished: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, id: RequestId, request: Request, deadline: Instant) {
        self.statistics.requests += 1;
        self.queue.push_back(Pending {
            id,
            request,
            deadline,
            sent_at: None,
            resent: false,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Messages that the device has sent unasked.
    pub(super) fn poll_unasked(&mut self) -> Option<Vec<u8>> {
        self.unasked.poll()
    }

    /// Next time limit. `is_connected`: requests can begin.
    pub(super) fn next_deadline(&self, is_connected: bool) -> Option<(Instant, Timer)> {
        let requests = self.queue.iter().map(|pending| pending.deadline).min();
        let requests = requests.map(|due| (due, Timer::RequestTimeout));
        let quiet = self
            .may_end()
            .then(|| (self.heard + self.settings.quiet_time, Timer::Other("quiet-time")));
        let held = self.held.as_ref();
        let held = held.map(|&(_, due)| (due, Timer::Other("alone")));
        let paced = is_connected && self.step.is_none() && !self.queue.is_empty();
        let paced = paced.then_some((self.not_before, Timer::Other("pace")));
        [requests, quiet, held, paced].into_iter().flatten().min()
    }

    /// Whether the bytes so far are the answer if nothing follows.
    fn may_end(&self) -> bool {
        let is_waiting = self.held.is_none()
            && self.current_step().is_some_and(|step| {
                self.written >= step.message.len() && step.until.is_some() && !self.awaits_echo(step)
            });
        is_waiting && self.reader.framing().may_end(self.reader.rest())
    }

    fn awaits_echo(&self, step: &Step) -> bool {
        step.echo.is_some() && !step.message.is_empty() && !self.is_echoed
    }

    /// Leaves the transport to other bytes, but not within a message.
    pub(super) fn pause(&mut self, pauses: bool) {
        self.is_paused = pauses && (self.is_paused || self.transmit().is_empty());
    }

    /// Cancels `id`. Messages that were not sent are dropped; those that were are seen through, and not sent again.
    pub(super) fn cancel(&mut self, id: RequestId) {
        let Some(index) = self.queue.iter().position(|pending| pending.id == id) else {
            return;
        };
        if self.queue[index].sent_at.is_some() {
            self.queue[index].request.idempotent = false;
            return;
        }
        self.queue.remove(index);
        if index == 0 {
            self.step = None;
        }
    }

    /// Bytes of input and of the current message.
    pub(super) fn held(&self) -> usize {
        self.reader.held() + self.transmit().len()
    }

    /// Next bytes for the transport.
    pub(super) fn transmit(&self) -> &[u8] {
        self.current_step()
            .filter(|_| !self.is_paused)
            .and_then(|step| step.message.get(self.written..))
            .unwrap_or_default()
    }

    pub(super) fn transmitted(&mut self, now: Instant, count: usize) {
        let count = count.min(self.transmit().len());
        if count > 0
            && let Some(first) = self.queue.front_mut()
        {
            first.sent_at.get_or_insert(now);
            self.written += count;
            self.statistics.bytes_sent += count as u64;
        }
    }

    /// Takes bytes from the device. Bytes that arrive before a query has begun to leave are not its answer.
    pub(super) fn input(&mut self, now: Instant, bytes: &[u8]) {
        self.heard = now;
        self.statistics.bytes_received += bytes.len() as u64;
        self.reader.push(bytes);
        if self.written == 0 && self.current_step().is_some_and(Step::asks) {
            self.discard_buffered();
        }
    }

    /// Drops bytes of a greeting.
    pub(super) fn discard(&mut self, bytes: &[u8]) {
        self.statistics.bytes_received += bytes.len() as u64;
        self.statistics.bytes_discarded += bytes.len() as u64;
    }

    /// Drops input that belongs to no answer, except an event that has begun.
    fn discard_buffered(&mut self) {
        self.take_events();
        if self.unasked.is_event(self.reader.rest()) {
            return;
        }
        self.statistics.bytes_discarded += self.reader.rest().len() as u64;
        self.unasked.report(self.reader.rest());
        self.reader.clear();
    }

    /// Takes the events at the start of the input.
    fn take_events(&mut self) {
        while let Some(length) = self.unasked.event(self.reader.rest()) {
            self.unasked.report(&self.reader.rest()[..length]);
            self.reader.discard(length);
            self.reader.restart(self.reader.framing().anew());
        }
    }

    /// Advances as far as the bytes written and received allow. On an error, the connection must be reset.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), Cause> {
        while let Some(first) = self.queue.front() {
            let Some(index) = self.step else {
                if now < self.not_before {
                    break;
                }
                self.begin_step(0);
                continue;
            };
            let Some(step) = first.request.steps.get(index) else {
                self.finish(Ok(Vec::new()));
                continue;
            };
            if self.written < step.message.len() {
                break;
            }
            match self.take_answer(now) {
                Ok(None) => break,
                Ok(Some(answer)) => self.end_step(index, answer),
                Err(failure) => {
                    let in_step = matches!(
                        failure,
                        Failure::Refused(_) | Failure::Exception(_) | Failure::Lost { .. }
                    );
                    self.finish(Err(failure));
                    if !in_step {
                        return Err(Cause::Misbehaved);
                    }
                }
            }
            if self.step.is_none() {
                self.not_before = now + self.settings.pace;
            }
        }
        if self.step.is_none() {
            self.take_events();
        }
        if self.reader.is_full() {
            return Err(Cause::Misbehaved);
        }
        Ok(())
    }

    /// Handles the end of the connection. Requests that were sent and may not be repeated fail. Returns the number of
    /// sent messages whose answer nobody has taken.
    pub(super) fn lost(&mut self, cause: &Cause) -> u32 {
        if let Some((answer, _)) = self.held.take() {
            self.end_last_step(answer);
        } else if *cause == Cause::Closed && self.may_end() {
            let answer = self.take_rest();
            self.end_last_step(answer);
        }
        self.statistics.bytes_discarded += self.reader.rest().len() as u64;
        self.reader.clear();
        let owed = core::mem::take(&mut self.owed);
        self.answer_lost = (owed > 0).then(|| cause.clone());
        if self.step.take().is_some()
            && let Some(first) = self.queue.front_mut()
        {
            let sent = first.sent_at.take().is_some();
            if sent && first.request.idempotent && !first.resent {
                first.resent = true;
                self.statistics.resent += 1;
            } else if sent || first.request.only_listens() {
                if first.request.only_listens() {
                    self.answer_lost = None;
                }
                let sent = sent || first.resent;
                self.finish(Err(Failure::Lost {
                    cause: cause.clone(),
                    sent,
                }));
            }
        }
        owed
    }

    /// Fails the requests that only listen, because there is no connection.
    pub(super) fn fail_listeners(&mut self, cause: &Cause) {
        while let Some(first) = self.queue.front()
            && first.request.only_listens()
        {
            let failure = match self.answer_lost.take() {
                Some(cause) => Failure::Lost { cause, sent: false },
                None => Failure::NotConnected(cause.clone()),
            };
            self.finish(Err(failure));
        }
    }

    /// Fails all waiting requests after a failed attempt to connect.
    pub(super) fn fail_all(&mut self, cause: &Cause) {
        while let Some(first) = self.queue.front() {
            let failure = if first.resent {
                Failure::Lost {
                    cause: cause.clone(),
                    sent: true,
                }
            } else {
                Failure::NotConnected(cause.clone())
            };
            self.finish(Err(failure));
        }
    }

    /// Fails requests whose time is over. Returns true if an answer may still be on its way, so that the connection
    /// must be reset.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut reset = false;
        if self.step.is_some()
            && let Some(first) = self.queue.front()
            && first.deadline <= now
        {
            reset = self.owed > 0 || !first.request.only_listens();
            let sent = first.is_sent();
            self.finish(Err(Failure::TimedOut { sent }));
        }
        while let Some(index) = self.queue.iter().position(|pending| pending.deadline <= now) {
            if let Some(pending) = self.queue.remove(index) {
                let sent = pending.is_sent();
                self.finished
                    .push_back((pending.id, Err(Failure::TimedOut { sent })));
            }
        }
        reset
    }

    fn current_step(&self) -> Option<&Step> {
        self.queue.front()?.request.steps.get(self.step?)
    }

    fn begin_step(&mut self, index: usize) {
        self.step = Some(index);
        self.written = 0;
        let Some(step) = self.current_step() else {
            return;
        };
        let (asks, sends) = (step.asks(), !step.message.is_empty());
        let until = match &step.echo {
            Some(end) if sends => Some(Until::Lines(Lines::one(end.clone()))),
            _ => step.until.clone(),
        };
        self.is_echoed = false;
        if let Some(until) = until {
            self.reader.restart(Search::new(until));
        }
        if asks {
            self.discard_buffered();
        }
        if sends {
            self.answer_lost = None;
        }
    }

    /// Answer of the current step, if it is complete; empty if it has none.
    fn take_answer(&mut self, now: Instant) -> Result<Option<Vec<u8>>, Failure> {
        let Some(step) = self.current_step().cloned() else {
            return Ok(None);
        };
        if let Some((answer, due)) = self.held.take() {
            return self.keep_alone(now, &step, answer, due);
        }
        if self.awaits_echo(&step) && !self.take_echo(&step)? {
            return Ok(None);
        }
        if step.until.is_none() {
            self.owed = self.owed.saturating_add(1);
            return Ok(Some(Vec::new()));
        }
        if let Some(cause) = self.answer_lost.take() {
            return Err(Failure::Lost { cause, sent: false });
        }
        let Some(answer) = self.read_answer(now)? else {
            return Ok(None);
        };
        check(&step, &answer)?;
        self.owed = if step.message.is_empty() {
            self.owed.saturating_sub(1)
        } else {
            0
        };
        self.statistics.answers += 1;
        if let Some(sent_at) = self.queue.front().and_then(|first| first.sent_at) {
            self.statistics.round_trip = now.duration_since(sent_at);
        }
        let Some(time) = step.alone else {
            return Ok(Some(answer));
        };
        if let Some(first) = self.queue.front_mut() {
            // An answer in time is not lost by being watched.
            first.deadline = first.deadline.max(now + time);
        }
        self.keep_alone(now, &step, answer, now + time)
    }

    /// Reads the line in which the device returns the message. Returns whether it was there.
    fn take_echo(&mut self, step: &Step) -> Result<bool, Failure> {
        let Some(line) = self.poll_message()? else {
            return Ok(false);
        };
        let end = step.echo.as_deref().unwrap_or_default();
        let said = line.strip_suffix(end).unwrap_or(&line).trim_ascii();
        // Whatever else the message has is its end.
        let Some(end) = step.message.strip_prefix(said).filter(|_| !said.is_empty()) else {
            return Err(Failure::Unexpected(line));
        };
        if end.iter().any(u8::is_ascii_graphic) {
            return Err(Failure::Unexpected(line));
        }
        self.is_echoed = true;
        let until = step.until.clone().unwrap_or(Until::Any);
        self.reader.restart(Search::new(until));
        Ok(true)
    }

    /// Next message that is no event, if it is complete.
    fn read_answer(&mut self, now: Instant) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(answer) = self.poll_message()? {
            return Ok(Some(answer));
        }
        let is_quiet = now >= self.heard + self.settings.quiet_time;
        Ok((is_quiet && self.may_end()).then(|| self.take_rest()))
    }

    fn poll_message(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.take_events();
        if self.unasked.is_event(self.reader.rest()) {
            return Ok(None);
        }
        let message = self.reader.poll_message(<[u8]>::to_vec);
        message.map_err(|_| Failure::AnswerTooLong(self.settings.answer_bytes))
    }

    fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.reader.rest().to_vec();
        self.reader.clear();
        rest
    }

    /// Returns the answer when it has been alone until `due`.
    fn keep_alone(
        &mut self,
        now: Instant,
        step: &Step,
        answer: Vec<u8>,
        due: Instant,
    ) -> Result<Option<Vec<u8>>, Failure> {
        self.take_events();
        let rest = self.reader.rest();
        let is_text = matches!(
            step.until,
            Some(Until::Lines(_) | Until::Delimiter(_) | Until::Prompt(_))
        );
        let is_residue = rest.is_empty() || is_text && unasked::is_residue(rest);
        if !is_residue && !self.unasked.is_event(rest) {
            let rest = rest[..rest.len().min(100)].to_vec();
            return Err(Failure::TooMuch { answer, rest });
        }
        if now >= due {
            return Ok(Some(answer));
        }
        self.held = Some((answer, due));
        Ok(None)
    }

    fn end_step(&mut self, index: usize, answer: Vec<u8>) {
        let is_last = self
            .queue
            .front()
            .is_none_or(|first| index + 1 >= first.request.steps.len());
        if is_last {
            self.finish(Ok(answer));
        } else {
            self.begin_step(index + 1);
        }
    }

    /// Ends the current step, if it is the last of its request, at the end of the connection.
    fn end_last_step(&mut self, answer: Vec<u8>) {
        let is_last = |index| {
            let first = self.queue.front();
            first.is_some_and(|first| index + 1 >= first.request.steps.len())
        };
        if let Some(step) = self.current_step()
            && self.step.is_some_and(is_last)
            && check(step, &answer).is_ok()
        {
            self.finish(Ok(answer));
        }
    }

    fn finish(&mut self, result: Result<Vec<u8>, Failure>) {
        self.step = None;
        self.held = None;
        if let Some(first) = self.queue.pop_front() {
            self.end(first.id, result);
        }
    }

    fn end(&mut self, id: RequestId, result: Result<Vec<u8>, Failure>) {
        self.statistics.failures += u64::from(result.is_err());
        self.finished.push_back((id, result));
    }
}

/// Checks that an answer belongs to the message, and is no refusal.
fn check(step: &Step, answer: &[u8]) -> Result<(), Failure> {
    if !step.refusal.is_empty() && answer.starts_with(&step.refusal) {
        return Err(Failure::Refused(answer.to_vec()));
    }
    if !answer.starts_with(&step.expected) {
        return Err(Failure::Unexpected(answer.to_vec()));
    }
    if !step.is_modbus {
        return Ok(());
    }
    modbus::check(&step.message, answer).map_err(|fault| match fault {
        modbus::Fault::Exception(code) => Failure::Exception(code),
        modbus::Fault::Unexpected => Failure::Unexpected(answer.to_vec()),
    })
}
