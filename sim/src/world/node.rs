//! One node: its process or the lack of it, its clocks, disk and threads.

use std::collections::VecDeque;
use std::rc::Rc;

use super::{Visible, World};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::fault::Tail;
use crate::latency::Latency;
use crate::process::{Effect, File, Input, Node, Process, Thread};
use crate::rng::{Entropy, Purpose};
use crate::schedule::{Due, Owner};
use crate::trace::Kind;
use crate::watch::{Down, Watch};

/// A node as configured.
#[derive(Clone, Debug)]
pub struct NodeConfig<P: Process> {
    /// For people.
    pub name: String,
    /// The process's own configuration.
    pub spec: P::Spec,
    /// What the monotonic clock shows at true time 0, ns.
    pub mono_start_ns: u64,
    /// What the wall clock shows at true time 0, ms.
    pub wall_start_ms: i64,
    /// How fast both run.
    pub drift_ppm: i32,
    /// How long an fsync takes.
    pub fsync: Latency,
    /// Service time, ns, by thread and by `input_kind` index; missing entries are 0.
    pub costs: Rc<[Vec<u64>]>,
    /// Files that are there, durable, before the first boot.
    pub files: Vec<(Rc<str>, Rc<[u8]>)>,
}

impl<P: Process> NodeConfig<P> {
    /// A node whose clocks are true from 2023-11-14 on, whose fsync takes 0.5 ms and whose steps take no
    /// time, with an empty disk.
    pub fn new(name: impl Into<String>, spec: P::Spec) -> NodeConfig<P> {
        NodeConfig {
            name: name.into(),
            spec,
            mono_start_ns: 0,
            wall_start_ms: 1_700_000_000_000,
            drift_ppm: 0,
            fsync: Latency::Constant { ns: 500_000 },
            costs: Rc::from(Vec::new()),
            files: Vec::new(),
        }
    }
}

/// Index into a cost table: the input kinds, then the message kinds of the process.
pub fn input_kind<P: Process>(input: &Input<P>) -> usize {
    use crate::process::Payload;
    match input {
        Input::Opened { .. } => 0,
        Input::Closed { .. } => 1,
        Input::Timer => 2,
        Input::Post(_) => 3,
        Input::DiskError(_) => 4,
        Input::Terminate => 5,
        Input::Operation(_) => 6,
        Input::Request { message, .. } | Input::Response { message, .. } => 7 + usize::from(message.kind()),
    }
}

/// What a thread is doing.
#[derive(Clone, Debug)]
pub(crate) enum Busy<P: Process> {
    Free,
    /// Its list of effects was cut short by the node's death.
    Cut,
    /// Serving an input's cost; the schedule entry has this ordinal.
    Serving {
        ordinal: u32,
        input: Input<P>,
        hash: u64,
    },
    /// Waiting for an fsync (of a file, or of the directory).
    Syncing {
        ordinal: u32,
        file: Option<File>,
        /// What was left to do at `since`, as the ns it takes a disk that nothing slows down.
        work_ns: u64,
        since: u64,
    },
    /// Served or synced while the node was frozen: goes on when it thaws.
    Thawing(Thaw<P>),
}

/// What to go on with when a node thaws.
#[derive(Clone, Debug)]
pub(crate) enum Thaw<P: Process> {
    Step { input: Input<P>, hash: u64 },
    Sync { file: Option<File> },
    Continue,
}

/// The one timer of a thread; its schedule entry may be early (the deadline moved later) or stale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    /// Local monotonic deadline; `u64::MAX` when disarmed.
    pub mono_ns: u64,
    /// The same as true time.
    pub due_at: u64,
    /// Where the live schedule entry stands, `u64::MAX` if there is none, and its ordinal.
    pub entry_at: u64,
    pub entry_ordinal: u32,
    /// Fired while the thread was busy or frozen.
    pub fired: bool,
}

impl Timer {
    const DISARMED: Timer =
        Timer { mono_ns: u64::MAX, due_at: u64::MAX, entry_at: u64::MAX, entry_ordinal: 0, fired: false };
}

