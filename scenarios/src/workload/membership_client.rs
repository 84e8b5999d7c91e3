//! An operator of a dynamic quorum: it asks the leader for the replicas (DescribeQuorum), and adds or removes one
//! (`kafka-metadata-quorum add-controller`, `remove-controller`, with `--bootstrap-controller`).

use std::rc::Rc;

use raft::ids::NodeId;
use raft::message::{
    AddRaftVoterRequest, AdminRequest, AdminResponse, DescribeQuorumRequest, DescribeQuorumResponse, Endpoint,
    Endpoints, ErrorCode, RemoveRaftVoterRequest, Request, Response,
};
use sim::process::{Connection, Effect, Input, Node, Now, Out};
use sim::rng::Entropy;

use super::client_process::ClientProcess;
use super::operation::{Agenda, ClientOperation, Timetable};
use super::ports::CONTROLLERS;
use crate::message::{BoxedMessage, Message};

/// A controller that may be a voter.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: NodeId,
    pub place: Node,
    pub endpoint: Endpoint,
}

/// How an operator works.
#[derive(Clone, Debug)]
pub struct MembershipClientSpec {
    pub candidates: Rc<[Candidate]>,
    pub cluster_id: Rc<str>,
    /// Time between changes, ns.
    pub interval_ns: u64,
    /// An answer is awaited for so long, ns; then its connection is closed.
    pub request_timeout_ns: u64,
    /// Fewer voters are not left.
    pub min_voters: u8,
    pub draws: Entropy,
    /// What it is to do instead of what it would draw.
    pub timetable: Option<Rc<[(u64, ClientOperation)]>>,
    /// It requests nothing from then on, on its monotonic clock, ns.
    pub ends_ns: u64,
    pub keeps_timetable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Add(NodeId),
    Remove(NodeId),
    /// Whatever the quorum's replicas allow.
    Drawn,
}

#[derive(Clone, Debug)]
pub struct MembershipClient {
    spec: MembershipClientSpec,
    /// Place of the controller that is asked next.
    turn: usize,
    wish: Option<Wish>,
    token: u32,
    connection: Option<Connection>,
    correlation_id: i32,
    /// The connection is given up then, ns.
    deadline_ns: u64,
    next_ns: u64,
    booted_ns: u64,
    agenda: Option<Agenda>,
    requested: Option<Timetable>,
}

impl MembershipClient {
    pub fn boot(spec: &MembershipClientSpec, now: Now, out: &mut Out<impl ClientProcess>) -> MembershipClient {
        let client = MembershipClient {
            spec: spec.clone(),
            turn: 0,
            wish: None,
            token: 0,
            connection: None,
            correlation_id: 0,
            deadline_ns: u64::MAX,
            next_ns: now.mono_ns + spec.interval_ns,
            booted_ns: now.mono_ns,
            agenda: spec.timetable.clone().map(Agenda::new),
            requested: spec.keeps_timetable.then(Timetable::new),
        };
        client.arm(out);
        client
    }

    /// What it has done by itself, if it was to keep that.
    pub fn timetable(&self) -> &[(u64, ClientOperation)] {
        self.requested.as_deref().unwrap_or_default()
    }

    /// One input.
    pub fn step<P: ClientProcess>(&mut self, now: Now, input: Input<P>, out: &mut Out<P>) {
        match input {
            Input::Opened { token, connection } if token == self.token => {
                self.connection = Some(connection);
                let request = Request::Envelope(AdminRequest::DescribeQuorum(DescribeQuorumRequest {}));
                self.send(request, now, out);
            }
            Input::Closed { token, .. } if token == self.token => self.give_up(),
            Input::Response { token, message } if token == self.token => {
                if let Some((correlation_id, response)) = message.into_response(out)
                    && correlation_id == self.correlation_id
                {
                    self.answered(&response, now, out);
                }
            }
            _ => {}
        }
        if self.deadline_ns <= now.mono_ns {
            out.push(Effect::Close { token: self.token });
            self.give_up();
        }
        self.begin_if_due(now, out);
        self.arm(out);
    }

    fn begin_if_due(&mut self, now: Now, out: &mut Out<impl ClientProcess>) {
        if self.wish.is_none() {
            self.wish = self.next_wish(now);
        }
        if self.wish.is_some() && self.connection.is_none() && self.deadline_ns == u64::MAX {
            self.token += 1;
            self.deadline_ns = now.mono_ns + self.spec.request_timeout_ns;
            let to = self.spec.candidates[self.turn].place;
            out.push(Effect::Connect { token: self.token, to, port: CONTROLLERS });
        }
    }

