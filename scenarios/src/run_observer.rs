//! The observer of a run: translates what crosses the border of a node for the checks. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use raft::broker::observation::BrokerObservation;
use raft::client::AttemptEvent as Attempt;
use raft::io::{FatalFault, Observation, ThreadName};
use raft::message::Request;
use sim::disk::Disk;
use sim::fault::{Fault, Guard, Kind, Occurrence, What};
use sim::process::{Connection, DiskError, File, Input, Node, Thread};
use sim::watch::{Down, Phase, Synced, Watch, Write};

use crate::abstract_state;
use crate::actor::{Actor, AttemptEvent, BoxedMessage, Files, Message, NodeDisk, Said};
use crate::aim::guard;
use crate::aim::tracker::Tracker;
use crate::aim::trigger_watch::TriggerWatch;
use crate::aim::voter_disks::VoterDisks;
use crate::checks::Checks;
use crate::checks::audit::NodeView;
use crate::checks::config::CheckConfig;
use crate::checks::event::{Crossing, Event, Rpc};
use crate::checks::invariant::timings::Disturbance;
use crate::client_answers::ClientAnswers;
use crate::history::recorder::Recorder;
use crate::scenario::fault_profile::{Timers, cuts, means, timers};

/// Observes one run.
#[derive(Clone, Debug)]
pub struct RunObserver {
    /// What must hold; `None` measures the world without its checks.
    pub checks: Option<Checks>,
    /// How often each kind of fault was injected.
    pub faults: [u64; Kind::ALL.len()],
    /// Audits compare complete disk contents from now on: the run is over.
    pub closing: bool,
    /// The responses to Kafka clients while a story requests operations.
    pub answers: Option<Box<ClientAnswers>>,
    /// Records the responses to clients, if requested.
    pub recorder: Option<Box<Recorder>>,
    /// Abstract states of the run, if requested.
    pub states: Option<Box<BTreeSet<u64>>>,
    /// Aimed faults that were injected, by their triggers.
    pub aimed: BTreeMap<String, u64>,
    trigger_watch: TriggerWatch,
    /// The state of triggers and guards, if the plan has any.
    tracker: Option<Box<Tracker>>,
    servers: usize,
    /// The number of voters, which are the first servers.
    voters: usize,
    healed: bool,
    recovered: bool,
}

impl RunObserver {
    /// An observer of a cluster's servers (indices `0..servers`) and the clients that follow them.
    pub fn new(config: CheckConfig, trigger_watch: TriggerWatch, checks_on: bool) -> RunObserver {
        let (servers, voters) = (config.servers.len(), config.voters.len());
        let brokers = config.brokers.as_ref().map_or(&[][..], |brokers| &brokers.ids);
        let tracker = trigger_watch.needs_tracker().then(|| {
            let voter_disks = VoterDisks::new(config.voter_set.clone(), config.least_voters);
            Box::new(Tracker::new(&config.servers, &config.voters, config.controllers, brokers, voter_disks))
        });
        let checks = checks_on.then(|| Checks::new(config));
        RunObserver {
            checks,
            faults: [0; Kind::ALL.len()],
            closing: false,
            answers: None,
            recorder: None,
            states: None,
            aimed: BTreeMap::new(),
            trigger_watch,
            tracker,
            servers,
            voters,
            healed: false,
            recovered: false,
        }
    }

    /// Whether the cluster has recovered since the world healed.
    pub fn has_recovered(&self) -> bool {
        self.recovered
    }

    /// The checks and a server's index, if this node is a server and checks are on.
    #[inline]
    fn server(&mut self, node: Node) -> Option<(&mut Checks, usize)> {
        let index = usize::from(node.0);
        if index < self.servers { self.checks.as_mut().map(|checks| (checks, index)) } else { None }
    }

    /// An event crosses the border of a server.
    #[inline]
    fn cross(&mut self, at_ns: u64, node: Node, event: Event<'_>) {
        if let Some((checks, server)) = self.server(node) {
            checks.on(Crossing { at_ns, server, event });
        }
    }

    /// Passes a server's observation, and what it committed, to the triggers.
    fn watch_triggers(&mut self, node: Node, observation: Observation) {
        let Some(tracker) = &mut self.tracker else { return };
        self.trigger_watch.observed(node, observation);
        let commits = tracker.observed(node, observation);
        self.trigger_watch.committed(node, &commits, tracker);
    }

