//! `DamagedFileRefused`: no process starts from a state file that it cannot read. [`other_clusters`]: whom controllers refuse.

pub mod other_clusters;

use crate::checks::prelude::*;

claim! {
    /// A process that finds a state file malformed or unreadable ends itself before it says anything to anybody.
    DamagedFileRefused by Refused, Safety of Server, "FileQuorumStateStore.readStateFromFile; MetaPropertiesEnsemble.Loader; PartitionMetadataFile.read; CheckpointFileWithFailureHandler.read";
}

/// All servers: the path of the file that each is to refuse.
#[derive(Clone, Debug)]
pub struct Refused {
    paths: Vec<Option<String>>,
}

impl Check for Refused {
    const EVENTS: Kinds =
        Kinds::BOOTED.and(Kinds::DOWN).and(Kinds::DATA).and(Kinds::REQUEST_SENT).and(Kinds::RESPONSE_SENT);

    fn new(config: &CheckConfig) -> Refused {
        Refused { paths: vec![None; config.timings.len()] }
    }

    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let path = &mut self.paths[crossing.server];
        match crossing.event {
            Event::Booted { .. } => path.clone_from(&models.servers[crossing.server].refuses),
            Event::Down { .. } => *path = None,
            _ => {
                if let Some(path) = path.take() {
                    let id = models.servers[crossing.server].id;
                    verdict.fail(&DamagedFileRefused::CLAIM, || format!("node {id} runs, and cannot have read {path}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
