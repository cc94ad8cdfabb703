//! Task that owns a host's service.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use labwire_core::service::{ConnectionId, Job, Peer};
use labwire_core::session::CloseReason;
use labwire_core::time::Instant;

use super::{HostedService, Reply, Request, Signals, Work};
use crate::clock::Clock;
use crate::drive::Alarm;
use crate::pool::{End, Pool, take_turn};
use crate::runtime::Runtime;
use crate::sampled::Sampled;
use crate::signal::Signal;

/// Time that a job may take on the service's own task before it moves to the pool: about the overhead of moving. It moves
/// at once if anything else waits for the task or another job is in progress, so that jobs use all workers.
const FIRST_TURN: Duration = Duration::from_micros(200);

/// Input of the service.
pub(super) enum Input<S: HostedService> {
    Opened {
        id: ConnectionId,
        peer: Peer,
        replies: Sender<Reply<S>>,
        session: Sender<S::Session>,
    },
    Request(ConnectionId, Request<S>),
    Eof(ConnectionId),
    Closed(ConnectionId, CloseReason),
    Finished(S::Job, End),
    Call(Call<S>),
    Shutdown,
}

type Call<S> = Box<dyn FnOnce(&mut S, Instant) + Send>;

/// Task that owns the service.
pub(super) struct ServiceTask<S: HostedService> {
    pub(super) service: S,
    pub(super) clock: Clock,
    pub(super) inputs: Receiver<Input<S>>,
    pub(super) outputs: HashMap<ConnectionId, Sender<Reply<S>>>,
    pub(super) pool: Pool<S::Job>,
    /// Number of jobs in the pool.
    pub(super) running: usize,
    pub(super) max_running: usize,
    pub(super) signals: Signals,
    pub(super) work: Arc<Work>,
    pub(super) name: &'static str,
    pub(super) remarks: Sampled,
    /// The last field, so that the service has let go of its files before anybody is told that it has ended.
    pub(super) _ended: SetOnDrop,
}

/// Signal that is set when this is dropped.
pub(super) struct SetOnDrop(pub(super) Signal);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl<S: HostedService> ServiceTask<S> {
    pub(super) async fn run<R: Runtime>(mut self) {
        let mut alarm = Alarm::<R>::new(self.clock);
        loop {
            alarm.set(self.service.poll_timeout().map(|(due, _)| due));
            match next(&self.inputs, &mut alarm).await {
                Next::Input(input) => self.handle(input),
                Next::Timeout => {}
                Next::End => return,
            }
            // Also when the task is never idle.
            let now = self.clock.now();
            if self.service.poll_timeout().is_some_and(|(due, _)| due <= now) {
                self.service.handle_timeout(now);
            }
            self.work();
            self.deliver();
            self.report();
            if self.service.is_finished() {
                self.signals.finished.set();
            }
        }
    }

    fn handle(&mut self, input: Input<S>) {
        let now = self.clock.now();
        match input {
            Input::Opened {
                id,
                peer,
                replies,
                session,
            } => {
                self.outputs.insert(id, replies);
                // A connection that has ended in the meantime reports so next.
                let _ = session.try_send(self.service.open_session(now, peer));
            }
            Input::Request(from, request) => {
                self.work.requests.fetch_add(1, Ordering::Relaxed);
                self.service.handle_request(now, from, request);
            }
            Input::Eof(from) => self.service.handle_eof(now, from),
            Input::Closed(id, reason) => {
                self.outputs.remove(&id);
                self.service.handle_disconnect(now, id, &reason);
            }
            Input::Finished(job, end) => {
                self.running -= 1;
                self.work.running.fetch_sub(1, Ordering::Relaxed);
                self.finish(job, end);
            }
            Input::Call(call) => call(&mut self.service, now),
            Input::Shutdown => self.service.handle_shutdown(now),
        }
    }

    fn work(&mut self) {
        while self.running < self.max_running
            && let Some(mut job) = self.service.take_job(self.clock.now())
        {
            self.work.jobs.fetch_add(1, Ordering::Relaxed);
            let is_alone = self.running == 0 && !job.may_block();
            let has_to_yield = || !self.inputs.is_empty();
            let first_turn = match is_alone {
                true => take_turn(&mut job, self.clock, FIRST_TURN, has_to_yield),
                false => None,
            };
            match first_turn {
                Some(end) => self.finish(job, end),
                None => {
                    self.running += 1;
                    self.work.running.fetch_add(1, Ordering::Relaxed);
                    self.pool.push(job);
                }
            }
        }
    }

    fn finish(&mut self, job: S::Job, end: End) {
        let now = self.clock.now();
        if end == End::Done {
            return self.service.finish_job(now, job);
        }
        let connection = job.asker();
        let is_answered = self.service.handle_panic(now, job);
        tracing::error!(
            service = self.name,
            connection = connection.0,
            is_answered,
            "a request panicked"
        );
        if !is_answered {
            // Dropping its sender ends the connection.
            self.outputs.remove(&connection);
        }
    }

    fn report(&mut self) {
        while let Some(remark) = self.service.poll_remark() {
            if let Some(held_back) = self.remarks.pass() {
                tracing::warn!(service = self.name, held_back, "{remark}");
            }
        }
    }

    fn deliver(&mut self) {
        while let Some((to, reply)) = self.service.poll_reply() {
            let Some(output) = self.outputs.get(&to) else {
                continue;
            };
            // Dropping its sender ends the connection.
            if output.try_send(reply).is_err() {
                self.outputs.remove(&to);
            }
        }
    }
}

impl<S: HostedService> Drop for ServiceTask<S> {
    /// If the service panics, the process must not continue without it, and nothing may wait for it.
    fn drop(&mut self) {
        self.inputs.close();
        // Messages in the channel would otherwise live as long as its senders.
        while self.inputs.try_recv().is_ok() {}
        self.signals.finished.set();
    }
}

/// Event that the service's task waits for.
enum Next<S: HostedService> {
    Input(Input<S>),
    Timeout,
    End,
}

async fn next<S: HostedService, R: Runtime>(inputs: &Receiver<Input<S>>, alarm: &mut Alarm<R>) -> Next<S> {
    let mut input = pin!(inputs.recv());
    poll_fn(|context| match input.as_mut().poll(context) {
        Poll::Ready(Ok(input)) => Poll::Ready(Next::Input(input)),
        Poll::Ready(Err(_)) => Poll::Ready(Next::End),
        Poll::Pending => alarm.poll(context).map(|()| Next::Timeout),
    })
    .await
}
