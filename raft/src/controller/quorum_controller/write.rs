//! Write events (controller-broker.md §2.2): an operation on the latest state returns records, which are prepared,
//! replayed and scheduled; its response waits until the last of them is stable.

use super::rpc::{ControllerRequest, Pending};
use super::{Active, QuorumController};
use crate::bugs::Bug;
use crate::controller::metadata_log::MetadataLog;
use crate::controller::replication::{self, View};
use crate::controller::result::{ControllerResult, EndOffsetHook, MAX_RECORDS_PER_BATCH};
use crate::controller::settings::ControllerSettings;
use crate::controller::state::ControllerState;
use crate::controller::{cluster, configuration, producer_ids};
use crate::ids::Offset;
use crate::io::{DialogueEntry, Effect};
use crate::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, Response};
use crate::metadata::MetadataRecord;
use crate::quorum::accumulator::AppendError;
use crate::step::{Fatal, Step};

/// The state for an operation.
pub(super) struct Context<'a> {
    active: &'a mut Active,
    settings: &'a ControllerSettings,
}

type OperationResult = Result<ControllerResult<Response>, ErrorCode>;

impl Context<'_> {
    pub fn state(&self) -> &ControllerState {
        self.active.latest.newest()
    }

    fn view(&self) -> View<'_> {
        View { state: self.active.latest.newest(), heartbeats: &self.active.heartbeats, settings: self.settings }
    }

    /// Performs the operation of a request that writes.
    pub fn operate(&mut self, request: &ControllerRequest, step: &mut Step<'_>) -> OperationResult {
        match request {
            ControllerRequest::Cluster(request) => {
                self.operate_cluster(request, step).map(|r| r.map(Response::Cluster))
            }
            ControllerRequest::Admin(admin) | ControllerRequest::Envelope(admin) => {
                self.operate_admin(admin, step).map(|r| r.map(|response| request.admin_response(response)))
            }
        }
    }

    fn operate_cluster(
        &mut self,
        request: &ClusterRequest,
        step: &mut Step<'_>,
    ) -> Result<ControllerResult<ClusterResponse>, ErrorCode> {
        let settings = self.settings;
        let next_write_offset = self.active.next_write_offset;
        let (state, heartbeats) = (self.active.latest.newest(), &mut self.active.heartbeats);
        Ok(match request {
            ClusterRequest::AlterPartition(request) => {
                let view = View { state, heartbeats, settings };
                replication::alter_partition(view, request)?.map(ClusterResponse::AlterPartition)
            }
            ClusterRequest::BrokerRegistration(request) => {
                let now_ns = settings.session_now_ns(step.now);
                cluster::register_broker(state, heartbeats, settings, request, next_write_offset, now_ns)?
                    .map(ClusterResponse::BrokerRegistration)
            }
            ClusterRequest::BrokerHeartbeat(request) => {
                let result = cluster::process_heartbeat(state, heartbeats, settings, request, next_write_offset)?;
                result.map(ClusterResponse::BrokerHeartbeat)
            }
            ClusterRequest::AllocateProducerIds(request) => {
                producer_ids::allocate(state, settings.bugs, request)?.map(ClusterResponse::AllocateProducerIds)
            }
            ClusterRequest::ControllerRegistration(request) => {
                cluster::register_controller(state, request)?.map(ClusterResponse::ControllerRegistration)
            }
        })
    }

    fn operate_admin(
        &mut self,
        request: &AdminRequest,
        step: &mut Step<'_>,
    ) -> Result<ControllerResult<AdminResponse>, ErrorCode> {
        let view = self.view();
        Ok(match request {
            AdminRequest::CreateTopics(request) => {
                replication::create_topics(view, request, step.entropy)?.map(AdminResponse::CreateTopics)
            }
            AdminRequest::CreatePartitions(request) => {
                let result = replication::create_partitions(view, request, step.entropy)?;
                result.map(AdminResponse::CreatePartitions)
            }
            AdminRequest::ElectLeaders(request) => {
                replication::elect_leaders(view, request)?.map(AdminResponse::ElectLeaders)
            }
            AdminRequest::IncrementalAlterConfigs(request) => {
                let result = configuration::incremental_alter_configs(view.state, view.settings, request)?;
                result.map(AdminResponse::IncrementalAlterConfigs)
            }
            AdminRequest::UnregisterBroker(request) => {
                cluster::unregister_broker(view, request)?.map(AdminResponse::UnregisterBroker)
            }
            // These are reads, or start with a read.
            AdminRequest::DescribeConfigs(_) | AdminRequest::DeleteTopics(_)
            // These are for the raft thread, but for the last one.
            | AdminRequest::DescribeQuorum(_) | AdminRequest::AddRaftVoter(_) | AdminRequest::RemoveRaftVoter(_) | AdminRequest::UpdateFeatures(_) => {
                return Err(ErrorCode::UnknownServerError);
            }
        })
    }

    /// Fences at most one broker whose session has expired.
    pub fn fence_stale_broker(&mut self, step: &Step<'_>) -> ControllerResult<bool> {
        let now_ns = self.settings.session_now_ns(step.now);
        let (state, heartbeats) = (self.active.latest.newest(), &mut self.active.heartbeats);
        cluster::fence_stale_broker(state, heartbeats, self.settings, now_ns)
    }

    /// Runs one periodic election.
    pub fn elect(&self, elect: fn(View<'_>) -> ControllerResult<bool>) -> ControllerResult<bool> {
        elect(self.view())
    }
}

