//! The broker lifecycle against a controller whose responses the test writes.

use std::rc::Rc;

use super::{
    BrokerIdentity, BrokerLifecycleManager, BrokerServer, BrokerState, LifecycleEvent, PublishedMetadata, ServerAction,
};
use crate::broker::config::BrokerConfig;
use crate::bugs::Bugs;
use crate::controller::settings::level;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use crate::io::{CloseReason, ConnectToken, Connection, Effect, Entropy, Input, Now, Out};
use crate::message::cluster::{BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationResponse};
use crate::message::{ClusterRequest, ClusterResponse, ErrorCode, Request, Response};
use crate::metadata::MetadataVersion;
use crate::step::Step;

const NS_PER_MS: u64 = 1_000_000;

struct Zero;
impl Entropy for Zero {
    fn below(&mut self, _: u32) -> u32 {
        0
    }
}

struct Harness {
    manager: BrokerLifecycleManager,
    now_ms: u64,
    version: MetadataVersion,
    leader: Option<NodeId>,
    /// The node to which the manager is connected or connecting.
    connecting: Option<(ConnectToken, NodeId)>,
    connected: Option<(ConnectToken, NodeId)>,
    /// The unanswered request.
    requested: Option<(i32, ClusterRequest)>,
    /// An unanswered ApiVersions.
    asked: Option<i32>,
    connects: Vec<NodeId>,
}

impl Harness {
    fn new() -> Harness {
        Harness::with_fixes(Fixes::NONE)
    }

    fn with_fixes(fixes: Fixes) -> Harness {
        let identity = BrokerIdentity {
            cluster_id: "c".into(),
            incarnation_id: Uuid([1; 16]),
            listeners: Rc::from([]),
            features: Rc::from([]),
            rack: None,
            log_dirs: Rc::from([Uuid([2; 16])]),
            previous_broker_epoch: BrokerEpoch(3),
        };
        let config = BrokerConfig::new(NodeId(1)).with_switches(Bugs::NONE, fixes);
        let manager = BrokerLifecycleManager::new(&config, identity);
        let leader = Some(NodeId(100));
        let mut harness = Harness {
            manager,
            now_ms: 0,
            version: MetadataVersion(level::LATEST),
            leader,
            connecting: None,
            connected: None,
            requested: None,
            asked: None,
            connects: Vec::new(),
        };
        harness.with(|manager, step| manager.start(step));
        harness
    }

