//! A hostile world around the channel: whatever it does, every request finishes once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::ids::Offset;
use crate::message::{ErrorCode, ReadRecordsRequest, ReadRecordsResponse};

const TIMEOUT_MS: i64 = 2_000;

/// Draws the middle of each range: jitter nil.
struct Middle;
impl Entropy for Middle {
    fn below(&mut self, bound: u32) -> u32 {
        bound / 2
    }
}

fn channel() -> NetworkChannel {
    NetworkChannel::new(&ControllerConfig::new(NodeId(0), [].into()))
}

/// The rest of the world: which attempts and connections it knows, the requests it received.
#[derive(Default)]
struct World {
    /// The wall clock.
    now_ms: i64,
    /// The monotonic clock, which is not set.
    mono_ms: i64,
    channel: Option<NetworkChannel>,
    out: Out,
    connecting: BTreeSet<ConnectToken>,
    /// Open connections and the request each waits for.
    open: BTreeMap<ConnectToken, Option<i32>>,
    /// Attempts and connections of the past.
    gone: Vec<ConnectToken>,
    handed_over: i32,
    finished: Vec<(i32, Result<(), TransportError>)>,
}

impl World {
    fn new() -> World {
        World { channel: Some(channel()), ..World::default() }
    }

    /// Does something with the channel, then performs its effects; connections bear their token.
    fn step(&mut self, act: impl FnOnce(&mut NetworkChannel, i64, &mut Out)) {
        let mut channel = self.channel.take().expect("steps do not nest");
        act(&mut channel, self.now_ms, &mut self.out);
        for effect in self.out.effects.drain(..) {
            match effect {
                Effect::Connect { token, .. } => {
                    assert!(!self.open.contains_key(&token) && self.connecting.insert(token), "{token:?} twice");
                }
                Effect::SendRequest { connection, correlation_id, .. } => {
                    let busy = self.open.get_mut(&ConnectToken(connection.0 as u32)).expect("sent on a closed one");
                    assert_eq!(busy.replace(correlation_id), None, "two in flight on {connection:?}");
                }
                Effect::Close { token } => {
                    assert!(self.connecting.remove(&token) || self.open.remove(&token).is_some(), "{token:?}");
                    self.gone.push(token);
                }
                other => panic!("a channel has no use for {other:?}"),
            }
        }
        while let Some(Inbound { correlation_id, result, .. }) = channel.take_inbound() {
            self.finished.push((correlation_id, result.map(drop).map_err(|lost| lost.error)));
        }
        self.channel = Some(channel);
    }
    fn send(&mut self, to: i32) {
        self.handed_over += 1;
        let (id, request) = (self.handed_over, ReadRecordsRequest { from: Offset(0), max_records: 1 });
        let now = self.now();
        self.step(|channel, now_ms, out| {
            channel.send(now_ms, Destination::at(NodeId(to), None), id, Request::ReadRecords(request));
            channel.poll(now, false, &mut Middle, out);
        });
    }
    /// The connection is established, and ApiVersions is answered.
    fn open(&mut self, token: ConnectToken) {
        self.connect(token);
        self.respond(token, VERSIONS_ID);
        self.poll();
    }
    fn connect(&mut self, token: ConnectToken) {
        self.connecting.remove(&token);
        self.open.insert(token, None);
        self.step(|channel, now_ms, out| channel.on_opened(now_ms, token, Connection(u64::from(token.0)), out));
    }
    fn close(&mut self, token: ConnectToken) {
        self.end(token, CloseReason::Reset);
    }
    fn fail_to_resolve(&mut self, token: ConnectToken) {
        self.end(token, CloseReason::Unresolved);
    }
    fn end(&mut self, token: ConnectToken, reason: CloseReason) {
        self.connecting.remove(&token);
        self.open.remove(&token);
        self.gone.push(token);
        let now = self.now();
        self.step(|channel, _, _| channel.on_closed(now, token, reason, &mut Middle));
        self.poll();
    }
    fn respond(&mut self, token: ConnectToken, correlation_id: i32) {
        if let Some(busy) = self.open.get_mut(&token) {
            busy.take_if(|id| *id == correlation_id);
        }
        let (error, records, applied_end) = (ErrorCode::None, Default::default(), Offset(0));
        let response = match correlation_id {
            VERSIONS_ID => Response::DiscoverVersions,
            _ => Response::ReadRecords(ReadRecordsResponse { error, records, applied_end }),
        };
        self.step(|channel, _, _| channel.on_response(token, correlation_id, response));
    }
    /// Word of a connection given up long ago comes late; it must change nothing.
    fn word_from_the_past(&mut self, token: ConnectToken) {
        let before = (self.finished.clone(), self.deadline_ms(), self.open.clone(), self.connecting.clone());
        let waiting = self.open.values().flatten().next().copied();
        let now = self.now();
        self.respond(token, waiting.unwrap_or(self.handed_over));
        self.step(|channel, now_ms, out| {
            channel.on_opened(now_ms, token, Connection(0), out);
            channel.on_closed(now, token, CloseReason::Reset, &mut Middle);
        });
        let after = (self.finished.clone(), self.deadline_ms(), self.open.clone(), self.connecting.clone());
        assert_eq!(before, after, "{token:?} is gone");
    }
    fn now(&self) -> Now {
        Now { mono_ns: self.mono_ms as u64 * NS_PER_MS, wall_ms: self.now_ms }
    }
    fn poll(&mut self) {
        let now = self.now();
        self.step(|channel, _, out| channel.poll(now, false, &mut Middle, out));
    }
    /// By the monotonic clock.
    fn deadline_ms(&self) -> Option<i64> {
        let deadline_ns = self.channel.as_ref().and_then(|channel| channel.next_deadline_ns(self.now()));
        deadline_ns.map(|ns| (ns / NS_PER_MS) as i64)
    }
    fn advance(&mut self, ms: i64) {
        self.mono_ms += ms;
        self.now_ms += ms;
    }
    fn nth_connecting(&self, n: usize) -> Option<ConnectToken> {
        self.connecting.iter().nth(n % self.connecting.len().max(1)).copied()
    }
    fn nth_open(&self, n: usize) -> Option<(ConnectToken, Option<i32>)> {
        self.open.iter().nth(n % self.open.len().max(1)).map(|(token, busy)| (*token, *busy))
    }
    /// Advances the clock, stopping for the channel's deadlines; before each, polling must
    /// find nothing to do.
    fn wait(&mut self, ms: i64) {
        let until_ms = self.mono_ms + ms;
        loop {
            let due_ms = self.deadline_ms().filter(|due_ms| *due_ms <= until_ms);
            let quiet_ms = due_ms.map_or(until_ms, |due_ms| due_ms - 1);
            if quiet_ms > self.mono_ms {
                self.advance(quiet_ms - self.mono_ms);
                let before = (self.finished.len(), self.deadline_ms(), self.open.clone());
                self.poll();
                assert_eq!(before, (self.finished.len(), self.deadline_ms(), self.open.clone()), "woke too late");
            }
            let Some(due_ms) = due_ms else { return };
            self.advance((due_ms - self.mono_ms).max(0));
            self.poll();
            assert_ne!(self.deadline_ms(), Some(due_ms), "polling at {due_ms} changed nothing");
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Send(i32),
    Open(usize),
    Refuse(usize),
    FailToResolve(usize),
    Close(usize),
    Answer { open: usize, wrong: bool },
    FromThePast(usize),
    Wait(i64),
    StepBack(i64),
    Poll,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3).prop_map(Op::Send),
        3 => any::<usize>().prop_map(Op::Open),
        1 => any::<usize>().prop_map(Op::Refuse),
        1 => any::<usize>().prop_map(Op::FailToResolve),
        1 => any::<usize>().prop_map(Op::Close),
        4 => (any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(open, wrong)| Op::Answer { open, wrong }),
        1 => any::<usize>().prop_map(Op::FromThePast),
        4 => prop_oneof![0..60i64, 0..TIMEOUT_MS * 2, 0..40_000i64].prop_map(Op::Wait),
        1 => (0..5_000i64).prop_map(Op::StepBack),
        1 => Just(Op::Poll),
    ]
}

