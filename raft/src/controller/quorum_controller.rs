//! Kafka's `QuorumController`: a single queue owns all state, and every operation is an event on it
//! (controller-broker.md §2).
//!
//! A step runs one event, so that the cost of a step is that of an event. Requests are received by [`receive`], on the
//! RPC thread, which puts them into the queue and posts to the queue's thread.
//!
//! There are two states. `committed` contains every committed record; stable reads use it. `latest` exists while this
//! controller is active, and contains the uncommitted records as well. Kafka has one state, with snapshots, and reverts
//! it; here `latest` is dropped instead.
//!
//! * `rpc`: requests and answers
//! * `write`: write events: records are prepared, replayed and scheduled, and their commit is awaited
//! * `leadership`: commits, claim, activation, renounce
//! * `periodic`: periodic tasks of an active controller
//!
//! [`receive`]: QuorumController::receive

mod described;
mod leadership;
mod periodic;
mod rpc;
mod write;

use std::collections::VecDeque;
use std::rc::Rc;

pub use periodic::PeriodicTask;
pub use rpc::ControllerRequest;

use self::rpc::Pending;
use super::cluster::BrokerHeartbeatManager;
use super::configuration;
use super::event_queue::{Dequeued, EventQueue};
use super::metadata_log::MetadataLog;
use super::replication;
use super::result::ControllerResult;
use super::settings::{ControllerSettings, KRAFT_VERSION};
use super::state::{ControllerState, ReplayedState};
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use crate::io::{Connection, DialogueEntry, Effect, Input, Post, ThreadName};
use crate::message::admin::{DeletableTopicResult, DeleteTopicsResponse};
use crate::message::{
    AdminRequest, AdminResponse, ClusterRequest, ErrorCode, Response, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use crate::metadata::MetadataRecord;
use crate::metadata::records::NoOp;
use crate::step::{Fatal, Step, throw};

const NS_PER_MS: u64 = 1_000_000;

#[derive(Clone, Debug)]
enum Event {
    /// An event of raft.
    Raft,
    /// `completeActivation`; always prepended.
    CompleteActivation,
    /// A request, a read or a write.
    Request(Pending),
    /// The write of a DeleteTopics whose names have been resolved.
    DeleteTopics { pending: Pending, topics: Vec<(Uuid, Rc<str>)>, decided: Vec<DeletableTopicResult> },
    /// A periodic task.
    Periodic(PeriodicTask),
}

impl Event {
    /// As Kafka names it.
    fn name(&self) -> &'static str {
        match self {
            Event::Raft => "raft",
            Event::CompleteActivation => "completeActivation",
            Event::Request(pending) => pending.request.event_name(),
            Event::DeleteTopics { .. } => "deleteTopics",
            Event::Periodic(task) => task.event_name(),
        }
    }
}

/// The state that exists only while this controller is active.
#[derive(Clone, Debug)]
struct Active {
    /// `curClaimEpoch`
    epoch: LeaderEpoch,
    latest: ReplayedState,
    next_write_offset: Offset,
    heartbeats: BrokerHeartbeatManager,
}

/// The controller of one node, active or standby.
#[derive(Clone, Debug)]
pub struct QuorumController {
    settings: ControllerSettings,
    queue: EventQueue<Event, PeriodicTask>,
    /// Posts to its own thread that have not arrived yet.
    wake_ups: usize,
    /// The next operation throws an exception.
    throws: bool,
    armed_ns: Option<u64>,
    committed: ReplayedState,
    /// -1: none.
    last_committed: Offset,
    /// As `last_committed`, or the offset before an open metadata transaction.
    last_stable: Offset,
    /// The next offset to be read. It is `last_committed + 1`, unless that was taken from a snapshot.
    next_offset: Offset,
    /// The state in memory under `last_stable`, if it may be older than what was replayed
    /// ([`Fix::StableOffsetOfSnapshot`](crate::fixes::Fix::StableOffsetOfSnapshot)).
    loaded: Option<Box<ReplayedState>>,
    active: Option<Active>,
    leader: Option<NodeId>,
    /// Responses that wait for their last offset to be stable, ascending by offset, each with its request.
    deferred: VecDeque<(Offset, Option<(Pending, Response)>)>,
    /// To be sent at the end of the step.
    answers: Vec<Effect>,
}

