//! Followers' fetch loops: one fetcher for each leader broker (`num.replica.fetchers` is 1), with one request in flight
//! (controller-broker.md §6.5).
//!
//! * this file: which partitions are fetched from which leader, and when
//! * `partition_state`: the fetch state of a partition
//! * `apply`: how a response changes the log

mod apply;
mod partition_state;

use std::rc::Rc;

use partition_state::{FetchState, OutOfRange, initial_state};
use smallvec::SmallVec;

use super::config::BrokerConfig;
use super::link::{BrokerLink, LinkLimits, wall_deadline_ns};
use super::replica_manager::{FetcherChanges, FetcherStart, ReplicaManager};
use super::view::ClusterView;
use crate::ids::{LeaderEpoch, NodeId, Offset, TopicIdPartition};
use crate::io::{ConnectToken, Connection, Listener};
use crate::message::data::{DataFetchRequest, FetchPartition, ListOffsetsPartition, ListOffsetsRequest};
use crate::message::{DataRequest, DataResponse, Fields, MeantFor, Request, Response, Value};
use crate::slices::Slices;
use crate::sorted_map::SortedMap;
use crate::step::Step;

/// Link slots from here upward belong to fetchers; those below to the other links of the thread.
pub const FIRST_FETCHER_SLOT: u32 = 16;

/// `BrokerBlockingSender` reconnects at once, and sends without ApiVersions; partitions back off instead.
const RECONNECT_BACKOFF_MS: i64 = 0;
/// `socket.connection.setup.timeout.ms`
const CONNECTION_SETUP_TIMEOUT_MS: i64 = 10_000;

/// All fetchers of a broker.
#[derive(Clone, Debug)]
pub struct FetcherManager {
    config: Rc<BrokerConfig>,
    fetchers: Vec<Fetcher>,
}

/// The fetcher of one leader broker; kept when idle, with its connection closed.
#[derive(Clone, Debug)]
struct Fetcher {
    leader: NodeId,
    link: BrokerLink,
    partitions: SortedMap<TopicIdPartition, FetchState>,
    questions: Slices<FetchPartition>,
    /// The highest turn that was assigned.
    turns: u64,
    in_flight: Option<InFlight>,
}

/// The requested offset and epoch, to detect a stale response.
#[derive(Clone, Debug)]
enum InFlight {
    Fetch(Rc<[FetchPartition]>),
    ListOffsets(OutOfRange, Vec<(TopicIdPartition, LeaderEpoch)>),
}

impl FetcherManager {
    pub fn new(config: Rc<BrokerConfig>) -> FetcherManager {
        FetcherManager { config, fetchers: Vec::new() }
    }

    /// The fetcher of each leader, for instruments.
    pub fn described(&self) -> Value {
        let fetcher = |of: &Fetcher| {
            Value::of([
                ("leaderId", of.leader.value()),
                ("partitions", Value::count(of.partitions.values().count())),
                ("requestInFlight", of.in_flight.is_some().value()),
            ])
        };
        Value::List(self.fetchers.iter().map(fetcher).collect())
    }

    /// Applies metadata changes; stops fetching before it starts.
    pub fn apply(&mut self, changes: &FetcherChanges, replicas: &mut ReplicaManager, step: &mut Step<'_>) {
        for id in &changes.stop {
            for fetcher in &mut self.fetchers {
                fetcher.partitions.remove(id);
            }
        }
        for start in &changes.start {
            self.start(*start, replicas, step);
        }
        // `shutdownIdleFetcherThreads`
        for fetcher in self.fetchers.iter_mut().filter(|fetcher| fetcher.partitions.is_empty()) {
            fetcher.link.close(step);
            fetcher.in_flight = None;
        }
        self.send_due(replicas, step);
    }

    /// Fetches from the log end, regardless of the high watermark, if epochs are known (KIP-101).
    fn start(&mut self, start: FetcherStart, replicas: &mut ReplicaManager, step: &mut Step<'_>) {
        let FetcherStart { partition, leader, leader_epoch } = start;
        let Some(state) = initial_state(partition, leader_epoch, replicas, step) else { return };
        let index = self.fetchers.iter().position(|fetcher| fetcher.leader == leader).unwrap_or_else(|| {
            let slot = FIRST_FETCHER_SLOT + self.fetchers.len() as u32;
            let limits = LinkLimits {
                request_timeout_ms: self.config.request_timeout_ms,
                connection_setup_timeout_ms: CONNECTION_SETUP_TIMEOUT_MS,
                reconnect_backoff_ms: RECONNECT_BACKOFF_MS,
            };
            let link = BrokerLink::new(slot, Listener::Brokers, limits, false);
            self.fetchers.push(Fetcher {
                leader,
                link,
                partitions: SortedMap::new(),
                questions: Slices::default(),
                turns: 0,
                in_flight: None,
            });
            self.fetchers.len() - 1
        });
        let fetcher = &mut self.fetchers[index];
        let turn = fetcher.last_turn();
        fetcher.partitions.insert(partition, state.at(turn));
    }

