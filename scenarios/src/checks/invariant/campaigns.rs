//! When a voter leaves its leader, and when it goes back.
//!
//! * `SilentLeaderLeft`: a follower that its leader has not answered for a fetch timeout requests
//!   pre-votes, whatever it receives from others
//! * `EndQuorumEpochObeyed`: a voter that has received its leader's EndQuorumEpoch does so when its backoff is
//!   over (KIP-595)
//! * `PreVoteCarriedThrough`: and it goes back to that leader only when it cannot win, or when its
//!   election timeout is over: that others still name the leader says nothing (KIP-996, KAFKA-17641)
//!
//! Judged from the answers and requests that reach a server, from those that voters send, and from the
//! roles it says it enters (audits compare them with its disk). Who is a voter, and how many refusals make a majority
//! impossible, is decided by the voters of a server's own log; if they change, its time begins anew.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, ReplicaKey};
use raft::io::{Observation, Role, ThreadName};
use raft::message::{ErrorCode, Request, Response};

use super::timings::{Calm, QuorumTimings, longest_ns, shortest_ns};
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::{BatchId, Ledger};

claim! {
    /// A follower that receives no answer from its leader requests pre-votes when its fetch timeout ends.
    SilentLeaderLeft by Campaigns, Liveness of Quorum, "KIP-595: controller.quorum.fetch.timeout.ms";
    /// A follower that receives EndQuorumEpoch from its resigning leader becomes a candidate when its backoff
    /// ends.
    EndQuorumEpochObeyed, Liveness of Quorum, "KIP-595: EndQuorumEpoch, PreferredCandidates; KAFKA-20895";
    /// A replica that requests pre-votes follows its leader again only when it cannot win or its election
    /// timeout ends.
    PreVoteCarriedThrough, Safety of Quorum, "KIP-996: Prospective; KAFKA-17641";
}

/// For timers that are read only when the thread is polled.
const SLACK_NS: u64 = 100_000_000;
/// One message that lay in the queue may be handled before the timer is read (consensus.md §10).
const OVERDUE_INPUTS: u8 = 3;

/// What a follower waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// An answer of its leader.
    Answer,
    /// Its backoff after EndQuorumEpoch.
    Backoff,
}

/// A follower's timer.
#[derive(Clone, Copy, Debug)]
struct Follows {
    wait: Wait,
    began_ns: u64,
    bound_ns: u64,
    /// The batch that the voters of its log are from, when they were seen last.
    voters: BatchId,
}

/// A replica that requests pre-votes, after it has followed.
#[derive(Clone, Debug)]
struct PreCampaign {
    epoch: LeaderEpoch,
    leader: NodeId,
    since_ns: u64,
    refused_by: Vec<usize>,
    /// That leader has begun its epoch again meanwhile.
    was_called: bool,
}

#[derive(Clone, Debug)]
struct Watched {
    fetch_ns: u64,
    backoff_ns: u64,
    /// Not even a fast clock's election timer is over before.
    election_ns: u64,
    role: Option<(Role, LeaderEpoch, NodeId)>,
    follows: Option<Follows>,
    /// When that timer is over; `u64::MAX` if there is none.
    deadline_ns: u64,
    overdue_inputs: u8,
    /// Of whose end the input that the thread handles now has told, and the backoff it gives.
    reported: Option<(LeaderEpoch, NodeId, u64)>,
    asks: Option<PreCampaign>,
    /// When the thread began with what it handles now: its timers count from here, however long the
    /// fsync takes that comes before what it says.
    step_ns: u64,
    calm: Calm,
}

impl Watched {
    fn wait(&mut self, follows: Option<Follows>) {
        self.deadline_ns = follows.map_or(u64::MAX, |it| it.began_ns.saturating_add(it.bound_ns));
        self.follows = follows;
        self.overdue_inputs = 0;
    }

    fn wait_for(&mut self, wait: Wait, at_ns: u64, bound_ns: u64, voters: BatchId) {
        self.wait(Some(Follows { wait, began_ns: at_ns, bound_ns, voters }));
    }

    fn is_follower_of(&self, leader: NodeId, epoch: LeaderEpoch) -> bool {
        self.role == Some((Role::Follower, epoch, leader))
    }
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Campaigns {
    watched: Vec<Watched>,
}

/// The batch that the voters of a server's log are from.
fn voters_batch(model: &ServerModel, ledger: &Ledger) -> BatchId {
    ledger.last_voters_batch(model.log.whole())
}

impl Campaigns {
    /// A server is down.
    pub fn down(&mut self, server: usize) {
        let watched = &mut self.watched[server];
        (watched.role, watched.asks, watched.reported) = (None, None, None);
        watched.wait(None);
    }

