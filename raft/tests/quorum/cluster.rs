//! Several real replicas; every message takes a millisecond or two, and links can be cut.

use std::collections::BTreeMap;

use raft::bugs::Bugs;
use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::io::{Connection, Input, Role, ThreadName};
use raft::message::Response;
use raft::node::Node;

use super::harness::{Disk, Harness, Sent, spec};

enum Event {
    Request { from: NodeId, sent: Sent },
    Response { to: NodeId, sent: Sent, response: Response },
}

pub struct Cluster {
    pub harnesses: Vec<Harness>,
    pub now_ns: u64,
    /// Messages and timers so far.
    pub events: u32,
    queue: BTreeMap<(u64, u64), Event>,
    ordinal: u64,
    /// (from, to) pairs that lose everything.
    cut: Vec<(i32, i32)>,
    /// Requests a replica works on: (replica, its connection) to the sender and its request.
    owed: BTreeMap<(i32, u64), (NodeId, Sent)>,
}

impl Cluster {
    /// Replicas 1..=voters vote, those above observe.
    pub fn start(voters: i32, replicas: i32, bugs: Bugs) -> Cluster {
        let boot = |id| Harness::boot(spec(id, voters, bugs, Fixes::default()), Disk::default(), 0);
        Cluster::of((1..=replicas).map(boot).collect())
    }

    /// Of replicas that have just booted, with ids from 1 on.
    pub fn of(harnesses: Vec<Harness>) -> Cluster {
        Cluster {
            harnesses,
            now_ns: 0,
            events: 0,
            queue: BTreeMap::new(),
            ordinal: 0,
            cut: Vec::new(),
            owed: BTreeMap::new(),
        }
    }

    pub fn harness(&mut self, id: i32) -> &mut Harness {
        &mut self.harnesses[id as usize - 1]
    }

    /// Cuts a replica off from all others, both ways.
    pub fn isolate(&mut self, id: i32) {
        for other in 1..=self.harnesses.len() as i32 {
            self.cut.extend([(id, other), (other, id)]);
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn leaders(&self) -> Vec<i32> {
        let leads = |harness: &&Harness| harness.node.role() == Some(Role::Leader);
        self.harnesses.iter().filter(leads).map(|harness| harness.id.0).collect()
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now_ns + ms * 1_000_000;
        loop {
            self.collect();
            let message = self.queue.keys().next().map(|key| key.0);
            let timer =
                self.harnesses.iter().enumerate().filter_map(|(i, harness)| Some((harness.next_timer()?, i))).min();
            let timer_at = timer.map(|((at, _), _)| at.max(self.now_ns));
            let Some(at) = [message, timer_at].into_iter().flatten().min().filter(|at| *at <= end) else { break };
            self.now_ns = at;
            self.events += 1;
            if message == Some(at) {
                self.deliver();
            } else if let Some(((_, thread), index)) = timer {
                self.harnesses[index].mono_ns = at;
                self.harnesses[index].fire(thread);
            }
        }
        self.now_ns = end;
        for harness in &mut self.harnesses {
            harness.mono_ns = end;
        }
    }

    fn collect(&mut self) {
        for index in 0..self.harnesses.len() {
            let from = self.harnesses[index].id;
            while let Some(sent) = self.harnesses[index].outbox.pop_front() {
                let to = sent.to;
                self.post(from, to, Event::Request { from, sent });
            }
            for (connection, response) in std::mem::take(&mut self.harnesses[index].answers) {
                match self.owed.remove(&(from.0, connection.0)) {
                    Some((to, sent)) => self.post(from, to, Event::Response { to, sent, response }),
                    // A client's: the test takes it.
                    None => self.harnesses[index].answers.push_back((connection, response)),
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
                let harness = self.harness(to.0);
                harness.mono_ns = now_ns;
                harness.reply(&sent, response);
            }
        }
    }

    fn give(&mut self, to: NodeId, thread: ThreadName, input: Input) {
        let now_ns = self.now_ns;
        let harness = self.harness(to.0);
        harness.mono_ns = now_ns;
        harness.step(thread, input);
    }
}
