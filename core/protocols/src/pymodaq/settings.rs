//! Settings of a module: PyMoDAQ's XML, stored as received and edited in place.
//!
//! ```xml
//! <Settings type="group" title="Settings"><exposure type="float" title="Exp" readonly="0">0.1</exposure></Settings>
//! ```
//! A setting is named by the elements on its path from the root, without the root.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use roxmltree::{Document, Error, Node, ParsingOptions, TextPos};

/// Largest number of elements, attributes and texts in the settings of a module.
const MAX_NODES: u32 = 1 << 16;

/// Reason why settings cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The text is not XML, or exceeds the limit.
    #[error("the settings are not XML as PyMoDAQ writes it: {0}")]
    Unreadable(String),
    /// There is no setting of this name.
    #[error("unknown setting {0}")]
    Unknown(String),
    /// The setting holds others and has no value of its own.
    #[error("{0} is a group of settings, expected one of its settings")]
    Group(String),
    /// The setting is read-only.
    #[error("{0} is read-only")]
    ReadOnly(String),
    /// The value is not of the setting's type.
    #[error("{value:?} is not a value for {path} (type {kind})")]
    WrongType {
        /// The setting.
        path: String,
        /// Its type.
        kind: String,
        /// The value refused.
        value: String,
    },
}

/// Setting, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Names of its groups and its own name.
    pub path: Vec<String>,
    /// Name for display.
    pub title: String,
    /// PyMoDAQ's parameter type: `float`, `int`, `bool`, `str`, `list` ...
    pub kind: String,
    /// Value as text.
    pub value: String,
    /// Whether the setting is read-only.
    pub is_read_only: bool,
}

/// Settings of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    xml: String,
}

impl Default for Settings {
    /// No settings: an empty root, as sent by a real module without settings.
    fn default() -> Self {
        let xml = r#"<Settings type="group" title="Settings" visible="1" removable="0" readonly="0" />"#;
        Self { xml: xml.into() }
    }
}

impl Settings {
    /// Parses settings from XML, which is stored unchanged.
    ///
    /// # Errors
    /// If it is not well-formed, has a document type, or has more than 65,536 nodes.
    pub fn parse(xml: impl Into<String>) -> Result<Self, SettingsError> {
        let xml = xml.into();
        document(&xml)?;
        Ok(Self { xml })
    }

    /// The XML.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// Name of the root, with which paths on the wire begin.
    #[must_use]
    pub fn root(&self) -> String {
        self.with(|root| root.tag_name().name().to_owned())
            .unwrap_or_default()
    }

    /// Value of a setting as text; `None` if the setting does not exist.
    pub fn value(&self, path: &[impl AsRef<str>]) -> Option<String> {
        self.with(|root| Some(find(root, path)?.text().unwrap_or_default().to_owned()))?
    }

    /// XML of a setting.
    pub fn element(&self, path: &[impl AsRef<str>]) -> Option<&str> {
        self.xml.get(self.with(|root| Some(find(root, path)?.range()))??)
    }

    /// All settings with a value, in order.
    #[must_use]
    pub fn list(&self) -> Vec<Setting> {
        self.with(|root| {
            root.descendants()
                .filter(is_leaf)
                .filter(|&node| node != root)
                .map(setting)
                .collect()
        })
        .unwrap_or_default()
    }

    /// Sets the value of a setting, which is checked against its type; `true` and `false` become PyMoDAQ's 1 and 0.
    ///
    /// # Errors
    /// If the setting does not exist, is a group or read-only, or the value does not match its type.
    pub fn set_value(&mut self, path: &[impl AsRef<str>], value: &str) -> Result<(), SettingsError> {
        let (range, replacement) = {
            let document = document(&self.xml)?;
            let node =
                find(document.root_element(), path).ok_or_else(|| SettingsError::Unknown(joined(path)))?;
            if !is_leaf(&node) {
                return Err(SettingsError::Group(joined(path)));
            }
            if setting(node).is_read_only {
                return Err(SettingsError::ReadOnly(joined(path)));
            }
            let value = typed(node, value).ok_or_else(|| SettingsError::WrongType {
                path: joined(path),
                kind: attribute(node, "type"),
                value: value.to_owned(),
            })?;
            with_text(&self.xml, node, &escaped(&value))
        };
        self.xml.replace_range(range, &replacement);
        Ok(())
    }

