//! A client, its timer, and a network with a latency of 1 ms in which a fate can be set for any request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::brokers::Brokers;
use crate::client::*;
use crate::ids::NodeId;
use crate::io::{CloseReason, ConnectToken, Connection, Entropy, Now};
use crate::message::{DataRequest, Request, Response};

/// Draws the middle of each range: no jitter, and nodes in no special order.
pub struct Middle;
impl Entropy for Middle {
    fn below(&mut self, bound: u32) -> u32 {
        bound / 2
    }
}

/// A client that can be stepped.
pub trait Steps {
    type Operation;
    fn step(&mut self, now: Now, input: ClientInput<Self::Operation>, out: &mut ClientOut);
}

macro_rules! steps {
    ($($client:ty: $operation:ty;)+) => {
        $(impl Steps for $client {
            type Operation = $operation;
            fn step(&mut self, now: Now, input: ClientInput<$operation>, out: &mut ClientOut) {
                <$client>::step(self, now, input, &mut Middle, out);
            }
        })+
    };
}
steps! {
    Producer: ProducerOperation;
    Consumer: ConsumerOperation;
    AdminClient: AdminOperation;
}

/// What happens to a request. After any but the first two its connection carries nothing more: the bytes of a
/// connection arrive in order or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// Executed and answered.
    Answered,
    /// Answered with this response instead.
    Instead(Response),
    /// Lost: neither executed nor answered.
    RequestLost,
    /// Executed, never answered.
    ResponseLost,
    /// Executed, and the connection is reset instead of a response.
    ResetAfter,
    /// The connection is reset before the request is executed.
    ResetBefore,
}

enum Event {
    Opened(ConnectToken),
    Closed(ConnectToken, CloseReason),
    Response(ConnectToken, i32, Response),
}

/// Selects requests.
pub type Kind = fn(&Request) -> bool;

pub struct World<C: Steps> {
    pub now_ms: i64,
    pub client: C,
    pub brokers: Brokers,
    /// All observed events, with the ms.
    pub events: Vec<(i64, AttemptEvent)>,
    /// All sent requests: ms, target, request.
    pub requests: Vec<(i64, NodeId, Request)>,
    /// All connects: ms and target.
    pub connects: Vec<(i64, NodeId)>,
    /// When the client closed connections, in ms.
    pub closes: Vec<i64>,
    fates: VecDeque<(Kind, Fate)>,
    queue: BTreeMap<(i64, u64), Event>,
    queued: u64,
    links: BTreeMap<ConnectToken, NodeId>,
    silent: BTreeSet<ConnectToken>,
    timer_ms: Option<i64>,
    out: ClientOut,
}

pub fn is_produce(request: &Request) -> bool {
    matches!(request, Request::Data(DataRequest::Produce(_)))
}

impl<C: Steps> World<C> {
    pub fn new(client: C, brokers: Brokers) -> World<C> {
        let mut world = World {
            now_ms: 1_000,
            client,
            brokers,
            events: Vec::new(),
            requests: Vec::new(),
            connects: Vec::new(),
            closes: Vec::new(),
            fates: VecDeque::new(),
            queue: BTreeMap::new(),
            queued: 0,
            links: BTreeMap::new(),
            silent: BTreeSet::new(),
            timer_ms: None,
            out: ClientOut::default(),
        };
        world.input(ClientInput::Timer);
        world
    }

    /// The next request of this kind meets this fate; those after it the next fate set.
    pub fn fate(&mut self, of: Kind, fate: Fate) {
        self.fates.push_back((of, fate));
    }

    pub fn operate(&mut self, operation: C::Operation) {
        self.input(ClientInput::Operation(operation));
    }

    /// Resets every connection to a broker.
    pub fn reset(&mut self, node: NodeId) {
        let links: Vec<_> = self.links.iter().filter(|(_, to)| **to == node).map(|(token, _)| *token).collect();
        for token in links {
            self.later(0, Event::Closed(token, CloseReason::Reset));
        }
    }

