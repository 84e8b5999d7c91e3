//! The engine of the command: scenarios as the crate `scenarios` knows them.

use std::fs;
use std::path::Path;

use fuzz::runner::HostChoice;
use scenarios::catalog;
use scenarios::checks::coverage::Coverage;
use scenarios::cluster;
use scenarios::report::RunReport;
use scenarios::run::{self, Host, Request};
use scenarios::scenario::cluster::NodeFile;
use scenarios::scenario::{Cluster, Scenario, ScenarioError, switches};
use serde::Deserialize;
use sim::fault::{Plan, What};
use sim::process::Node;
use sim::rng::Seed;

use crate::engine::{Engine, Listed, Overrides, Prepared, Problem, ScenarioText};
use crate::load;

/// The catalog of `scenarios`, and scenarios from files.
pub struct Catalog;

impl Engine for Catalog {
    fn list(&self) -> Vec<Listed> {
        let listed = |entry: &catalog::Entry| {
            let scenario = entry.scenario().ok();
            let mended_by =
                scenario.as_ref().and_then(|s| s.finding.as_ref()).map(|finding| finding.fix.name().to_owned());
            Listed { name: entry.name.to_owned(), about: scenario.map(|s| s.about).unwrap_or_default(), mended_by }
        };
        catalog::list().iter().map(listed).collect()
    }

    fn find(&self, name: &str) -> Option<String> {
        catalog::find(name).map(|entry| entry.text.to_owned())
    }

    fn probes(&self) -> Option<Vec<String>> {
        Some(Coverage::default().counts().map(|(name, _)| name.to_owned()).collect())
    }

    fn prepare(
        &self,
        text: &ScenarioText,
        overrides: &Overrides,
        plan: Option<&serde_json::Value>,
    ) -> Result<Box<dyn Prepared>, Problem> {
        let base = read(text)?;
        let scenario = altered(base.clone(), overrides)?;
        for probe in &scenario.require_probe {
            load::known_probe(self, probe)
                .map_err(|problem| Problem(format!("{}: require_probe: {}", text.name, problem.0)))?;
        }
        let plan = plan.map(Plan::deserialize).transpose();
        let plan = plan.map_err(|error| Problem::new(format!("its plan: {error}")))?;
        can_run(&scenario, plan.as_ref())?;
        Ok(Box::new(Ready { base, scenario, plan }))
    }
}

fn read(text: &ScenarioText) -> Result<Scenario, Problem> {
    let beside = |path: &str| {
        let folder = text.folder.as_deref().ok_or("no file can be named here")?;
        let path = folder.join(Path::new(path));
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    Ok(Scenario::from_toml_with(&text.name, &text.toml, beside)?)
}

/// What is wrong only once a world is made of it.
fn can_run(scenario: &Scenario, plan: Option<&Plan>) -> Result<(), Problem> {
    let nodes = cluster::prepare(scenario, Seed(0), None).map_err(Problem)?.world.nodes.len();
    let exists = |node: Node| usize::from(node.0) < nodes;
    for fault in plan.iter().flat_map(|plan| &plan.0) {
        let links = match &fault.what {
            What::Cut { links }
            | What::Loss { links, .. }
            | What::Delay { links, .. }
            | What::Duplicate { links, .. } => links.as_slice(),
            _ => &[],
        };
        let ends = links.iter().flat_map(|link| [link.0, link.1]);
        if let Some(stranger) = ends.chain(fault.what.node()).find(|node| !exists(*node)) {
            let kind = fault.what.kind();
            return Err(Problem::new(format!("its plan: a {kind} strikes node {}, and there are {nodes}", stranger.0)));
        }
    }
    Ok(())
}

/// With the RUN flags, in the order cluster, bugs, fixes, settings: settings win.
fn altered(mut scenario: Scenario, overrides: &Overrides) -> Result<Scenario, Problem> {
    if let Some(cluster) = &overrides.cluster {
        let node = |(file, text): (&String, &String)| NodeFile { file: file.clone(), text: text.clone() };
        let node = cluster.files.iter().map(node).collect();
        scenario.cluster = Cluster { restart_after: scenario.cluster.restart_after, node, ..Cluster::default() };
    }
    for name in &overrides.bugs {
        scenario = scenario.with_bug(switches::bugs::parse(name).map_err(|e| Problem::new(format!("--bug: {e}")))?);
    }
    for name in &overrides.fixes {
        scenario = scenario.with_fix(switches::fixes::parse(name).map_err(|e| Problem::new(format!("--fix: {e}")))?);
    }
    scenario.validate()?;
    for (key, value) in &overrides.set {
        scenario.set(key, value).map_err(|error| Problem::new(format!("--set {error}")))?;
    }
    Ok(scenario)
}

impl From<ScenarioError> for Problem {
    fn from(error: ScenarioError) -> Problem {
        Problem(error.0)
    }
}

/// A scenario with all that alters it.
struct Ready {
    /// Without the RUN flags.
    base: Scenario,
    /// With them.
    scenario: Scenario,
    /// Of a repro.
    plan: Option<Plan>,
}

impl Prepared for Ready {
    fn toml(&self) -> String {
        self.base.to_toml()
    }

    fn remarks(&self) -> Vec<String> {
        self.scenario.cluster.remarks()
    }

    fn bugs(&self) -> Vec<String> {
        self.scenario.bugs.iter().map(|bug| bug.name().to_owned()).collect()
    }

    fn fixes(&self) -> Vec<String> {
        self.scenario.fixes.iter().map(|fix| fix.name().to_owned()).collect()
    }

    fn expect(&self) -> Vec<(String, String)> {
        self.scenario.expect.0.iter().map(|(name, limit)| (name.clone(), limit.to_string())).collect()
    }

    fn require_probe(&self) -> Vec<String> {
        self.scenario.require_probe.clone()
    }

    fn plan(&self, seed: u64) -> serde_json::Value {
        let plan =
            self.plan.clone().or_else(|| Some(cluster::prepare(&self.scenario, Seed(seed), None).ok()?.world.plan));
        serde_json::to_value(plan).expect("plain data")
    }

    fn run(&self, seed: u64, host: HostChoice, until_ns: Option<u64>) -> RunReport {
        let host = match host {
            HostChoice::Hosted => Host::Madsim,
            HostChoice::Bare => Host::Bare,
        };
        let request = Request { host, until_ns, plan: self.plan.clone(), ..Request::new(&self.scenario, seed) };
        run::run(&request).unwrap_or_else(|problem| panic!("a scenario that was ready cannot run: {problem}"))
    }
}
