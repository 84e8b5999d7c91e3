//! The broker's request thread: requests of clients and followers, the fetchers, and the channels to the controller
//! that serve them, with one timer and one space of connect tokens.

use std::rc::Rc;

use super::config::BrokerConfig;
use super::controller_channel::{ChannelOutcome, ControllerChannel, Ticket};
use super::fetcher::{FIRST_FETCHER_SLOT, FetcherManager};
use super::forwarding::{FORWARDING_TIMEOUT_MS, ForwardingManager};
use super::link::BrokerLink;
use super::log::LogManager;
use super::metadata_cache;
use super::producer_ids::ProducerIdManager;
use super::replica_manager::ReplicaManager;
use super::view::{ClusterView, TopicsDelta};
use crate::fixes::Fix;
use crate::ids::{NodeId, TopicIdPartition};
use crate::io::{Connection, Effect, Input, Listener};
use crate::message::{AdminRequest, ClusterRequest, ClusterResponse, DataRequest, DataResponse, Request, Response};
use crate::step::Step;

const ALTER_PARTITION_SLOT: u32 = 1;
const FORWARDING_SLOT: u32 = 2;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct DataPlane {
    node_id: NodeId,
    replicas: ReplicaManager,
    fetchers: FetcherManager,
    alter_partition: ControllerChannel,
    forwarding_channel: ControllerChannel,
    forwarding: ForwardingManager,
    producer_ids: ProducerIdManager,
    allocation: Option<Ticket>,
    /// All connections are closed.
    stopped: bool,
    /// [`Fix::RefuseMisroutedConnections`]
    refuses_misrouted: bool,
}

impl DataPlane {
    /// Processes no requests yet. The AlterPartition channel never times out; the forwarding channel does after 60 s.
    pub fn new(config: Rc<BrokerConfig>, logs: LogManager) -> DataPlane {
        let (socket_timeout_ms, bugs) = (config.controller_socket_timeout_ms, config.bugs);
        DataPlane {
            node_id: config.node_id,
            replicas: ReplicaManager::new(Rc::clone(&config), logs),
            refuses_misrouted: config.fixes.has(Fix::RefuseMisroutedConnections),
            fetchers: FetcherManager::new(config),
            alter_partition: ControllerChannel::new(ALTER_PARTITION_SLOT, socket_timeout_ms, i64::MAX),
            forwarding_channel: ControllerChannel::new(FORWARDING_SLOT, socket_timeout_ms, FORWARDING_TIMEOUT_MS),
            forwarding: ForwardingManager::new(bugs),
            producer_ids: ProducerIdManager::default(),
            allocation: None,
            stopped: false,
        }
    }

    pub fn fetchers(&self) -> &FetcherManager {
        &self.fetchers
    }

    pub fn replicas(&self) -> &ReplicaManager {
        &self.replicas
    }

    /// For the work of other threads: checkpoints, flushes, the broker epoch, shutdown.
    pub fn replicas_mut(&mut self) -> &mut ReplicaManager {
        &mut self.replicas
    }

    /// Whether this partition is fetched from its leader.
    pub fn is_fetching(&self, id: TopicIdPartition) -> bool {
        self.fetchers.is_fetching(id)
    }

    /// Applies a published image; the first one follows [`ReplicaManager::start_up`].
    pub fn publish(&mut self, delta: &TopicsDelta, view: &dyn ClusterView, step: &mut Step<'_>) {
        let changes = self.replicas.apply_delta(delta, view, step);
        self.fetchers.apply(&changes, &mut self.replicas, step);
    }

    /// Start-up is complete: until now the kernel has refused connections.
    pub fn enable_request_processing(&self, step: &mut Step<'_>) {
        step.out.push(Effect::Listen { listener: Listener::Brokers });
    }

    /// Processes one input of the thread and sets the timer. `leader` is the controller that the local raft client
    /// knows.
    pub fn step(&mut self, input: Input, leader: Option<NodeId>, view: &dyn ClusterView, step: &mut Step<'_>) {
        if self.stopped {
            if let Input::Request { connection, .. } = input {
                step.out.push(Effect::HangUp { connection });
            }
            return;
        }
        match input {
            Input::Request { connection, correlation_id, request } => {
                self.request(connection, correlation_id, request, view, step);
            }
            Input::Opened { token, connection } => match self.channel(BrokerLink::slot_of(token)) {
                Some(channel) => channel.on_opened(token, connection, step),
                None => self.fetchers.on_opened(token, connection, &self.replicas, step),
            },
            Input::Closed { token, .. } => match self.channel(BrokerLink::slot_of(token)) {
                Some(channel) => channel.on_closed(token, step),
                None => self.fetchers.on_closed(token, &self.replicas, step),
            },
            Input::Response { token, correlation_id, response } => {
                let slot = BrokerLink::slot_of(token);
                match self.channel(slot) {
                    Some(channel) => {
                        let outcome = channel.on_response(token, correlation_id, response, step);
                        self.on_outcome(slot, outcome, view, step);
                    }
                    None => {
                        self.fetchers.on_response(token, correlation_id, &response, &mut self.replicas, view, step);
                    }
                }
            }
            Input::Timer => {
                self.replicas.on_timer(view, step);
                self.fetchers.on_timer(&self.replicas, step);
            }
            Input::DiskError(_) | Input::Post(_) | Input::Terminate | Input::Exception | Input::Continue => {}
        }
        self.poll(leader, view, step);
    }

