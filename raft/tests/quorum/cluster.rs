//! Several real replicas; every message takes a millisecond or two, and links can be cut.

use std::collections::BTreeMap;

use raft::bugs::Bugs;
use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::io::{Connection, Input, Role, ThreadName};
use raft::message::Response;
use raft::node::Node;

use super::desk::{Desk, Disk, Sent, spec};

enum Event {
    Request { from: NodeId, sent: Sent },
    Response { to: NodeId, sent: Sent, response: Response },
}

pub struct Cluster {
    pub desks: Vec<Desk>,
    pub now_ns: u64,
    queue: BTreeMap<(u64, u64), Event>,
    ordinal: u64,
    /// (from, to) pairs that lose everything.
    cut: Vec<(i32, i32)>,
    /// Requests a replica works on: (replica, its connection) to who asked what.
    owed: BTreeMap<(i32, u64), (NodeId, Sent)>,
}

impl Cluster {
    /// Replicas 1..=voters vote, those above observe.
    pub fn start(voters: i32, replicas: i32, bugs: Bugs) -> Cluster {
        let boot = |id| Desk::boot(spec(id, voters, bugs, Fixes::default()), Disk::default(), 0);
        let desks = (1..=replicas).map(boot).collect();
        Cluster { desks, now_ns: 0, queue: BTreeMap::new(), ordinal: 0, cut: Vec::new(), owed: BTreeMap::new() }
    }

    pub fn desk(&mut self, id: i32) -> &mut Desk {
        &mut self.desks[id as usize - 1]
    }

    /// Cuts a replica off from all others, both ways.
    pub fn isolate(&mut self, id: i32) {
        for other in 1..=self.desks.len() as i32 {
            self.cut.extend([(id, other), (other, id)]);
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn leaders(&self) -> Vec<i32> {
        let leads = |desk: &&Desk| desk.node.role() == Some(Role::Leader);
        self.desks.iter().filter(leads).map(|desk| desk.id.0).collect()
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now_ns + ms * 1_000_000;
        loop {
            self.collect();
            let message = self.queue.keys().next().map(|key| key.0);
            let timer = self.desks.iter().enumerate().filter_map(|(i, desk)| Some((desk.next_timer()?, i))).min();
            let timer_at = timer.map(|((at, _), _)| at.max(self.now_ns));
            let Some(at) = [message, timer_at].into_iter().flatten().min().filter(|at| *at <= end) else { break };
            self.now_ns = at;
            if message == Some(at) {
                self.deliver();
            } else if let Some(((_, thread), index)) = timer {
                self.desks[index].mono_ns = at;
                self.desks[index].fire(thread);
            }
        }
        self.now_ns = end;
        for desk in &mut self.desks {
            desk.mono_ns = end;
        }
    }

    fn collect(&mut self) {
        for index in 0..self.desks.len() {
            let from = self.desks[index].id;
            while let Some(sent) = self.desks[index].outbox.pop_front() {
                let to = sent.to;
                self.post(from, to, Event::Request { from, sent });
            }
            for (connection, response) in std::mem::take(&mut self.desks[index].answers) {
                match self.owed.remove(&(from.0, connection.0)) {
                    Some((to, sent)) => self.post(from, to, Event::Response { to, sent, response }),
                    // A client's: the test takes it.
                    None => self.desks[index].answers.push_back((connection, response)),
                }
            }
        }
    }

    fn post(&mut self, from: NodeId, to: NodeId, event: Event) {
        if self.cut.contains(&(from.0, to.0)) {
            return;
        }
        self.ordinal += 1;
        let latency_ns = 1_000_000 + 137_000 * from.0 as u64 + 91_000 * to.0 as u64;
        self.queue.insert((self.now_ns + latency_ns, self.ordinal), event);
    }

    fn deliver(&mut self) {
        let Some((_, event)) = self.queue.pop_first() else { return };
        match event {
            Event::Request { from, sent } => {
                self.ordinal += 1;
                let (connection, to) = (Connection(2_000_000 + self.ordinal), sent.to);
                let (correlation_id, request) = (sent.correlation_id, sent.request.clone());
                self.owed.insert((to.0, connection.0), (from, sent));
                let thread = Node::thread_for(&request);
                self.give(to, thread, Input::Request { connection, correlation_id, request });
            }
            Event::Response { to, sent, response } => {
                let now_ns = self.now_ns;
                let desk = self.desk(to.0);
                desk.mono_ns = now_ns;
                desk.reply(&sent, response);
            }
        }
    }

    fn give(&mut self, to: NodeId, thread: ThreadName, input: Input) {
        let now_ns = self.now_ns;
        let desk = self.desk(to.0);
        desk.mono_ns = now_ns;
        desk.step(thread, input);
    }
}