    /// A fetcher's connect succeeded.
    pub fn on_opened(
        &mut self,
        token: ConnectToken,
        connection: Connection,
        replicas: &ReplicaManager,
        step: &mut Step<'_>,
    ) {
        if let Some(fetcher) = self.by_token(token)
            && fetcher.link.on_opened(token, connection, step)
        {
            self.send_due(replicas, step);
        }
    }

    /// A fetcher's connection was closed: all its partitions back off.
    pub fn on_closed(&mut self, token: ConnectToken, replicas: &ReplicaManager, step: &mut Step<'_>) {
        let backoff_ms = self.config.replica_fetch_backoff_ms;
        if let Some(fetcher) = self.by_token(token)
            && fetcher.link.on_closed(token, step)
        {
            fetcher.fail(backoff_ms, step);
            self.send_due(replicas, step);
        }
    }

    /// Processes a response; the next request is sent at once.
    pub fn on_response(
        &mut self,
        token: ConnectToken,
        correlation_id: i32,
        response: &Response,
        replicas: &mut ReplicaManager,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let backoff_ms = self.config.replica_fetch_backoff_ms;
        let Some(fetcher) = self.by_token(token) else { return };
        if !fetcher.link.on_response(token, correlation_id) {
            return;
        }
        match (fetcher.in_flight.take(), response) {
            (Some(InFlight::Fetch(requested)), Response::Data(DataResponse::Fetch(answer))) => {
                fetcher.on_fetch(&requested, answer, backoff_ms, replicas, view, step);
            }
            (Some(InFlight::ListOffsets(stage, requested)), Response::Data(DataResponse::ListOffsets(answer))) => {
                fetcher.on_list_offsets(stage, &requested, answer, backoff_ms, replicas, step);
            }
            // Not the kind of response that was requested: treated as no response.
            _ => fetcher.delay_all(backoff_ms, step),
        }
        self.send_due(replicas, step);
    }

    /// Closes connections that have timed out, and fetches partitions whose backoff is over.
    pub fn on_timer(&mut self, replicas: &ReplicaManager, step: &mut Step<'_>) {
        let backoff_ms = self.config.replica_fetch_backoff_ms;
        for fetcher in &mut self.fetchers {
            if fetcher.link.poll(step) {
                fetcher.fail(backoff_ms, step);
            }
        }
        self.send_due(replicas, step);
    }

    /// When [`FetcherManager::on_timer`] must run next, by the monotonic clock.
    pub fn next_deadline_ns(&self, step: &Step<'_>) -> Option<u64> {
        let of_links = self.fetchers.iter().filter_map(|it| Some(wall_deadline_ns(it.link.deadline_ms()?, step))).min();
        let idle = self.fetchers.iter().filter(|fetcher| fetcher.in_flight.is_none());
        let delays = idle.flat_map(|fetcher| fetcher.partitions.values().filter_map(FetchState::delayed_until_ns));
        of_links.into_iter().chain(delays.filter(|at| *at > step.now.mono_ns)).min()
    }

    pub fn shut_down(&mut self, step: &mut Step<'_>) {
        self.fetchers.drain(..).for_each(|mut fetcher| fetcher.link.close(step));
    }

    /// Whether this partition is fetched. A failed partition is not fetched until its next leader epoch.
    pub fn is_fetching(&self, id: TopicIdPartition) -> bool {
        self.fetchers.iter().any(|fetcher| fetcher.partitions.contains_key(&id))
    }

    fn by_token(&mut self, token: ConnectToken) -> Option<&mut Fetcher> {
        let index = BrokerLink::slot_of(token).checked_sub(FIRST_FETCHER_SLOT)?;
        self.fetchers.get_mut(index as usize)
    }

    fn send_due(&mut self, replicas: &ReplicaManager, step: &mut Step<'_>) {
        for fetcher in &mut self.fetchers {
            fetcher.send_due(&self.config, replicas, step);
        }
    }
}

impl Fetcher {
    fn send_due(&mut self, config: &BrokerConfig, replicas: &ReplicaManager, step: &mut Step<'_>) {
        let now_ns = step.now.mono_ns;
        if self.in_flight.is_some() || !self.partitions.values().any(|state| state.is_ready(now_ns)) {
            return;
        }
        if !self.link.reach(self.leader, step) {
            return;
        }
        let (in_flight, request) = self.list_offsets(config, now_ns).unwrap_or_else(|| {
            let request = self.fetch(config, replicas, now_ns);
            (InFlight::Fetch(Rc::clone(&request.partitions)), DataRequest::Fetch(request))
        });
        if self.link.send(Request::Data(request), step).is_ok() {
            self.in_flight = Some(in_flight);
        }
    }

    /// The last position of the order. A response is filled in the order of its request, so a partition that received
    /// data, was just added, or failed moves to the end (`PartitionStates.updateAndMoveToEnd`).
    fn last_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    /// The partitions that may be fetched now, in the order of a request.
    fn ready(&self, now_ns: u64) -> SmallVec<[(&TopicIdPartition, &FetchState); 16]> {
        let mut ready: SmallVec<[_; 16]> = self.partitions.iter().filter(|(_, state)| state.is_ready(now_ns)).collect();
        ready.sort_by_key(|(_, state)| state.turn);
        ready
    }

