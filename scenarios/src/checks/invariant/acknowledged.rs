//! `HighWatermarkAcknowledged` (KIP-595): a leader's high watermark counts what voters have acknowledged by
//! their newest Fetch requests of its own epoch, and nothing else. A replica in another epoch may hold other records
//! at the same offsets.

use crate::checks::claim::{Kind, Scope};
use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{Observation, Role};
use raft::message::{ErrorCode, FetchResponse, Request, Response};
use smallvec::SmallVec;

use crate::checks::server_model::{ServerModel, ShownHighWatermark};

/// What a voter has fetched from a leader in its epoch.
#[derive(Clone, Debug)]
struct Fetched {
    /// Where it has been found to be. A voter may go back, if it has lost records (`LeaderState.updateReplicaState`).
    offset: Offset,
    /// Requests without an answer, which may be refused yet. When one that waits for records gets its answer it counts
    /// once more (`KafkaRaftClient.handleFetchRequest`), whatever older ones have arrived since.
    open: SmallVec<[(Rpc, Offset); 2]>,
}

/// What one server has received while it leads.
#[derive(Clone, Debug)]
struct Received {
    leads: Option<LeaderEpoch>,
    /// By server.
    fetched: Vec<Fetched>,
}

impl Default for Fetched {
    fn default() -> Fetched {
        Fetched { offset: Offset(-1), open: SmallVec::new() }
    }
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    received: Vec<Received>,
    majority: usize,
}

