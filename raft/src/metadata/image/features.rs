//! Finalized features (controller-broker.md §1.2, FeatureLevel; §4.10).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::ReplayError;
use super::digest::{EntityKind, entity_hash};
use crate::metadata::MetadataVersion;
use crate::metadata::records::FeatureLevel;

/// The feature of KIP-966, part 1.
pub const ELIGIBLE_LEADER_REPLICAS_VERSION: &str = "eligible.leader.replicas.version";
/// Its level is in a control record of raft, so that a FeatureLevel record of it has no effect.
pub const KRAFT_VERSION: &str = "kraft.version";

/// All features of this Kafka version.
pub const FEATURES: [&str; 7] = [
    MetadataVersion::FEATURE_NAME,
    KRAFT_VERSION,
    "transaction.version",
    "group.version",
    ELIGIBLE_LEADER_REPLICAS_VERSION,
    "share.version",
    "streams.version",
];

/// The levels that a node of this Kafka version supports, including 0 for features that can be off; `None` for an
/// unknown feature.
pub fn supported_levels(feature: &str) -> Option<RangeInclusive<i16>> {
    match feature {
        MetadataVersion::FEATURE_NAME => Some(MetadataVersion::MINIMUM.0..=MetadataVersion::LATEST_PRODUCTION.0),
        KRAFT_VERSION | "group.version" | ELIGIBLE_LEADER_REPLICAS_VERSION | "streams.version" => Some(0..=1),
        "transaction.version" | "share.version" => Some(0..=2),
        _ => None,
    }
}

/// Kafka's `FeaturesImage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeaturesImage {
    metadata_version: Option<MetadataVersion>,
    finalized: BTreeMap<Rc<str>, i16>,
    digest: u64,
}

impl FeaturesImage {
    /// `None` until the bootstrap records were replayed.
    pub fn metadata_version(&self) -> Option<MetadataVersion> {
        self.metadata_version
    }

    /// As [`metadata_version`](Self::metadata_version), or the oldest if there is none.
    pub fn metadata_version_or_minimum(&self) -> MetadataVersion {
        self.metadata_version.unwrap_or(MetadataVersion::MINIMUM)
    }

    /// Levels of all features that are on, except `metadata.version`, by name.
    pub fn finalized(&self) -> &BTreeMap<Rc<str>, i16> {
        &self.finalized
    }

    /// The level of a feature; 0 is off.
    pub fn level(&self, feature: &str) -> i16 {
        if feature == MetadataVersion::FEATURE_NAME {
            self.metadata_version.map_or(0, |version| version.0)
        } else {
            self.finalized.get(feature).copied().unwrap_or(0)
        }
    }

    /// Whether ELRs are maintained: the feature is on and `metadata.version` has fields for them.
    pub fn is_elr_enabled(&self) -> bool {
        self.level(ELIGIBLE_LEADER_REPLICAS_VERSION) >= 1 && self.metadata_version_or_minimum().is_elr_supported()
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// `false` if the record has no effect (`kraft.version`).
    pub(super) fn replay(&mut self, record: &FeatureLevel) -> Result<bool, ReplayError> {
        let (name, level) = (&record.name, record.feature_level);
        if **name == *KRAFT_VERSION {
            return Ok(false);
        }
        if !supported_levels(name).is_some_and(|levels| levels.contains(&level)) {
            return Err(ReplayError::FeatureLevel { feature: Rc::clone(name), level });
        }
        let old = self.level(name);
        if **name == *MetadataVersion::FEATURE_NAME {
            self.metadata_version = Some(MetadataVersion(level));
        } else if level == 0 {
            self.finalized.remove(name);
        } else {
            self.finalized.insert(Rc::clone(name), level);
        }
        let hash = |level: i16| if level == 0 { 0 } else { entity_hash(EntityKind::Feature, name, &level) };
        self.digest = self.digest.wrapping_sub(hash(old)).wrapping_add(hash(level));
        Ok(true)
    }
}
