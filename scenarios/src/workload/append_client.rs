//! A small append client: unique values to the leader, and committed records read back
//! from every server. It records *attempts*, one RPC each; what is not answered stays unknown.

use std::rc::Rc;

use raft::ids::{NodeId, Offset};
use raft::message::{AppendRecordsRequest, ErrorCode, ReadRecordsRequest, Request, Response};
use sim::process::{Connection, Effect, Input, Node, Now, Out};
use sim::rng::{Entropy, Purpose, Seed};
use smallvec::SmallVec;

use super::client_process::ClientProcess;
use super::operation::{Agenda, ClientOperation, Timetable};
use super::ports::CONTROLLERS;
use crate::message::{BoxedMessage, Message};
use crate::said::{AttemptEvent, Said};

/// How a client works.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Which client this is; part of every value it appends.
    pub index: u16,
    /// (Kafka node id, place) of every server.
    pub servers: Rc<[(NodeId, Node)]>,
    /// Time between appends, ns.
    pub append_interval_ns: u64,
    /// Time between reads, ns; servers are read in rotation.
    pub read_interval_ns: u64,
    /// Appends that may be unanswered at once.
    pub max_in_flight: u8,
    /// An attempt without answer for so long is unknown, ns; its connection is closed.
    pub request_timeout_ns: u64,
    /// Wait before the next try after a refusal or a broken connection, ns.
    pub retry_backoff_ns: u64,
    /// From then on, on its monotonic clock, it reads everything again, ns: what a fresh client would do.
    pub read_again_at_ns: u64,
    /// Records per read.
    pub read_records: u16,
    /// Fewest and most records of one append.
    pub records: (u8, u8),
    /// Its own draws of how many that is.
    pub draws: Entropy,
    /// What it is to do instead of what it would do by itself, up to `agenda_ends_ns`.
    pub timetable: Option<Rc<[(u64, ClientOperation)]>>,
    /// From then on, on its monotonic clock, it does as it would, whatever the timetable says, ns.
    pub agenda_ends_ns: u64,
    /// It keeps what it does by itself.
    pub keeps_timetable: bool,
}

impl ClientSpec {
    /// A client that has nobody to talk to; a blank to be filled.
    pub fn idle() -> ClientSpec {
        ClientSpec {
            index: 0,
            servers: Rc::from([]),
            append_interval_ns: 0,
            read_interval_ns: 0,
            max_in_flight: 0,
            request_timeout_ns: 0,
            retry_backoff_ns: 0,
            read_again_at_ns: u64::MAX,
            read_records: 0,
            records: (1, 1),
            draws: Seed(0).entropy(Purpose::Workload, 0),
            timetable: None,
            agenda_ends_ns: 0,
            keeps_timetable: false,
        }
    }
}

/// One unanswered attempt.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    attempt: u32,
    deadline_ns: u64,
    read: bool,
}

/// The way to one server.
#[derive(Clone, Debug, Default)]
struct Way {
    token: u32,
    connecting: bool,
    connection: Option<Connection>,
    /// Oldest first.
    in_flight: SmallVec<[InFlight; 6]>,
    /// No new connect before, ns.
    not_before_ns: u64,
    connect_deadline_ns: u64,
    /// Next offset to read there.
    read_from: i64,
    /// The answer on its way belongs to the first reading; then everything is read again.
    read_again: bool,
}

/// The client.
#[derive(Clone, Debug)]
pub struct AppendClient {
    spec: ClientSpec,
    ways: Vec<Way>,
    /// Index of the server believed to lead.
    leader: usize,
    next_token: u32,
    next_attempt: u32,
    next_value: u64,
    next_append_ns: u64,
    next_read_ns: u64,
    read_turn: usize,
    /// Appends a story requested and that are not sent yet.
    owed: u32,
    resting: bool,
    /// It reads for the second time.
    reads_again: bool,
    booted_ns: u64,
    draws: Entropy,
    agenda: Option<Agenda>,
    requested: Option<Timetable>,
}