#[derive(Clone, Debug)]
pub(crate) struct ThreadState<P: Process> {
    pub busy: Busy<P>,
    pub queue: VecDeque<(Input<P>, u64)>,
    /// Effects behind a barrier, in order.
    pub held: Vec<Effect<P>>,
    pub timer: Timer,
    pub next_ordinal: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeState<P: Process> {
    pub id: Node,
    pub name: String,
    pub spec: P::Spec,
    pub process: Option<P>,
    /// Counts boots; 0 before the first.
    pub incarnation: u32,
    /// False after a power loss, until booted: the network receives nothing from it.
    pub host_up: bool,
    pub clock: Clock,
    pub disk: Disk,
    pub entropy: Entropy,
    pub threads: Vec<ThreadState<P>>,
    pub fsync: Latency,
    pub fsync_ordinal: u64,
    pub costs: Rc<[Vec<u64>]>,
    /// Faults in force, counted so that they may overlap.
    pub paused: u32,
    pub stalled: u32,
    pub slow_factors: Vec<u32>,
    pub full: u32,
    pub failing_fsyncs: Vec<FailingFsyncs>,
    /// Drift at rest, and what faults add to it, ppm.
    pub base_drift_ppm: i32,
    pub extra_drift_ppm: i64,
    /// How it is dying, between `Visible::Kill` and `crash`.
    pub dying: Option<Dying>,
    /// A kill that waits for an effect list longer than its `after`.
    pub doomed: Option<Doom>,
    /// The live `Restart` entry.
    pub restart_ordinal: Option<u32>,
    /// The SIGTERM it was sent, by the fault's place in the plan, and how long after its end it boots.
    pub terminated: Option<(usize, u64)>,
}

/// A death that waits for its place between two effects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    /// So many effects of a longer list are done first.
    pub after: usize,
    /// The thread whose list it is to be, once that is begun, and how many effects are left till then.
    pub within: Option<(Thread, usize)>,
    /// Index in the plan.
    pub fault: usize,
    pub dying: Dying,
}

/// Fsyncs that are to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailingFsyncs {
    /// Index in the plan.
    pub fault: usize,
    /// So many more.
    pub left: u32,
    /// One has failed.
    pub has_taken_effect: bool,
}

/// A death on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dying {
    pub how: Down,
    pub tail: Option<Tail>,
    pub replace_disk: bool,
    /// Boot again after so long; `None`: not by itself.
    pub down_for_ns: Option<u64>,
    /// The fault's identity, for draws.
    pub fault: u64,
}

impl<P: Process> NodeState<P> {
    pub fn new(id: Node, config: NodeConfig<P>) -> NodeState<P> {
        let mut disk = Disk::default();
        for (path, bytes) in &config.files {
            disk.install(path, bytes);
        }
        let thread = || ThreadState {
            busy: Busy::Free,
            queue: VecDeque::new(),
            held: Vec::new(),
            timer: Timer::DISARMED,
            next_ordinal: 0,
        };
        NodeState {
            id,
            name: config.name,
            spec: config.spec,
            process: None,
            incarnation: 0,
            host_up: true,
            clock: Clock::new(config.mono_start_ns, config.wall_start_ms, config.drift_ppm),
            disk,
            entropy: crate::rng::Seed(0).entropy(Purpose::Node, 0),
            threads: P::THREADS.iter().map(|_| thread()).collect(),
            fsync: config.fsync,
            fsync_ordinal: 0,
            costs: config.costs,
            paused: 0,
            stalled: 0,
            slow_factors: Vec::new(),
            full: 0,
            failing_fsyncs: Vec::new(),
            base_drift_ppm: config.drift_ppm,
            extra_drift_ppm: 0,
            dying: None,
            doomed: None,
            restart_ordinal: None,
            terminated: None,
        }
    }

    /// Is its process up and running?
    #[inline]
    pub fn runs(&self) -> bool {
        self.process.is_some() && self.dying.is_none() && !self.is_frozen()
    }

    /// Executes nothing right now.
    #[inline]
    pub fn is_frozen(&self) -> bool {
        self.paused > 0 || self.stalled > 0
    }

    /// How many times longer an fsync takes.
    pub fn disk_slowness(&self) -> u64 {
        self.slow_factors.iter().fold(1, |all: u64, factor| all.saturating_mul(u64::from(*factor).max(1)))
    }

    /// Nothing waits behind a barrier, and no failed effect is still to be told of.
    pub fn is_settled(&self) -> bool {
        self.threads.iter().all(|thread| {
            let to_be_told = matches!(thread.queue.front(), Some((Input::DiskError(_), _)));
            let quiet = match &thread.busy {
                Busy::Free => true,
                Busy::Serving { input, .. } => !matches!(input, Input::DiskError(_)),
                _ => false,
            };
            quiet && !to_be_told
        })
    }

    /// The network sees silence.
    #[inline]
    pub fn is_silent(&self) -> bool {
        !self.host_up || self.stalled > 0
    }
}

impl<P: Process> World<P> {
    /// Announces a node's death to the host; everything it did not do yet is dropped.
    pub(crate) fn condemn<W: Watch<P>>(&mut self, watch: &mut W, node: Node, dying: Dying) {
        let state = &mut self.nodes[usize::from(node.0)];
        assert!(state.process.is_some() && state.dying.is_none(), "node {} dies twice", node.0);
        state.dying = Some(dying);
        self.show_host(Visible::Kill(node));
        self.disarm(watch, node);
    }

