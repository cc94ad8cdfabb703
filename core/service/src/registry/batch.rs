//! Request of a controller: one operation per module, answered together.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_protocols::pymodaq::{Command, ControlAnswer, ControlRequest, Instruction, ModuleAnswer};
use labwire_session::time::Instant;

use super::{Module, OperationError, Outcome, Registry};
use crate::ConnectionId;

#[derive(Debug)]
pub(super) struct Batch {
    from: ConnectionId,
    id: i64,
    names: Vec<String>,
    outcomes: Vec<Option<Outcome>>,
}

impl Batch {
    /// The controller's connection.
    pub(super) fn from(&self) -> ConnectionId {
        self.from
    }
}

impl Registry {
    pub(super) fn begin_batch(&mut self, now: Instant, from: ConnectionId, request: ControlRequest) {
        let names = if request.modules.is_empty() {
            self.all(&request.command)
        } else {
            request.modules
        };
        let number = self.next_batch;
        self.next_batch += 1;
        let batch = Batch {
            from,
            id: request.id,
            outcomes: names.iter().map(|_| None).collect(),
            names: names.clone(),
        };
        self.batches.insert(number, batch);
        for (index, name) in names.iter().enumerate() {
            self.begin(now, name, request.command.clone(), Some((number, index)));
        }
        self.finish_batch(number);
    }

    pub(super) fn answer_part(&mut self, number: u64, index: usize, outcome: Outcome) {
        // The controller may have gone.
        if let Some(place) = self
            .batches
            .get_mut(&number)
            .and_then(|batch| batch.outcomes.get_mut(index))
        {
            *place = Some(outcome);
            self.finish_batch(number);
        }
    }

    /// Answers once every module has answered.
    fn finish_batch(&mut self, number: u64) {
        if self
            .batches
            .get(&number)
            .is_none_or(|batch| batch.outcomes.iter().any(Option::is_none))
        {
            return;
        }
        let Some(batch) = self.batches.remove(&number) else {
            return;
        };
        let answers = batch.names.into_iter().zip(batch.outcomes.into_iter().flatten());
        let answers = answers.map(|(module, outcome)| ModuleAnswer {
            module,
            result: outcome.map_err(|error: OperationError| error.to_string()),
        });
        let answer = ControlAnswer {
            id: batch.id,
            result: Ok(answers.collect()),
        };
        self.replies
            .push_back((batch.from, Instruction::Answer(answer.to_object())));
    }

    /// Names of the modules that support the command.
    fn all(&self, command: &Command) -> Vec<String> {
        let able = self.modules().filter(|module| module.can(command));
        able.map(Module::name).map(str::to_owned).collect()
    }
}
