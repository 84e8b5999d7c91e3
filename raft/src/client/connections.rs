//! A client's connections, one per broker: Kafka's `ClusterConnectionStates` and
//! `InFlightRequests` as one sans-IO state machine (controller-broker.md §6.10).
//!
//! Nothing is queued here: a sender first calls [`Connections::ready`], as Kafka's clients do. Every request sent is
//! returned exactly once as a [`Completed`]. A request that times out closes its connection and so fails all requests
//! in flight there.
//!
//! A new connection is ready when the node has answered ApiVersions (`NetworkClient.handleConnections`).
//!
//! Not modelled: `connections.max.idle.ms`.

use std::collections::VecDeque;

use super::{ClientConfig, ClientEffect, ClientOut, ConnectionShown};
use crate::backoff::ExponentialBackoff;
use crate::connection_failures::{ConnectionFailures, ConnectionLimits};
use crate::ids::NodeId;
use crate::io::{ConnectToken, Connection, Entropy, Listener};
use crate::message::{DiscoverVersions, MeantFor, Request, Response};
use crate::sorted_map::SortedMap;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Response(Response),
    /// Handed to the socket; no response is due (acks 0).
    Sent,
    /// The connection was closed before the response.
    Disconnected,
}

/// A finished request.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    pub correlation_id: i32,
    pub answer: Answer,
}

/// Why nothing may be sent to a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotReady {
    /// Until this ms; no event will wake the client.
    Until(i64),
    /// A pending connect or response will wake the client.
    UntilEvent,
}

/// All connections of one client.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    bootstrap: std::rc::Rc<[NodeId]>,
    limits: ConnectionLimits,
    max_in_flight: usize,
    request_timeout_ms: i64,
    nodes: SortedMap<NodeId, NodeState>,
    connects: u32,
    requests: i32,
    completed: VecDeque<Completed>,
    disconnects: u32,
}

#[derive(Clone, Debug)]
struct NodeState {
    link: NodeConnection,
    failures: ConnectionFailures,
    last_connect_attempt_ms: i64,
}

#[derive(Clone, Debug)]
enum NodeConnection {
    Disconnected { retry_at_ms: i64 },
    Connecting { token: ConnectToken, give_up_at_ms: i64 },
    CheckingApiVersions { token: ConnectToken, connection: Connection, request: InFlight },
    Ready { token: ConnectToken, connection: Connection, in_flight: VecDeque<InFlight> },
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    correlation_id: i32,
    /// Its connection is closed from this ms on.
    times_out_at_ms: i64,
}

impl Connections {
    pub fn new(config: &ClientConfig, max_in_flight: usize) -> Connections {
        Connections {
            bootstrap: config.bootstrap.clone(),
            limits: ConnectionLimits {
                reconnect_backoff: ExponentialBackoff {
                    initial_ms: config.reconnect_backoff_ms,
                    max_ms: config.reconnect_backoff_max_ms,
                },
                setup_timeout: ExponentialBackoff {
                    initial_ms: config.connection_setup_timeout_ms,
                    max_ms: config.connection_setup_timeout_max_ms,
                },
            },
            max_in_flight,
            request_timeout_ms: config.request_timeout_ms,
            nodes: SortedMap::new(),
            connects: 0,
            requests: 0,
            completed: VecDeque::new(),
            disconnects: 0,
        }
    }

    /// Whether a request may be sent to the node now. Opens a connection if there is none, unless it is backing off.
    pub fn ready(
        &mut self,
        now_ms: i64,
        node: NodeId,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) -> Result<(), NotReady> {
        let max_in_flight = self.max_in_flight;
        match &self.state(node).link {
            NodeConnection::Ready { in_flight, .. } if in_flight.len() < max_in_flight => Ok(()),
            NodeConnection::Ready { .. }
            | NodeConnection::CheckingApiVersions { .. }
            | NodeConnection::Connecting { .. } => Err(NotReady::UntilEvent),
            NodeConnection::Disconnected { retry_at_ms } if now_ms < *retry_at_ms => Err(NotReady::Until(*retry_at_ms)),
            NodeConnection::Disconnected { .. } => {
                self.connect(now_ms, node, entropy, out);
                Err(NotReady::UntilEvent)
            }
        }
    }

