//! Servers and clients as madsim tasks. A message is a datagram of `madsim::net::Endpoint`; an
//! fsync is a sleep; both are points at which a task may be killed.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use madsim::net::Endpoint;
use madsim::time::{sleep, timeout};
use raft::io::{ConnectToken, Connection, Effect, Entropy, Input, Now, Out, ThreadName};
use raft::message::{AppendRecordsRequest, ErrorCode, Request, Response};
use raft::node::Node;

use super::{below, ms, now, with};

const TAG: u64 = 1;

/// Where a message came from, and which request of that life it is about.
#[derive(Clone, Copy)]
pub struct Origin {
    place: usize,
    incarnation: u32,
    token: u32,
    correlation_id: i32,
}

/// A message in flight.
pub enum Letter {
    Request(Origin, Request),
    Response(Origin, Response),
}

pub fn address(place: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, place as u8 + 1], 9093))
}

/// What has arrived and was not taken yet.
#[derive(Default)]
struct Mailbox {
    letters: VecDeque<Letter>,
    waker: Option<Waker>,
}

/// Receives for a node: a receive that is given up loses its message, so it never is.
async fn postman(endpoint: Rc<Endpoint>, mailbox: Rc<RefCell<Mailbox>>) {
    loop {
        let Ok((number, _)) = endpoint.recv_from_raw(TAG).await else { return };
        let number = *number.downcast::<u64>().expect("a letter's number");
        let Some(letter) = with(|second| second.letters.remove(&number)) else { continue };
        let mut mailbox = mailbox.borrow_mut();
        mailbox.letters.push_back(letter);
        mailbox.waker.take().into_iter().for_each(Waker::wake);
    }
}

