//! `NeverTwoLeadersInSameEpoch`, `SingleActiveController`, `RecordAfterClaim` and `MonotonicEpoch`.

use crate::checks::prelude::*;
use raft::ids::LeaderEpoch;
use raft::io::{Observation, Role};
use raft::message::{ErrorCode, Request, Response};

use crate::checks::invariant::durability::SingleActiveController;
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::state_files::Election;

check! {
    /// A replica, even a leader, that answers a vote request has moved to the epoch of the request.
    HigherEpochObeyed, Safety of Server, "Raft §5.1: any message with a higher term"
        => obeys_higher_epoch, Kinds::RESPONSE_SENT;
}

claim! {
    /// Two servers, or two processes of one server, never lead the same epoch.
    NeverTwoLeadersInSameEpoch by Leaders, Safety of Quorum, "KRaft TLA+ (Vanlightly): NeverTwoLeadersInSameEpoch; KIP-595";
    /// A replica's epoch never goes back.
    MonotonicEpoch, Safety of Server, "RaftEventSimulationTest: MonotonicEpoch";
    /// Every record of an epoch was decided by the controller in that epoch, after it had claimed it.
    RecordAfterClaim, Safety of Quorum, "KIP-631: a write carries the claimed epoch; KAFKA-6082";
}

/// Who was seen leading an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leadership {
    epoch: LeaderEpoch,
    server: usize,
    /// The life it acted as leader in; `None` while only its disk says so, for a restarted leader
    /// finds itself named on its own disk (consensus.md §1.6).
    incarnation: Option<u32>,
}

/// One holder per epoch.
#[derive(Clone, Debug, Default)]
struct Claims(Vec<Leadership>);

impl Claims {
    /// Notes a claim; gives the other holder if there is one.
    fn claim(&mut self, claim: Leadership) -> Option<Leadership> {
        let place = match self.0.last() {
            Some(last) if last.epoch == claim.epoch => self.0.len() - 1,
            Some(last) if last.epoch > claim.epoch => self.0.partition_point(|held| held.epoch < claim.epoch),
            _ => self.0.len(),
        };
        match self.0.get_mut(place) {
            Some(held) if held.epoch == claim.epoch => {
                let before = *held;
                held.incarnation = held.incarnation.or(claim.incarnation);
                let another_life = matches!((before.incarnation, claim.incarnation), (Some(a), Some(b)) if a != b);
                (before.server != claim.server || another_life).then_some(before)
            }
            _ => {
                self.0.insert(place, claim);
                None
            }
        }
    }
}

/// Leaders and active controllers by epoch.
#[derive(Clone, Debug)]
pub struct Leaders {
    leaders: Claims,
    active: Claims,
    /// Per server, the election that is durable.
    durable: Vec<Option<Election>>,
}

impl Check for Leaders {
    const EVENTS: Kinds =
        Kinds::BOOTED.and(Kinds::SYNCED).and(Kinds::REQUEST_SENT).and(Kinds::RESPONSE_SENT).and(Kinds::OBSERVED);

    fn new(config: &CheckConfig) -> Leaders {
        let durable = vec![None; config.servers.len()];
        Leaders { leaders: Claims::default(), active: Claims::default(), durable }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let (server, servers) = (crossing.server, &models.servers);
        match crossing.event {
            Event::Booted { .. } | Event::Synced { .. } => {
                let durable = servers[server].durable_election;
                if durable != std::mem::replace(&mut self.durable[server], durable)
                    && let Some(election) = durable.filter(|election| election.leader == Some(servers[server].id))
                {
                    self.named_on_disk(models, server, election.epoch, verdict);
                }
            }
            Event::RequestSent { request: Request::BeginQuorumEpoch(begin), .. } => {
                self.acts(models, server, begin.leader_epoch, verdict);
            }
            Event::ResponseSent { response: Response::Fetch(fetch), .. } => {
                let leads = fetch.current_leader.leader_id == Some(servers[server].id);
                if leads && fetch.error == ErrorCode::None && fetch.top_error == ErrorCode::None {
                    self.acts(models, server, fetch.current_leader.leader_epoch, verdict);
                }
            }
            Event::Observed { observation: Observation::RoleChanged { role: Role::Leader, epoch, .. } } => {
                self.acts(models, server, epoch, verdict);
            }
            Event::Observed { observation: Observation::LeadershipAnnounced { epoch } } => {
                self.announced(models, server, epoch, verdict);
            }
            _ => {}
        }
    }
}

