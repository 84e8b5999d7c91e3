//! `ControlledShutdownEnds`: a broker that wishes to leave may go once it leads nothing and all other
//! unfenced brokers have told of metadata as new as that which took its leaderships (KIP-841;
//! KAFKA-14292).
//!
//! The first answer that bids it wait comes when that metadata is committed, so what is committed then
//! is enough for ever: the offset that the others must reach is set once (controller-broker.md §3.3).
//! All is by the word of one controller, for its soft state begins anew with its claim: it then waits for
//! others that wish to leave, too, until they say so again.

use std::collections::BTreeMap;

use raft::ids::{BrokerEpoch, NodeId, Offset};
use raft::message::ErrorCode;
use raft::message::cluster::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use raft::metadata::MetadataImage;

use crate::checks::invariant::Invariant;
use crate::checks::verdict::Verdict;

#[derive(Clone, Copy, Debug)]
struct Taken {
    broker: NodeId,
    epoch: BrokerEpoch,
    offset: Offset,
    leaves: bool,
    /// It had to be let go when its heartbeat was taken.
    may_go: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    /// Heartbeats without an answer, by controller, connection and correlation id.
    open: BTreeMap<(usize, u64, i32), Taken>,
    /// By controller and broker: the offset that it last told of, and had answered.
    told: BTreeMap<(usize, NodeId), Offset>,
    /// By controller and leaving broker: its epoch, and where the committed log ended when it was first
    /// bidden to wait.
    waits: BTreeMap<(usize, NodeId), (BrokerEpoch, Offset)>,
}

impl Leaving {
    /// A controller takes a heartbeat; `image` is what is committed.
    pub fn taken(&mut self, of: (usize, u64, i32), request: &BrokerHeartbeatRequest, image: &MetadataImage) {
        let (broker, epoch, leaves) = (request.broker_id, request.broker_epoch, request.want_shut_down);
        let may_go = leaves && self.may_go(of.0, broker, epoch, image);
        let offset = Offset(request.current_metadata_offset);
        self.open.insert(of, Taken { broker, epoch, offset, leaves, may_go });
    }

    /// It answers; what is committed ends at `end`.
    pub fn answered(
        &mut self,
        of: (usize, u64, i32),
        answer: &BrokerHeartbeatResponse,
        (image, end): (&MetadataImage, Offset),
        verdict: &mut Verdict,
    ) {
        let Some(taken) = self.open.remove(&of).filter(|_| answer.error == ErrorCode::None) else { return };
        let Taken { broker, epoch, offset, leaves, may_go } = taken;
        let place = (of.0, broker);
        if !leaves {
            self.told.insert(place, offset);
            self.waits.remove(&place);
        } else if answer.should_shut_down {
            self.waits.remove(&place);
        } else if may_go && self.may_go(of.0, broker, epoch, image) {
            let since = self.waits.get(&place).map_or(Offset(-1), |(_, end)| *end);
            verdict.fail(Invariant::ControlledShutdownEnds, || {
                format!(
                    "broker {broker} leads nothing, all others have told of metadata up to {since}, which took its leaderships, and it is bidden to wait"
                )
            });
        } else if self.waits.get(&place).is_none_or(|(other, _)| *other != epoch) {
            self.waits.insert(place, (epoch, end));
        }
    }

    /// A controller claims an epoch, or its process is gone.
    pub fn starts_anew(&mut self, controller: usize) {
        self.open.retain(|(other, ..), _| *other != controller);
        self.told.retain(|(other, _), _| *other != controller);
        self.waits.retain(|(other, _), _| *other != controller);
    }

    /// A broker's registration is written anew: it counts as maximally behind until its next heartbeat,
    /// and one by whose own heartbeat it was written does not make up for that.
    pub fn registered(&mut self, broker: NodeId) {
        self.open.retain(|_, taken| taken.broker != broker);
        self.told.retain(|(_, other), _| *other != broker);
    }

    fn may_go(&self, controller: usize, broker: NodeId, epoch: BrokerEpoch, image: &MetadataImage) -> bool {
        let waits = self.waits.get(&(controller, broker)).filter(|(waits_in, _)| *waits_in == epoch);
        let Some((_, end)) = waits else { return false };
        // One that came late, over a connection of before, puts its broker back.
        let open = |id: &NodeId| {
            let of = self.open.iter().filter(|((other, ..), _)| *other == controller).map(|(_, taken)| taken);
            of.filter(|taken| taken.broker == *id).map(|taken| taken.offset).min()
        };
        let told = |id: &NodeId| {
            let answered = self.told.get(&(controller, *id)).is_some_and(|told| told >= end);
            answered && open(id).is_none_or(|offset| offset >= *end)
        };
        let mut others = image.cluster().brokers().iter().filter(|(id, other)| **id != broker && !other.fenced);
        let leads = || image.topics().partitions().any(|(_, partition)| partition.leader == broker);
        others.all(|(id, _)| told(id)) && !leads()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    const LEAVES: NodeId = NodeId(101);

    fn heartbeat(leaving: &mut Leaving, controller: usize, should_shut_down: bool) -> Option<String> {
        let request = BrokerHeartbeatRequest {
            broker_id: LEAVES,
            broker_epoch: BrokerEpoch(5),
            current_metadata_offset: 9,
            want_fence: false,
            want_shut_down: true,
            offline_log_dirs: Rc::from([]),
        };
        let answer = BrokerHeartbeatResponse {
            error: ErrorCode::None,
            is_caught_up: true,
            is_fenced: should_shut_down,
            should_shut_down,
        };
        let (image, mut verdict) = (MetadataImage::default(), Verdict::default());
        leaving.taken((controller, 1, 2), &request, &image);
        leaving.answered((controller, 1, 2), &answer, (&image, Offset(20)), &mut verdict);
        verdict.violation().map(|violation| violation.invariant.clone())
    }

    #[test]
    fn who_need_not_wait_is_let_go() {
        let mut leaving = Leaving::default();
        assert_eq!(heartbeat(&mut leaving, 0, false), None, "it may have led");
        assert_eq!(
            heartbeat(&mut leaving, 0, false).as_deref(),
            Some("ControlledShutdownEnds"),
            "nobody else is there"
        );
        let mut leaving = Leaving::default();
        assert_eq!((heartbeat(&mut leaving, 0, false), heartbeat(&mut leaving, 0, true)), (None, None));
        assert_eq!(heartbeat(&mut leaving, 1, false), None, "another controller begins anew");
    }
}
