//! Messages on the simulated network, boxed.

use raft::message::{AdminRequest, ClusterRequest, DataRequest, Request, Response};
use sim::process::{Out, Payload, Process};

/// A message on the simulated network: one request or response with its correlation id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// With the correlation id that its sender chose.
    Request { correlation_id: i32, request: Request },
    /// With the correlation id of the request it answers.
    Response { correlation_id: i32, response: Response },
}

/// The RPC of a message, by Kafka's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The message's name.
    pub name: &'static str,
    /// The name of the message inside an Envelope.
    pub inside: Option<&'static str>,
    pub is_request: bool,
}

impl Message {
    /// The message's RPC.
    pub fn rpc(&self) -> Rpc {
        // Kafka has one RPC for pre-votes and votes.
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

/// A message in transit: the world passes on a pointer, and the message itself is moved only when it is packed and
/// unpacked. Boxes are reused, so a message costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoxedMessage(Box<Option<Message>>);

impl BoxedMessage {
    pub fn pack<P: Process<Message = BoxedMessage>>(message: Message, out: &mut Out<P>) -> BoxedMessage {
        match out.spent.pop() {
            Some(mut spent) => {
                *spent.0 = Some(message);
                spent
            }
            None => BoxedMessage(Box::new(Some(message))),
        }
    }

    pub fn unpack<P: Process<Message = BoxedMessage>>(mut self, out: &mut Out<P>) -> Message {
        let message = self.0.take();
        out.spent.push(self);
        message.expect("a message whose box is reused is never sent")
    }

    pub fn message(&self) -> &Message {
        self.0.as_ref().as_ref().expect("a message whose box is reused is never sent")
    }

    /// The response inside, with its correlation id; `None` for a request.
    pub fn into_response<P: Process<Message = BoxedMessage>>(self, out: &mut Out<P>) -> Option<(i32, Response)> {
        match self.unpack(out) {
            Message::Response { correlation_id, response } => Some((correlation_id, response)),
            Message::Request { .. } => None,
        }
    }
}

impl Payload for BoxedMessage {
    fn content_hash(&self) -> u64 {
        match self.message() {
            Message::Request { correlation_id, request } => request.content_hash(*correlation_id),
            Message::Response { correlation_id, response } => response.content_hash(*correlation_id),
        }
    }

    fn kind(&self) -> u8 {
        match self.message() {
            Message::Request { request, .. } => request_kind(request) as u8,
            Message::Response { response, .. } => (RPCS + response_kind(response)) as u8,
        }
    }

    const KINDS: usize = 2 * RPCS;
}

/// The RPCs that are not in a group; first those of the raft client.
const UNGROUPED: [&str; 14] = [
    "Vote",
    "BeginQuorumEpoch",
    "EndQuorumEpoch",
    "Fetch",
    "FetchSnapshot",
    "UpdateRaftVoter",
    "AddRaftVoter",
    "RemoveRaftVoter",
    "DescribeQuorum",
    "ApiVersions",
    "ApiVersions",
    "AppendRecords",
    "ReadRecords",
    "Envelope",
];
const OF_RAFT: usize = 10;
const DATA: usize = UNGROUPED.len();
const CLUSTER: usize = DATA + DataRequest::NAMES.len();
const ADMIN: usize = CLUSTER + ClusterRequest::NAMES.len();
/// Kinds of requests, and kinds of responses.
const RPCS: usize = ADMIN + AdminRequest::NAMES.len();

fn request_kind(request: &Request) -> usize {
    match request {
        Request::Vote(_) => 0,
        Request::BeginQuorumEpoch(_) => 1,
        Request::EndQuorumEpoch(_) => 2,
        Request::Fetch(_) => 3,
        Request::FetchSnapshot(_) => 4,
        Request::UpdateRaftVoter(_) => 5,
        Request::AddRaftVoter(_) => 6,
        Request::RemoveRaftVoter(_) => 7,
        Request::DescribeQuorum(_) => 8,
        Request::ApiVersions(_) => 9,
        Request::DiscoverVersions(_) => 10,
        Request::AppendRecords(_) => 11,
        Request::ReadRecords(_) => 12,
        Request::Envelope(_) => 13,
        Request::Data(request) => DATA + request.number(),
        Request::Cluster(request) => CLUSTER + request.number(),
        Request::Admin(request) => ADMIN + request.number(),
    }
}

fn response_kind(response: &Response) -> usize {
    match response {
        Response::Vote(_) => 0,
        Response::BeginQuorumEpoch(_) => 1,
        Response::EndQuorumEpoch(_) => 2,
        Response::Fetch(_) => 3,
        Response::FetchSnapshot(_) => 4,
        Response::UpdateRaftVoter(_) => 5,
        Response::AddRaftVoter(_) => 6,
        Response::RemoveRaftVoter(_) => 7,
        Response::DescribeQuorum(_) => 8,
        Response::ApiVersions(_) => 9,
        Response::DiscoverVersions => 10,
        Response::AppendRecords(_) => 11,
        Response::ReadRecords(_) => 12,
        Response::Envelope(_) => 13,
        Response::Data(response) => DATA + response.number(),
        Response::Cluster(response) => CLUSTER + response.number(),
        Response::Admin(response) => ADMIN + response.number(),
    }
}

/// The kinds of message of an RPC, requests or responses, by Kafka's name; several if it means several messages of the
/// model.
pub fn kinds_of(name: &str, is_request: bool) -> impl Iterator<Item = u8> {
    let first = if is_request { 0 } else { RPCS };
    rpc_names().enumerate().filter(move |(_, known)| *known == name).map(move |(kind, _)| (first + kind) as u8)
}

/// The kinds of all requests, or of all responses.
pub fn message_kinds(is_request: bool) -> impl Iterator<Item = u8> {
    let first = if is_request { 0 } else { RPCS };
    (first..first + RPCS).map(|kind| kind as u8)
}

/// Whether it is a message of the raft client.
pub fn is_of_raft(kind: u8) -> bool {
    usize::from(kind) % RPCS < OF_RAFT
}

/// The name of each RPC, by the number of its kind.
pub fn rpc_names() -> impl Iterator<Item = &'static str> {
    let groups = [DataRequest::NAMES, ClusterRequest::NAMES, AdminRequest::NAMES];
    UNGROUPED.into_iter().chain(groups.into_iter().flatten().copied())
}
