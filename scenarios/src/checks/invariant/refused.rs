//! `DamagedFileRefused`: no process starts from a state file that it cannot read.
use crate::checks::prelude::*;

claim! {
    /// A process that finds a state file malformed or unreadable ends itself before it says anything to anybody.
    DamagedFileRefused, Safety of Server, "FileQuorumStateStore.readStateFromFile; MetaPropertiesEnsemble.Loader; PartitionMetadataFile.read; CheckpointFileWithFailureHandler.read";
}

/// All servers: the path of the file that each is to refuse.
#[derive(Clone, Debug)]
pub struct Refused {
    paths: Vec<Option<String>>,
}

impl Claimed for Refused {
    const CLAIM: Claim = DamagedFileRefused::CLAIM;
}

impl Check for Refused {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::DOWN).and(Kinds::REQUEST_SENT).and(Kinds::RESPONSE_SENT);

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
mod tests {
    use std::rc::Rc;

    use raft::io::{Effect, FileHandle};
    use raft::message::{Response, VoteResponse};

    use super::*;
    use crate::checks::Checks;
    use crate::checks::event::Rpc;
    use crate::checks::server_model::state_files::first_refused;
    use crate::checks::tests::test_disk::TestDisk;
    use crate::checks::tests::voters;

    /// A process that finds this `quorum-state` answers a request. Does it break the claim?
    fn breaks(quorum_state: &[u8]) -> bool {
        let (mut disk, file) = (TestDisk::default(), FileHandle(1));
        let path = Rc::from("__cluster_metadata-0/quorum-state");
        disk.perform(&Effect::Open { file, path, truncate: true });
        disk.perform(&Effect::Append { file, bytes: quorum_state.into() });
        let mut models = Checks::new(voters(3)).models;
        models.servers[0].refuses = first_refused(&disk);
        let (mut refused, mut verdict) = (Refused::new(&voters(3)), Verdict::default());
        let rpc = Rpc { connection: 1, correlation_id: 1 };
        let response = Response::Vote(VoteResponse::default());
        let events =
            [Event::Booted { incarnation: 1, disk: &disk }, Event::ResponseSent { rpc, to: 1, response: &response }];
        for event in events {
            refused.on(&Crossing { at_ns: 0, server: 0, event }, &models, &mut verdict);
        }
        verdict.violation().is_some_and(|violation| violation.invariant == "DamagedFileRefused")
    }

    #[test]
    fn who_cannot_read_its_quorum_state_says_nothing() {
        let whole = br#"{"clusterId":"","leaderId":-1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[],"data_version":0}"#;
        assert!(breaks(&whole[..20]) && !breaks(whole));
    }
}
