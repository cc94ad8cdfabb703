//! Experiment designer behind OptBayesExpt's commands.

mod catalogue;
mod handler;
mod live;
mod new_run;
mod record;
mod refusal;
mod replay;
mod reply;
mod runs;
mod store;
mod texts;
mod unknown_keys;

use core::time::Duration;

use labwire_protocols::obe::{ErrorReply, Limits, Permissions, Reply, Request, Server};
use labwire_session::time::Instant;
use serde::{Deserialize, Serialize};

use super::{Handler, Peer, Permission, Sequential};

pub use handler::{DesignerHandler, ExperimentError};
pub use runs::Begun;
pub use store::{MemoryRuns, PosteriorStore, RunStore};

/// Settings of a designer server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DesignerSettings {
    /// `design-time`: time limit of a request, from its beginning. One that takes longer is answered with the error
    /// `out-of-time` and changes nothing, except for a measurement and a file, which are always completed. So is a search for
    /// settings that has waited as long, of a client that has finished sending: such ones give way to all other requests,
    /// because the client may have gone. Default 60 s.
    #[serde(with = "labwire_session::seconds")]
    pub design_time: Duration,
    /// `runs`: number of runs that are kept besides the default one. Beyond it, those without measurements are removed,
    /// then those that have not been changed for longest, but not the one that `undo` returns to. Default 10.
    pub runs: usize,
    /// `run-bytes`: length of the log of a run, in bytes; a measurement takes about 100. One more is refused with the
    /// error `storage`. Default 64 MiB.
    pub run_bytes: usize,
}

impl DesignerSettings {
    labwire_session::setters! {
        with_design_time design_time: Duration,
        with_runs runs: usize,
        with_run_bytes run_bytes: usize,
    }
}

impl Default for DesignerSettings {
    fn default() -> Self {
        Self {
            design_time: Duration::from_secs(60),
            runs: 10,
            run_bytes: 64 << 20,
        }
    }
}

/// Permissions of a designer server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ObePermissions {
    /// `done`: ends the server. Default: peers on this machine.
    pub done: Permission,
    /// `newrun` with the peer's own experiment. Default: peers on this machine.
    pub experiments: Permission,
    /// `save` and `load`. Default: peers on this machine.
    pub posteriors: Permission,
}

impl Default for ObePermissions {
    fn default() -> Self {
        Self {
            done: Permission::Local,
            experiments: Permission::Local,
            posteriors: Permission::Local,
        }
    }
}

/// Creates a service with `handler`.
pub fn service<H>(
    limits: Limits,
    permissions: ObePermissions,
    handler: H,
) -> Sequential<Server, H, impl FnMut(Instant, Peer) -> Server>
where
    H: Handler<Request = Request, Reply = Result<Reply, ErrorReply>>,
{
    let bound = handler.reply_bound();
    Sequential::new(handler, move |now, peer| {
        let permissions = Permissions {
            done: permissions.done.includes(peer),
            experiments: permissions.experiments.includes(peer),
            posteriors: permissions.posteriors.includes(peer),
        };
        Server::new(now, limits.clone(), permissions).with_reply_bound(bound.clone())
    })
}
