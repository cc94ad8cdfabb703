//! Imports requested by clients of ZEISS INSPECT, carried out by a function of the host.

use alloc::string::String;

use labwire_protocols::zeiss::{Limits, Outcome, Request, Server, Transport};
use labwire_session::time::Instant;
use serde::{Deserialize, Serialize};

use super::{Handler, Peer, Permission, Sequential};

/// Permissions of an import server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ImportPermissions {
    /// Imports, which read files of this machine. Default: peers on this machine.
    pub imports: Permission,
}

impl Default for ImportPermissions {
    fn default() -> Self {
        Self {
            imports: Permission::Local,
        }
    }
}

/// Creates a service that calls `import` for each request of a peer that `imports` includes, one at a time. It may
/// block. Other peers are answered with an error.
pub fn service<F: FnMut(&Request) -> Outcome>(
    transport: Transport,
    limits: Limits,
    imports: Permission,
    import: F,
) -> Sequential<Server, Importer<F>, impl FnMut(Instant, Peer) -> Server> {
    let importer = Importer {
        import,
        request: None,
    };
    Sequential::new(importer, move |now, peer| {
        let server = Server::new(now, transport, limits.clone());
        match imports.includes(peer) {
            true => server,
            false => server.refusing_imports(),
        }
    })
}

/// Handler behind [`service`].
#[derive(Debug)]
pub struct Importer<F> {
    import: F,
    request: Option<Request>,
}

impl<F: FnMut(&Request) -> Outcome> Handler for Importer<F> {
    type Request = Request;
    type Reply = String;

    fn begin(&mut self, _now: Instant, request: Request) -> Option<String> {
        self.request = Some(request);
        None
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<String> {
        let outcome = (self.import)(self.request.as_ref()?);
        self.request.take().map(|request| request.answer(outcome))
    }

    fn answer_panic(&mut self) -> Option<String> {
        self.request.take().map(|request| request.answer(Outcome::Failed))
    }

    fn may_block(&self) -> bool {
        true
    }
}
