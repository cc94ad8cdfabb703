//! Experiment designer over OptBayesExpt's protocol.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use labwire_core::design::DEFAULT_EXPERIMENT;
use labwire_core::service::designer::{DesignerHandler, service};
use labwire_tokio::{Host, PosteriorFolder};

use super::server::{Running, Server};
use super::state_folder;
use crate::common::read_file;
use crate::config::Config;
use crate::failure::{self, Failure};

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "obe",
        group: "obe",
        key: "address",
        address: config.obe.files.address.clone(),
        try_it: Box::new(|address| format!("labwire obe --address {address} optset")),
        start: Box::new(move |listener, around| {
            let on_loopback = listener
                .local_addr()
                .is_ok_and(|address| address.ip().is_loopback());
            let limits = config.obe.limits.clone();
            let service = service(limits, config.obe.permissions(on_loopback), designer(&config)?);
            let host = Host::start_sharing("obe", service, config.host.clone(), &around.memory);
            Ok(Running::new(listener, around, host))
        }),
    }
}

fn designer(config: &Config) -> Result<DesignerHandler<PosteriorFolder>, Failure> {
    let (file, text) = match config.obe.files.experiment.as_str() {
        "" => ("the embedded experiment", DEFAULT_EXPERIMENT.to_owned()),
        file => (file, read_file(Path::new(file))?),
    };
    let seed = match config.obe.files.seed {
        // Short enough to be exact in every client's numbers.
        0 => RandomState::new().hash_one(0) >> 11,
        seed => seed,
    };
    let folder = match config.obe.files.dir.as_str() {
        "" => state_folder("obe"),
        dir => Some(PathBuf::from(dir)),
    };
    let limits = config.obe.design_limits.clone();
    let handler = DesignerHandler::new(&text, limits, seed, PosteriorFolder::new(folder));
    handler
        .map(|handler| handler.with_settings(&config.obe.design))
        .map_err(|error| Failure::new(failure::DATA, format!("{file}: {error}")))
}
