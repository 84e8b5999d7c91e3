//! The admin client: Kafka's `KafkaAdminClient` (controller-broker.md §5.6, §5.7, §6.10).
//!
//! * `call`: the target node of each operation, and the entries of its response
//!
//! A call is retried until it is answered or `default.api.timeout.ms` is over: after a disconnect or a timeout (so the
//! broker may receive it twice), and after NOT_CONTROLLER anywhere in the response, which also makes the client drop
//! the known controller. Errors of single entries are left to the application. One request is in flight on a
//! connection.
//!
//! Not modelled: `bootstrap.controllers`; one operation spread over several brokers (a broker's configs are requested
//! from that broker, so an operation names resources of one kind).

mod call;

use std::collections::BTreeMap;

use call::NodeProvider;

use super::connections::{Answer, Completed};
use super::errors::{admin_outcome, is_retriable};
use super::io::ms;
use super::network_client::NetworkClient;
use super::{AdminConfig, AttemptEvent, ClientInput, ClientOut};
use crate::bugs::Bug;
use crate::ids::NodeId;
use crate::io::{Entropy, Now};
use crate::message::{AdminRequest, AdminResponse, ErrorCode, Request, Response};

/// An operation of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminOperation {
    /// The application's number for it; unique.
    pub operation: u32,
    /// Each attempt overwrites a `timeout_ms` in it, as in Kafka.
    pub request: AdminRequest,
}

#[derive(Clone, Debug)]
pub struct AdminClient {
    config: AdminConfig,
    network: NetworkClient,
    /// By the application's number.
    calls: BTreeMap<u32, Call>,
}

/// Kafka's `Call`.
#[derive(Clone, Debug)]
struct Call {
    request: AdminRequest,
    deadline_ms: i64,
    tries: u32,
    next_allowed_try_ms: i64,
    /// The target node, once connected.
    node: Option<NodeId>,
    /// Correlation id and attempt of the request in flight.
    in_flight: Option<(i32, u32)>,
}

impl AdminClient {
    /// Kafka limits an admin client to one request in flight on a connection.
    const MAX_IN_FLIGHT: usize = 1;

    /// An admin client without calls.
    pub fn new(config: AdminConfig) -> AdminClient {
        AdminClient {
            network: NetworkClient::new(&config.client, AdminClient::MAX_IN_FLIGHT),
            config,
            calls: BTreeMap::new(),
        }
    }

    /// Processes one input. The first step (any input, e.g. `Timer`) starts the client.
    pub fn step(
        &mut self,
        now: Now,
        input: ClientInput<AdminOperation>,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let now_ms = ms(now);
        if let Some(AdminOperation { operation, request }) = self.network.receive(now_ms, input, entropy, out) {
            let deadline_ms = now_ms.saturating_add(self.config.default_api_timeout_ms);
            let call =
                Call { request, deadline_ms, tries: 0, next_allowed_try_ms: now_ms, node: None, in_flight: None };
            self.calls.insert(operation, call);
        }
        self.network.begin_round();
        while let Some(completed) = self.network.take_completed(now_ms, entropy) {
            self.on_completed(now_ms, completed, entropy, out);
        }
        let pending = self.calls.iter().filter(|(_, call)| call.in_flight.is_none());
        let pending: Vec<u32> = pending.map(|(operation, _)| *operation).collect();
        for operation in pending {
            self.advance(now_ms, operation, entropy, out);
        }
        self.network.finish(now_ms, entropy, out);
    }

    /// The number of operations that have not ended.
    pub fn outstanding(&self) -> usize {
        self.calls.len()
    }

    /// Advances a call that has no request in flight as far as possible.
    fn advance(&mut self, now_ms: i64, operation: u32, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        let Some(call) = self.calls.get_mut(&operation) else { return };
        if call.deadline_ms <= now_ms {
            return self.end(operation, ErrorCode::RequestTimedOut, out);
        }
        let (deadline_ms, allowed_ms) = (call.deadline_ms, call.next_allowed_try_ms);
        self.network.wake_at(deadline_ms);
        if now_ms < allowed_ms {
            return self.network.wake_at(allowed_ms);
        }
        let Some(node) = self.choose_node(now_ms, operation, entropy) else { return };
        if self.network.ready(now_ms, node, entropy, out) {
            self.send(now_ms, operation, node, out);
        }
    }

