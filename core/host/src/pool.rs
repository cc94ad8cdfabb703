//! Pool of threads on which long jobs take turns.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use labwire_core::service::{Busy, Job};

use crate::clock::Clock;

/// Time that a job is worked on before the next one gets its turn.
const TURN: Duration = Duration::from_millis(5);
/// Largest amount of fuel between two looks at the clock.
const MAX_FUEL: u32 = 64;

/// Pool of a few threads that work on any number of jobs in turns, so that a long job never delays a short
/// one for long. Dropping the pool drops the jobs.
pub(crate) struct Pool<J> {
    shared: Arc<Shared<J>>,
    threads: usize,
    max_threads: usize,
}

/// Outcome of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The job is complete.
    Done,
    /// The job panicked: because of an application's code, or of a bug in labwire.
    Panicked,
}

/// Works on `job` for about `turn`, or until `has_to_yield` says so. `None` if it is not complete.
pub(crate) fn take_turn(
    job: &mut impl Job,
    clock: Clock,
    turn: Duration,
    has_to_yield: impl Fn() -> bool,
) -> Option<End> {
    let work = || {
        let start = clock.now();
        let (mut now, mut fuel) = (start, 1);
        while now.duration_since(start) < turn && !has_to_yield() {
            if job.step(now, fuel) == Busy::No {
                return Busy::No;
            }
            // The duration of a unit is not known in advance.
            fuel = (2 * fuel).min(MAX_FUEL);
            now = clock.now();
        }
        Busy::Yes
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Busy::Yes) => None,
        Ok(Busy::No) => Some(End::Done),
        Err(_) => Some(End::Panicked),
    }
}

struct Shared<J> {
    clock: Clock,
    queue: Mutex<Queue<J>>,
    has_changed: Condvar,
    finish: Box<dyn Fn(J, End) + Send + Sync>,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    is_stopped: bool,
}

impl<J: Job + Send + 'static> Pool<J> {
    /// Creates a pool of up to `max_threads` threads, started on demand. `finish` receives the completed
    /// jobs.
    pub(crate) fn new(
        clock: Clock,
        max_threads: usize,
        finish: impl Fn(J, End) + Send + Sync + 'static,
    ) -> Self {
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

    /// Queues a job.
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
            match take_turn(&mut job, self.clock, TURN, || false) {
                None => self.put_back(job),
                Some(end) => (self.finish)(job, end),
            }
        }
    }

    fn put_back(&self, job: J) {
        let mut queue = self.lock();
        if !queue.is_stopped {
            queue.jobs.push_back(job);
        }
    }
}
