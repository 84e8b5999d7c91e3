//! Handling of Fetch requests: validated, then answered or parked until there is new data (consensus.md §3.6, KIP-595,
//! KIP-1166).

use std::cmp::Ordering;

use super::fetch_purgatory::ParkedFetch;
use super::{NS_PER_MS, RaftClient};
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use crate::io::{Connection, DialogueEntry, Effect, Probe};
use crate::log::{Records, Validation};
use crate::message::{ErrorCode, FetchRequest, FetchResponse, Response};
use crate::snapshot::BOOTSTRAP_SNAPSHOT_ID;
use crate::step::{Fatal, Step, throw};

pub(super) fn respond(connection: Connection, correlation_id: i32, response: FetchResponse, step: &mut Step<'_>) {
    let response = Response::Fetch(response);
    step.out.push(Effect::SendResponse { connection, correlation_id, response });
}

impl RaftClient {
    pub(super) fn handle_fetch_request(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: FetchRequest,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if let Some(top_error) = self.fetch_top_error(&request) {
            let response = FetchResponse { top_error, ..FetchResponse::default() };
            respond(connection, correlation_id, response, step);
            return Ok(());
        }
        let malformed = request.max_wait_ms < 0
            || request.fetch_offset.0 < 0
            || request.last_fetched_epoch.0 < 0
            || request.last_fetched_epoch > request.current_leader_epoch;
        if malformed {
            let response = self.empty_fetch_response(ErrorCode::InvalidRequest);
            respond(connection, correlation_id, response, step);
            return Ok(());
        }
        let response = self.try_complete_fetch(&request, step)?;
        let says_something = response.error != ErrorCode::None
            || !response.records.0.is_empty()
            || response.diverging_epoch.is_some()
            || response.snapshot_id.is_some()
            // KIP-1166: the follower does not know this high watermark yet.
            || request.high_watermark < response.high_watermark;
        if says_something || request.max_wait_ms == 0 {
            respond(connection, correlation_id, response, step);
            return Ok(());
        }
        let wait_ns = u64::try_from(request.max_wait_ms).unwrap_or(0) * NS_PER_MS;
        let deadline_mono_ns = step.now.mono_ns.saturating_add(wait_ns);
        self.parked.park(ParkedFetch { connection, correlation_id, deadline_mono_ns, request, response });
        Ok(())
    }

