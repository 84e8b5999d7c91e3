//! The replacement of a voter whose disk is lost, in a quorum whose voters change (KIP-853): from the fault until the
//! controller is a voter again, with the directory id of its new disk.

use raft::ids::{NodeId, Uuid};

use crate::checks::models::Models;
use crate::checks::server_model::ledger::BatchId;
use crate::report::{Failover, FailoverKind};

/// The fault that begins a replacement.
const CAUSE: &str = "replace-disk";

/// A voter whose disk is lost.
#[derive(Clone, Debug)]
struct Lost {
    server: usize,
    at_ns: u64,
    /// The directory id of the lost disk.
    directory_id: Uuid,
    /// When its process was started on the new disk.
    started_ns: Option<u64>,
    /// When a committed voter set did not have the lost one.
    removed_ns: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Replacements {
    servers: Vec<NodeId>,
    /// The batch of the committed voter set.
    committed: Option<BatchId>,
    /// The directory ids of the committed voters, by server.
    voters: Vec<Option<Uuid>>,
    lost: Vec<Lost>,
}

impl Replacements {
    pub fn new(servers: Vec<NodeId>) -> Replacements {
        Replacements { voters: vec![None; servers.len()], servers, committed: None, lost: Vec::new() }
    }

    /// A fault hits a server.
    pub fn struck(&mut self, at_ns: u64, server: usize, cause: &str) {
        // A disk that is lost again before its voter was replaced: the first fault counts.
        if cause != CAUSE || self.lost.iter().any(|lost| lost.server == server) {
            return;
        }
        if let Some(directory_id) = self.voters[server] {
            self.lost.push(Lost { server, at_ns, directory_id, started_ns: None, removed_ns: None });
        }
    }

    /// A process was started.
    pub fn started(&mut self, at_ns: u64, server: usize) {
        if let Some(lost) = self.lost.iter_mut().find(|lost| lost.server == server) {
            lost.started_ns.get_or_insert(at_ns);
        }
    }

    /// Is the batch of the committed voter set another one than before? The committed log may change at any event.
    #[inline]
    pub fn is_changed_by(&self, models: &Models) -> bool {
        models.ledger.is_dynamic() && self.committed != Some(models.ledger.last_voters_batch(committed_end(models)))
    }

    /// The committed voter set is another one; returns the replacements that this completes.
    pub fn committed(&mut self, at_ns: u64, models: &Models) -> Vec<Failover> {
        let end = committed_end(models);
        self.committed = Some(models.ledger.last_voters_batch(end));
        let voters = models.ledger.voters(end);
        let directory = |id: &NodeId| voters.nodes().iter().find(|voter| voter.id == *id)?.directory_id;
        self.voters = self.servers.iter().map(directory).collect();
        self.changed(at_ns)
    }

    /// The committed voters are others.
    fn changed(&mut self, at_ns: u64) -> Vec<Failover> {
        let mut done = Vec::new();
        let voters = &self.voters;
        self.lost.retain_mut(|lost| {
            let now = voters[lost.server];
            if now == Some(lost.directory_id) {
                return true;
            }
            let removed_ns = *lost.removed_ns.get_or_insert(at_ns);
            if now.is_some() {
                done.push(replaced(lost, removed_ns, at_ns));
            }
            now.is_none()
        });
        done
    }

    /// The run is over.
    pub fn finish(&mut self, at_ns: u64) -> impl Iterator<Item = Failover> {
        let unended = move |lost: Lost| Failover::at_least(FailoverKind::VoterReplacement, lost.at_ns, CAUSE, at_ns);
        std::mem::take(&mut self.lost).into_iter().map(unended)
    }
}

fn committed_end(models: &Models) -> BatchId {
    models.committed.batches.last().copied().unwrap_or(BatchId::START)
}

fn replaced(lost: &Lost, removed_ns: u64, at_ns: u64) -> Failover {
    // The lost voter may be removed before its successor starts.
    let started_ns = lost.started_ns.unwrap_or(at_ns);
    let removed_ns = removed_ns.max(started_ns);
    Failover {
        kind: FailoverKind::VoterReplacement,
        at_ns: lost.at_ns,
        cause: CAUSE.to_owned(),
        total_ns: at_ns - lost.at_ns,
        ended: true,
        phases: vec![
            ("away", started_ns - lost.at_ns),
            ("remove", removed_ns - started_ns),
            ("add", at_ns - removed_ns),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directory ids by server.
    fn voters(replacements: &mut Replacements, at_ns: u64, ids: [Option<u8>; 3]) -> Vec<Failover> {
        replacements.voters = ids.into_iter().map(|id| id.map(|byte| Uuid([byte; 16]))).collect();
        replacements.changed(at_ns)
    }

    fn three() -> Replacements {
        let mut replacements = Replacements::new(vec![NodeId(1), NodeId(2), NodeId(3)]);
        voters(&mut replacements, 0, [Some(1), Some(2), Some(3)]);
        replacements
    }

    #[test]
    fn a_voter_is_replaced_when_its_new_directory_id_is_committed() {
        let mut replacements = three();
        replacements.struck(90, 0, "kill");
        replacements.struck(100, 1, CAUSE);
        replacements.struck(150, 1, CAUSE);
        replacements.started(200, 1);
        assert!(voters(&mut replacements, 250, [Some(1), Some(2), None]).is_empty(), "another one");
        assert!(voters(&mut replacements, 300, [Some(1), None, None]).is_empty());
        let done = voters(&mut replacements, 450, [Some(1), Some(9), None]);
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].phases, [("away", 100), ("remove", 100), ("add", 150)]);
        assert_eq!((done[0].at_ns, done[0].total_ns), (100, 350));
        assert_eq!(replacements.finish(900).count(), 0);
    }

    #[test]
    fn a_lost_voter_may_be_removed_before_its_successor_starts_and_may_stay_away() {
        let mut replacements = three();
        replacements.struck(100, 1, CAUSE);
        replacements.struck(100, 2, CAUSE);
        voters(&mut replacements, 150, [Some(1), None, Some(3)]);
        replacements.started(200, 1);
        let done = voters(&mut replacements, 300, [Some(1), Some(9), Some(3)]);
        assert_eq!(done[0].phases, [("away", 100), ("remove", 0), ("add", 100)]);
        let unended: Vec<_> = replacements.finish(900).map(|it| (it.total_ns, it.ended)).collect();
        assert_eq!(unended, [(800, false)]);
    }
}
