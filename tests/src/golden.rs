//! Captured bytes of the real programs, from `tests/corpus`.

use std::fs;
use std::path::Path;

/// Observed exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Name in the capture.
    pub name: String,
    /// Bytes sent, if the capture's name is their Python literal.
    pub input: Option<Vec<u8>>,
    /// Bytes answered; empty if the answer was an exception.
    pub output: Vec<u8>,
}

/// Reads `open/golden.txt`: a line `### name (time)`, then the answer as a Python literal.
pub fn open() -> Vec<Exchange> {
    let text = corpus("open/golden.txt");
    let mut lines = text.lines();
    let mut exchanges = Vec::new();
    while let Some(heading) = lines.next() {
        let name = heading.trim_start_matches("### ");
        let name = name.rsplit_once(" (").expect("a heading ends with a time").0;
        let answer = lines.next().expect("an answer follows its heading").trim_start();
        exchanges.push(Exchange {
            name: name.to_owned(),
            input: python_bytes(name),
            output: python_bytes(answer).unwrap_or_default(),
        });
    }
    exchanges
}

/// Text of a file in `tests/corpus`.
pub fn corpus(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(file);
    fs::read_to_string(path).expect("the corpus is part of the repository")
}

/// Reads `pymodaq/<version>.json`: the encoding of each object by a release of PyMoDAQ, by the object's name; `None`
/// where it raises an exception.
pub fn pymodaq(version: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let text = corpus(&format!("pymodaq/{version}.json"));
    let captured: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).expect("a capture is a JSON object");
    let objects = captured.into_iter().filter(|(name, _)| name != "_env");
    objects
        .map(|(name, bytes)| (name, hex(bytes.as_str().expect("hexadecimal or an exception"))))
        .collect()
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// Value of a Python bytes literal.
pub fn python_bytes(literal: &str) -> Option<Vec<u8>> {
    let quoted = literal.strip_prefix('b')?;
    let inner = ['\'', '"']
        .iter()
        .find_map(|&quote| quoted.strip_prefix(quote)?.strip_suffix(quote))?;
    let mut bytes = inner.bytes();
    let mut value = Vec::new();
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let mut digit = || char::from(bytes.next()?).to_digit(16);
                    (digit()? * 16 + digit()?) as u8
                }
                other => other,
            },
            byte => byte,
        });
    }
    Some(value)
}
