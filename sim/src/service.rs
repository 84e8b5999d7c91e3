//! Service times: how long a process works at what it does, measured on a machine or given by hand.
//!
//! * A thread is *busy* with an input before it is stepped, and with what the step did ([`Process::work_in`]) before
//!   the step's effects happen; it accepts nothing meanwhile.
//! * A thread that stands for several ([`Process::POOLS`]) may serve inputs side by side: it is busy only with what
//!   steps did.
//! * A message is *late* by what the threads between the socket and the stepped thread take, in the sending and in the
//!   receiving process; these block nobody. A message under way in a process that dies is sent nevertheless, and one
//!   that has arrived is not received.
//! * A process does a kind of work for the first time once in its life: a [`Calls`] has a distribution by ordinal, as
//!   a JVM loads classes and interprets at first.
//!
//! A draw is keyed by (node, incarnation, kind of work, ordinal), so no other work shifts it.

use crate::latency::Latency;
use crate::process::{Input, Node, Payload, Process, Thread};
use crate::rng::{Purpose, Seed};

/// Durations of one kind of work, by the ordinal of the call within the life of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Ordinal of the first call that a distribution is for; ascending from 1.
    stages: Vec<(u32, Latency)>,
}

impl Calls {
    /// Always the same.
    pub fn constant(ns: u64) -> Calls {
        Calls { stages: if ns == 0 { Vec::new() } else { vec![(1, Latency::Constant { ns })] } }
    }

    /// Each distribution with the ordinal of the first call it is for.
    ///
    /// # Errors
    ///
    /// The ordinals do not ascend from 1, or a distribution is not valid.
    pub fn new(stages: Vec<(u32, Latency)>) -> Result<Calls, String> {
        let is_ascending = stages.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if stages.first().is_none_or(|(first, _)| *first != 1) || !is_ascending {
            return Err("the first calls must ascend from 1".into());
        }
        stages.iter().try_for_each(|(_, time)| time.check())?;
        Ok(Calls { stages })
    }

    /// The sum of the longest durations of all distributions, ns.
    pub fn longest_ns(&self) -> u64 {
        self.stages.iter().map(|(_, time)| time.sample(u64::MAX)).sum()
    }

    fn of(&self, ordinal: u32) -> Option<&Latency> {
        self.stages.iter().rev().find(|(first, _)| *first <= ordinal).map(|(_, time)| time)
    }
}

/// A kind of work with a service time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A thread is busy with an input, by `input_kind`.
    Input(Thread, usize),
    /// A thread is busy with what a step did, by [`Process::work_in`].
    Done(u8),
    /// A process sends a message, by [`Payload::kind`].
    Send(u8),
    /// A process receives a message, by [`Payload::kind`].
    Receive(u8),
    /// A thread's connection is open, but not yet usable.
    Connect(Thread),
}

/// The kinds of input that are no messages, by number; messages follow, by [`Payload::kind`].
pub const PLAIN_INPUTS: [&str; 8] =
    ["opened", "closed", "timer", "post", "disk-error", "terminate", "operation", "continue"];

/// The number of an input's kind.
pub fn input_kind<P: Process>(input: &Input<P>) -> usize {
    match input {
        Input::Opened { .. } => 0,
        Input::Closed { .. } => 1,
        Input::Timer => 2,
        Input::Post(_) => 3,
        Input::DiskError(_) => 4,
        Input::Terminate | Input::Exception => 5,
        Input::Operation(_) => 6,
        Input::Continue => 7,
        Input::Request { message, .. } | Input::Response { message, .. } => {
            PLAIN_INPUTS.len() + usize::from(message.kind())
        }
    }
}

impl Work {
    fn index<P: Process>(self) -> usize {
        let (threads, messages) = (P::THREADS.len(), P::Message::KINDS);
        let inputs = PLAIN_INPUTS.len() + messages;
        let done = threads * inputs;
        let send = done + P::WORKS.len();
        let receive = send + messages;
        let connect = receive + messages;
        match self {
            Work::Input(thread, kind) => usize::from(thread.0) * inputs + kind,
            Work::Done(work) => done + usize::from(work),
            Work::Send(kind) => send + usize::from(kind),
            Work::Receive(kind) => receive + usize::from(kind),
            Work::Connect(thread) => connect + usize::from(thread.0),
        }
    }
}

/// Pauses of a whole process: of a garbage collector, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// From the end of one, or the start of the process, to the next one.
    pub every: Latency,
    pub lasts: Latency,
}

/// The service times of a node. The default: nothing takes time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTimes {
    /// By [`Work::index`]; empty if no work takes time.
    times: Vec<Calls>,
    has_work_in_effects: bool,
    /// Messages or connections are late.
    is_late: bool,
    /// Threads of [`Process::POOLS`] serve inputs side by side.
    pub has_pools: bool,
    /// From the start of a process to its boot.
    pub start: Option<Latency>,
    /// From a request to terminate to its arrival at the process.
    pub stop: Option<Latency>,
    pub pauses: Option<Pauses>,
}

impl ServiceTimes {
    /// Sets the times of one kind of work.
    pub fn set<P: Process>(&mut self, work: Work, calls: Calls) {
        let index = work.index::<P>();
        if self.times.len() <= index {
            self.times.resize_with(index + 1, Calls::default);
        }
        self.times[index] = calls;
        match work {
            Work::Input(..) => {}
            Work::Done(_) => self.has_work_in_effects = true,
            Work::Send(_) | Work::Receive(_) | Work::Connect(_) => self.is_late = true,
        }
    }

    /// How many kinds of work a process counts.
    pub(crate) fn kinds(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn has_work_in_effects(&self) -> bool {
        self.has_work_in_effects
    }

    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    /// The duration of the next call, ns.
    #[inline]
    pub(crate) fn next<P: Process>(&self, counters: &mut [u32], (seed, who): (Seed, u64), work: Work) -> u64 {
        let index = work.index::<P>();
        match self.times.get(index) {
            Some(calls) if !calls.stages.is_empty() => {
                counters[index] = counters[index].saturating_add(1);
                let ordinal = counters[index];
                match calls.of(ordinal) {
                    None => 0,
                    Some(Latency::Constant { ns }) => *ns,
                    Some(time) => {
                        time.sample(seed.mix(Purpose::Service, who, (index as u64) << 32 | u64::from(ordinal)))
                    }
                }
            }
            _ => 0,
        }
    }
}

/// The owner of a process's draws.
pub(crate) fn owner(node: Node, incarnation: u32) -> u64 {
    u64::from(node.0) << 32 | u64::from(incarnation)
}

/// Draws of a process that are not of one kind of work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Once {
    Start,
    Stop,
    PauseEvery(u32),
    PauseLasts(u32),
}

impl Once {
    pub fn sample(self, time: &Latency, seed: Seed, who: u64) -> u64 {
        let ordinal = match self {
            Once::Start => u64::MAX,
            Once::Stop => u64::MAX - 1,
            Once::PauseEvery(number) => 1 << 62 | u64::from(number) << 1,
            Once::PauseLasts(number) => 1 << 62 | u64::from(number) << 1 | 1,
        };
        time.sample(seed.mix(Purpose::Service, who, ordinal))
    }
}
