//! A change of the voter set that the leader is handling: Kafka's `ChangeVoterHandlerState`, with `AddVoterHandlerState`,
//! `RemoveVoterHandlerState` and `UpdateVoterHandlerState`. Only one is pending at any time.

use super::timer::Timer;
use crate::ids::{NodeId, Offset};
use crate::io::{Connection, Effect};
use crate::message::{
    AddRaftVoterResponse, AdminResponse, CurrentLeader, EnvelopeResponse, ErrorCode, RemoveRaftVoterResponse, Response,
    UpdateRaftVoterResponse,
};
use crate::step::Step;
use crate::voter_set::VoterNode;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum VoterChange {
    Add { voter: VoterNode, ack_when_committed: bool },
    Remove,
    Update { voter: VoterNode },
}

/// To whom the answer goes.
#[derive(Clone, Copy, Debug)]
pub struct Requester {
    pub connection: Connection,
    pub correlation_id: i32,
    /// The request came in an Envelope, from a broker.
    pub is_forwarded: bool,
}

#[derive(Clone, Debug)]
pub struct PendingChange {
    pub change: VoterChange,
    /// `None` once it is answered.
    pub requester: Option<Requester>,
    pub timeout: Timer,
    /// Of the KRaftVoters record, once it is appended.
    pub last_offset: Option<Offset>,
}

impl PendingChange {
    /// The voter whose answer to ApiVersions is awaited.
    pub fn awaited_voter(&self) -> Option<NodeId> {
        match &self.change {
            VoterChange::Add { voter, .. } | VoterChange::Update { voter } if self.last_offset.is_none() => {
                Some(voter.id)
            }
            _ => None,
        }
    }

    /// The change has ended, or its answer does not wait for the end.
    pub fn complete(mut self, error: ErrorCode, current_leader: CurrentLeader, step: &mut Step<'_>) {
        self.answer(error, current_leader, step);
    }

    /// Answers the request, if it was not answered.
    pub fn answer(&mut self, error: ErrorCode, current_leader: CurrentLeader, step: &mut Step<'_>) {
        if let Some(requester) = self.requester.take() {
            requester.respond(response(&self.change, error, current_leader), step);
        }
    }
}

impl Requester {
    pub fn respond(self, response: Response, step: &mut Step<'_>) {
        let Requester { connection, correlation_id, is_forwarded } = self;
        let response = match response {
            Response::AddRaftVoter(inner) if is_forwarded => forwarded(AdminResponse::AddRaftVoter(inner)),
            Response::RemoveRaftVoter(inner) if is_forwarded => forwarded(AdminResponse::RemoveRaftVoter(inner)),
            other => other,
        };
        step.out.push(Effect::SendResponse { connection, correlation_id, response });
    }
}

fn forwarded(response: AdminResponse) -> Response {
    Response::Envelope(EnvelopeResponse { error: ErrorCode::None, response: Some(response) })
}

fn response(change: &VoterChange, error: ErrorCode, current_leader: CurrentLeader) -> Response {
    match change {
        VoterChange::Add { .. } => Response::AddRaftVoter(AddRaftVoterResponse { error }),
        VoterChange::Remove => Response::RemoveRaftVoter(RemoveRaftVoterResponse { error }),
        VoterChange::Update { .. } => Response::UpdateRaftVoter(UpdateRaftVoterResponse { error, current_leader }),
    }
}
