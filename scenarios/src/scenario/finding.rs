//! `[finding]`: a defect of faithful Kafka, run without its fix to show it.

pub use raft::fixes::Fix;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::error::Refusal;
use super::nearest::allowed;
use super::switches;
use crate::checks::list::CLAIMS;

/// `[finding]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The fix that is not in force. With `--fix` it is in force, and the scenario holds.
    #[serde(serialize_with = "by_name", deserialize_with = "named")]
    pub fix: Fix,
    /// The claims that are violated without it: each in some run, and in no run another one before them.
    pub shows: Vec<String>,
}

fn by_name<S: Serializer>(fix: &Fix, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fix.name())
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fix, D::Error> {
    switches::fixes::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl Finding {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let names = || CLAIMS.iter().map(|claim| claim.name);
        if self.shows.is_empty() {
            return Err(Refusal::new("finding.shows", "the list is empty; allowed: names of checks"));
        }
        match self.shows.iter().find(|shown| !names().any(|name| name == *shown)) {
            Some(stranger) => {
                let allowed = allowed(stranger, names());
                Err(Refusal::new("finding.shows", format!("no check is named {stranger:?}{allowed}")))
            }
            None => Ok(()),
        }
    }
}
