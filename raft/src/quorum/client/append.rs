//! The leader's log, the follower's log, and the high watermark (consensus.md §4.6, D8, D9).

use super::{Appended, RaftClient};
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::Offset;
use crate::io::Observation;
use crate::message::FetchResponse;
use crate::quorum::accumulator::CompletedBatch;
use crate::step::{Fatal, Step, throw};

impl RaftClient {
    /// The first record of every epoch; no later record commits before it.
    pub(super) fn append_leader_change(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let (epoch, now_ms) = (self.quorum.epoch(), step.now_ms());
        let voters = self.quorum.partition_state().last_written_voter_set().clone();
        if let Some(leader) = self.quorum.leader_mut() {
            let Some(records) = leader.start_of_epoch_records(&voters) else {
                throw!("kraft.version is 1, and no voter set is in the log or its snapshot");
            };
            leader.accumulator.append_control(now_ms, records);
            if !self.late_writes.is_empty() {
                // The result is ignored: no client waits for these writes.
                let _ = leader.accumulator.prepare_append_records(now_ms, epoch, &self.late_writes);
                leader.accumulator.schedule_prepared_append();
                self.late_writes.clear();
            }
        }
        Ok(())
    }

    /// Drains the accumulator into the log. Kafka's order (D9): append, high watermark, parked fetches, listener, and
    /// only then the fsync. With two voters or more this is safe, because the high watermark advances only with a later
    /// fetch.
    pub(super) fn maybe_append_batches(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        let now_ms = step.now_ms();
        let Some(leader) = self.quorum.leader_mut() else { return Ok(i64::MAX) };
        let wait_ms = leader.accumulator.time_until_drain_ms(now_ms);
        if wait_ms > 0 {
            return Ok(wait_ms);
        }
        leader.accumulator.drain_into(&mut self.drained);
        for completed in self.drained.drain(..) {
            self.log.append_as_leader(&completed.batch, now_ms, step.out)?;
            self.quorum.partition_state.update_state(&self.log)?;
            if let Some(leader) = self.quorum.leader_mut() {
                leader.accumulator.memory.release(completed.buffer);
            }
            self.appended.push_back(Appended { completed, at_ms: now_ms });
        }
        if self.setup.fixes.has(Fix::SingleVoterFlushFirst) && self.quorum.is_only_voter() {
            self.flush_leader_log(step);
        }
        let end = self.log.end_offset();
        let end_metadata = self.log.offset_metadata(end);
        let voters = self.quorum.voters().clone();
        if self.quorum.leader_mut().is_some_and(|leader| leader.update_local_state(end_metadata, &voters)) {
            self.on_update_leader_high_watermark(step)?;
        }
        self.complete_parked_fetches(step)?;
        if self.setup.bugs.has(Bug::AckAtAppend) {
            self.listeners.iter_mut().for_each(|listener| listener.fire_appended(end, step));
        }
        self.flush_leader_log(step);
        Ok(self.quorum.leader().map_or(i64::MAX, |leader| leader.accumulator.time_until_drain_ms(now_ms)))
    }

    fn flush_leader_log(&mut self, step: &mut Step<'_>) {
        let bugs = self.setup.bugs;
        if !bugs.has(Bug::Kafka10533AckBeforeFlush) && !bugs.has(Bug::LeaderFlushSkipped) {
            self.log.flush(step.out);
        }
    }

    /// Kafka's order: log, waiting appends (the fast path to the listener), parked fetches, then the batches that
    /// listeners read from disk.
    pub(super) fn on_update_leader_high_watermark(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let Some(high_watermark) = self.quorum.high_watermark() else { return Ok(()) };
        self.log.update_high_watermark(high_watermark);
        self.observe_high_watermark(high_watermark, true, step);
        self.notify_change_of_high_watermark(high_watermark, step);
        let is_committed = |appended: &mut Appended| appended.completed.batch.last_offset < high_watermark;
        while let Some(Appended { completed, at_ms }) = self.appended.pop_front_if(is_committed) {
            let CompletedBatch { batch, buffer } = completed;
            let records = batch.last_offset.0 - batch.base_offset.0 + 1;
            self.metrics.update_commit_latency(at_ms, step.now_ms(), records);
            let memory = self.quorum.leader().map(|leader| &leader.accumulator.memory);
            if memory.is_some_and(|memory| memory.has_header(buffer, batch.len_bytes())) {
                self.listeners.iter_mut().for_each(|listener| listener.maybe_fire_in_memory(&batch, step));
            }
        }
        self.complete_parked_fetches(step)?;
        self.update_listeners(high_watermark, step)
    }

    fn observe_high_watermark(&self, offset: Offset, leading: bool, step: &mut Step<'_>) {
        step.out.observe(Observation::HighWatermark { offset, epoch: self.quorum.epoch(), leading });
    }

    /// A successful Fetch response, with or without records: append, force (D8), then the high watermark. A broker forces
    /// nothing: no leader counts its copy (`KafkaRaftClient.appendAsFollower`).
    pub(super) fn append_fetched(&mut self, response: &FetchResponse, step: &mut Step<'_>) -> Result<(), Fatal> {
        if !response.records.0.is_empty() {
            let epoch = self.quorum.epoch();
            let end = self.log.end_offset();
            let now_ms = step.now_ms();
            self.log.append_as_follower(&response.records, epoch, now_ms, step.out)?;
            // An observer that may become a voter forces, too: the leader may count it as one already (KIP-853).
            let is_candidate_of_voters =
                self.setup.config.can_become_voter && !self.setup.bugs.has(Bug::Kafka17332ForcedByVotersOnly);
            let forces = self.quorum.is_voter() || is_candidate_of_voters;
            if forces && !self.setup.bugs.has(Bug::Kafka10533AckBeforeFlush) {
                self.log.flush(step.out);
            }
            self.quorum.partition_state.update_state(&self.log)?;
            if self.log.end_offset() > end {
                self.answer_parked_fetches_lazily(step);
            }
        }
        match response.high_watermark {
            Some(high_watermark) => self.update_follower_high_watermark(high_watermark, step),
            None => Ok(()),
        }
    }

    pub(super) fn update_follower_high_watermark(&mut self, leaders: Offset, step: &mut Step<'_>) -> Result<(), Fatal> {
        let new = leaders.min(self.log.end_offset());
        let goes_back = self.setup.bugs.has(Bug::HighWatermarkGoesBack);
        let Some(follower) = self.quorum.follower_mut() else { return Ok(()) };
        match follower.high_watermark {
            Some(current) if new == current => return Ok(()),
            Some(current) if new < current && !goes_back => {
                throw!("the high watermark would go back from {current} to {new}")
            }
            _ => follower.high_watermark = Some(new),
        }
        self.log.update_high_watermark(new);
        self.observe_high_watermark(new, false, step);
        self.update_listeners(new, step)
    }
}