    /// Replaces a setting by `xml`.
    ///
    /// # Errors
    /// If the setting does not exist, or `xml` is not one well-formed element.
    pub fn replace(&mut self, path: &[impl AsRef<str>], xml: &str) -> Result<(), SettingsError> {
        let element = {
            let document = document(xml)?;
            xml.get(document.root_element().range())
                .unwrap_or_default()
                .to_owned()
        };
        let range = self.with(|root| Some(find(root, path)?.range())).flatten();
        self.xml.replace_range(
            range.ok_or_else(|| SettingsError::Unknown(joined(path)))?,
            &element,
        );
        Ok(())
    }

    fn with<T>(&self, read: impl FnOnce(Node<'_, '_>) -> T) -> Option<T> {
        Some(read(document(&self.xml).ok()?.root_element()))
    }
}

fn document(xml: &str) -> Result<Document<'_>, SettingsError> {
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(xml, options).map_err(|error| {
        SettingsError::Unreadable(match error {
            Error::NodesLimitReached => {
                format!("it has more than {MAX_NODES} elements, attributes and texts")
            }
            error => {
                let TextPos { row, col } = error.pos();
                format!("line {row}, column {col}: {error}")
            }
        })
    })
}

fn find<'a, 'input>(root: Node<'a, 'input>, path: &[impl AsRef<str>]) -> Option<Node<'a, 'input>> {
    path.iter().try_fold(root, |node, name| {
        node.children()
            .find(|child| child.is_element() && child.tag_name().name() == name.as_ref())
    })
}

fn is_leaf(node: &Node<'_, '_>) -> bool {
    node.is_element()
        && !node.children().any(|child| child.is_element())
        && !attribute(*node, "type").starts_with("group")
}

fn setting(node: Node<'_, '_>) -> Setting {
    let mut path: Vec<String> = node
        .ancestors()
        .map(|node| node.tag_name().name().to_owned())
        .collect();
    // The document and the root come last.
    path.truncate(path.len().saturating_sub(2));
    path.reverse();
    Setting {
        path,
        title: attribute(node, "title"),
        kind: attribute(node, "type"),
        value: node.text().unwrap_or_default().to_owned(),
        is_read_only: matches!(attribute(node, "readonly").as_str(), "1" | "True"),
    }
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}

fn joined(path: &[impl AsRef<str>]) -> String {
    path.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("/")
}

/// `value` as PyMoDAQ writes one of the setting's type; `None` if it does not match the type.
fn typed(node: Node<'_, '_>, value: &str) -> Option<String> {
    let kind = attribute(node, "type");
    let is_bool = kind.contains("bool") || kind.contains("led");
    Some(match kind.as_str() {
        _ if is_bool => match value {
            "1" | "true" | "True" => "1".to_owned(),
            "0" | "false" | "False" => "0".to_owned(),
            _ => return None,
        },
        "int" | "slide_int" => value.parse::<i64>().ok()?.to_string(),
        "float" | "slide" => {
            value.parse::<f64>().ok()?;
            value.to_owned()
        }
        // A choice is written with its Python type around it.
        "list" => match node.text().and_then(|text| text.split_once('(')) {
            Some(("str", _)) if !value.contains('\'') => format!("str('{value}')"),
            Some(("int", _)) => format!("int({})", value.parse::<i64>().ok()?),
            Some(("float", _)) => {
                value.parse::<f64>().ok()?;
                format!("float({value})")
            }
            Some(("str", _)) => return None,
            _ => value.to_owned(),
        },
        _ => value.to_owned(),
    })
}