proptest! {
    #[test]
    fn every_request_finishes_exactly_once(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World { now_ms: 10_000_000, ..World::new() };
        for op in ops {
            match op {
                Op::Send(to) => world.send(to),
                Op::Open(n) => world.nth_connecting(n).into_iter().for_each(|token| world.connect(token)),
                Op::Refuse(n) => world.nth_connecting(n).into_iter().for_each(|token| world.close(token)),
                Op::FailToResolve(n) => {
                    world.nth_connecting(n).into_iter().for_each(|token| world.fail_to_resolve(token));
                }
                Op::Close(n) => world.nth_open(n).into_iter().for_each(|(token, _)| world.close(token)),
                Op::Answer { open, wrong } => {
                    if let Some((token, Some(id))) = world.nth_open(open) {
                        world.respond(token, if wrong { id - 1 } else { id });
                    }
                }
                Op::FromThePast(n) => {
                    let token = world.gone.get(n % world.gone.len().max(1)).copied();
                    token.into_iter().for_each(|token| world.word_from_the_past(token));
                }
                Op::Wait(ms) => world.wait(ms),
                Op::StepBack(ms) => world.now_ms -= ms,
                Op::Poll => world.poll(),
            }
        }
        world.wait(100_000);
        prop_assert_eq!(world.deadline_ms(), None, "idle, and yet waiting");
        let mut ids: Vec<i32> = world.finished.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        prop_assert_eq!(ids, (1..=world.handed_over).collect::<Vec<_>>());
    }
}

