//! Model only: replaces `QuorumController`. It behaves towards raft as Kafka does (claim and renounce, prepareAppend in
//! the claimed epoch, a response only when the batch is committed, a NoOp every `metadata.max.idle.interval.ms`), with
//! records that are plain numbers.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::bugs::{Bug, Bugs};
use crate::config::ControllerConfig;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::io::{Connection, DialogueEntry, Effect, Input, Observation, Post, Probe, ThreadName};
use crate::log::{NO_OP_FRAME, Records, value_frame};
use crate::message::{
    AppendRecordsRequest, AppendRecordsResponse, ErrorCode, ReadRecordsRequest, ReadRecordsResponse, Request, Response,
};
use crate::quorum::RaftClient;
use crate::quorum::accumulator::{AppendError, BatchAccumulator};
use crate::quorum::client::ListenerItem;
use crate::snapshot::BOOTSTRAP_SNAPSHOT_ID;
use crate::step::{Fatal, Step, throw};

const NS_PER_MS: u64 = 1_000_000;

/// Records in the accumulator or the log, whose client waits.
#[derive(Clone, Copy, Debug)]
struct PendingAppend {
    connection: Connection,
    correlation_id: i32,
    base_offset: Offset,
    last_offset: Offset,
}

/// The state machine: the committed records, and the clients that wait for commits.
#[derive(Clone, Debug)]
pub struct RecordLog {
    node_id: NodeId,
    max_idle_interval_ns: u64,
    bugs: Bugs,
    /// `curClaimEpoch`: the epoch in which it considers itself leader.
    claimed: Option<LeaderEpoch>,
    leader_id: Option<NodeId>,
    leader_epoch: LeaderEpoch,
    records: Vec<(Offset, u64)>,
    applied_end: Offset,
    /// Ascending by offset.
    pending: VecDeque<PendingAppend>,
}

impl RecordLog {
    /// Has an empty state; raft reports everything from offset 0.
    pub fn new(config: &ControllerConfig, bugs: Bugs) -> RecordLog {
        let interval_ms = u64::try_from(config.max_idle_interval_ms).unwrap_or(0);
        RecordLog {
            node_id: config.node_id,
            max_idle_interval_ns: interval_ms * NS_PER_MS,
            bugs,
            claimed: None,
            leader_id: None,
            leader_epoch: LeaderEpoch(0),
            records: Vec::new(),
            applied_end: Offset(0),
            pending: VecDeque::new(),
        }
    }

    /// `curClaimEpoch`: the epoch in which it considers itself leader.
    pub fn claimed(&self) -> Option<LeaderEpoch> {
        self.claimed
    }

    /// Runs one event of the queue.
    pub fn step(&mut self, raft: &mut RaftClient, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        match input {
            Input::Request { connection, correlation_id, request } => match request {
                Request::AppendRecords(request) => self.append(raft, connection, correlation_id, &request, step),
                Request::ReadRecords(request) => self.read(raft, connection, correlation_id, &request, step),
                other => panic!("{} is not for the controller event queue", other.name()),
            },
            Input::Post(Post::ListenerEvent) => self.listen(raft, step),
            Input::Timer => self.write_no_op(raft, step),
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            Input::Post(
                Post::WakeUp | Post::ShuttingDown | Post::Start | Post::Published | Post::Applied | Post::Stop,
            )
            | Input::Opened { .. }
            | Input::Closed { .. }
            | Input::Response { .. }
            | Input::Terminate
            | Input::Continue => {}
            Input::Exception => self.renounce(raft, step),
        }
        Ok(())
    }

    fn append(
        &mut self,
        raft: &mut RaftClient,
        connection: Connection,
        correlation_id: i32,
        request: &AppendRecordsRequest,
        step: &mut Step<'_>,
    ) {
        let Some(epoch) = self.claimed else {
            let response = self.refusal(ErrorCode::NotController, false);
            return answer(connection, correlation_id, response, step);
        };
        let values = &request.values;
        let prepare =
            |accumulator: &mut BatchAccumulator, now_ms: i64| accumulator.prepare_append(now_ms, epoch, values);
        let frames = || values.iter().map(|value| Box::from(value_frame(*value))).collect();
        match prepare_append(raft, step, (epoch, &frames), prepare) {
            Ok(last_offset) => {
                let base_offset = Offset(last_offset.0 + 1 - request.values.len() as i64);
                if self.bugs.has(Bug::AppendSubmittedTwice) {
                    // The copy may be rejected for lack of space.
                    let _ = prepare_append(raft, step, (epoch, &frames), prepare);
                }
                self.pending.push_back(PendingAppend { connection, correlation_id, base_offset, last_offset });
            }
            Err(AppendError::Empty | AppendError::TooLarge) => {
                let response = self.refusal(ErrorCode::InvalidRequest, false);
                answer(connection, correlation_id, response, step);
            }
            Err(error) => {
                self.renounce(raft, step);
                let code = if error == AppendError::NotLeader {
                    ErrorCode::NotController
                } else {
                    ErrorCode::UnknownServerError
                };
                let response = self.refusal(code, false);
                answer(connection, correlation_id, response, step);
            }
        }
    }

