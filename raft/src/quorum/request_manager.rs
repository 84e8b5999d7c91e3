//! Kafka's `RequestManager`: at most one raft request in flight per destination, and a short
//! backoff after a failure (consensus.md §2.4).
//!
//! A state changes only when it is read: the response to a request that has timed out is still expected until the
//! destination is checked for readiness.

use std::rc::Rc;

use crate::config::Voter;
use crate::ids::NodeId;
use crate::io::Entropy;
use crate::message::{Fields, Value};

/// The servers of static voters, the replica itself included, in the order of Kafka's list: that of the `HashMap` of
/// `QuorumConfig.parseVoterConnections`, whose capacity comes from the number of voters. Ids of one bucket stay in the
/// order in which `controller.quorum.voters` names them.
pub fn bootstrap_servers(voters: &[Voter]) -> Rc<[NodeId]> {
    let smallest = voters.len().next_power_of_two();
    let buckets = if voters.len() * 4 > smallest * 3 { smallest * 2 } else { smallest };
    let bucket = |id: NodeId| ((id.0 ^ (id.0.cast_unsigned() >> 16).cast_signed()) as usize) & (buckets - 1);
    let mut ids: Vec<NodeId> = voters.iter().map(|voter| voter.id).collect();
    ids.sort_by_key(|id| bucket(*id));
    ids.into()
}

/// The id of a server of `controller.quorum.bootstrap.servers`, by its place there: it is another destination than the voter
/// that may be behind the same address (`QuorumConfig.quorumBootstrapServersToNodes`).
pub fn bootstrap_server_id(place: i32) -> NodeId {
    NodeId(-2 - place)
}

/// The connection states of the other nodes; one per replica.
#[derive(Clone, Debug)]
pub struct RequestManager {
    bootstrap: Rc<[NodeId]>,
    retry_backoff_ms: i64,
    request_timeout_ms: i64,
    /// Ascending by node id; a destination never used is absent, which means READY.
    connections: Vec<ConnectionState>,
}

#[derive(Clone, Copy, Debug)]
struct ConnectionState {
    to: NodeId,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    AwaitingResponse { correlation_id: i32, sent_ms: i64 },
    BackingOff { failed_ms: i64 },
}

impl RequestManager {
    /// All destinations READY. `bootstrap` are the servers that receive requests when no leader is known.
    pub fn new(bootstrap: Rc<[NodeId]>, retry_backoff_ms: i64, request_timeout_ms: i64) -> RequestManager {
        RequestManager { bootstrap, retry_backoff_ms, request_timeout_ms, connections: Vec::new() }
    }

    /// The destinations that were used and are not READY, for instruments.
    pub fn described(&self) -> Value {
        let of = |connection: &ConnectionState| {
            let to = ("to", connection.to.value());
            match connection.state {
                State::Ready => None,
                State::AwaitingResponse { correlation_id, sent_ms } => Some(Value::of([
                    to,
                    ("state", Value::text("AWAITING_RESPONSE")),
                    ("correlationId", correlation_id.value()),
                    ("sentMs", sent_ms.value()),
                ])),
                State::BackingOff { failed_ms } => {
                    Some(Value::of([to, ("state", Value::text("BACKING_OFF")), ("failedMs", failed_ms.value())]))
                }
            }
        };
        Value::List(self.connections.iter().filter_map(of).collect())
    }

    /// Whether a request may be sent. Removes a timed-out request or a completed backoff.
    pub fn is_ready(&mut self, to: NodeId, now_ms: i64) -> bool {
        match self.position(to) {
            Err(_) => true,
            Ok(index) => self.settle(index, now_ms) == State::Ready,
        }
    }

    /// Whether the last request failed less than `retry.backoff.ms` ago.
    pub fn is_backing_off(&self, to: NodeId, now_ms: i64) -> bool {
        self.remaining_backoff_ms(to, now_ms) > 0
    }

    /// Whether the request in flight is older than `request.timeout.ms`.
    pub fn has_request_timed_out(&self, to: NodeId, now_ms: i64) -> bool {
        matches!(self.state(to), State::AwaitingResponse { .. }) && self.remaining_request_time_ms(to, now_ms) == 0
    }

    /// Whether this is the response to the request in flight. Other responses are ignored.
    pub fn is_response_expected(&self, to: NodeId, correlation_id: i32) -> bool {
        matches!(self.state(to), State::AwaitingResponse { correlation_id: expected, .. } if expected == correlation_id)
    }

    /// Time until the backoff ends; 0 if there is none.
    pub fn remaining_backoff_ms(&self, to: NodeId, now_ms: i64) -> i64 {
        match self.state(to) {
            State::BackingOff { failed_ms } => remaining_ms(failed_ms, self.retry_backoff_ms, now_ms),
            State::Ready | State::AwaitingResponse { .. } => 0,
        }
    }

