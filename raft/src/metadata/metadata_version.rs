//! `metadata.version`: the features and the record versions that it selects (controller-broker.md §1.3).

use std::fmt;

use super::records::MetadataRecord;

/// A finalized level of the feature `metadata.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataVersion(pub i16);

impl MetadataVersion {
    pub const FEATURE_NAME: &'static str = "metadata.version";
    /// 3.3-IV3: the oldest that current Kafka supports, and the default where none is known.
    pub const MINIMUM: MetadataVersion = MetadataVersion(7);
    /// 4.4-IV2: the newest for production.
    pub const LATEST_PRODUCTION: MetadataVersion = MetadataVersion(33);

    const IBP_3_4_IV0: MetadataVersion = MetadataVersion(8);
    const IBP_3_7_IV2: MetadataVersion = MetadataVersion(17);
    const IBP_4_0_IV1: MetadataVersion = MetadataVersion(23);
    const IBP_4_3_IV0: MetadataVersion = MetadataVersion(30);

    /// KIP-858: replicas are assigned to log directories.
    pub fn is_directory_assignment_supported(self) -> bool {
        self >= Self::IBP_3_7_IV2
    }

    /// KIP-966: there are fields for eligible leader replicas. They are used only if the feature
    /// `eligible.leader.replicas.version` is on as well.
    pub fn is_elr_supported(self) -> bool {
        self >= Self::IBP_4_0_IV1
    }

    /// Registrations report cordoned log directories.
    pub fn is_cordoned_log_dirs_supported(self) -> bool {
        self >= Self::IBP_4_3_IV0
    }
}

impl fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl MetadataRecord {
    /// The version in which the record is written. Most types follow `metadata.version`; BrokerRegistrationChange is
    /// written in the oldest version with all the fields that are set. It does not depend on whether ELR is on, which
    /// decides which fields of a partition's record are set.
    pub fn version_for(&self, metadata_version: MetadataVersion) -> i16 {
        match self {
            MetadataRecord::RegisterBroker(_) if metadata_version.is_cordoned_log_dirs_supported() => 4,
            MetadataRecord::RegisterBroker(_) if metadata_version.is_directory_assignment_supported() => 3,
            MetadataRecord::RegisterBroker(_) if metadata_version >= MetadataVersion::IBP_3_4_IV0 => 2,
            MetadataRecord::RegisterBroker(_) => 1,
            MetadataRecord::Partition(_) | MetadataRecord::PartitionChange(_) => {
                if metadata_version.is_elr_supported() {
                    2
                } else {
                    i16::from(metadata_version.is_directory_assignment_supported())
                }
            }
            MetadataRecord::BrokerRegistrationChange(change) => {
                if change.cordoned_log_dirs.is_some() {
                    3
                } else if !change.log_dirs.is_empty() {
                    2
                } else {
                    i16::from(change.in_controlled_shutdown != 0)
                }
            }
            _ => 0,
        }
    }
}
