//! Section `[pymodaq]`.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::pymodaq::{Generation, Limits, Recognition};
use labwire_core::service::registry::RegistrySettings;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Who, seconds};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Pymodaq {
    pub(crate) address: String,
    pub(crate) connect: Vec<String>,
    #[serde(deserialize_with = "automatic")]
    generation: Option<Generation>,
    #[serde(deserialize_with = "g3")]
    g3: Generation,
    check_position: bool,
    controllers: Who,
    message_bytes: usize,
    message_values: usize,
    message_depth: usize,
    #[serde(deserialize_with = "seconds")]
    grab_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    move_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    stop_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    answer_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    set_timeout: Duration,
    module_queue: usize,
}

impl Pymodaq {
    /// Configuration of the registry, depending on whether it listens on a loopback address.
    pub(crate) fn registry(&self, session: SessionLimits, on_loopback: bool) -> RegistrySettings {
        let mut limits = Limits::default();
        limits.session = session;
        limits.session.message_bytes = self.message_bytes;
        limits.message_values = self.message_values;
        limits.message_depth = self.message_depth;
        let mut config = RegistrySettings::default();
        config.limits = limits;
        config.recognition = match self.generation {
            Some(generation) => Recognition::Fixed(generation),
            None => Recognition::Automatic { g3: self.g3 },
        };
        config.check_position = self.check_position;
        config.controllers = self.controllers.permission(on_loopback);
        config.grab_timeout = self.grab_timeout;
        config.move_timeout = self.move_timeout;
        config.stop_timeout = self.stop_timeout;
        config.answer_timeout = self.answer_timeout;
        config.set_timeout = self.set_timeout;
        config.queue = self.module_queue;
        config
    }
}

fn automatic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Generation>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "auto" => Ok(None),
        name => name
            .parse()
            .map(Some)
            .map_err(|error| D::Error::custom(format!("{error}, or auto"))),
    }
}

fn g3<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Generation, D::Error> {
    let name = String::deserialize(deserializer)?;
    let g3 = [Generation::G3a, Generation::G3b, Generation::G3c];
    let found = g3.into_iter().find(|generation| generation.name() == name);
    found.ok_or_else(|| D::Error::custom(format!("pymodaq.g3 must be one of g3a, g3b, g3c, not {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn what_is_printed_are_the_defaults() {
        let config = Layers::new().finish().unwrap();
        let registry = config.pymodaq.registry(config.limits.session(), true);
        assert_eq!(
            format!("{registry:?}"),
            format!("{:?}", RegistrySettings::default())
        );
    }

    #[test]
    fn generations_are_checked() {
        let config = |text: &str| {
            let mut layers = Layers::new();
            layers.add_text("test", text).unwrap();
            layers.finish().map(|config| {
                config
                    .pymodaq
                    .registry(SessionLimits::default(), true)
                    .recognition
            })
        };
        assert_eq!(
            config("pymodaq.generation = \"g2\"").unwrap(),
            Recognition::Fixed(Generation::G2)
        );
        assert_eq!(
            config("pymodaq.g3 = \"g3a\"").unwrap(),
            Recognition::Automatic { g3: Generation::G3a }
        );
        assert!(config("pymodaq.g3 = \"g2\"").is_err());
        assert!(config("pymodaq.generation = \"g5\"").is_err());
    }
}