    /// `writeNoOpRecord`: unconditional, every period, while active.
    fn write_no_op(&mut self, raft: &mut RaftClient, step: &mut Step<'_>) {
        let Some(epoch) = self.claimed else { return };
        let frame = || vec![Box::from(NO_OP_FRAME)];
        let prepare = |accumulator: &mut BatchAccumulator, now_ms| accumulator.prepare_append_no_op(now_ms, epoch);
        match prepare_append(raft, step, (epoch, &frame), prepare) {
            Ok(_) => self.arm_no_op(step),
            Err(_) => self.renounce(raft, step),
        }
    }

    fn arm_no_op(&self, step: &mut Step<'_>) {
        if self.max_idle_interval_ns > 0 {
            step.out.push(Effect::ArmTimer { at_mono_ns: step.now.mono_ns + self.max_idle_interval_ns });
        }
    }

    /// Handles the one event that this post announced.
    fn listen(&mut self, raft: &mut RaftClient, step: &mut Step<'_>) {
        match raft.take_delivery(ThreadName::ControllerEventQueue) {
            Some(ListenerItem::Commit { records, ordinal }) => {
                self.apply(&records, step);
                raft.close_delivery(ThreadName::ControllerEventQueue, ordinal, self.applied_end, step);
            }
            Some(ListenerItem::LeaderChange { leader, epoch }) => self.handle_leader_change(raft, leader, epoch, step),
            // The voters, which are not for the state machine.
            Some(ListenerItem::Snapshot { id: BOOTSTRAP_SNAPSHOT_ID, .. }) => {}
            Some(ListenerItem::Snapshot { id, .. }) => {
                unreachable!("no process of this model creates a snapshot: {id:?}")
            }
            Some(ListenerItem::Appended { end }) => self.acknowledge_below(end, step),
            None => {}
        }
    }

    fn apply(&mut self, records: &Records, step: &mut Step<'_>) {
        for batch in &records.0 {
            // A read starts with the batch that contains the requested offset.
            if batch.last_offset < self.applied_end {
                continue;
            }
            let applied_end = self.applied_end;
            self.records.extend(batch.values().filter(|(offset, _)| *offset >= applied_end));
            self.applied_end = Offset(batch.last_offset.0 + 1);
            if self.claimed == Some(batch.epoch) || self.bugs.has(Bug::AckByOffset) {
                self.acknowledge_below(self.applied_end, step);
            }
        }
        step.out.observe(Observation::Applied { end: self.applied_end });
    }

    /// Only the leader of an epoch assigns its offsets: a batch of its own epoch that is committed at these offsets is
    /// the prepared one.
    fn acknowledge_below(&mut self, end: Offset, step: &mut Step<'_>) {
        while self.pending.front().is_some_and(|append| append.last_offset < end) {
            let Some(append) = self.pending.pop_front() else { break };
            let mut base_offset = append.base_offset;
            if self.bugs.has(Bug::AckWrongOffset) {
                base_offset.0 -= 1;
            }
            let response = AppendRecordsResponse { base_offset, ..self.refusal(ErrorCode::None, true) };
            answer(append.connection, append.correlation_id, response, step);
        }
    }

    fn handle_leader_change(
        &mut self,
        raft: &mut RaftClient,
        leader: Option<NodeId>,
        epoch: LeaderEpoch,
        step: &mut Step<'_>,
    ) {
        self.leader_id = leader;
        self.leader_epoch = epoch;
        if self.claimed.is_some() {
            self.renounce(raft, step);
        }
        if leader == Some(self.node_id) || (leader.is_some() && self.bugs.has(Bug::FollowerClaimsLeadership)) {
            self.claimed = Some(epoch);
            self.refuse_pending(step);
            step.out.observe(Observation::LeadershipAnnounced { epoch });
            self.arm_no_op(step);
        }
    }

