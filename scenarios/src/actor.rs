//! The adapter: `raft`'s nodes and our clients as processes of `sim`'s world. Translation only.

use std::rc::Rc;

use raft::io::{ConnectToken, Connection, DurableFiles, FileHandle, ThreadName};
use raft::message::{Request, Response};
use raft::node::NodeSpec;
use sim::disk::Disk;
use sim::process::{self, Effect, Input, Node, Out, Payload, Process, Thread};

use crate::workload::{AppendClient, ClientOperation, ClientSpec, KafkaClient, KafkaClientSpec};

/// What crosses the simulated network: one request or response with its correlation id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// With the correlation id of its sender.
    Request { correlation_id: i32, request: Request },
    /// With the correlation id of the request it answers.
    Response { correlation_id: i32, response: Response },
}

/// Which RPC a message is of, by Kafka's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Of the message.
    pub name: &'static str,
    /// Of the message inside an Envelope.
    pub inside: Option<&'static str>,
    /// Not a response.
    pub is_request: bool,
}

impl Message {
    /// Its RPC.
    pub fn rpc(&self) -> Rpc {
        // Kafka has one RPC for both.
        let kafka = |name| if name == "PreVote" { "Vote" } else { name };
        match self {
            Message::Request { request, .. } => {
                let inside = if let Request::Envelope(inner) = request { Some(inner.name()) } else { None };
                Rpc { name: kafka(request.name()), inside, is_request: true }
            }
            Message::Response { response, .. } => {
                let inner = if let Response::Envelope(inner) = response { inner.response.as_ref() } else { None };
                let inside = inner.map(|inner| inner.name());
                Rpc { name: kafka(response.name()), inside, is_request: false }
            }
        }
    }
}

impl std::fmt::Display for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inside = self.inside.map_or(String::new(), |inside| format!("/{inside}"));
        write!(f, "{}{inside} {}", self.name, if self.is_request { "request" } else { "response" })
    }
}

/// A message on its way: the world hands a pointer on, and the message itself is moved but twice,
/// in and out. Spent parcels are filled again, so a message costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel(Box<Option<Message>>);

impl Parcel {
    /// Packs a message.
    pub fn pack(message: Message, out: &mut Out<Actor>) -> Parcel {
        match out.spent.pop() {
            Some(mut spent) => {
                *spent.0 = Some(message);
                spent
            }
            None => Parcel(Box::new(Some(message))),
        }
    }

    /// Takes the message out.
    fn unpack(mut self, out: &mut Out<Actor>) -> Message {
        let message = self.0.take();
        out.spent.push(self);
        message.expect("spent parcels are never sent")
    }

    /// The message.
    pub fn message(&self) -> &Message {
        self.0.as_ref().as_ref().expect("spent parcels are never sent")
    }

    /// The response inside, with its correlation id; `None` for a request.
    pub fn into_response(self, out: &mut Out<Actor>) -> Option<(i32, Response)> {
        match self.unpack(out) {
            Message::Response { correlation_id, response } => Some((correlation_id, response)),
            Message::Request { .. } => None,
        }
    }
}

/// What a client says of its history: attempts (one RPC each), never API calls with retries.
/// Fields fit 32 bytes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// An append attempt of `count` consecutive values from `first_value` was sent.
    AppendInvoked { attempt: u32, first_value: u64, count: u8 },
    /// Committed at `base_offset`.
    AppendOk { attempt: u32, base_offset: i64 },
    /// Definitely not done (refused before it was accepted).
    AppendFailed { attempt: u32 },
    /// Unknown: no answer, or one that leaves it open. Never returns.
    AppendUnknown { attempt: u32 },
    /// A read of committed records from `from` was sent.
    ReadInvoked { attempt: u32, from: i64, at_most: u16 },
    /// One record of the answer (several of these may precede `ReadOk`).
    ReadRecord { attempt: u32, offset: i64, value: u64 },
    /// The answer is complete; the replica had applied up to `applied_end`.
    ReadOk { attempt: u32, applied_end: i64 },
    /// No answer.
    ReadUnknown { attempt: u32 },
}

