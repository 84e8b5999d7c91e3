//! Kafka's own clients as processes of the world: a client of crate `raft`, and an application that
//! requests operations of it. What it says is the client's own history of attempts.

mod application;
mod dialogue;
mod spec;

pub use application::all_partitions;
pub use dialogue::{ClientCall, ClientStep};
pub use spec::{Fresh, KafkaClientRole, KafkaClientSpec, Topics};

use dialogue::Stepper;

use application::{AdminApplication, ConsumerApplication, ProducerApplication};
use raft::client::{AdminClient, ClientEffect, ClientInput, ClientOut, Consumer, Producer, TopicPartition};
use raft::ids::NodeId;
use raft::io::{CloseReason, ConnectToken, Connection};
use sim::process::{self, Effect, Input, Node, Now, Out};
use sim::rng::Entropy;

use super::client_process::{ClientProcess, Draws, clocks};
use super::operation::{Agenda, ClientOperation, Timetable};
use super::ports::BROKERS;
use crate::message::{BoxedMessage, Message};
use crate::said::Said;

/// A client and its application.
#[derive(Clone, Debug)]
enum Pair {
    Admin(Box<AdminClient>, AdminApplication),
    Producer(Box<Producer>, ProducerApplication),
    Consumer(Box<Consumer>, ConsumerApplication),
}

/// A Kafka client as a process.
#[derive(Clone, Debug)]
pub struct KafkaClient {
    pair: Pair,
    places: std::rc::Rc<[(NodeId, Node)]>,
    /// It acts for the first time then.
    start_ns: u64,
    /// On its monotonic clock, ns.
    booted_ns: u64,
    /// Its application requests nothing by itself.
    resting: bool,
    /// Its application's own draws: what it requests moves nothing of what the client draws.
    draws: Entropy,
    /// What it is to do instead of what its application would.
    agenda: Option<Agenda>,
    /// What its application has requested, if that is kept.
    requested: Option<Timetable>,
    /// The client's own timer.
    client_ns: Option<u64>,
    armed_ns: Option<u64>,
    out: ClientOut,
    /// The calls of the last step, if they are recorded.
    dialogue: Option<Vec<ClientStep>>,
}

impl KafkaClient {
    /// A fresh client; nothing of it survives a crash.
    pub fn boot(spec: &KafkaClientSpec, now: Now, out: &mut Out<impl ClientProcess>) -> KafkaClient {
        let start_ns = spec.fresh.as_ref().map_or(now.mono_ns, |fresh| fresh.from_ns).max(now.mono_ns);
        let (is_fresh, topics) = (spec.fresh.is_some(), spec.topics.clone());
        let pair = match &spec.role {
            KafkaClientRole::Admin { config, interval_ns } => Pair::Admin(
                Box::new(AdminClient::new(config.clone())),
                AdminApplication::new(topics, *interval_ns, spec.fresh.as_ref(), start_ns),
            ),
            KafkaClientRole::Producer { config, interval_ns } => Pair::Producer(
                Box::new(Producer::new(config.clone()).expect("checked when the scenario was read")),
                ProducerApplication::new(topics, spec.index, *interval_ns, is_fresh, start_ns),
            ),
            KafkaClientRole::Consumer { config } => {
                let application = ConsumerApplication::new(&topics, is_fresh, start_ns);
                Pair::Consumer(Box::new(Consumer::new(config.clone())), application)
            }
        };
        let mut client = KafkaClient {
            pair,
            places: spec.places.clone(),
            start_ns,
            booted_ns: now.mono_ns,
            resting: false,
            draws: spec.draws.clone(),
            agenda: spec.timetable.clone().map(Agenda::new),
            requested: spec.keeps_timetable.then(Timetable::new),
            client_ns: None,
            armed_ns: None,
            out: ClientOut::default(),
            dialogue: spec.records_dialogue.then(Vec::new),
        };
        client.arm(out);
        client
    }

