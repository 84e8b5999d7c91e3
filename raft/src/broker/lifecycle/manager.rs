//! Kafka's BrokerLifecycleManager: registration and heartbeats, at most one RPC in flight, on its
//! own event queue and the monotonic clock (controller-broker.md §5.1).
//!
//! There is one log directory: its failure ends the process, so no directory is ever reported offline.

use std::rc::Rc;

use crate::broker::config::{BrokerConfig, ns};
use crate::broker::controller_channel::{ChannelOutcome, ControllerChannel, Ticket};
use crate::fixes::Fix;
use crate::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use crate::io::Input;
use crate::message::cluster::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest, BrokerRegistrationResponse,
    FeatureRange, Listener,
};
use crate::message::{ClusterRequest, ClusterResponse, ErrorCode, Fields, Request, Response, Value};
use crate::metadata::MetadataVersion;
use crate::step::Step;

const NS_PER_MS: u64 = 1_000_000;
/// Heartbeat interval while the broker is starting.
const STARTING_INTERVAL_NS: u64 = 10 * NS_PER_MS;
/// Interval to the next heartbeat after the first response to a controlled shutdown request.
const FIRST_SHUTDOWN_INTERVAL_NS: u64 = 50 * NS_PER_MS;
/// The channel's link is the only one of this thread.
const SLOT: u32 = 0;

/// Broker states with Kafka's numbers (metric `BrokerState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BrokerState {
    NotRunning = 0,
    /// Registering and catching up with metadata.
    Starting = 1,
    /// Caught up; logs are recovered and the broker waits to be unfenced.
    Recovery = 2,
    /// Unfenced once. A later fencing does not change the state.
    Running = 3,
    /// Controlled shutdown: leaderships are being moved away.
    PendingControlledShutdown = 6,
    /// Controlled shutdown completed or timed out.
    ShuttingDown = 7,
}

/// An event for other threads; each but `Registered` occurs at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// The controller has registered this incarnation.
    Registered { broker_epoch: BrokerEpoch },
    /// The controller reports that this broker has published its own registration.
    CaughtUp,
    /// The broker is unfenced for the first time.
    Unfenced,
    /// The broker may shut down: the controller said so, or there is nothing to wait for.
    ShutDown,
    /// No registration within `initial.broker.registration.timeout.ms`: the process exits.
    RegistrationTimedOut,
}

/// What the broker's metadata loader has published.
#[derive(Clone, Copy, Debug)]
pub struct PublishedMetadata {
    /// The last offset; -1: none.
    pub offset: Offset,
    /// `metadata.version` there.
    pub version: MetadataVersion,
}

/// The contents of the broker's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerIdentity {
    /// `cluster.id`
    pub cluster_id: Rc<str>,
    /// Random for each process; it makes a retried registration idempotent.
    pub incarnation_id: Uuid,
    pub listeners: Rc<[Listener]>,
    pub features: Rc<[FeatureRange]>,
    /// `broker.rack`
    pub rack: Option<Rc<str>>,
    pub log_dirs: Rc<[Uuid]>,
    /// The epoch in the clean-shutdown marker.
    pub previous_broker_epoch: BrokerEpoch,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct BrokerLifecycleManager {
    node_id: NodeId,
    identity: BrokerIdentity,
    heartbeat_interval_ns: u64,
    registration_timeout_ns: u64,
    channel: ControllerChannel,
    state: BrokerState,
    broker_epoch: BrokerEpoch,
    registered: bool,
    registers_again: bool,
    ready_to_unfence: bool,
    got_controlled_shutdown_response: bool,
    in_flight: Option<Ticket>,
    next_scheduling_immediate: bool,
    next_communication_ns: Option<u64>,
    registration_deadline_ns: Option<u64>,
    events: Vec<LifecycleEvent>,
}

impl BrokerLifecycleManager {
    /// The state, for instruments.
    pub fn described(&self, now_ns: u64) -> Value {
        let next_ms = self.next_communication_ns.map(|at_ns| at_ns.saturating_sub(now_ns) / NS_PER_MS);
        Value::of([
            ("state", Value::text(format!("{:?}", self.state))),
            ("brokerState", i32::from(self.state as u8).value()),
            ("brokerEpoch", self.broker_epoch.value()),
            ("registered", self.registered.value()),
            ("readyToUnfence", self.ready_to_unfence.value()),
            ("requestInFlight", self.in_flight.is_some().value()),
            ("nextCommunicationInMs", next_ms.value()),
        ])
    }