    /// All waiting clients are informed that the outcome is unknown.
    fn renounce(&mut self, raft: &mut RaftClient, step: &mut Step<'_>) {
        let Some(epoch) = self.claimed.take() else { return };
        step.out.observe(Observation::LeadershipRenounced { epoch });
        step.out.push(Effect::CancelTimer);
        raft.resign(epoch, step);
        if !self.pending.is_empty() {
            step.out.probe(Probe::AppendRefused);
        }
        if !self.bugs.has(Bug::AckByOffset) {
            self.refuse_pending(step);
        }
    }

    fn refuse_pending(&mut self, step: &mut Step<'_>) {
        while let Some(append) = self.pending.pop_front() {
            let accepted = !self.bugs.has(Bug::PendingAppendRefused);
            let response = self.refusal(ErrorCode::NotController, accepted);
            answer(append.connection, append.correlation_id, response, step);
        }
    }

    fn refusal(&self, error: ErrorCode, accepted: bool) -> AppendRecordsResponse {
        let (leader_id, leader_epoch) = (self.leader_id, self.leader_epoch);
        AppendRecordsResponse { error, accepted, base_offset: Offset(-1), leader_id, leader_epoch }
    }

    fn read(
        &self,
        raft: &RaftClient,
        connection: Connection,
        correlation_id: i32,
        request: &ReadRecordsRequest,
        step: &mut Step<'_>,
    ) {
        let max_records = usize::from(request.max_records);
        let from = self.records.partition_point(|(offset, _)| *offset < request.from);
        let mut records: SmallVec<[(Offset, u64); 2]> =
            self.records[from..].iter().take(max_records).copied().collect();
        let mut applied_end = self.applied_end;
        if self.bugs.has(Bug::ReadsGoBack) && correlation_id % 2 == 0 {
            applied_end.0 /= 2;
            records.retain(|(offset, _)| *offset < applied_end);
        }
        if self.bugs.has(Bug::ReadUncommitted) {
            let log = raft.log();
            let tail = log.read(applied_end.max(request.from), log.end_offset(), u32::MAX);
            let uncommitted = tail.0.iter().flat_map(|batch| batch.values());
            let wanted = uncommitted.filter(|(offset, _)| *offset >= applied_end.max(request.from));
            let room = max_records - records.len();
            records.extend(wanted.take(room));
            applied_end = log.end_offset();
        }
        let response = ReadRecordsResponse { error: ErrorCode::None, records, applied_end };
        let response = Response::ReadRecords(response);
        step.out.push(Effect::SendResponse { connection, correlation_id, response });
    }
}

fn answer(connection: Connection, correlation_id: i32, response: AppendRecordsResponse, step: &mut Step<'_>) {
    let response = Response::AppendRecords(response);
    step.out.push(Effect::SendResponse { connection, correlation_id, response });
}

/// `prepareAppend` and `schedulePreparedAppend`; the raft thread is woken if there is a new deadline, or a batch that
/// can be drained now.
fn prepare_append(
    raft: &mut RaftClient,
    step: &mut Step<'_>,
    (epoch, frames): (LeaderEpoch, &dyn Fn() -> Vec<Box<[u8]>>),
    prepare: impl FnOnce(&mut BatchAccumulator, i64) -> Result<Offset, AppendError>,
) -> Result<Offset, AppendError> {
    let now_ms = step.now_ms();
    let accumulator = raft.accumulator_mut().ok_or(AppendError::NotLeader)?;
    let was_empty = accumulator.time_until_drain_ms(now_ms) == i64::MAX;
    let prepared = prepare(accumulator, now_ms);
    step.out.record(|| {
        let result = prepared.map_err(|error| format!("{error:?}"));
        DialogueEntry::Prepared { epoch, records: frames(), result }
    });
    let last_offset = prepared?;
    step.out.record(|| DialogueEntry::Scheduled { is_leader: true });
    accumulator.schedule_prepared_append();
    if was_empty || accumulator.needs_drain(now_ms) {
        wake_raft(step);
    }
    Ok(last_offset)
}

fn wake_raft(step: &mut Step<'_>) {
    step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::WakeUp });
}
