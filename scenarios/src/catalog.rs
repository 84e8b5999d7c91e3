//! The built-in scenarios, as the TOML files of `scenarios/catalog/`.

use crate::scenario::{Scenario, ScenarioError};

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

macro_rules! entries {
    ($($name:literal),+ $(,)?) => {
        const ENTRIES: &[Entry] =
            &[$(Entry { name: $name, text: include_str!(concat!("../catalog/", $name, ".toml")) }),+];
    };
}

entries! {
    "quorum",
    "controller-failover",
    "partitions",
    "clock-skew",
    "power-loss",
    "findings/flush-recovered-log",
    "findings/single-voter-flush",
}

/// All of them: the scenarios that must hold, then the findings, which must not.
pub fn list() -> &'static [Entry] {
    ENTRIES
}

/// The entry of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// The scenario itself.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        Scenario::from_toml(&format!("{}.toml", self.name), self.text)
    }

    /// Is it a documented failure of faithful Kafka, run without its fix?
    pub fn is_finding(&self) -> bool {
        self.name.starts_with("findings/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_reads_and_prints_and_knows_its_name() {
        for entry in list() {
            let scenario = entry.scenario().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, entry.name);
            let printed = scenario.to_toml();
            assert_eq!(Scenario::from_toml("printed", &printed).as_ref(), Ok(&scenario), "{printed}");
            assert_eq!(entry.is_finding(), scenario.fixes == raft::fixes::Fixes::NONE, "{}", entry.name);
        }
        assert!(find("quorum").is_some() && find("quorums").is_none());
    }
}