    /// Keeps the chosen node unless its connection failed; `None` while no node can be chosen.
    fn choose_node(&mut self, now_ms: i64, operation: u32, entropy: &mut dyn Entropy) -> Option<NodeId> {
        let call = self.calls.get_mut(&operation)?;
        if let Some(node) = call.node.filter(|node| !self.network.is_failed(*node)) {
            return Some(node);
        }
        let metadata = &mut self.network.metadata;
        let node = match NodeProvider::of(&call.request) {
            NodeProvider::Controller => metadata.controller(),
            NodeProvider::Constant(node) => metadata.nodes().contains(&node).then_some(node),
            NodeProvider::LeastLoaded => {
                let node = self.network.least_loaded_node(now_ms, entropy);
                self.calls.get_mut(&operation)?.node = node;
                return node;
            }
        };
        if node.is_none() {
            metadata.request_update(false);
        }
        call.node = node;
        node
    }

    fn send(&mut self, now_ms: i64, operation: u32, node: NodeId, out: &mut ClientOut) {
        let Some(call) = self.calls.get_mut(&operation) else { return };
        let attempt = self.network.next_attempt();
        let timeout_ms = self.config.client.request_timeout_ms.min(call.deadline_ms - now_ms);
        let request = call::with_timeout(&call.request, i32::try_from(timeout_ms).unwrap_or(i32::MAX));
        let api_key = request.api_key();
        out.observe(AttemptEvent::AdminInvoked { attempt, operation, api_key, node });
        let correlation_id = self.network.send(now_ms, node, Request::Admin(request), timeout_ms, true, out);
        call.in_flight = Some((correlation_id, attempt));
    }

    fn on_completed(&mut self, now_ms: i64, completed: Completed, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        let id = completed.correlation_id;
        let of_this = |call: &Call| call.in_flight.filter(|(other, _)| *other == id).map(|(_, attempt)| attempt);
        let found = self.calls.iter().find_map(|(operation, call)| Some((*operation, of_this(call)?)));
        let Some((operation, attempt)) = found else { return };
        match completed.answer {
            Answer::Response(Response::Admin(answer)) => {
                self.on_answered(now_ms, operation, attempt, &answer, entropy, out);
            }
            Answer::Response(_) => {
                out.observe(AttemptEvent::AdminAnswered { attempt, error: ErrorCode::UnknownServerError });
                self.end(operation, ErrorCode::UnknownServerError, out);
            }
            Answer::Sent | Answer::Disconnected => {
                out.observe(AttemptEvent::AdminUnknown { attempt });
                self.fail(now_ms, operation, ErrorCode::NetworkException, entropy, out);
            }
        }
    }

    fn on_answered(
        &mut self,
        now_ms: i64,
        operation: u32,
        attempt: u32,
        answer: &AdminResponse,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let Some(call) = self.calls.get(&operation) else { return };
        let mut not_controller = false;
        for result in call::results(&call.request, answer) {
            let (index, error) = (result.index, result.error);
            not_controller |= error == ErrorCode::NotController;
            for event in result.details(attempt) {
                out.observe(event);
            }
            out.observe(AttemptEvent::AdminResult { attempt, index, error, outcome: admin_outcome(error) });
        }
        let error = call::top_level_error(answer);
        out.observe(AttemptEvent::AdminAnswered { attempt, error });
        not_controller |= error == ErrorCode::NotController;
        if not_controller && call::rediscovers_controller(&call.request) {
            self.network.metadata.clear_controller();
            self.network.metadata.request_update(false);
            self.fail(now_ms, operation, ErrorCode::NotController, entropy, out);
        } else if call::is_retried(&call.request, error) {
            self.fail(now_ms, operation, error, entropy, out);
        } else {
            self.end(operation, error, out);
        }
    }

    /// Kafka's `Call.fail`: retries, unless the error is not retriable or the deadline has passed.
    fn fail(&mut self, now_ms: i64, operation: u32, error: ErrorCode, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        let backoff = self.config.client.retry_backoff();
        let Some(call) = self.calls.get_mut(&operation) else { return };
        call.node = None;
        if !self.config.client.bugs.has(Bug::AdminCallForgottenInFlight) {
            call.in_flight = None;
        }
        let failures = call.tries;
        call.tries = call.tries.saturating_add(1);
        let backoff_ms = backoff.draw_ms(failures, entropy);
        let waits_ms = if self.config.client.bugs.has(Bug::RetriedAtOnce) { 0 } else { backoff_ms };
        call.next_allowed_try_ms = now_ms.saturating_add(waits_ms);
        if call.deadline_ms <= now_ms || call.tries > self.config.retries {
            self.end(operation, ErrorCode::RequestTimedOut, out);
        } else if !is_retriable(error) {
            self.end(operation, error, out);
        }
    }

    fn end(&mut self, operation: u32, error: ErrorCode, out: &mut ClientOut) {
        self.calls.remove(&operation);
        out.observe(AttemptEvent::OperationDone { operation, error });
    }
}