impl AppendClient {
    /// A fresh client; nothing of it survives a crash.
    pub fn boot(spec: &ClientSpec, now: Now, out: &mut Out<impl ClientProcess>) -> AppendClient {
        let client = AppendClient {
            ways: spec.servers.iter().map(|_| Way::default()).collect(),
            spec: spec.clone(),
            leader: usize::from(spec.index) % spec.servers.len(),
            next_token: 1,
            next_attempt: 1,
            next_value: u64::from(spec.index + 1) << 40,
            next_append_ns: now.mono_ns + spec.append_interval_ns,
            next_read_ns: now.mono_ns + spec.read_interval_ns,
            read_turn: 0,
            owed: 0,
            resting: false,
            reads_again: false,
            booted_ns: now.mono_ns,
            draws: spec.draws.clone(),
            agenda: spec.timetable.clone().map(Agenda::new),
            requested: spec.keeps_timetable.then(Timetable::new),
        };
        client.arm(now, out);
        client
    }

    /// One input.
    pub fn step<P: ClientProcess>(&mut self, now: Now, input: Input<P>, entropy: &mut Entropy, out: &mut Out<P>) {
        match input {
            Input::Opened { token, connection } => {
                if let Some(way) = self.ways.iter_mut().find(|way| way.token == token) {
                    way.connection = Some(connection);
                    way.connecting = false;
                }
            }
            Input::Closed { token, .. } => {
                if let Some(place) = self.ways.iter().position(|way| way.token == token) {
                    self.lose(place, now, entropy, out);
                }
            }
            Input::Response { token, message } => {
                if let Some((correlation_id, response)) = message.into_response(out)
                    && let Some(place) = self.ways.iter().position(|way| way.token == token)
                {
                    self.answered(place, correlation_id, &response, now, entropy, out);
                }
            }
            Input::Operation(ClientOperation::Append { count }) => self.owed += u32::from(count),
            Input::Operation(ClientOperation::Rest) => self.resting = true,
            Input::Operation(ClientOperation::Resume) => self.resting = false,
            _ => {}
        }
        self.expire(now, entropy, out);
        self.read_again_if_due(now);
        if self.agenda.is_some() && now.mono_ns < self.spec.agenda_ends_ns {
            self.go_by_agenda(now, out);
        } else {
            self.append_if_due(now, out);
            self.read_if_due(now, out);
        }
        while self.owed > 0 && self.append_owed(now, out) {}
        self.arm(now, out);
    }

    /// What it has done by itself, if it was to keep that.
    pub fn timetable(&self) -> &[(u64, ClientOperation)] {
        self.requested.as_deref().unwrap_or_default()
    }

