//! The event loop: pop the earliest entry, process it, show it to the observer.
//!
//! The World is plain data: `Clone` (a checkpoint is a clone), free of any runtime, `!Send`. [`World::run_until`]
//! returns only for something the host must know of ([`Visible`]): a node that dies or boots, a story whose wait is
//! over, the end. The host then calls [`World::crash`] or [`World::boot`] (directly, or through madsim's node
//! lifecycle).

mod aim;
mod effects;
mod endings;
mod faults;
mod futures;
pub(crate) mod inject;
mod lifecycle;
pub(crate) mod node;
mod pool;
mod script;
mod service;
mod stories;
mod threads;
mod transport;
mod waiting;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::disk::Disk;
use crate::fault::Plan;
use crate::latency::Latency;
use crate::network::{Network, NetworkConfig};
use crate::process::{Effect, Node, Now, Out, Process, Thread};
use crate::rng::Seed;
use crate::schedule::{Due, Schedule, Scheduled};
use crate::trace::{Digest, Trace};
use crate::watch::Watch;

pub use node::NodeConfig;
use node::NodeState;
pub use script::{Condition, Recorded, Submitted, TicketId};
use waiting::Waiting;

/// The complete input of a run.
#[derive(Clone, Debug)]
pub struct WorldConfig<P: Process> {
    pub seed: Seed,
    /// The nodes, by index.
    pub nodes: Vec<NodeConfig<P>>,
    /// Links and connections.
    pub network: NetworkConfig,
    pub plan: Plan,
    /// When all faults end and the network is calm, ns.
    pub heal_at_ns: u64,
    /// Delay after which a process that ended by itself is started again, ns; `None`: it stays down.
    pub restart_after_halt_ns: Option<u64>,
    /// More events than this are a runaway.
    pub max_events: u64,
    /// More events than this without an advance of time are a runaway, and so are more inputs accepted from thread
    /// queues: threads that post to each other may do so without end within one event.
    pub max_events_at_one_time: u64,
    /// Number of events between two audits of the nodes.
    pub audit_every_events: u64,
}

impl<P: Process> WorldConfig<P> {
    /// These nodes on TCP links of 0.5 ms, without faults; a process that ends by itself is started again after a
    /// second.
    pub fn new(seed: Seed, nodes: Vec<NodeConfig<P>>) -> WorldConfig<P> {
        WorldConfig {
            seed,
            nodes,
            network: NetworkConfig::default(),
            plan: Plan::default(),
            heal_at_ns: u64::MAX,
            restart_after_halt_ns: Some(1_000_000_000),
            max_events: 100_000_000,
            max_events_at_one_time: 100_000,
            audit_every_events: 4096,
        }
    }
}

/// What the host must know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// A node dies now; the World has the cause already. The host calls [`World::crash`].
    Kill(Node),
    /// A node is powered on now. The host calls [`World::boot`].
    Boot(Node),
    /// A story's wait is over.
    Wake(TicketId),
    /// The event of [`World::stop_after_event`] has happened.
    AfterEvent,
    /// The observer requested a stop.
    Stopped,
    /// Too many events in total or at one time.
    Runaway {
        /// True if time did not advance.
        time_stands_still: bool,
    },
    /// The end of the requested time.
    End,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries popped that did something.
    pub events: u64,
    /// Messages handed to the network.
    pub messages: u64,
    /// Faults that took effect.
    pub faults: u64,
}

