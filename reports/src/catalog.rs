//! Implements the engine of the command with the scenarios of the crate `scenarios`.

use std::collections::BTreeSet;
use std::path::Path;

use fuzz::case::Case;
use fuzz::known::KnownFinding;
use fuzz::ready::Ready;
use scenarios::catalog;
use scenarios::cluster::{self, Explicit};
use scenarios::coverage;
use scenarios::history::History;
use scenarios::reach::Reach;
use scenarios::report::{RunReport, Violation};
use scenarios::run::Host;
use scenarios::scenario::cluster::NodeFile;
use scenarios::scenario::cluster::usage::ClusterReport;
use scenarios::scenario::values::Limit;
use scenarios::scenario::{Cluster, Scenario, ScenarioError, switches};
use sim::fault::Plan;
use sim::rng::Seed;

use crate::engine::{
    ClusterFiles, Engine, Expectation, Listed, Overrides, Prepared, Problem, ScenarioText, StoredPlan,
};
use crate::{input, stored_operations, stored_plan};

/// The catalog of `scenarios`, and scenarios from files.
pub struct Catalog;

impl Engine for Catalog {
    fn list(&self) -> Vec<Listed> {
        let listed = |entry: &catalog::CatalogEntry| {
            let scenario = entry.scenario().ok();
            let fixed_by =
                scenario.as_ref().and_then(|s| s.finding.as_ref()).map(|finding| finding.fix.name().to_owned());
            Listed { name: entry.name.to_owned(), about: scenario.map(|s| s.about).unwrap_or_default(), fixed_by }
        };
        catalog::list().iter().map(listed).collect()
    }

    fn find(&self, name: &str) -> Option<String> {
        catalog::find(name).map(|entry| entry.text.to_owned())
    }

    fn cluster(&self, files: &ClusterFiles) -> Result<ClusterReport, Problem> {
        Cluster::report_of_files(node_files(files)).map_err(|ScenarioError(message)| Problem::new(message))
    }

    fn probes(&self) -> Option<Vec<String>> {
        Some(coverage::names().map(str::to_owned).collect())
    }

    fn prepare(
        &self,
        text: &ScenarioText,
        overrides: &Overrides,
        stored: Option<&StoredPlan>,
    ) -> Result<Box<dyn Prepared>, Problem> {
        let base = read(text)?;
        let scenario = altered(base.clone(), overrides)?;
        // Some errors are found only when a world is made of it.
        let seed = stored.map_or(0, |stored| stored.seed);
        let prepared =
            cluster::prepare(&scenario, Seed(seed), &Explicit::plan(Plan::default())).map_err(Problem::new)?;
        let plan = stored.map(|stored| stored_plan::read(&stored.faults, &prepared)).transpose()?;
        let operations = stored.and_then(|stored| stored.operations.as_ref());
        let operations = operations.map(|list| stored_operations::read(list, &prepared)).transpose()?;
        let explicit = Explicit { plan, operations, keeps_operations: false };
        let limits_of_other_cluster = limits_of_other_cluster(text, &base, overrides);
        Ok(Box::new(Altered { base, ready: Ready { scenario, explicit }, limits_of_other_cluster }))
    }

    fn of_case(&self, case: &Case) -> Result<Box<dyn Prepared>, Problem> {
        let scenario = case.effective().map_err(Problem::new)?;
        let limits_of_other_cluster = BTreeSet::new();
        let ready = Ready { scenario: scenario.clone(), explicit: case.explicit() };
        Ok(Box::new(Altered { base: scenario, ready, limits_of_other_cluster }))
    }
}

fn read(text: &ScenarioText) -> Result<Scenario, Problem> {
    let beside = |path: &str| {
        let folder = text.folder.as_deref().ok_or("a file cannot be named here")?;
        input::read_text(&folder.join(path)).map_err(|problem| problem.message)
    };
    Scenario::from_toml_with(&text.name, &text.toml, beside)
        .map_err(|ScenarioError(message)| Problem::at("/scenario/toml", message))
}

