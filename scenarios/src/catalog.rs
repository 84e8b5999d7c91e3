//! The built-in scenarios, as the TOML files of `scenarios/catalog/`.

use crate::scenario::{Scenario, ScenarioError};

/// A built-in scenario.
#[derive(Clone, Copy, Debug)]
pub struct CatalogEntry {
    /// Its name on the command line.
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! entries {
    ($($name:literal),+ $(,)?) => {
        const ENTRIES: &[CatalogEntry] =
            &[$(CatalogEntry { name: $name, text: include_str!(concat!("../catalog/", $name, ".toml")) }),+];
    };
}

entries! {
    "ci",
    "calm",
    "brokers",
    "rolling-restart",
    "data-plane",
    "failover",
    "controller-replacement",
    "one-zone",
    "three-zones",
    "cluster-partitions",
    "cluster-clock-skew",
    "cluster-power-loss",
    "combined",
    "snapshots",
    "snapshot-downloads",
    "membership",
    "cluster-membership",
    "membership-snapshots",
    "disk-replacement",
    "replacement-by-operator",
    "endpoint-change",
    "cold-boot",
    "other-cluster",
    "beyond",
    "lost/acks-1",
    "lost/min-isr-1",
    "lost/unclean-election",
    "lost/all-power",
    "lost/no-idempotence",
    "trouble/late-names",
    "trouble/no-leader",
    "trouble/stale-metadata",
    "trouble/overwhelmed-controller",
    "trouble/slow-elections",
    "trouble/cut-off-controller",
    "trouble/full-disk",
    "trouble/clock-jump",
    "quorum",
    "controller-failover",
    "partitions",
    "clock-skew",
    "power-loss",
    "asymmetric",
    "findings/flush-recovered-log",
    "findings/rewrite-recovered-log",
    "findings/single-voter-flush-first",
    "findings/compare-log-of-repeated-vote",
    "findings/restart-as-follower-despite-own-vote",
    "findings/first-publish-after-caught-up",
    "findings/keep-proposal-of-same-epoch",
    "findings/keep-topic-ids-through-rebootstrap",
    "findings/session-since-registration",
    "findings/force-marker-removal",
    "findings/stay-fenced-in-shutdown",
    "findings/keep-elr-of-empty-isr",
    "findings/await-metadata-of-isr",
    "findings/reset-replicas-of-missed-epoch",
    "findings/compare-epoch-of-position",
    "findings/drop-segments-behind-gap",
    "findings/write-epochs-before-append",
    "findings/clear-index-of-elr",
    "findings/retry-assigned-only",
    "findings/stable-offset-of-snapshot",
    "findings/leave-silent-bootstrap-server",
    "findings/campaign-after-refusing-vote",
    "findings/refuse-misrouted-connections",
    "findings/read-control-records-after-truncation",
    "findings/ignore-answer-of-removed-voter",
    "findings/endpoints-in-end-quorum-epoch",
    "findings/ignore-leader-of-former-directory",
    "findings/grant-pre-vote-after-fetch-timeout",
    "findings/follow-leader-of-unattached",
    "findings/ignore-leader-without-endpoints",
    "findings/take-new-leader-endpoints",
    "findings/await-unwritten-voter-change",
    "findings/resign-after-expired-removal",
    "findings/forget-high-watermark-of-former-topic",
    "findings/epoch-of-snapshot-at-log-end",
    "findings/keep-voters-of-snapshot-end",
}

/// All entries: first the scenarios that must hold (those under `lost/` drop a precondition of a guarantee and name
/// what is lost by that; those under `trouble/` show one trouble of operators each), then the findings, which must not.
pub fn list() -> &'static [CatalogEntry] {
    ENTRIES
}

pub fn find(name: &str) -> Option<&'static CatalogEntry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

impl CatalogEntry {
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        Scenario::from_toml(&format!("{}.toml", self.name), self.text)
    }

    /// Whether it is a documented failure of faithful Kafka, run without its fix.
    pub fn is_finding(&self) -> bool {
        self.name.starts_with("findings/")
    }
}

#[cfg(test)]
mod tests {
    use raft::fixes::{Fix, Fixes};

    use super::*;

    #[test]
    fn every_entry_reads_and_prints_and_knows_its_name() {
        for entry in list() {
            let scenario = entry.scenario().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, entry.name);
            let printed = scenario.to_toml();
            assert_eq!(Scenario::from_toml("printed", &printed).as_ref(), Ok(&scenario), "{printed}");
            assert_eq!(entry.is_finding(), scenario.finding.is_some(), "{}", entry.name);
            // What an operator's own cluster shows in it is no known defect of Kafka.
            let all: Fixes = Fix::ALL.iter().copied().collect();
            assert!(entry.is_finding() || scenario.fixes == all, "{}", entry.name);
        }
    }

    /// Each fix has a finding of its own name, in which all the others are in force.
    #[test]
    fn every_fix_has_its_finding() {
        let mut mended = Vec::new();
        for entry in list().iter().filter(|entry| entry.is_finding()) {
            let scenario = entry.scenario().unwrap_or_else(|error| panic!("{error}"));
            let fix = scenario.finding.as_ref().expect("it is one").fix;
            let kebab = |name: &str| {
                let words =
                    name.chars().map(|c| if c.is_uppercase() { format!("-{}", c.to_lowercase()) } else { c.into() });
                words.collect::<String>()
            };
            assert_eq!(format!("findings/{}", &kebab(fix.name())[1..]), entry.name);
            assert!(!scenario.fixes.has(fix), "{}", entry.name);
            assert_eq!(scenario.fixes.with(fix), Fix::ALL.iter().copied().collect::<Fixes>(), "{}", entry.name);
            mended.push(fix);
        }
        mended.sort_unstable();
        assert_eq!(mended, Fix::ALL);
        assert!(find("quorum").is_some() && find("quorums").is_none());
    }
}
