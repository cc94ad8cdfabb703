//! The task that owns a host's service.

use std::collections::HashMap;
use std::time::Duration;

use labwire_core::service::{Busy, ConnectionId, Job, Peer};
use tokio::sync::{mpsc, oneshot};

use super::{HostedService, Reply, Request, Tokens};
use crate::clock::Clock;
use crate::pool::Pool;

/// What a job may take on the service's own task before it goes to the threads: less than going there costs others.
const FIRST_TURN: Duration = Duration::from_micros(200);

/// What connections tell the service.
pub(super) enum Input<S: HostedService> {
    Opened {
        id: ConnectionId,
        peer: Peer,
        replies: mpsc::Sender<Reply<S>>,
        session: oneshot::Sender<S::Session>,
    },
    Request(ConnectionId, Request<S>),
    Closed(ConnectionId),
}

/// The task that owns the service.
pub(super) struct ServiceTask<S: HostedService> {
    pub(super) service: S,
    pub(super) clock: Clock,
    pub(super) inputs: mpsc::Receiver<Input<S>>,
    pub(super) outputs: HashMap<ConnectionId, mpsc::Sender<Reply<S>>>,
    pub(super) pool: Pool<S::Job>,
    pub(super) finished_jobs: mpsc::UnboundedReceiver<S::Job>,
    /// Jobs that the pool has.
    pub(super) running: usize,
    pub(super) max_running: usize,
    pub(super) tokens: Tokens,
}

impl<S: HostedService> ServiceTask<S> {
    pub(super) async fn run(mut self) {
        let tokens = self.tokens.clone();
        // Should the service panic, the process is not to go on without it.
        let _guard = tokens.finished.clone().drop_guard();
        let mut is_shut_down = false;
        loop {
            tokio::select! {
                Some(input) = self.inputs.recv() => self.handle(input),
                Some(job) = self.finished_jobs.recv() => {
                    self.running -= 1;
                    self.service.finish_job(self.clock.now(), job);
                }
                () = tokens.shutdown.cancelled(), if !is_shut_down => {
                    is_shut_down = true;
                    self.service.handle_shutdown(self.clock.now());
                }
                () = tokens.stop.cancelled() => return,
            }
            self.work();
            self.deliver();
            if self.service.is_finished() {
                tokens.finished.cancel();
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
                // A connection that has gone in the meantime says so next.
                let _ = session.send(self.service.open_session(now, peer));
            }
            Input::Request(from, request) => self.service.handle_request(now, from, request),
            Input::Closed(id) => {
                self.outputs.remove(&id);
                self.service.handle_disconnect(now, id);
            }
        }
    }

    fn work(&mut self) {
        while self.running < self.max_running
            && let Some(mut job) = self.service.take_job(self.clock.now())
        {
            match self.first_turn(&mut job) {
                Busy::No => self.service.finish_job(self.clock.now(), job),
                Busy::Yes => {
                    self.running += 1;
                    self.pool.push(job);
                }
            }
        }
    }

    fn first_turn(&self, job: &mut S::Job) -> Busy {
        if job.may_block() {
            return Busy::Yes;
        }
        let start = self.clock.now();
        let (mut now, mut fuel) = (start, 1);
        while now.duration_since(start) < FIRST_TURN {
            if job.step(now, fuel) == Busy::No {
                return Busy::No;
            }
            fuel *= 2;
            now = self.clock.now();
        }
        Busy::Yes
    }

    fn deliver(&mut self) {
        while let Some((to, reply)) = self.service.poll_reply() {
            let Some(output) = self.outputs.get(&to) else {
                continue;
            };
            // Without its sender the connection ends.
            if output.try_send(reply).is_err() {
                self.outputs.remove(&to);
            }
        }
    }
}