/// Applies the RUN flags, in the order cluster, bugs, fixes, settings: settings take precedence.
fn altered(mut scenario: Scenario, overrides: &Overrides) -> Result<Scenario, Problem> {
    if let Some(cluster) = &overrides.cluster {
        scenario = scenario.with_cluster(node_files(cluster));
    }
    for (i, name) in overrides.bugs.iter().enumerate() {
        let wrong = |error| Problem::at(format!("/overrides/bugs/{i}"), format!("--bug: {error}"));
        scenario = scenario.with_bug(switches::bugs::parse(name).map_err(wrong)?);
    }
    for (i, name) in overrides.fixes.iter().enumerate() {
        let wrong = |error| Problem::at(format!("/overrides/fixes/{i}"), format!("--fix: {error}"));
        scenario = scenario.with_fix(switches::fixes::parse(name).map_err(wrong)?);
    }
    let from_here = |path: &str| input::read_text(Path::new(path)).map_err(|problem| problem.message);
    // A setting that contradicts the rest of the scenario may still be corrected by another one.
    scenario.cluster.configs().map_err(|ScenarioError(message)| Problem::at("/overrides/cluster", message))?;
    for (i, (key, value)) in overrides.set.iter().enumerate() {
        let wrong = |error| Problem::at(format!("/overrides/set/{i}"), format!("--set {error}"));
        scenario.set_reading(key, value, &from_here).map_err(wrong)?;
    }
    let wrong = |ScenarioError(message): ScenarioError| {
        let is_set = overrides.set.iter().any(|(key, _)| message.contains(key.as_str()));
        let (place, flag) = if is_set { ("set", "--set ") } else { ("cluster", "") };
        Problem::at(format!("/overrides/{place}"), format!("{flag}{message}"))
    };
    scenario.validate().map_err(wrong)?;
    // On another cluster, or with other topics, the probes may be unreachable.
    let is_about_cluster = |(key, _): &(String, String)| key.starts_with("cluster.") || key.starts_with("clients.");
    if overrides.cluster.is_some() || overrides.set.iter().any(is_about_cluster) {
        scenario.require_probe.clear();
    }
    Ok(scenario)
}

/// The limits of a catalog scenario apply to its own cluster. For another cluster, or with other timeouts, they are no
/// claim, except those that the user set.
fn limits_of_other_cluster(text: &ScenarioText, base: &Scenario, overrides: &Overrides) -> BTreeSet<String> {
    let is_catalog = text.folder.is_none() && catalog::find(&text.name).is_some();
    let is_altered = overrides.cluster.is_some() || overrides.set.iter().any(|(key, _)| Scenario::alters_cluster(key));
    if !is_catalog || !is_altered {
        return BTreeSet::new();
    }
    let is_set = |name: &str| overrides.set.iter().any(|(key, _)| key.strip_prefix("expect.") == Some(name));
    base.expect.0.keys().filter(|name| !is_set(name)).cloned().collect()
}

/// The files, under their whole paths.
fn node_files(cluster: &ClusterFiles) -> Vec<NodeFile> {
    let path = |file: &String| Path::new(&cluster.dir).join(file).display().to_string();
    cluster.files.iter().map(|(file, text)| NodeFile::new(path(file), text)).collect()
}

/// A scenario with everything that alters it.
struct Altered {
    /// Without the RUN flags.
    base: Scenario,
    /// With them, and with the content of a repro file.
    ready: Ready,
    /// Names of limits that are shown, not judged.
    limits_of_other_cluster: BTreeSet<String>,
}

impl Prepared for Altered {
    fn toml(&self) -> String {
        self.base.to_toml()
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = self.cluster().map_or_else(Vec::new, |report| {
            report.remarks(|name| self.ready.scenario.cluster.config.0.contains_key(name))
        });
        remarks.extend(self.ready.scenario.remarks_on_settings(&self.base));
        remarks
    }

    fn cluster(&self) -> Option<ClusterReport> {
        self.ready.scenario.cluster_report().ok().flatten()
    }

    fn bugs(&self) -> Vec<String> {
        self.ready.scenario.bugs.iter().map(|bug| bug.name().to_owned()).collect()
    }

    fn fixes(&self) -> Vec<String> {
        self.ready.scenario.fixes.iter().map(|fix| fix.name().to_owned()).collect()
    }

    fn profile(&self) -> Option<String> {
        let profile = &self.ready.scenario.profile;
        (!profile.is_ideal()).then(|| profile.to_string())
    }

    fn expect(&self) -> Vec<Expectation> {
        let expectation = |(name, limit): (&String, &Limit)| Expectation {
            name: name.clone(),
            limit: limit.to_string(),
            judged: !self.limits_of_other_cluster.contains(name),
        };
        self.ready.scenario.expect.0.iter().map(expectation).collect()
    }

