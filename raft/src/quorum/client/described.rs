//! The state of a replica of the metadata log, for instruments.

use super::RaftClient;
use crate::ids::NodeId;
use crate::io::ThreadName;
use crate::message::{Fields, Value};
use crate::quorum::epoch_states::{EpochElection, EpochState};
use crate::quorum::raft_metrics::SampledLatency;
use crate::quorum::timer::Timer;

impl RaftClient {
    /// All but the log's content. Timers show what is left of them at `now_ms`.
    pub fn described(&self, now_ms: i64) -> Value {
        let quorum = &self.quorum;
        let listener = |of: &super::ListenerContext| (thread(of.thread()).to_owned(), of.described());
        Value::of([
            ("role", Value::text(format!("{:?}", quorum.role()))),
            ("epoch", quorum.epoch().value()),
            ("leaderId", quorum.leader_id().value()),
            ("votedId", quorum.voted().map(|voted| voted.id).value()),
            ("isVoter", quorum.is_voter().value()),
            ("mayCampaign", quorum.may_campaign().value()),
            ("highWatermark", quorum.high_watermark().value()),
            ("logStartOffset", self.log.start_offset().value()),
            ("logEndOffset", self.log.end_offset().value()),
            ("lastFetchedEpoch", self.log.last_fetched_epoch().value()),
            ("state", self.state(now_ms)),
            ("requests", self.requests.described()),
            ("commitLatencyUs", latency(&self.metrics.commit_latency, now_ms)),
            ("electionLatencyUs", latency(&self.metrics.election_latency, now_ms)),
            ("parkedFetches", Value::count(self.parked.len())),
            ("appendsNotCommitted", Value::count(self.appended.len())),
            ("listeners", Value::Struct(self.listeners.iter().map(listener).collect())),
            ("shutdownInMs", self.shutdown.as_ref().and_then(|timer| timer.remaining_at(now_ms)).value()),
        ])
    }

    /// The timers by which the replica changes its state or sends requests, of those that have expired. A replica
    /// that may not begin an election has none. Names are those of [`described`](Self::described).
    pub fn expired(&self, now_ms: i64) -> Vec<&'static str> {
        // A single voter asks nobody whether it still leads.
        if !self.quorum.may_campaign() || self.quorum.voters().len() == 1 {
            return Vec::new();
        }
        let timers: &[(&'static str, &Timer)] = match &self.quorum.state {
            EpochState::Unattached(of) => &[("electionTimeout", &of.election_timer)],
            EpochState::Prospective(of) => &[("electionTimeout", &of.election_timer)],
            EpochState::Candidate(of) => &[("electionTimeout", &of.election_timer)],
            EpochState::Resigned(of) => &[("electionTimeout", &of.election_timer)],
            EpochState::Follower(of) => &[("fetchTimeout", &of.fetch_timer)],
            EpochState::Leader(of) => &of.timers(),
        };
        let is_expired = |timer: &Timer| timer.remaining_at(now_ms) == Some(0);
        timers.iter().filter(|(_, timer)| is_expired(timer)).map(|(name, _)| *name).collect()
    }

    /// What a vote is granted or rejected by, before the request changes it.
    pub fn vote_basis(&self) -> Value {
        Value::of([
            ("logEndOffset", self.log.end_offset().value()),
            ("lastEpoch", self.log.last_fetched_epoch().value()),
            ("epoch", self.quorum.epoch().value()),
            ("votedId", self.quorum.voted().map(|voted| voted.id).value()),
            ("leaderId", self.quorum.leader_id().value()),
        ])
    }

    /// What is known in the present state only.
    fn state(&self, now_ms: i64) -> Value {
        let left = |timer: &Timer| timer.remaining_at(now_ms).value();
        match &self.quorum.state {
            EpochState::Unattached(of) => Value::of([("electionTimeoutInMs", left(&of.election_timer))]),
            EpochState::Prospective(of) => {
                Value::of([("preVotes", votes(&of.election)), ("electionTimeoutInMs", left(&of.election_timer))])
            }
            EpochState::Candidate(of) => {
                Value::of([("votes", votes(&of.election)), ("electionTimeoutInMs", left(&of.election_timer))])
            }
            EpochState::Leader(of) => of.described(self.quorum.epoch(), now_ms),
            EpochState::Follower(of) => Value::of([
                ("fetchTimeoutInMs", left(&of.fetch_timer)),
                ("hasFetchedFromLeader", of.has_fetched_from_leader.value()),
                ("updateVoterInMs", left(&of.update_voter_period)),
            ]),
            EpochState::Resigned(of) => Value::of([
                ("electionTimeoutInMs", left(&of.election_timer)),
                ("unacked", ids(of.unacked.iter().copied())),
            ]),
        }
    }
}

fn votes(of: &EpochElection) -> Value {
    Value::of([("granting", ids(of.granting())), ("unrecorded", ids(of.unrecorded()))])
}

fn ids(of: impl Iterator<Item = NodeId>) -> Value {
    Value::List(of.map(|id| id.value()).collect())
}

/// Of the last one to two `metrics.sample.window.ms`.
fn latency(of: &SampledLatency, now_ms: i64) -> Value {
    let described = |(avg, max): (i64, i64)| Value::of([("avg", Value::Number(avg)), ("max", Value::Number(max))]);
    of.measure_us(now_ms).map_or(Value::Null, described)
}

/// As traces name it.
fn thread(of: ThreadName) -> &'static str {
    match of {
        ThreadName::ControllerEventQueue => "controller-event-queue",
        ThreadName::MetadataLoader => "metadata-loader",
        _ => "raft-io",
    }
}