    /// The abstract state may have changed.
    #[inline]
    fn note_state(&mut self) {
        if let (Some(states), Some(checks)) = (&mut self.states, &self.checks) {
            states.insert(abstract_state::of(&checks.models));
        }
    }

    /// Compares a server with the model of its border, and its complete disk contents if requested.
    fn compare(&mut self, at: u64, node: Node, (settled, every_byte): (bool, bool), process: &Actor, disk: &Disk) {
        let Actor::Server(actor) = process else { return };
        if let Some((checks, server)) = self.server(node) {
            let mut view = NodeView::default();
            actor.node.visit(&mut view);
            checks.audit(at, server, (settled, every_byte), &view, &Files(disk));
        }
    }

    /// Servers that a cut separates from a majority of the voters (a voter counts itself), in either direction.
    fn isolated_by(&self, fault: &Fault) -> Vec<usize> {
        let links = cuts(&fault.what);
        if links.is_empty() {
            return Vec::new();
        }
        let majority = self.voters / 2 + 1;
        let is_cut =
            |a: usize, b: usize| links.iter().any(|link| usize::from(link.0.0) == a && usize::from(link.1.0) == b);
        let reaches = |a: usize| (0..self.voters).filter(|b| *b == a || !(is_cut(a, *b) || is_cut(*b, a))).count();
        (0..self.servers).filter(|server| reaches(*server) < majority).collect()
    }
}

impl Watch<Actor> for RunObserver {
    fn booted(&mut self, at: u64, node: Node, incarnation: u32, disk: &Disk) {
        self.cross(at, node, Event::Booted { incarnation, disk: &Files(disk) });
        self.note_state();
    }

    fn before_down(&mut self, at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk, _how: Down) {
        self.compare(at, node, (settled, true), process, disk);
    }

    fn down(&mut self, at: u64, node: Node, _disk: &Disk, how: Down) {
        self.trigger_watch.down(node);
        if let Some(tracker) = &mut self.tracker {
            tracker.down(node);
        }
        self.cross(at, node, Event::Down { how });
        self.note_state();
    }

    #[inline]
    fn input(&mut self, at: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        self.cross(at, node, Event::Input { thread: ThreadName::ALL[usize::from(thread.0)] });
        match input {
            Input::Request { connection, message } => {
                if let Message::Request { correlation_id, request } = message.message() {
                    let rpc = Rpc { connection: connection.0, correlation_id: *correlation_id };
                    self.cross(at, node, Event::RequestReceived { rpc, request });
                }
            }
            Input::Response { token, message } => {
                if let Message::Response { correlation_id, response } = message.message() {
                    let (token, correlation_id) = (*token, *correlation_id);
                    self.cross(at, node, Event::ResponseReceived { token, correlation_id, response });
                }
            }
            Input::Opened { token, connection } if thread.0 == ThreadName::RequestHandler as u8 => {
                self.cross(at, node, Event::Connected { token: *token, connection: connection.0 });
            }
            Input::Closed { reason, .. } => self.cross(at, node, Event::ConnectionClosed { reason: *reason }),
            _ => {}
        }
    }

    #[inline]
    fn sent(&mut self, at: u64, node: Node, to: Node, connection: Connection, _: bool, boxed: &BoxedMessage) {
        let message = boxed.message();
        if let Some(tracker) = self.tracker.as_mut().filter(|_| usize::from(node.0) < self.servers) {
            if let Message::Response { response, .. } = message {
                tracker.answered(to, response);
            }
            if !self.trigger_watch.is_idle() {
                self.trigger_watch.sent((node, to), message, tracker);
            }
        }
        if usize::from(node.0) < self.servers {
            let rpc = |correlation_id: &i32| Rpc { connection: connection.0, correlation_id: *correlation_id };
            let event = match message {
                Message::Request { correlation_id, request } => {
                    Event::RequestSent { rpc: rpc(correlation_id), request }
                }
                Message::Response { correlation_id, response } => {
                    Event::ResponseSent { rpc: rpc(correlation_id), to: usize::from(to.0), response }
                }
            };
            self.cross(at, node, event);
        } else if let Message::Request { request, .. } = message {
            let Some(client) = usize::from(node.0).checked_sub(self.servers) else { return };
            if let (Some(recorder), Request::Admin(request)) = (&mut self.recorder, request) {
                recorder.sent(at, client, request);
            }
            if let Some(checks) = self.checks.as_mut() {
                checks.client_sent(client, request);
            }
        }
    }

