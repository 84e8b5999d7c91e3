//! One node: its process (if any), clocks, disk and threads.

use std::collections::VecDeque;
use std::rc::Rc;

use super::pool::Pool;
use crate::clock::Clock;
use crate::disk::{Disk, FileSystem};
use crate::fault::{Begun, Tail};
use crate::latency::Latency;
use crate::process::{Effect, File, Input, Node, Port, Process, Thread};
use crate::rng::{Entropy, Purpose};
use crate::service::ServiceTimes;
use crate::watch::Down;

/// A node as configured.
#[derive(Clone, Debug)]
pub struct NodeConfig<P: Process> {
    /// Name in reports.
    pub name: String,
    pub spec: P::Spec,
    /// What the monotonic clock shows at true time 0, ns.
    pub mono_start_ns: u64,
    /// What the wall clock shows at true time 0, ms.
    pub wall_start_ms: i64,
    /// Drift of both clocks.
    pub drift_ppm: i32,
    /// Duration of an fsync.
    pub fsync: Latency,
    /// That of a directory's, if it is another one.
    pub directory_fsync: Option<Latency>,
    pub file_system: FileSystem,
    pub service: Rc<ServiceTimes>,
    /// Files that exist, durable, before the first boot.
    pub files: Vec<(Rc<str>, Rc<[u8]>)>,
}

impl<P: Process> NodeConfig<P> {
    /// A node whose clocks are true from 2023-11-14 on, whose fsync takes 0.5 ms and whose steps take no time, with an
    /// empty disk.
    pub fn new(name: impl Into<String>, spec: P::Spec) -> NodeConfig<P> {
        NodeConfig {
            name: name.into(),
            spec,
            mono_start_ns: 0,
            wall_start_ms: 1_700_000_000_000,
            drift_ppm: 0,
            fsync: Latency::Constant { ns: 500_000 },
            directory_fsync: None,
            file_system: FileSystem::default(),
            service: Rc::default(),
            files: Vec::new(),
        }
    }
}

/// State of a thread.
#[derive(Clone, Debug)]
pub(crate) enum Busy<P: Process> {
    Free,
    /// Its list of effects was ended by the node's death.
    Cut,
    /// Busy with an input; the schedule entry has this ordinal.
    Serving {
        ordinal: u32,
        input: Input<P>,
        hash: u64,
    },
    /// Busy with what a step did, whose effects are held; the schedule entry has this ordinal.
    Working {
        ordinal: u32,
    },
    /// Waiting for an fsync (of a file, or of the directory).
    Syncing {
        ordinal: u32,
        file: Option<File>,
        /// Work that remained at `since`, as the ns it takes a disk that nothing slows down.
        work_ns: u64,
        since: u64,
    },
    /// Served or synced while the node was frozen: continues when it thaws.
    Thawing(Thaw<P>),
}

/// What a thread continues with when its node thaws.
#[derive(Clone, Debug)]
pub(crate) enum Thaw<P: Process> {
    Step {
        input: Input<P>,
        hash: u64,
    },
    Sync {
        file: Option<File>,
    },
    /// Performs the effects that are held.
    Held,
}

/// The one timer of a thread; its schedule entry may be early (the deadline moved later) or stale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    /// Local monotonic deadline; `u64::MAX` when disarmed.
    pub mono_ns: u64,
    /// The same as true time.
    pub due_at: u64,
    /// Time of the live schedule entry, `u64::MAX` if there is none, and its ordinal.
    pub entry_at: u64,
    pub entry_ordinal: u32,
    /// Fired while the thread was busy or frozen.
    pub fired: bool,
}

impl Timer {
    pub const DISARMED: Timer =
        Timer { mono_ns: u64::MAX, due_at: u64::MAX, entry_at: u64::MAX, entry_ordinal: 0, fired: false };
}

/// Pauses of a process by its service times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Collection {
    /// The live schedule entry.
    pub ordinal: Option<u32>,
    pub count: u32,
    pub is_under_way: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ThreadState<P: Process> {
    pub busy: Busy<P>,
    pub queue: VecDeque<(Input<P>, u64)>,
    /// Effects behind a barrier, in order.
    pub held: Vec<Effect<P>>,
    pub timer: Timer,
    pub next_ordinal: u32,
    /// If it stands for several threads.
    pub pool: Option<Box<Pool<P>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeState<P: Process> {
    pub id: Node,
    pub name: String,
    pub spec: P::Spec,
    pub process: Option<P>,
    /// Counts boots; 0 before the first.
    pub incarnation: u32,
    /// One bit for each port on which the process accepts connections.
    pub ports: u8,
    /// False after a power loss, until shortly before its process starts: the network receives nothing from it.
    pub host_up: bool,
    /// The live `HostUp` entry.
    pub host_up_ordinal: Option<u32>,
    pub clock: Clock,
    pub disk: Disk,
    pub entropy: Entropy,
    pub threads: Vec<ThreadState<P>>,
    pub fsync: Latency,
    pub directory_fsync: Option<Latency>,
    pub fsync_ordinal: u64,
    pub service: Rc<ServiceTimes>,
    /// How often this process has done each kind of work.
    pub calls: Vec<u32>,
    /// The live entry of its next pause, or of the end of one, and how many there were.
    pub collection: Collection,
    /// The live entry of a SIGTERM that has not reached the process.
    pub signal_ordinal: Option<u32>,
    /// Faults in force, counted so that they may overlap.
    pub paused: u32,
    pub stalled: u32,
    pub slow_factors: Vec<u32>,
    pub full: u32,
    pub full_at_fsync: u32,
    pub failing_fsyncs: Vec<FailingFsyncs>,
    pub short_writes: Vec<ShortWrites>,
    /// Base drift, and what faults add to it, ppm.
    pub base_drift_ppm: i32,
    pub extra_drift_ppm: i64,
    /// The cause and details of its death, between `Visible::Kill` and `crash`.
    pub dying: Option<Dying>,
    /// A kill that waits for an effect list longer than its `after`.
    pub scheduled_crash: Option<ScheduledCrash>,
    /// The live `Restart` entry.
    pub restart_ordinal: Option<u32>,
    /// A file of its disk is damaged: when its process ends itself by a fatal fault, the disk is replaced.
    pub disk_is_damaged: bool,
    /// The SIGTERM it received, by the fault's index in the plan, and the delay from its end to its boot.
    pub terminated: Option<(usize, u64)>,
}

/// A death that waits for its place between two effects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScheduledCrash {
    /// Number of effects of a longer list that are done first.
    pub after: usize,
    /// The chosen thread, once its list has begun, and how many effects remain until the crash.
    pub within: Option<(Thread, usize)>,
    /// Index in the plan.
    pub fault: usize,
    pub dying: Dying,
}

