//! By which voter sets an election may be decided, in a quorum whose voters change (KIP-853).

use raft::ids::Uuid;
use raft::voter_set::VoterSet;

use super::config::CheckConfig;
use super::connectivity::{Electorate, Set};
use super::models::Models;
use super::server_model::ServerModel;
use super::server_model::ledger::BatchId;

/// What was seen last of each server: the batch that the last voter set of its log is from, and its directory id.
type Seen = (BatchId, Option<Uuid>);

/// The voter sets of all logs.
#[derive(Clone, Debug)]
pub struct Electorates {
    is_dynamic: bool,
    seen: Vec<Seen>,
    /// That of the committed set.
    committed: BatchId,
}

impl Electorates {
    pub fn new(config: &CheckConfig) -> Electorates {
        let seen = vec![(BatchId::START, None); config.servers.len()];
        Electorates { is_dynamic: config.is_dynamic, seen, committed: BatchId::START }
    }

    /// What counts now, if a server's log, or what is committed, has another voter set than it had.
    #[inline]
    pub fn changed(&mut self, server: usize, models: &Models) -> Option<Vec<Electorate>> {
        if !self.is_dynamic {
            return None;
        }
        let model = &models.servers[server];
        let now = (models.ledger.last_voters_batch(model.log.whole()), model.directory_id);
        let committed = models.ledger.last_voters_batch(committed_log(models));
        let is_same = now == self.seen[server] && committed == self.committed;
        (self.seen[server], self.committed) = (now, committed);
        (!is_same).then(|| in_force(models))
    }
}

fn committed_log(models: &Models) -> BatchId {
    models.committed.batches.last().copied().unwrap_or(BatchId::START)
}

/// The committed voter set, and each set in a log that is not committed.
fn in_force(models: &Models) -> Vec<Electorate> {
    let Models { servers, ledger, .. } = models;
    let committed = committed_log(models);
    let of_logs = servers.iter().map(|server| ledger.last_voters_batch(server.log.whole()));
    let uncommitted = of_logs.filter(|set| !ledger.holds(committed, *set)).map(|set| ledger.voters(set));
    let mut electorates = vec![electorate(ledger.voters(committed), servers)];
    for set in uncommitted {
        let more = electorate(set, servers);
        if !electorates.contains(&more) {
            electorates.push(more);
        }
    }
    electorates
}

fn electorate(voters: &VoterSet, servers: &[ServerModel]) -> Electorate {
    let places = servers.iter().enumerate().filter(|(_, server)| voters.is_voter(server.key()));
    let members: Set = places.map(|(place, _)| 1 << place).sum();
    Electorate { members, majority: voters.majority() as u32 }
}
