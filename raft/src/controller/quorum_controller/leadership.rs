//! Commits and leadership: claim, activation, renounce (controller-broker.md §2.3, §2.4, §2.6).

use std::rc::Rc;

use super::{Active, Event, NS_PER_MS, QuorumController};
use crate::bugs::Bug;
use crate::controller::cluster::BrokerHeartbeatManager;
use crate::controller::metadata_log::{CommittedBatch, MetadataLog, RaftEvent};
use crate::controller::result::{EndOffsetHook, MAX_RECORDS_PER_BATCH};
use crate::controller::settings::{ELR_VERSION, METADATA_VERSION, level};
use crate::controller::state::MIN_INSYNC_REPLICAS;
use crate::controller::state::{ReplayedState, ResourceType};
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use crate::io::{Observation, Probe};
use crate::message::ErrorCode;
use crate::metadata::MetadataRecord;
use crate::metadata::records::{AbortTransaction, BeginTransaction, Config, EndTransaction, FeatureLevel};
use crate::step::{Fatal, Step, throw};

impl QuorumController {
    /// Handles the one event that a post announced.
    pub(super) fn handle_raft_event(&mut self, log: &mut dyn MetadataLog, step: &mut Step<'_>) -> Result<(), Fatal> {
        match log.take_event(step)? {
            Some(RaftEvent::Commit { batches, ordinal }) => {
                for batch in &batches {
                    self.handle_commit_batch(batch)?;
                }
                let end = self.next_offset;
                log.close_commit(ordinal, end, step);
                step.out.observe(Observation::Applied { end });
                self.complete_stable();
            }
            Some(RaftEvent::LoadSnapshot { id, records }) => {
                self.handle_load_snapshot(id, &records)?;
                step.out.observe(Observation::Applied { end: id.offset });
            }
            Some(RaftEvent::LeaderChange { leader, epoch }) => self.handle_leader_change(log, leader, epoch, step),
            None => {}
        }
        Ok(())
    }

    /// Replays committed records. An active controller has already replayed its own records into the latest state when
    /// it wrote them.
    fn handle_commit_batch(&mut self, batch: &CommittedBatch) -> Result<(), Fatal> {
        // A read starts with the batch that contains the requested offset.
        if batch.last_offset < self.next_offset {
            return Ok(());
        }
        for (offset, record) in (batch.base_offset.0..).zip(&batch.records) {
            self.committed.replay(record, Offset(offset)).map_err(|error| Fatal::from(error.to_string()))?;
        }
        self.last_committed = batch.last_offset;
        self.next_offset = Offset(batch.last_offset.0 + 1);
        if !batch.control {
            let start = self.committed.transaction_start();
            let stable = start.map_or(batch.last_offset, |start| Offset(start.0 - 1).min(batch.last_offset));
            if stable > self.last_stable {
                self.last_stable = stable;
                self.loaded = None;
            }
        }
        Ok(())
    }

    /// All state is replaced. The end of the snapshot, which is exclusive, becomes the last committed and stable offset
    /// (`OffsetControlManager.endLoadSnapshot`): when the record at that offset is committed alone, the state in memory
    /// under the stable offset is not replaced, and is returned to when this controller renounces.
    fn handle_load_snapshot(&mut self, id: OffsetAndEpoch, records: &[MetadataRecord]) -> Result<(), Fatal> {
        if let Some(active) = &self.active {
            throw!("Asked to load snapshot {id:?}, but we are the active controller at epoch {}", active.epoch);
        }
        let last = Offset(id.offset.0 - 1);
        self.committed = ReplayedState::new(self.settings.bugs, self.settings.fixes);
        for record in records {
            self.committed.replay(record, last).map_err(|error| Fatal::from(error.to_string()))?;
        }
        let is_fixed = self.settings.fixes.has(Fix::StableOffsetOfSnapshot);
        self.last_committed = if is_fixed { last } else { id.offset };
        self.last_stable = self.last_committed;
        self.next_offset = id.offset;
        self.loaded = (!is_fixed).then(|| Box::new(self.committed.clone()));
        Ok(())
    }

    fn handle_leader_change(
        &mut self,
        log: &mut dyn MetadataLog,
        leader: Option<NodeId>,
        epoch: LeaderEpoch,
        step: &mut Step<'_>,
    ) {
        self.leader = leader;
        let leads = leader == Some(self.settings.node_id);
        match &mut self.active {
            Some(active) if leads => active.epoch = epoch,
            Some(_) => self.renounce(log, step),
            None if leads => self.claim(log, epoch, step),
            None => {}
        }
    }