impl QuorumController {
    /// A write event; `pending` is the request to answer. An operation that fails with UNKNOWN_SERVER_ERROR has thrown an
    /// exception that nobody expected. (`ProducerIdControlManager` throws one that Kafka expects, once all ids are
    /// exhausted; no run comes there.)
    pub(super) fn write(
        &mut self,
        log: &mut dyn MetadataLog,
        pending: Option<Pending>,
        step: &mut Step<'_>,
        operation: impl FnOnce(&mut Context<'_>, &mut Step<'_>) -> OperationResult,
    ) -> Result<(), Fatal> {
        if self.active.is_some() && std::mem::take(&mut self.throws) {
            step.out.record(|| DialogueEntry::Throws);
            self.answers.extend(pending.map(|pending| pending.failure(ErrorCode::UnknownServerError)));
            self.fail_over(log, step);
            return Ok(());
        }
        match self.operate(step, |context, step| operation(context, step)) {
            Ok(result) => {
                let ControllerResult { records, response, atomic, hook } = result;
                let requested = pending.map(|pending| (pending, response));
                self.complete_at_end(log, records, atomic, hook, requested, step)
            }
            Err(error) => {
                self.answers.extend(pending.map(|pending| pending.failure(error)));
                if error == ErrorCode::UnknownServerError {
                    self.fail_over(log, step);
                }
                Ok(())
            }
        }
    }

    /// An operation on the latest state; NOT_CONTROLLER on a standby.
    pub(super) fn operate<T>(
        &mut self,
        step: &mut Step<'_>,
        operation: impl FnOnce(&mut Context<'_>, &mut Step<'_>) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        let Some(active) = &mut self.active else { return Err(ErrorCode::NotController) };
        operation(&mut Context { active, settings: &self.settings }, step)
    }

