//! The adapter: `raft`'s nodes and our clients as processes of `sim`'s world. Translation only.

use std::iter;
use std::rc::Rc;

use raft::io::{ConnectToken, Connection, DialogueEntry, DurableFiles, FatalFault, FileHandle, ThreadName};
use raft::log::FIRST_SEGMENT_HANDLE;
use raft::node::{NodeSpec, Roles};
use raft::voter_set::Endpoint;
use sim::disk::Disk;
use sim::process::{self, Effect, Input, Node, Out, Process, Thread};

pub use crate::message::{BoxedMessage, Message, Rpc};
pub use crate::said::{AttemptEvent, Said};
use crate::scenario::CONTROLLER_PORT;
use crate::workload::ports::{moving, port_of};
use crate::workload::{
    AppendClient, ClientOperation, ClientSpec, Draws, KafkaClient, KafkaClientSpec, MembershipClient,
    MembershipClientSpec, clocks,
};

/// A server's configuration, and the index in the world of each Kafka node id.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    pub node: NodeSpec,
    /// (Kafka node id, index in the world), ascending by id.
    pub places: Rc<[(raft::ids::NodeId, Node)]>,
    /// Controllers whose port may be another one after each start.
    pub moving: Rc<[raft::ids::NodeId]>,
    /// Record the dialogue of the raft client.
    pub records_dialogue: bool,
}

/// Configuration of any node of the world.
#[derive(Clone, Debug)]
pub enum Spec {
    Server(ServerSpec),
    /// A client of the append model.
    Client(Box<ClientSpec>),
    Kafka(Box<KafkaClientSpec>),
    /// An operator of a dynamic quorum.
    Membership(Box<MembershipClientSpec>),
}

/// A Kafka server as a process: the node, and a buffer for the effects it requests.
#[derive(Clone, Debug)]
pub struct Server {
    pub node: raft::node::Node,
    places: Rc<[(raft::ids::NodeId, Node)]>,
    moving: Rc<[raft::ids::NodeId]>,
    /// Its endpoint, if it is not that of the configuration.
    moved_to: Option<Endpoint>,
    out: raft::io::Out,
    /// The arguments of the last step, if the dialogue is recorded.
    arguments: StepArguments,
}

/// The clock that a step reads, and what it draws.
#[derive(Clone, Debug, Default)]
pub struct StepArguments {
    pub now: raft::io::Now,
    /// (exclusive bound, value)
    pub draws: Vec<(u32, u32)>,
}

/// Any process of the world.
#[derive(Clone, Debug)]
pub enum Actor {
    Server(Box<Server>),
    Client(Box<AppendClient>),
    Kafka(Box<KafkaClient>),
    Membership(Box<MembershipClient>),
}

impl Actor {
    /// The operations that a client drew, if it was configured to keep them.
    pub fn timetable(&self) -> &[(u64, ClientOperation)] {
        match self {
            Actor::Server(_) => &[],
            Actor::Client(client) => client.timetable(),
            Actor::Kafka(client) => client.timetable(),
            Actor::Membership(client) => client.timetable(),
        }
    }
}

/// The work of a server that its inputs or effects show, by the number of [`Process::work_before`] and
/// [`Process::work_in`].
pub const WORKS: [&str; 18] = [
    "become unattached",
    "become prospective",
    "become candidate",
    "become leader",
    "become follower",
    "become resigned",
    "claim",
    "renounce",
    "publish",
    "append",
    "append as follower",
    "stop partitions",
    "lead partitions",
    "follow partitions",
    "lead partition",
    "update leader",
    "follow partition",
    "create log",
];

