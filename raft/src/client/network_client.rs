//! Connections and metadata together: Kafka's `NetworkClient` with its `DefaultMetadataUpdater`.
//!
//! A step of a client is: [`NetworkClient::receive`] the input; then in one or more rounds
//! ([`NetworkClient::begin_round`]) call [`NetworkClient::take_completed`] until it is empty and send to nodes that are
//! [`NetworkClient::ready`]; then [`NetworkClient::finish`].

use super::connections::{Answer, Completed, Connections, NotReady};
use super::metadata::Metadata;
use super::{ClientConfig, ClientInput, ClientOut, ClientShown};
use crate::ids::NodeId;
use crate::io::Entropy;
use crate::message::{DataRequest, DataResponse, Request, Response};

/// The common part of all clients.
#[derive(Clone, Debug)]
pub(super) struct NetworkClient {
    connections: Connections,
    pub metadata: Metadata,
    request_timeout_ms: i64,
    /// Set if `metadata.recovery.strategy` is rebootstrap: the time without success after which it happens.
    rebootstrap_trigger_ms: Option<i64>,
    /// The Metadata request in flight.
    fetching: Option<i32>,
    /// When the attempts of the current refresh began.
    attempt_started_ms: Option<i64>,
    /// When to check again whether a refresh can start.
    look_again_ms: Option<i64>,
    /// The earliest instant at which the client has work to do without an event.
    wake_ms: Option<i64>,
    /// Number of attempts so far, as in the history.
    attempts: u32,
}

impl NetworkClient {
    pub fn new(config: &ClientConfig, max_in_flight: usize) -> NetworkClient {
        assert!(!config.bootstrap.is_empty(), "no bootstrap servers for {} topics", config.topics.len());
        let trigger_ms = config.metadata_recovery_rebootstrap_trigger_ms;
        NetworkClient {
            connections: Connections::new(config, max_in_flight),
            metadata: Metadata::new(config),
            request_timeout_ms: config.request_timeout_ms,
            rebootstrap_trigger_ms: config.metadata_recovery_rebootstrap.then_some(trigger_ms),
            fetching: None,
            attempt_started_ms: None,
            look_again_ms: None,
            wake_ms: None,
            attempts: 0,
        }
    }

    /// Processes an input and expires requests. Returns the application's operation.
    pub fn receive<O>(
        &mut self,
        now_ms: i64,
        input: ClientInput<O>,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) -> Option<O> {
        let mut operation = None;
        match input {
            ClientInput::Opened { token, connection } => {
                self.connections.on_opened(now_ms, token, connection, out);
            }
            ClientInput::Closed { token, .. } => self.connections.on_closed(now_ms, token, entropy),
            ClientInput::Response { token, correlation_id, response } => {
                self.connections.on_response(token, correlation_id, response);
            }
            ClientInput::Timer => {}
            ClientInput::Operation(requested) => operation = Some(requested),
        }
        self.connections.expire(now_ms, entropy, out);
        let trigger_ms = self.rebootstrap_trigger_ms;
        let started = self.attempt_started_ms.zip(trigger_ms);
        if started.is_some_and(|(started_ms, trigger_ms)| now_ms - started_ms >= trigger_ms) {
            for node in self.metadata.nodes().to_vec() {
                self.connections.close(now_ms, node, entropy, out);
            }
            self.rebootstrap(now_ms);
        }
        self.after_disconnects(now_ms, entropy);
        operation
    }

    /// Drops the wake-up time: each round sets it anew.
    pub fn begin_round(&mut self) {
        self.wake_ms = None;
    }

    /// Wakes the client at `at_ms` or earlier.
    pub fn wake_at(&mut self, at_ms: i64) {
        self.wake_ms = Some(self.wake_ms.map_or(at_ms, |wake_ms| wake_ms.min(at_ms)));
    }