    /// Kafka's `connectionFailed`: the last connection or attempt was closed.
    pub fn is_failed(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|state| matches!(state.link, NodeConnection::Disconnected { .. }))
    }

    /// Neither connected nor connecting.
    pub fn is_unconnected(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_none_or(|state| matches!(state.link, NodeConnection::Disconnected { .. }))
    }

    /// Whether any connection is being made.
    pub fn any_connecting(&self) -> bool {
        self.nodes.values().any(|state| matches!(state.link, NodeConnection::Connecting { .. }))
    }

    /// Sends a request and returns the correlation id; only after [`ready`](Self::ready) returned that it may.
    pub fn send(
        &mut self,
        now_ms: i64,
        node: NodeId,
        request: Request,
        timeout_ms: i64,
        answered: bool,
        out: &mut ClientOut,
    ) -> i32 {
        let correlation_id = self.next_correlation_id();
        let NodeConnection::Ready { connection, in_flight, .. } = &mut self.state(node).link else {
            panic!("request {correlation_id} for node {node}, which is not ready");
        };
        out.push(ClientEffect::Request { connection: *connection, correlation_id, request });
        if answered {
            in_flight.push_back(InFlight::new(correlation_id, now_ms, timeout_ms));
        } else {
            self.completed.push_back(Completed { correlation_id, answer: Answer::Sent });
        }
        correlation_id
    }

    fn next_correlation_id(&mut self) -> i32 {
        // Kafka wraps to 0 as well.
        self.requests = self.requests.checked_add(1).unwrap_or(0);
        self.requests
    }

    /// The connect with `token` succeeded. Tokens of earlier connects are ignored, here and below.
    pub fn on_opened(&mut self, now_ms: i64, token: ConnectToken, connection: Connection, out: &mut ClientOut) {
        let Some(node) = self.node_of(token) else { return };
        if !matches!(self.state(node).link, NodeConnection::Connecting { .. }) {
            return;
        }
        let correlation_id = self.next_correlation_id();
        let request = InFlight::new(correlation_id, now_ms, self.request_timeout_ms);
        let state = self.state(node);
        state.link = NodeConnection::CheckingApiVersions { token, connection, request };
        state.failures.on_checking();
        let (listener, meant_for) = (Listener::Brokers, MeantFor::ANY);
        let request = Request::DiscoverVersions(DiscoverVersions { listener, meant_for });
        out.push(ClientEffect::Request { connection, correlation_id, request });
    }

    /// A connection or an attempt was closed.
    pub fn on_closed(&mut self, now_ms: i64, token: ConnectToken, entropy: &mut dyn Entropy) {
        if let Some(node) = self.node_of(token) {
            self.disconnect(now_ms, node, entropy);
        }
    }

    /// Processes a response; one to no request in flight is ignored.
    pub fn on_response(&mut self, token: ConnectToken, correlation_id: i32, response: Response) {
        let Some(node) = self.node_of(token) else { return };
        let state = self.state(node);
        let in_flight = match &mut state.link {
            NodeConnection::CheckingApiVersions { token, connection, request } => {
                if request.correlation_id == correlation_id {
                    let (token, connection) = (*token, *connection);
                    state.link = NodeConnection::Ready { token, connection, in_flight: VecDeque::new() };
                    state.failures.on_ready();
                }
                return;
            }
            NodeConnection::Ready { in_flight, .. } => in_flight,
            NodeConnection::Disconnected { .. } | NodeConnection::Connecting { .. } => return,
        };
        if let Some(index) = in_flight.iter().position(|request| request.correlation_id == correlation_id) {
            in_flight.remove(index);
            self.completed.push_back(Completed { correlation_id, answer: Answer::Response(response) });
        }
    }

    /// Closes connections on which a request, or the connect, has timed out.
    pub fn expire(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        let late = |state: &NodeState| state.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms);
        if !self.nodes.values().any(late) {
            return;
        }
        let nodes: Vec<NodeId> = self.nodes.iter().filter(|(_, state)| late(state)).map(|(node, _)| *node).collect();
        for node in nodes {
            self.close(now_ms, node, entropy, out);
        }
    }

    /// Closes the connection to a node, if there is one.
    pub fn close(&mut self, now_ms: i64, node: NodeId, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        match self.state(node).link {
            NodeConnection::Disconnected { .. } => {}
            NodeConnection::Connecting { token, .. }
            | NodeConnection::CheckingApiVersions { token, .. }
            | NodeConnection::Ready { token, .. } => {
                out.push(ClientEffect::Close { token });
                self.disconnect(now_ms, node, entropy);
            }
        }
    }

    /// The next finished request, oldest first.
    pub fn take_completed(&mut self) -> Option<Completed> {
        self.completed.pop_front()
    }

    /// The number of connections and attempts lost since the last call.
    pub fn take_disconnects(&mut self) -> u32 {
        std::mem::take(&mut self.disconnects)
    }

    /// When [`expire`](Self::expire) must run next.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.nodes.values().filter_map(NodeState::deadline_ms).min()
    }

    /// Kafka's `leastLoadedNode`: starting from a random index, a ready node with nothing in flight; else the ready
    /// node with the fewest requests in flight, else the last one that is connecting or asked for its versions, else
    /// the node whose last connect is longest ago. Also returns whether any connection is ready.
    pub fn least_loaded_node(
        &self,
        now_ms: i64,
        nodes: &[NodeId],
        entropy: &mut dyn Entropy,
    ) -> (Option<NodeId>, bool) {
        let Ok(count @ 1..) = u32::try_from(nodes.len()) else { return (None, false) };
        let offset = entropy.below(count) as usize;
        let mut any_ready = false;
        let mut found_ready: Option<(usize, NodeId)> = None;
        let mut found_connecting = None;
        let mut found_can_connect: Option<(i64, NodeId)> = None;
        let mut can_connect = |last_ms, node| {
            if found_can_connect.is_none_or(|(least_ms, _)| last_ms < least_ms) {
                found_can_connect = Some((last_ms, node));
            }
        };
        for node in nodes[offset..].iter().chain(&nodes[..offset]).copied() {
            let Some(state) = self.nodes.get(&node) else {
                can_connect(i64::MIN, node);
                continue;
            };
            match &state.link {
                NodeConnection::Ready { in_flight, .. } => {
                    any_ready = true;
                    match in_flight.len() {
                        0 if self.max_in_flight > 0 => return (Some(node), true),
                        count if count >= self.max_in_flight => {}
                        count if found_ready.is_some_and(|(least, _)| least <= count) => {}
                        count => found_ready = Some((count, node)),
                    }
                }
                NodeConnection::Connecting { .. } | NodeConnection::CheckingApiVersions { .. } => {
                    found_connecting = Some(node);
                }
                NodeConnection::Disconnected { retry_at_ms } if *retry_at_ms <= now_ms => {
                    can_connect(state.last_connect_attempt_ms, node);
                }
                NodeConnection::Disconnected { .. } => {}
            }
        }
        let found = found_ready.map(|(_, node)| node).or(found_connecting);
        (found.or(found_can_connect.map(|(_, node)| node)), any_ready)
    }

    /// When the first of these nodes that are backing off may be tried again.
    pub fn next_retry_ms(&self, nodes: &[NodeId]) -> Option<i64> {
        let retry_at = |node| match self.nodes.get(node)?.link {
            NodeConnection::Disconnected { retry_at_ms } => Some(retry_at_ms),
            NodeConnection::Connecting { .. }
            | NodeConnection::CheckingApiVersions { .. }
            | NodeConnection::Ready { .. } => None,
        };
        nodes.iter().filter_map(retry_at).min()
    }

    /// All nodes that were ever connected to.
    pub fn shown(&self) -> Vec<ConnectionShown> {
        let shown = |(node, state): (&NodeId, &NodeState)| {
            let (token, connection, retry_at_ms) = match state.link {
                NodeConnection::Disconnected { retry_at_ms } => (None, None, Some(retry_at_ms)),
                NodeConnection::Connecting { token, .. } | NodeConnection::CheckingApiVersions { token, .. } => {
                    (Some(token), None, None)
                }
                NodeConnection::Ready { token, connection, .. } => (Some(token), Some(connection), None),
            };
            ConnectionShown { node: *node, token, connection, retry_at_ms }
        };
        self.nodes.iter().map(shown).collect()
    }

    fn state(&mut self, node: NodeId) -> &mut NodeState {
        self.nodes.get_or_insert_with(node, || NodeState {
            link: NodeConnection::Disconnected { retry_at_ms: i64::MIN },
            failures: ConnectionFailures::default(),
            last_connect_attempt_ms: i64::MIN,
        })
    }

    /// The node whose current connection or attempt has this token.
    fn node_of(&self, wanted: ConnectToken) -> Option<NodeId> {
        let found = self.nodes.iter().find(|(_, state)| match state.link {
            NodeConnection::Connecting { token, .. }
            | NodeConnection::CheckingApiVersions { token, .. }
            | NodeConnection::Ready { token, .. } => token == wanted,
            NodeConnection::Disconnected { .. } => false,
        });
        found.map(|(node, _)| *node)
    }

    fn connect(&mut self, now_ms: i64, node: NodeId, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        // This may wrap: a token must only differ from those that are still in use.
        self.connects = self.connects.wrapping_add(1);
        let token = ConnectToken(self.connects);
        // Bootstrap servers are nodes -1, -2, … with connections of their own, as in Kafka.
        let bootstrap = usize::try_from(-1 - i64::from(node.0)).ok();
        let to = bootstrap.and_then(|index| self.bootstrap.get(index)).copied().unwrap_or(node);
        let limits = self.limits;
        let state = self.state(node);
        let timeout_ms = state.failures.draw_setup_timeout_ms(limits, entropy);
        let give_up_at_ms = now_ms.saturating_add(timeout_ms).saturating_add(1);
        state.link = NodeConnection::Connecting { token, give_up_at_ms };
        state.last_connect_attempt_ms = now_ms;
        out.push(ClientEffect::Connect { token, to });
    }

    fn disconnect(&mut self, now_ms: i64, node: NodeId, entropy: &mut dyn Entropy) {
        let limits = self.limits;
        let state = self.state(node);
        let was_connected = !matches!(state.link, NodeConnection::Connecting { .. });
        let backoff_ms = state.failures.on_lost(was_connected, limits, entropy);
        state.last_connect_attempt_ms = now_ms;
        let disconnected = NodeConnection::Disconnected { retry_at_ms: now_ms.saturating_add(backoff_ms) };
        if let NodeConnection::Ready { in_flight, .. } = std::mem::replace(&mut state.link, disconnected) {
            let lost =
                |request: InFlight| Completed { correlation_id: request.correlation_id, answer: Answer::Disconnected };
            self.completed.extend(in_flight.into_iter().map(lost));
        }
        self.disconnects = self.disconnects.saturating_add(1);
    }
}

