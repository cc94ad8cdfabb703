//! Completion of lines.

use std::fmt;

use clap::{Arg, Command, ValueHint};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// Words that may follow those before them in a line.
pub(crate) type Next = Box<dyn Fn(&[String]) -> Vec<String> + Send>;

/// Words to complete a line with.
pub(crate) struct Words {
    /// Commands with their options; none where a line is free text.
    command: Option<Command>,
    /// Names that the commands do not tell.
    next: Next,
}

impl fmt::Debug for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Words").finish_non_exhaustive()
    }
}

impl Words {
    /// Words of commands and their options, and those that `next` gives.
    pub(crate) fn of_commands(mut command: Command, next: Next) -> Self {
        command.build();
        Self {
            command: Some(command),
            next,
        }
    }

    /// Whole lines.
    pub(crate) fn of_lines(lines: Vec<String>) -> Self {
        Self {
            command: None,
            next: Box::new(move |_| lines.clone()),
        }
    }

    /// Start of the last word of `line`, and what may stand there.
    pub(crate) fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let Some(program) = &self.command else {
            let lines = (self.next)(&[]);
            return (0, starting_with(line, lines.into_iter()).collect());
        };
        let (start, word) = last_word(line);
        // Nothing is open before the last word.
        let before = shlex::split(&line[..start]).unwrap_or_default();
        let Some(name) = before.first() else {
            let names = program.get_subcommands().filter(|known| !known.is_hide_set());
            let names = names.map(|known| known.get_name().to_owned());
            return (start, starting_with(&word, names).collect());
        };
        let known = program.find_subcommand(name).into_iter();
        let known = known.flat_map(|command| command.get_arguments().filter(|known| !known.is_hide_set()));
        let known: Vec<&Arg> = known.collect();
        let last = before.last().and_then(|word| word.strip_prefix("--"));
        let of_option = known
            .iter()
            .find(|option| option.get_long().is_some() && option.get_long() == last);
        let values: Vec<&Arg> = match of_option {
            Some(option) if option.get_action().takes_values() => vec![*option],
            _ => known
                .iter()
                .copied()
                .filter(|option| option.is_positional())
                .collect(),
        };
        let values = values.into_iter().flat_map(Arg::get_possible_values);
        let values = values.map(|value| value.get_name().to_owned());
        let options = known
            .iter()
            .filter_map(|option| Some(format!("--{}", option.get_long()?)));
        let all = (self.next)(&before).into_iter().chain(values).chain(options);
        let candidates = starting_with(&word, all).map(|name| quoted(&name));
        (start, candidates.collect())
    }

    /// Whether the line's command takes names of files.
    fn takes_files(&self, line: &str) -> bool {
        let name = line.split_whitespace().next().unwrap_or_default();
        let command = self
            .command
            .as_ref()
            .and_then(|program| program.find_subcommand(name));
        command.is_some_and(|command| {
            let mut hints = command.get_arguments().map(|known| known.get_value_hint());
            hints.any(|hint| hint == ValueHint::AnyPath)
        })
    }
}

fn starting_with<'a>(
    word: &'a str,
    all: impl Iterator<Item = String> + 'a,
) -> impl Iterator<Item = String> + 'a {
    all.filter(move |candidate| candidate.starts_with(word))
}

/// Start of the last word, which a blank within quotation marks does not end, and the word without these.
fn last_word(line: &str) -> (usize, String) {
    let (mut start, mut quote) = (0, None);
    for (index, character) in line.char_indices() {
        match quote {
            Some(mark) if character == mark => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if character == ' ' => start = index + 1,
            _ => {}
        }
    }
    (start, line[start..].replace(['\'', '"'], ""))
}

fn quoted(name: &str) -> String {
    shlex::try_quote(name).map_or_else(|_| name.to_owned(), |name| name.into_owned())
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = &line[..position];
        let (start, candidates) = self.candidates(line);
        if candidates.is_empty() && self.takes_files(line) {
            return FilenameCompleter::new().complete_path(line, position);
        }
        let end = if self.command.is_some() { " " } else { "" };
        let pair = |word: String| Pair {
            display: word.clone(),
            replacement: word + end,
        };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}