/// What any process of a world says of itself (`Copy`, at most 32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A server.
    Server(raft::io::Observation),
    /// A client of the model.
    Client(AttemptEvent),
    /// A Kafka client.
    Attempt(raft::client::AttemptEvent),
}

const _: () = assert!(std::mem::size_of::<Said>() <= 32);

impl Payload for Parcel {
    fn content_hash(&self) -> u64 {
        match self.message() {
            Message::Request { correlation_id, request } => request.content_hash(*correlation_id),
            Message::Response { correlation_id, response } => response.content_hash(*correlation_id),
        }
    }

    fn kind(&self) -> u8 {
        match self.message() {
            Message::Request { request: Request::Vote(_), .. } => 0,
            Message::Request { request: Request::BeginQuorumEpoch(_), .. } => 1,
            Message::Request { request: Request::EndQuorumEpoch(_), .. } => 2,
            Message::Request { request: Request::Fetch(_), .. } => 3,
            Message::Request { request: Request::AppendRecords(_), .. } => 4,
            Message::Request { request: Request::ReadRecords(_), .. } => 5,
            Message::Request { request: Request::Data(_), .. } => 6,
            Message::Request { request: Request::Cluster(_), .. } => 7,
            Message::Request { request: Request::Admin(_), .. } => 8,
            Message::Request { request: Request::Envelope(_), .. } => 9,
            Message::Response { response: Response::Vote(_), .. } => 10,
            Message::Response { response: Response::BeginQuorumEpoch(_), .. } => 11,
            Message::Response { response: Response::EndQuorumEpoch(_), .. } => 12,
            Message::Response { response: Response::Fetch(_), .. } => 13,
            Message::Response { response: Response::AppendRecords(_), .. } => 14,
            Message::Response { response: Response::ReadRecords(_), .. } => 15,
            Message::Response { response: Response::Data(_), .. } => 16,
            Message::Response { response: Response::Cluster(_), .. } => 17,
            Message::Response { response: Response::Admin(_), .. } => 18,
            Message::Response { response: Response::Envelope(_), .. } => 19,
        }
    }

    const KINDS: &'static [&'static str] = &[
        "Vote",
        "BeginQuorumEpoch",
        "EndQuorumEpoch",
        "Fetch",
        "AppendRecords",
        "ReadRecords",
        "Data",
        "Cluster",
        "Admin",
        "Envelope",
        "VoteResponse",
        "BeginQuorumEpochResponse",
        "EndQuorumEpochResponse",
        "FetchResponse",
        "AppendRecordsResponse",
        "ReadRecordsResponse",
        "DataResponse",
        "ClusterResponse",
        "AdminResponse",
        "EnvelopeResponse",
    ];
}

/// A server's configuration, and where in the world each Kafka node id lives.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// Kafka's side.
    pub node: NodeSpec,
    /// (Kafka node id, index in the world), ascending by id.
    pub places: Rc<[(raft::ids::NodeId, Node)]>,
}

/// Configuration of any node of the world.
#[derive(Clone, Debug)]
pub enum Spec {
    /// A Kafka server.
    Server(ServerSpec),
    /// A client of the model.
    Client(Box<ClientSpec>),
    /// A Kafka client.
    Kafka(Box<KafkaClientSpec>),
}

/// A Kafka server as a process: the node, and a buffer for what it asks for.
#[derive(Clone, Debug)]
pub struct Server {
    /// The node.
    pub node: raft::node::Node,
    places: Rc<[(raft::ids::NodeId, Node)]>,
    out: raft::io::Out,
}

/// Any process of the world.
#[derive(Clone, Debug)]
pub enum Actor {
    /// A Kafka server.
    Server(Box<Server>),
    /// A client of the model.
    Client(Box<AppendClient>),
    /// A Kafka client.
    Kafka(Box<KafkaClient>),
}

