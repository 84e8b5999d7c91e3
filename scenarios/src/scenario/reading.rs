//! Reads and validates a scenario.

use std::sync::Arc;

use sim::fault::Kind;

use super::error::{self, Refusal};
use super::fault_profile::{Destroys, means};
use super::machine::Machine;
use super::profile::Profile;
use super::values::{LatencyProfile, Nanos};
use super::{Finding, Scenario, ScenarioError, cluster, nearest, world};
use crate::coverage;
use crate::knobs;
use crate::reach::Reach;

/// Reads a file by its path as written.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// Where no file can be read.
pub(super) fn no_files(path: &str) -> Result<String, String> {
    Err(format!("{path} is allowed only where files can be read"))
}

impl Scenario {
    /// Reads a scenario that names no other files; `file` is its name in messages.
    pub fn from_toml(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::from_toml_with(file, text, no_files)
    }

    /// Reads a scenario and the files it names (`.properties`, measured latencies) by `read`, which receives their
    /// paths as written.
    pub fn from_toml_with(
        file: &str,
        text: &str,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Scenario, ScenarioError> {
        let mut scenario: Scenario = toml::from_str(text).map_err(|error| error::unreadable(file, text, &error))?;
        let is_from_files = !scenario.cluster.properties.is_empty();
        scenario.resolve(&read).map_err(|refusal| refusal.in_file(file, text))?;
        scenario.cluster.hide_secrets();
        if is_from_files && scenario.cluster.has_brokers() {
            let given = text.parse::<toml::Table>().ok().and_then(|mut table| table.remove("clients"));
            let is_given = |name: &str| given.as_ref().is_some_and(|clients| clients.get(name).is_some());
            scenario.clients.leave_topics_to_nodes(|name| !is_given(name));
        }
        scenario.check().map_err(|refusal| refusal.in_file(file, text))?;
        scenario.clients.check_topics(&scenario.cluster)?.map_err(|refusal| refusal.in_file(file, text))?;
        let possible: Vec<_> = coverage::possible(Reach::of(&scenario)).collect();
        if let Some(name) = scenario.require_probe.iter().find(|name| !possible.contains(&name.as_str())) {
            let problem = format!("{name:?} cannot happen in this scenario; allowed: {}", possible.join(", "));
            return Err(Refusal::new("require_probe", problem).in_file(file, text));
        }
        Ok(scenario)
    }

    /// Replaces paths by the content of the files.
    pub(super) fn resolve(&mut self, read: &ReadFile<'_>) -> Result<(), Refusal> {
        for path in std::mem::take(&mut self.cluster.properties) {
            let text = read(&path).map_err(|problem| Refusal::new("cluster.properties", problem))?;
            self.cluster.node.push(cluster::NodeFile::new(path, &text));
        }
        if let Profile::File(path) = &self.profile {
            let text = read(path).map_err(|problem| Refusal::new("profile", problem))?;
            let machine =
                Machine::from_toml(&text).map_err(|problem| Refusal::new("profile", format!("{path}: {problem}")))?;
            self.profile = Profile::Measured(Arc::new(machine));
        }
        let links = self.network.link.iter_mut().map(|link| ("network.link", &mut link.latency));
        let latencies = [("network.latency", &mut self.network.latency), ("disk.fsync", &mut self.disk.fsync)];
        for (field, latency) in latencies.into_iter().chain(links) {
            if let LatencyProfile::File(path) = latency {
                let text = read(path).map_err(|problem| Refusal::new(field, problem))?;
                let measured = sim::latency::Latency::from_csv(&text)
                    .map_err(|problem| Refusal::new(field, format!("{path}: {problem}")))?;
                *latency = LatencyProfile::Known(measured);
            }
        }
        Ok(())
    }

    /// Checks a scenario that did not come from [`Scenario::from_toml`], but from a repro, for example.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.check().map_err(|refusal| ScenarioError(refusal.message()))?;
        self.clients.check_topics(&self.cluster)?.map_err(|refusal| ScenarioError(refusal.message()))
    }

    /// A majority without the controller that has another port can elect a leader, which writes the new port: unless it lacks
    /// a voter that was removed, or has lost its disk.
    fn check_moving(&self) -> Result<(), Refusal> {
        let destroys =
            Kind::ALL.iter().any(|kind| self.nemesis.allows(*kind) && means(*kind).destroys == Destroys::Forced);
        if self.cluster.moving.is_empty() || !destroys && self.workload.membership_clients == 0 {
            return Ok(());
        }
        let problem = "with operators, or faults that destroy disks, nobody may be elected; allowed: none";
        Err(Refusal::new("cluster.moving", problem))
    }

    /// Voters of a static quorum do not change.
    fn check_operators(&self) -> Result<(), Refusal> {
        let cluster = &self.cluster;
        let may_change = cluster.is_dynamic() || knobs::names(self).contains(&"cluster.dynamic");
        // Files that cannot be read have their own error.
        if self.workload.membership_clients == 0 || may_change || cluster.configs().is_err() {
            return Ok(());
        }
        let count = self.workload.membership_clients;
        let allowed = "0, unless cluster.dynamic, or cluster.kraft_version = 0 of a cluster with brokers, comes first";
        let problem = format!("{count} operators, and a static quorum; allowed: {allowed}");
        Err(Refusal::new("workload.membership_clients", problem))
    }

    /// Refuses values that can be read but are not valid.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.duration < Nanos::from_ms(1_000) || self.duration > Nanos::from_ms(600_000) {
            return Err(Refusal::new("duration", format!("{}; allowed: 1s..600s", self.duration)));
        }
        self.cluster.check()?;
        self.profile.check().map_err(|problem| Refusal::new("profile", problem))?;
        self.latencies()
            .try_for_each(|(field, latency)| latency.check().map_err(|problem| Refusal::new(field, problem)))?;
        if let (true, Some((field, _))) =
            (self.profile.is_ideal(), self.latencies().find(|(_, latency)| **latency == LatencyProfile::Profile))
        {
            return Err(Refusal::new(field, "the profile \"ideal\" has none; allowed: another profile, or a latency"));
        }
        self.network.check(&self.node_ids())?;
        self.clock.check()?;
        world::check_threads(&self.threads)?;
        self.workload.check()?;
        // Files that cannot be read have their own error.
        self.clients.check(self.cluster.has_brokers() || self.cluster.configs().is_err())?;
        self.nemesis.check(self.duration, self.cluster.has_brokers())?;
        self.check_moving()?;
        self.check_operators()?;
        for (field, names) in [("knobs.pinned", &self.knobs.pinned), ("knobs.also", &self.knobs.also)] {
            if let Some(name) = names.iter().find(|name| !knobs::NAMES.contains(&name.as_str())) {
                let allowed = nearest::allowed(name, knobs::NAMES.iter().copied());
                return Err(Refusal::new(field, format!("no knob is named {name:?}{allowed}")));
            }
        }
        if let Some(name) = self.require_probe.iter().find(|name| !coverage::names().any(|known| known == **name)) {
            let known: Vec<_> = coverage::names().collect();
            let problem = format!("no probe is named {name:?}{}", nearest::allowed(name, known.iter().copied()));
            return Err(Refusal::new("require_probe", problem));
        }
        self.floor.check()?;
        self.expect.check()?;
        self.finding.as_ref().map_or(Ok(()), Finding::check)
    }
}