    fn next_wish(&mut self, now: Now) -> Option<Wish> {
        if let Some(agenda) = &mut self.agenda {
            return match agenda.take_due(now.mono_ns - self.booted_ns)? {
                ClientOperation::AddVoter { node } => Some(Wish::Add(NodeId(node))),
                ClientOperation::RemoveVoter { node } => Some(Wish::Remove(NodeId(node))),
                _ => None,
            };
        }
        if now.mono_ns >= self.spec.ends_ns {
            self.next_ns = u64::MAX;
        }
        (now.mono_ns >= self.next_ns).then(|| {
            self.next_ns =
                now.mono_ns + self.spec.interval_ns / 2 + self.spec.draws.below(self.spec.interval_ns.max(1));
            Wish::Drawn
        })
    }

    fn answered(&mut self, response: &Response, now: Now, out: &mut Out<impl ClientProcess>) {
        match response {
            Response::Envelope(answer) => match &answer.response {
                Some(AdminResponse::DescribeQuorum(quorum)) if quorum.error == ErrorCode::None => {
                    match self.change(quorum, now) {
                        Some(request) => self.send(request, now, out),
                        None => self.finish(out),
                    }
                }
                _ => self.try_next(out),
            },
            // It leads no more: the outcome of the change is unknown, and the next one may be another.
            Response::AddRaftVoter(_) | Response::RemoveRaftVoter(_) => self.finish(out),
            _ => self.try_next(out),
        }
    }

    /// The request that the wish leads to, with the directory ids that the leader knows.
    fn change(&mut self, quorum: &DescribeQuorumResponse, now: Now) -> Option<Request> {
        let wish = match self.wish? {
            Wish::Drawn => {
                let place = self.spec.draws.below(self.spec.candidates.len() as u64) as usize;
                let id = self.spec.candidates[place].id;
                let is_voter = quorum.current_voters.iter().any(|voter| voter.replica_id == id);
                if is_voter && quorum.current_voters.len() <= usize::from(self.spec.min_voters) {
                    return None;
                }
                if is_voter { Wish::Remove(id) } else { Wish::Add(id) }
            }
            wish => wish,
        };
        let (id, replicas) = match wish {
            Wish::Add(id) => (id, &quorum.observers),
            Wish::Remove(id) => (id, &quorum.current_voters),
            Wish::Drawn => return None,
        };
        let replica = replicas.iter().find(|replica| replica.replica_id == id)?;
        let cluster_id = Some(Rc::clone(&self.spec.cluster_id));
        let (voter_id, voter_directory_id) = (id, replica.replica_directory_id);
        let (what, request) = if matches!(wish, Wish::Remove(_)) {
            let request = RemoveRaftVoterRequest { cluster_id, voter_id, voter_directory_id };
            (ClientOperation::RemoveVoter { node: id.0 }, Request::RemoveRaftVoter(request))
        } else {
            let endpoint = &self.spec.candidates.iter().find(|candidate| candidate.id == id)?.endpoint;
            let listeners: Endpoints = [endpoint.clone()].into();
            let timeout_ms = (self.spec.request_timeout_ns / 1_000_000) as i32;
            let ack_when_committed = true;
            let request = AddRaftVoterRequest {
                cluster_id,
                timeout_ms,
                voter_id,
                voter_directory_id,
                listeners,
                ack_when_committed,
            };
            (ClientOperation::AddVoter { node: id.0 }, Request::AddRaftVoter(request))
        };
        if let Some(requested) = &mut self.requested {
            requested.push((now.mono_ns - self.booted_ns, what));
        }
        Some(request)
    }

    fn send(&mut self, request: Request, now: Now, out: &mut Out<impl ClientProcess>) {
        let Some(connection) = self.connection else { return };
        self.correlation_id += 1;
        self.deadline_ns = now.mono_ns + self.spec.request_timeout_ns;
        let message = BoxedMessage::pack(Message::Request { correlation_id: self.correlation_id, request }, out);
        out.push(Effect::Request { connection, message });
    }

    /// The change is done, or refused.
    fn finish(&mut self, out: &mut Out<impl ClientProcess>) {
        self.wish = None;
        out.push(Effect::Close { token: self.token });
        (self.connection, self.deadline_ns) = (None, u64::MAX);
    }

    /// Who was asked does not lead.
    fn try_next(&mut self, out: &mut Out<impl ClientProcess>) {
        out.push(Effect::Close { token: self.token });
        self.give_up();
    }

    fn give_up(&mut self) {
        self.turn = (self.turn + 1) % self.spec.candidates.len();
        (self.connection, self.deadline_ns) = (None, u64::MAX);
        // After a round without a leader the operator waits for the next time.
        if self.turn == 0 {
            self.wish = None;
        }
    }

    fn arm(&self, out: &mut Out<impl ClientProcess>) {
        let next_ns = match &self.agenda {
            Some(agenda) => agenda.next_ns().map_or(u64::MAX, |at_ns| self.booted_ns + at_ns),
            None => self.next_ns,
        };
        let next_ns = if self.wish.is_some() { u64::MAX } else { next_ns };
        let at_mono_ns = self.deadline_ns.min(next_ns);
        if at_mono_ns == u64::MAX { out.push(Effect::Cancel) } else { out.push(Effect::Arm { at_mono_ns }) }
    }
}
