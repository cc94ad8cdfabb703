//! PyMoDAQ modules in the process that is their server.

use std::collections::HashMap;

use async_channel::{Receiver, Sender, bounded};
use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::{
    Answer, Command, DataDim, DataToExport, Generation, Instruction, Server, ServerEvent,
};
use labwire_core::service::registry::{OperationError, OperationId, Outcome, Registry};
use labwire_core::service::{ConnectionId, NoJob, Peer, Service};
use labwire_core::session::{CloseReason, Timer};
use labwire_core::time::Instant;
use std::sync::Arc;

use crate::host::Host;
use crate::memory::Memory;
use crate::runtime::Runtime;

/// Handle that gives orders to the modules of a [`Registry`] run by a host.
///
/// ```no_run
/// # async fn example<R: labwire_host::Runtime>(listener: R::Listener) {
/// use labwire_core::limits::HostLimits;
/// use labwire_core::service::registry::{Registry, RegistrySettings};
/// use labwire_host::Modules;
///
/// let registry = Registry::new(RegistrySettings::default());
/// let modules = Modules::<R>::start("pymodaq", registry, HostLimits::default());
/// labwire_host::serve(listener, modules.host(), std::future::pending()).await;
/// # }
/// ```
pub struct Modules<R> {
    host: Host<AwaitedRegistry, R>,
}

impl<R> std::fmt::Debug for Modules<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Modules")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime> Modules<R> {
    /// Starts a registry. `name` identifies it in the log.
    #[must_use]
    pub fn start(name: &'static str, registry: Registry, limits: HostLimits) -> Self {
        let memory = Memory::new(limits.memory);
        Self::start_sharing(name, registry, limits, &memory)
    }

    /// As [`start`](Modules::start), sharing `memory` with other hosts.
    #[must_use]
    pub fn start_sharing(
        name: &'static str,
        registry: Registry,
        limits: HostLimits,
        memory: &Memory,
    ) -> Self {
        let service = AwaitedRegistry {
            registry,
            waiting: HashMap::new(),
        };
        Self {
            host: Host::start_sharing(name, service, limits, memory),
        }
    }

    /// Host to which connections are attached.
    pub fn host(&self) -> &Host<AwaitedRegistry, R> {
        &self.host
    }

    /// Names of the attached modules.
    pub async fn names(&self) -> Vec<String> {
        let names = |service: &mut AwaitedRegistry, _| {
            service
                .registry
                .modules()
                .map(|module| module.name().to_owned())
                .collect()
        };
        self.host.call(names).await.unwrap_or_default()
    }

    /// Gives an order and returns its outcome. Orders to several modules run in parallel if they are awaited
    /// together. Dropping the future does not cancel the order.
    pub async fn order(&self, module: impl Into<String>, command: Command) -> Outcome {
        let module = module.into();
        let submit = move |service: &mut AwaitedRegistry, now| service.submit(now, &module, command);
        let gone = || Err(OperationError::Gone(CloseReason::Shutdown));
        match self.host.call(submit).await {
            Some(outcome) => outcome.recv().await.unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }

    /// Grabs data; see [`Command::Grab`].
    ///
    /// # Errors
    /// See [`OperationError`].
    pub async fn grab(
        &self,
        module: impl Into<String>,
        dim: Option<DataDim>,
    ) -> Result<Arc<DataToExport>, OperationError> {
        match self.order(module, Command::Grab(dim)).await? {
            Answer::Data(data) => Ok(data),
            other => Err(OperationError::Impossible(format!(
                "data were asked for, not {other:?}"
            ))),
        }
    }
}

/// Registry with a waiting caller for each order.
#[derive(Debug)]
pub struct AwaitedRegistry {
    registry: Registry,
    waiting: HashMap<OperationId, Sender<Outcome>>,
}

impl AwaitedRegistry {
    fn submit(&mut self, now: Instant, module: &str, command: Command) -> Receiver<Outcome> {
        let (sender, outcome) = bounded(1);
        let operation = self.registry.submit(now, module, command);
        self.waiting.insert(operation, sender);
        self.settle();
        outcome
    }

    fn settle(&mut self) {
        while let Some((operation, outcome)) = self.registry.poll_outcome() {
            if let Some(sender) = self.waiting.remove(&operation) {
                // The caller may have stopped waiting.
                let _ = sender.try_send(outcome);
            }
        }
    }
}

impl Service for AwaitedRegistry {
    type Session = Server;
    type Job = NoJob;

    fn open_session(&mut self, now: Instant, peer: Peer) -> Server {
        self.registry.open_session(now, peer)
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, event: ServerEvent) {
        match &event {
            ServerEvent::Module {
                kind,
                generation,
                address,
            } => {
                let generation = generation.map_or("unknown", Generation::name);
                tracing::debug!(
                    connection = from.0,
                    kind = kind.name(),
                    generation,
                    address,
                    "module connected"
                )
            }
            ServerEvent::Generation(generation) => {
                tracing::debug!(connection = from.0, %generation, "the module's generation")
            }
            ServerEvent::Controller => tracing::debug!(connection = from.0, "controller connected"),
            _ => {}
        }
        self.registry.handle_request(now, from, event);
        self.settle();
    }

    fn handle_disconnect(&mut self, now: Instant, from: ConnectionId, reason: &CloseReason) {
        self.registry.handle_disconnect(now, from, reason);
        self.settle();
    }

    fn take_job(&mut self, now: Instant) -> Option<NoJob> {
        self.registry.take_job(now)
    }

    fn finish_job(&mut self, now: Instant, job: NoJob) {
        self.registry.finish_job(now, job);
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, Instruction)> {
        self.registry.poll_reply()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.registry.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.registry.handle_timeout(now);
        self.settle();
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.registry.handle_shutdown(now);
    }

    fn is_finished(&self) -> bool {
        self.registry.is_finished()
    }
}
