//! An operator of a dynamic quorum: it asks for the replicas (DescribeQuorum), and adds or removes one
//! (`kafka-metadata-quorum add-controller`, `remove-controller`). It asks controllers (`--bootstrap-controller`), or brokers,
//! which forward its requests (`--bootstrap-server`). Of a quorum that begins with `kraft.version` 0 it upgrades that first
//! (`kafka-features upgrade --feature kraft.version=1`). A controller that comes back with another directory id has lost its
//! disk: the operator removes the former voter and then adds the new replica, as Kafka's documentation says.

use std::rc::Rc;

use raft::ids::{NodeId, Uuid};
use raft::io::Listener;
use raft::message::{
    AddRaftVoterRequest, AdminRequest, AdminResponse, DescribeQuorumRequest, DescribeQuorumResponse, Endpoint,
    Endpoints, EnvelopeResponse, ErrorCode, FeatureUpdate, QuorumReplica, RemoveRaftVoterRequest, Request, Response,
    UpdateFeaturesRequest,
};
use raft::metadata::image::KRAFT_VERSION;
use sim::process::{Connection, Effect, Input, Node, Now, Out};
use sim::rng::Entropy;

use super::client_process::ClientProcess;
use super::operation::{Agenda, ClientOperation, Timetable};
use super::ports::port_of;
use crate::message::{BoxedMessage, Message};

/// A controller that may be a voter.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: NodeId,
    pub endpoint: Endpoint,
}

/// The servers that an operator asks, in turn.
#[derive(Clone, Debug)]
pub struct Asked {
    pub listener: Listener,
    pub places: Rc<[Node]>,
}

/// How an operator works.
#[derive(Clone, Debug)]
pub struct MembershipClientSpec {
    pub candidates: Rc<[Candidate]>,
    pub asked: Asked,
    /// The quorum begins with `kraft.version` 0.
    pub upgrades: bool,
    pub cluster_id: Rc<str>,
    /// Time between changes, ns.
    pub interval_ns: u64,
    /// An answer is awaited for so long, ns; then its connection is closed.
    pub request_timeout_ns: u64,
    /// Fewer voters are not left, but where one has lost its disk.
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
    Upgrade,
    /// Whatever the quorum's replicas allow.
    Drawn,
}

