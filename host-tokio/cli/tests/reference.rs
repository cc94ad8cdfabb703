//! `labwire help` and `labwire schema`, and the pages of the book that are made from them.
//!
//! `UPDATE_BOOK=1 cargo test -p labwire --test reference` writes the pages anew.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Pages of the book's reference, by topic.
const PAGES: [&str; 6] = ["problem", "ocp", "sets", "functions", "experiment", "config"];

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_book_holds_what_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/book/src/reference");
    for page in PAGES {
        let (code, text, error) = run(&["help", page, "--markdown"]);
        assert_eq!(code, Some(0), "{error}");
        let file = folder.join(page).with_extension("md");
        if std::env::var_os("UPDATE_BOOK").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let is_current = fs::read_to_string(&file).is_ok_and(|committed| committed == text);
        assert!(
            is_current,
            "{page}.md is not what the code says: UPDATE_BOOK=1 writes it anew"
        );
    }
}

#[test]
fn every_object_that_a_page_mentions_is_on_a_page() {
    let pages: String = PAGES
        .iter()
        .map(|page| run(&["help", page, "--markdown"]).1)
        .collect();
    let mentioned: Vec<&str> = pages
        .split("(see ")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
        .collect();
    assert!(mentioned.len() > 20, "{mentioned:?}");
    for name in mentioned {
        assert!(pages.contains(&format!("\n## {name}\n")), "{name}");
    }
}

#[test]
fn help_is_about_topics_and_commands() {
    for (topic, words) in [
        (&["ocp"][..], "horizon: whole number from 1 on; optional"),
        (&["sets"], "second_order_cone"),
        (&["priors"], "[mean, standard deviation] of the logarithm"),
        (&["options"], "default 10000"),
        (&["functions"], "log1p(x)"),
        (&["config"], "backoff-maximum = 30.0"),
        (&["solve"], "--initial-guess"),
        (&["device", "watch"], "--every"),
        (&[], "Commands:"),
    ] {
        let (code, text, error) = run(&[&["help"], topic].concat());
        assert!(
            code == Some(0) && text.contains(words),
            "{topic:?}: {text}{error}"
        );
    }
    let (code, _, error) = run(&["help", "set"]);
    assert!(
        code == Some(64) && error.contains("did you mean `sets`?"),
        "{error}"
    );
}

#[test]
fn schemas_describe_every_kind_of_file() {
    for (format, pointer, expected) in [
        ("problem", "/$defs/ocp/properties/shooting/enum/1", "\"single\""),
        ("problem", "/$defs/set_box/additionalProperties", "false"),
        (
            "experiment",
            "/$defs/options/properties/particles/default",
            "10000",
        ),
        ("config", "/properties/open/properties/kill/enum/0", "\"nobody\""),
        ("config", "/properties/log/properties/format/enum/1", "\"json\""),
        (
            "config",
            "/properties/limits/properties/grace-time/default",
            "10.0",
        ),
    ] {
        let (code, text, _) = run(&["schema", format]);
        assert_eq!(code, Some(0));
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            schema.pointer(pointer).unwrap().to_string(),
            expected,
            "{format} {pointer}"
        );
    }
}
