//! A violation in JSON files.

use fuzz::aggregate::{Failure, Reproduction};
use fuzz::known::KnownFinding;
use scenarios::report::{Violation, ViolationKind};
use serde::{Deserialize, Serialize};

use super::values::{Digest, Seed};

/// A violated claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViolationJson {
    pub kind: ViolationKind,
    pub scenario: String,
    pub seed: Seed,
    pub invariant: String,
    /// For a claim that consists of several: the one that did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    pub spec: String,
    pub detail: String,
    pub at_ns: u64,
    pub digest: Digest,
    pub repro: Option<String>,
    pub command: String,
    /// Present if a known finding was searched and found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_finding: Option<KnownFindingJson>,
}

/// The known finding that causes a violation: fixes that remove it, each alone or all together. Unless `is_shown`, the
/// scenarios of the findings do not name the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFindingJson {
    pub fixes: Vec<String>,
    pub each_alone: bool,
    pub is_shown: bool,
}

impl From<&KnownFinding> for KnownFindingJson {
    fn from(known: &KnownFinding) -> Self {
        let KnownFinding { fixes, each_alone, is_shown } = known.clone();
        KnownFindingJson { fixes, each_alone, is_shown }
    }
}

impl From<KnownFindingJson> for KnownFinding {
    fn from(json: KnownFindingJson) -> Self {
        let KnownFindingJson { fixes, each_alone, is_shown } = json;
        KnownFinding { fixes, each_alone, is_shown }
    }
}

impl From<&Failure> for ViolationJson {
    fn from(failure: &Failure) -> Self {
        let violation = &failure.violation;
        ViolationJson {
            kind: violation.kind,
            scenario: failure.scenario.clone(),
            seed: Seed(failure.seed),
            invariant: violation.invariant.clone(),
            predicate: violation.predicate.clone(),
            spec: violation.spec.clone(),
            detail: violation.detail.clone(),
            at_ns: violation.at_ns,
            digest: Digest(failure.digest),
            repro: failure.again.repro.clone(),
            command: failure.again.command.clone(),
            known_finding: failure.again.known.as_ref().map(KnownFindingJson::from),
        }
    }
}

impl ViolationJson {
    pub fn into_failure(self) -> Failure {
        Failure {
            scenario: self.scenario,
            seed: self.seed.0,
            digest: self.digest.0,
            violation: Violation {
                kind: self.kind,
                invariant: self.invariant,
                predicate: self.predicate,
                spec: self.spec,
                detail: self.detail,
                at_ns: self.at_ns,
                event: 0,
            },
            again: Reproduction {
                repro: self.repro,
                command: self.command,
                known: self.known_finding.map(KnownFinding::from),
            },
        }
    }
}
