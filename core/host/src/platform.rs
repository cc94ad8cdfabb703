//! What differs between operating systems: one module for each, with the same items.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

/// Whether Windows takes a file name for a device, whatever its extension. Such names are avoided everywhere, because
/// folders travel.
pub(crate) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is_numbered = |kind: &str| {
        let number = stem.get(..3).filter(|start| start.eq_ignore_ascii_case(kind));
        number.is_some() && matches!(stem.as_bytes()[3..], [b'0'..=b'9'])
    };
    let is_plain = |kind: &&str| stem.eq_ignore_ascii_case(kind);
    ["con", "prn", "aux", "nul"].iter().any(is_plain) || is_numbered("com") || is_numbered("lpt")
}
