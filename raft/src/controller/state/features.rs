//! Finalized features (controller-broker.md §1.2 record 12, §4.10).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::controller::settings::{ELR_VERSION, KRAFT_VERSION, METADATA_VERSION, level};
use crate::metadata::records::FeatureLevel;

/// The supported features besides `metadata.version`: name and highest level; the lowest is 0.
const SUPPORTED: [(&str, i16); 5] =
    [("transaction.version", 2), ("group.version", 1), (ELR_VERSION, 1), ("share.version", 2), ("streams.version", 1)];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureState {
    metadata_version: Option<i16>,
    finalized: BTreeMap<Rc<str>, i16>,
}

impl FeatureState {
    /// `None` until the log contains one: bootstrap records are needed.
    pub fn known_metadata_version(&self) -> Option<i16> {
        self.metadata_version
    }

    /// The lowest supported version until the log contains one.
    pub fn metadata_version(&self) -> i16 {
        self.metadata_version.unwrap_or(level::MINIMUM)
    }

    /// 0 if not finalized.
    pub fn level(&self, name: &str) -> i16 {
        if name == METADATA_VERSION {
            return self.metadata_version.unwrap_or(0);
        }
        self.finalized.get(name).copied().unwrap_or(0)
    }

    /// All finalized features, `metadata.version` first.
    pub fn finalized(&self) -> impl Iterator<Item = (&str, i16)> {
        let first = self.metadata_version.map(|level| (METADATA_VERSION, level));
        first.into_iter().chain(self.finalized.iter().map(|(name, level)| (&**name, *level)))
    }

    pub(super) fn replay(&mut self, record: &FeatureLevel) -> Result<(), String> {
        let (name, level) = (&*record.name, record.feature_level);
        match name {
            KRAFT_VERSION => return Ok(()),
            METADATA_VERSION if (level::MINIMUM..=level::LATEST).contains(&level) => {
                self.metadata_version = Some(level);
                return Ok(());
            }
            _ => {}
        }
        let max = SUPPORTED.iter().find(|(supported, _)| *supported == name).map(|(_, max)| *max);
        match max {
            Some(_) if level == 0 => {
                self.finalized.remove(name);
                Ok(())
            }
            Some(max) if (1..=max).contains(&level) => {
                self.finalized.insert(Rc::clone(&record.name), level);
                Ok(())
            }
            _ => Err(format!("{name} {level} is not supported")),
        }
    }
}
