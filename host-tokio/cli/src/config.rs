//! Configuration: flags over environment over file over defaults.

mod effective;
mod layers;
mod pymodaq;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use etcetera::BaseStrategy;
use labwire_core::design::DesignLimits;
use labwire_core::device;
use labwire_core::limits::{HostLimits, InvalidLimit, SessionLimits};
use labwire_core::problem::TextLimits;
use labwire_core::service::Permission;
use labwire_core::service::designer::{DesignerSettings, ObePermissions};
use labwire_core::service::importer::ImportPermissions;
use labwire_core::service::optimizer::OptimizerSettings;
use labwire_core::{obe, python_json, zeiss};
use labwire_tokio::WebAccess;
use labwire_tokio::device::Keepalive;
use labwire_tokio::zeiss::ImportLimits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::failure::Failure;

pub(crate) use effective::{Arguments, run};
pub(crate) use layers::Layers;
pub(crate) use pymodaq::Pymodaq;

/// Complete default configuration, commented.
pub(crate) const DEFAULT_TEXT: &str = include_str!("default.toml");

/// Keys whose values are not shown.
pub(crate) const SECRET: [&str; 1] = ["web.token"];

/// Configuration of a command.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgument {
    /// Configuration file; `labwire config` prints one. Default: config.toml in the user's folder for labwire's
    /// configuration, if it is there; an empty name stands for no file.
    #[arg(
        long = "config",
        global = true,
        value_name = "FILE",
        env = "LABWIRE_CONFIG",
        // That for paths refuses an empty name.
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(crate) config_file: Option<PathBuf>,
}

impl ConfigArgument {
    /// Defaults, the file, and the environment.
    pub(crate) fn layers(&self) -> Result<Layers, Failure> {
        Layers::with_file_and_environment(self.file().as_deref())
    }

    /// The file that was named, or else the user's own, if there is one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match &self.config_file {
            Some(none) if none.as_os_str().is_empty() => None,
            Some(file) => Some(file.clone()),
            None => default_file().filter(|file| file.exists()),
        }
    }

    pub(crate) fn read(&self) -> Result<Config, Failure> {
        self.layers()?.finish()
    }
}

/// The user's own configuration file, which need not be there.
fn default_file() -> Option<PathBuf> {
    #[cfg(target_os = "macos")]
    let folder = etcetera::base_strategy::Apple::new().ok()?.data_dir();
    #[cfg(not(target_os = "macos"))]
    let folder = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(folder.join("labwire").join("config.toml"))
}

/// All configurable settings: those of the core, and those of the program alone. `default.toml` documents the keys.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) log: Log,
    pub(crate) host: HostLimits,
    pub(crate) session: SessionLimits,
    pub(crate) open: Open,
    pub(crate) obe: Obe,
    pub(crate) zeiss: Zeiss,
    pub(crate) pymodaq: Pymodaq,
    pub(crate) device: device::Settings,
    pub(crate) keepalive: Keepalive,
    pub(crate) web: Web,
    pub(crate) access: WebAccess,
    pub(crate) tls: Tls,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Human,
    Json,
}

