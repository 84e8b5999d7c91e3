//! What is run, and what it gives before it is boiled down to a report.

use sim::drive::{Ended, Run};

use crate::actor::Actor;
use crate::cluster::{Explicit, Prepared};
use crate::run_observer::RunObserver;
use crate::scenario::Scenario;

/// Who drives the world.
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
    /// All but the seed.
    pub scenario: &'a Scenario,
    /// The seed.
    pub seed: u64,
    /// Who drives.
    pub host: Host,
    /// What is given and not made from the seed.
    pub explicit: Explicit,
    /// Stop at this true time, ns, wherever the run stands.
    pub until_ns: Option<u64>,
    /// Off only to measure the world alone.
    pub checks: bool,
    /// Do not stop at the first violation but gather the names of all.
    pub keep_going: bool,
    /// Write down what clients received; changes nothing else.
    pub record_history: bool,
    /// Gather the abstract states that the run goes through; changes nothing else.
    pub abstract_states: bool,
}

impl<'a> Request<'a> {
    /// The usual run: checks on, from start to recovery.
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
        }
    }
}

/// A finished run, before it is boiled down to a report.
#[derive(Debug)]
pub struct Finished {
    /// The world and its observer as the run left them.
    pub run: Run<Actor, RunObserver>,
    /// How the drive ended.
    pub ended: Ended,
    /// madsim's clock and next draw, if it hosted.
    pub sentinel: Option<(u64, u64)>,
    /// What the run was.
    pub prepared: Prepared,
}
