//! Admin requests that a broker wraps in an Envelope for the active controller: Kafka's ForwardingManager
//! (controller-broker.md §5.7). Without a response within 60 s the client receives REQUEST_TIMED_OUT; the request may
//! have been executed, even twice.

use std::collections::BTreeMap;

use super::controller_channel::Ticket;
use crate::bugs::{Bug, Bugs};
use crate::io::{Connection, Effect};
use crate::message::{AdminRequest, EnvelopeResponse, ErrorCode, Request, Response};
use crate::step::Step;

/// Retry timeout of the forwarding channel, ms.
pub const FORWARDING_TIMEOUT_MS: i64 = 60_000;

/// Clients' requests that were forwarded to the controller.
#[derive(Clone, Debug)]
pub struct ForwardingManager {
    bugs: Bugs,
    forwarded: BTreeMap<Ticket, Forwarded>,
}

#[derive(Clone, Debug)]
struct Forwarded {
    connection: Connection,
    correlation_id: i32,
    request: AdminRequest,
}

impl ForwardingManager {
    pub fn new(bugs: Bugs) -> ForwardingManager {
        ForwardingManager { bugs, forwarded: BTreeMap::new() }
    }

    /// Registers a request whose [`ForwardingManager::envelope`] was handed to the channel.
    pub fn sent(&mut self, ticket: Ticket, connection: Connection, correlation_id: i32, request: AdminRequest) {
        if self.bugs.has(Bug::ForwardedForgotten) {
            self.forwarded.clear();
        }
        self.forwarded.insert(ticket, Forwarded { connection, correlation_id, request });
    }

    /// The request that is sent to the controller.
    pub fn envelope(request: &AdminRequest) -> Request {
        Request::Envelope(request.clone())
    }

    /// Responds to the client. Returns `false` if the ticket is not of a forwarded request. An envelope that failed for
    /// another reason than NOT_CONTROLLER is UNKNOWN_SERVER_ERROR to the client.
    pub fn on_outcome(&mut self, ticket: Ticket, response: Option<Response>, step: &mut Step<'_>) -> bool {
        let Some(Forwarded { connection, correlation_id, request }) = self.forwarded.remove(&ticket) else {
            return false;
        };
        let response = match response {
            Some(Response::Envelope(EnvelopeResponse { error: ErrorCode::None, response: Some(inner) })) => inner,
            Some(_) => request.error_response(ErrorCode::UnknownServerError),
            None => request.error_response(ErrorCode::RequestTimedOut),
        };
        let response = Response::Admin(response);
        step.out.push(Effect::SendResponse { connection, correlation_id, response });
        true
    }
}
