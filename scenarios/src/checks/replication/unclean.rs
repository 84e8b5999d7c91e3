//! Unclean elections that were requested: an `ElectLeaders` permits to elect, in the partitions
//! that it names, as long as it may still be executed or what it wrote may still be committed.
//!
//! The controller that receives the Envelope executes it (controller-broker.md §5.7), and again each that a broker sends
//! again. An answer of success comes when all that it wrote is committed. After any other, or with the end of the process,
//! it is executed no more; but what it may have appended in an epoch that the controller had claimed may be committed by
//! the next leader, until something of a later epoch is.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::LeaderEpoch;
use raft::message::admin::{ElectLeadersRequest, ElectLeadersTopic};
use raft::message::{AdminRequest, AdminResponse, EnvelopeResponse, ErrorCode};

/// The election type of `ElectLeaders` for unclean elections.
const UNCLEAN: i8 = 1;

/// Until when it permits elections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// The answer of this server.
    Answered(usize, Rpc),
    /// Something of a later epoch is committed.
    Epoch(LeaderEpoch),
}

#[derive(Clone, Debug)]
struct UncleanRequest {
    /// `None`: all partitions.
    topics: Option<Rc<[ElectLeadersTopic]>>,
    until: Until,
}

#[derive(Clone, Debug, Default)]
pub struct UncleanElections {
    requested: Vec<UncleanRequest>,
}

impl UncleanElections {
    pub fn received(&mut self, server: usize, rpc: Rpc, request: &AdminRequest) {
        let AdminRequest::ElectLeaders(ElectLeadersRequest { election_type: UNCLEAN, topic_partitions, .. }) = request
        else {
            return;
        };
        let until = Until::Answered(server, rpc);
        self.requested.push(UncleanRequest { topics: topic_partitions.clone(), until });
    }

    /// It answers one; before it has claimed an epoch, it has written nothing.
    pub fn answered(&mut self, server: usize, rpc: Rpc, claimed: Option<LeaderEpoch>, answer: &EnvelopeResponse) {
        let is_done = match &answer.response {
            Some(AdminResponse::ElectLeaders(answer)) => answer.error == ErrorCode::None,
            _ => false,
        };
        let until = Until::Answered(server, rpc);
        self.end(|other| other == until, if is_done { None } else { claimed });
    }

    pub fn down(&mut self, server: usize, claimed: Option<LeaderEpoch>) {
        self.end(|until| matches!(until, Until::Answered(other, ..) if other == server), claimed);
    }

    /// Some are executed no more; what they wrote is of `epoch` at the latest.
    fn end(&mut self, which: impl Fn(Until) -> bool, epoch: Option<LeaderEpoch>) {
        self.requested.retain_mut(|requested| {
            let ends = which(requested.until);
            if let (true, Some(epoch)) = (ends, epoch) {
                requested.until = Until::Epoch(epoch);
            }
            !ends || epoch.is_some()
        });
    }

    /// A batch of this epoch is committed.
    #[inline]
    pub fn committed(&mut self, epoch: LeaderEpoch) {
        if !self.requested.is_empty() {
            self.requested.retain(|requested| !matches!(requested.until, Until::Epoch(last) if last < epoch));
        }
    }

    /// May a change that is committed now elect a leader uncleanly because that was requested?
    pub fn may_elect(&self, topic: &str, partition: i32) -> bool {
        let names =
            |requested: &ElectLeadersTopic| *requested.topic == *topic && requested.partitions.contains(&partition);
        self.requested.iter().any(|requested| requested.topics.as_ref().is_none_or(|topics| topics.iter().any(names)))
    }
}