    /// Time until the request in flight times out; 0 if there is none, or if it has.
    pub fn remaining_request_time_ms(&self, to: NodeId, now_ms: i64) -> i64 {
        match self.state(to) {
            State::AwaitingResponse { sent_ms, .. } => remaining_ms(sent_ms, self.request_timeout_ms, now_ms),
            State::Ready | State::BackingOff { .. } => 0,
        }
    }

    /// A request was sent.
    pub fn on_request_sent(&mut self, to: NodeId, correlation_id: i32, now_ms: i64) {
        let state = State::AwaitingResponse { correlation_id, sent_ms: now_ms };
        match self.position(to) {
            Ok(index) => self.connections[index].state = state,
            Err(index) => self.connections.insert(index, ConnectionState { to, state }),
        }
    }

    /// A response was processed: `handled` makes the destination READY, otherwise its backoff starts. Ignored if the
    /// response was not expected.
    pub fn on_response_result(&mut self, to: NodeId, correlation_id: i32, handled: bool, now_ms: i64) {
        if !self.is_response_expected(to, correlation_id) {
            return;
        }
        if let Ok(index) = self.position(to) {
            self.connections[index].state =
                if handled { State::Ready } else { State::BackingOff { failed_ms: now_ms } };
        }
    }

    /// Drops the request in flight to one destination: its late response will be ignored.
    pub fn reset(&mut self, to: NodeId) {
        if let Ok(index) = self.position(to) {
            self.connections[index].state = State::Ready;
        }
    }

    /// Drops the requests that have been in flight for `after_ms` to other destinations than `leader`. Returns the time
    /// until that applies to another one; `i64::MAX` if none is in flight.
    pub fn give_up_others(&mut self, leader: NodeId, after_ms: i64, now_ms: i64) -> i64 {
        let mut next_ms = i64::MAX;
        for connection in self.connections.iter_mut().filter(|connection| connection.to != leader) {
            let State::AwaitingResponse { sent_ms, .. } = connection.state else { continue };
            match remaining_ms(sent_ms, after_ms, now_ms) {
                0 => connection.state = State::Ready,
                left_ms => next_ms = next_ms.min(left_ms),
            }
        }
        next_ms
    }

    /// Drops the requests in flight to all destinations; called at every transition that resets connections.
    pub fn reset_all(&mut self) {
        self.connections.clear();
    }

    /// Whether any request is in flight that has not timed out. Removes timed-out requests and completed backoffs up to
    /// the first such request, as Kafka does.
    pub fn has_any_inflight_request(&mut self, now_ms: i64) -> bool {
        (0..self.connections.len()).any(|index| matches!(self.settle(index, now_ms), State::AwaitingResponse { .. }))
    }

    /// A READY bootstrap server, from a random start index; none while a request is in flight to **any** node: two
    /// concurrent Fetches could append the same offset twice.
    pub fn find_ready_bootstrap_server(&mut self, now_ms: i64, entropy: &mut dyn Entropy) -> Option<NodeId> {
        if self.bootstrap.is_empty() || self.has_any_inflight_request(now_ms) {
            return None;
        }
        let servers = Rc::clone(&self.bootstrap);
        let start = entropy.below(servers.len() as u32) as usize;
        let (before, from_start) = servers.split_at(start);
        from_start.iter().chain(before).copied().find(|server| self.is_ready(*server, now_ms))
    }

    /// Time until a bootstrap server may receive a request: until the request in flight times out, or the shortest
    /// backoff ends; 0 if one is READY now.
    pub fn backoff_before_available_bootstrap_server(&mut self, now_ms: i64) -> i64 {
        let mut backoff_ms = self.retry_backoff_ms;
        for index in 0..self.connections.len() {
            match self.settle(index, now_ms) {
                State::Ready => {}
                State::AwaitingResponse { sent_ms, .. } => {
                    return remaining_ms(sent_ms, self.request_timeout_ms, now_ms);
                }
                State::BackingOff { failed_ms } => {
                    backoff_ms = backoff_ms.min(remaining_ms(failed_ms, self.retry_backoff_ms, now_ms));
                }
            }
        }
        let servers = Rc::clone(&self.bootstrap);
        if servers.iter().any(|server| self.is_ready(*server, now_ms)) { 0 } else { backoff_ms }
    }

    fn position(&self, to: NodeId) -> Result<usize, usize> {
        self.connections.binary_search_by_key(&to, |connection| connection.to)
    }

    fn state(&self, to: NodeId) -> State {
        self.position(to).map_or(State::Ready, |index| self.connections[index].state)
    }