/// One seeded world of processes.
#[derive(Clone, Debug)]
pub struct World<P: Process> {
    pub(crate) seed: Seed,
    pub(crate) now: u64,
    pub(crate) schedule: Schedule,
    pub(crate) nodes: Vec<NodeState<P>>,
    pub(crate) network: Network<P>,
    pub(crate) plan: Rc<Plan>,
    /// Which faults of the plan are in force.
    in_force: Vec<bool>,
    /// Which aimed faults of the plan have been triggered.
    triggered: Vec<bool>,
    /// Aimed faults that wait, in the order in which they began to.
    waiting: Vec<Waiting>,
    plan_ordinal: u32,
    /// Faults of links that are in force before any node boots.
    before_boots: Vec<u32>,
    /// No fault is in force or will start; the network is calm.
    faults_are_over: bool,
    healed: bool,
    restart_after_halt_ns: Option<u64>,
    trace: Trace,
    counts: Counts,
    visible: VecDeque<Visible>,
    /// Threads with pending input, in the order they got it; emptied within one event.
    ready: VecDeque<(Node, Thread)>,
    out: Out<P>,
    spare: Vec<Effect<P>>,
    limits: Limits,
    next_audit: u64,
    /// Number of events when time last advanced.
    moved_at_event: u64,
    /// Inputs accepted from queues since time last advanced.
    taken_at_one_time: u64,
    /// Number of events after which the loop checks the rare conditions (0: now): something for the host, an audit due,
    /// a limit reached.
    look_up_at: u64,
    script: script::Script<P>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_events: u64,
    max_events_at_one_time: u64,
    audit_every_events: u64,
    stop_after_event: u64,
}

impl<P: Process> World<P> {
    /// A world in which every node is about to boot, in index order, at time 0.
    pub fn new(config: WorldConfig<P>) -> World<P> {
        let seed = config.seed;
        let mut plan = config.plan;
        plan.0.sort_by_key(|fault| fault.at_ns);
        let mut world = World {
            seed,
            now: 0,
            schedule: Schedule::new(seed),
            network: Network::new(config.network, config.nodes.len()),
            nodes: config.nodes.into_iter().enumerate().map(|(i, node)| NodeState::new(Node(i as u16), node)).collect(),
            in_force: vec![false; plan.0.len()],
            triggered: vec![false; plan.0.len()],
            waiting: Vec::new(),
            plan: Rc::new(plan),
            plan_ordinal: 0,
            before_boots: Vec::new(),
            faults_are_over: false,
            healed: false,
            restart_after_halt_ns: config.restart_after_halt_ns,
            trace: Trace::default(),
            counts: Counts::default(),
            visible: VecDeque::with_capacity(8),
            ready: VecDeque::with_capacity(8),
            out: Out::default(),
            spare: Vec::new(),
            limits: Limits {
                max_events: config.max_events,
                max_events_at_one_time: config.max_events_at_one_time,
                audit_every_events: config.audit_every_events,
                stop_after_event: u64::MAX,
            },
            next_audit: config.audit_every_events,
            moved_at_event: 0,
            taken_at_one_time: 0,
            look_up_at: 0,
            script: script::Script::default(),
        };
        for node in 0..world.nodes.len() {
            world.visible.push_back(Visible::Boot(Node(node as u16)));
        }
        world.schedule_plan(config.heal_at_ns);
        world
    }

    /// Runs to `end` (true time, ns; entries due at `end` included), or until something is visible to the host.
    pub fn run_until<W: Watch<P>>(&mut self, watch: &mut W, end: u64) -> Visible {
        loop {
            if self.counts.events >= self.look_up_at
                && let Some(visible) = self.look_up(watch)
            {
                return visible;
            }
            if watch.stop() {
                return Visible::Stopped;
            }
            let Some(entry) = self.schedule.pop_due(end) else {
                self.advance_to(end);
                return Visible::End;
            };
            self.advance_to(entry.at);
            watch.due(self.now, self.counts.events);
            self.counts.events += u64::from(self.dispatch(watch, &entry));
            if watch.has_occurrences() {
                self.take_occurrences(watch);
            }
        }
    }

    /// Checks the conditions that are too rare to be checked before each event. Deaths and boots precede wakes: a
    /// recording is replayed after them.
    #[cold]
    fn look_up<W: Watch<P>>(&mut self, watch: &mut W) -> Option<Visible> {
        let events = self.counts.events;
        if events >= self.next_audit {
            self.audit(watch);
        }
        for fault in std::mem::take(&mut self.before_boots) {
            self.counts.events += u64::from(self.fault_starts(watch, fault as usize));
        }
        if let Some(visible) = self.visible.pop_front() {
            return Some(visible);
        }
        if watch.stop() {
            return Some(Visible::Stopped);
        }
        if let Some(wake) = self.next_wake() {
            return Some(wake);
        }
        if events >= self.limits.stop_after_event {
            return Some(Visible::AfterEvent);
        }
        if events >= self.limits.max_events {
            return Some(Visible::Runaway { time_stands_still: false });
        }
        let runaway_at = self.moved_at_event.saturating_add(self.limits.max_events_at_one_time);
        if events >= runaway_at || self.taken_at_one_time >= self.limits.max_events_at_one_time {
            return Some(Visible::Runaway { time_stands_still: true });
        }
        let limits = self.limits.stop_after_event.min(self.limits.max_events);
        self.look_up_at = limits.min(runaway_at).min(self.next_audit);
        None
    }