/// Range and text of the replacement that makes `node` contain `text`.
fn with_text(xml: &str, node: Node<'_, '_>, text: &str) -> (Range<usize>, String) {
    if let (Some(first), Some(last)) = (node.first_child(), node.last_child()) {
        return (first.range().start..last.range().end, text.to_owned());
    }
    let end = node.range().end;
    let element = xml.get(node.range()).unwrap_or_default();
    if let Some(tag) = element.strip_suffix("/>") {
        let name = tag
            .trim_start_matches('<')
            .split([' ', '\t', '\r', '\n', '/'])
            .next()
            .unwrap_or_default();
        let start = end - 2 - (tag.len() - tag.trim_end().len());
        return (start..end, format!(">{text}</{name}>"));
    }
    // `<name></name>`: between the two tags.
    let close = element
        .rfind("</")
        .map_or(end, |offset| node.range().start + offset);
    (close..close, text.to_owned())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            // Characters that XML cannot contain are dropped, so that the whole stays readable.
            '\t' | '\n' | ' '.. => escaped.push(character),
            _ => {}
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0"?>
<Settings type="group" title="Settings"><!-- kept -->
  <camera type="group">
    <exposure type="float"  title="Exp" visible="1" readonly="0" >0.1</exposure>
    <on type="bool">1</on><name type="str"/><empty type="str" ></empty>
    <mode type="list" limits="['a', 'b']">str('a')</mode>
    <serial type="int" readonly="1">7</serial>
  </camera>
</Settings>"#;

    #[test]
    fn only_the_value_changes() {
        let mut settings = Settings::parse(XML).unwrap();
        let set = |settings: &mut Settings, path: &[&str], value| settings.set_value(path, value);
        set(&mut settings, &["camera", "exposure"], "0.25").unwrap();
        set(&mut settings, &["camera", "on"], "false").unwrap();
        set(&mut settings, &["camera", "name"], "a<b & \"c\"").unwrap();
        set(&mut settings, &["camera", "empty"], "µm").unwrap();
        set(&mut settings, &["camera", "mode"], "b").unwrap();
        let expected = XML
            .replace(">0.1<", ">0.25<")
            .replace("<on type=\"bool\">1", "<on type=\"bool\">0")
            .replace(
                "<name type=\"str\"/>",
                "<name type=\"str\">a&lt;b &amp; \"c\"</name>",
            )
            .replace("<empty type=\"str\" ></empty>", "<empty type=\"str\" >µm</empty>")
            .replace("str('a')</mode>", "str('b')</mode>");
        assert_eq!(settings.xml(), expected);
        assert_eq!(settings.value(&["camera", "name"]).unwrap(), "a<b & \"c\"");
        assert_eq!(settings.root(), "Settings");
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        let mut settings = Settings::parse(XML).unwrap();
        let mut set = |path: &[&str], value| settings.set_value(path, value).unwrap_err().to_string();
        assert_eq!(set(&["camera", "gain"], "1"), "unknown setting camera/gain");
        assert_eq!(
            set(&["camera"], "1"),
            "camera is a group of settings, expected one of its settings"
        );
        assert_eq!(set(&["camera", "serial"], "1"), "camera/serial is read-only");
        assert_eq!(
            set(&["camera", "exposure"], "long"),
            "\"long\" is not a value for camera/exposure (type float)"
        );
        assert_eq!(settings.xml(), XML);
    }

    #[test]
    fn settings_are_listed_and_replaced() {
        let mut settings = Settings::parse(XML).unwrap();
        let names: Vec<_> = settings
            .list()
            .into_iter()
            .map(|setting| joined(&setting.path))
            .collect();
        assert_eq!(
            names,
            [
                "camera/exposure",
                "camera/on",
                "camera/name",
                "camera/empty",
                "camera/mode",
                "camera/serial"
            ]
        );
        let exposure = "<exposure type=\"float\">2.5</exposure>";
        settings.replace(&["camera", "exposure"], exposure).unwrap();
        assert_eq!(settings.element(&["camera", "exposure"]), Some(exposure));
        assert!(settings.replace(&["camera", "exposure"], "<a/><b/>").is_err());
        assert!(settings.replace(&["nothing"], "<a/>").is_err());
    }

    #[test]
    fn bad_xml_is_refused() {
        for xml in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ] {
            assert!(Settings::parse(xml).is_err(), "{xml}");
        }
        let wide = format!("<a>{}</a>", "<b/>".repeat(1 << 17));
        assert!(Settings::parse(wide).is_err());
        // Deep nesting uses no stack.
        let deep = |depth: usize| Settings::parse("<a>".repeat(depth) + &"</a>".repeat(depth));
        assert!(deep(100_000).is_err());
        assert_eq!(deep(60_000).map(|settings| settings.list().len()), Ok(1));
    }
}