    /// A server says that its state has changed.
    pub fn role_changed(
        &mut self,
        at_ns: u64,
        server: usize,
        (role, epoch, leader): (Role, LeaderEpoch, NodeId),
        (model, ledger): (&ServerModel, &Ledger),
        verdict: &mut Verdict,
    ) {
        let (voters, batch) = (model.voters(ledger), voters_batch(model, ledger));
        let watched = &mut self.watched[server];
        let before = watched.role.replace((role, epoch, leader));
        let requested = watched.asks.take();
        // One that requests pre-votes and knows the leader still is none of its followers: the word that
        // this one resigns says nothing to it, and if it goes back it does so with a whole timeout.
        let knew = before == Some((Role::Prospective, epoch, leader));
        match role {
            // It may learn of a leader by the word that this one resigns.
            Role::Follower => {
                match watched.reported.filter(|(reported, by, _)| (*reported, *by) == (epoch, leader) && !knew) {
                    Some((_, _, bound_ns)) => watched.wait_for(Wait::Backoff, at_ns, bound_ns, batch),
                    None => watched.wait_for(Wait::Answer, at_ns, watched.fetch_ns, batch),
                }
            }
            _ => watched.wait(None),
        }
        match (role, before) {
            (Role::Prospective, Some((Role::Follower, followed, of))) if followed == epoch => {
                let (since_ns, refused_by, was_called) = (watched.step_ns, Vec::new(), false);
                watched.asks = Some(PreCampaign { epoch, leader: of, since_ns, refused_by, was_called });
            }
            // A vote for another starts its timer anew, and its count: but what was sent before may be
            // counted yet.
            (Role::Prospective, Some((Role::Prospective, ..))) => {
                watched.asks = requested.map(|asks| PreCampaign { since_ns: watched.step_ns, ..asks });
            }
            (Role::Follower, Some((Role::Prospective, ..))) => {
                let Some(asks) = requested.filter(|asks| (asks.epoch, asks.leader) == (epoch, leader)) else { return };
                // So many refusals make it hopeless. (One that is no voter has not its own vote either.)
                let hopeless = voters.len() - voters.len() / 2;
                let is_over = at_ns >= asks.since_ns + watched.election_ns || asks.refused_by.len() >= hopeless;
                let is_judged = voters.is_voter(model.key()) && watched.calm.lasts_since(asks.since_ns);
                if !is_over && !asks.was_called && is_judged {
                    verdict.fail(&PreVoteCarriedThrough::CLAIM, || {
                        format!(
                            "node {} follows leader {leader} of epoch {epoch} again, which did not answer it, {} ms after it began to request pre-votes; of the {hopeless} refusals that would make its election hopeless {} were sent",
                            model.id,
                            (at_ns - asks.since_ns) / 1_000_000,
                            asks.refused_by.len()
                        )
                    });
                }
            }
            _ => {}
        }
    }

    /// A Fetch of a server's raft thread was answered without an error.
    #[inline]
    pub fn fetch_answered(&mut self, at_ns: u64, server: usize) {
        let watched = &mut self.watched[server];
        if let Some(follows) = watched.follows {
            // It may be to a request that the server has forgotten: a longer wait then stands.
            let before_ns = watched.deadline_ns;
            watched.wait_for(Wait::Answer, at_ns, watched.fetch_ns, follows.voters);
            watched.deadline_ns = watched.deadline_ns.max(before_ns);
        }
    }

    /// A server takes EndQuorumEpoch; `is_first` of those that shall campaign?
    pub fn knows_end(
        &mut self,
        at_ns: u64,
        server: usize,
        (leader, epoch): (NodeId, LeaderEpoch),
        is_first: bool,
        voters: BatchId,
    ) {
        let watched = &mut self.watched[server];
        let bound_ns = if is_first { SLACK_NS } else { watched.backoff_ns };
        watched.reported = Some((epoch, leader, bound_ns));
        if watched.is_follower_of(leader, epoch) {
            watched.wait_for(Wait::Backoff, at_ns, bound_ns, voters);
        }
    }

    /// A server takes BeginQuorumEpoch.
    pub fn called(&mut self, server: usize, leader: NodeId, epoch: LeaderEpoch) {
        if let Some(asks) = &mut self.watched[server].asks {
            asks.was_called |= (asks.epoch, asks.leader) == (epoch, leader);
        }
    }

    /// A voter refuses a pre-vote.
    pub fn refused(&mut self, voter: usize, asker: usize) {
        if let Some(asks) = &mut self.watched[asker].asks
            && !asks.refused_by.contains(&voter)
        {
            asks.refused_by.push(voter);
        }
    }

    /// A server's raft thread takes an input.
    #[inline]
    pub fn takes_input(&mut self, at_ns: u64, server: usize, of: (&ServerModel, &Ledger), verdict: &mut Verdict) {
        self.watched[server].reported = None;
        self.watched[server].step_ns = at_ns;
        if at_ns > self.watched[server].deadline_ns {
            self.is_overdue(at_ns, server, of, verdict);
        }
    }

