//! `PersistBeforePromise`: consensus.md §4.9, D1 to D9, seen at the border alone. Each catches its
//! class of mistake without needing the crash that would make it harmful.
//!
//! A request may leave late (the network client below raft queues it behind a connect), when its
//! sender has moved on; so D1, D3 and D4 ask whether the promise *was* durable in its epoch.

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::log::{Batch, BatchHeader, ControlRecord};

use super::Invariant;
use crate::checks::ghost::ServerGhost;
use crate::checks::ghost::ledger::Ledger;
use crate::checks::verdict::Verdict;

/// D1: a real Vote request asks for votes in an epoch.
pub fn asks_for_votes(server: &ServerGhost, epoch: LeaderEpoch, verdict: &mut Verdict) {
    if server.durable_vote(epoch) != Some(server.id) {
        verdict.fail(Invariant::PersistBeforePromiseD1, || {
            format!("node {} asks for votes in epoch {epoch}; durable is {:?}", server.id, server.durable_election)
        });
    }
}

/// D2: a message carries its sender's epoch.
#[inline]
pub fn carries_epoch(server: &ServerGhost, epoch: LeaderEpoch, what: &str, verdict: &mut Verdict) {
    if epoch > server.durable_epoch() {
        verdict.fail(Invariant::PersistBeforePromiseD2, || {
            format!("node {} sends {what} in epoch {epoch}; durable is {:?}", server.id, server.durable_election)
        });
    }
}

/// D3: a vote is granted.
pub fn grants_vote(server: &ServerGhost, epoch: LeaderEpoch, candidate: NodeId, verdict: &mut Verdict) {
    if server.durable_vote(epoch) != Some(candidate) {
        verdict.fail(Invariant::PersistBeforePromiseD3, || {
            format!(
                "node {} grants its vote in epoch {epoch} to {candidate}; durable is {:?}",
                server.id, server.durable_election
            )
        });
    }
}

/// D4: BeginQuorumEpoch announces a leader.
pub fn begins_epoch(server: &ServerGhost, epoch: LeaderEpoch, verdict: &mut Verdict) {
    if server.durable_leaderships.binary_search(&epoch).is_err() {
        verdict.fail(Invariant::PersistBeforePromiseD4, || {
            format!("node {} begins epoch {epoch}; durable is {:?}", server.id, server.durable_election)
        });
    }
}

/// D4 to D7: a batch is about to be written. True if it is written as leader.
pub fn writes_batch(
    server: &ServerGhost,
    header: &BatchHeader,
    bytes: &[u8],
    ledger: &Ledger,
    verdict: &mut Verdict,
) -> bool {
    let election = server.durable_election.unwrap_or_default();
    let leads = election.leader == Some(server.id);
    let own_change = header.control && leader_change_of(bytes) == Some(server.id);
    // A follower that catches up appends its own LeaderChange of an epoch it once led, too.
    let as_leader = leads || (own_change && server.durable_leaderships.binary_search(&header.epoch).is_err());
    if as_leader && !(leads && election.epoch == header.epoch) {
        verdict.fail(Invariant::PersistBeforePromiseD4, || {
            format!("node {} writes a batch of epoch {} as leader; durable is {election:?}", server.id, header.epoch)
        });
    }
    if !as_leader && (election.leader.is_none() || header.epoch > election.epoch) {
        verdict.fail(Invariant::PersistBeforePromiseD5, || {
            format!("node {} writes a batch of epoch {} as follower; durable is {election:?}", server.id, header.epoch)
        });
    }
    if server.log.last_epoch(ledger) != Some(header.epoch) {
        let starts = |entry: &&raft::ids::OffsetAndEpoch| entry.epoch == header.epoch;
        let start = server.durable_epochs.iter().rfind(starts).map(|entry| entry.offset);
        if start.is_none_or(|start| start > header.base_offset) {
            verdict.fail(Invariant::PersistBeforePromiseD6, || {
                format!(
                    "node {} writes its first batch of epoch {} at {}; the durable epoch start is {start:?}",
                    server.id, header.epoch, header.base_offset
                )
            });
        }
    }
    if !server.topic_id_durable && server.log.count() == 0 {
        verdict.fail(Invariant::PersistBeforePromiseD7, || {
            format!("node {} writes its first batch; partition.metadata is not durable", server.id)
        });
    }
    as_leader
}

fn leader_change_of(bytes: &[u8]) -> Option<NodeId> {
    let (batch, _) = Batch::parse(bytes).ok()?;
    batch.control_records().ok()?.into_iter().next().map(|ControlRecord::LeaderChange(change)| change.leader_id)
}

/// D8: a voter claims a log end, in a Fetch or in a real Vote request sent in `epoch`.
pub fn claims_log_end(
    server: &ServerGhost,
    epoch: LeaderEpoch,
    end: Offset,
    what: &str,
    ledger: &Ledger,
    verdict: &mut Verdict,
) {
    // Left late, from an epoch before: the log may have been cut since, and nobody heeds it.
    let late = epoch < server.durable_epoch();
    let durable_end = server.log.durable_end(ledger);
    if server.voter && !late && end > durable_end {
        verdict.fail(Invariant::PersistBeforePromiseD8, || {
            format!("node {} claims log end {end} in a {what} request; durable are {durable_end}", server.id)
        });
    }
}

/// D9: the raft thread takes an input.
#[inline]
pub fn takes_input(server: &ServerGhost, verdict: &mut Verdict) {
    if server.leader_append_pending && !server.disk_failed {
        verdict.fail(Invariant::PersistBeforePromiseD9, || {
            format!("leader {} takes its next input before its append is durable", server.id)
        });
    }
}