    /// The host's answer to [`Visible::Kill`]: volatile state goes, the disk keeps what it keeps.
    pub fn crash<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        let index = usize::from(node.0);
        let Some(dying) = self.nodes[index].dying.take() else {
            panic!("node {} was crashed, but nothing had condemned it", node.0)
        };
        let Some(process) = self.nodes[index].process.take() else { panic!("node {} was down already", node.0) };
        let settled = self.nodes[index].is_settled();
        watch.before_down(self.now, node, settled, &process, &self.nodes[index].disk, dying.how);
        drop(process);
        let incarnation = self.nodes[index].incarnation;
        self.trace.behaviour(self.now, node.0, 0, incarnation, Kind::Down, down_code(dying.how));
        for (number, thread) in self.nodes[index].threads.iter_mut().enumerate() {
            let taken = match &thread.busy {
                Busy::Serving { input, .. } | Busy::Thawing(Thaw::Step { input, .. }) => Some(input),
                _ => None,
            };
            for input in taken.into_iter().chain(thread.queue.iter().map(|(input, _)| input)) {
                watch.discarded(self.now, node, Thread(number as u8), input);
            }
            thread.busy = Busy::Free;
            thread.queue.clear();
            thread.held.clear();
            thread.timer = Timer { entry_at: u64::MAX, ..Timer::DISARMED };
        }
        self.close_connections_of(watch, node, incarnation, dying.how == Down::PowerLost);
        let state = &mut self.nodes[index];
        state.disk.process_died();
        if dying.how == Down::PowerLost {
            state.host_up = false;
            self.lose_power(node, dying.tail.unwrap_or(Tail::Lost), dying.fault);
        }
        let state = &mut self.nodes[index];
        if dying.replace_disk {
            state.disk.replace();
            state.disk.set_full(state.full > 0);
            watch.disk_damaged(self.now, node, &state.disk);
        }
        watch.down(self.now, node, &self.nodes[index].disk, dying.how);
        if let Some(after) = dying.down_for_ns {
            self.schedule_restart(node, after);
        }
    }

    pub(crate) fn lose_power(&mut self, node: Node, tail: Tail, fault: u64) {
        let mut entropy = self.seed.entropy(Purpose::DiskFault, fault);
        self.nodes[usize::from(node.0)].disk.power_lost(tail, &mut entropy);
    }

    pub(crate) fn schedule_restart(&mut self, node: Node, after_ns: u64) {
        let at = self.now.saturating_add(after_ns);
        let next_ordinal = &mut self.nodes[usize::from(node.0)].threads[0].next_ordinal;
        let ordinal = self.schedule.push(at, Owner::thread(node, Thread(0)), next_ordinal, Due::Restart(node));
        self.nodes[usize::from(node.0)].restart_ordinal = Some(ordinal);
    }

    pub(crate) fn restart_is_due(&mut self, node: Node, ordinal: u32) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let live = state.restart_ordinal == Some(ordinal) && state.process.is_none();
        if live {
            state.restart_ordinal = None;
            self.show_host(Visible::Boot(node));
        }
        live
    }

    /// The host's answer to [`Visible::Boot`].
    pub fn boot<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        let index = usize::from(node.0);
        let state = &mut self.nodes[index];
        assert!(state.process.is_none(), "node {} is booted while it is up", node.0);
        state.incarnation += 1;
        state.host_up = true;
        state.restart_ordinal = None;
        // It was killed while it shut down.
        state.terminated = None;
        let incarnation = state.incarnation;
        state.entropy = self.seed.entropy(Purpose::Node, u64::from(node.0) << 32 | u64::from(incarnation));
        self.trace.behaviour(self.now, node.0, 0, incarnation, Kind::Boot, 0);
        watch.booted(self.now, node, incarnation, &state.disk);
        let mut out = std::mem::take(&mut self.out);
        let now = state.clock.now(self.now);
        let process = P::boot(&state.spec, now, &mut state.entropy, &state.disk, &mut out);
        watch.up(self.now, node, &process);
        state.process = Some(process);
        self.out = out;
        self.apply_step(watch, node, Thread(0));
        self.run_ready(watch);
    }

    /// Moves the timer's deadline, touching the schedule only if the live entry would come too late.
    pub(crate) fn place_timer(&mut self, node: Node, thread: Thread) {
        let state = &mut self.nodes[usize::from(node.0)];
        let slot = &mut state.threads[usize::from(thread.0)];
        if slot.timer.mono_ns == u64::MAX {
            return;
        }
        slot.timer.due_at = state.clock.true_at_mono(self.now, slot.timer.mono_ns);
        if slot.timer.entry_at > slot.timer.due_at {
            slot.timer.entry_at = slot.timer.due_at;
            slot.timer.entry_ordinal = self.schedule.push(
                slot.timer.due_at,
                Owner::thread(node, thread),
                &mut slot.next_ordinal,
                Due::Timer(node, thread),
            );
        }
    }
}

fn down_code(how: Down) -> u64 {
    match how {
        Down::Killed => 1,
        Down::PowerLost => 2,
        Down::Halted { fatal: false } => 3,
        Down::Halted { fatal: true } => 4,
        Down::Panicked => 5,
    }
}
