//! Imports requested by clients of ZEISS INSPECT, carried out by a function of the host.

use alloc::string::String;

use labwire_protocols::zeiss::{Limits, Outcome, Request, Server, Transport};
use labwire_session::time::Instant;

use super::{Handler, Peer, Sequential};

/// Creates a service that calls `import` for each request, one at a time. It may block.
pub fn service<F: FnMut(&Request) -> Outcome>(
    transport: Transport,
    limits: Limits,
    import: F,
) -> Sequential<Server, Importer<F>, impl FnMut(Instant, Peer) -> Server> {
    let importer = Importer {
        import,
        request: None,
    };
    Sequential::new(importer, move |now, _| {
        Server::new(now, transport, limits.clone())
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
        let request = self.request.take()?;
        let outcome = (self.import)(&request);
        Some(request.answer(outcome))
    }

    fn may_block(&self) -> bool {
        true
    }
}
