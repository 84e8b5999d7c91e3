//! `PersistBeforePromise`: consensus.md §4.9, D1 to D9, seen at the border alone. Each catches its
//! class of mistake without needing the crash that would make it harmful.
//!
//! A request may leave late (the network client below raft queues it behind a connect), when its
//! sender has moved on; so D1, D3 and D4 judge whether the promise *was* durable in its epoch.

use crate::checks::prelude::*;
use raft::ids::NodeId;
use raft::log::{Batch, BatchHeader, ControlRecord};
use raft::message::{Request, Response};

use crate::checks::invariant::topic_id::PersistBeforePromiseD7;
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::Ledger;

check! {
    /// D1: a candidate's epoch and vote for itself are durable before it sends a Vote request.
    PersistBeforePromiseD1 as "PersistBeforePromise:D1", Safety of Server, "KIP-595, Raft §5.1: currentTerm and votedFor before a RequestVote"
        => requests_votes, Kinds::REQUEST_SENT;
    /// D2: an epoch is durable before any message carries it.
    PersistBeforePromiseD2 as "PersistBeforePromise:D2", Safety of Server, "Raft §5.1: currentTerm before any message that carries it"
        => carries_epoch, Kinds::REQUEST_SENT.and(Kinds::RESPONSE_SENT);
    /// D3: a vote is durable before it is granted.
    PersistBeforePromiseD3 as "PersistBeforePromise:D3", Safety of Server, "Raft §5.2: votedFor before the vote is granted"
        => grants_vote, Kinds::RESPONSE_SENT;
    /// D4: leadership is durable before LeaderChange is appended or BeginQuorumEpoch is sent.
    PersistBeforePromiseD4 as "PersistBeforePromise:D4", Safety of Server, "KIP-595: QuorumState.transitionToLeader before LeaderChange"
        => begins_epoch, Kinds::REQUEST_SENT;
    /// D8: a voter's log is durable up to the end that its Fetch or Vote request claims.
    PersistBeforePromiseD8 as "PersistBeforePromise:D8", Safety of Server, "KAFKA-10533: a fetch offset acknowledges what is on disk"
        => claims_log_end, Kinds::REQUEST_SENT;
    /// D9: a leader's appends are durable before its raft thread takes the next input.
    PersistBeforePromiseD9 as "PersistBeforePromise:D9", Safety of Server, "KAFKA-10533: the leader forces its append before it counts the next fetch"
        => takes_input, Kinds::RAFT_INPUT;
}

claim! {
    /// D5: the followed leader is durable before any of its records is appended.
    PersistBeforePromiseD5 as "PersistBeforePromise:D5", Safety of Server, "KIP-595: QuorumState.transitionToFollower before the first append";
    /// D6: the epoch-cache entry is durable before the first batch of its epoch is written.
    PersistBeforePromiseD6 as "PersistBeforePromise:D6", Safety of Server, "KIP-101, KIP-595: the leader-epoch cache before the batch";
}

fn requests_votes(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::RequestSent { request: Request::Vote(vote), .. } = crossing.event else { return };
    let (server, epoch) = (&models.servers[crossing.server], vote.replica_epoch);
    if !vote.pre_vote && !server.has_durable_vote(epoch, server.key()) {
        verdict.fail(&PersistBeforePromiseD1::CLAIM, || {
            format!("node {} requests votes in epoch {epoch}; {}", server.id, server.durable_election_words())
        });
    }
}

#[inline]
fn carries_epoch(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let (epoch, what) = match crossing.event {
        Event::RequestSent { request, .. } => {
            let epoch = match request {
                Request::Vote(vote) => vote.replica_epoch,
                Request::BeginQuorumEpoch(begin) => begin.leader_epoch,
                Request::EndQuorumEpoch(end) => end.leader_epoch,
                Request::Fetch(fetch) => fetch.current_leader_epoch,
                Request::FetchSnapshot(fetch) => fetch.current_leader_epoch,
                Request::UpdateRaftVoter(update) => update.current_leader_epoch,
                Request::ApiVersions(_)
                | Request::AddRaftVoter(_)
                | Request::RemoveRaftVoter(_)
                | Request::DescribeQuorum(_)
                | Request::DiscoverVersions(_)
                | Request::AppendRecords(_)
                | Request::ReadRecords(_)
                | Request::Data(_)
                | Request::Cluster(_)
                | Request::Admin(_)
                | Request::Envelope(_) => return,
            };
            (epoch, request.name())
        }
        Event::ResponseSent { response, .. } => {
            let epoch = match response {
                Response::Vote(vote) => vote.current_leader.leader_epoch,
                Response::BeginQuorumEpoch(answer) | Response::EndQuorumEpoch(answer) => {
                    answer.current_leader.leader_epoch
                }
                Response::Fetch(fetch) => fetch.current_leader.leader_epoch,
                Response::FetchSnapshot(fetch) => fetch.current_leader.leader_epoch,
                Response::UpdateRaftVoter(update) => update.current_leader.leader_epoch,
                Response::AppendRecords(append) => append.leader_epoch,
                Response::ApiVersions(_)
                | Response::AddRaftVoter(_)
                | Response::RemoveRaftVoter(_)
                | Response::DescribeQuorum(_)
                | Response::DiscoverVersions
                | Response::ReadRecords(_)
                | Response::Data(_)
                | Response::Cluster(_)
                | Response::Admin(_)
                | Response::Envelope(_) => return,
            };
            (epoch, response.name())
        }
        _ => return,
    };
    let server = &models.servers[crossing.server];
    if epoch > server.durable_epoch() {
        verdict.fail(&PersistBeforePromiseD2::CLAIM, || {
            format!("node {} sends {what} in epoch {epoch}; {}", server.id, server.durable_election_words())
        });
    }
}