impl Process for Actor {
    type Spec = Spec;
    type Message = BoxedMessage;
    type Post = raft::io::Post;
    type Operation = ClientOperation;
    type Observation = Said;
    type Fault = FatalFault;
    const THREADS: &'static [&'static str] = &[
        "raft-io",
        "controller-event-queue",
        "controller-request-handler",
        "metadata-loader",
        "broker-lifecycle",
        "request-handler",
        "kafka-scheduler",
        "raft-scheduler",
        "snapshot-generator",
    ];

    /// Kafka has eight request handlers, a fetcher for each leader, and publishes on the loader's thread.
    const POOLS: &'static [Thread] = &[Thread(ThreadName::RequestHandler as u8)];

    const WORKS: &'static [&'static str] = &WORKS;

    /// A broker has no listener of controllers.
    fn listens_at_boot(spec: &Spec) -> bool {
        let Spec::Server(spec) = spec else { return true };
        !matches!(spec.node.roles, Roles::Kafka { controller: None, .. })
    }

    fn boot(spec: &Spec, now: process::Now, entropy: &mut sim::rng::Entropy, disk: &Disk, out: &mut Out<Self>) -> Self {
        match spec {
            Spec::Server(spec) => {
                let dialogue = spec.records_dialogue.then(Vec::new);
                let mut raft_out = raft::io::Out { dialogue, ..raft::io::Out::default() };
                let files = Files(disk);
                // A boot is rare enough to record its draws in any case.
                let mut draws = RecordedDraws { entropy, draws: Vec::new() };
                let moves = spec.moving.contains(&spec.node.config.node_id);
                let has_moved = moves && raft::io::Entropy::below(&mut Draws(draws.entropy), 2) == 1;
                if moves {
                    out.push(Effect::Listen { port: moving(has_moved) });
                }
                let moved = has_moved.then(|| spec.node.at_another_port());
                let node = moved.as_ref().unwrap_or(&spec.node);
                let node = raft::node::Node::boot(node, clocks(now), &mut draws, &files, &mut raft_out);
                let arguments = StepArguments { now: clocks(now), draws: draws.draws };
                let (places, moving) = (spec.places.clone(), spec.moving.clone());
                let moved_to = moved.and_then(|spec| spec.config.endpoint().cloned());
                let mut server = Server { node, places, moving, moved_to, out: raft_out, arguments };
                server.hand_over(out);
                Actor::Server(Box::new(server))
            }
            Spec::Client(spec) => Actor::Client(Box::new(AppendClient::boot(spec, now, out))),
            Spec::Kafka(spec) => Actor::Kafka(Box::new(KafkaClient::boot(spec, now, out))),
            Spec::Membership(spec) => Actor::Membership(Box::new(MembershipClient::boot(spec, now, out))),
        }
    }

    fn step(
        &mut self,
        thread: Thread,
        now: process::Now,
        input: Input<Self>,
        entropy: &mut sim::rng::Entropy,
        out: &mut Out<Self>,
    ) {
        match self {
            Actor::Server(server) => {
                let name = ThreadName::ALL[usize::from(thread.0)];
                let Some(input) = to_raft(input, out) else { return };
                match &mut server.out.dialogue {
                    None => server.node.step(name, clocks(now), input, &mut Draws(entropy), &mut server.out),
                    Some(dialogue) => {
                        dialogue.clear();
                        let mut draws = RecordedDraws { entropy, draws: Vec::new() };
                        server.node.step(name, clocks(now), input, &mut draws, &mut server.out);
                        server.arguments = StepArguments { now: clocks(now), draws: draws.draws };
                    }
                }
                server.hand_over(out);
            }
            Actor::Client(client) => client.step(now, input, entropy, out),
            Actor::Kafka(client) => client.step(now, input, entropy, out),
            Actor::Membership(client) => client.step(now, input, out),
        }
    }

    fn work_before(&self, thread: Thread, input: &Input<Actor>, works: &mut Vec<u8>) {
        let (Actor::Server(server), Input::Post(raft::io::Post::Published)) = (self, input) else { return };
        let Some(broker) = server.node.broker().filter(|_| thread.0 == ThreadName::RequestHandler as u8) else {
            return;
        };
        let changes = broker.next_local_changes();
        works.push(8);
        works.extend(changes.deletes.then_some(11));
        works.extend((changes.leads + changes.updates > 0).then_some(12));
        works.extend((changes.follows > 0).then_some(13));
        let of_each = [(14, changes.leads), (15, changes.updates), (16, changes.follows), (17, changes.creates)];
        of_each.iter().for_each(|(work, count)| works.extend(iter::repeat_n(*work, *count)));
    }

    fn work_in(&self, thread: Thread, effect: &Effect<Actor>) -> Option<u8> {
        let observation = match effect {
            Effect::Observe(Said::Server(observation)) => observation,
            Effect::Append { file: process::File(file), .. } => {
                let Actor::Server(server) = self else { return None };
                let is_log = thread.0 == ThreadName::RaftIo as u8 && *file >= FIRST_SEGMENT_HANDLE.0;
                let is_leader = server.node.role() == Some(raft::io::Role::Leader);
                return is_log.then_some(if is_leader { 9 } else { 10 });
            }
            _ => return None,
        };
        use raft::io::{Observation, Role};
        Some(match observation {
            Observation::RoleChanged { role, .. } => match role {
                Role::Unattached => 0,
                Role::Prospective => 1,
                Role::Candidate => 2,
                Role::Leader => 3,
                Role::Follower => 4,
                Role::Resigned => 5,
            },
            Observation::LeadershipAnnounced { .. } => 6,
            Observation::LeadershipRenounced { .. } => 7,
            _ => return None,
        })
    }

    fn thread_for(boxed: &BoxedMessage) -> Thread {
        match boxed.message() {
            Message::Request { request, .. } => Thread(raft::node::Node::thread_for(request) as u8),
            Message::Response { .. } => Thread(0),
        }
    }

    fn observation_hash(observation: &Said) -> u64 {
        crate::identity::said(observation)
    }

    fn post_hash(post: &raft::io::Post) -> u64 {
        crate::identity::post(post)
    }

    fn operation_hash(operation: &ClientOperation) -> u64 {
        crate::identity::operation(operation)
    }
}