/// consensus.md §2.4: a request sent after a reset waits behind the forgotten one, until that
/// is answered, or times out and takes the connection with it.
#[test]
fn a_request_waits_behind_a_forgotten_one() {
    let mut world = World::new();
    world.send(1);
    let token = world.nth_connecting(0).expect("one attempt");
    world.open(token);
    world.send(1);
    world.send(1);
    world.respond(token, 1);
    assert_eq!(world.deadline_ms(), Some(world.mono_ms), "the next one can be sent at once");
    world.poll();
    assert_eq!(world.open[&token], Some(2));
    world.wait(TIMEOUT_MS);
    assert_eq!(world.finished, [(1, Ok(()))]);
    world.wait(1);
    assert_eq!(world.finished[1..], [(2, Err(TransportError::TimedOut)), (3, Err(TransportError::Disconnected))]);
    assert!(world.open.is_empty(), "the connection is closed with it");
}

/// Kafka's network thread takes an answer when it arrives, whatever the raft thread waits for.
#[test]
fn an_answer_that_came_in_time_counts_however_late_it_is_taken() {
    for answers in [true, false] {
        let mut world = World::new();
        world.send(1);
        let token = world.nth_connecting(0).expect("one attempt");
        world.open(token);
        world.advance(TIMEOUT_MS + 1);
        let now = world.now();
        world.step(|channel, _, out| channel.poll(now, true, &mut Middle, out));
        assert_eq!((&world.finished[..], world.deadline_ms()), (&[][..], Some(world.mono_ms)), "an answer may wait");
        if answers {
            world.respond(token, 1);
        }
        world.poll();
        assert_eq!(world.finished, [(1, if answers { Ok(()) } else { Err(TransportError::TimedOut) })]);
    }
}

/// `InterBrokerSendThread.pollOnce`: it waits before it finds that a connection has failed.
#[test]
fn requests_during_a_reconnect_backoff_fail_at_its_end() {
    let mut world = World::new();
    for backoff_ms in [50, 100, 200, 400, 500, 500] {
        world.send(1);
        let token = world.nth_connecting(0).expect("one attempt");
        world.close(token);
        world.wait(10);
        let failed = world.finished.len();
        world.send(1);
        world.wait(backoff_ms - 11);
        assert_eq!(world.finished.len(), failed, "not yet, after {backoff_ms} ms less one");
        world.wait(1);
        assert_eq!(world.finished.len(), failed + 1);
    }
    world.send(1);
    let token = world.nth_connecting(0).expect("one attempt");
    world.open(token);
    world.close(token);
    world.wait(50);
    world.send(1);
    assert_eq!(world.connecting.len(), 1, "a success starts the backoff anew");
}

/// `NetworkClient.initiateConnect` fails within `ready`: the thread waits for the `connectionDelay`, and then
/// `checkDisconnects` finds the failed connection.
#[test]
fn a_request_for_a_name_that_is_not_resolved_fails_at_the_end_of_the_backoff() {
    let mut world = World::new();
    for backoff_ms in [50, 100, 200] {
        world.send(1);
        let token = world.nth_connecting(0).expect("one attempt");
        let failed = world.finished.len();
        world.fail_to_resolve(token);
        world.wait(backoff_ms - 1);
        assert_eq!(world.finished.len(), failed, "not yet, after {backoff_ms} ms less one");
        world.wait(1);
        assert_eq!(world.finished.len(), failed + 1);
    }
}