    /// Sets a [`Visible`] for the host: the loop returns it before the next event.
    pub(crate) fn show_host(&mut self, visible: Visible) {
        self.visible.push_back(visible);
        self.look_up_at = 0;
    }

    fn advance_to(&mut self, at: u64) {
        if at > self.now {
            self.now = at;
            self.moved_at_event = self.counts.events;
            self.taken_at_one_time = 0;
        }
    }

    /// Processes what is due; false if it was stale and had no effect.
    fn dispatch<W: Watch<P>>(&mut self, watch: &mut W, entry: &Scheduled) -> bool {
        match entry.due {
            Due::Packet(packet) => self.packet_arrives(watch, packet),
            Due::Timer(node, thread) => self.timer_fires(watch, node, thread, entry.ordinal),
            Due::Served(node, thread) => self.served(watch, node, thread, entry.ordinal),
            Due::Synced(node, thread) => self.fsync_completes(watch, node, thread, entry.ordinal),
            Due::Retransmit(slot, direction) => self.retransmit(watch, slot, direction, entry.ordinal),
            Due::FaultStart(index) => self.fault_starts(watch, index as usize),
            Due::FaultEnd(index) => self.fault_ends(watch, index as usize),
            Due::Restart(node) => self.restart_is_due(node, entry.ordinal),
            Due::HostUp(node) => self.host_is_up(node, entry.ordinal),
            Due::Signal(node) => self.signal_arrives(watch, node, entry.ordinal),
            Due::Collection(node) => self.collection_is_due(watch, node, entry.ordinal),
            Due::Heal => self.heal(watch),
            Due::Ticket(ticket) => {
                self.ticket_is_due(ticket);
                false
            }
        }
    }

    /// Shows every node that is up, and its disk, to the observer.
    pub fn audit<W: Watch<P>>(&mut self, watch: &mut W) {
        self.next_audit = self.counts.events + self.limits.audit_every_events;
        for node in &self.nodes {
            if let Some(process) = &node.process {
                watch.audit(self.now, node.id, node.is_settled(), process, &node.disk);
            }
        }
    }

    /// Makes [`World::run_until`] return [`Visible::AfterEvent`] after `events` events.
    pub fn stop_after_event(&mut self, events: u64) {
        self.limits.stop_after_event = events;
        self.look_up_at = 0;
    }

    /// True time, ns.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Does a node still wait for the host to crash or boot it?
    pub fn lifecycle_is_due(&self) -> bool {
        !self.visible.is_empty()
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn name(&self, node: Node) -> &str {
        &self.nodes[usize::from(node.0)].name
    }

    /// A node's process, if it is up.
    pub fn process(&self, node: Node) -> Option<&P> {
        self.nodes[usize::from(node.0)].process.as_ref()
    }

    /// What a node's clocks show.
    pub fn clocks(&self, node: Node) -> Now {
        self.nodes[usize::from(node.0)].clock.now(self.now)
    }

    pub fn disk(&self, node: Node) -> &Disk {
        &self.nodes[usize::from(node.0)].disk
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The digest so far, with its lanes and ladder.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub fn digest(&self) -> Digest {
        self.trace.digest()
    }

    /// The plan, sorted by time; aimed faults that have been triggered name their targets.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn is_healed(&self) -> bool {
        self.healed
    }

    pub(crate) fn push_plan(&mut self, at: u64, identity: u64, due: Due) {
        self.schedule.push_plan(at, identity, &mut self.plan_ordinal, due);
    }

    pub(crate) fn sample_fsync(&self, latency: &Latency, node: Node, ordinal: u64) -> u64 {
        latency.sample(self.seed.mix(crate::rng::Purpose::Fsync, u64::from(node.0), ordinal))
    }
}