impl QuorumController {
    /// Has an empty state; raft reports everything from offset 0.
    pub fn new(settings: ControllerSettings) -> QuorumController {
        QuorumController {
            committed: ReplayedState::new(settings.bugs, settings.fixes),
            settings,
            queue: EventQueue::default(),
            wake_ups: 0,
            throws: false,
            armed_ns: None,
            last_committed: Offset(-1),
            last_stable: Offset(-1),
            next_offset: Offset(0),
            loaded: None,
            active: None,
            leader: None,
            deferred: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// `curClaimEpoch`: the epoch in which this is the active controller.
    pub fn claimed(&self) -> Option<LeaderEpoch> {
        self.active.as_ref().map(|active| active.epoch)
    }

    /// The leader of the quorum, as raft last reported.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The committed records, without those of an open transaction.
    pub fn stable(&self) -> &ControllerState {
        self.loaded.as_deref().unwrap_or(&self.committed).stable()
    }

    /// The state with uncommitted records; `None` on a standby.
    pub fn latest(&self) -> Option<&ControllerState> {
        self.active.as_ref().map(|active| active.latest.newest())
    }

    /// The last offset that [`stable`](Self::stable) includes; -1: none.
    pub fn last_stable_offset(&self) -> Offset {
        self.last_stable
    }

    /// Offset of the last committed record; -1: none.
    pub fn last_committed_offset(&self) -> Offset {
        self.last_committed
    }

    /// The RPC thread's part of a request. A heartbeat extends the session at once, however long it then waits (§3.3,
    /// step A).
    pub fn receive(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: ControllerRequest,
        step: &mut Step<'_>,
    ) {
        self.admit(Pending { connection, correlation_id, request, deadline_ns: None }, step);
        self.send_answers(step);
    }

    fn admit(&mut self, mut pending: Pending, step: &mut Step<'_>) {
        if let ControllerRequest::Cluster(ClusterRequest::BrokerHeartbeat(request)) = &pending.request {
            let Some(active) = &mut self.active else {
                return self.answers.push(pending.failure(ErrorCode::NotController));
            };
            let now_ns = self.settings.session_now_ns(step.now);
            active.heartbeats.contact(request.broker_id, request.broker_epoch, now_ns);
        }
        if pending.is_empty() {
            return self.answers.push(pending.failure(ErrorCode::None));
        }
        if !self.settings.delete_topic_enable && is_delete_topics(&pending.request) {
            return self.answers.push(pending.failure(ErrorCode::TopicDeletionDisabled));
        }
        let patience_ns = pending.patience_ms(&self.settings).map(|ms| ms.saturating_mul(NS_PER_MS));
        pending.deadline_ns = patience_ns.map(|ns| step.now.mono_ns.saturating_add(ns));
        let deadline_ns = pending.deadline_ns;
        self.queue.append(Event::Request(pending), deadline_ns);
        self.post_wake_ups(step);
    }

    /// Runs one event of the queue. An error ends the process.
    pub fn step(&mut self, log: &mut dyn MetadataLog, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        self.run_next(log, input, step)?;
        self.send_answers(step);
        Ok(())
    }

    fn run_next(&mut self, log: &mut dyn MetadataLog, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        match input {
            Input::Continue => {
                self.schedule_prepared_append(log, step);
                return Ok(());
            }
            Input::Post(Post::WakeUp) => self.wake_ups = self.wake_ups.saturating_sub(1),
            Input::Post(Post::ListenerEvent) => self.queue.append(Event::Raft, None),
            Input::Timer => self.armed_ns = None,
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            Input::Post(Post::ShuttingDown | Post::Start | Post::Published | Post::Applied | Post::Stop)
            | Input::Request { .. }
            | Input::Opened { .. }
            | Input::Closed { .. }
            | Input::Response { .. }
            | Input::Terminate => return Ok(()),
            Input::Exception => {
                self.throws = true;
                return Ok(());
            }
        }
        match self.queue.take(step.now.mono_ns) {
            Some(Dequeued::Run(event)) => {
                step.out.record(|| DialogueEntry::Event { name: event.name(), timed_out: false });
                self.run(log, event, step)?;
            }
            Some(Dequeued::TimedOut(event)) => {
                step.out.record(|| DialogueEntry::Event { name: event.name(), timed_out: true });
                self.time_out(event);
            }
            None => {}
        }
        self.post_wake_ups(step);
        self.arm_timer(step);
        Ok(())
    }

    fn run(&mut self, log: &mut dyn MetadataLog, event: Event, step: &mut Step<'_>) -> Result<(), Fatal> {
        match event {
            Event::Raft => self.handle_raft_event(log, step),
            Event::CompleteActivation => self.complete_activation(log, step),
            Event::Request(pending) => self.run_request(log, pending, step),
            Event::DeleteTopics { pending, topics, decided } => {
                let request = pending.request.clone();
                self.write(log, Some(pending), step, |context, _| {
                    let result = replication::delete_topics(context.state(), &topics, &decided)?;
                    Ok(result.map(|response| request.admin_response(AdminResponse::DeleteTopics(response))))
                })
            }
            Event::Periodic(task) => self.run_periodic(log, task, step),
        }
    }

    fn run_request(&mut self, log: &mut dyn MetadataLog, pending: Pending, step: &mut Step<'_>) -> Result<(), Fatal> {
        match &pending.request {
            ControllerRequest::Admin(AdminRequest::DescribeConfigs(request))
            | ControllerRequest::Envelope(AdminRequest::DescribeConfigs(request)) => {
                let dirty = self.latest().filter(|_| self.settings.bugs.has(Bug::Kafka15048ReadOfLatestState));
                let response = configuration::describe_configs(dirty.unwrap_or(self.stable()), request);
                let response = pending.request.admin_response(AdminResponse::DescribeConfigs(response));
                self.answers.push(pending.answer(response));
                Ok(())
            }
            ControllerRequest::Admin(AdminRequest::DeleteTopics(request))
            | ControllerRequest::Envelope(AdminRequest::DeleteTopics(request)) => {
                let (topics, decided) = replication::resolve_topics(self.stable(), request);
                if topics.is_empty() {
                    let response = DeleteTopicsResponse { responses: decided.into() };
                    let response = pending.request.admin_response(AdminResponse::DeleteTopics(response));
                    self.answers.push(pending.answer(response));
                    return Ok(());
                }
                let deadline_ns = pending.deadline_ns;
                self.queue.append(Event::DeleteTopics { pending, topics, decided }, deadline_ns);
                Ok(())
            }
            ControllerRequest::Admin(AdminRequest::UpdateFeatures(request))
            | ControllerRequest::Envelope(AdminRequest::UpdateFeatures(request)) => {
                let error = self.update_features(log, request, step).err().unwrap_or_default();
                // `NotLeaderException` of raft, which `FeatureControlManager.updateFeature` does not catch.
                if error == ErrorCode::NotController {
                    self.renounce(log, step);
                    self.answers.push(pending.failure(error));
                    return Ok(());
                }
                // A NoOp, so that the answer waits for an offset behind the control records.
                let writes = error == ErrorCode::None && !request.validate_only;
                let records = writes.then_some(MetadataRecord::NoOp(NoOp {})).into_iter().collect();
                let response = AdminResponse::UpdateFeatures(UpdateFeaturesResponse { error });
                let response = pending.request.admin_response(response);
                self.write(log, Some(pending), step, |_, _| Ok(ControllerResult::atomic(records, response)))
            }
            request => {
                let request = request.clone();
                self.write(log, Some(pending), step, |context, step| context.operate(&request, step))
            }
        }
    }

    /// `FeatureControlManager.updateFeatures`. Only `kraft.version` can be changed here.
    fn update_features(
        &mut self,
        log: &mut dyn MetadataLog,
        request: &UpdateFeaturesRequest,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        let Some(epoch) = self.claimed() else { return Err(ErrorCode::NotController) };
        request.feature_updates.iter().try_for_each(|update| match &*update.feature {
            KRAFT_VERSION => log.upgrade_kraft_version(epoch, update.max_version_level, request.validate_only, step),
            _ => Err(ErrorCode::InvalidUpdateVersion),
        })
    }

    /// The deadline of an event passed before the event was run: it has had no effect.
    fn time_out(&mut self, event: Event) {
        let (Event::Request(pending) | Event::DeleteTopics { pending, .. }) = event else { return };
        if let ControllerRequest::Cluster(ClusterRequest::BrokerHeartbeat(request)) = &pending.request
            && let Some(active) = &mut self.active
        {
            super::cluster::touch_timed_out(active.latest.newest(), &mut active.heartbeats, request);
        }
        self.answers.push(pending.failure(ErrorCode::RequestTimedOut));
    }

    fn send_answers(&mut self, step: &mut Step<'_>) {
        for answer in self.answers.drain(..) {
            step.out.push(answer);
        }
    }

    fn post_wake_ups(&mut self, step: &mut Step<'_>) {
        while self.wake_ups < self.queue.len() {
            self.wake_ups += 1;
            let thread = ThreadName::ControllerEventQueue;
            step.out.push(Effect::Post { thread, post: Post::WakeUp });
        }
    }

    fn arm_timer(&mut self, step: &mut Step<'_>) {
        let due_ns = self.queue.next_deadline_ns();
        if due_ns == self.armed_ns {
            return;
        }
        self.armed_ns = due_ns;
        step.out.push(due_ns.map_or(Effect::CancelTimer, |at_mono_ns| Effect::ArmTimer { at_mono_ns }));
    }
}

fn is_delete_topics(request: &ControllerRequest) -> bool {
    matches!(
        request,
        ControllerRequest::Admin(AdminRequest::DeleteTopics(_))
            | ControllerRequest::Envelope(AdminRequest::DeleteTopics(_))
    )
}