/// A fault that makes fsyncs fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailingFsyncs {
    /// Index in the plan.
    pub fault: usize,
    /// Number of remaining failures.
    pub left: u32,
    /// One has failed.
    pub has_taken_effect: bool,
}

/// A fault that cuts a write short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortWrites {
    /// Index in the plan.
    pub fault: usize,
    pub at_ppm: u32,
}

/// A death that the host has not carried out yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dying {
    pub how: Down,
    pub tail: Option<Tail>,
    pub replace_disk: bool,
    /// The fault that damages a file, by its index in the plan.
    pub damaged_by: Option<usize>,
    /// Delay before it boots again; `None`: it does not boot by itself.
    pub down_for_ns: Option<u64>,
    /// The fault's identity, for draws.
    pub fault: u64,
}

impl Dying {
    /// The death that a fault causes, which destroys only what was in memory.
    pub fn new(how: Down, begun: Begun) -> Dying {
        let down_for_ns = Some(begun.lasts_ns);
        Dying { how, tail: None, replace_disk: false, damaged_by: None, down_for_ns, fault: begun.identity }
    }
}

impl<P: Process> NodeState<P> {
    pub fn listen(&mut self, port: Port) {
        assert!(port.0 < 8, "{port:?}");
        self.ports |= 1 << port.0;
    }

    pub fn listens(&self, port: Port) -> bool {
        self.ports & 1 << port.0 != 0
    }

    pub fn new(id: Node, config: NodeConfig<P>) -> NodeState<P> {
        let mut disk = Disk::new(config.file_system);
        for (path, bytes) in &config.files {
            disk.install(path, bytes);
        }
        let thread = |number: usize| ThreadState {
            busy: Busy::Free,
            queue: VecDeque::new(),
            held: Vec::new(),
            timer: Timer::DISARMED,
            next_ordinal: 0,
            pool: (config.service.has_pools && P::POOLS.contains(&Thread(number as u8))).then(|| Box::new(Pool::new())),
        };
        NodeState {
            id,
            name: config.name,
            spec: config.spec,
            process: None,
            incarnation: 0,
            ports: 0,
            host_up: true,
            host_up_ordinal: None,
            clock: Clock::new(config.mono_start_ns, config.wall_start_ms, config.drift_ppm),
            disk,
            entropy: crate::rng::Seed(0).entropy(Purpose::Node, 0),
            threads: (0..P::THREADS.len()).map(thread).collect(),
            fsync: config.fsync,
            directory_fsync: config.directory_fsync,
            fsync_ordinal: 0,
            calls: Vec::new(),
            service: config.service,
            collection: Collection::default(),
            signal_ordinal: None,
            paused: 0,
            stalled: 0,
            slow_factors: Vec::new(),
            full: 0,
            full_at_fsync: 0,
            failing_fsyncs: Vec::new(),
            short_writes: Vec::new(),
            base_drift_ppm: config.drift_ppm,
            extra_drift_ppm: 0,
            dying: None,
            scheduled_crash: None,
            restart_ordinal: None,
            disk_is_damaged: false,
            terminated: None,
        }
    }

    /// Is its process running?
    #[inline]
    pub fn runs(&self) -> bool {
        self.process.is_some() && self.dying.is_none() && !self.is_frozen()
    }

    /// True while it executes nothing.
    #[inline]
    pub fn is_frozen(&self) -> bool {
        self.paused > 0 || self.stalled > 0
    }

    /// How many times longer an fsync takes.
    pub fn disk_slowness(&self) -> u64 {
        self.slow_factors.iter().fold(1, |all: u64, factor| all.saturating_mul(u64::from(*factor).max(1)))
    }

    /// True if nothing waits behind a barrier, no failed effect is still to be reported, and no thread is to continue.
    pub fn is_settled(&self) -> bool {
        self.threads.iter().all(|thread| {
            let of_pool = thread.pool.as_ref().and_then(|pool| pool.next());
            let mut next = of_pool.into_iter().chain(thread.queue.front().map(|(input, _)| input));
            let to_be_notified = next.any(Input::precedes_queue);
            let quiet = match &thread.busy {
                Busy::Free => true,
                Busy::Serving { input, .. } => !input.precedes_queue(),
                _ => false,
            };
            quiet && !to_be_notified
        })
    }

    /// True if the network receives nothing from it.
    #[inline]
    pub fn is_silent(&self) -> bool {
        !self.host_up || self.stalled > 0
    }
}
