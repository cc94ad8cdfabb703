//! Threads for long work, which take turns at it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use labwire_core::service::{Busy, Job};

use crate::clock::Clock;

/// How long a job is worked on before the next one gets its turn.
const TURN: Duration = Duration::from_millis(5);
/// How much fuel at most between two looks at the clock.
const MAX_FUEL: u32 = 64;

/// Works on any number of jobs with a few threads, in turns, so that a long one never keeps a short one waiting.
/// Dropping the pool drops the jobs.
pub(crate) struct Pool<J> {
    shared: Arc<Shared<J>>,
    threads: usize,
    max_threads: usize,
}

struct Shared<J> {
    clock: Clock,
    queue: Mutex<Queue<J>>,
    has_changed: Condvar,
    finish: Box<dyn Fn(J) + Send + Sync>,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    is_stopped: bool,
}

impl<J: Job + Send + 'static> Pool<J> {
    /// A pool of up to `max_threads` threads, started when they are needed. `finish` is given the jobs that are done.
    pub(crate) fn new(clock: Clock, max_threads: usize, finish: impl Fn(J) + Send + Sync + 'static) -> Self {
        let queue = Mutex::new(Queue {
            jobs: VecDeque::new(),
            is_stopped: false,
        });
        let has_changed = Condvar::new();
        Self {
            shared: Arc::new(Shared {
                clock,
                queue,
                has_changed,
                finish: Box::new(finish),
            }),
            threads: 0,
            max_threads: max_threads.max(1),
        }
    }

    /// Works on `job` as soon as it is its turn.
    pub(crate) fn push(&mut self, job: J) {
        if self.threads < self.max_threads {
            self.threads += 1;
            let shared = self.shared.clone();
            thread::spawn(move || shared.work());
        }
        self.shared.lock().jobs.push_back(job);
        self.shared.has_changed.notify_one();
    }
}

impl<J> Drop for Pool<J> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_stopped = true;
        queue.jobs.clear();
        self.shared.has_changed.notify_all();
    }
}

impl<J> Shared<J> {
    fn lock(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<J> {
        let queue = self.lock();
        let waiting = |queue: &mut Queue<J>| queue.jobs.is_empty() && !queue.is_stopped;
        let queue = self.has_changed.wait_while(queue, waiting);
        queue.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }
}

impl<J: Job> Shared<J> {
    fn work(&self) {
        while let Some(mut job) = self.next() {
            match catch_unwind(AssertUnwindSafe(|| self.take_turn(&mut job))) {
                Ok(Busy::Yes) => self.put_back(job),
                Ok(Busy::No) => (self.finish)(job),
                Err(_) => tracing::error!("a job panicked and is lost; this is a bug in labwire"),
            }
        }
    }

    fn take_turn(&self, job: &mut J) -> Busy {
        let start = self.clock.now();
        let (mut now, mut fuel) = (start, 1);
        while now.duration_since(start) < TURN {
            if job.step(now, fuel) == Busy::No {
                return Busy::No;
            }
            // Nobody knows beforehand how long a unit takes.
            fuel = (2 * fuel).min(MAX_FUEL);
            now = self.clock.now();
        }
        Busy::Yes
    }

    fn put_back(&self, job: J) {
        let mut queue = self.lock();
        if !queue.is_stopped {
            queue.jobs.push_back(job);
        }
    }
}