    /// Writes the records, if there are any, and answers when the state that was read is stable: without records, when
    /// the newest pending record is, so that no response shows state that may still be lost. `requested` is the request
    /// to answer, with its response; an event of the controller itself has none.
    pub(super) fn complete_at_end(
        &mut self,
        log: &mut dyn MetadataLog,
        records: Vec<MetadataRecord>,
        atomic: bool,
        hook: EndOffsetHook,
        requested: Option<(Pending, Response)>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let batches = if atomic { records.len().max(1) } else { MAX_RECORDS_PER_BATCH };
        assert!(batches <= MAX_RECORDS_PER_BATCH, "an atomic result of {batches} records");
        let wrote = !records.is_empty();
        // `appendRecords` goes on until a batch is not full: behind n × 10,000 records it appends none, which raft
        // refuses, with all of them scheduled.
        let ends_full = !atomic && wrote && records.len().is_multiple_of(MAX_RECORDS_PER_BATCH);
        for (number, batch) in records.chunks(batches).chain(ends_full.then_some(&[][..])).enumerate() {
            if number > 0 {
                let is_leader = log.schedule_prepared_append(step);
                assert!(is_leader, "the batch before was prepared in this step");
            }
            if let Err(error) = self.append(log, batch, step)? {
                // NotLeader is no fault; all others are, and the client gets UNKNOWN_SERVER_ERROR (§2.5).
                let code = match error {
                    AppendError::NotLeader => ErrorCode::NotController,
                    _ => ErrorCode::UnknownServerError,
                };
                self.renounce(log, step);
                self.answers.extend(requested.map(|(pending, _)| pending.failure(code)));
                return Ok(());
            }
        }
        if wrote {
            step.out.push(Effect::Continue);
        }
        let Some(active) = &self.active else { return Ok(()) };
        let end = Offset(active.next_write_offset.0 - 1);
        self.run_hook(hook, end, step);
        if self.settings.bugs.has(Bug::AnsweredBeforeCommit) {
            self.complete(requested);
            return Ok(());
        }
        let newest = self.deferred.back().map(|(offset, _)| *offset);
        let seen = newest.filter(|_| !self.settings.bugs.has(Bug::NoRecordAnsweredAtOnce));
        match if wrote { Some(end) } else { seen } {
            Some(offset) => {
                assert!(newest.is_none_or(|newest| newest <= offset), "{offset} is parked behind {newest:?}");
                self.deferred.push_back((offset, requested));
            }
            None => self.complete(requested),
        }
        Ok(())
    }

    /// The event goes on when the records of its last batch are replayed. Raft refuses if this is no leader any more, which
    /// fails the event as if that had been known before (`ControllerWriteEvent.run`, `handleEventException`).
    pub(super) fn schedule_prepared_append(&mut self, log: &mut dyn MetadataLog, step: &mut Step<'_>) {
        if self.active.is_some() && !log.schedule_prepared_append(step) {
            self.renounce(log, step);
        }
    }

    /// Prepares one batch and replays it. A record that cannot be replayed is fatal.
    fn append(
        &mut self,
        log: &mut dyn MetadataLog,
        records: &[MetadataRecord],
        step: &mut Step<'_>,
    ) -> Result<Result<(), AppendError>, Fatal> {
        let Some(active) = &mut self.active else { return Ok(Err(AppendError::NotLeader)) };
        let metadata_version = active.latest.newest().features.metadata_version();
        let last = match log.prepare_append(active.epoch, records, metadata_version, step) {
            Ok(last) => last,
            Err(error) => return Ok(Err(error)),
        };
        let base = last.0 + 1 - records.len() as i64;
        for (offset, record) in (base..).zip(records) {
            active.latest.replay(record, Offset(offset)).map_err(|error| Fatal::from(error.to_string()))?;
            active.note_registration(record);
        }
        active.next_write_offset = Offset(last.0 + 1);
        Ok(Ok(()))
    }

    fn run_hook(&mut self, hook: EndOffsetHook, end: Offset, step: &mut Step<'_>) {
        match hook {
            EndOffsetHook::None => {}
            EndOffsetHook::ControlledShutdown(broker) => {
                if let Some(active) = &mut self.active {
                    active.heartbeats.update_controlled_shutdown_offset(broker, end.0);
                }
            }
            EndOffsetHook::StartPeriodicTasks => self.start_periodic_tasks(step.now.mono_ns),
        }
    }

    /// Sends all responses that wait for offsets up to the stable one.
    pub(super) fn complete_stable(&mut self) {
        while self.deferred.front().is_some_and(|(offset, _)| *offset <= self.last_stable) {
            if let Some((_, requested)) = self.deferred.pop_front() {
                self.complete(requested);
            }
        }
    }

    fn complete(&mut self, requested: Option<(Pending, Response)>) {
        self.answers.extend(requested.map(|(pending, response)| pending.answer(response)));
    }
}

impl Active {
    /// Updates the soft state after the replay of a registration (§3.2).
    fn note_registration(&mut self, record: &MetadataRecord) {
        let broker_id = match record {
            MetadataRecord::RegisterBroker(record) => record.broker_id,
            MetadataRecord::BrokerRegistrationChange(record) => record.broker_id,
            MetadataRecord::UnregisterBroker(record) => return self.heartbeats.remove(record.broker_id),
            _ => return,
        };
        if let Some(broker) = self.latest.newest().cluster.broker(broker_id) {
            self.heartbeats.register(broker_id, broker.fenced);
        }
    }
}