    /// Runs `act` on the thread, and executes its effects, connects included.
    fn with(&mut self, act: impl FnOnce(&mut BrokerLifecycleManager, &mut Step<'_>)) {
        self.once(act);
        while let Some((token, to)) = self.connecting.take() {
            self.connected = Some((token, to));
            self.once(|manager, step| manager.step(Input::Opened { token, connection: Connection(1) }, step));
            let correlation_id = self.asked.take().expect("a new connection begins with ApiVersions");
            assert_eq!(self.requested, None, "the connection is not ready");
            let response = Response::DiscoverVersions;
            self.once(|manager, step| manager.step(Input::Response { token, correlation_id, response }, step));
        }
    }

    fn once(&mut self, act: impl FnOnce(&mut BrokerLifecycleManager, &mut Step<'_>)) {
        let mut out = Out::default();
        let now = Now { mono_ns: self.now_ms * NS_PER_MS, wall_ms: self.now_ms as i64 };
        let mut step = Step { now, entropy: &mut Zero, out: &mut out };
        act(&mut self.manager, &mut step);
        let published = PublishedMetadata { offset: Offset(7), version: self.version };
        self.manager.poll(self.leader, published, &mut step);
        for effect in out.effects {
            match effect {
                Effect::Connect { token, to, .. } => {
                    self.connects.push(to);
                    self.connecting = Some((token, to));
                }
                Effect::SendRequest { correlation_id, request: Request::Cluster(request), .. } => {
                    self.requested = Some((correlation_id, request));
                }
                Effect::SendRequest { correlation_id, request: Request::DiscoverVersions(_), .. } => {
                    self.asked = Some(correlation_id);
                }
                Effect::Close { .. } => self.connected = None,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Advances the clock; returns when the next request was sent, if one was.
    fn advance(&mut self, ms: u64) -> Option<u64> {
        let end = self.now_ms + ms;
        while self.requested.is_none() && self.now_ms < end {
            self.now_ms += 1;
            self.with(|_, _| ());
        }
        self.requested.is_some().then_some(self.now_ms)
    }

    fn answer(&mut self, response: ClusterResponse) {
        let (correlation_id, _) = self.requested.take().expect("a request is outstanding");
        let (token, _) = self.connected.expect("it is connected");
        let response = Response::Cluster(response);
        self.with(|manager, step| manager.step(Input::Response { token, correlation_id, response }, step));
    }

    fn register(&mut self, error: ErrorCode) {
        self.register_as(error, BrokerEpoch(9));
    }

    fn register_as(&mut self, error: ErrorCode, broker_epoch: BrokerEpoch) {
        assert!(matches!(self.requested, Some((_, ClusterRequest::BrokerRegistration(_)))), "{:?}", self.requested);
        let response = BrokerRegistrationResponse { error, broker_epoch };
        self.answer(ClusterResponse::BrokerRegistration(response));
    }

    fn heartbeat(&mut self, error: ErrorCode, is_caught_up: bool, is_fenced: bool, should_shut_down: bool) {
        assert!(matches!(self.requested, Some((_, ClusterRequest::BrokerHeartbeat(_)))), "{:?}", self.requested);
        let response = BrokerHeartbeatResponse { error, is_caught_up, is_fenced, should_shut_down };
        self.answer(ClusterResponse::BrokerHeartbeat(response));
    }

    fn requested_heartbeat(&self) -> &BrokerHeartbeatRequest {
        match &self.requested {
            Some((_, ClusterRequest::BrokerHeartbeat(request))) => request,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_broker_registers_catches_up_is_unfenced_and_leaves() {
    let mut harness = Harness::new();
    match &harness.requested {
        Some((_, ClusterRequest::BrokerRegistration(request))) => {
            assert_eq!(request.previous_broker_epoch, BrokerEpoch(3));
        }
        other => panic!("{other:?}"),
    }
    harness.register(ErrorCode::None);
    assert_eq!(harness.manager.take_events(), [LifecycleEvent::Registered { broker_epoch: BrokerEpoch(9) }]);
    let heartbeat = harness.requested_heartbeat();
    assert_eq!(
        (heartbeat.broker_epoch, heartbeat.current_metadata_offset, heartbeat.want_fence),
        (BrokerEpoch(9), 7, true)
    );
    harness.heartbeat(ErrorCode::None, false, true, false);
    assert_eq!(harness.advance(5_000), Some(10), "not caught up: 10 ms");
    harness.heartbeat(ErrorCode::None, true, true, false);
    assert_eq!(
        (harness.manager.take_events(), harness.manager.state()),
        (vec![LifecycleEvent::CaughtUp], BrokerState::Recovery)
    );
    assert_eq!(harness.advance(5_000), Some(20));
    harness.heartbeat(ErrorCode::None, true, true, false);
    assert_eq!(harness.advance(1_000), None, "recovering: the normal interval");

    harness.with(|manager, step| manager.set_ready_to_unfence(step));
    assert!(!harness.requested_heartbeat().want_fence);
    harness.heartbeat(ErrorCode::None, true, false, false);
    assert_eq!(
        (harness.manager.take_events(), harness.manager.state()),
        (vec![LifecycleEvent::Unfenced], BrokerState::Running)
    );
    assert_eq!(harness.advance(5_000), Some(3_020));
    harness.heartbeat(ErrorCode::None, true, true, false);
    assert_eq!(harness.manager.state(), BrokerState::Running, "fenced again: nothing changes");

    // The first response leads to the next heartbeat after 50 ms, later ones after 2 s.
    harness.with(|manager, step| manager.begin_controlled_shutdown(step));
    assert!(harness.requested_heartbeat().want_shut_down);
    harness.heartbeat(ErrorCode::None, true, false, false);
    assert_eq!(harness.advance(5_000), Some(3_070));
    harness.heartbeat(ErrorCode::None, true, false, false);
    assert_eq!(harness.advance(5_000), Some(5_070));
    harness.heartbeat(ErrorCode::None, true, true, true);
    assert_eq!(
        (harness.manager.take_events(), harness.manager.state()),
        (vec![LifecycleEvent::ShutDown], BrokerState::ShuttingDown)
    );
    assert_eq!(harness.advance(10_000), None);
}

#[test]
fn a_broker_reports_its_cordoned_directories_when_it_has_caught_up() {
    for (version, expected) in [(level::LATEST, Some(Rc::from([]))), (29, None)] {
        let mut harness = Harness::new();
        harness.version = MetadataVersion(version);
        harness.register(ErrorCode::None);
        assert_eq!(harness.requested_heartbeat().cordoned_log_dirs, None, "unknown");
        harness.heartbeat(ErrorCode::None, true, true, false);
        assert_eq!(harness.advance(5_000), Some(10));
        assert_eq!(harness.requested_heartbeat().cordoned_log_dirs, expected, "metadata.version {version}");
    }
}

#[test]
fn failures_are_tried_again_after_the_interval_and_never_at_once() {
    let mut harness = Harness::new();
    harness.register(ErrorCode::DuplicateBrokerRegistration);
    assert_eq!(harness.advance(5_000), Some(2_000));
    harness.register(ErrorCode::None);
    harness.heartbeat(ErrorCode::StaleBrokerEpoch, false, false, false);
    assert_eq!(harness.advance(5_000), Some(4_000), "a stale epoch is only tried again");
    assert_eq!(harness.requested_heartbeat().broker_epoch, BrokerEpoch(9));
    // The next heartbeat becomes due while one is in flight: it is sent at once after it.
    harness.with(|manager, step| manager.set_ready_to_unfence(step));
    harness.heartbeat(ErrorCode::None, true, true, false);
    assert_eq!(harness.advance(5_000), Some(4_000));
}

/// `Fix::SessionSinceRegistration`
#[test]
fn a_broker_whose_epoch_is_stale_registers_again_if_the_fix_says_so_unless_it_leaves() {
    let mut harness = Harness::with_fixes(Fixes::NONE.with(Fix::SessionSinceRegistration));
    harness.register(ErrorCode::None);
    harness.heartbeat(ErrorCode::StaleBrokerEpoch, false, false, false);
    assert_eq!(harness.advance(5_000), Some(2_000));
    harness.register(ErrorCode::DuplicateBrokerRegistration);
    assert_eq!(harness.advance(5_000), Some(4_000), "the session of who took its place is not over");
    harness.register_as(ErrorCode::None, BrokerEpoch(30));
    assert_eq!(harness.requested_heartbeat().broker_epoch, BrokerEpoch(30));
    harness.heartbeat(ErrorCode::None, true, true, false);
    harness.advance(5_000);
    harness.with(|manager, step| manager.set_ready_to_unfence(step));
    harness.heartbeat(ErrorCode::None, true, false, false);
    assert!(harness.advance(5_000).is_some());
    harness.with(|manager, step| manager.begin_controlled_shutdown(step));
    harness.heartbeat(ErrorCode::StaleBrokerEpoch, false, false, false);
    assert!(harness.advance(5_000).is_some());
    assert_eq!(harness.requested_heartbeat().broker_epoch, BrokerEpoch(30), "tried again until the time is over");
}

#[test]
fn a_controller_that_is_none_any_more_is_left_and_the_request_goes_to_the_next() {
    let mut harness = Harness::new();
    harness.leader = Some(NodeId(101));
    harness.register(ErrorCode::NotController);
    assert_eq!((&harness.connects[..], harness.manager.take_events().len()), (&[NodeId(100), NodeId(101)][..], 0));
    assert!(harness.requested.is_some(), "at once, on a new connection");
    let (token, _) = harness.connected.expect("it is connected");
    harness.requested = None;
    harness.with(|manager, step| manager.step(Input::Closed { token, reason: CloseReason::Reset }, step));
    assert_eq!(harness.advance(5_000), Some(50), "the same node again: the reconnect backoff");
    // No response within 2 s is a disconnect; then the retry timeout has passed as well, which fails the whole
    // exchange: the next heartbeat is sent after the interval.
    harness.requested = None;
    assert_eq!(harness.advance(5_000), Some(4_051));
    assert_eq!(harness.connects.len(), 4);
}

#[test]
fn a_broker_that_cannot_register_shuts_down() {
    let mut harness = Harness::new();
    let mut server = BrokerServer::new(true);
    harness.leader = None;
    harness.register(ErrorCode::NotController);
    assert_eq!(harness.advance(59_999), None);
    assert_eq!(harness.manager.take_events(), []);
    harness.advance(1);
    assert_eq!(harness.manager.take_events(), [LifecycleEvent::RegistrationTimedOut]);
    assert_eq!(server.on_lifecycle(LifecycleEvent::RegistrationTimedOut), [ServerAction::Stop]);
}

#[test]
fn logs_are_recovered_before_the_broker_asks_to_be_unfenced() {
    let mut server = BrokerServer::new(true);
    assert_eq!(server.on_lifecycle(LifecycleEvent::Registered { broker_epoch: BrokerEpoch(9) }), []);
    assert_eq!(server.on_lifecycle(LifecycleEvent::CaughtUp), []);
    assert_eq!(server.on_first_publish(), [ServerAction::SetReadyToUnfence]);
    assert_eq!(server.on_lifecycle(LifecycleEvent::Unfenced), [ServerAction::EnableRequestProcessing]);
    assert_eq!(server.terminate(0), [ServerAction::BeginControlledShutdown]);
    let five_minutes = server.next_deadline_ns().expect("it waits no longer");
    assert_eq!((server.on_timer(five_minutes - 1), server.on_timer(five_minutes)), (vec![], vec![ServerAction::Stop]));
    assert_eq!((server.on_lifecycle(LifecycleEvent::ShutDown), server.terminate(0)), (vec![], vec![]));

    let mut early = BrokerServer::new(true);
    assert_eq!(early.on_first_publish(), []);
    assert_eq!(early.on_lifecycle(LifecycleEvent::CaughtUp), [ServerAction::SetReadyToUnfence]);
    assert_eq!(early.terminate(0), [ServerAction::Leave], "not started: nothing is closed");
}