    fn fetch_top_error(&self, request: &FetchRequest) -> Option<ErrorCode> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            Some(ErrorCode::InconsistentClusterId)
        } else if request.topic_id != Uuid::METADATA_TOPIC_ID {
            Some(ErrorCode::InvalidRequest)
        } else {
            None
        }
    }

    /// An answer with only the epoch, the leader and an error.
    pub(super) fn empty_fetch_response(&self, error: ErrorCode) -> FetchResponse {
        FetchResponse {
            error,
            current_leader: self.current_leader(),
            records: Records::default(),
            log_start_offset: self.log.start_offset(),
            high_watermark: self
                .quorum
                .leader()
                .filter(|_| error == ErrorCode::None)
                .and_then(|leader| leader.high_watermark)
                .map(|high_watermark| high_watermark.offset),
            ..FetchResponse::default()
        }
    }

    /// Checks leadership, validates the offset against the log, and updates the replica's state.
    fn try_complete_fetch(&mut self, request: &FetchRequest, step: &mut Step<'_>) -> Result<FetchResponse, Fatal> {
        if let Some(error) = self.leader_only_error(request.current_leader_epoch) {
            if error == ErrorCode::FencedLeaderEpoch {
                step.out.probe(Probe::FencedRequest);
            }
            if self.quorum.is_leader() && self.setup.bugs.has(Bug::NoEpochCheckOnFetch) {
                let offset = request.fetch_offset.min(self.log.end_offset());
                self.credit_fetch(request.replica_key(), offset, step)?;
            }
            return Ok(self.empty_fetch_response(error));
        }
        match self.validate(request) {
            Validation::Valid => {}
            Validation::Diverging(diverging) => {
                step.out.probe(Probe::DivergingFetch);
                if self.setup.bugs.has(Bug::DivergingFetchCredited) {
                    self.credit_fetch(request.replica_key(), request.fetch_offset, step)?;
                }
                let response = self.empty_fetch_response(ErrorCode::None);
                return Ok(FetchResponse { diverging_epoch: Some(Box::new(diverging)), ..response });
            }
            Validation::Snapshot(id) => {
                let response = self.empty_fetch_response(ErrorCode::None);
                return Ok(FetchResponse { snapshot_id: Some(Box::new(id)), ..response });
            }
        }
        let is_refused = self.setup.bugs.has(Bug::FetchOfObserverRefused) && {
            let voters = self.quorum.voters();
            voters.nodes().iter().any(|voter| voter.directory_id.is_some()) && !voters.is_voter(request.replica_key())
        };
        if is_refused {
            return Ok(self.empty_fetch_response(ErrorCode::UnknownServerError));
        }
        if request.replica_id == self.quorum.local().id {
            return Ok(self.empty_fetch_response(ErrorCode::UnknownServerError));
        }
        let max_bytes = u32::try_from(request.max_bytes).unwrap_or(0);
        let (records, cut_batch) = self.log.read_slice(request.fetch_offset, self.log.end_offset(), max_bytes);
        self.credit_fetch(request.replica_key(), request.fetch_offset, step)?;
        let response = self.empty_fetch_response(ErrorCode::None);
        Ok(FetchResponse { records, cut_batch: cut_batch.map(Box::new), ..response })
    }

    /// Kafka's `validateLeaderOnlyRequest`.
    pub(super) fn leader_only_error(&self, epoch: LeaderEpoch) -> Option<ErrorCode> {
        match epoch.cmp(&self.quorum.epoch()) {
            Ordering::Less => Some(ErrorCode::FencedLeaderEpoch),
            Ordering::Greater => Some(ErrorCode::UnknownLeaderEpoch),
            Ordering::Equal if !self.quorum.is_leader() => Some(ErrorCode::NotLeaderOrFollower),
            Ordering::Equal if self.shutdown.is_some() => Some(ErrorCode::BrokerNotAvailable),
            Ordering::Equal => None,
        }
    }

    /// Whether the log can be read from the offset of a Fetch. From 0 it is not, if there is a snapshot other than that of
    /// the bootstrap: that is downloaded faster.
    fn validate(&self, request: &FetchRequest) -> Validation {
        let latest = self.log.latest_snapshot_id().filter(|id| *id != BOOTSTRAP_SNAPSHOT_ID);
        if let Some(latest) = latest.filter(|_| request.fetch_offset == Offset(0)) {
            return Validation::Snapshot(latest);
        }
        let ignores = self.setup.bugs.has(Bug::NoDivergenceCheck) && request.fetch_offset <= self.log.end_offset();
        match self.log.validate_offset_and_epoch(request.fetch_offset, request.last_fetched_epoch) {
            Validation::Diverging(_) if self.setup.bugs.has(Bug::WrongDivergenceAnswerOfQuorum) => {
                let offset = self.log.end_offset();
                Validation::Diverging(OffsetAndEpoch { offset, epoch: request.last_fetched_epoch })
            }
            Validation::Diverging(_) if ignores => Validation::Valid,
            validation => validation,
        }
    }

    /// A fetch offset acknowledges that the voter holds all records below it, durably; an anonymous one is ignored.
    fn credit_fetch(&mut self, replica: ReplicaKey, offset: Offset, step: &mut Step<'_>) -> Result<(), Fatal> {
        let now_ms = step.now_ms();
        let local = self.quorum.local().id;
        let Some(leader) = self.quorum.leader_mut().filter(|_| replica.id.0 >= 0 && replica.id != local) else {
            return Ok(());
        };
        let credit = leader.update_replica_state(replica, now_ms, self.log.offset_metadata(offset));
        if let Some(before) = credit.moved_back_from {
            step.out.probe(Probe::NonMonotonicFetch);
            // R25, KAFKA-12181: the wrong code treats it as a violation of the protocol.
            if self.setup.bugs.has(Bug::Kafka12181FetchOffsetBackwardFatal) {
                throw!("the fetch offset of replica {} went back from {before} to {offset}", replica.id);
            }
        }
        if credit.high_watermark_updated {
            self.on_update_leader_high_watermark(step)?;
        }
        Ok(())
    }

    /// The log or the high watermark has changed: every parked fetch is retried and answered in any case. One that moves
    /// the high watermark completes the others before itself.
    pub(super) fn complete_parked_fetches(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        while let Some(fetch) = self.parked.take_first() {
            let response = self.try_complete_fetch(&fetch.request, step)?;
            respond(fetch.connection, fetch.correlation_id, response, step);
        }
        Ok(())
    }

    /// `MaxWaitMs` is over: the answer is the one of the time it was parked.
    pub(super) fn expire_parked_fetches(&mut self, step: &mut Step<'_>) {
        while let Some(fetch) = self.parked.take_expired(step.now.mono_ns) {
            let (connection, correlation_id) = (fetch.connection, fetch.correlation_id);
            step.out.record(|| DialogueEntry::Expired { connection, correlation_id });
            let response = self.as_of_parking(fetch.request.fetch_offset, fetch.request.max_bytes, fetch.response);
            respond(fetch.connection, fetch.correlation_id, response, step);
        }
    }

    /// R21, KAFKA-18723: the wrong code reads the bytes of an answer when it is written, from a
    /// log that may have been cut and rewritten since, under the epoch of before.
    pub(super) fn answer_parked_fetches_lazily(&mut self, step: &mut Step<'_>) {
        if !self.setup.bugs.has(Bug::Kafka18723StaleFetchAppended) {
            return;
        }
        let end = self.log.end_offset();
        while let Some(fetch) = self.parked.parked.pop_front_if(|fetch| fetch.request.fetch_offset < end) {
            let response = self.as_of_parking(fetch.request.fetch_offset, fetch.request.max_bytes, fetch.response);
            respond(fetch.connection, fetch.correlation_id, response, step);
        }
    }

    fn as_of_parking(&self, from: Offset, max_bytes: i32, response: FetchResponse) -> FetchResponse {
        if !self.setup.bugs.has(Bug::Kafka18723StaleFetchAppended) || self.quorum.is_leader() {
            return response;
        }
        let max_bytes = u32::try_from(max_bytes).unwrap_or(0);
        let mut records = self.log.read(from, self.log.end_offset(), max_bytes);
        // A file slice starts at a byte position; a batch that straddles it is not sent.
        records.0.retain(|batch| batch.base_offset >= from);
        FetchResponse { records, ..response }
    }
}
