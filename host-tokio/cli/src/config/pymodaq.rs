//! Section `[pymodaq]`.

use labwire_core::limits::SessionLimits;
use labwire_core::pymodaq::{Limits, Recognition};
use labwire_core::service::registry::RegistrySettings;
use serde::{Deserialize, Serialize};

use super::{Sections, layers, permission};
use crate::failure::Failure;

#[derive(Clone, Debug)]
pub(crate) struct Pymodaq {
    pub(crate) files: PymodaqFiles,
    /// For a server that listens on a loopback address.
    settings: RegistrySettings,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PymodaqFiles {
    pub(crate) address: String,
    pub(crate) connect: Vec<String>,
    generation: String,
    message_bytes: usize,
}

impl Pymodaq {
    pub(super) fn read(sections: &Sections<'_>, session: &SessionLimits) -> Result<Self, Failure> {
        let files: PymodaqFiles = sections.part("pymodaq")?;
        let mut settings: RegistrySettings = sections.part("pymodaq")?;
        settings.limits = sections.part::<Limits>("pymodaq")?;
        settings.limits.session = session.clone().with_message_bytes(files.message_bytes);
        settings.limits.validate().map_err(super::invalid("pymodaq"))?;
        settings.recognition = files.recognition().map_err(layers::unreadable)?;
        Ok(Self { files, settings })
    }

    /// Settings of the registry, depending on whether it listens on a loopback address.
    pub(crate) fn registry(&self, on_loopback: bool) -> RegistrySettings {
        let mut settings = self.settings.clone();
        settings.controllers = permission(settings.controllers, on_loopback);
        settings
    }
}

impl PymodaqFiles {
    fn recognition(&self) -> Result<Recognition, String> {
        match self.generation.as_str() {
            "auto" => Ok(Recognition::Automatic),
            name => match name.parse() {
                Ok(generation) => Ok(Recognition::Fixed(generation)),
                Err(error) => Err(format!("`pymodaq.generation`: {error}, or auto")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use labwire_core::pymodaq::Generation;

    use super::*;
    use crate::config::Layers;

    #[test]
    fn what_is_printed_are_the_defaults() {
        let config = Layers::new().finish().unwrap();
        let registry = config.pymodaq.registry(true);
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
            layers
                .finish()
                .map(|config| config.pymodaq.registry(true).recognition)
        };
        assert_eq!(
            config("pymodaq.generation = \"g2\"").unwrap(),
            Recognition::Fixed(Generation::G2)
        );
        assert_eq!(
            config("pymodaq.generation = \"4.2\"").unwrap(),
            Recognition::Fixed(Generation::G3b)
        );
        assert_eq!(
            config("pymodaq.generation = \"auto\"").unwrap(),
            Recognition::Automatic
        );
        assert!(config("pymodaq.generation = \"g5\"").is_err());
    }
}
