//! What answers OptBayesExpt's commands. Until there is a designer, whoever has no experiment.

use super::optimizer::Permission;
use super::{Handler, Peer, Sequential};
use crate::obe::{ErrorReply, Limits, Permissions, Reply, Request, Server, code};
use crate::time::Instant;

/// A service that lets `handler` answer, and the peers that `done` includes end it.
pub fn service<H>(
    limits: Limits,
    done: Permission,
    handler: H,
) -> Sequential<Server, H, impl FnMut(Instant, Peer) -> Server>
where
    H: Handler<Request = Request, Reply = Result<Reply, ErrorReply>>,
{
    Sequential::new(handler, move |now, peer| {
        let permissions = Permissions {
            done: done.includes(peer),
        };
        Server::new(now, limits.clone(), permissions)
    })
}

/// Answers `ready`, `newrun` and `done` as upstream does, and to everything else that no experiment is loaded (where
/// upstream without an engine dies).
#[derive(Debug, Default)]
pub struct NoExperiment {
    is_done: bool,
}

impl Handler for NoExperiment {
    type Request = Request;
    type Reply = Result<Reply, ErrorReply>;

    fn begin(&mut self, _now: Instant, request: Request) -> Option<Self::Reply> {
        Some(match request {
            Request::Ready | Request::NewRun(_) => Ok(Reply::Ok),
            Request::Done => {
                self.is_done = true;
                Ok(Reply::Ok)
            }
            _ => Err(ErrorReply::new(code::NO_EXPERIMENT, "no experiment is loaded")),
        })
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<Self::Reply> {
        None
    }

    fn is_finished(&self) -> bool {
        self.is_done
    }
}