    fn go_by_agenda(&mut self, now: Now, out: &mut Out<impl ClientProcess>) {
        let since_boot_ns = now.mono_ns - self.booted_ns;
        while let Some(operation) = self.agenda.as_mut().and_then(|agenda| agenda.take_due(since_boot_ns)) {
            match operation {
                ClientOperation::AppendRecords { records } => {
                    self.append(records, now, out);
                }
                ClientOperation::ReadFrom { server } if usize::from(server) < self.ways.len() => {
                    self.read_from(usize::from(server), now, out);
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, due_ns: u64, what: ClientOperation) {
        if let Some(requested) = &mut self.requested {
            requested.push((due_ns.saturating_sub(self.booted_ns), what));
        }
    }

    fn say(event: AttemptEvent, out: &mut Out<impl ClientProcess>) {
        out.push(Effect::Observe(Said::Client(event)));
    }

    fn answered(
        &mut self,
        place: usize,
        correlation_id: i32,
        response: &Response,
        now: Now,
        entropy: &mut Entropy,
        out: &mut Out<impl ClientProcess>,
    ) {
        let attempt = correlation_id as u32;
        let way = &mut self.ways[place];
        // A late duplicate of an answer, or the answer to an attempt given up: it stays unknown.
        let Some(index) = way.in_flight.iter().position(|other| other.attempt == attempt) else { return };
        way.in_flight.remove(index);
        match response {
            Response::AppendRecords(answer) if answer.error == ErrorCode::None => {
                Self::say(AttemptEvent::AppendOk { attempt, base_offset: answer.base_offset.0 }, out);
            }
            Response::AppendRecords(answer) => {
                let event = if answer.accepted {
                    AttemptEvent::AppendUnknown { attempt }
                } else {
                    AttemptEvent::AppendFailed { attempt }
                };
                Self::say(event, out);
                let hinted = answer.leader_id.filter(|id| *id != self.spec.servers[place].0);
                self.look_elsewhere(place, hinted, entropy);
                self.next_append_ns = self.next_append_ns.max(now.mono_ns + self.spec.retry_backoff_ns);
            }
            Response::ReadRecords(answer) => {
                for (offset, value) in &answer.records {
                    Self::say(AttemptEvent::ReadRecord { attempt, offset: offset.0, value: *value }, out);
                }
                Self::say(AttemptEvent::ReadOk { attempt, applied_end: answer.applied_end.0 }, out);
                let last = answer.records.last().map(|(offset, _)| offset.0 + 1);
                let whole = answer.records.len() < usize::from(self.spec.read_records);
                let next = if whole { answer.applied_end.0 } else { last.unwrap_or(0) };
                way.read_from = if std::mem::take(&mut way.read_again) { 0 } else { way.read_from.max(next) };
                if !whole && !self.resting {
                    self.read(place, now, out);
                }
            }
            _ => {}
        }
    }

    /// The server there does not lead: follow its hint, or try another at random.
    fn look_elsewhere(&mut self, place: usize, hinted: Option<NodeId>, entropy: &mut Entropy) {
        if place != self.leader {
            return;
        }
        let known = hinted.and_then(|id| self.spec.servers.iter().position(|(other, _)| *other == id));
        self.leader = known.unwrap_or_else(|| entropy.below(self.ways.len() as u64) as usize);
    }

    /// The connection is gone: what was in flight on it is unknown.
    fn lose(&mut self, place: usize, now: Now, entropy: &mut Entropy, out: &mut Out<impl ClientProcess>) {
        let way = &mut self.ways[place];
        for lost in way.in_flight.drain(..) {
            let attempt = lost.attempt;
            let event =
                if lost.read { AttemptEvent::ReadUnknown { attempt } } else { AttemptEvent::AppendUnknown { attempt } };
            Self::say(event, out);
        }
        (way.token, way.connecting, way.connection) = (0, false, None);
        way.not_before_ns = now.mono_ns + self.spec.retry_backoff_ns;
        // A server that came back may have applied less than the one before it.
        (way.read_from, way.read_again) = (0, false);
        self.look_elsewhere(place, None, entropy);
    }

    fn expire(&mut self, now: Now, entropy: &mut Entropy, out: &mut Out<impl ClientProcess>) {
        for place in 0..self.ways.len() {
            let way = &self.ways[place];
            let late_answer = way.in_flight.iter().any(|other| other.deadline_ns <= now.mono_ns);
            let late_connect = way.connecting && way.connect_deadline_ns <= now.mono_ns;
            if late_answer || late_connect {
                out.push(Effect::Close { token: way.token });
                self.lose(place, now, entropy, out);
            }
        }
    }

    fn append_if_due(&mut self, now: Now, out: &mut Out<impl ClientProcess>) {
        let due_ns = self.next_append_ns;
        if self.resting || now.mono_ns < due_ns {
            return;
        }
        self.next_append_ns = now.mono_ns + self.spec.append_interval_ns;
        let records = self.draw_records();
        self.note(due_ns, ClientOperation::AppendRecords { records });
        // One that was requested from outside may go with it.
        let sent = self.append(records, now, out);
        self.owed = self.owed.saturating_sub(u32::from(sent));
    }

    /// True if one was sent.
    fn append_owed(&mut self, now: Now, out: &mut Out<impl ClientProcess>) -> bool {
        let records = self.draw_records();
        let sent = self.append(records, now, out);
        self.owed -= u32::from(sent);
        sent
    }

    fn draw_records(&mut self) -> u8 {
        let (fewest, most) = self.spec.records;
        fewest + self.draws.below(u64::from(most - fewest) + 1) as u8
    }

    /// True if it was sent.
    fn append(&mut self, records: u8, now: Now, out: &mut Out<impl ClientProcess>) -> bool {
        let place = self.leader;
        if self.ways[place].connection.is_none() {
            self.connect(place, now, out);
            return false;
        }
        let in_flight = self.ways.iter().flat_map(|way| &way.in_flight);
        let unanswered = in_flight.filter(|other| !other.read).count();
        if unanswered >= usize::from(self.spec.max_in_flight) {
            return false;
        }
        let count = u64::from(records);
        let values = (self.next_value..self.next_value + count).collect();
        let event = AttemptEvent::AppendInvoked {
            attempt: self.next_attempt,
            first_value: self.next_value,
            count: count as u8,
        };
        self.next_value += count;
        Self::say(event, out);
        self.send(place, Request::AppendRecords(AppendRecordsRequest { values }), false, now, out);
        true
    }

    fn read_if_due(&mut self, now: Now, out: &mut Out<impl ClientProcess>) {
        let due_ns = self.next_read_ns;
        if self.resting || now.mono_ns < due_ns {
            return;
        }
        self.next_read_ns = now.mono_ns + self.spec.read_interval_ns;
        let place = self.read_turn;
        self.read_turn = (self.read_turn + 1) % self.ways.len();
        self.note(due_ns, ClientOperation::ReadFrom { server: place as u16 });
        self.read_from(place, now, out);
    }

    fn read_from(&mut self, place: usize, now: Now, out: &mut Out<impl ClientProcess>) {
        if self.ways[place].connection.is_none() {
            self.connect(place, now, out);
        } else if !self.ways[place].in_flight.iter().any(|other| other.read) {
            self.read(place, now, out);
        }
    }

    fn read_again_if_due(&mut self, now: Now) {
        if self.reads_again || now.mono_ns < self.spec.read_again_at_ns {
            return;
        }
        self.reads_again = true;
        for way in &mut self.ways {
            way.read_from = 0;
            way.read_again = way.in_flight.iter().any(|other| other.read);
        }
    }

    /// Reads on from one server; a full answer is followed by the next read at once.
    fn read(&mut self, place: usize, now: Now, out: &mut Out<impl ClientProcess>) {
        let from = self.ways[place].read_from;
        let at_most = self.spec.read_records;
        Self::say(AttemptEvent::ReadInvoked { attempt: self.next_attempt, from, at_most }, out);
        let request = ReadRecordsRequest { from: Offset(from), max_records: at_most };
        self.send(place, Request::ReadRecords(request), true, now, out);
    }

    fn connect(&mut self, place: usize, now: Now, out: &mut Out<impl ClientProcess>) {
        let way = &mut self.ways[place];
        if way.connecting || now.mono_ns < way.not_before_ns {
            return;
        }
        way.token = self.next_token;
        self.next_token += 1;
        way.connecting = true;
        way.connect_deadline_ns = now.mono_ns + self.spec.request_timeout_ns;
        out.push(Effect::Connect { token: way.token, to: self.spec.servers[place].1, port: CONTROLLERS });
    }

    fn send(&mut self, place: usize, request: Request, read: bool, now: Now, out: &mut Out<impl ClientProcess>) {
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        let way = &mut self.ways[place];
        let Some(connection) = way.connection else { return };
        let deadline_ns = now.mono_ns + self.spec.request_timeout_ns;
        way.in_flight.push(InFlight { attempt, deadline_ns, read });
        let message = BoxedMessage::pack(Message::Request { correlation_id: attempt as i32, request }, out);
        out.push(Effect::Request { connection, message });
    }

    fn arm(&self, now: Now, out: &mut Out<impl ClientProcess>) {
        let own_ns = self.next_append_ns.min(self.next_read_ns);
        let mut at_mono_ns = match &self.agenda {
            Some(agenda) if now.mono_ns < self.spec.agenda_ends_ns => {
                let next_ns = agenda.next_ns().map_or(u64::MAX, |at_ns| self.booted_ns + at_ns);
                next_ns.min(self.spec.agenda_ends_ns)
            }
            _ if self.resting => u64::MAX,
            _ => own_ns,
        };
        let leader = &self.ways[self.leader];
        if self.owed > 0 && leader.connection.is_none() && !leader.connecting {
            at_mono_ns = at_mono_ns.min(leader.not_before_ns);
        }
        for way in &self.ways {
            for other in &way.in_flight {
                at_mono_ns = at_mono_ns.min(other.deadline_ns);
            }
            if way.connecting {
                at_mono_ns = at_mono_ns.min(way.connect_deadline_ns);
            }
        }
        if at_mono_ns == u64::MAX { out.push(Effect::Cancel) } else { out.push(Effect::Arm { at_mono_ns }) }
    }
}