    /// The current state; expired requests and backoffs are removed.
    fn settle(&mut self, index: usize, now_ms: i64) -> State {
        let over = match self.connections[index].state {
            State::Ready => true,
            State::AwaitingResponse { sent_ms, .. } => remaining_ms(sent_ms, self.request_timeout_ms, now_ms) == 0,
            State::BackingOff { failed_ms } => remaining_ms(failed_ms, self.retry_backoff_ms, now_ms) == 0,
        };
        if over {
            self.connections[index].state = State::Ready;
        }
        self.connections[index].state
    }
}

fn remaining_ms(since_ms: i64, limit_ms: i64, now_ms: i64) -> i64 {
    since_ms.saturating_add(limit_ms).saturating_sub(now_ms).max(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::message::Endpoint;

    const BACKOFF_MS: i64 = 20;
    const TIMEOUT_MS: i64 = 200;
    const NODES: i32 = 4;

    /// Always draws the same number, reduced to the bound.
    struct Constant(u32);
    impl Entropy for Constant {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 % bound
        }
    }

    fn manager() -> RequestManager {
        RequestManager::new((0..NODES - 1).map(NodeId).collect(), BACKOFF_MS, TIMEOUT_MS)
    }

    #[test]
    fn what_others_than_the_leader_do_not_answer_is_given_up() {
        let mut manager = manager();
        let (leader, other) = (NodeId(0), NodeId(1));
        manager.on_request_sent(leader, 1, 0);
        manager.on_request_sent(other, 2, 10);
        assert_eq!(manager.give_up_others(leader, 100, 50), 60);
        assert!(manager.is_response_expected(other, 2));
        assert_eq!(manager.give_up_others(leader, 100, 110), i64::MAX);
        assert!(!manager.is_response_expected(other, 2) && manager.is_response_expected(leader, 1));
    }

    /// The rules of §2.4, independently: what is in flight or has failed, and since when.
    #[derive(Default)]
    struct Model(BTreeMap<i32, (Option<i32>, i64)>);

    impl Model {
        fn over(&self, node: i32, now_ms: i64) -> bool {
            match self.0.get(&node) {
                None => true,
                Some((Some(_), sent_ms)) => now_ms >= sent_ms + TIMEOUT_MS,
                Some((None, failed_ms)) => now_ms >= failed_ms + BACKOFF_MS,
            }
        }
        fn in_flight(&self, node: i32) -> Option<i32> {
            self.0.get(&node).and_then(|(correlation_id, _)| *correlation_id)
        }
        fn ready(&mut self, node: i32, now_ms: i64) -> bool {
            let over = self.over(node, now_ms);
            if over {
                self.0.remove(&node);
            }
            over
        }
        fn any_in_flight(&mut self, now_ms: i64) -> bool {
            for node in 0..NODES {
                if !self.ready(node, now_ms) && self.in_flight(node).is_some() {
                    return true;
                }
            }
            false
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Send(i32),
        Answer { to: i32, late: bool, handled: bool },
        Reset(i32),
        ResetAll,
        Wait(i64),
        FindBootstrap(u32),
        Backoff,
        AnyInFlight,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0..NODES).prop_map(Op::Send),
            4 => (0..NODES, any::<bool>(), any::<bool>())
                .prop_map(|(to, late, handled)| Op::Answer { to, late, handled }),
            1 => (0..NODES).prop_map(Op::Reset),
            1 => Just(Op::ResetAll),
            4 => prop_oneof![0..=BACKOFF_MS, 0..=TIMEOUT_MS, -TIMEOUT_MS..0].prop_map(Op::Wait),
            2 => (0..16u32).prop_map(Op::FindBootstrap),
            1 => Just(Op::Backoff),
            1 => Just(Op::AnyInFlight),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_the_rules(ops in prop::collection::vec(op(), 1..60)) {
            let (mut manager, mut model, mut now_ms, mut ids) = (manager(), Model::default(), 1_000, 0);
            for op in ops {
                match op {
                    Op::Send(to) => {
                        let ready = model.ready(to, now_ms);
                        prop_assert_eq!(manager.is_ready(NodeId(to), now_ms), ready);
                        if ready {
                            ids += 1;
                            manager.on_request_sent(NodeId(to), ids, now_ms);
                            model.0.insert(to, (Some(ids), now_ms));
                        }
                    }
                    Op::Answer { to, late, handled } => {
                        let expected = model.in_flight(to);
                        let id = if late { ids + 1 } else { expected.unwrap_or(ids) };
                        prop_assert_eq!(manager.is_response_expected(NodeId(to), id), expected == Some(id));
                        manager.on_response_result(NodeId(to), id, handled, now_ms);
                        if expected == Some(id) {
                            model.0.remove(&to);
                            if !handled {
                                model.0.insert(to, (None, now_ms));
                            }
                        }
                    }
                    Op::Reset(to) => {
                        manager.reset(NodeId(to));
                        model.0.remove(&to);
                    }
                    Op::ResetAll => {
                        manager.reset_all();
                        model.0.clear();
                    }
                    Op::Wait(ms) => now_ms += ms,
                    Op::FindBootstrap(draw) => {
                        let found = manager.find_ready_bootstrap_server(now_ms, &mut Constant(draw));
                        let servers = NODES - 1;
                        let start = (draw % servers as u32) as i32;
                        let expected = if model.any_in_flight(now_ms) {
                            None
                        } else {
                            (0..servers).map(|i| (start + i) % servers).find(|node| model.ready(*node, now_ms))
                        };
                        prop_assert_eq!(found, expected.map(NodeId));
                    }
                    Op::Backoff => {
                        let expected = if model.any_in_flight(now_ms) {
                            let awaited = model.0.values().find(|(correlation_id, _)| correlation_id.is_some());
                            awaited.map_or(0, |(_, sent_ms)| sent_ms + TIMEOUT_MS - now_ms)
                        } else if (0..NODES - 1).any(|node| model.ready(node, now_ms)) {
                            0
                        } else {
                            let waits = model.0.values().map(|(_, failed_ms)| failed_ms + BACKOFF_MS - now_ms);
                            waits.fold(BACKOFF_MS, i64::min)
                        };
                        prop_assert_eq!(manager.backoff_before_available_bootstrap_server(now_ms), expected);
                    }
                    Op::AnyInFlight => {
                        prop_assert_eq!(manager.has_any_inflight_request(now_ms), model.any_in_flight(now_ms));
                    }
                }
                for node in 0..NODES {
                    let (to, in_flight, over) = (NodeId(node), model.in_flight(node), model.over(node, now_ms));
                    prop_assert_eq!(manager.has_request_timed_out(to, now_ms), in_flight.is_some() && over);
                    prop_assert_eq!(manager.is_backing_off(to, now_ms), in_flight.is_none() && !over);
                    prop_assert_eq!(manager.remaining_request_time_ms(to, now_ms) > 0, in_flight.is_some() && !over);
                }
            }
        }
    }

    #[test]
    fn the_bootstrap_servers_are_in_the_order_of_the_hash_map_of_the_voters() {
        let order = |written: &[i32]| -> Vec<i32> {
            let endpoint = Endpoint { name: "CONTROLLER".into(), host: "host".into(), port: 9093 };
            let voter = |id: &i32| Voter { id: NodeId(*id), endpoint: endpoint.clone() };
            let voters: Vec<Voter> = written.iter().map(voter).collect();
            bootstrap_servers(&voters).iter().map(|id| id.0).collect()
        };
        assert_eq!(order(&[3, 2, 1]), [1, 2, 3]);
        // 1 and 5 share one of 4 buckets, and are in it in the order in which they were put there.
        assert_eq!(order(&[1, 3, 5]), [1, 5, 3]);
        assert_eq!(order(&[5, 1, 3]), [5, 1, 3]);
        assert_eq!(order(&[1, 2, 3, 4, 5, 6, 17]), [1, 17, 2, 3, 4, 5, 6], "16 buckets");
        assert_eq!(order(&[1 << 16, 1]), [1 << 16, 1], "both are 1 when the upper half is folded in");
    }

    #[test]
    fn a_timed_out_requests_answer_is_welcome_until_the_destination_is_used_again() {
        let mut manager = manager();
        manager.on_request_sent(NodeId(1), 7, 0);
        assert!(manager.has_request_timed_out(NodeId(1), TIMEOUT_MS));
        assert!(manager.is_response_expected(NodeId(1), 7));
        assert!(manager.is_ready(NodeId(1), TIMEOUT_MS));
        assert!(!manager.is_response_expected(NodeId(1), 7));
    }

    #[test]
    fn the_boundaries_are_inclusive() {
        let mut manager = manager();
        manager.on_request_sent(NodeId(2), 1, 100);
        assert!(!manager.is_ready(NodeId(2), 100 + TIMEOUT_MS - 1) && manager.has_any_inflight_request(101));
        manager.on_response_result(NodeId(2), 1, false, 150);
        assert_eq!(manager.remaining_backoff_ms(NodeId(2), 150), BACKOFF_MS);
        assert!(!manager.is_ready(NodeId(2), 150 + BACKOFF_MS - 1));
        assert!(manager.is_ready(NodeId(2), 150 + BACKOFF_MS));
    }
}