impl Leaders {
    /// A server's disk names it leader of an epoch.
    pub fn named_on_disk(&mut self, models: &Models, server: usize, epoch: LeaderEpoch, verdict: &mut Verdict) {
        let claim = Leadership { epoch, server, incarnation: None };
        if let Some(other) = self.leaders.claim(claim) {
            refuse(&Leaders::CLAIM, "leader", other, claim, models, verdict);
        }
    }

    /// A server acts as leader: it says so, sends BeginQuorumEpoch, or answers a fetch.
    pub fn acts(&mut self, models: &Models, server: usize, epoch: LeaderEpoch, verdict: &mut Verdict) {
        let claim = Leadership { epoch, server, incarnation: Some(models.servers[server].incarnation) };
        if let Some(other) = self.leaders.claim(claim) {
            refuse(&Leaders::CLAIM, "leader", other, claim, models, verdict);
        }
    }

    /// A server's state machine was notified that it leads.
    pub fn announced(&mut self, models: &Models, server: usize, epoch: LeaderEpoch, verdict: &mut Verdict) {
        let claim = Leadership { epoch, server, incarnation: Some(models.servers[server].incarnation) };
        if let Some(other) = self.active.claim(claim) {
            refuse(&SingleActiveController::CLAIM, "active controller", other, claim, models, verdict);
        }
    }

    /// How many epochs had a leader.
    pub fn elections(&self) -> u64 {
        self.leaders.0.len() as u64
    }
}

#[cold]
#[track_caller]
fn refuse(
    invariant: &'static Claim,
    what: &str,
    first: Leadership,
    second: Leadership,
    models: &Models,
    verdict: &mut Verdict,
) {
    if let Some(excuse) = models.quorum_losses().may_be_led_again(second.epoch) {
        return verdict.end_excused(excuse);
    }
    let servers = &models.servers;
    verdict.fail(invariant, || {
        let life =
            |claim: Leadership| claim.incarnation.map_or_else(String::new, |life| format!(" (incarnation {life})"));
        format!(
            "epoch {} has more than one {what}: node {}{} and node {}{}",
            second.epoch,
            servers[first.server].id,
            life(first),
            servers[second.server].id,
            life(second)
        )
    });
}

/// A replica answers a vote request: it is in that epoch by then.
fn obeys_higher_epoch(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Some((requested, answer)) = models.vote_answered(crossing) else { return };
    let (epoch, now) = (requested.epoch, answer.current_leader.leader_epoch);
    let is_answered = answer.top_error == ErrorCode::None && answer.error == ErrorCode::None;
    if is_answered && !requested.pre_vote && now < epoch {
        let id = models.servers[crossing.server].id;
        verdict.fail(&HigherEpochObeyed::CLAIM, || {
            format!("node {id} answers a vote request of epoch {epoch} but stays in epoch {now}")
        });
    }
}

/// A leader writes records, not only the control record of its epoch.
pub fn writes_records(server: &ServerModel, epoch: LeaderEpoch, verdict: &mut Verdict) {
    if server.claimed < Some(epoch) {
        verdict.fail(&RecordAfterClaim::CLAIM, || {
            let claimed = server.claimed.map_or_else(|| "none".to_owned(), |claimed| format!("epoch {claimed}"));
            format!("node {} writes records of epoch {epoch}; its controller has claimed {claimed}", server.id)
        });
    }
}

/// A replica wrote `quorum-state`, or says that it entered an epoch: neither goes back.
#[track_caller]
pub fn monotonic_epoch(server: &ServerModel, before: LeaderEpoch, now: LeaderEpoch, verdict: &mut Verdict) {
    if now < before {
        verdict.fail(&MonotonicEpoch::CLAIM, || {
            format!("node {} went from epoch {before} back to epoch {now}", server.id)
        });
    }
}