#[test]
fn requests_during_a_reconnect_backoff_fail_at_any_event() {
    let mut world = World::new();
    world.send(1);
    let token = world.nth_connecting(0).expect("one attempt");
    world.close(token);
    world.send(1);
    assert_eq!(world.finished.len(), 1);
    world.send(2);
    assert_eq!(world.finished.len(), 2, "the thread was awake");
    let other = world.nth_connecting(0).expect("one attempt");
    world.open(other);
    world.send(1);
    assert_eq!(world.finished.len(), 2);
    world.respond(other, 3);
    world.poll();
    assert_eq!(world.finished.len(), 4, "the answer, and the request in backoff");
}

#[test]
fn a_silent_connect_fails_its_requests_first_and_itself_much_later() {
    let mut world = World::new();
    for setup_timeout_ms in [10_000, 20_000, 30_000, 30_000] {
        world.send(1);
        world.wait(TIMEOUT_MS);
        assert_eq!(world.finished.len() as i32, world.handed_over - 1, "still queued");
        world.wait(1);
        assert_eq!(world.finished.last(), Some(&(world.handed_over, Err(TransportError::TimedOut))));
        world.wait(setup_timeout_ms - TIMEOUT_MS - 1);
        assert_eq!(world.connecting.len(), 1);
        world.wait(TIMEOUT_MS + 1);
        assert!(world.connecting.is_empty(), "the thread is awake that often");
        world.wait(500);
    }
}

/// `NetworkClient.poll` waits for the timeout of requests, and looks at them only then.
#[test]
fn a_request_for_the_same_silent_node_at_the_limit_lets_it_wait_once_more() {
    let mut world = World::new();
    world.send(1);
    let token = world.nth_connecting(0).expect("one attempt");
    world.open(token);
    world.wait(TIMEOUT_MS);
    world.send(1);
    world.poll();
    world.wait(TIMEOUT_MS);
    assert_eq!(world.finished, []);
    world.wait(1);
    assert_eq!(world.finished, [(1, Err(TransportError::TimedOut)), (2, Err(TransportError::Disconnected))]);
}

#[test]
fn an_event_of_another_connection_shows_that_a_request_is_too_old() {
    let mut world = World::new();
    world.send(1);
    let silent = world.nth_connecting(0).expect("one attempt");
    world.open(silent);
    world.wait(TIMEOUT_MS);
    world.send(2);
    let other = world.nth_connecting(0).expect("one attempt");
    world.wait(1);
    assert_eq!(world.finished, []);
    world.open(other);
    assert_eq!(world.finished, [(1, Err(TransportError::TimedOut))]);
}

/// `NetworkClient.handleInitiateApiVersionRequests`
#[test]
fn nothing_is_sent_before_api_versions_is_answered_and_its_loss_ends_the_connection() {
    let mut world = World::new();
    world.send(1);
    let token = world.nth_connecting(0).expect("one attempt");
    world.connect(token);
    world.poll();
    assert_eq!(world.open[&token], Some(VERSIONS_ID));
    world.wait(1_000);
    world.send(1);
    world.wait(2_000);
    assert_eq!((world.open.len(), world.finished.len()), (1, 0));
    world.wait(1);
    assert!(world.open.is_empty(), "the connection is closed");
    assert_eq!(world.finished.len(), 2, "with all that waited for it");
}

#[test]
fn a_connection_goes_to_the_port_of_the_oldest_request() {
    let (mut channel, mut out) = (channel(), Out::default());
    let now = Now { wall_ms: 1_000, ..Now::default() };
    for (id, port) in [(1, 9094), (2, 9093)] {
        let request = Request::ReadRecords(ReadRecordsRequest { from: Offset(0), max_records: 1 });
        channel.send(now.wall_ms, Destination { id: NodeId(7), port: Some(port) }, id, request);
    }
    channel.poll(now, false, &mut Middle, &mut out);
    let port_of = |effect: &Effect| if let Effect::Connect { port, .. } = effect { *port } else { None };
    let ports: Vec<u16> = out.effects.iter().filter_map(port_of).collect();
    assert_eq!(ports, [9094], "there is one connection for each node");
}