    fn fetch(&mut self, config: &BrokerConfig, replicas: &ReplicaManager, now_ns: u64) -> DataFetchRequest {
        let mut questions = std::mem::take(&mut self.questions);
        let ready = self.ready(now_ns);
        let log_start = |id| replicas.partition(id).map_or(Offset(0), |partition| partition.log().start_offset());
        let partitions = ready.iter().map(|(id, state)| FetchPartition {
            partition: **id,
            current_leader_epoch: state.leader_epoch,
            fetch_offset: state.fetch_offset,
            last_fetched_epoch: state.last_fetched_epoch.unwrap_or(LeaderEpoch(-1)),
            log_start_offset: log_start(**id),
            partition_max_bytes: config.replica_fetch_max_bytes,
        });
        let request = DataFetchRequest {
            replica_id: config.node_id,
            replica_epoch: replicas.broker_epoch(),
            max_wait_ms: config.replica_fetch_wait_max_ms,
            min_bytes: config.replica_fetch_min_bytes,
            max_bytes: config.replica_fetch_response_max_bytes,
            meant_for: MeantFor::node(self.leader),
            partitions: questions.share(partitions),
        };
        drop(ready);
        self.questions = questions;
        request
    }

    /// Partitions that were out of range request the leader's offsets first.
    fn list_offsets(&self, config: &BrokerConfig, now_ns: u64) -> Option<(InFlight, DataRequest)> {
        if self.partitions.values().all(|state| state.out_of_range.is_none()) {
            return None;
        }
        let lost = self.partitions.iter().filter(|(_, state)| state.is_ready(now_ns));
        let lost: Vec<_> =
            lost.filter_map(|(id, state)| Some((*id, state.leader_epoch, state.out_of_range?))).collect();
        let stage = lost.first()?.2;
        let requested: Vec<_> =
            lost.iter().filter(|(_, _, its)| *its == stage).map(|(id, epoch, _)| (*id, *epoch)).collect();
        let partitions = requested.iter().map(|(id, epoch)| ListOffsetsPartition {
            partition: *id,
            current_leader_epoch: *epoch,
            timestamp: stage.timestamp(),
        });
        let (meant_for, partitions) = (MeantFor::node(self.leader), partitions.collect());
        let request = ListOffsetsRequest { replica_id: config.node_id, meant_for, partitions };
        Some((InFlight::ListOffsets(stage, requested), DataRequest::ListOffsets(request)))
    }

    /// The connection is lost.
    fn fail(&mut self, backoff_ms: i64, step: &Step<'_>) {
        self.in_flight = None;
        self.delay_all(backoff_ms, step);
    }

    fn delay_all(&mut self, backoff_ms: i64, step: &Step<'_>) {
        self.partitions.values_mut().for_each(|state| state.delay(backoff_ms, step));
    }
}

#[cfg(test)]
mod tests {
    use super::apply::NextStep;
    use super::*;
    use crate::ids::Uuid;
    use crate::io::{Entropy, Now, Out};

    struct Zero;
    impl Entropy for Zero {
        fn below(&mut self, _: u32) -> u32 {
            0
        }
    }

    /// With responses of one batch each, three busy partitions take turns.
    #[test]
    fn a_partition_with_records_or_an_error_is_fetched_last_next_time() {
        let id = |partition| TopicIdPartition { topic_id: Uuid([7; 16]), partition };
        let state = |turn| FetchState::new(Offset(0), LeaderEpoch(0), None).at(turn);
        let limits = LinkLimits { request_timeout_ms: 1, connection_setup_timeout_ms: 1, reconnect_backoff_ms: 0 };
        let link = BrokerLink::new(FIRST_FETCHER_SLOT, Listener::Brokers, limits, false);
        let partitions = (0..3).map(|partition| (id(partition), state(partition as u64))).collect();
        let questions = Slices::default();
        let mut fetcher = Fetcher { leader: NodeId(1), link, partitions, questions, turns: 3, in_flight: None };
        let order =
            |fetcher: &Fetcher, now_ns| fetcher.ready(now_ns).iter().map(|(id, _)| id.partition).collect::<Vec<i32>>();
        let (mut out, now) = (Out::default(), Now { mono_ns: 0, wall_ms: 0 });
        let step = Step { now, entropy: &mut Zero, out: &mut out };
        fetcher.conclude(id(0), NextStep::Moved(state(0)), 1, &step);
        assert_eq!(order(&fetcher, 0), [1, 2, 0]);
        fetcher.conclude(id(2), NextStep::Continue(state(0)), 1, &step);
        assert_eq!(order(&fetcher, 0), [1, 2, 0], "it got nothing, and waits where it was");
        fetcher.conclude(id(1), NextStep::BackOff, 1, &step);
        assert_eq!((order(&fetcher, 0), order(&fetcher, 1_000_000)), (vec![2, 0], vec![2, 0, 1]));
    }
}
