//! Listeners: they receive all calls that the observer of a run receives, before it, and cannot affect it. So a
//! listener does not change the run.

use sim::disk::Disk;
use sim::drive::{Ended, Run};
use sim::fault::{Fault, Guard, Occurrence};
use sim::process::{Connection, DiskError, File, Input, Node, Now, Thread};
use sim::watch::{Down, Phase, Synced, Watch, Way, Write};

use crate::actor::{Actor, BoxedMessage, Said};
use crate::report::{RunOutcome, RunReport, Violation};
use crate::run::conclude::conclude;
use crate::run::{Request, begin, close};
use crate::run_observer::RunObserver;
use crate::topic_names::TopicNames;

/// See the module's documentation.
pub trait Listener: Watch<Actor> {
    /// An invariant is violated.
    fn broken(&mut self, violation: &Violation, by: ViolatedBy);
}

/// What violates an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolatedBy {
    /// The last event.
    LastStep,
    /// The step of the same thread before the last event, which begins the next one: a step is judged when it is over.
    StepBefore,
    /// The whole run: it is found at the end.
    Run,
}

/// An observer with a listener.
#[derive(Clone, Debug)]
pub struct WithListener<L> {
    pub observer: RunObserver,
    pub listener: L,
    is_broken: bool,
}

impl<L: Listener> WithListener<L> {
    /// Before the first event.
    pub fn new(observer: RunObserver, listener: L) -> WithListener<L> {
        WithListener { observer, listener, is_broken: false }
    }

    /// The first violation is caused by the event that the listener received last.
    fn look(&mut self) {
        if !self.is_broken
            && let Some(checks) = self.observer.checks.as_ref()
            && let Some(violation) = checks.violation()
        {
            self.is_broken = true;
            let by = if checks.is_of_step_before() { ViolatedBy::StepBefore } else { ViolatedBy::LastStep };
            self.listener.broken(&violation, by);
        }
    }
}

/// Runs a request on the bare loop with a listener, which is created with the names of the nodes. Also returns the
/// names of the run's topics.
pub fn listen<L: Listener>(
    request: &Request<'_>,
    listener: impl FnOnce(Vec<String>) -> L,
) -> Result<(RunReport, L, TopicNames), String> {
    let (prepared, Run { world, watch }, end_ns) = begin(request)?;
    let names = (0..world.node_count()).map(|node| world.name(Node(node as u16)).to_owned()).collect();
    let mut run = Run { world, watch: WithListener::new(watch, listener(names)) };
    let ended = run.drive_bare(end_ns);
    let Run { world, watch: WithListener { observer, mut listener, is_broken } } = run;
    let by = if matches!(ended, Ended::Panicked(_)) { ViolatedBy::LastStep } else { ViolatedBy::Run };
    let finished = close(request, prepared, (Run { world, watch: observer }, ended, None), end_ns);
    let report = conclude(request, &finished);
    if let (false, RunOutcome::Violated(violation)) = (is_broken, &report.outcome) {
        listener.broken(violation, by);
    }
    let names = finished.run.watch.checks.as_ref().map(|checks| checks.topic_names());
    Ok((report, listener, names.unwrap_or_default()))
}

macro_rules! shown_to_both {
    ($(fn $name:ident($($argument:ident: $type:ty),*);)+) => {
        $(fn $name(&mut self, $($argument: $type),*) {
            self.listener.$name($($argument),*);
            self.observer.$name($($argument),*);
            self.look();
        })+
    };
}

impl<L: Listener> Watch<Actor> for WithListener<L> {
    shown_to_both! {
        fn booted(at: u64, node: Node, incarnation: u32, disk: &Disk);
        fn up(at: u64, node: Node, process: &Actor);
        fn before_down(at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk, how: Down);
        fn down(at: u64, node: Node, disk: &Disk, how: Down);
        fn due(at: u64, events: u64);
        fn before_step(node: Node, thread: Thread, now: Now, input: &Input<Actor>, process: &Actor);
        fn input(at: u64, node: Node, thread: Thread, input: &Input<Actor>);
        fn stepped(at: u64, node: Node, thread: Thread, process: &Actor);
        fn sent(at: u64, node: Node, peer: Node, connection: Connection, is_request: bool, message: &BoxedMessage);
        fn unheard(at: u64, node: Node, connection: Connection, response: &BoxedMessage);
        fn hung_up(at: u64, node: Node, connection: Connection);
        fn blocked(at: u64, way: Way, message: &BoxedMessage);
        fn dropped(at: u64, way: Way, message: &BoxedMessage);
        fn discarded(at: u64, node: Node, thread: Thread, input: &Input<Actor>);
        fn connects(at: u64, node: Node, thread: Thread, token: u32, peer: Node);
        fn armed(at: u64, node: Node, thread: Thread, due_at: u64);
        fn disarmed(at: u64, node: Node, thread: Thread);
        fn posted(at: u64, node: Node, thread: Thread, to: Thread, post: &raft::io::Post);
        fn syncs(at: u64, node: Node, thread: Thread, what: Synced);
        fn resumes(at: u64, node: Node, thread: Thread);
        fn wrote(at: u64, node: Node, write: Write<'_>);
        fn synced(at: u64, node: Node, synced: Synced);
        fn disk_failed(at: u64, node: Node, error: DiskError);
        fn fsync_failed(at: u64, node: Node, file: File, disk: &Disk);
        fn synced_after_failure(at: u64, node: Node, file: File, disk: &Disk);
        fn observed(at: u64, node: Node, said: &Said);
        fn halted(at: u64, node: Node, reason: &str, fault: Option<raft::io::FatalFault>);
        fn fault(at: u64, fault: &Fault, phase: Phase);
        fn healed(at: u64);
        fn disk_damaged(at: u64, node: Node, disk: &Disk);
        fn audit(at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk);
    }

    fn has_occurrences(&self) -> bool {
        self.observer.has_occurrences()
    }

    fn take_occurrences(&mut self) -> Vec<Occurrence> {
        self.observer.take_occurrences()
    }

    fn forbids(&self, at: u64, guard: Guard, fault: &Fault) -> bool {
        self.observer.forbids(at, guard, fault)
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }
}