    /// Not started. The channel's retry timeout is the heartbeat interval.
    pub fn new(config: &BrokerConfig, identity: BrokerIdentity) -> BrokerLifecycleManager {
        let interval_ms = config.heartbeat_interval_ms;
        BrokerLifecycleManager {
            node_id: config.node_id,
            identity,
            heartbeat_interval_ns: ns(interval_ms),
            registration_timeout_ns: ns(config.initial_registration_timeout_ms),
            channel: ControllerChannel::new(SLOT, config.controller_socket_timeout_ms, interval_ms),
            state: BrokerState::NotRunning,
            broker_epoch: BrokerEpoch::UNKNOWN,
            registered: false,
            registers_again: config.fixes.has(Fix::SessionSinceRegistration),
            ready_to_unfence: false,
            got_controlled_shutdown_response: false,
            in_flight: None,
            next_scheduling_immediate: false,
            next_communication_ns: None,
            registration_deadline_ns: None,
            events: Vec::new(),
        }
    }

    pub fn state(&self) -> BrokerState {
        self.state
    }

    /// -1 before the first registration.
    pub fn broker_epoch(&self) -> BrokerEpoch {
        self.broker_epoch
    }

    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<LifecycleEvent> {
        std::mem::take(&mut self.events)
    }

    /// Starts the registration; `poll` sends it.
    pub fn start(&mut self, step: &Step<'_>) {
        self.state = BrokerState::Starting;
        self.registration_deadline_ns = Some(step.now.mono_ns.saturating_add(self.registration_timeout_ns));
        self.schedule(0, step);
    }

    /// Start-up is complete except for unfencing: heartbeats no longer set `WantFence`.
    pub fn set_ready_to_unfence(&mut self, step: &Step<'_>) {
        self.ready_to_unfence = true;
        self.schedule(0, step);
    }

    /// Requests a controlled shutdown, unless the broker cannot have leaderships.
    pub fn begin_controlled_shutdown(&mut self, step: &Step<'_>) {
        match self.state {
            BrokerState::PendingControlledShutdown => {}
            BrokerState::Running => {
                self.state = BrokerState::PendingControlledShutdown;
                self.schedule(0, step);
            }
            _ => self.begin_shutdown(LifecycleEvent::ShutDown),
        }
    }

    /// Stops heartbeats and closes the connection.
    pub fn close(&mut self, step: &mut Step<'_>) {
        self.begin_shutdown(LifecycleEvent::ShutDown);
        self.channel.shut_down(step);
    }

    /// Processes an input of its thread. [`BrokerLifecycleManager::poll`] must follow.
    pub fn step(&mut self, input: Input, step: &mut Step<'_>) {
        match input {
            Input::Opened { token, connection } => self.channel.on_opened(token, connection, step),
            Input::Closed { token, .. } => self.channel.on_closed(token, step),
            Input::Response { token, correlation_id, response } => {
                if let Some(outcome) = self.channel.on_response(token, correlation_id, response, step) {
                    self.on_outcome(outcome, step);
                }
            }
            Input::Request { .. }
            | Input::Timer
            | Input::DiskError(_)
            | Input::Post(_)
            | Input::Terminate
            | Input::Exception
            | Input::Continue => {}
        }
    }

    /// Does the work that is due. `leader` is the controller that the local raft client knows, `published` how far the
    /// metadata loader has got.
    pub fn poll(&mut self, leader: Option<NodeId>, published: PublishedMetadata, step: &mut Step<'_>) {
        let now_ns = step.now.mono_ns;
        if self.state == BrokerState::ShuttingDown {
            return;
        }
        if self.registration_deadline_ns.is_some_and(|at| at <= now_ns) {
            self.registration_deadline_ns = None;
            return self.begin_shutdown(LifecycleEvent::RegistrationTimedOut);
        }
        if self.next_communication_ns.is_some_and(|at| at <= now_ns) {
            self.next_communication_ns = None;
            if self.in_flight.is_some() {
                self.next_scheduling_immediate = true;
            } else {
                let request = if self.registered { self.heartbeat(published) } else { self.registration() };
                self.in_flight = Some(self.channel.send(Request::Cluster(request), step));
            }
        }
        for outcome in self.channel.poll(leader, step) {
            self.on_outcome(outcome, step);
        }
    }

    /// When [`BrokerLifecycleManager::poll`] must run next, by the monotonic clock.
    pub fn next_deadline_ns(&self, step: &Step<'_>) -> Option<u64> {
        if self.state == BrokerState::ShuttingDown {
            return None;
        }
        let timers = [self.next_communication_ns, self.registration_deadline_ns, self.channel.next_deadline_ns(step)];
        timers.into_iter().flatten().min()
    }