impl Wish {
    fn of(what: &ClientOperation) -> Option<Wish> {
        match what {
            ClientOperation::AddVoter { node } => Some(Wish::Add(NodeId(*node))),
            ClientOperation::RemoveVoter { node } => Some(Wish::Remove(NodeId(*node))),
            ClientOperation::UpgradeKraftVersion => Some(Wish::Upgrade),
            ClientOperation::DescribeQuorum => Some(Wish::Drawn),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct MembershipClient {
    spec: MembershipClientSpec,
    /// Place of the server that is asked next.
    turn: usize,
    wish: Option<Wish>,
    /// The quorum still has `kraft.version` 0, as far as this operator knows.
    upgrade_due: bool,
    /// A controller of which it has removed the voter that lost its disk.
    to_add: Option<NodeId>,
    /// Directory ids of disks that are lost. The leader knows these replicas still, as observers, for five minutes
    /// (`LeaderState.OBSERVER_SESSION_TIMEOUT_MS`).
    lost: Vec<Option<Uuid>>,
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
            upgrade_due: spec.upgrades,
            to_add: None,
            lost: Vec::new(),
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
                self.send(AdminRequest::DescribeQuorum(DescribeQuorumRequest {}), now, out);
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
            let Asked { listener, places } = &self.spec.asked;
            out.push(Effect::Connect { token: self.token, to: places[self.turn], port: port_of(*listener) });
        }
    }

    fn next_wish(&mut self, now: Now) -> Option<Wish> {
        if let Some(agenda) = &mut self.agenda {
            return Wish::of(&agenda.take_due(now.mono_ns - self.booted_ns)?);
        }
        if now.mono_ns >= self.spec.ends_ns {
            self.next_ns = u64::MAX;
        }
        if now.mono_ns < self.next_ns {
            return None;
        }
        self.next_ns = now.mono_ns + self.spec.interval_ns / 2 + self.spec.draws.below(self.spec.interval_ns.max(1));
        self.keep(ClientOperation::DescribeQuorum, now);
        Some(Wish::Drawn)
    }

    fn keep(&mut self, what: ClientOperation, now: Now) {
        if let Some(requested) = self.requested.as_mut().filter(|_| self.agenda.is_none()) {
            requested.push((now.mono_ns - self.booted_ns, what));
        }
    }

    fn answered(&mut self, response: &Response, now: Now, out: &mut Out<impl ClientProcess>) {
        let answer = match response {
            Response::AddRaftVoter(_) | Response::RemoveRaftVoter(_) => return self.finish(out),
            Response::DescribeQuorum(quorum) => return self.described(quorum, now, out),
            Response::Admin(answer)
            | Response::Envelope(EnvelopeResponse { error: ErrorCode::None, response: Some(answer) }) => answer,
            _ => return self.try_next(out),
        };
        match answer {
            AdminResponse::DescribeQuorum(quorum) => self.described(quorum, now, out),
            // Whatever the answer is, the next change may be another.
            AdminResponse::AddRaftVoter(_) | AdminResponse::RemoveRaftVoter(_) => self.finish(out),
            AdminResponse::UpdateFeatures(answer) => {
                self.upgrade_due &= answer.error != ErrorCode::None;
                self.finish(out);
            }
            _ => self.try_next(out),
        }
    }

    fn described(&mut self, quorum: &DescribeQuorumResponse, now: Now, out: &mut Out<impl ClientProcess>) {
        if quorum.error != ErrorCode::None {
            return self.try_next(out);
        }
        match self.change(quorum, now) {
            Some(request) => self.send(request, now, out),
            None => self.finish(out),
        }
    }

    /// The request that the wish leads to, with the directory ids that the leader knows.
    fn change(&mut self, quorum: &DescribeQuorumResponse, now: Now) -> Option<AdminRequest> {
        let wish = match (self.wish?, &mut self.agenda) {
            // The list has what was drawn, at the time of the answer.
            (Wish::Drawn, Some(agenda)) => {
                let is_change = |what: &ClientOperation| *what != ClientOperation::DescribeQuorum;
                Wish::of(&agenda.take_due_if(now.mono_ns - self.booted_ns, is_change)?)?
            }
            (Wish::Drawn, None) => self.drawn(quorum)?,
            (wish, _) => wish,
        };
        let (what, request) = match wish {
            Wish::Add(id) => (ClientOperation::AddVoter { node: id.0 }, self.addition(id, quorum)?),
            Wish::Remove(id) => (ClientOperation::RemoveVoter { node: id.0 }, self.removal(id, quorum)?),
            Wish::Upgrade => (ClientOperation::UpgradeKraftVersion, self.upgrade()),
            Wish::Drawn => return None,
        };
        self.keep(what, now);
        Some(request)
    }

    /// Before an upgrade the leader refuses other changes (UNSUPPORTED_VERSION); half of them are tried.
    fn drawn(&mut self, quorum: &DescribeQuorumResponse) -> Option<Wish> {
        if self.upgrade_due && self.spec.draws.below(2) == 0 {
            return Some(Wish::Upgrade);
        }
        self.to_add = self.to_add.filter(|id| quorum.current_voters.iter().all(|voter| voter.replica_id != *id));
        if let Some(id) = self.to_add {
            return Some(Wish::Add(id));
        }
        let is_replaced = |voter: &&QuorumReplica| {
            let newest = self.newest(quorum, voter.replica_id);
            newest.is_some_and(|observer| observer.last_fetch_timestamp > voter.last_fetch_timestamp)
        };
        if let Some(lost) = quorum.current_voters.iter().find(is_replaced) {
            self.to_add = Some(lost.replica_id);
            self.lost.push(lost.replica_directory_id);
            return Some(Wish::Remove(lost.replica_id));
        }
        // None in a seed whose quorum is static.
        let count = self.spec.candidates.len() as u64;
        let id = (count > 0).then(|| self.spec.candidates[self.spec.draws.below(count) as usize].id)?;
        let is_voter = quorum.current_voters.iter().any(|voter| voter.replica_id == id);
        if is_voter && quorum.current_voters.len() <= usize::from(self.spec.min_voters) {
            return None;
        }
        Some(if is_voter { Wish::Remove(id) } else { Wish::Add(id) })
    }

    /// Of the observers with an id, which differ by their directory ids, the one that has fetched last.
    fn newest<'a>(&self, quorum: &'a DescribeQuorumResponse, id: NodeId) -> Option<&'a QuorumReplica> {
        let of_id = quorum.observers.iter().filter(|observer| observer.replica_id == id);
        of_id
            .filter(|observer| !self.lost.contains(&observer.replica_directory_id))
            .max_by_key(|observer| observer.last_fetch_timestamp)
    }

    fn addition(&self, id: NodeId, quorum: &DescribeQuorumResponse) -> Option<AdminRequest> {
        let observer = self.newest(quorum, id)?;
        let endpoint = &self.spec.candidates.iter().find(|candidate| candidate.id == id)?.endpoint;
        let listeners: Endpoints = [endpoint.clone()].into();
        Some(AdminRequest::AddRaftVoter(AddRaftVoterRequest {
            cluster_id: Some(Rc::clone(&self.spec.cluster_id)),
            timeout_ms: self.timeout_ms(),
            voter_id: id,
            voter_directory_id: observer.replica_directory_id,
            listeners,
            ack_when_committed: true,
        }))
    }

    fn removal(&self, id: NodeId, quorum: &DescribeQuorumResponse) -> Option<AdminRequest> {
        let voter = quorum.current_voters.iter().find(|voter| voter.replica_id == id)?;
        Some(AdminRequest::RemoveRaftVoter(RemoveRaftVoterRequest {
            cluster_id: Some(Rc::clone(&self.spec.cluster_id)),
            voter_id: id,
            voter_directory_id: voter.replica_directory_id,
        }))
    }

    fn upgrade(&self) -> AdminRequest {
        let update = FeatureUpdate { feature: KRAFT_VERSION.into(), max_version_level: 1 };
        AdminRequest::UpdateFeatures(UpdateFeaturesRequest {
            timeout_ms: self.timeout_ms(),
            feature_updates: [update].into(),
            validate_only: false,
        })
    }

    fn timeout_ms(&self) -> i32 {
        (self.spec.request_timeout_ns / 1_000_000) as i32
    }

    fn send(&mut self, request: AdminRequest, now: Now, out: &mut Out<impl ClientProcess>) {
        let Some(connection) = self.connection else { return };
        self.correlation_id += 1;
        self.deadline_ns = now.mono_ns + self.spec.request_timeout_ns;
        let request = match self.spec.asked.listener {
            Listener::Brokers => Request::Admin(request),
            Listener::Controllers => match request {
                AdminRequest::AddRaftVoter(request) => Request::AddRaftVoter(request),
                AdminRequest::RemoveRaftVoter(request) => Request::RemoveRaftVoter(request),
                AdminRequest::DescribeQuorum(request) => Request::DescribeQuorum(request),
                request => Request::Envelope(request),
            },
        };
        let message = BoxedMessage::pack(Message::Request { correlation_id: self.correlation_id, request }, out);
        out.push(Effect::Request { connection, message });
    }

    /// The change is done, or refused.
    fn finish(&mut self, out: &mut Out<impl ClientProcess>) {
        self.wish = None;
        out.push(Effect::Close { token: self.token });
        (self.connection, self.deadline_ns) = (None, u64::MAX);
    }

    /// Who was asked does not know the replicas.
    fn try_next(&mut self, out: &mut Out<impl ClientProcess>) {
        out.push(Effect::Close { token: self.token });
        self.give_up();
    }

    fn give_up(&mut self) {
        self.turn = (self.turn + 1) % self.spec.asked.places.len();
        (self.connection, self.deadline_ns) = (None, u64::MAX);
        // After a round in vain the operator waits for the next time.
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
