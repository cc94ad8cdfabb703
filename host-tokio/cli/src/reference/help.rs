//! Topics as text for a terminal, and as Markdown.

use std::fmt::Write as _;

use labwire_core::expression::{FUNCTIONS, FunctionEntry};
use labwire_core::text::{Key, Kind, Need, Table};

use super::topics::{Extra, Topic};
use crate::config::DEFAULT_TEXT;

/// Width of the text for a terminal, in characters.
const WIDTH: usize = 100;

/// Text of a topic.
pub(super) fn render(topic: &Topic, is_markdown: bool) -> String {
    let mut text = match is_markdown {
        true => format!("# {}\n\n{}\n", topic.title, topic.about),
        false => format!("{}\n\n{}", topic.title, wrapped(&plain(topic.about), 0)),
    };
    match topic.extra {
        Extra::None => {}
        Extra::Functions => add_functions(&mut text, is_markdown),
        Extra::Configuration => {
            let (open, close) = match is_markdown {
                true => ("```toml labwire.toml\n", "```\n"),
                false => ("", ""),
            };
            let _ = write!(text, "\n{open}{DEFAULT_TEXT}{close}");
        }
    }
    for table in topic.tables {
        text.push('\n');
        match is_markdown {
            true => add_markdown(&mut text, table),
            false => add_plain(&mut text, table),
        }
    }
    text
}

fn add_functions(text: &mut String, is_markdown: bool) {
    text.push_str(if is_markdown {
        "\n| function | meaning |\n| --- | --- |\n"
    } else {
        "\n"
    });
    for FunctionEntry {
        name,
        arguments,
        meaning,
        ..
    } in FUNCTIONS
    {
        let call = format!("{name}({arguments})");
        let _ = match is_markdown {
            true => writeln!(text, "| `{call}` | {} |", meaning.replace('|', "\\|")),
            false => writeln!(text, "  {call:<20} {}", plain(meaning)),
        };
    }
}

fn add_markdown(text: &mut String, table: &Table) {
    let _ = write!(text, "## {}\n\n{}\n\n", table.name, table.meaning.trim());
    text.push_str("| key | value | without it | meaning |\n| --- | --- | --- | --- |\n");
    for key in table.keys {
        let (value, absent) = (describe(&key.kind), absent(key, table));
        let _ = writeln!(
            text,
            "| `{}` | {} | {absent} | {} |",
            key.name,
            value.replace('|', "\\|"),
            key.meaning.replace('|', "\\|")
        );
    }
}

fn add_plain(text: &mut String, table: &Table) {
    let _ = write!(
        text,
        "{}\n{}",
        table.name.to_uppercase(),
        wrapped(&plain(table.meaning.trim()), 2)
    );
    for key in table.keys {
        let absent = match absent(key, table) {
            absent if absent.is_empty() => String::new(),
            absent => format!("; {absent}"),
        };
        let head = format!("{}: {}{absent}", key.name, describe(&key.kind));
        let _ = write!(
            text,
            "\n{}{}",
            wrapped(&plain(&head), 2),
            wrapped(&plain(key.meaning), 6)
        );
    }
}

/// What holds without the key.
fn absent(key: &Key, table: &Table) -> String {
    match key.need {
        Need::Required => "required".to_owned(),
        Need::Optional if table.is_choice => String::new(),
        Need::Optional => "optional".to_owned(),
        Need::Default(default) => format!("default `{default}`"),
    }
}

/// Values of a kind in words.
fn describe(kind: &Kind) -> String {
    match *kind {
        Kind::Any => "any value".to_owned(),
        Kind::Text => "string".to_owned(),
        Kind::Expression => "expression".to_owned(),
        Kind::Expressions => "expression or list of them".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Positive => "number above 0".to_owned(),
        Kind::Fraction => "number above 0, at most 1".to_owned(),
        Kind::Whole(least, most) if least == most => format!("{least}"),
        Kind::Whole(least, u32::MAX) => format!("whole number from {least} on"),
        Kind::Whole(least, most) => format!("whole number from {least} to {most}"),
        Kind::Truth => "`true` or `false`".to_owned(),
        Kind::Bound => "number or `null`".to_owned(),
        Kind::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(" or ")
        }
        Kind::List(each) => format!("list of {}", grouped(each)),
        Kind::Items(len, each) => format!("list of {len}: {}", grouped(each)),
        Kind::Each(each) => format!("{}, or a list of them", grouped(each)),
        Kind::Map(each) => format!("object of names, each with {}", grouped(each)),
        Kind::Object(table) if table.all_keys().next().is_none() => "`{}`".to_owned(),
        Kind::Object(table) => format!("object (see {})", table.name),
        Kind::Either(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(describe).collect();
            kinds.join(", or ")
        }
    }
}

/// Values of a kind in words, within a longer description.
fn grouped(kind: &Kind) -> String {
    match kind {
        Kind::Either(_) | Kind::Each(_) | Kind::Expressions => format!("({})", describe(kind)),
        _ => describe(kind),
    }
}

/// The text without the marks of code.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// The text in lines that begin with so many spaces.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut line = " ".repeat(indent);
    for word in text.split_whitespace() {
        if line.len() > indent && line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = " ".repeat(indent);
        }
        if line.len() > indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines + &line + "\n"
}