    /// The latest state starts as the committed one: raft reports leadership only after all earlier commits. No event
    /// runs between claim and activation.
    fn claim(&mut self, log: &mut dyn MetadataLog, epoch: LeaderEpoch, step: &mut Step<'_>) {
        let latest = self.committed.clone();
        let session_ns = u64::from(self.settings.broker_session_timeout_ms) * NS_PER_MS;
        let (cluster, bugs) = (&latest.newest().cluster, self.settings.bugs);
        let heartbeats =
            BrokerHeartbeatManager::activate(session_ns, cluster, bugs, self.settings.session_now_ns(step.now));
        self.active = Some(Active { epoch, latest, next_write_offset: log.end_offset(), heartbeats });
        self.queue.prepend(Event::CompleteActivation);
        self.fail_deferred();
        step.out.observe(Observation::LeadershipAnnounced { epoch });
    }

    /// `completeActivation`
    pub(super) fn complete_activation(&mut self, log: &mut dyn MetadataLog, step: &mut Step<'_>) -> Result<(), Fatal> {
        // The controller has renounced in the meantime.
        let Some(active) = &self.active else { return Ok(()) };
        // An open transaction will be aborted: its version does not count.
        let known = active.latest.stable().features.known_metadata_version().is_some();
        let in_transaction = active.latest.transaction_start().is_some();
        let (records, atomic) = self.activation_records(known, in_transaction);
        self.complete_at_end(log, records, atomic, EndOffsetHook::StartPeriodicTasks, None, step)
    }

    /// §2.6. A transaction that a failed controller left open is aborted; a log without `metadata.version` gets the
    /// bootstrap records of `kafka-storage format`, in a transaction if that version supports them.
    fn activation_records(&self, metadata_version_known: bool, in_transaction: bool) -> (Vec<MetadataRecord>, bool) {
        let mut records = Vec::new();
        if in_transaction {
            let reason = Some(Rc::from("Controller failover"));
            records.push(MetadataRecord::AbortTransaction(AbortTransaction { reason }));
        }
        if metadata_version_known {
            return (records, true);
        }
        let transactions = self.settings.bootstrap_level(METADATA_VERSION) >= level::TRANSACTIONS;
        if transactions {
            let name = Some(Rc::from("Bootstrap records"));
            records.push(MetadataRecord::BeginTransaction(BeginTransaction { name }));
        }
        for feature in self.settings.bootstrap.iter() {
            let (name, feature_level) = (Rc::clone(&feature.name), feature.level);
            records.push(MetadataRecord::FeatureLevel(FeatureLevel { name, feature_level }));
        }
        if self.settings.bootstrap_level(ELR_VERSION) > 0 {
            records.push(MetadataRecord::Config(Config {
                resource_type: ResourceType::Broker.value(),
                resource_name: Rc::from(""),
                name: Rc::from(MIN_INSYNC_REPLICAS),
                value: Some(self.settings.min_insync_replicas.to_string().into()),
            }));
        }
        if transactions {
            records.push(MetadataRecord::EndTransaction(EndTransaction {}));
        }
        let atomic = !transactions && records.len() <= MAX_RECORDS_PER_BATCH;
        (records, atomic)
    }

    /// An operation has thrown an unexpected exception: another controller takes over, from the committed state
    /// (`QuorumController.handleEventException`, `EventHandlerExceptionInfo.causesFailover`).
    pub(super) fn fail_over(&mut self, log: &mut dyn MetadataLog, step: &mut Step<'_>) {
        step.out.probe(Probe::ControllerFailedOver);
        self.renounce(log, step);
    }

    /// All waiting requests are answered with NOT_CONTROLLER, which leaves the outcome open: their records may still be
    /// committed, and are then replayed like those of another controller.
    pub(super) fn renounce(&mut self, log: &mut dyn MetadataLog, step: &mut Step<'_>) {
        let Some(active) = self.active.take() else { return };
        step.out.observe(Observation::LeadershipRenounced { epoch: active.epoch });
        if !self.settings.bugs.has(Bug::RenouncedUnheard) {
            log.resign(active.epoch, step);
        }
        self.cancel_periodic_tasks();
        if !self.deferred.is_empty() {
            step.out.probe(Probe::AppendRefused);
        }
        // `OffsetControlManager.deactivate`
        if let Some(loaded) = &self.loaded {
            self.committed = ReplayedState::clone(loaded);
        }
        if self.settings.bugs.has(Bug::Kafka13114RenounceWithoutRevert) {
            self.committed = active.latest;
        }
        if !self.settings.bugs.has(Bug::AckByOffset) {
            self.fail_deferred();
        }
    }

    fn fail_deferred(&mut self) {
        if self.settings.bugs.has(Bug::RenouncedWithoutAnswer) {
            return self.deferred.clear();
        }
        for (_, requested) in std::mem::take(&mut self.deferred) {
            self.answers.extend(requested.map(|(pending, _)| pending.failure(ErrorCode::NotController)));
        }
    }
}
