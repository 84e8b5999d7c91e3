//! ListOffsets and OffsetForLeaderEpoch (controller-broker.md §6.3, §6.7).

use super::ReplicaManager;
use super::delayed::respond;
use crate::broker::dialogue::PartitionCall;
use crate::broker::view::ClusterView;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::io::Connection;
use crate::message::data::{
    EpochEndOffset, ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
};
use crate::message::{DataResponse, ErrorCode};
use crate::step::Step;

/// `ListOffsetsRequest.LATEST_TIMESTAMP`
const LATEST: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`
const EARLIEST: i64 = -2;

impl ReplicaManager {
    /// Latest and earliest only; a search by timestamp returns an unsupported error.
    pub fn list_offsets(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: &ListOffsetsRequest,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut partitions = Vec::with_capacity(request.partitions.len());
        for requested in request.partitions.iter() {
            let found = self.list_offset(request.replica_id, requested, view, step.now.wall_ms);
            let (replica_id, result) = (request.replica_id, found);
            let call = || PartitionCall::FetchOffset { replica_id, requested: requested.clone(), result };
            self.record(requested.partition, call, step.out);
            let (error, (offset, leader_epoch)) = match found {
                Ok(found) => (ErrorCode::None, found),
                Err(error) => (error, (Offset(-1), LeaderEpoch(-1))),
            };
            partitions.push(ListOffsetsPartitionResponse {
                partition: requested.partition,
                error,
                offset,
                leader_epoch,
            });
        }
        let response = ListOffsetsResponse { partitions: partitions.into() };
        respond(connection, correlation_id, DataResponse::ListOffsets(response), step);
    }

    fn list_offset(
        &mut self,
        replica_id: NodeId,
        requested: &ListOffsetsPartition,
        view: &dyn ClusterView,
        now_ms: i64,
    ) -> Result<(Offset, LeaderEpoch), ErrorCode> {
        let (partition, _) = self.locate(requested.partition, view, now_ms)?;
        partition.check_access(requested.current_leader_epoch, true)?;
        let log = partition.log();
        match requested.timestamp {
            LATEST if replica_id.known().is_some() => Ok((log.end_offset(), partition.leader_epoch())),
            LATEST => {
                // Records may be committed beyond the known high watermark: the offset must not appear to decrease.
                let known = partition.leader_epoch_start().is_some_and(|start| log.high_watermark() >= start);
                let found = (log.high_watermark(), partition.leader_epoch());
                if known { Ok(found) } else { Err(ErrorCode::OffsetNotAvailable) }
            }
            EARLIEST => Ok((log.start_offset(), log.earliest_epoch().unwrap_or(LeaderEpoch(-1)))),
            _ => Err(ErrorCode::UnsupportedVersion),
        }
    }

    /// Where epochs end in this leader's log.
    pub fn offset_for_leader_epoch(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: &OffsetForLeaderEpochRequest,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut partitions = Vec::with_capacity(request.partitions.len());
        for requested in request.partitions.iter() {
            partitions.push(self.epoch_end(requested, view, step));
        }
        let response = OffsetForLeaderEpochResponse { partitions: partitions.into() };
        respond(connection, correlation_id, DataResponse::OffsetForLeaderEpoch(response), step);
    }

    fn epoch_end(
        &mut self,
        requested: &OffsetForLeaderPartition,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) -> EpochEndOffset {
        let found = self.locate(requested.partition, view, step.now.wall_ms).and_then(|(partition, _)| {
            partition.check_access(requested.current_leader_epoch, true)?;
            Ok(partition.log().end_offset_for(requested.leader_epoch))
        });
        let call = || PartitionCall::LastOffset { requested: requested.clone(), result: found };
        self.record(requested.partition, call, step.out);
        let undefined = (LeaderEpoch(-1), Offset(-1));
        let (error, (leader_epoch, end_offset)) = match found {
            Ok(end) => (ErrorCode::None, end.map_or(undefined, |end| (end.epoch, end.offset))),
            Err(error) => (error, undefined),
        };
        EpochEndOffset { partition: requested.partition, error, leader_epoch, end_offset }
    }
}