    fn registration(&self) -> ClusterRequest {
        let identity = self.identity.clone();
        ClusterRequest::BrokerRegistration(Box::new(BrokerRegistrationRequest {
            broker_id: self.node_id,
            cluster_id: identity.cluster_id,
            incarnation_id: identity.incarnation_id,
            listeners: identity.listeners,
            features: identity.features,
            rack: identity.rack,
            log_dirs: identity.log_dirs,
            previous_broker_epoch: identity.previous_broker_epoch,
        }))
    }

    fn heartbeat(&self, published: PublishedMetadata) -> ClusterRequest {
        // The model's brokers have no cordoned directory (`cordoned.log.dirs`).
        let reports_cordoned =
            self.state >= BrokerState::Recovery && published.version.is_cordoned_log_dirs_supported();
        ClusterRequest::BrokerHeartbeat(BrokerHeartbeatRequest {
            broker_id: self.node_id,
            broker_epoch: self.broker_epoch,
            current_metadata_offset: published.offset.0,
            want_fence: !self.ready_to_unfence,
            want_shut_down: self.state == BrokerState::PendingControlledShutdown,
            offline_log_dirs: Rc::from([]),
            cordoned_log_dirs: reports_cordoned.then(|| Rc::from([])),
        })
    }

    /// Any failure, including STALE_BROKER_EPOCH, only leads to a retry: a broker never registers again by itself, unless a
    /// fix says so. In controlled shutdown it does not: a fenced broker that wants to shut down is answered that it may.
    fn on_outcome(&mut self, outcome: ChannelOutcome, step: &Step<'_>) {
        if self.in_flight != Some(outcome.ticket) {
            return;
        }
        self.in_flight = None;
        match outcome.response {
            Some(Response::Cluster(ClusterResponse::BrokerRegistration(BrokerRegistrationResponse {
                error: ErrorCode::None,
                broker_epoch,
            }))) => {
                self.broker_epoch = broker_epoch;
                self.registered = true;
                self.registration_deadline_ns = None;
                self.events.push(LifecycleEvent::Registered { broker_epoch });
                self.schedule(0, step);
            }
            Some(Response::Cluster(ClusterResponse::BrokerHeartbeat(response)))
                if response.error == ErrorCode::None =>
            {
                self.on_heartbeat(&response, step);
            }
            failure => {
                let is_stale = matches!(&failure, Some(Response::Cluster(ClusterResponse::BrokerHeartbeat(response)))
                    if response.error == ErrorCode::StaleBrokerEpoch);
                let is_leaving = self.state == BrokerState::PendingControlledShutdown;
                self.registered &= !(is_stale && self.registers_again && !is_leaving);
                // The next request is never sent at once after a failure.
                self.next_scheduling_immediate = false;
                self.schedule(self.heartbeat_interval_ns, step);
            }
        }
    }

    fn on_heartbeat(&mut self, response: &BrokerHeartbeatResponse, step: &Step<'_>) {
        match self.state {
            BrokerState::Starting => {
                if response.is_caught_up {
                    self.state = BrokerState::Recovery;
                    self.events.push(LifecycleEvent::CaughtUp);
                }
                self.schedule(STARTING_INTERVAL_NS, step);
            }
            BrokerState::Recovery => {
                if !response.is_fenced {
                    self.state = BrokerState::Running;
                    self.events.push(LifecycleEvent::Unfenced);
                }
                self.schedule(self.heartbeat_interval_ns, step);
            }
            BrokerState::PendingControlledShutdown if response.should_shut_down => {
                self.begin_shutdown(LifecycleEvent::ShutDown);
            }
            BrokerState::PendingControlledShutdown if !self.got_controlled_shutdown_response => {
                self.got_controlled_shutdown_response = true;
                self.schedule(FIRST_SHUTDOWN_INTERVAL_NS, step);
            }
            BrokerState::PendingControlledShutdown | BrokerState::Running => {
                self.schedule(self.heartbeat_interval_ns, step);
            }
            BrokerState::NotRunning | BrokerState::ShuttingDown => {}
        }
    }

    fn schedule(&mut self, interval_ns: u64, step: &Step<'_>) {
        let immediate = std::mem::take(&mut self.next_scheduling_immediate);
        let interval_ns = if immediate { 0 } else { interval_ns };
        self.next_communication_ns = Some(step.now.mono_ns.saturating_add(interval_ns));
    }

    fn begin_shutdown(&mut self, event: LifecycleEvent) {
        if self.state != BrokerState::ShuttingDown {
            self.state = BrokerState::ShuttingDown;
            self.next_communication_ns = None;
            self.in_flight = None;
            self.events.push(event);
        }
    }
}