    /// Advances time, with timers and messages in order.
    pub fn run_for(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        let mut steps = 0;
        loop {
            let next_event = self.queue.first_key_value().map(|((at_ms, _), _)| *at_ms);
            let Some(at_ms) = next_event.into_iter().chain(self.timer_ms).min().filter(|at_ms| *at_ms <= end_ms) else {
                break;
            };
            steps += 1;
            assert!(steps < 100_000, "the client never rests (at {} ms)", self.now_ms);
            self.now_ms = self.now_ms.max(at_ms);
            if next_event == Some(at_ms) {
                let Some((_, event)) = self.queue.pop_first() else { break };
                self.happen(event);
            } else {
                self.timer_ms = None;
                self.input(ClientInput::Timer);
            }
        }
        self.now_ms = end_ms;
    }

    /// All observed events.
    pub fn observed(&self) -> impl Iterator<Item = AttemptEvent> + '_ {
        self.events.iter().map(|(_, event)| *event)
    }

    pub fn count(&self, wanted: impl Fn(&AttemptEvent) -> bool) -> usize {
        self.observed().filter(|event| wanted(event)).count()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Opened(token) => {
                if self.links.contains_key(&token) {
                    let connection = Connection(u64::from(token.0));
                    self.input(ClientInput::Opened { token, connection });
                }
            }
            Event::Closed(token, reason) => {
                if self.links.remove(&token).is_some() {
                    self.input(ClientInput::Closed { token, reason });
                }
            }
            Event::Response(token, correlation_id, response) => {
                if self.links.contains_key(&token) {
                    self.input(ClientInput::Response { token, correlation_id, response });
                }
            }
        }
    }

    fn input(&mut self, input: ClientInput<C::Operation>) {
        let now = Now { mono_ns: self.now_ms as u64 * 1_000_000, wall_ms: self.now_ms };
        self.client.step(now, input, &mut self.out);
        for effect in std::mem::take(&mut self.out.effects) {
            match effect {
                ClientEffect::Connect { token, to } => {
                    self.connects.push((self.now_ms, to));
                    assert!(self.links.insert(token, to).is_none(), "{token:?} twice");
                    match self.brokers.is_up(to) {
                        Some(true) => self.later(1, Event::Opened(token)),
                        Some(false) => self.later(1, Event::Closed(token, CloseReason::Refused)),
                        None => {}
                    }
                }
                ClientEffect::Request { connection, correlation_id, request } => {
                    let token = ConnectToken(connection.0 as u32);
                    let node = self.links[&token];
                    self.requests.push((self.now_ms, node, request.clone()));
                    self.serve(token, node, correlation_id, &request);
                }
                ClientEffect::Close { token } => {
                    self.closes.push(self.now_ms);
                    assert!(self.links.remove(&token).is_some(), "{token:?} is not open");
                }
                ClientEffect::Arm { at_mono_ns } => self.timer_ms = Some((at_mono_ns / 1_000_000) as i64),
                ClientEffect::Cancel => self.timer_ms = None,
                ClientEffect::Observe(event) => self.events.push((self.now_ms, event)),
            }
        }
    }

    fn serve(&mut self, token: ConnectToken, node: NodeId, correlation_id: i32, request: &Request) {
        if self.silent.contains(&token) {
            return;
        }
        let next = self.fates.iter().position(|(of, _)| of(request));
        let fate = next.and_then(|next| self.fates.remove(next)).map_or(Fate::Answered, |(_, fate)| fate);
        if !matches!(fate, Fate::RequestLost | Fate::ResetBefore | Fate::Instead(_)) {
            let (wait_ms, response) = self.brokers.handle(node, request);
            if let (Fate::Answered, Some(response)) = (&fate, response) {
                self.later(2 + wait_ms, Event::Response(token, correlation_id, response));
            }
        }
        if !matches!(fate, Fate::Answered | Fate::Instead(_)) {
            self.silent.insert(token);
        }
        match fate {
            Fate::Instead(response) => self.later(2, Event::Response(token, correlation_id, response)),
            Fate::ResetAfter | Fate::ResetBefore => self.later(2, Event::Closed(token, CloseReason::Reset)),
            Fate::Answered | Fate::RequestLost | Fate::ResponseLost => {}
        }
    }

    fn later(&mut self, ms: i64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now_ms + ms, self.queued), event);
    }
}
