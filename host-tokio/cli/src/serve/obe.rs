//! Experiment designer over OptBayesExpt's protocol.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use labwire_core::design::DEFAULT_EXPERIMENT;
use labwire_core::service::designer::{Begun, DesignerHandler, MemoryRuns, service};
use labwire_tokio::{Host, PosteriorFolder, RunFolder, utc_now};

use super::server::{Running, Server};
use super::state_folder;
use crate::config::{Config, ObeFiles};
use crate::experiment;
use crate::failure::{self, Failure};

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "obe",
        group: "obe",
        key: "address",
        address: config.obe.files.address.clone(),
        try_it: Box::new(|address, tls| {
            format!(
                "labwire obe --address {address}{} optset",
                tls.unwrap_or_default()
            )
        }),
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

type Designer = DesignerHandler<PosteriorFolder>;

fn designer(config: &Config) -> Result<Designer, Failure> {
    let (file, text) = match config.obe.files.experiment.as_str() {
        "" => ("the embedded experiment", DEFAULT_EXPERIMENT.to_owned()),
        file => (file, experiment::text(Path::new(file))?),
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
    let posteriors = PosteriorFolder::new(folder.clone());
    let handler = match experiment::outside(Path::new(file)) {
        Some(outside) => DesignerHandler::from_operator(&text, limits, seed, posteriors, Box::new(outside)),
        None => DesignerHandler::new(&text, limits, seed, posteriors),
    };
    let handler = handler.map_err(|error| Failure::new(failure::DATA, format!("{file}: {error}")))?;
    keep_runs(handler.with_settings(&config.obe.design), config, folder)
}

/// Keeps the runs in a folder. If that cannot be used, this is an error if it was asked for, and otherwise a warning: then
/// they are kept in memory.
fn keep_runs(mut handler: Designer, config: &Config, folder: Option<PathBuf>) -> Result<Designer, Failure> {
    let ObeFiles {
        address,
        dir,
        fresh,
        sync,
        ..
    } = &config.obe.files;
    let folder = match folder {
        // Servers that share the user's state directory differ in their addresses.
        Some(folder) if dir.is_empty() => Some(folder.join("runs").join(file_name(address))),
        Some(folder) => Some(folder.join("runs")),
        None => None,
    };
    let kept = match &folder {
        None => Err("there is no state directory".to_owned()),
        Some(path) => RunFolder::open(path)
            .map(|runs| if *sync { runs } else { runs.without_sync() })
            .map_err(|error| error.to_string())
            .and_then(|runs| handler.keep_runs(Box::new(runs), *fresh)),
    };
    let path = folder.unwrap_or_default();
    match kept {
        Ok(Begun::Anew) => tracing::info!(folder = %path.display(), "{}", Begun::Anew),
        Ok(begun) => tracing::warn!(folder = %path.display(), "{begun}"),
        Err(error) if dir.is_empty() => {
            let folder = path.display();
            tracing::warn!(%folder, error, "runs are kept in memory only, and not after the end of this process");
            let memory = handler.keep_runs(Box::new(MemoryRuns::new(utc_now)), *fresh);
            memory.map_err(|error| Failure::new(failure::SYSTEM, error))?;
        }
        Err(error) => {
            let message = format!("cannot keep runs in {}: {error}", path.display());
            return Err(Failure::new(failure::UNAVAILABLE, message)
                .hint("--obe-dir or the key dir of [obe] names another folder"));
        }
    }
    Ok(handler)
}

/// An address as the name of a folder.
fn file_name(address: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    address.replace(|c| !is_plain(c), "-")
}
