//! The channel to the active controller: whom it asks, and in which order.

use crate::broker::controller_channel::{ChannelOutcome, ControllerChannel};
use crate::ids::NodeId;
use crate::io::{ConnectToken, Connection, Effect, Entropy, Now, Out};
use crate::message::admin::UnregisterBrokerRequest;
use crate::message::{AdminRequest, EnvelopeResponse, ErrorCode, Request, Response};
use crate::step::Step;

struct Zero;
impl Entropy for Zero {
    fn below(&mut self, _: u32) -> u32 {
        0
    }
}

struct Harness {
    channel: ControllerChannel,
    now_ms: u64,
    leader: i32,
    connecting: Option<ConnectToken>,
    connected: Option<ConnectToken>,
    connects: Vec<i32>,
    /// The numbers of the requests that were sent, and the correlation id of the last.
    sent: Vec<i32>,
    last: i32,
    outcomes: Vec<ChannelOutcome>,
}

impl Harness {
    fn new(socket_timeout_ms: i64) -> Harness {
        let channel = ControllerChannel::new(1, socket_timeout_ms, i64::MAX);
        let (connecting, connected, connects, sent, outcomes) = (None, None, Vec::new(), Vec::new(), Vec::new());
        let mut harness =
            Harness { channel, now_ms: 0, leader: 1, connecting, connected, connects, sent, last: 0, outcomes };
        harness.with(|_, _| ());
        harness
    }

    fn with(&mut self, act: impl FnOnce(&mut ControllerChannel, &mut Step<'_>)) {
        let mut out = Out::default();
        let now = Now { mono_ns: self.now_ms * 1_000_000, wall_ms: self.now_ms as i64 };
        let mut step = Step { now, entropy: &mut Zero, out: &mut out };
        act(&mut self.channel, &mut step);
        self.outcomes.extend(self.channel.poll(Some(NodeId(self.leader)), &mut step));
        for effect in out.effects {
            match effect {
                Effect::Connect { token, to, .. } => {
                    self.connects.push(to.0);
                    self.connecting = Some(token);
                }
                Effect::SendRequest { request: Request::Envelope(request), correlation_id, .. } => {
                    let AdminRequest::UnregisterBroker(request) = request else { panic!("{request:?}") };
                    self.sent.push(request.broker_id.0);
                    self.last = correlation_id;
                }
                Effect::SendRequest { request: Request::DiscoverVersions(_), correlation_id, .. } => {
                    self.last = correlation_id;
                }
                Effect::Close { .. } => (self.connecting, self.connected) = (None, None),
                other => panic!("{other:?}"),
            }
        }
    }

    fn ask(&mut self, number: i32) {
        let request = AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id: NodeId(number) });
        self.with(|channel, step| {
            channel.send(Request::Envelope(request), step);
        });
    }

    /// The connect succeeds; ApiVersions is not answered yet.
    fn connect(&mut self) {
        let token = self.connecting.take().expect("it connects");
        self.connected = Some(token);
        self.with(|channel, step| channel.on_opened(token, Connection(1), step));
    }

    fn open(&mut self) {
        self.connect();
        self.respond(Response::DiscoverVersions);
    }

    /// The connection is reset, or the attempt is refused.
    fn close(&mut self) {
        let lost = self.connected.take().or(self.connecting.take()).expect("it is connected or connecting");
        self.with(|channel, step| channel.on_closed(lost, step));
    }

    fn answer(&mut self, error: ErrorCode) {
        self.respond(Response::Envelope(EnvelopeResponse { error, response: None }));
    }

    fn respond(&mut self, response: Response) {
        let (token, correlation_id) = (self.connected.expect("it is connected"), self.last);
        self.with(|channel, step| {
            channel.on_response(token, correlation_id, response, step);
        });
    }

    fn advance(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_ms += 1;
            self.with(|_, _| ());
        }
    }
}

/// `NodeToControllerRequestThread.handleResponse` puts each request back at the front of the queue: first the one in
/// flight, then those that waited for its answer (`InterBrokerSendThread.checkDisconnects`).
#[test]
fn a_lost_connection_reverses_the_requests_that_waited_for_it() {
    let mut harness = Harness::new(30_000);
    harness.ask(1);
    harness.open();
    harness.ask(2);
    harness.ask(3);
    assert_eq!(harness.sent, [1], "one request is in flight");
    harness.close();
    harness.ask(4);
    harness.advance(60);
    harness.open();
    for _ in 0..3 {
        harness.answer(ErrorCode::None);
    }
    assert_eq!(harness.sent, [1, 3, 2, 1, 4]);
    harness.answer(ErrorCode::NotController);
    harness.advance(60);
    harness.open();
    assert_eq!(harness.sent, [1, 3, 2, 1, 4, 4]);
}

/// `InterBrokerSendThread.failExpiredRequests`
#[test]
fn a_request_that_could_not_be_sent_in_time_forgets_the_controller() {
    let mut harness = Harness::new(2_000);
    harness.ask(1);
    harness.leader = 2;
    harness.advance(2_000);
    assert_eq!(harness.connects, [1], "the connect may take 10 s");
    harness.advance(1);
    assert_eq!(harness.connects, [1, 2]);
    harness.open();
    assert_eq!((&harness.sent[..], harness.outcomes.len()), (&[1][..], 0), "it is sent to the next controller");
}

/// Only a request that is lost forgets the controller (`NodeToControllerRequestThread.handleResponse`).
#[test]
fn a_controller_whose_idle_connection_was_lost_is_asked_first() {
    let mut harness = Harness::new(30_000);
    harness.ask(1);
    harness.open();
    harness.answer(ErrorCode::None);
    harness.close();
    harness.leader = 2;
    harness.advance(100);
    harness.ask(2);
    assert_eq!(harness.connects, [1, 1]);
    harness.close();
    assert_eq!(harness.connects, [1, 1, 2]);
    harness.open();
    assert_eq!(harness.sent, [1, 2]);
}

/// `NetworkClient.handleInitiateApiVersionRequests`: ApiVersions times out like any request, and what waits for it with it.
#[test]
fn a_connection_is_not_ready_before_api_versions_is_answered() {
    let mut harness = Harness::new(2_000);
    harness.ask(1);
    harness.connect();
    harness.advance(1_900);
    assert_eq!((&harness.sent[..], &harness.connects[..]), (&[][..], &[1][..]));
    harness.leader = 2;
    harness.advance(101);
    assert_eq!(harness.connects, [1, 2], "it counts as lost");
    harness.open();
    assert_eq!(harness.sent, [1]);
}
