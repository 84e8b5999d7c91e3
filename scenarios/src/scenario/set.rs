//! Changes to a scenario from outside: `--set KEY=VALUE`, drawn knobs, a cluster from files.

use std::rc::Rc;

use raft::bugs::Bug;
use raft::config::{NodeConfig, Roles, definitions};
use raft::fixes::Fix;
use raft::ids::NodeId;

use super::Scenario;
use super::clients::Clients;
use super::cluster::NodeFile;
use super::error::plain::Why;
use super::error::{self, ScenarioError};
use super::nearest::did_you_mean;
use super::profile::Profile;
use super::reading::{ReadFile, no_files};
use super::reference::FIELDS;
use crate::knobs;

/// Tables whose keys contain dots.
const FLAT_TABLES: [&str; 3] = ["cluster.config", "clients.config", "expect"];

impl Scenario {
    /// Whether `--set` of this key changes the servers: their number, roles or Kafka properties.
    pub fn alters_cluster(key: &str) -> bool {
        key.starts_with("cluster.") || definitions::is_known(key)
    }

    /// `--set`: a scenario field by its dotted path, or a Kafka property for all nodes. A field or property that is set
    /// this way is not drawn as a knob. On an error the scenario is unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ScenarioError> {
        self.set_reading(key, value, &no_files)
    }

    /// As [`Scenario::set`]; a file that the value names is read by `read`.
    pub fn set_reading(&mut self, key: &str, value: &str, read: &ReadFile<'_>) -> Result<(), ScenarioError> {
        let mut changed = self.with(key, value, read)?;
        if knobs::NAMES.contains(&key) && !changed.knobs.pinned.iter().any(|pinned| pinned == key) {
            changed.knobs.pinned.push(key.into());
        }
        *self = changed;
        Ok(())
    }

    /// Applies drawn knobs; their names and values come from [`knobs::draw`].
    pub fn apply_knobs(&mut self, drawn: &[(String, String)]) -> Result<(), ScenarioError> {
        knobs::put_in_force(self, drawn).map_err(ScenarioError)?;
        self.validate()
    }

    /// Enables a fix, as `--fix` does.
    pub fn with_fix(mut self, fix: Fix) -> Scenario {
        self.fixes = self.fixes.with(fix);
        self
    }

    /// Enables a bug, as `--bug` does.
    pub fn with_bug(mut self, bug: Bug) -> Scenario {
        self.bugs = self.bugs.with(bug);
        self
    }

    /// The same scenario on another cluster, as `--cluster` requires: its nodes are these, and of the scenario's own
    /// `[cluster]` only the restart rule is kept. The files also decide the topics of the workload. What is asked of a
    /// cluster of one's own is how long it takes: unless the scenario has a profile, it gets that of `two-cores`; not
    /// without brokers, for what is on top of such a quorum is a model that no machine runs.
    pub fn with_cluster(mut self, node: Vec<NodeFile>) -> Scenario {
        let restart_after = self.cluster.restart_after;
        self.cluster = super::Cluster { restart_after, node, ..super::Cluster::default() };
        if self.cluster.has_brokers() {
            self.clients.leave_topics_to_nodes(|_| true);
            if self.profile.is_ideal() {
                self.profile = Profile::committed();
            }
        }
        self
    }

    fn with(&self, key: &str, value: &str, read: &ReadFile<'_>) -> Result<Scenario, ScenarioError> {
        let refuse = |problem: String| ScenarioError(format!("{key} = {value:?}: {problem}"));
        if definitions::is_known(key) {
            NodeConfig::new(NodeId(1), Roles::COMBINED, Rc::from([])).set(key, value).map_err(ScenarioError)?;
            let mut changed = self.clone();
            changed.cluster.config.0.insert(key.into(), value.into());
            return Ok(changed);
        }
        if ["cluster", "clients"].contains(&key) || error::holds_properties(key) && !is_property(key) {
            return Err(ScenarioError(format!("{key}: --set takes one field, as in cluster.voters=5")));
        }
        let table = self.to_table();
        if !Scenario::FIELDS.contains(&key.split('.').next().unwrap_or(key)) {
            let fields = Scenario::FIELDS.join(", ");
            let meant = did_you_mean(key, definitions::names().chain(paths()));
            let end = if meant.is_empty() { ";" } else { "" };
            // Its value may be a secret.
            return Err(ScenarioError(format!(
                "{key}: no such setting{meant}{end} allowed: a Kafka property, or a field of {fields}"
            )));
        }

        // A valid TOML value is used as such (an integer, a list); any other value, or the value of a text field, is a
        // text.
        let literal = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("value"));
        let text = toml::Value::String(value.into());
        let mut problem = None;
        for candidate in literal.into_iter().chain([text]) {
            let mut changed = table.clone();
            if !put(&mut changed, key, candidate) {
                return Err(refuse("no such setting".into()));
            }
            match changed.try_into::<Scenario>() {
                Ok(mut scenario) => {
                    scenario.resolve(read).and_then(|()| scenario.check()).map_err(|refusal| {
                        let of_clients = key.strip_prefix("clients.config.").map(Clients::knows);
                        let of_servers = key.strip_prefix("cluster.config.").map(definitions::is_known);
                        let is_unknown = of_clients.or(of_servers) == Some(false);
                        match refusal.path == key {
                            _ if is_unknown => ScenarioError(refusal.message()),
                            true => refuse(refusal.problem),
                            false => refuse(refusal.message()),
                        }
                    })?;
                    return Ok(scenario);
                }
                Err(error) => {
                    let why = error::not_allowed(key, error.message());
                    let is_unknown = matches!(Why::of(error.message()), Why::UnknownField { .. });
                    problem = problem.or(Some(if is_unknown { ScenarioError(why) } else { refuse(why) }));
                }
            }
        }
        Err(problem.unwrap_or_else(|| refuse("no such setting".into())))
    }
}

/// Whether it is one property in such a table, and not the table itself.
fn is_property(key: &str) -> bool {
    ["cluster.config.", "clients.config."].iter().any(|table| key.starts_with(table))
}

/// Every field of a scenario by its dotted path.
fn paths() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|field| field.path)
}

/// Sets a dotted path and creates missing tables; false if a part of the path is not a table.
fn put(root: &mut toml::Table, path: &str, value: toml::Value) -> bool {
    let flat = FLAT_TABLES.iter().find_map(|table| Some((*table, path.strip_prefix(table)?.strip_prefix('.')?)));
    let (tables, name) = flat.unwrap_or(path.rsplit_once('.').unwrap_or(("", path)));
    let mut table = root;
    for part in tables.split('.').filter(|part| !part.is_empty()) {
        let entry = table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let Some(inner) = entry.as_table_mut() else { return false };
        table = inner;
    }
    table.insert(name.into(), value);
    true
}
