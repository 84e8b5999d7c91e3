//! `OtherClusterRefused`: a server of another cluster gets no answer but a refusal.

use raft::config::CLUSTER_ID;
use raft::message::{ErrorCode, Request, Response};

use crate::checks::event::Rpc;
use crate::checks::prelude::*;

claim! {
    /// A controller answers a request of raft that states another cluster id with INCONSISTENT_CLUSTER_ID.
    OtherClusterRefused by OtherClusters, Safety of Server, "KafkaRaftClient.hasValidClusterId";
}

/// All servers.
#[derive(Clone, Debug)]
pub struct OtherClusters {
    /// A server is of another cluster.
    has_other: bool,
    /// Requests with another cluster id than that of the server which has received them.
    pending: Vec<(usize, Rpc)>,
}

impl Check for OtherClusters {
    const EVENTS: Kinds = Kinds::DATA
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::HUNG_UP)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> OtherClusters {
        OtherClusters { has_other: !config.other_cluster.is_empty(), pending: Vec::new() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        if !self.has_other {
            return;
        }
        let server = crossing.server;
        match crossing.event {
            Event::RequestReceived { rpc, request } => {
                let belongs = models.servers[server].belongs;
                if cluster_id(request).is_some_and(|id| (id == CLUSTER_ID) != belongs) {
                    self.pending.push((server, rpc));
                }
            }
            Event::ResponseSent { rpc, response, .. } | Event::ResponseUnheard { rpc, response } => {
                let Some(place) = self.pending.iter().position(|pending| *pending == (server, rpc)) else { return };
                self.pending.swap_remove(place);
                let error = error(response);
                if error != Some(ErrorCode::InconsistentClusterId) {
                    let id = models.servers[server].id;
                    verdict.fail(&OtherClusters::CLAIM, || {
                        format!("node {id} answers a request of another cluster with {error:?} instead of a refusal")
                    });
                }
            }
            Event::HungUp { connection } => self.pending.retain(|(_, rpc)| rpc.connection != connection),
            Event::Down { .. } => self.pending.retain(|(of, _)| *of != server),
            _ => {}
        }
    }
}

/// What a request of raft states.
fn cluster_id(request: &Request) -> Option<&str> {
    match request {
        Request::Vote(request) => request.cluster_id.as_deref(),
        Request::BeginQuorumEpoch(request) => request.cluster_id.as_deref(),
        Request::EndQuorumEpoch(request) => request.cluster_id.as_deref(),
        Request::Fetch(request) => request.cluster_id.as_deref(),
        Request::FetchSnapshot(request) => request.cluster_id.as_deref(),
        Request::UpdateRaftVoter(request) => request.cluster_id.as_deref(),
        Request::AddRaftVoter(request) => request.cluster_id.as_deref(),
        Request::RemoveRaftVoter(request) => request.cluster_id.as_deref(),
        Request::ApiVersions(_)
        | Request::DescribeQuorum(_)
        | Request::DiscoverVersions(_)
        | Request::AppendRecords(_)
        | Request::ReadRecords(_)
        | Request::Data(_)
        | Request::Cluster(_)
        | Request::Admin(_)
        | Request::Envelope(_) => None,
    }
}

/// Of the whole answer.
fn error(response: &Response) -> Option<ErrorCode> {
    Some(match response {
        Response::Vote(response) => response.top_error,
        Response::BeginQuorumEpoch(response) | Response::EndQuorumEpoch(response) => response.top_error,
        Response::Fetch(response) => response.top_error,
        Response::FetchSnapshot(response) => response.top_error,
        Response::UpdateRaftVoter(response) => response.error,
        Response::AddRaftVoter(response) => response.error,
        Response::RemoveRaftVoter(response) => response.error,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