    /// The number of the next attempt, from 1.
    pub fn next_attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }

    /// The next finished request that is not a metadata refresh.
    pub fn take_completed(&mut self, now_ms: i64, entropy: &mut dyn Entropy) -> Option<Completed> {
        loop {
            let completed = self.connections.take_completed()?;
            if self.fetching != Some(completed.correlation_id) {
                return Some(completed);
            }
            self.fetching = None;
            match completed.answer {
                // Kafka treats a response without brokers as one of a broker that has no metadata yet.
                Answer::Response(Response::Data(DataResponse::Metadata(answer))) if !answer.brokers.is_empty() => {
                    self.attempt_started_ms = None;
                    self.metadata.update(now_ms, &answer, entropy);
                }
                Answer::Response(_) | Answer::Sent | Answer::Disconnected => {
                    self.metadata.failed_update(now_ms, entropy);
                }
            }
        }
    }

    /// Whether a request may be sent to the node now. Otherwise connects if necessary, and the client will be woken.
    pub fn ready(&mut self, now_ms: i64, node: NodeId, entropy: &mut dyn Entropy, out: &mut ClientOut) -> bool {
        match self.connections.ready(now_ms, node, entropy, out) {
            Ok(()) => return true,
            Err(NotReady::Until(at_ms)) => self.wake_at(at_ms),
            Err(NotReady::UntilEvent) => {}
        }
        false
    }

    /// Kafka's `connectionFailed`.
    pub fn is_failed(&self, node: NodeId) -> bool {
        self.connections.is_failed(node)
    }

    /// Sends to a node that is ready; returns the correlation id.
    pub fn send(
        &mut self,
        now_ms: i64,
        node: NodeId,
        request: Request,
        timeout_ms: i64,
        answered: bool,
        out: &mut ClientOut,
    ) -> i32 {
        self.connections.send(now_ms, node, request, timeout_ms, answered, out)
    }

    /// Kafka's `leastLoadedNode`; `None` while all are backing off; then the client is woken when the first of them may
    /// be tried again.
    pub fn least_loaded_node(&mut self, now_ms: i64, entropy: &mut dyn Entropy) -> Option<NodeId> {
        let node = self.connections.least_loaded_node(now_ms, self.metadata.nodes(), entropy).0;
        if let (None, Some(retry_ms)) = (node, self.next_retry_ms()) {
            self.wake_at(retry_ms);
        }
        node
    }

    /// The part of all clients.
    pub fn shown(&self) -> ClientShown {
        let metadata = &self.metadata;
        ClientShown {
            connections: self.connections.shown(),
            update_requested: metadata.is_update_requested(),
            nodes: metadata.nodes().to_vec(),
            leaders: metadata.shown(),
            ..ClientShown::default()
        }
    }

    fn next_retry_ms(&self) -> Option<i64> {
        self.connections.next_retry_ms(self.metadata.nodes())
    }

    /// Refreshes the metadata if that is due and possible, and arms the timer for the next refresh or the client's own
    /// deadlines.
    pub fn finish(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        self.maybe_update_metadata(now_ms, entropy, out);
        let rebootstrap_ms = self.attempt_started_ms.zip(self.rebootstrap_trigger_ms).map(|(a, b)| a.saturating_add(b));
        let deadlines = [self.wake_ms, self.look_again_ms, self.connections.next_deadline_ms(), rebootstrap_ms];
        out.arm_ms(deadlines.into_iter().flatten().min().map(|at_ms| at_ms.max(now_ms)));
    }

    fn maybe_update_metadata(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        self.look_again_ms = None;
        if self.fetching.is_some() {
            return;
        }
        let due_ms = self.metadata.next_update_ms();
        if now_ms < due_ms {
            self.look_again_ms = Some(due_ms);
            return;
        }
        self.attempt_started_ms.get_or_insert(now_ms);
        let (mut node, any_ready) = self.connections.least_loaded_node(now_ms, self.metadata.nodes(), entropy);
        if node.is_none() && !any_ready && self.rebootstrap_trigger_ms.is_some() {
            self.rebootstrap(now_ms);
            node = self.connections.least_loaded_node(now_ms, self.metadata.nodes(), entropy).0;
        }
        let Some(node) = node else {
            self.look_again_ms = self.next_retry_ms();
            return;
        };
        // One connect at a time is enough for metadata; an event of a busy or connecting node wakes the client.
        if self.connections.any_connecting() && self.connections.is_unconnected(node) {
            return;
        }
        if self.connections.ready(now_ms, node, entropy, out).is_ok() {
            let request = Request::Data(DataRequest::Metadata(self.metadata.request()));
            let timeout_ms = self.request_timeout_ms;
            self.fetching = Some(self.connections.send(now_ms, node, request, timeout_ms, true, out));
        }
    }

    /// A disconnect may result from stale metadata; while a refresh is due it counts as a failed refresh, so that the
    /// refresh backs off.
    fn after_disconnects(&mut self, now_ms: i64, entropy: &mut dyn Entropy) {
        if self.connections.take_disconnects() == 0 {
            return;
        }
        if self.fetching.is_none() && self.metadata.next_update_ms() <= now_ms {
            self.metadata.failed_update(now_ms, entropy);
        }
        self.metadata.request_update(false);
    }

    fn rebootstrap(&mut self, now_ms: i64) {
        self.metadata.rebootstrap();
        self.attempt_started_ms = Some(now_ms);
    }
}