    fn request(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: Request,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        if self.refuses_misrouted && !request.meant_for().admits(self.node_id) {
            return step.out.push(Effect::HangUp { connection });
        }
        let response = match request {
            Request::Data(DataRequest::Produce(request)) => {
                return self.replicas.produce(connection, correlation_id, &request, view, step);
            }
            Request::Data(DataRequest::Fetch(request)) => {
                return self.replicas.fetch(connection, correlation_id, request, view, step);
            }
            Request::Data(DataRequest::ListOffsets(request)) => {
                return self.replicas.list_offsets(connection, correlation_id, &request, view, step);
            }
            Request::Data(DataRequest::OffsetForLeaderEpoch(request)) => {
                return self.replicas.offset_for_leader_epoch(connection, correlation_id, &request, view, step);
            }
            Request::Data(DataRequest::Metadata(request)) => {
                DataResponse::Metadata(metadata_cache::metadata(&request, view, step.entropy))
            }
            Request::Data(DataRequest::InitProducerId(_)) => {
                DataResponse::InitProducerId(self.producer_ids.init_producer_id())
            }
            Request::Admin(request) => return self.forward(connection, correlation_id, request, step),
            Request::DiscoverVersions(_) => {
                let response = Response::DiscoverVersions;
                step.out.push(Effect::SendResponse { connection, correlation_id, response });
                return;
            }
            other => panic!("{} is not for a broker's request thread", other.name()),
        };
        step.out.push(Effect::SendResponse { connection, correlation_id, response: Response::Data(response) });
    }

    fn forward(&mut self, connection: Connection, correlation_id: i32, request: AdminRequest, step: &mut Step<'_>) {
        let ticket = self.forwarding_channel.send(ForwardingManager::envelope(&request), step);
        self.forwarding.sent(ticket, connection, correlation_id, request);
    }

    fn channel(&mut self, slot: u32) -> Option<&mut ControllerChannel> {
        match slot {
            ALTER_PARTITION_SLOT => Some(&mut self.alter_partition),
            FORWARDING_SLOT => Some(&mut self.forwarding_channel),
            _ => None,
        }
    }

    fn on_outcome(&mut self, slot: u32, outcome: Option<ChannelOutcome>, view: &dyn ClusterView, step: &mut Step<'_>) {
        let Some(ChannelOutcome { ticket, response }) = outcome else { return };
        if slot == ALTER_PARTITION_SLOT {
            if let Some(Response::Cluster(ClusterResponse::AlterPartition(response))) = response {
                self.replicas.on_alter_partition(&response, view, step);
            }
        } else if self.allocation == Some(ticket) {
            self.allocation = None;
            let answer = match &response {
                Some(Response::Cluster(ClusterResponse::AllocateProducerIds(answer))) => Some(answer),
                _ => None,
            };
            self.producer_ids.on_response(answer, step.now.mono_ns);
        } else {
            self.forwarding.on_outcome(ticket, response, step);
        }
    }

    /// Sends what can be sent, and sets the timer. Must also be called after any work done outside of
    /// [`DataPlane::step`].
    pub fn poll(&mut self, leader: Option<NodeId>, view: &dyn ClusterView, step: &mut Step<'_>) {
        if self.stopped {
            return;
        }
        let now_ns = step.now.mono_ns;
        if let Some(request) = self.replicas.next_alter_partition(now_ns) {
            self.alter_partition.send(Request::Cluster(ClusterRequest::AlterPartition(request)), step);
        }
        let broker_epoch = self.replicas.broker_epoch();
        if let Some(request) = self.producer_ids.next_request(self.node_id, broker_epoch, now_ns) {
            let request = Request::Cluster(ClusterRequest::AllocateProducerIds(request));
            self.allocation = Some(self.forwarding_channel.send(request, step));
        }
        for outcome in self.alter_partition.poll(leader, step) {
            self.on_outcome(ALTER_PARTITION_SLOT, Some(outcome), view, step);
        }
        for outcome in self.forwarding_channel.poll(leader, step) {
            self.on_outcome(FORWARDING_SLOT, Some(outcome), view, step);
        }
        match self.next_deadline_ns(step) {
            Some(at_mono_ns) => step.out.push(Effect::ArmTimer { at_mono_ns }),
            None => step.out.push(Effect::CancelTimer),
        }
    }

    fn next_deadline_ns(&self, step: &Step<'_>) -> Option<u64> {
        let deadlines = [
            self.replicas.next_deadline_ns(),
            self.fetchers.next_deadline_ns(step),
            self.alter_partition.next_deadline_ns(step),
            self.forwarding_channel.next_deadline_ns(step),
            self.producer_ids.next_deadline_ns(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether [`DataPlane::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Stops requests, fetchers, channels and timers for good; [`ReplicaManager::shut_down`] follows, which must not be
    /// disturbed (`BrokerServer.shutdown` stops `kafkaScheduler` before the logs are closed). Waiting requests get no response:
    /// their connections are closed (`SocketServer.stopProcessingRequests`; here only connections that a request
    /// names).
    pub fn stop(&mut self, step: &mut Step<'_>) {
        self.stopped = true;
        self.replicas.hang_up_delayed(step);
        self.fetchers.shut_down(step);
        self.alter_partition.shut_down(step);
        self.forwarding_channel.shut_down(step);
        step.out.push(Effect::CancelTimer);
    }
}

const _: () = assert!(FORWARDING_SLOT < FIRST_FETCHER_SLOT);
