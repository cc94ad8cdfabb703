//! `labwire device`: commands to a device, line by line.

use labwire_tokio::device::DeviceConnection;
use serde_json::json;

use super::target::{Target, with_port};
use crate::console::answer;
use crate::failure::{Failure, Outcome};
use crate::prompt::{self, Dialogue, Step, Words};

const HELP: &str = "\
A line is sent as it is; escapes such as \\x05 are understood. With a question mark in the first word it has an answer.
quit      leave (also exit, Ctrl-D)
help      this";

struct Console<'a> {
    target: &'a Target,
    device: DeviceConnection,
    /// Lines that the device has taken, each once.
    said: Vec<String>,
}

pub(super) async fn run(target: &Target) -> Outcome {
    let dialect = &target.preset;
    let greeting = format!(
        "lines go to {}, which speaks {}; `help` tells more, Tab completes",
        with_port(&target.address, dialect),
        dialect.name
    );
    let console = Console {
        target,
        device: target.open()?,
        said: vec![dialect.example.escape_ascii().to_string()],
    };
    prompt::run(console, &greeting).await
}

impl Dialogue for Console<'_> {
    const NAME: &'static str = "device";

    async fn carry_out(&mut self, line: &str) -> Result<Step, Failure> {
        let line = line.trim();
        match line {
            "quit" | "exit" => return Ok(Step::Quit),
            "help" => {
                answer(|| HELP.to_owned(), || json!({ "text": HELP }));
                return Ok(Step::Done);
            }
            _ => {}
        }
        let target = self.target;
        let request = target.request(line, |command| target.preset.request(command))?;
        let reply = prompt::unless_interrupted(async {
            let reply = self.device.perform(request.alone_for(target.alone()?)).await;
            reply.map_err(|error| target.failed(line, &error))
        });
        target.print(line, &reply.await?);
        if !self.said.iter().any(|said| said == line) {
            self.said.push(line.to_owned());
        }
        Ok(Step::Done)
    }

    async fn words(&mut self) -> Words {
        Words::of_lines(self.said.clone())
    }
}
