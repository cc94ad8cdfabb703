//! `labwire version`: which program this is, and what is in it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::console::{answer, answer_text};
use crate::page;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const LICENCE: &str = env!("CARGO_PKG_LICENSE");

/// Notices of what others wrote. `.ci/licences.py` writes the file.
const NOTICES: &str = include_str!("licences.txt");

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Tell also commit, features, page, target and compiler.
    #[arg(short, long)]
    verbose: bool,
    /// Print the licences of what others wrote and this program carries.
    #[arg(long, conflicts_with = "verbose")]
    licences: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.licences {
        answer_text(
            || NOTICES.to_owned(),
            || json!({"licence": LICENCE, "notices": NOTICES}),
        );
        return ExitCode::SUCCESS;
    }
    let words = || match arguments.verbose {
        true => in_words(),
        false => format!("labwire {VERSION}"),
    };
    answer(words, object);
    ExitCode::SUCCESS
}

/// Commit that was compiled, if it is known.
fn commit() -> Option<&'static str> {
    Some(env!("BUILD_COMMIT")).filter(|hash| !hash.is_empty())
}

fn features() -> Vec<&'static str> {
    let features = [("page", cfg!(feature = "page")), ("tls", cfg!(feature = "tls"))];
    let present = features.into_iter().filter(|(_, is_present)| *is_present);
    present.map(|(name, _)| name).collect()
}

/// Number of bytes of the page.
fn page_bytes() -> usize {
    page::FILES.iter().map(|file| file.bytes.len()).sum()
}

fn in_words() -> String {
    let page = match page::FILES.len() {
        0 => "none: it had not been built when this program was compiled".to_owned(),
        files => format!("{files} files, {:.1} MB", page_bytes() as f64 / 1e6),
    };
    let lines = [
        ("commit", commit().unwrap_or("not known").to_owned()),
        ("features", features().join(", ")),
        ("page", page),
        ("target", env!("BUILD_TARGET").to_owned()),
        ("compiler", env!("BUILD_COMPILER").to_owned()),
        (
            "licence",
            format!("{LICENCE}; `labwire version --licences` prints those of what others wrote"),
        ),
    ];
    let lines = lines.map(|(name, value)| format!("\n{name:<9} {value}"));
    format!("labwire {VERSION}{}", lines.concat())
}

fn object() -> Value {
    json!({
        "name": "labwire",
        "version": VERSION,
        "commit": commit(),
        "features": features(),
        "page": {"files": page::FILES.len(), "bytes": page_bytes()},
        "target": env!("BUILD_TARGET"),
        "compiler": env!("BUILD_COMPILER"),
        "licence": LICENCE,
    })
}