    fn unheard(&mut self, at: u64, node: Node, connection: Connection, response: &BoxedMessage) {
        if let Message::Response { correlation_id, response } = response.message() {
            let rpc = Rpc { connection: connection.0, correlation_id: *correlation_id };
            self.cross(at, node, Event::ResponseUnheard { rpc, response });
        }
    }

    fn hung_up(&mut self, at: u64, node: Node, connection: Connection) {
        self.cross(at, node, Event::HungUp { connection: connection.0 });
    }

    fn wrote(&mut self, at: u64, node: Node, write: Write<'_>) {
        if let Some(tracker) = &mut self.tracker {
            tracker.wrote(node, write);
            self.trigger_watch.wrote(node, write);
        }
        self.cross(at, node, Event::Wrote { write });
    }

    fn synced(&mut self, at: u64, node: Node, synced: Synced) {
        self.cross(at, node, Event::Synced { synced });
    }

    fn disk_failed(&mut self, at: u64, node: Node, _error: DiskError) {
        self.cross(at, node, Event::DiskFailed);
    }

    fn fsync_failed(&mut self, at: u64, node: Node, file: File, disk: &Disk) {
        self.cross(at, node, Event::FsyncFailed { file, before: false, left: &NodeDisk(disk) });
    }

    fn synced_after_failure(&mut self, at: u64, node: Node, file: File, disk: &Disk) {
        self.cross(at, node, Event::FsyncFailed { file, before: true, left: &NodeDisk(disk) });
    }

    fn observed(&mut self, at: u64, node: Node, said: &Said) {
        match said {
            Said::Server(observation) => {
                let healed = self.healed;
                if self.server(node).is_none() {
                    return;
                }
                self.cross(at, node, Event::Observed { observation: *observation });
                self.watch_triggers(node, *observation);
                // ISRs and leaders follow from committed metadata, and so from a high watermark.
                if matches!(observation, Observation::RoleChanged { .. } | Observation::HighWatermark { .. }) {
                    self.note_state();
                }
                let Some(checks) = self.checks.as_mut() else { return };
                // Clients may be done, or idle, after the last of these.
                let moves = matches!(
                    observation,
                    Observation::Published { .. }
                        | Observation::HighWatermark { .. }
                        | Observation::RoleChanged { .. }
                        | Observation::Broker(BrokerObservation::LeaderHighWatermark { .. })
                );
                if healed && moves && checks.cluster().is_some() {
                    self.recovered = checks.recovered();
                }
            }
            Said::Attempt(event) => {
                if let Some(answers) = &mut self.answers {
                    answers.note(node, *event);
                }
                let client = usize::from(node.0) - self.servers;
                if let Some(recorder) = &mut self.recorder {
                    recorder.attempt(at, client, *event);
                }
                let Some(checks) = self.checks.as_mut() else { return };
                checks.attempt(at, client, *event);
                // A poll counts when all its records are reported.
                let moves = matches!(
                    event,
                    Attempt::BatchAcked { .. } | Attempt::ReadOk { .. } | Attempt::OperationDone { .. }
                );
                if self.healed && moves {
                    self.recovered = checks.recovered();
                }
            }
            Said::Client(event) => {
                let client = usize::from(node.0) - self.servers;
                if let Some(recorder) = &mut self.recorder {
                    recorder.client(at, client, *event);
                }
                let Some(checks) = self.checks.as_mut() else { return };
                checks.client(at, client, *event);
                if self.healed && matches!(event, AttemptEvent::ReadOk { .. } | AttemptEvent::AppendOk { .. }) {
                    self.recovered = checks.recovered();
                }
            }
        }
    }

    fn halted(&mut self, at: u64, node: Node, reason: &str, fault: Option<FatalFault>) {
        self.cross(at, node, Event::Halted { reason, fault });
    }

    fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        if let Some(tracker) = &mut self.tracker {
            tracker.fault(at, fault, phase);
        }
        if phase == Phase::Start {
            self.faults[fault.what.kind() as usize] += 1;
            if let Some(trigger) = &fault.on {
                *self.aimed.entry(trigger.name.as_ref().to_owned()).or_default() += 1;
            }
        }
        let isolated = self.isolated_by(fault);
        let Some(checks) = self.checks.as_mut() else { return };
        let change = cuts(&fault.what).len() as i32;
        match phase {
            Phase::Start => checks.links_cut(change),
            Phase::End => checks.links_cut(-change),
            Phase::Skipped => {}
        }
        checks.fault(at, fault, phase);
        let begins = phase == Phase::Start;
        if let Some((server, how)) = disturbs(&fault.what, begins).filter(|(server, _)| *server < self.servers)
            && phase != Phase::Skipped
        {
            checks.on(Crossing { at_ns: at, server, event: Event::Disturbed { how } });
            // An instantaneous fault ends as it begins.
            if fault.lasts_ns == 0 {
                let how = Disturbance { begins: false, back_ms: 0, ..how };
                checks.on(Crossing { at_ns: at, server, event: Event::Disturbed { how } });
            }
        }
        let cause = fault.what.kind().name();
        let stops = means(fault.what.kind()).stops;
        let struck = fault.what.node().filter(|_| stops).map(|node| usize::from(node.0));
        for server in isolated.into_iter().chain(struck).filter(|server| *server < self.servers) {
            match phase {
                Phase::Start => checks.failovers.struck(at, server, cause),
                Phase::End => checks.failovers.lifted(server),
                Phase::Skipped => {}
            }
        }
        self.note_state();
    }

    fn healed(&mut self, at: u64) {
        self.healed = true;
        if let Some(checks) = self.checks.as_mut() {
            checks.healed(at);
        }
    }

    fn disk_damaged(&mut self, at: u64, node: Node, disk: &Disk) {
        self.cross(at, node, Event::DiskDamaged { left: &NodeDisk(disk) });
    }

    fn audit(&mut self, at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk) {
        self.compare(at, node, (settled, self.closing), process, disk);
    }

    #[inline]
    fn has_occurrences(&self) -> bool {
        self.trigger_watch.has_occurrences()
    }

    fn take_occurrences(&mut self) -> Vec<Occurrence> {
        self.trigger_watch.take()
    }

    fn forbids(&self, at: u64, guard: Guard, fault: &Fault) -> bool {
        self.tracker.as_ref().is_some_and(|tracker| guard::forbids(at, guard, tracker, fault))
    }

    #[inline]
    fn stop(&self) -> bool {
        self.recovered || self.checks.as_ref().is_some_and(Checks::stop)
    }
}

/// The server whose timers the fault disturbs as it begins or ends, and how, if it does.
fn disturbs(what: &What, begins: bool) -> Option<(usize, Disturbance)> {
    let (node, timers) = (what.node()?, timers(what)?);
    let (forward_ms, slows) = match timers {
        Timers::Late => (0, false),
        Timers::Rate(ppm) => (0, ppm < 0),
        Timers::Step(by_ms) => (if begins { by_ms } else { by_ms.saturating_neg() }, false),
        // If the world heals before the slew is over, it continues: a clock that gains ends timers early, then.
        Timers::Slewed(by_ms) => (-by_ms.saturating_abs(), by_ms < 0),
    };
    let back_ms = if forward_ms < 0 { forward_ms.unsigned_abs() } else { 0 };
    Some((usize::from(node.0), Disturbance { begins, back_ms, slows }))
}

#[cfg(test)]
mod tests {
    use sim::fault::{Drift, FullDisk, Pause, WallSmear, WallStep};
    use sim::process::Node;

    use super::*;

    #[test]
    fn a_wall_clock_goes_back_as_a_step_back_begins_or_one_forward_ends() {
        let node = Node(4);
        let back = |what: What| [true, false].map(|begins| disturbs(&what, begins).map(|(_, how)| how.back_ms));
        assert_eq!(back(What::WallStep(WallStep { node, by_ms: -30 })), [Some(30), Some(0)]);
        assert_eq!(back(What::WallStep(WallStep { node, by_ms: 30 })), [Some(0), Some(30)]);
        assert_eq!(
            back(What::WallSmear(WallSmear { node, by_ms: 30 })),
            [Some(30), Some(30)],
            "it may continue when all faults have ended"
        );
        assert_eq!(back(What::Pause(Pause { node })), [Some(0), Some(0)]);
        assert_eq!(back(What::FullDisk(FullDisk { node })), [None, None]);
        let slows = |what: What| disturbs(&what, true).is_some_and(|(server, how)| server == 4 && how.slows);
        assert!(slows(What::Drift(Drift { node, ppm: -1 })) && slows(What::WallSmear(WallSmear { node, by_ms: -1 })));
        assert!(!slows(What::Drift(Drift { node, ppm: 1 })) && !slows(What::Pause(Pause { node })));
    }
}
