//! Messages on the simulated network, boxed.

use raft::message::{Request, Response};
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
            Message::Request { request: Request::Vote(_), .. } => 0,
            Message::Request { request: Request::BeginQuorumEpoch(_), .. } => 1,
            Message::Request { request: Request::EndQuorumEpoch(_), .. } => 2,
            Message::Request { request: Request::Fetch(_), .. } => 3,
            Message::Request { request: Request::UpdateRaftVoter(_), .. } => 4,
            Message::Request { request: Request::ApiVersions(_), .. } => 5,
            Message::Request { request: Request::AppendRecords(_), .. } => 6,
            Message::Request { request: Request::ReadRecords(_), .. } => 7,
            Message::Request { request: Request::Data(_), .. } => 8,
            Message::Request { request: Request::Cluster(_), .. } => 9,
            Message::Request { request: Request::Admin(_), .. } => 10,
            Message::Request { request: Request::Envelope(_), .. } => 11,
            Message::Request { request: Request::DiscoverVersions(_), .. } => 12,
            Message::Response { response: Response::Vote(_), .. } => 13,
            Message::Response { response: Response::BeginQuorumEpoch(_), .. } => 14,
            Message::Response { response: Response::EndQuorumEpoch(_), .. } => 15,
            Message::Response { response: Response::Fetch(_), .. } => 16,
            Message::Response { response: Response::UpdateRaftVoter(_), .. } => 17,
            Message::Response { response: Response::ApiVersions(_), .. } => 18,
            Message::Response { response: Response::AppendRecords(_), .. } => 19,
            Message::Response { response: Response::ReadRecords(_), .. } => 20,
            Message::Response { response: Response::Data(_), .. } => 21,
            Message::Response { response: Response::Cluster(_), .. } => 22,
            Message::Response { response: Response::Admin(_), .. } => 23,
            Message::Response { response: Response::Envelope(_), .. } => 24,
            Message::Response { response: Response::DiscoverVersions, .. } => 25,
        }
    }

    const KINDS: &'static [&'static str] = &[
        "Vote",
        "BeginQuorumEpoch",
        "EndQuorumEpoch",
        "Fetch",
        "UpdateRaftVoter",
        "ApiVersions",
        "AppendRecords",
        "ReadRecords",
        "Data",
        "Cluster",
        "Admin",
        "Envelope",
        "DiscoverVersions",
        "VoteResponse",
        "BeginQuorumEpochResponse",
        "EndQuorumEpochResponse",
        "FetchResponse",
        "UpdateRaftVoterResponse",
        "ApiVersionsResponse",
        "AppendRecordsResponse",
        "ReadRecordsResponse",
        "DataResponse",
        "ClusterResponse",
        "AdminResponse",
        "EnvelopeResponse",
        "DiscoverVersionsResponse",
    ];
}
