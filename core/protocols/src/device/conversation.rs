//! Requests on one connection: one at a time, in order, each ended once.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use labwire_session::framing::FrameReader;
use labwire_session::framing::until::{Search, Until};
use labwire_session::time::Instant;

use super::request::{Cause, Failure, Request, RequestId, Step};
use super::statistics::Statistics;

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
    /// Number of messages sent whose answer nobody has taken: the device may still answer them.
    owed: u32,
    /// End of the last connection, if an answer was outstanding: it is reported to the next listener.
    answer_lost: Option<Cause>,
    answer_bytes: usize,
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
    pub(super) fn new(answer_bytes: usize) -> Self {
        Self {
            statistics: Statistics::default(),
            queue: VecDeque::new(),
            step: None,
            written: 0,
            reader: FrameReader::new(Search::new(Until::Any), answer_bytes),
            owed: 0,
            answer_lost: None,
            answer_bytes,
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

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.queue.iter().map(|pending| pending.deadline).min()
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
    pub(super) fn input(&mut self, bytes: &[u8]) {
        if self.written == 0 && self.current_step().is_some_and(Step::asks) {
            self.discard(bytes);
        } else {
            self.statistics.bytes_received += bytes.len() as u64;
            self.reader.push(bytes);
        }
    }

    /// Drops bytes that belong to no answer.
    pub(super) fn discard(&mut self, bytes: &[u8]) {
        self.statistics.bytes_received += bytes.len() as u64;
        self.statistics.bytes_discarded += bytes.len() as u64;
    }

    fn discard_buffered(&mut self) {
        self.statistics.bytes_discarded += self.reader.rest().len() as u64;
        self.reader.clear();
    }

    /// Advances as far as the bytes written and received allow. On an error, the connection must be reset.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), Cause> {
        while let Some(first) = self.queue.front() {
            let Some(index) = self.step else {
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
                    let in_step = matches!(failure, Failure::Refused(_) | Failure::Lost { .. });
                    self.finish(Err(failure));
                    if !in_step {
                        return Err(Cause::Misbehaved);
                    }
                }
            }
        }
        if self.reader.is_full() {
            return Err(Cause::Misbehaved);
        }
        Ok(())
    }

    /// Handles the end of the connection. Requests that were sent and may not be repeated fail. Returns the number of
    /// sent messages whose answer nobody has taken.
    /// has taken an answer to.
    pub(super) fn lost(&mut self, cause: &Cause) -> u32 {
        self.discard_buffered();
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
        if let Some(until) = step.until.clone() {
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
        let Some(first) = self.queue.front() else {
            return Ok(None);
        };
        let Some(step) = self.step.and_then(|index| first.request.steps.get(index)) else {
            return Ok(None);
        };
        if step.until.is_none() {
            self.owed = self.owed.saturating_add(1);
            return Ok(Some(Vec::new()));
        }
        if let Some(cause) = self.answer_lost.take() {
            return Err(Failure::Lost { cause, sent: false });
        }
        let answer = self.reader.poll_message(<[u8]>::to_vec);
        let Some(answer) = answer.map_err(|_| Failure::AnswerTooLong(self.answer_bytes))? else {
            return Ok(None);
        };
        if !step.refusal.is_empty() && answer.starts_with(&step.refusal) {
            return Err(Failure::Refused(answer));
        }
        if !answer.starts_with(&step.expected) {
            return Err(Failure::Unexpected(answer));
        }
        self.owed = if step.message.is_empty() {
            self.owed.saturating_sub(1)
        } else {
            0
        };
        self.statistics.answers += 1;
        if let Some(sent_at) = first.sent_at {
            self.statistics.round_trip = now.duration_since(sent_at);
        }
        Ok(Some(answer))
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

    fn finish(&mut self, result: Result<Vec<u8>, Failure>) {
        self.step = None;
        if let Some(first) = self.queue.pop_front() {
            self.end(first.id, result);
        }
    }

    fn end(&mut self, id: RequestId, result: Result<Vec<u8>, Failure>) {
        self.statistics.failures += u64::from(result.is_err());
        self.finished.push_back((id, result));
    }
}