    fn require_probe(&self) -> (Vec<String>, u64) {
        // With another cluster or setting, some probes may be unreachable.
        let possible: Vec<_> = coverage::possible(Reach::of(&self.ready.scenario)).collect();
        let mut probes = self.ready.scenario.require_probe.clone();
        probes.retain(|probe| possible.contains(&probe.as_str()));
        (probes, self.ready.scenario.require_probe_from_seeds)
    }

    fn plan(&self, seed: u64) -> serde_json::Value {
        serde_json::to_value(self.ready.plan(seed)).expect("plain data")
    }

    fn operations(&self) -> Option<serde_json::Value> {
        self.ready.explicit.operations.as_ref().map(|list| serde_json::to_value(list).expect("plain data"))
    }

    fn ready(&self) -> Option<&Ready> {
        Some(&self.ready)
    }

    fn known_finding(&self, seed: u64, plan: Option<&Plan>, broken: &Violation) -> Option<KnownFinding> {
        self.ready.known_finding(seed, plan, broken)
    }

    fn run(&self, seed: u64, host: Host, until_ns: Option<u64>) -> RunReport {
        self.ready.run(seed, host, until_ns)
    }

    fn run_recorded(&self, seed: u64, host: Host, until_ns: Option<u64>) -> (RunReport, History) {
        self.ready.run_recorded(seed, host, until_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(set: &[(&str, &str)]) -> Result<Box<dyn Prepared>, String> {
        let toml = Catalog.find("ci").expect("in the catalog");
        let text = ScenarioText { name: "ci".to_owned(), toml, folder: None };
        let set = set.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let overrides = Overrides { set, ..Overrides::default() };
        Catalog.prepare(&text, &overrides, None).map_err(|problem| problem.message)
    }

    #[test]
    fn another_cluster_need_not_reach_the_probes_of_the_scenario() {
        let requested = |set: &[(&str, &str)]| prepared(set).map(|ready| ready.require_probe().0.is_empty());
        assert_eq!(requested(&[]), Ok(false));
        assert_eq!(requested(&[("duration", "40s")]), Ok(false));
        assert_eq!(requested(&[("cluster.brokers", "4")]), Ok(true));
        assert_eq!(requested(&[("clients.producers", "1")]), Ok(true));
    }

    #[test]
    fn limits_of_the_catalog_are_judged_on_the_catalogs_cluster() {
        let judged = |name: &str, folder: Option<&str>, set: &[(&str, &str)]| {
            let toml = Catalog.find("failover").expect("in the catalog");
            let text = ScenarioText { name: name.to_owned(), toml, folder: folder.map(Into::into) };
            let set = set.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            let ready = Catalog.prepare(&text, &Overrides { set, ..Overrides::default() }, None);
            let expect = ready.unwrap_or_else(|problem| panic!("{problem}")).expect();
            assert!(!expect.is_empty());
            expect.into_iter().filter(|limit| limit.judged).map(|limit| limit.name).collect::<Vec<_>>()
        };
        let all = judged("failover", None, &[]);
        let altered = ("controller.quorum.fetch.timeout.ms", "5000");
        assert_eq!(judged("failover", None, &[("network.latency", "1ms")]), all);
        assert_eq!(judged("failover", None, &[altered]), [""; 0]);
        assert_eq!(judged("failover", None, &[("cluster.voters", "5")]), [""; 0]);
        let own = ("expect.failover.controller.p99", "<= 9s");
        assert_eq!(judged("failover", None, &[altered, own]), ["failover.controller.p99"]);
        assert_eq!(judged("mine.toml", Some("."), &[altered]), all, "limits of a user's own scenario are the user's");
    }

    #[test]
    fn what_cannot_go_together_is_reported_with_its_flag() {
        let refused = prepared(&[("cluster.brokers", "2")]).err();
        let problem = "clients.replication_factor: 3, and the cluster has 2 brokers; allowed: 1..2, as in --set clients.replication_factor=2";
        assert_eq!(refused, Some(problem.to_owned()), "what is refused is the scenario's own");
        let refused = prepared(&[("clients.replication_factor", "4")]).err();
        assert_eq!(
            refused,
            Some("--set clients.replication_factor: 4, and the cluster has 3 brokers; allowed: 1..3, as in --set clients.replication_factor=3".to_owned())
        );
    }
}
