//! `labwire config`: the default configuration, or the one that takes effect.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::json;
use toml::Value;

use super::{DEFAULT_TEXT, Layers, SECRET, default_file};
use crate::console::answer_text;
use crate::failure::{self, Failure, Outcome};
use crate::serve::Settings;
use crate::standard::is_standard;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print the configuration that takes effect: every key with its value, and where that comes from: default, file,
    /// environment or flag.
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let settings = &arguments.settings;
    if arguments.effective {
        let layers = settings.layers()?;
        layers.finish()?;
        let file = settings.config.file().or_else(default_file);
        let file = file.map(|file| match file.exists() || is_standard(&file) {
            true => file.display().to_string(),
            false => format!("{} (not there)", file.display()),
        });
        let file = file.unwrap_or_else(|| "none".to_owned());
        answer_text(|| text(&layers, &file), || object(&layers, &file));
        return Ok(ExitCode::SUCCESS);
    }
    let mut flags = Layers::new();
    settings.apply(&mut flags)?;
    if flags.has_given() {
        let why = "the default configuration does not depend on flags";
        return Err(Failure::new(failure::USAGE, why).hint("--effective shows what flags do"));
    }
    answer_text(|| DEFAULT_TEXT.to_owned(), || json!(flags.table()));
    Ok(ExitCode::SUCCESS)
}

/// Keys of every section with their values, the secret ones hidden.
fn sections(layers: &Layers) -> impl Iterator<Item = (&str, Vec<(&str, Value)>)> {
    let shown = |section: &str, key: &str, value: &Value| match value.as_str() {
        Some(secret) if !secret.is_empty() && SECRET.contains(&&*format!("{section}.{key}")) => {
            Value::String("(hidden)".to_owned())
        }
        _ => value.clone(),
    };
    let tables = layers.table().iter();
    let tables = tables.filter_map(|(section, keys)| Some((section, keys.as_table()?)));
    tables.map(move |(section, keys)| {
        let keys = keys
            .iter()
            .map(|(key, value)| (key.as_str(), shown(section, key, value)));
        (section.as_str(), keys.collect())
    })
}

/// The configuration as a file, with a comment behind every key.
fn text(layers: &Layers, file: &str) -> String {
    let mut text = format!("# Configuration file: {file}\nversion = 1\n");
    for (section, keys) in sections(layers) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "\n[{section}]");
        for (key, value) in keys {
            let from = match layers.origin(section, key).map(super::layers::Origin::parts) {
                None => "default".to_owned(),
                Some((kind, name)) => format!("{kind} {name}"),
            };
            let _ = writeln!(text, "{key} = {value}  # {from}");
        }
    }
    text
}

fn object(layers: &Layers, file: &str) -> serde_json::Value {
    let mut all = serde_json::Map::new();
    for (section, keys) in sections(layers) {
        for (key, value) in keys {
            let (from, name) = match layers.origin(section, key) {
                None => ("default", None),
                Some(origin) => (origin.parts().0, Some(origin.parts().1)),
            };
            all.insert(
                format!("{section}.{key}"),
                json!({"value": value, "from": from, "name": name}),
            );
        }
    }
    json!({"file": file, "keys": all})
}
