//! One 64-bit identity per message, computed once when it is sent.

use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::Canonical;
use super::{CurrentLeader, Request, Response};
use crate::ids::{NodeId, Offset, Uuid};
use crate::log::Records;

impl Request {
    /// 64-bit identity, correlation id included.
    pub fn content_hash(&self, correlation_id: i32) -> u64 {
        let mut h = CanonicalHasher::default();
        h.i32(correlation_id);
        match self {
            Request::Vote(r) => {
                h.u8(1).optional_text(r.cluster_id.as_deref()).i32(r.voter_id.0).optional_uuid(r.voter_directory_id);
                h.i32(r.replica_epoch.0).i32(r.replica_id.0).optional_uuid(r.replica_directory_id);
                h.i32(r.last_offset_epoch.0).i64(r.last_offset.0).u8(u8::from(r.pre_vote));
            }
            Request::BeginQuorumEpoch(r) => {
                h.u8(2).optional_text(r.cluster_id.as_deref()).i32(r.voter_id.0).optional_uuid(r.voter_directory_id);
                h.i32(r.leader_id.0).i32(r.leader_epoch.0).u64(r.leader_endpoints.len() as u64);
                for endpoint in r.leader_endpoints.iter() {
                    h.bytes(endpoint.host.as_bytes()).u64(u64::from(endpoint.port));
                }
            }
            Request::EndQuorumEpoch(r) => {
                h.u8(3).optional_text(r.cluster_id.as_deref()).i32(r.leader_id.0).i32(r.leader_epoch.0);
                h.u64(r.preferred_candidates.len() as u64);
                for candidate in r.preferred_candidates.iter() {
                    h.i32(candidate.id.0).optional_uuid(candidate.directory_id);
                }
                for endpoint in r.leader_endpoints.iter() {
                    h.bytes(endpoint.host.as_bytes()).u64(u64::from(endpoint.port));
                }
            }
            Request::Fetch(r) => {
                h.u8(4)
                    .optional_text(r.cluster_id.as_deref())
                    .i32(r.replica_id.0)
                    .optional_uuid(r.replica_directory_id);
                h.optional_uuid(Some(r.topic_id)).i32(r.max_wait_ms).i32(r.max_bytes).i32(r.current_leader_epoch.0);
                h.i64(r.fetch_offset.0).i32(r.last_fetched_epoch.0).optional_offset(r.high_watermark);
            }
            Request::AppendRecords(r) => {
                h.u8(5).u64(r.values.len() as u64);
                for value in &r.values {
                    h.u64(*value);
                }
            }
            Request::ReadRecords(r) => {
                h.u8(6).i64(r.from.0).u64(u64::from(r.max_records));
            }
            Request::Data(r) => r.walk(h.u8(7)),
            Request::Cluster(r) => r.walk(h.u8(8)),
            Request::Admin(r) => r.walk(h.u8(9)),
            Request::Envelope(r) => r.walk(h.u8(10)),
            Request::UpdateRaftVoter(r) => r.walk(h.u8(21)),
            Request::ApiVersions(r) => r.walk(h.u8(22)),
            Request::FetchSnapshot(r) => r.walk(h.u8(27)),
            Request::AddRaftVoter(r) => r.walk(h.u8(29)),
            Request::RemoveRaftVoter(r) => r.walk(h.u8(30)),
            Request::DescribeQuorum(r) => r.walk(h.u8(33)),
            // Not `meant_for`: see there.
            Request::DiscoverVersions(r) => {
                h.u8(25).u8(r.listener as u8);
            }
        }
        h.finish()
    }
}

impl Response {
    /// 64-bit identity, correlation id included.
    pub fn content_hash(&self, correlation_id: i32) -> u64 {
        let mut h = CanonicalHasher::default();
        h.i32(correlation_id);
        match self {
            Response::Vote(r) => {
                h.u8(11).i32(r.top_error as i32).i32(r.error as i32).current_leader(&r.current_leader);
                h.u8(u8::from(r.vote_granted));
            }
            Response::BeginQuorumEpoch(r) => {
                h.u8(12).i32(r.top_error as i32).i32(r.error as i32).current_leader(&r.current_leader);
            }
            Response::EndQuorumEpoch(r) => {
                h.u8(13).i32(r.top_error as i32).i32(r.error as i32).current_leader(&r.current_leader);
            }
            Response::Fetch(r) => {
                h.u8(14).i32(r.top_error as i32).i32(r.error as i32).current_leader(&r.current_leader);
                h.records(&r.records).i64(r.log_start_offset.0).optional_offset(r.high_watermark);
                let diverging = r.diverging_epoch.as_ref().map_or((-1, -1), |d| (d.epoch.0, d.offset.0));
                h.i32(diverging.0).i64(diverging.1);
                if let Some(id) = &r.snapshot_id {
                    id.walk(&mut h);
                }
            }
            Response::AppendRecords(r) => {
                h.u8(15).i32(r.error as i32).u8(u8::from(r.accepted)).i64(r.base_offset.0);
                h.optional_node(r.leader_id).i32(r.leader_epoch.0);
            }
            Response::ReadRecords(r) => {
                h.u8(16).i32(r.error as i32).i64(r.applied_end.0).u64(r.records.len() as u64);
                for (offset, value) in &r.records {
                    h.i64(offset.0).u64(*value);
                }
            }
            Response::Data(r) => r.walk(h.u8(17)),
            Response::Cluster(r) => r.walk(h.u8(18)),
            Response::Admin(r) => r.walk(h.u8(19)),
            Response::Envelope(r) => r.walk(h.u8(20)),
            Response::UpdateRaftVoter(r) => r.walk(h.u8(23)),
            Response::ApiVersions(r) => r.walk(h.u8(24)),
            Response::FetchSnapshot(r) => r.walk(h.u8(28)),
            Response::AddRaftVoter(r) => r.walk(h.u8(31)),
            Response::RemoveRaftVoter(r) => r.walk(h.u8(32)),
            Response::DescribeQuorum(r) => r.walk(h.u8(34)),
            Response::DiscoverVersions => {
                h.u8(26);
            }
        }
        h.finish()
    }
}

impl CanonicalHasher {
    fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.u8(0),
            Some(text) => self.u8(1).bytes(text.as_bytes()),
        }
    }
    fn optional_node(&mut self, node: Option<NodeId>) -> &mut Self {
        self.i32(node.map_or(-1, |n| n.0))
    }
    fn optional_uuid(&mut self, uuid: Option<Uuid>) -> &mut Self {
        let bits = u128::from_le_bytes(uuid.unwrap_or(Uuid::ZERO).0);
        self.u64(bits as u64).u64((bits >> 64) as u64)
    }
    fn optional_offset(&mut self, offset: Option<Offset>) -> &mut Self {
        self.i64(offset.map_or(-1, |o| o.0))
    }
    fn current_leader(&mut self, current: &CurrentLeader) -> &mut Self {
        self.optional_node(current.leader_id).i32(current.leader_epoch.0);
        let endpoints = current.endpoints.as_deref().unwrap_or(&[]);
        self.u64(endpoints.len() as u64);
        for endpoint in endpoints {
            self.bytes(endpoint.host.as_bytes()).u64(u64::from(endpoint.port));
        }
        self
    }
    fn records(&mut self, records: &Records) -> &mut Self {
        self.u64(records.0.len() as u64);
        for batch in &records.0 {
            self.u64(batch.hash);
        }
        self
    }
}
