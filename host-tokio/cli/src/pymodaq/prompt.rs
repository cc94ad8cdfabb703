//! `labwire pymodaq`: interactive commands for the modules of a server.

use std::collections::BTreeMap;

use clap::CommandFactory;
use labwire_core::pymodaq::{Answer, Command as Order, Limits, Settings};
use labwire_tokio::ModuleController;

use super::control::{self, Command};
use crate::failure::{Failure, Outcome};
use crate::prompt::{self, Dialogue, Line, Said, Step, Words};
use crate::tls::TlsArguments;

struct Modules {
    controller: ModuleController,
    /// Paths of the settings of every module.
    settings: BTreeMap<String, Vec<String>>,
}

pub(crate) async fn run(address: String, limits: &Limits, tls: &TlsArguments) -> Outcome {
    let controller = control::connect(&address, limits, tls).await?;
    let greeting =
        format!("connected to {address}; `help` lists the commands, Tab completes, Ctrl-C stops a move");
    let modules = Modules {
        controller,
        settings: BTreeMap::new(),
    };
    prompt::run(modules, &greeting).await
}

impl Dialogue for Modules {
    const NAME: &'static str = "pymodaq";

    async fn carry_out(&mut self, line: &str) -> Result<Step, Failure> {
        let command = match Line::<Command>::parse_line(line)? {
            Said::Command(command) => command,
            Said::Only(step) => return Ok(step),
        };
        Ok(match control::carry_out(&self.controller, command).await? {
            0 => Step::Done,
            _ => Step::Failed,
        })
    }

    async fn words(&mut self) -> Words {
        // Without an answer there is nothing to complete; the next command reports the error.
        let list = self
            .controller
            .ask(Vec::new(), Order::List)
            .await
            .unwrap_or_default();
        let names: Vec<String> = list.into_iter().map(|answer| answer.module).collect();
        self.settings.retain(|known, _| names.contains(known));
        let is_new = |name: &&String| !self.settings.contains_key(*name);
        let new: Vec<String> = names.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            // The server answers for the modules.
            let asked = self
                .controller
                .ask(new, Order::Settings)
                .await
                .unwrap_or_default();
            let known = asked.into_iter().filter_map(|answer| match answer.result {
                Ok(Answer::Settings(text)) => Some((answer.module, paths(&text))),
                _ => None,
            });
            self.settings.extend(known);
        }
        let command = Line::<Command>::command();
        Words::of_commands(command, next(names, self.settings.clone()))
    }
}

/// Paths of the settings that a module's description lists.
fn paths(text: &str) -> Vec<String> {
    let settings = Settings::parse(text).map(|settings| settings.list());
    let settings = settings.unwrap_or_default().into_iter();
    settings.map(|setting| setting.path.join("/")).collect()
}

/// Modules; and for `set`, behind one, its settings.
fn next(modules: Vec<String>, settings: BTreeMap<String, Vec<String>>) -> prompt::Next {
    Box::new(move |before| match before {
        [set, module] if set == "set" => settings.get(module).cloned().unwrap_or_default(),
        [set, ..] if set == "set" && before.len() > 2 => Vec::new(),
        _ => modules.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Said<Command>, String> {
        Line::parse_line(line).map_err(|failure| failure.to_string())
    }

    #[test]
    fn lines_are_commands() {
        assert!(matches!(
            parse("move-abs 'left stage' -2.5"),
            Ok(Said::Command(Command::MoveAbs { module, value })) if module == "left stage" && value == -2.5
        ));
        assert!(matches!(
            parse("grab --every 1s --plot"),
            Ok(Said::Command(Command::Grab { .. }))
        ));
        assert!(matches!(parse("exit"), Ok(Said::Only(Step::Quit))));
        assert!(parse("grab 'left").unwrap_err().contains("quotation mark"));
        let unknown = parse("fly").unwrap_err();
        assert!(unknown.contains("unrecognized subcommand 'fly'"), "{unknown}");
        assert!(matches!(parse("help"), Ok(Said::Only(Step::Done))));
    }

    #[test]
    fn commands_options_modules_and_settings_are_completed() {
        let modules = vec!["camera".into(), "left stage".into()];
        let settings = ["camera", "left stage"].map(|name| {
            let paths = ["exposure/time", "exposure/gain", "roi"];
            (name.to_owned(), paths.map(str::to_owned).to_vec())
        });
        let words = Words::of_commands(Line::<Command>::command(), next(modules, settings.into()));
        let candidates = |line: &str| words.candidates(line).1;
        assert_eq!(candidates("mo"), ["move-abs", "move-rel"]);
        assert_eq!(candidates("grab c"), ["camera"]);
        assert_eq!(candidates("home l"), ["'left stage'"]);
        assert_eq!(
            words.candidates("home 'left st"),
            (5, vec!["'left stage'".to_owned()])
        );
        assert_eq!(candidates("grab --n"), ["--npy"]);
        assert_eq!(candidates("grab --dim 1"), ["1D"]);
        assert_eq!(
            candidates("set 'left stage' exp"),
            ["exposure/time", "exposure/gain"]
        );
        assert_eq!(candidates("set camera roi c"), [] as [&str; 0]);
    }
}