impl Acknowledged {
    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, server: usize, leads: Option<LeaderEpoch>) {
        let received = &mut self.received[server];
        received.leads = leads;
        received.fetched.fill(Fetched::default());
    }

    /// A Fetch of `epoch` reaches a server. What came before was accepted if it was not answered with a refusal.
    #[inline]
    pub fn fetched(&mut self, server: usize, from: usize, epoch: LeaderEpoch, (rpc, offset): (Rpc, Offset)) {
        let received = &mut self.received[server];
        if received.leads == Some(epoch) {
            let fetched = &mut received.fetched[from];
            fetched.offset = fetched.open.last().map_or(fetched.offset, |(_, offset)| *offset);
            fetched.open.push((rpc, offset));
        }
    }

    /// A Fetch is answered.
    #[inline]
    pub fn answered(&mut self, server: usize, to: usize, rpc: Rpc, answer: &FetchResponse) {
        let Some(fetched) = self.received[server].fetched.get_mut(to) else { return };
        if let Some(place) = fetched.open.iter().position(|(open, _)| *open == rpc) {
            let (_, offset) = fetched.open.remove(place);
            let has_error = answer.top_error != ErrorCode::None || answer.error != ErrorCode::None;
            if !has_error && answer.diverging_epoch.is_none() {
                fetched.offset = offset;
            }
        }
    }

    /// A leader moves its high watermark.
    #[inline]
    pub fn moved(&self, server: usize, shown: ShownHighWatermark, servers: &[ServerModel], verdict: &mut Verdict) {
        let received = &self.received[server];
        let holds = |(other, model): (usize, &ServerModel)| {
            let fetched = &received.fetched[other];
            let end = fetched.open.iter().fold(fetched.offset, |end, (_, offset)| end.max(*offset));
            model.voter && (other == server || end >= shown.offset)
        };
        if received.leads == Some(shown.epoch)
            && servers.iter().enumerate().filter(|it| holds(*it)).count() < self.majority
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
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> Acknowledged {
        let nothing = Received { leads: None, fetched: vec![Fetched::default(); config.servers.len()] };
        Acknowledged { received: vec![nothing; config.servers.len()], majority: config.voters.len() / 2 + 1 }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        match event {
            Event::RequestReceived { rpc, request: Request::Fetch(fetch) } => {
                if let Some(from) = models.server(fetch.replica_id) {
                    self.fetched(server, from, fetch.current_leader_epoch, (rpc, fetch.fetch_offset));
                }
            }
            Event::ResponseSent { rpc, to, response: Response::Fetch(answer) } => {
                self.answered(server, to, rpc, answer);
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                self.role_changed(server, (role == Role::Leader).then_some(epoch));
            }
            Event::Observed { observation: Observation::HighWatermark { offset, epoch, leading: true } } => {
                self.moved(server, ShownHighWatermark { epoch, offset }, &models.servers, verdict);
            }
            Event::ResponseUnheard { rpc } => {
                for fetched in &mut self.received[server].fetched {
                    if let Some(place) = fetched.open.iter().position(|(open, _)| *open == rpc) {
                        (_, fetched.offset) = fetched.open.remove(place);
                    }
                }
            }
            Event::Down { .. } => self.role_changed(server, None),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::{NodeId, OffsetAndEpoch};

    use super::*;
    use crate::checks::tests::voters;

    /// A leader of three voters moves its high watermark to 5 in epoch 2 after these fetches (from, epoch,
    /// offset).
    fn breaks(fetches: &[(usize, i32, i64)]) -> bool {
        let servers: Vec<ServerModel> = (1..=3).map(|id| ServerModel::new(NodeId(id), true)).collect();
        let (mut acknowledged, mut verdict) = (Acknowledged::new(&voters(3)), Verdict::default());
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        for (number, (from, epoch, offset)) in fetches.iter().enumerate() {
            let rpc = Rpc { connection: 1, correlation_id: number as i32 };
            acknowledged.fetched(0, *from, LeaderEpoch(*epoch), (rpc, Offset(*offset)));
            acknowledged.answered(0, *from, rpc, &FetchResponse::default());
        }
        let shown = ShownHighWatermark { epoch: LeaderEpoch(2), offset: Offset(5) };
        acknowledged.moved(0, shown, &servers, &mut verdict);
        verdict.violation().is_some_and(|violation| violation.invariant == "HighWatermarkAcknowledged")
    }

    #[test]
    fn a_fetch_that_is_refused_does_not_count() {
        let diverging_epoch = Some(OffsetAndEpoch { epoch: LeaderEpoch(1), offset: Offset(3) });
        let mut acknowledged = Acknowledged::new(&voters(3));
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        let mut fetch = |number, offset, answer: &FetchResponse| {
            let rpc = Rpc { connection: 1, correlation_id: number };
            acknowledged.fetched(0, 1, LeaderEpoch(2), (rpc, Offset(offset)));
            acknowledged.answered(0, 1, rpc, answer);
            acknowledged.received[0].fetched[1].offset
        };
        assert_eq!(fetch(1, 7, &FetchResponse { diverging_epoch, ..FetchResponse::default() }), Offset(-1));
        assert_eq!(fetch(2, 7, &FetchResponse::default()), Offset(7));
    }

    #[test]
    fn a_fetch_that_waits_counts_again_behind_an_older_one() {
        let servers: Vec<ServerModel> = (1..=3).map(|id| ServerModel::new(NodeId(id), true)).collect();
        let (mut acknowledged, mut verdict) = (Acknowledged::new(&voters(3)), Verdict::default());
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        let rpc = |correlation_id| Rpc { connection: 1, correlation_id };
        acknowledged.fetched(0, 1, LeaderEpoch(2), (rpc(2), Offset(5)));
        acknowledged.fetched(0, 1, LeaderEpoch(2), (rpc(1), Offset(4)));
        acknowledged.answered(0, 1, rpc(1), &FetchResponse::default());
        acknowledged.moved(0, ShownHighWatermark { epoch: LeaderEpoch(2), offset: Offset(5) }, &servers, &mut verdict);
        assert!(verdict.violation().is_none());
    }

    #[test]
    fn a_majority_has_fetched_in_the_leaders_epoch() {
        assert!(breaks(&[]));
        assert!(breaks(&[(1, 2, 4), (2, 2, 4)]));
        assert!(!breaks(&[(1, 2, 5)]));
        assert!(breaks(&[(1, 2, 7), (1, 2, 0)]), "it has gone back since");
        assert!(breaks(&[(1, 1, 5), (2, 3, 5)]), "other epochs do not count");
        assert!(breaks(&[(0, 2, 5)]), "nor does its own word count twice");
    }
}
