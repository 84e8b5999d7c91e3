//! `NewVoterCaughtUp`: a replica that lacks a part of the log becomes no voter.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, ReplicaKey};
use raft::message::{FetchRequest, Request};
use raft::voter_set::VoterNode;

use crate::checks::server_model::ledger::{BatchId, Ledger};

claim! {
    /// A leader adds a voter only when that replica has fetched, in this epoch, from an offset at or above the end that the
    /// leader's log had at this Fetch or at the one before.
    NewVoterCaughtUp by NewVoters, Safety of Quorum, "KIP-853: AddVoterHandler.handleApiVersionsResponse, LeaderState.isReplicaCaughtUp";
}

/// What a leader has received from a replica.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    key: ReplicaKey,
    /// The written end of the leader's log at the last Fetch. The end in memory is not lower, so who has caught up with that
    /// has caught up with this.
    leader_end: Offset,
    is_caught_up: bool,
}

/// The Fetches of one epoch of a leader.
#[derive(Clone, Debug, Default)]
struct Fetches {
    epoch: LeaderEpoch,
    /// By replica. A server whose disk was replaced is another one.
    of: Vec<Fetched>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct NewVoters {
    voters_may_change: bool,
    leaders: Vec<Fetches>,
}

impl Check for NewVoters {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED;

    fn new(config: &CheckConfig) -> NewVoters {
        NewVoters { voters_may_change: config.is_dynamic, leaders: vec![Fetches::default(); config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, _: &mut Verdict) {
        let server = &models.servers[crossing.server];
        if let Event::RequestReceived { request: Request::Fetch(fetch), .. } = crossing.event
            && self.voters_may_change
            && server.leads() == Some(fetch.current_leader_epoch)
        {
            self.leaders[crossing.server].receive(fetch, server.log.end(&models.ledger));
        }
    }
}

impl Fetches {
    /// A Fetch of this epoch.
    fn receive(&mut self, fetch: &FetchRequest, leader_end: Offset) {
        let epoch = fetch.current_leader_epoch;
        if self.epoch != epoch {
            *self = Fetches { epoch, of: Vec::new() };
        }
        let key = ReplicaKey { id: fetch.replica_id, directory_id: fetch.replica_directory_id };
        match self.of.iter_mut().find(|of| of.key == key) {
            Some(of) => {
                of.is_caught_up |= fetch.fetch_offset >= of.leader_end;
                of.leader_end = leader_end;
            }
            None => self.of.push(Fetched { key, leader_end, is_caught_up: fetch.fetch_offset >= leader_end }),
        }
    }

    fn has_caught_up(&self, key: ReplicaKey, epoch: LeaderEpoch) -> bool {
        self.epoch == epoch && self.of.iter().any(|of| of.key == key && of.is_caught_up)
    }
}

impl NewVoters {
    /// A leader has written the batch `id`, of control records.
    #[track_caller]
    pub fn writes_voters(&self, leader: usize, id: BatchId, models: &Models, verdict: &mut Verdict) {
        let ledger = &models.ledger;
        let epoch = ledger.get(id).epoch;
        for voter in added(id, ledger) {
            if self.voters_may_change && !self.leaders[leader].has_caught_up(voter.key(), epoch) {
                verdict.fail(&NewVoters::CLAIM, || {
                    let (leader, voter) = (models.servers[leader].id, voter.id);
                    format!("node {leader} adds node {voter} to the voters in epoch {epoch} before it has caught up")
                });
            }
        }
    }
}

/// The voters of a set in a batch whose ids are not in the set before.
fn added(id: BatchId, ledger: &Ledger) -> impl Iterator<Item = &VoterNode> {
    let old = ledger.voters(ledger.before(id)).ids();
    ledger.voters(id).nodes().iter().filter(move |voter| !old.contains(&voter.id))
}

#[cfg(test)]
mod tests {
    use raft::ids::{NodeId, Uuid};

    use super::*;

    const DISK: Uuid = Uuid([3; 16]);

    /// Whether a replica has caught up in epoch 2 after Fetches of (disk, epoch, offset, the leader's log end then).
    fn has_caught_up(received: &[(Uuid, i32, i64, i64)]) -> bool {
        let mut fetches = Fetches::default();
        for (disk, epoch, offset, leader_end) in received {
            let fetch = FetchRequest {
                cluster_id: None,
                replica_id: NodeId(4),
                replica_directory_id: Some(*disk),
                topic_id: Uuid::METADATA_TOPIC_ID,
                max_wait_ms: 500,
                max_bytes: 1_000,
                current_leader_epoch: LeaderEpoch(*epoch),
                fetch_offset: Offset(*offset),
                last_fetched_epoch: LeaderEpoch(1),
                high_watermark: None,
            };
            fetches.receive(&fetch, Offset(*leader_end));
        }
        fetches.has_caught_up(ReplicaKey { id: NodeId(4), directory_id: Some(DISK) }, LeaderEpoch(2))
    }

    #[test]
    fn a_replica_has_caught_up_with_the_end_at_this_fetch_or_the_one_before() {
        let other = Uuid([4; 16]);
        assert!(!has_caught_up(&[]));
        assert!(!has_caught_up(&[(DISK, 2, 9, 10)]));
        assert!(has_caught_up(&[(DISK, 2, 10, 10)]));
        assert!(has_caught_up(&[(DISK, 2, 0, 10), (DISK, 2, 10, 20)]));
        assert!(!has_caught_up(&[(DISK, 2, 0, 10), (DISK, 2, 5, 20), (DISK, 2, 19, 30)]));
        assert!(has_caught_up(&[(DISK, 2, 10, 10), (DISK, 2, 10, 20)]), "it has caught up once");
        assert!(!has_caught_up(&[(DISK, 1, 10, 10)]), "another epoch");
        assert!(!has_caught_up(&[(DISK, 1, 10, 10), (DISK, 2, 5, 10)]), "another epoch before");
        assert!(!has_caught_up(&[(other, 2, 10, 10), (DISK, 2, 0, 10)]), "another disk");
        assert!(has_caught_up(&[(DISK, 2, 10, 10), (other, 2, 0, 10)]), "another disk since");
    }
}
