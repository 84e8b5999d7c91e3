//! `HighWatermarkAcknowledged` (KIP-595): a leader's high watermark counts what voters have told it in
//! Fetch requests of its own epoch, and nothing else. A replica in another epoch may hold other records
//! at the same offsets.

use crate::checks::check::Check;
use crate::checks::claim::{Claim, Claimed, Kind, Scope};
use crate::checks::config::CheckConfig;
use crate::checks::event::{Crossing, Event, Kinds};
use crate::checks::models::Models;
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{Observation, Role};
use raft::message::Request;

use crate::checks::ghost::{ServerGhost, ShownHighWatermark};
use crate::checks::verdict::Verdict;

/// What one server was told while it leads.
#[derive(Clone, Debug)]
struct Told {
    leads: Option<LeaderEpoch>,
    /// The farthest Fetch offset of each server in this epoch.
    ends: Vec<Offset>,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    told: Vec<Told>,
    majority: usize,
}

impl Acknowledged {
    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, server: usize, leads: Option<LeaderEpoch>) {
        let told = &mut self.told[server];
        told.leads = leads;
        told.ends.fill(Offset(-1));
    }

    /// A Fetch of `epoch` reaches a server.
    #[inline]
    pub fn fetched(&mut self, server: usize, from: usize, epoch: LeaderEpoch, offset: Offset) {
        let told = &mut self.told[server];
        if told.leads == Some(epoch) {
            told.ends[from] = told.ends[from].max(offset);
        }
    }

    /// A leader moves its high watermark.
    #[inline]
    pub fn moved(&self, server: usize, shown: ShownHighWatermark, servers: &[ServerGhost], verdict: &mut Verdict) {
        let told = &self.told[server];
        let holds = |(other, ghost): (usize, &ServerGhost)| {
            ghost.voter && (other == server || told.ends[other] >= shown.offset)
        };
        if told.leads == Some(shown.epoch) && servers.iter().enumerate().filter(|it| holds(*it)).count() < self.majority
        {
            verdict.fail(&Acknowledged::CLAIM, || {
                format!(
                    "node {} leads epoch {} and moves its high watermark to {}; no majority has fetched from it so far in this epoch",
                    servers[server].id, shown.epoch, shown.offset
                )
            });
        }
    }
}

impl Claimed for Acknowledged {
    const CLAIM: Claim = Claim {
        name: "HighWatermarkAcknowledged",
        text: "A leader's high watermark counts only offsets that a majority acknowledged in Fetch requests of its epoch.",
        source: "KIP-595: a fetch of another epoch is fenced",
        kind: Kind::Safety,
        scope: Scope::Quorum,
    };
}

impl Check for Acknowledged {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED.and(Kinds::OBSERVED).and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> Acknowledged {
        let nothing = Told { leads: None, ends: vec![Offset(-1); config.servers.len()] };
        Acknowledged { told: vec![nothing; config.servers.len()], majority: config.voters.len() / 2 + 1 }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        match event {
            Event::RequestReceived { request: Request::Fetch(fetch), .. } => {
                if let Some(from) = models.server(fetch.replica_id) {
                    self.fetched(server, from, fetch.current_leader_epoch, fetch.fetch_offset);
                }
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                self.role_changed(server, (role == Role::Leader).then_some(epoch));
            }
            Event::Observed { observation: Observation::HighWatermark { offset, epoch, leading: true } } => {
                self.moved(server, ShownHighWatermark { epoch, offset }, &models.servers, verdict);
            }
            Event::Down { .. } => self.role_changed(server, None),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::NodeId;

    use super::*;
    use crate::checks::tests::voters;

    /// A leader of three voters moves its high watermark to 5 in epoch 2 after these fetches (from, epoch,
    /// offset).
    fn breaks(fetches: &[(usize, i32, i64)]) -> bool {
        let servers: Vec<ServerGhost> = (1..=3).map(|id| ServerGhost::new(NodeId(id), true)).collect();
        let (mut acknowledged, mut verdict) = (Acknowledged::new(&voters(3)), Verdict::default());
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        for (from, epoch, offset) in fetches {
            acknowledged.fetched(0, *from, LeaderEpoch(*epoch), Offset(*offset));
        }
        let shown = ShownHighWatermark { epoch: LeaderEpoch(2), offset: Offset(5) };
        acknowledged.moved(0, shown, &servers, &mut verdict);
        verdict.violation().is_some_and(|violation| violation.invariant == "HighWatermarkAcknowledged")
    }

    #[test]
    fn a_majority_has_fetched_in_the_leaders_epoch() {
        assert!(breaks(&[]));
        assert!(breaks(&[(1, 2, 4), (2, 2, 4)]));
        assert!(!breaks(&[(1, 2, 5)]));
        assert!(!breaks(&[(1, 2, 7), (1, 2, 0)]), "it may have gone back since");
        assert!(breaks(&[(1, 1, 5), (2, 3, 5)]), "other epochs do not count");
        assert!(breaks(&[(0, 2, 5)]), "nor does its own word count twice");
    }
}