#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) files: OpenFiles,
    /// Settings of the service, for a server that listens on a loopback address.
    settings: OptimizerSettings,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenFiles {
    pub(crate) address: String,
    pub(crate) problem: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Obe {
    pub(crate) files: ObeFiles,
    pub(crate) limits: obe::Limits,
    pub(crate) design_limits: DesignLimits,
    pub(crate) design: DesignerSettings,
    /// For a server that listens on a loopback address.
    permissions: ObePermissions,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ObeFiles {
    pub(crate) address: String,
    pub(crate) experiment: String,
    pub(crate) seed: u64,
    pub(crate) dir: String,
    pub(crate) fresh: bool,
    pub(crate) sync: bool,
    message_bytes: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Zeiss {
    pub(crate) files: ZeissFiles,
    pub(crate) limits: zeiss::Limits,
    pub(crate) import_limits: ImportLimits,
    /// For a server that listens on a loopback address.
    permissions: ImportPermissions,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ZeissFiles {
    pub(crate) address: String,
    pub(crate) websocket: String,
    pub(crate) dir: String,
    pub(crate) script: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Web {
    pub(crate) address: String,
    pub(crate) page: String,
    pub(crate) token: String,
    pub(crate) devices: Vec<String>,
    pub(crate) frame_bytes: usize,
    #[serde(with = "labwire_core::seconds")]
    pub(crate) connection_time: Duration,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Tls {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) client_ca: String,
    pub(crate) servers: Vec<String>,
}

impl Config {
    /// Reads a complete table.
    ///
    /// # Errors
    /// A value is out of range, or a key is missing.
    fn read(sections: &Sections<'_>) -> Result<Self, Failure> {
        let session: SessionLimits = sections.part("limits")?;
        session.validate().map_err(invalid("limits"))?;
        let host: HostLimits = sections.part("limits")?;
        host.validate().map_err(invalid("limits"))?;
        let text: TextLimits = sections.part("open")?;
        Ok(Self {
            log: sections.part("log")?,
            host,
            open: Open {
                files: sections.part("open")?,
                settings: sections
                    .part::<OptimizerSettings>("open")?
                    .with_session(session.clone())
                    .with_text(text.clone()),
            },
            obe: Obe::read(sections, &session, text)?,
            zeiss: Zeiss::read(sections, &session)?,
            pymodaq: Pymodaq::read(sections, &session)?,
            device: sections.part("device")?,
            keepalive: sections.part("device")?,
            web: sections.part("web")?,
            access: sections.part("web")?,
            tls: sections.part("tls")?,
            session,
        })
    }
}

impl Open {
    /// Settings of the service, depending on whether it listens on a loopback address.
    pub(crate) fn service(&self, on_loopback: bool) -> OptimizerSettings {
        let OptimizerSettings { kill, load, .. } = self.settings;
        let settings = self.settings.clone();
        settings
            .with_kill(permission(kill, on_loopback))
            .with_load(permission(load, on_loopback))
    }

    /// Limits of a problem file.
    pub(crate) fn text_limits(&self) -> &TextLimits {
        &self.settings.text
    }
}

impl Obe {
    fn read(sections: &Sections<'_>, session: &SessionLimits, text: TextLimits) -> Result<Self, Failure> {
        let files: ObeFiles = sections.part("obe")?;
        let mut limits: obe::Limits = sections.part("obe")?;
        limits.session = session.clone().with_message_bytes(files.message_bytes);
        limits.json = sections.part("obe")?;
        limits.validate().map_err(invalid("obe"))?;
        let mut design_limits: DesignLimits = sections.part("obe")?;
        // Expressions have the limits of problems.
        design_limits.text = text;
        Ok(Self {
            files,
            limits,
            design_limits,
            design: sections.part("obe")?,
            permissions: sections.part("obe")?,
        })
    }

    /// Permissions, depending on whether the server listens on a loopback address.
    pub(crate) fn permissions(&self, on_loopback: bool) -> ObePermissions {
        let mut permissions = self.permissions;
        for each in [
            &mut permissions.done,
            &mut permissions.experiments,
            &mut permissions.posteriors,
        ] {
            *each = permission(*each, on_loopback);
        }
        permissions
    }
}

impl Zeiss {
    fn read(sections: &Sections<'_>, session: &SessionLimits) -> Result<Self, Failure> {
        let mut limits: zeiss::Limits = sections.part("zeiss")?;
        limits.session = session.clone();
        limits.json = sections.part::<python_json::Limits>("zeiss")?;
        Ok(Self {
            files: sections.part("zeiss")?,
            limits,
            import_limits: sections.part("zeiss")?,
            permissions: sections.part("zeiss")?,
        })
    }

    /// Permission to import, depending on whether the server listens on a loopback address.
    pub(crate) fn imports(&self, on_loopback: bool) -> Permission {
        permission(self.permissions.imports, on_loopback)
    }
}

/// Failure of a limit in a section.
fn invalid(section: &str) -> impl Fn(InvalidLimit) -> Failure {
    move |error| layers::unreadable(format!("[{section}] {error}"))
}

/// A permission for local peers counts only on a loopback address: behind a proxy every peer looks local.
fn permission(permission: Permission, on_loopback: bool) -> Permission {
    match permission {
        Permission::Local if !on_loopback => Permission::Nobody,
        permission => permission,
    }
}

/// Sections of a complete table, whose keys are shared among several types.
struct Sections<'t> {
    table: &'t Table,
    /// Keys that a type has taken.
    taken: RefCell<BTreeSet<String>>,
}

impl<'t> Sections<'t> {
    fn new(table: &'t Table) -> Self {
        Self {
            table,
            taken: RefCell::default(),
        }
    }

    /// The part of a section that belongs to `T`: a value for each of its keys. What `T` holds as a table of its own
    /// keeps its default.
    fn part<T: Default + Serialize + DeserializeOwned>(&self, section: &str) -> Result<T, Failure> {
        let own = Value::try_from(T::default()).map_err(layers::unreadable)?;
        let mut part = Table::new();
        for (key, default) in own.as_table().into_iter().flatten() {
            if default.is_table() {
                continue;
            }
            let value = self.table.get(section).and_then(|keys| keys.get(key));
            let value = value.ok_or_else(|| layers::missing(section, key))?;
            part.insert(key.clone(), value.clone());
            self.taken.borrow_mut().insert(format!("{section}.{key}"));
        }
        part.try_into()
            .map_err(|error| layers::unreadable(format!("[{section}] {}", error.to_string().trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_are_the_defaults() {
        let config = Layers::new().finish().unwrap();
        let debug = |value: &dyn std::fmt::Debug| format!("{value:?}");
        assert_eq!(config.host, HostLimits::default());
        assert_eq!(config.session, SessionLimits::default());
        assert_eq!(
            debug(&config.open.service(true)),
            debug(&OptimizerSettings::default())
        );
        assert_eq!(config.obe.limits, obe::Limits::default());
        assert_eq!(config.obe.permissions(true), ObePermissions::default());
        assert_eq!(config.obe.design_limits, DesignLimits::default());
        assert_eq!(config.obe.design, DesignerSettings::default());
        assert_eq!(config.zeiss.limits, zeiss::Limits::default());
        assert_eq!(config.zeiss.import_limits, ImportLimits::default());
        assert_eq!(config.zeiss.imports(true), ImportPermissions::default().imports);
        assert_eq!(debug(&config.access), debug(&WebAccess::default()));
        let web = labwire_tokio::web::WebSettings::new(labwire_tokio::web::Page::Embedded(&[]));
        assert_eq!(
            (config.web.frame_bytes, config.web.connection_time),
            (web.frame_bytes, web.connection_time)
        );
        assert_eq!(
            (config.log.format, config.log.level.as_str()),
            (LogFormat::Human, "info")
        );
    }

    #[test]
    fn every_key_that_is_printed_belongs_to_a_type_and_the_reverse() {
        let table: Table = DEFAULT_TEXT.parse().unwrap();
        let sections = Sections::new(&table);
        Config::read(&sections).unwrap();
        let printed = table.iter().filter_map(|(section, keys)| {
            let keys = keys.as_table()?.keys();
            Some(keys.map(move |key| format!("{section}.{key}")))
        });
        assert_eq!(
            printed.flatten().collect::<BTreeSet<_>>(),
            *sections.taken.borrow()
        );
        // A key of a type that is not printed.
        for (section, keys) in &table {
            for key in keys.as_table().into_iter().flat_map(Table::keys) {
                let mut table = table.clone();
                table[section].as_table_mut().unwrap().remove(key);
                let error = Config::read(&Sections::new(&table)).unwrap_err().to_string();
                assert!(error.contains(&format!("`{section}.{key}`")), "{error}");
            }
        }
    }

    #[test]
    fn limits_that_serve_nobody_are_refused() {
        for (text, words) in [
            (
                "limits.output-bytes = 0",
                "[limits] limit output-bytes is 0, expected at least 1",
            ),
            (
                "limits.workers = 0",
                "[limits] limit workers is 0, expected at least 1",
            ),
            (
                "limits.write-timeout = 0.0",
                "[limits] limit write-timeout is 0, expected a time longer than 0",
            ),
            (
                "obe.requests-in-flight = 65",
                "[obe] limit requests-in-flight is 65, expected a number from 1 to 64",
            ),
            (
                "obe.message-bytes = 0",
                "[obe] limit message-bytes is 0, expected at least 1",
            ),
            (
                "pymodaq.message-depth = 0",
                "[pymodaq] limit message-depth is 0, expected at least 1",
            ),
        ] {
            let mut layers = Layers::new();
            layers.add_text("test", text).unwrap();
            let error = layers.finish().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn kill_is_refused_off_the_loopback_unless_allowed_there() {
        let permission = |kill: &str, on_loopback| {
            let mut layers = Layers::new();
            layers
                .add_text("test", &format!("open.kill = \"{kill}\""))
                .unwrap();
            let config = layers.finish().unwrap();
            config.open.service(on_loopback).kill
        };
        assert_eq!(permission("local", true), Permission::Local);
        assert_eq!(permission("local", false), Permission::Nobody);
        assert_eq!(permission("everybody", false), Permission::Everybody);
        assert_eq!(permission("nobody", true), Permission::Nobody);
    }
}