async fn next(mailbox: &RefCell<Mailbox>) -> Letter {
    poll_fn(|context| {
        let mut mailbox = mailbox.borrow_mut();
        mailbox.waker = Some(context.waker().clone());
        mailbox.letters.pop_front().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

async fn moved_in(place: usize) -> (Rc<Endpoint>, Rc<RefCell<Mailbox>>, u32) {
    let endpoint = Rc::new(Endpoint::bind(address(place)).await.expect("the address is free"));
    let mailbox = Rc::new(RefCell::new(Mailbox::default()));
    madsim::task::spawn_local(postman(endpoint.clone(), mailbox.clone()));
    let incarnation = with(|second| {
        second.incarnations[place] += 1;
        second.incarnations[place]
    });
    (endpoint, mailbox, incarnation)
}

async fn post(endpoint: &Endpoint, to: usize, letter: Letter) {
    let number = with(|second| {
        second.next_letter += 1;
        second.letters.insert(second.next_letter, letter);
        second.next_letter
    });
    endpoint.send_to_raw(address(to), TAG, Box::new(number)).await.expect("its own socket is open");
}

struct Draws;

impl Entropy for Draws {
    fn below(&mut self, bound: u32) -> u32 {
        below(u64::from(bound)) as u32
    }
}

fn clocks(place: usize) -> Now {
    let elapsed = now() + Duration::from_secs(1 + place as u64);
    Now { mono_ns: elapsed.as_nanos() as u64, wall_ms: 1_767_225_600_000 + elapsed.as_millis() as i64 }
}

/// A server's life.
pub async fn server(place: usize) {
    let (endpoint, mailbox, incarnation) = moved_in(place).await;
    let mut out = Out::default();
    let node = with(|second| {
        second.disks[place].died();
        second.checks.booted(place);
        Node::boot(&second.specs[place], clocks(place), &mut Draws, &second.disks[place], &mut out)
    });
    let mut server = Server {
        place,
        incarnation,
        endpoint,
        node,
        inputs: VecDeque::new(),
        timers: [None; 2],
        opened: BTreeMap::new(),
        owed: BTreeMap::new(),
        next_connection: 0,
    };
    server.apply(ThreadName::RaftIo, &mut out).await;
    loop {
        if let Some((thread, input)) = server.inputs.pop_front() {
            server.step(thread, input, &mut out).await;
            continue;
        }
        let mono_ns = clocks(place).mono_ns;
        let due = server.timers.iter().flatten().min().map(|at| at.saturating_sub(mono_ns));
        match timeout(Duration::from_nanos(due.unwrap_or(u64::MAX / 4)), next(&mailbox)).await {
            Ok(letter) => server.receive(letter),
            Err(_) => server.fire(),
        }
    }
}

struct Server {
    place: usize,
    incarnation: u32,
    endpoint: Rc<Endpoint>,
    node: Node,
    inputs: VecDeque<(ThreadName, Input)>,
    timers: [Option<u64>; 2],
    /// Connections this node opened: the peer, and the token.
    opened: BTreeMap<Connection, (usize, ConnectToken)>,
    /// Requests that are owed an answer, each on a connection of its own.
    owed: BTreeMap<Connection, Origin>,
    next_connection: u64,
}

impl Server {
    fn connection(&mut self) -> Connection {
        self.next_connection += 1;
        Connection(self.next_connection)
    }

    fn receive(&mut self, letter: Letter) {
        match letter {
            Letter::Request(origin, request) => {
                let connection = self.connection();
                self.owed.insert(connection, origin);
                let correlation_id = origin.correlation_id;
                self.inputs
                    .push_back((Node::thread_for(&request), Input::Request { connection, correlation_id, request }));
            }
            Letter::Response(Origin { incarnation, token, correlation_id, .. }, response) => {
                let token = ConnectToken(token);
                let open = self.opened.values().any(|(_, other)| *other == token);
                if incarnation == self.incarnation && open {
                    self.inputs.push_back((ThreadName::RaftIo, Input::Response { token, correlation_id, response }));
                }
            }
        }
    }

    fn fire(&mut self) {
        let mono_ns = clocks(self.place).mono_ns;
        for thread in [ThreadName::RaftIo, ThreadName::ControllerEventQueue] {
            if self.timers[thread as usize].is_some_and(|at| at <= mono_ns) {
                self.timers[thread as usize] = None;
                self.inputs.push_back((thread, Input::Timer));
            }
        }
    }

    async fn step(&mut self, thread: ThreadName, input: Input, out: &mut Out) {
        self.node.step(thread, clocks(self.place), input, &mut Draws, out);
        self.apply(thread, out).await;
    }

    async fn apply(&mut self, thread: ThreadName, out: &mut Out) {
        for effect in out.effects.drain(..) {
            if matches!(effect, Effect::Fsync { .. } | Effect::FsyncDirectory) {
                sleep(Duration::from_micros(below(5_000))).await;
            }
            if with(|second| second.disks[self.place].apply(&effect)) {
                continue;
            }
            match effect {
                Effect::Connect { token, to, .. } => {
                    let connection = self.connection();
                    let peer = |second: &mut super::Second| second.specs.iter().position(|s| s.config.node_id == to);
                    self.opened.insert(connection, (with(peer).expect("a known node"), token));
                    self.inputs.push_back((thread, Input::Opened { token, connection }));
                }
                Effect::SendRequest { connection, correlation_id, request } => {
                    let Some((peer, token)) = self.opened.get(&connection).copied() else { continue };
                    let (place, incarnation) = (self.place, self.incarnation);
                    let origin = Origin { place, incarnation, token: token.0, correlation_id };
                    post(&self.endpoint, peer, Letter::Request(origin, request)).await;
                }
                Effect::SendResponse { connection, response, .. } => {
                    let Some(origin) = self.owed.remove(&connection) else { continue };
                    post(&self.endpoint, origin.place, Letter::Response(origin, response)).await;
                }
                Effect::Close { token } => self.opened.retain(|_, (_, other)| *other != token),
                Effect::ArmTimer { at_mono_ns } => self.timers[thread as usize] = Some(at_mono_ns),
                Effect::Continue => self.inputs.push_front((thread, Input::Continue)),
                Effect::CancelTimer => self.timers[thread as usize] = None,
                Effect::Post { thread, post } => self.inputs.push_back((thread, Input::Post(post))),
                Effect::Observe(said) => with(|second| second.checks.observed(self.place, &self.node, said)),
                Effect::Halt { reason, .. } => panic!("server {} ended itself: {reason}", self.place),
                other => panic!("a file effect the disk does not know: {other:?}"),
            }
        }
    }
}

/// A client's life: one append at a time, to the leader.
pub async fn client(place: usize, servers: usize) {
    let (endpoint, mailbox, incarnation) = moved_in(place).await;
    let mut leader = place % servers;
    for attempt in 1..u32::MAX {
        sleep(ms(20 + below(80))).await;
        let value = (place as u64) << 32 | u64::from(attempt);
        let request = Request::AppendRecords(AppendRecordsRequest { values: [value].into_iter().collect() });
        let origin = Origin { place, incarnation, token: 0, correlation_id: attempt as i32 };
        post(&endpoint, leader, Letter::Request(origin, request)).await;
        let answer = async {
            loop {
                match next(&mailbox).await {
                    Letter::Response(about, Response::AppendRecords(answer))
                        if about.correlation_id == attempt as i32 =>
                    {
                        return answer;
                    }
                    _ => {}
                }
            }
        };
        match timeout(ms(1_000), answer).await {
            Ok(answer) if answer.error == ErrorCode::None => {
                with(|second| second.checks.acknowledge(value, answer.base_offset));
            }
            Ok(answer) => {
                let hinted = answer
                    .leader_id
                    .and_then(|id| with(|second| second.specs.iter().position(|spec| spec.config.node_id == id)));
                leader = hinted.unwrap_or_else(|| below(servers as u64) as usize);
            }
            Err(_) => leader = below(servers as u64) as usize,
        }
    }
    pending::<()>().await;
}