/// [`Draws`], recorded.
struct RecordedDraws<'a> {
    entropy: &'a mut sim::rng::Entropy,
    draws: Vec<(u32, u32)>,
}

impl raft::io::Entropy for RecordedDraws<'_> {
    fn below(&mut self, bound: u32) -> u32 {
        let value = Draws(self.entropy).below(bound);
        self.draws.push((bound, value));
        value
    }
}

impl Server {
    /// The dialogue of the last step, and its arguments; `None` if it is not recorded.
    pub fn dialogue(&self) -> Option<(&[DialogueEntry], &StepArguments)> {
        self.out.dialogue.as_deref().map(|dialogue| (dialogue, &self.arguments))
    }

    /// The endpoint of this process, if it is not that of its configuration.
    pub fn moved_to(&self) -> Option<&Endpoint> {
        self.moved_to.as_ref()
    }

    /// Turns what the node requested into the world's effects, in order.
    fn hand_over(&mut self, out: &mut Out<Actor>) {
        for effect in self.out.effects.drain(..) {
            let effect = to_sim(effect, (&self.places, &self.moving), out);
            out.push(effect);
        }
    }
}

/// The simulated disk as a node reads it at boot.
#[derive(Debug)]
pub struct Files<'a>(pub &'a Disk);

impl DurableFiles for Files<'_> {
    fn paths(&self) -> Vec<Rc<str>> {
        self.0.paths()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(path)
    }
    fn is_unreadable(&self, path: &str) -> bool {
        self.0.is_unreadable(path)
    }
}

/// What of it is durable: what a power loss would leave.
#[derive(Debug)]
pub struct NodeDisk<'a>(pub &'a Disk);

impl DurableFiles for NodeDisk<'_> {
    fn paths(&self) -> Vec<Rc<str>> {
        self.0.durable_paths()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read_durable(path)
    }
    fn is_unreadable(&self, path: &str) -> bool {
        self.0.is_unreadable(path)
    }
}

