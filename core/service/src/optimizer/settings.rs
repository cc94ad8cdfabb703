//! Settings of an optimizer server.

use core::time::Duration;

#[cfg(feature = "problems")]
use labwire_model::problem::TextLimits;
use labwire_protocols::open::Permissions;
use labwire_session::limits::SessionLimits;
use serde::{Deserialize, Serialize};

use crate::{Peer, Permission};

/// Limits and permissions of an optimizer server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct OptimizerSettings {
    /// Limits of each connection.
    pub session: SessionLimits,
    /// Limits of problem files that are uploaded.
    #[cfg(feature = "problems")]
    pub text: TextLimits,
    /// `queue`: number of solves that may wait. One more is refused with code 2104. Default 256.
    pub queue: usize,
    /// `solve-time`: time limit of a solve, regardless of the problem file; the best result until then is returned as
    /// `NotConvergedOutOfTime`. Default 60 s.
    #[serde(with = "labwire_session::seconds")]
    pub solve_time: Duration,
    /// `solver-memory`: memory of all solvers, in bytes. A solve for which there is no room waits until others have
    /// ended; one may always run. Solvers that are not in use are kept as far as there is room. Sensitivities that take
    /// more than all of it are refused, with a warning in the reply. The warm starts of kept-open connections may take a
    /// quarter of it besides: beyond, those of the oldest connections are forgotten. Default 128 MiB.
    pub solver_memory: usize,
    /// `problems`: number of problems that may be loaded; one more is refused with code 2102. Default 16.
    #[cfg(feature = "problems")]
    pub problems: usize,
    /// Permission to end the server by Kill. Default: peers on this machine.
    pub kill: Permission,
    /// Permission to upload problem files by Load. Default: nobody.
    #[cfg(feature = "problems")]
    pub load: Permission,
}

impl OptimizerSettings {
    labwire_session::setters! {
        with_session session: SessionLimits,
        with_queue queue: usize,
        with_solve_time solve_time: Duration,
        with_solver_memory solver_memory: usize,
        with_kill kill: Permission,
    }
    #[cfg(feature = "problems")]
    labwire_session::setters! {
        with_text text: TextLimits,
        with_problems problems: usize,
        with_load load: Permission,
    }

    /// Permissions of a session with `peer`. Without problem files, there is nothing to load.
    pub(super) fn permissions(&self, peer: Peer) -> Permissions {
        Permissions {
            kill: self.kill.includes(peer),
            #[cfg(feature = "problems")]
            load: self.load.includes(peer),
            #[cfg(not(feature = "problems"))]
            load: false,
        }
    }
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self {
            session: SessionLimits::default(),
            #[cfg(feature = "problems")]
            text: TextLimits::default(),
            queue: 256,
            solve_time: Duration::from_secs(60),
            solver_memory: 128 << 20,
            #[cfg(feature = "problems")]
            problems: 16,
            kill: Permission::Local,
            #[cfg(feature = "problems")]
            load: Permission::Nobody,
        }
    }
}