impl Actor {
    /// What a client has asked for of its own accord, if it was to keep that.
    pub fn timetable(&self) -> &[(u64, ClientOperation)] {
        match self {
            Actor::Server(_) => &[],
            Actor::Client(client) => client.timetable(),
            Actor::Kafka(client) => client.timetable(),
        }
    }
}

impl Process for Actor {
    type Spec = Spec;
    type Message = Parcel;
    type Post = raft::io::Post;
    type Operation = ClientOperation;
    type Observation = Said;
    const THREADS: &'static [&'static str] = &[
        "raft-io",
        "controller-event-queue",
        "controller-request-handler",
        "metadata-loader",
        "broker-lifecycle",
        "request-handler",
        "kafka-scheduler",
    ];

    fn boot(spec: &Spec, now: process::Now, entropy: &mut sim::rng::Entropy, disk: &Disk, out: &mut Out<Self>) -> Self {
        match spec {
            Spec::Server(spec) => {
                let mut raft_out = raft::io::Out::default();
                let files = Files(disk);
                let node = raft::node::Node::boot(&spec.node, clocks(now), &mut Draws(entropy), &files, &mut raft_out);
                let mut server = Server { node, places: spec.places.clone(), out: raft_out };
                server.hand_over(out);
                Actor::Server(Box::new(server))
            }
            Spec::Client(spec) => Actor::Client(Box::new(AppendClient::boot(spec, now, out))),
            Spec::Kafka(spec) => Actor::Kafka(Box::new(KafkaClient::boot(spec, now, out))),
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
                server.node.step(name, clocks(now), input, &mut Draws(entropy), &mut server.out);
                server.hand_over(out);
            }
            Actor::Client(client) => client.step(now, input, entropy, out),
            Actor::Kafka(client) => client.step(now, input, entropy, out),
        }
    }

    fn thread_for(parcel: &Parcel) -> Thread {
        match parcel.message() {
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

impl Server {
    /// Turns what the node asked for into the world's effects, in order.
    fn hand_over(&mut self, out: &mut Out<Actor>) {
        for effect in self.out.effects.drain(..) {
            let effect = to_sim(effect, &self.places, out);
            out.push(effect);
        }
    }
}

/// The same clocks.
pub(crate) fn clocks(now: process::Now) -> raft::io::Now {
    raft::io::Now { mono_ns: now.mono_ns, wall_ms: now.wall_ms }
}

/// Draws from the node's own stream.
pub(crate) struct Draws<'a>(pub &'a mut sim::rng::Entropy);

impl raft::io::Entropy for Draws<'_> {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.below(u64::from(bound)) as u32
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
        Input::Operation(_) => return None,
    })
}

fn to_sim(effect: raft::io::Effect, places: &[(raft::ids::NodeId, Node)], out: &mut Out<Actor>) -> Effect<Actor> {
    use raft::io::Effect as Raft;
    match effect {
        Raft::Connect { token, to } => {
            let place = places.iter().find(|(id, _)| *id == to);
            let Some((_, to)) = place else { panic!("connect to node {to}, which is not in this cluster") };
            Effect::Connect { token: token.0, to: *to }
        }
        Raft::SendRequest { connection, correlation_id, request } => Effect::Request {
            connection: process::Connection(connection.0),
            message: Parcel::pack(Message::Request { correlation_id, request }, out),
        },
        Raft::SendResponse { connection, correlation_id, response } => Effect::Response {
            connection: process::Connection(connection.0),
            message: Parcel::pack(Message::Response { correlation_id, response }, out),
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
        Raft::Post { thread, post } => Effect::Post { thread: Thread(thread as u8), event: post },
        Raft::Observe(observation) => Effect::Observe(Said::Server(observation)),
        Raft::Halt { reason, fatal } => Effect::Halt { reason, fatal },
    }
}

fn to_file(file: FileHandle) -> process::File {
    process::File(file.0)
}