fn grants_vote(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Some((requested, answer)) = models.vote_answered(crossing) else { return };
    let (server, epoch, candidate) = (&models.servers[crossing.server], requested.epoch, requested.candidate);
    if answer.vote_granted && !requested.pre_vote && !server.has_durable_vote(epoch, requested.key()) {
        verdict.fail(&PersistBeforePromiseD3::CLAIM, || {
            format!(
                "node {} grants its vote in epoch {epoch} to node {candidate}; {}",
                server.id,
                server.durable_election_words()
            )
        });
    }
}

fn begins_epoch(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::RequestSent { request: Request::BeginQuorumEpoch(begin), .. } = crossing.event else { return };
    let (server, epoch) = (&models.servers[crossing.server], begin.leader_epoch);
    if !server.was_leader(epoch) {
        verdict.fail(&PersistBeforePromiseD4::CLAIM, || {
            format!("node {} begins epoch {epoch}; {}", server.id, server.durable_election_words())
        });
    }
}

/// D4 to D7: a batch is about to be written. True if it is written as leader.
pub fn writes_batch(
    server: &ServerModel,
    header: &BatchHeader,
    bytes: &[u8],
    ledger: &Ledger,
    verdict: &mut Verdict,
) -> bool {
    let election = server.durable_election.unwrap_or_default();
    let leads = election.leader == Some(server.id);
    let own_change = header.control && leader_change_of(bytes) == Some(server.id);
    // A follower that catches up appends its own LeaderChange of an epoch it once led, too.
    let as_leader = leads || (own_change && election.leader.is_none());
    if as_leader && !(leads && election.epoch == header.epoch) {
        verdict.fail(&PersistBeforePromiseD4::CLAIM, || {
            format!(
                "node {} writes a batch of epoch {} as leader; its durable quorum-state has {election}",
                server.id, header.epoch
            )
        });
    }
    if !as_leader && (election.leader.is_none() || header.epoch > election.epoch) {
        verdict.fail(&PersistBeforePromiseD5::CLAIM, || {
            format!(
                "node {} writes a batch of epoch {} as follower; its durable quorum-state has {election}",
                server.id, header.epoch
            )
        });
    }
    let first_of_epoch = server.log.last_epoch(ledger) != Some(header.epoch);
    if first_of_epoch && !server.durable_epochs.iter().any(|entry| entry.epoch == header.epoch) {
        verdict.fail(&PersistBeforePromiseD6::CLAIM, || {
            let starts = server.durable_epochs.iter().map(|entry| format!("epoch {} at {}", entry.epoch, entry.offset));
            let starts = starts.collect::<Vec<_>>().join(", ");
            let starts = if starts.is_empty() { "none" } else { &starts };
            format!(
                "node {} writes its first batch of epoch {}; durable epoch starts: {starts}",
                server.id, header.epoch
            )
        });
    }
    if server.log.count() == 0 && !server.is_topic_id_durable() {
        verdict.fail(&PersistBeforePromiseD7::CLAIM, || {
            format!("node {} writes its first batch; partition.metadata is not durable", server.id)
        });
    }
    as_leader
}

fn leader_change_of(bytes: &[u8]) -> Option<NodeId> {
    let (batch, _) = Batch::parse(bytes).ok()?;
    match batch.control_records().ok()?.into_iter().next()? {
        ControlRecord::LeaderChange(change) => Some(change.leader_id),
        _ => None,
    }
}

/// A voter claims a log end, in a Fetch or in a real Vote request.
fn claims_log_end(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::RequestSent { request, .. } = crossing.event else { return };
    let (epoch, end) = match request {
        Request::Vote(vote) if !vote.pre_vote => (vote.replica_epoch, vote.last_offset),
        Request::Fetch(fetch) => (fetch.current_leader_epoch, fetch.fetch_offset),
        _ => return,
    };
    let (server, what) = (&models.servers[crossing.server], request.name());
    // Left late, from an epoch before or from before a cut: it was true when it was made.
    let is_late = || epoch < server.durable_epoch() || server.ends_before_cuts.contains(&end);
    let forced_end = models.ledger.end(server.log.prefix(server.log.forced()));
    if server.voter && end > forced_end && !is_late() {
        verdict.fail(&PersistBeforePromiseD8::CLAIM, || {
            format!(
                "node {} claims in a {what} request that its log ends at {end}; only offsets below {forced_end} are forced",
                server.id
            )
        });
    }
}

#[inline]
fn takes_input(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let server = &models.servers[crossing.server];
    if server.leader_append_pending && !server.disk_failed {
        verdict.fail(&PersistBeforePromiseD9::CLAIM, || {
            format!("node {}, a leader, processes its next input before its append is durable", server.id)
        });
    }
}