    /// One input.
    pub fn step<P: ClientProcess>(&mut self, now: Now, input: Input<P>, entropy: &mut Entropy, out: &mut Out<P>) {
        if matches!(input, Input::Timer) {
            self.armed_ns = None;
        }
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.clear();
        }
        if now.mono_ns >= self.start_ns {
            match input {
                Input::Operation(operation) => self.requested(&operation, now, entropy),
                input => self.tell(now, input, entropy, out),
            }
            match self.agenda.is_some() {
                true => self.go_by_agenda(now, entropy),
                false => self.act(now, entropy),
            }
            self.rebalance(now, entropy);
            self.hand_over(now, out);
        }
        self.arm(out);
    }

    /// The number of an admin client's next operation.
    pub fn next_operation(&self) -> Option<u32> {
        match &self.pair {
            Pair::Admin(_, application) => Some(application.next_operation()),
            Pair::Producer(..) | Pair::Consumer(..) => None,
        }
    }

    /// The next value of a producer; they are consecutive.
    pub fn next_value(&self) -> Option<u64> {
        match &self.pair {
            Pair::Producer(_, application) => Some(application.next_value()),
            Pair::Admin(..) | Pair::Consumer(..) => None,
        }
    }

    /// What its application has requested, if it was to keep that.
    pub fn timetable(&self) -> &[(u64, ClientOperation)] {
        self.requested.as_deref().unwrap_or_default()
    }

    /// The calls of the last step; `None` if they are not recorded.
    pub fn dialogue(&self) -> Option<&[ClientStep]> {
        self.dialogue.as_deref()
    }

    fn tell<P: ClientProcess>(&mut self, now: Now, input: Input<P>, entropy: &mut Entropy, world: &mut Out<P>) {
        let draws = &mut Draws(entropy);
        let (now, out, dialogue) = (clocks(now), &mut self.out, self.dialogue.as_mut());
        match &mut self.pair {
            Pair::Admin(client, _) => client.step(now, to_client(input, world), draws, out),
            Pair::Producer(client, _) => {
                Stepper { now, draws, out, dialogue }.producer(client, to_client(input, world));
            }
            Pair::Consumer(client, _) => {
                Stepper { now, draws, out, dialogue }.consumer(client, to_client(input, world));
            }
        }
    }

    /// A story or a timetable requests an operation.
    fn requested(&mut self, operation: &ClientOperation, now: Now, entropy: &mut Entropy) {
        let (out, dialogue) = (&mut self.out, self.dialogue.as_mut());
        let mut stepper = Stepper { now: clocks(now), draws: &mut Draws(entropy), out, dialogue };
        match (&mut self.pair, operation) {
            (_, ClientOperation::Rest) => self.resting = true,
            (_, ClientOperation::Resume) => self.resting = false,
            (Pair::Admin(client, application), operation) => {
                if let Some(operation) = application.ask(operation) {
                    client.step(stepper.now, ClientInput::Operation(operation), stepper.draws, stepper.out);
                }
            }
            (Pair::Producer(client, application), ClientOperation::Send { topic, partition, count }) => {
                for _ in 0..*count {
                    let operation = application.send(TopicPartition { topic: *topic, partition: *partition });
                    stepper.producer(client, ClientInput::Operation(operation));
                }
            }
            (Pair::Consumer(client, application), ClientOperation::Assign { topic, partition }) => {
                let operation = application.assign(TopicPartition { topic: *topic, partition: *partition });
                stepper.consumer(client, ClientInput::Operation(operation));
            }
            (Pair::Consumer(client, application), ClientOperation::AssignAll) => {
                stepper.consumer(client, ClientInput::Operation(application.assign_all()));
            }
            (Pair::Consumer(client, application), ClientOperation::Subscribe) => {
                if let Some(operation) = application.subscribe() {
                    stepper.consumer(client, ClientInput::Operation(operation));
                }
            }
            _ => {}
        }
    }

    fn go_by_agenda(&mut self, now: Now, entropy: &mut Entropy) {
        let since_boot_ns = now.mono_ns - self.booted_ns;
        while let Some(operation) = self.agenda.as_mut().and_then(|agenda| agenda.take_due(since_boot_ns)) {
            self.requested(&operation, now, entropy);
        }
    }

    /// The application's part.
    fn act(&mut self, now: Now, entropy: &mut Entropy) {
        let Some(due_ns) = self.application_ns().filter(|due_ns| *due_ns <= now.mono_ns && !self.resting) else {
            return;
        };
        let (out, dialogue) = (&mut self.out, self.dialogue.as_mut());
        let mut stepper = Stepper { now: clocks(now), draws: &mut Draws(entropy), out, dialogue };
        let mut note = |what: ClientOperation| {
            if let Some(requested) = &mut self.requested {
                requested.push((due_ns.saturating_sub(self.booted_ns), what));
            }
        };
        match &mut self.pair {
            Pair::Admin(client, application) => {
                let requested = application.draw_next(&mut self.draws);
                if let Some(operation) = application.begin(&requested) {
                    note(requested);
                    client.step(stepper.now, ClientInput::Operation(operation), stepper.draws, stepper.out);
                }
            }
            Pair::Producer(client, application) => {
                let places = application.draw_next(now.mono_ns, client.outstanding(), &mut self.draws);
                if places.is_empty() {
                    // Too much is under way: its timer fired all the same.
                    note(ClientOperation::Send { topic: 0, partition: 0, count: 0 });
                }
                for of in places {
                    note(ClientOperation::Send { topic: of.topic, partition: of.partition, count: 1 });
                    let operation = application.send(of);
                    stepper.producer(client, ClientInput::Operation(operation));
                }
            }
            Pair::Consumer(client, application) => {
                note(ClientOperation::AssignAll);
                stepper.consumer(client, ClientInput::Operation(application.assign_all()));
                if let Some(operation) = application.subscribe() {
                    note(ClientOperation::Subscribe);
                    stepper.consumer(client, ClientInput::Operation(operation));
                }
            }
        }
    }

    /// A consumer that has subscribed reads what its metadata has of the topics (`ConsumerCoordinator.poll`, as the only
    /// member of its group).
    fn rebalance(&mut self, now: Now, entropy: &mut Entropy) {
        if let Pair::Consumer(client, application) = &mut self.pair
            && let Some(operation) = application.rebalance(client)
        {
            let (out, dialogue) = (&mut self.out, self.dialogue.as_mut());
            let mut stepper = Stepper { now: clocks(now), draws: &mut Draws(entropy), out, dialogue };
            stepper.consumer(client, ClientInput::Operation(operation));
        }
    }

    /// When the application acts by itself, on its monotonic clock, ns.
    fn application_ns(&self) -> Option<u64> {
        match &self.pair {
            Pair::Admin(_, application) => application.next_ns(),
            Pair::Producer(_, application) => application.next_ns(),
            Pair::Consumer(_, application) => application.next_ns(),
        }
    }

    /// Turns what the client requested into the world's effects; its timer stays here.
    fn hand_over(&mut self, now: Now, out: &mut Out<impl ClientProcess>) {
        for effect in self.out.effects.drain(..) {
            let effect = match effect {
                ClientEffect::Connect { token, to } => {
                    let place = self.places.iter().find(|(id, _)| *id == to);
                    let Some((_, to)) = place else { panic!("connect to node {to}, which is not in this cluster") };
                    Effect::Connect { token: token.0, to: *to, port: BROKERS }
                }
                ClientEffect::Request { connection, correlation_id, request } => Effect::Request {
                    connection: process::Connection(connection.0),
                    message: BoxedMessage::pack(Message::Request { correlation_id, request }, out),
                },
                ClientEffect::Close { token } => Effect::Close { token: token.0 },
                ClientEffect::Arm { at_mono_ns } => {
                    self.client_ns = Some(at_mono_ns);
                    continue;
                }
                ClientEffect::Cancel => {
                    self.client_ns = None;
                    continue;
                }
                ClientEffect::Observe(event) => {
                    match &mut self.pair {
                        Pair::Admin(_, application) => application.on_event(event, now.mono_ns),
                        Pair::Producer(_, application) => application.on_event(event, now.mono_ns),
                        Pair::Consumer(..) => {}
                    }
                    Effect::Observe(Said::Attempt(event))
                }
            };
            out.push(effect);
        }
    }

    fn arm(&mut self, out: &mut Out<impl ClientProcess>) {
        let application_ns = match &self.agenda {
            Some(agenda) => agenda.next_ns().map(|at_ns| self.booted_ns + at_ns),
            None => self.application_ns().filter(|_| !self.resting),
        };
        let due_ns = [self.client_ns, application_ns].into_iter().flatten().min();
        if due_ns != self.armed_ns {
            out.push(due_ns.map_or(Effect::Cancel, |at_mono_ns| Effect::Arm { at_mono_ns }));
            self.armed_ns = due_ns;
        }
    }
}

fn to_client<O, P: ClientProcess>(input: Input<P>, out: &mut Out<P>) -> ClientInput<O> {
    match input {
        Input::Opened { token, connection } => {
            ClientInput::Opened { token: ConnectToken(token), connection: Connection(connection.0) }
        }
        Input::Closed { token, reason } => {
            let reason = match reason {
                process::CloseReason::Refused => CloseReason::Refused,
                process::CloseReason::Reset => CloseReason::Reset,
                process::CloseReason::Unreachable => CloseReason::Unreachable,
                process::CloseReason::Unresolved => CloseReason::Unresolved,
            };
            ClientInput::Closed { token: ConnectToken(token), reason }
        }
        Input::Response { token, message } => match message.into_response(out) {
            Some((correlation_id, response)) => {
                ClientInput::Response { token: ConnectToken(token), correlation_id, response }
            }
            None => ClientInput::Timer,
        },
        _ => ClientInput::Timer,
    }
}
