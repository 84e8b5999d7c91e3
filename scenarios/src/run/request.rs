//! What to run, and the finished run before it is reduced to a report.

use sim::drive::{Ended, Run};

use crate::actor::Actor;
use crate::cluster::{Explicit, Prepared};
use crate::run_observer::RunObserver;
use crate::scenario::Scenario;

/// What drives the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Host {
    /// The bare loop.
    Bare,
    /// A madsim runtime; the bare loop in a build without it.
    Madsim,
}

impl Host {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Everything but the seed.
    pub scenario: &'a Scenario,
    pub seed: u64,
    pub host: Host,
    /// The parts that are given explicitly, and not derived from the seed.
    pub explicit: Explicit,
    /// Stop at this true time, ns, in any state.
    pub until_ns: Option<u64>,
    /// Off only to measure the world without checks.
    pub checks: bool,
    /// Do not stop at the first violation but collect the names of all.
    pub keep_going: bool,
    /// Record the responses that clients received; changes nothing else.
    pub record_history: bool,
    /// Collect the abstract states of the run; changes nothing else.
    pub abstract_states: bool,
    /// The index of a server or of one of Kafka's clients that records its dialogue; changes nothing else.
    pub dialogue: Option<usize>,
}

impl<'a> Request<'a> {
    /// The usual run: with checks, from start to recovery.
    pub fn new(scenario: &'a Scenario, seed: u64) -> Request<'a> {
        Request {
            scenario,
            seed,
            host: Host::Madsim,
            explicit: Explicit::default(),
            until_ns: None,
            checks: true,
            keep_going: false,
            record_history: false,
            abstract_states: false,
            dialogue: None,
        }
    }
}

/// A finished run, before it is reduced to a report.
#[derive(Debug)]
pub struct Finished {
    /// The world and its observer at the end of the run.
    pub run: Run<Actor, RunObserver>,
    pub ended: Ended,
    /// madsim's clock and next draw, if it was the host.
    pub sentinel: Option<(u64, u64)>,
    pub prepared: Prepared,
}