    #[cold]
    fn is_overdue(
        &mut self,
        at_ns: u64,
        server: usize,
        (model, ledger): (&ServerModel, &Ledger),
        verdict: &mut Verdict,
    ) {
        let watched = &mut self.watched[server];
        let (Some(follows), Some((_, epoch, leader))) = (watched.follows, watched.role) else { return };
        let voters = voters_batch(model, ledger);
        // An observer does not campaign, and its timer has no meaning.
        if voters != follows.voters || !ledger.voters(voters).is_voter(model.key()) {
            watched.wait(Some(Follows { began_ns: at_ns, voters, ..follows }));
            return;
        }
        let Some(calm_ns) = watched.calm.since_ns() else {
            watched.overdue_inputs = 0;
            return;
        };
        if calm_ns > follows.began_ns {
            watched.wait(Some(Follows { began_ns: calm_ns, ..follows }));
            return;
        }
        watched.overdue_inputs += 1;
        if watched.overdue_inputs < OVERDUE_INPUTS {
            return;
        }
        watched.overdue_inputs = 0;
        let (id, since_ms) = (model.id, (at_ns - follows.began_ns) / 1_000_000);
        match follows.wait {
            Wait::Answer => verdict.fail(&Campaigns::CLAIM, || {
                format!(
                    "node {id} still follows leader {leader} of epoch {epoch}, which answered it {since_ms} ms ago; its fetch timeout is {} ms",
                    (follows.bound_ns - SLACK_NS) / 1_000_000
                )
            }),
            Wait::Backoff => verdict.fail(&EndQuorumEpochObeyed::CLAIM, || {
                format!(
                    "node {id} still follows leader {leader} of epoch {epoch}, which announced {since_ms} ms ago that it resigns; the bound for its own candidacy is {} ms",
                    follows.bound_ns / 1_000_000
                )
            }),
        }
    }
}

impl Check for Campaigns {
    const EVENTS: Kinds = Kinds::RAFT_INPUT
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Campaigns {
        let watched = |timings: &QuorumTimings| Watched {
            fetch_ns: longest_ns(timings.fetch_timeout_ms, config.slowest_ppm) + SLACK_NS,
            backoff_ns: longest_ns(timings.election_backoff_max_ms, config.slowest_ppm) + SLACK_NS,
            election_ns: shortest_ns(timings.election_timeout_ms, config.fastest_ppm),
            role: None,
            follows: None,
            deadline_ns: u64::MAX,
            overdue_inputs: 0,
            reported: None,
            asks: None,
            step_ns: 0,
            calm: Calm::new(config.slowest_ppm),
        };
        Campaigns { watched: config.timings.iter().map(watched).collect() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        let of = (&models.servers[server], &models.ledger);
        match event {
            Event::Input { thread: ThreadName::RaftIo } => self.takes_input(at_ns, server, of, verdict),
            Event::RequestReceived { request: Request::BeginQuorumEpoch(begin), .. } => {
                self.called(server, begin.leader_id, begin.leader_epoch);
            }
            Event::RequestReceived { request: Request::EndQuorumEpoch(end), .. } => {
                let key = models.servers[server].key();
                let is_own = |first: &ReplicaKey| {
                    first.id == key.id && first.directory_id.is_none_or(|id| key.directory_id == Some(id))
                };
                let is_first = end.preferred_candidates.first().is_none_or(is_own);
                self.knows_end(at_ns, server, (end.leader_id, end.leader_epoch), is_first, voters_batch(of.0, of.1));
            }
            Event::ResponseReceived { response: Response::Fetch(answer), .. }
                if answer.top_error == ErrorCode::None && answer.error == ErrorCode::None =>
            {
                self.fetch_answered(at_ns, server);
            }
            // The next chunk of a snapshot, or it is gone (`handleFetchSnapshotResponse`).
            Event::ResponseReceived { response: Response::FetchSnapshot(answer), .. }
                if answer.top_error == ErrorCode::None
                    && [ErrorCode::None, ErrorCode::SnapshotNotFound].contains(&answer.error) =>
            {
                self.fetch_answered(at_ns, server);
            }
            // As after a Fetch (`handleUpdateVoterResponse`).
            Event::ResponseReceived { response: Response::UpdateRaftVoter(answer), .. }
                if answer.error == ErrorCode::None =>
            {
                self.fetch_answered(at_ns, server);
            }
            Event::ResponseSent { to, .. } if to < self.watched.len() => {
                if let Some((requested, answer)) = models.vote_answered(crossing)
                    && requested.pre_vote
                    && !answer.vote_granted
                {
                    self.refused(server, to);
                }
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, leader } } => {
                self.role_changed(at_ns, server, (role, epoch, leader), of, verdict);
            }
            Event::Down { .. } => self.down(server),
            Event::Disturbed { how } => self.watched[server].calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
