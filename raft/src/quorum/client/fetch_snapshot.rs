//! FetchSnapshot: the leader's side, and the download of a snapshot by a follower (consensus.md §3.7, KIP-630).

use std::rc::Rc;

use super::RaftClient;
use crate::ids::OffsetAndEpoch;
use crate::io::{Observation, Probe};
use crate::message::{ErrorCode, FetchSnapshotRequest, FetchSnapshotResponse, Request, UnalignedRecords};
use crate::snapshot::{BOOTSTRAP_SNAPSHOT_ID, RawSnapshotWriter};
use crate::step::{Fatal, Step, throw};

impl RaftClient {
    /// The next chunk, or an error: the bootstrap snapshot is not served, as the first leader has written its content into
    /// the log.
    pub(super) fn handle_fetch_snapshot_request(
        &mut self,
        request: &FetchSnapshotRequest,
        step: &mut Step<'_>,
    ) -> FetchSnapshotResponse {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            let top_error = ErrorCode::InconsistentClusterId;
            return FetchSnapshotResponse { top_error, ..FetchSnapshotResponse::default() };
        }
        let current_leader = self.current_leader();
        let id = request.snapshot_id;
        let chunk = match self.leader_only_error(request.current_leader_epoch) {
            Some(error) => {
                if error == ErrorCode::FencedLeaderEpoch {
                    step.out.probe(Probe::FencedRequest);
                }
                Err(error)
            }
            None => self.chunk(id, request.position, request.max_bytes),
        };
        let (size, records) = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return FetchSnapshotResponse { error, current_leader, ..FetchSnapshotResponse::default() },
        };
        let now_ms = step.now_ms();
        if let Some(leader) = self.quorum.leader_mut() {
            leader.update_check_quorum(request.replica_key(), now_ms);
        }
        FetchSnapshotResponse {
            top_error: ErrorCode::None,
            error: ErrorCode::None,
            current_leader,
            snapshot_id: id,
            size,
            position: request.position,
            unaligned_records: UnalignedRecords(records),
        }
    }

    /// The size of a snapshot, and its bytes from a position on.
    fn chunk(&self, id: OffsetAndEpoch, position: i64, max_bytes: i32) -> Result<(i64, Rc<[u8]>), ErrorCode> {
        let bytes = self.log.snapshot(id).filter(|_| id != BOOTSTRAP_SNAPSHOT_ID).ok_or(ErrorCode::SnapshotNotFound)?;
        let from = usize::try_from(position).ok().and_then(|position| bytes.get(position..));
        let from = from.filter(|from| !from.is_empty()).ok_or(ErrorCode::PositionOutOfRange)?;
        let to = from.len().min(usize::try_from(max_bytes).unwrap_or(0));
        Ok((bytes.len() as i64, from[..to].into()))
    }

    /// Of the snapshot that is being downloaded, or `None`: a Fetch is sent.
    pub(super) fn fetch_snapshot_request(&self) -> Option<Request> {
        let download = self.quorum.follower().and_then(|follower| follower.fetching_snapshot.as_ref())?;
        let local = self.quorum.local();
        Some(Request::FetchSnapshot(FetchSnapshotRequest {
            cluster_id: Some(Rc::clone(&self.setup.cluster_id)),
            replica_id: local.id,
            replica_directory_id: local.directory_id,
            max_bytes: self.setup.config.fetch_snapshot_max_bytes,
            current_leader_epoch: self.quorum.epoch(),
            snapshot_id: download.id(),
            position: download.size_bytes() as i64,
        }))
    }

    /// A Fetch was answered with the id of a snapshot, which is not compared with the log: it is expected to be ahead of it.
    /// One that is being downloaded is given up. If the snapshot is there already, nothing is downloaded.
    pub(super) fn begin_download(&mut self, id: OffsetAndEpoch, step: &mut Step<'_>) {
        let begun = self.log.create_new_snapshot_unchecked(id, step.out);
        self.set_fetching_snapshot(begun, step);
    }

    fn set_fetching_snapshot(&mut self, new: Option<RawSnapshotWriter>, step: &mut Step<'_>) {
        let Some(follower) = self.quorum.follower_mut() else { return };
        if let Some(given_up) = std::mem::replace(&mut follower.fetching_snapshot, new) {
            given_up.close(step.out);
        }
    }

    pub(super) fn handle_fetch_snapshot_response(
        &mut self,
        response: &FetchSnapshotResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        if response.top_error != ErrorCode::None {
            return Ok(false);
        }
        if let Some(handled) = self.maybe_handle_common_response(response.error, &response.current_leader, step)? {
            return Ok(handled);
        }
        if !self.quorum.is_follower() {
            throw!("a FetchSnapshot was answered, and this replica is {}", self.quorum.role());
        }
        match response.error {
            ErrorCode::None => self.append_chunk(response, step)?,
            // The leader has deleted it: a Fetch will name another one.
            ErrorCode::SnapshotNotFound => {
                step.out.probe(Probe::SnapshotNotFound);
                self.set_fetching_snapshot(None, step);
            }
            _ => return Ok(false),
        }
        let fetch_timeout_ms = i64::from(self.setup.config.fetch_timeout_ms);
        if let Some(follower) = self.quorum.follower_mut() {
            follower.reset_fetch_timeout(step.now_ms(), fetch_timeout_ms);
        }
        Ok(true)
    }

    /// A chunk of the snapshot that is being downloaded. The last one completes it, and it replaces the log, which makes its
    /// end the high watermark (D10, D12).
    fn append_chunk(&mut self, response: &FetchSnapshotResponse, step: &mut Step<'_>) -> Result<(), Fatal> {
        let id = response.snapshot_id;
        let Some(mut download) = self.quorum.follower_mut().and_then(|follower| follower.fetching_snapshot.take())
        else {
            throw!("FetchSnapshot was answered, and no snapshot is being fetched");
        };
        if download.id() != id {
            throw!("FetchSnapshot of {:?} was answered with a chunk of {id:?}", download.id());
        }
        if download.size_bytes() as i64 != response.position {
            let (has, position) = (download.size_bytes(), response.position);
            throw!("FetchSnapshot was answered with the chunk at byte {position}, and {has} bytes are there");
        }
        download.append(Rc::clone(&response.unaligned_records.0), step.out);
        if download.size_bytes() as i64 != response.size {
            self.set_fetching_snapshot(Some(download), step);
            return Ok(());
        }
        self.log.freeze_snapshot(download, step.out);
        let before = self.log.end_offset();
        if !self.log.truncate_to_latest_snapshot(step.now, step.out) {
            throw!("the snapshot {id:?} is complete, and the log, which ends at {before}, is not behind it");
        }
        self.quorum.partition_state.on_log_replaced(&self.log)?;
        step.out.observe(Observation::SnapshotInstalled { end: id.offset });
        self.update_follower_high_watermark(self.log.high_watermark(), step)
    }
}