impl InFlight {
    /// Kafka checks whether *more* than the timeout has passed.
    fn new(correlation_id: i32, now_ms: i64, timeout_ms: i64) -> InFlight {
        InFlight { correlation_id, times_out_at_ms: now_ms.saturating_add(timeout_ms).saturating_add(1) }
    }
}

impl NodeState {
    fn deadline_ms(&self) -> Option<i64> {
        match &self.link {
            NodeConnection::Disconnected { .. } => None,
            NodeConnection::Connecting { give_up_at_ms, .. } => Some(*give_up_at_ms),
            NodeConnection::CheckingApiVersions { request, .. } => Some(request.times_out_at_ms),
            NodeConnection::Ready { in_flight, .. } => in_flight.iter().map(|request| request.times_out_at_ms).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Links = Vec<(NodeConnection, i64)>;

    struct Start(u32);

    impl Entropy for Start {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 % bound
        }
    }

    fn ready(requests: i32) -> NodeConnection {
        let in_flight =
            (0..requests).map(|correlation_id| InFlight { correlation_id, times_out_at_ms: 30_000 }).collect();
        NodeConnection::Ready { token: ConnectToken(1), connection: Connection(1), in_flight }
    }

    /// `NetworkClient.leastLoadedNode`
    #[test]
    fn the_least_loaded_node_is_idle_else_ready_else_connecting_else_longest_untried() {
        let connecting = || NodeConnection::Connecting { token: ConnectToken(2), give_up_at_ms: 10_000 };
        let untried_since = |ms| (NodeConnection::Disconnected { retry_at_ms: 500 }, ms);
        let backing_off = || NodeConnection::Disconnected { retry_at_ms: 1_001 };
        let table: [(&str, Links, u32, Option<i32>); 8] = [
            ("the first idle one from the start", vec![(ready(0), 0), (ready(1), 0), (ready(0), 0)], 1, Some(3)),
            ("the fewest requests", vec![(ready(3), 0), (ready(1), 0), (ready(2), 0)], 2, Some(2)),
            ("of equal ones the first from the start", vec![(ready(2), 0), (ready(1), 0), (ready(1), 0)], 2, Some(3)),
            ("none has room", vec![(ready(5), 0), (connecting(), 0)], 0, Some(2)),
            ("the last one that connects", vec![(connecting(), 0), (connecting(), 0), untried_since(1)], 0, Some(2)),
            ("the oldest attempt", vec![untried_since(7), untried_since(3), untried_since(3)], 0, Some(2)),
            ("one in backoff is none", vec![(backing_off(), 1), untried_since(9)], 0, Some(2)),
            ("nobody", vec![(backing_off(), 1), (ready(5), 0)], 0, None),
        ];
        for (why, links, start, expected) in table {
            let mut connections = Connections::new(&ClientConfig::new([].into(), [].into()), 5);
            let nodes: Vec<NodeId> = (1..).take(links.len()).map(NodeId).collect();
            let any_ready = links.iter().any(|(link, _)| matches!(link, NodeConnection::Ready { .. }));
            for (node, (link, last_connect_attempt_ms)) in nodes.iter().zip(links) {
                let state = connections.state(*node);
                (state.link, state.last_connect_attempt_ms) = (link, last_connect_attempt_ms);
            }
            let found = connections.least_loaded_node(1_000, &nodes, &mut Start(start));
            assert_eq!(found, (expected.map(NodeId), any_ready), "{why}");
        }
        let connections = Connections::new(&ClientConfig::new([].into(), [].into()), 5);
        let (found, _) = connections.least_loaded_node(0, &[NodeId(1), NodeId(2)], &mut Start(1));
        assert_eq!(found, Some(NodeId(2)), "never tried");
    }
}
