//! A scenario that is ready to run, with the explicit parts of its runs.

use scenarios::cluster::{self, Explicit};
use scenarios::history::History;
use scenarios::instruments::moment::Moment;
use scenarios::log_directory::{NodeFiles, node_files};
use scenarios::report::{RunReport, Violation};
use scenarios::run::{self, Host, Request};
use scenarios::scenario::Scenario;
use scenarios::trace::Trace;
use scenarios::trace::client::ClientDialogue;
use scenarios::trace::controller::ControllerDialogue;
use scenarios::trace::dialogue::Dialogue;
use scenarios::trace::partition::PartitionDialogue;
use sim::fault::Plan;
use sim::rng::Seed;

use crate::case::Case;
use crate::known::{self, KnownFinding};

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The scenario with everything that alters it.
    pub scenario: Scenario,
    /// Parts that are given and not generated from the seed.
    pub explicit: Explicit,
}

impl Ready {
    /// The faults of a seed.
    pub fn plan(&self, seed: u64) -> Option<Plan> {
        let drawn = || Some(cluster::prepare(&self.scenario, Seed(seed), &Explicit::default()).ok()?.world.plan);
        self.explicit.plan.clone().or_else(drawn)
    }

    /// The run of a seed as data.
    pub fn case(&self, seed: u64) -> Result<Case, String> {
        Case::of(&self.scenario, seed, &self.explicit)
    }

    /// The names of the nodes of a seed.
    pub fn nodes(&self, seed: u64) -> Vec<String> {
        let prepared = cluster::prepare(&self.scenario, Seed(seed), &self.explicit);
        prepared.map_or(Vec::new(), |prepared| prepared.world.nodes.into_iter().map(|node| node.name).collect())
    }

    /// The known finding that caused the violation `broken` of a seed (under this plan, if given). It runs the
    /// seed again with fixes that the scenario lacks.
    pub fn known_finding(&self, seed: u64, plan: Option<&Plan>, broken: &Violation) -> Option<KnownFinding> {
        let mut explicit = self.explicit.clone();
        explicit.plan = plan.cloned().or(explicit.plan);
        known::of_run(&self.scenario, seed, &explicit, broken)
    }

    /// Runs a seed and records its trace.
    pub fn trace(&self, seed: u64, until_ns: Option<u64>) -> Result<(RunReport, Trace), String> {
        Trace::of(&Request { host: Host::Bare, until_ns, ..self.request(seed) })
    }

    /// Runs a seed, up to a time if given, and returns the files of its servers.
    pub fn node_files(&self, seed: u64, until_ns: Option<u64>) -> Result<(RunReport, Vec<NodeFiles>), String> {
        node_files(&Request { host: Host::Bare, until_ns, ..self.request(seed) })
    }

    /// The run of a seed before its first event, for instruments.
    pub fn moment(&self, seed: u64) -> Result<Moment<'_>, String> {
        Moment::begin(&Request { host: Host::Bare, ..self.request(seed) })
    }

    /// Runs a seed and records the dialogue of a controller, by its index.
    pub fn dialogue(&self, seed: u64, until_ns: Option<u64>, node: usize) -> Result<(RunReport, Dialogue), String> {
        Dialogue::of(&Request { host: Host::Bare, until_ns, dialogue: Some(node), ..self.request(seed) })
    }

    /// Runs a seed and records the dialogue of a `QuorumController`, by its index.
    pub fn controller_dialogue(
        &self,
        seed: u64,
        until_ns: Option<u64>,
        node: usize,
    ) -> Result<(RunReport, ControllerDialogue), String> {
        ControllerDialogue::of(&Request { host: Host::Bare, until_ns, dialogue: Some(node), ..self.request(seed) })
    }

    /// Runs a seed and records the dialogue of a producer or consumer, by its index.
    pub fn client_dialogue(
        &self,
        seed: u64,
        until_ns: Option<u64>,
        node: usize,
    ) -> Result<(RunReport, ClientDialogue), String> {
        ClientDialogue::of(&Request { host: Host::Bare, until_ns, dialogue: Some(node), ..self.request(seed) })
    }

    /// Runs a seed and records the dialogue of a broker, by its index, with its replica of a partition, `TOPIC-N`.
    pub fn partition_dialogue(
        &self,
        seed: u64,
        until_ns: Option<u64>,
        node: usize,
        partition: &str,
    ) -> Result<(RunReport, PartitionDialogue), String> {
        let requested = Request { host: Host::Bare, until_ns, dialogue: Some(node), ..self.request(seed) };
        PartitionDialogue::of(&requested, partition)
    }

    /// Runs a seed, up to a time if given.
    pub fn run(&self, seed: u64, host: Host, until_ns: Option<u64>) -> RunReport {
        run(&Request { host, until_ns, abstract_states: true, ..self.request(seed) }).0
    }

    /// The same, with the history of its clients, checked as a black box.
    pub fn run_recorded(&self, seed: u64, host: Host, until_ns: Option<u64>) -> (RunReport, History) {
        let requested = Request { host, until_ns, abstract_states: true, ..self.request(seed) };
        let (report, history) = run(&Request { record_history: true, ..requested });
        (report, history.unwrap_or_default())
    }

    fn request(&self, seed: u64) -> Request<'_> {
        Request { explicit: self.explicit.clone(), ..Request::new(&self.scenario, seed) }
    }
}

fn run(request: &Request<'_>) -> (RunReport, Option<History>) {
    run::run_recorded(request).unwrap_or_else(|problem| panic!("a scenario that was ready cannot run: {problem}"))
}
