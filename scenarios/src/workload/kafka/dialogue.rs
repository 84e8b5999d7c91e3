//! The dialogue of a client: each call of its `step`, if that is recorded.

use raft::client::{
    ClientEffect, ClientInput, ClientOut, ClientShown, Consumer, ConsumerOperation, Producer, ProducerOperation,
};
use raft::io::{Entropy, Now};

/// A call of a client's `step`.
#[derive(Clone, Debug)]
pub struct ClientStep {
    pub now: Now,
    pub input: ClientInput<ClientCall>,
    /// In order.
    pub effects: Vec<ClientEffect>,
    /// After the step.
    pub state: ClientShown,
}

/// A call of the application.
#[derive(Clone, Debug)]
pub enum ClientCall {
    Consumer(ConsumerOperation),
    Producer(ProducerOperation),
}

impl From<ConsumerOperation> for ClientCall {
    fn from(operation: ConsumerOperation) -> ClientCall {
        ClientCall::Consumer(operation)
    }
}

impl From<ProducerOperation> for ClientCall {
    fn from(operation: ProducerOperation) -> ClientCall {
        ClientCall::Producer(operation)
    }
}

/// The arguments of each `step` but the input.
pub(super) struct Stepper<'a> {
    pub now: Now,
    pub draws: &'a mut dyn Entropy,
    pub out: &'a mut ClientOut,
    pub dialogue: Option<&'a mut Vec<ClientStep>>,
}

impl Stepper<'_> {
    pub fn consumer(&mut self, client: &mut Consumer, input: ClientInput<ConsumerOperation>) {
        let input_recorded = self.dialogue.is_some().then(|| recorded(&input));
        let from = self.out.effects.len();
        client.step(self.now, input, self.draws, self.out);
        self.record(input_recorded, from, || client.shown());
    }

    pub fn producer(&mut self, client: &mut Producer, input: ClientInput<ProducerOperation>) {
        let input_recorded = self.dialogue.is_some().then(|| recorded(&input));
        let from = self.out.effects.len();
        client.step(self.now, input, self.draws, self.out);
        self.record(input_recorded, from, || client.shown());
    }

    #[inline]
    fn record(&mut self, input: Option<ClientInput<ClientCall>>, from: usize, state: impl FnOnce() -> ClientShown) {
        if let Some(input) = input {
            self.record_step(input, from, state);
        }
    }

    #[cold]
    fn record_step(&mut self, input: ClientInput<ClientCall>, from: usize, state: impl FnOnce() -> ClientShown) {
        if let Some(dialogue) = &mut self.dialogue {
            let effects = self.out.effects[from..].to_vec();
            dialogue.push(ClientStep { now: self.now, input, effects, state: state() });
        }
    }
}

#[cold]
fn recorded<O: Clone + Into<ClientCall>>(input: &ClientInput<O>) -> ClientInput<ClientCall> {
    match input.clone() {
        ClientInput::Opened { token, connection } => ClientInput::Opened { token, connection },
        ClientInput::Closed { token, reason } => ClientInput::Closed { token, reason },
        ClientInput::Response { token, correlation_id, response } => {
            ClientInput::Response { token, correlation_id, response }
        }
        ClientInput::Timer => ClientInput::Timer,
        ClientInput::Operation(operation) => ClientInput::Operation(operation.into()),
    }
}
