//! README.md of this folder: the tests that it names are there.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

const README: &str = include_str!("../README.md");

/// Texts of the test with this name, in one file or in a folder.
fn sources(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crates = fs::read_dir(root.join("core"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut crates: Vec<_> = crates.filter(|path| path.join("tests").is_dir()).collect();
    crates.extend([root.join("tests"), root.join("host-tokio/cli")]);
    let mut found = String::new();
    for place in crates {
        let place = place.join("tests");
        found += &fs::read_to_string(place.join(format!("{name}.rs"))).unwrap_or_default();
        found += &folder(&place.join(name));
    }
    // A suite of several runtimes.
    if found.contains("host_suite!") {
        found += &folder(&root.join("tests/src/host"));
    }
    found
}

/// Texts of the files in a folder; empty if there is none.
fn folder(path: &Path) -> String {
    let entries = fs::read_dir(path).into_iter().flatten();
    entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect()
}

/// Names of tests in a text such as "`file`: `test`, `another`", with their files.
fn named(text: &str) -> Vec<(&str, &str)> {
    let mut named = Vec::new();
    for (colon, _) in text.match_indices("`: `") {
        let file = text[..colon].rsplit('`').next().unwrap();
        let mut rest = &text[colon + 3..];
        while let Some((test, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            named.push((file, test));
            rest = after.strip_prefix(", ").unwrap_or_default();
        }
    }
    named
}

#[test]
fn tests_that_are_named_are_there() {
    let named = named(README);
    assert!(named.len() > 25, "{named:?}");
    for (file, test) in named {
        let text = sources(file);
        let is_there = ["(", "<"]
            .iter()
            .any(|after| text.contains(&format!("fn {test}{after}")));
        assert!(is_there, "{file}: {test}");
    }
}
