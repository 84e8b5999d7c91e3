//! The audit: what a node holds, what crossed its border and what lies on its disk are one story.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{DurableFiles, PartitionShown, Role, Visitor};
use raft::log::{Batch, Records};
use std::rc::Rc;

use super::invariant::snapshots;
use super::second_reader;
use super::server_model::ServerModel;
use super::server_model::ledger::Ledger;
use super::server_model::state_files::Election;

claim! {
    /// The node's report, the model built from its messages and disk operations, and its disk agree; another reader of
    /// Kafka's format reads its newest batches alike.
    GhostMismatch, Audit of Server, "the audit: node, model and disk";
}

/// What a node shows a visitor.
#[derive(Clone, Debug, Default)]
pub struct NodeView {
    election: Option<(LeaderEpoch, NodeId, NodeId, Role)>,
    log: Option<(Offset, Offset, Option<Offset>)>,
    last_batch: Option<(usize, Rc<Batch>)>,
    /// Data replicas.
    pub partitions: Vec<PartitionShown>,
}

impl Visitor for NodeView {
    fn election(&mut self, epoch: LeaderEpoch, leader: NodeId, voted: NodeId, role: Role) {
        self.election = Some((epoch, leader, voted, role));
    }

    fn log(&mut self, start: Offset, end: Offset, high_watermark: Option<Offset>) {
        self.log = Some((start, end, high_watermark));
    }

    fn batches(&mut self, records: &Records) {
        self.last_batch = records.0.last().map(|batch| (records.0.len(), Rc::clone(batch)));
    }

    fn partition(&mut self, shown: &PartitionShown) {
        self.partitions.push(shown.clone());
    }
}

/// Compares. `settled`: no effect of the node is pending; else its memory may be ahead of its disk.
pub fn audit(
    server: &ServerModel,
    settled: bool,
    node: &NodeView,
    disk: Option<&dyn DurableFiles>,
    ledger: &mut Ledger,
    verdict: &mut Verdict,
) {
    if let (true, Some((start, ..))) = (settled, node.log) {
        snapshots::starts_at_snapshot(server, start, verdict);
    }
    let difference = ahead_of_itself(server, node)
        .or_else(|| if settled { differs(server, node, ledger) } else { None })
        .or_else(|| server.differs_from_disk(disk?, ledger))
        .or_else(|| disk.and_then(|_| second_reader::differs(&node.last_batch.as_ref()?.1)));
    if let Some(difference) = difference {
        verdict.fail(&GhostMismatch::CLAIM, || format!("node {}: {difference}", server.id));
    }
}

/// Holds at any time.
fn ahead_of_itself(server: &ServerModel, node: &NodeView) -> Option<String> {
    let (epoch, ..) = node.election?;
    let written = server.written_election.unwrap_or_default();
    if epoch < written.epoch {
        return Some(format!("it is in epoch {epoch}; quorum-state contains {}", written.epoch));
    }
    let (start, end, high_watermark) = node.log?;
    let high_watermark = high_watermark.unwrap_or(start);
    (start > end || high_watermark > end)
        .then(|| format!("its log starts at {start}, ends at {end} and has high watermark {high_watermark}"))
}

/// Holds when nothing is pending.
fn differs(server: &ServerModel, node: &NodeView, ledger: &Ledger) -> Option<String> {
    if let Some((epoch, leader, voted, role)) = node.election
        && let Some(written) = server.written_election
        && (epoch, leader.known(), voted.known()) != (written.epoch, written.leader, written.voted)
    {
        return Some(format!(
            "its role is {role} with {}; quorum-state contains {written}",
            Election { epoch, leader: leader.known(), voted: voted.known(), voted_directory: None }
        ));
    }
    let (_, end, high_watermark) = node.log?;
    if let (Some(said), Some(held)) = (server.high_watermark, high_watermark)
        && held < said.offset
    {
        return Some(format!("its high watermark is {held}, it said {}", said.offset));
    }
    let last = node.last_batch.as_ref();
    let count = last.map_or(0, |(count, _)| *count);
    server.log.differs_from_shown(end, count, last.map(|(_, last)| &**last), ledger)
}