fn to_raft(input: Input<Actor>, out: &mut Out<Actor>) -> Option<raft::io::Input> {
    Some(match input {
        Input::Opened { token, connection } => {
            raft::io::Input::Opened { token: ConnectToken(token), connection: Connection(connection.0) }
        }
        Input::Closed { token, reason } => {
            let reason = match reason {
                process::CloseReason::Refused => raft::io::CloseReason::Refused,
                process::CloseReason::Reset => raft::io::CloseReason::Reset,
                process::CloseReason::Unreachable => raft::io::CloseReason::Unreachable,
                process::CloseReason::Unresolved => raft::io::CloseReason::Unresolved,
            };
            raft::io::Input::Closed { token: ConnectToken(token), reason }
        }
        Input::Request { connection, message } => match message.unpack(out) {
            Message::Request { correlation_id, request } => {
                raft::io::Input::Request { connection: Connection(connection.0), correlation_id, request }
            }
            Message::Response { .. } => return None,
        },
        Input::Response { token, message } => {
            let (correlation_id, response) = message.into_response(out)?;
            raft::io::Input::Response { token: ConnectToken(token), correlation_id, response }
        }
        Input::Timer => raft::io::Input::Timer,
        Input::DiskError(process::DiskError::Io) => raft::io::Input::DiskError(raft::io::DiskError::Io),
        Input::DiskError(process::DiskError::NoSpace) => raft::io::Input::DiskError(raft::io::DiskError::NoSpace),
        Input::Post(post) => raft::io::Input::Post(post),
        Input::Terminate => raft::io::Input::Terminate,
        Input::Exception => raft::io::Input::Exception,
        Input::Continue => raft::io::Input::Continue,
        Input::Operation(_) => return None,
    })
}

fn to_sim(
    effect: raft::io::Effect,
    (places, movers): (&[(raft::ids::NodeId, Node)], &[raft::ids::NodeId]),
    out: &mut Out<Actor>,
) -> Effect<Actor> {
    use raft::io::Effect as Raft;
    match effect {
        Raft::Connect { token, to, listener, port } => {
            let place = places.iter().find(|(id, _)| *id == to);
            let Some((_, node)) = place else { panic!("connect to node {to}, which is not in this cluster") };
            // A connection without a port goes to that of the bootstrap servers.
            let port = match movers.contains(&to) {
                true => moving(port.is_some_and(|port| port != CONTROLLER_PORT)),
                false => port_of(listener),
            };
            Effect::Connect { token: token.0, to: *node, port }
        }
        Raft::Listen { listener } => Effect::Listen { port: port_of(listener) },
        Raft::SendRequest { connection, correlation_id, request } => Effect::Request {
            connection: process::Connection(connection.0),
            message: BoxedMessage::pack(Message::Request { correlation_id, request }, out),
        },
        Raft::SendResponse { connection, correlation_id, response } => Effect::Response {
            connection: process::Connection(connection.0),
            message: BoxedMessage::pack(Message::Response { correlation_id, response }, out),
        },
        Raft::NoResponse { connection } => Effect::NoResponse { connection: process::Connection(connection.0) },
        Raft::HangUp { connection } => Effect::HangUp { connection: process::Connection(connection.0) },
        Raft::Close { token } => Effect::Close { token: token.0 },
        Raft::ArmTimer { at_mono_ns } => Effect::Arm { at_mono_ns },
        Raft::CancelTimer => Effect::Cancel,
        Raft::Open { file, path, truncate } => Effect::Open { file: to_file(file), path, truncate },
        Raft::Append { file, bytes } => Effect::Append { file: to_file(file), bytes },
        Raft::Truncate { file, len } => Effect::Truncate { file: to_file(file), len },
        Raft::Rename { from, to } => Effect::Rename { from, to },
        Raft::Unlink { path } => Effect::Unlink { path },
        Raft::Fsync { file } => Effect::Fsync { file: to_file(file) },
        Raft::FsyncDirectory => Effect::FsyncDirectory,
        Raft::Continue => Effect::Continue,
        Raft::Post { thread, post } => Effect::Post { thread: Thread(thread as u8), event: post },
        Raft::Observe(observation) => Effect::Observe(Said::Server(observation)),
        Raft::Halt { reason, fault } => Effect::Halt { reason, fault },
    }
}

fn to_file(file: FileHandle) -> process::File {
    process::File(file.0)
}
