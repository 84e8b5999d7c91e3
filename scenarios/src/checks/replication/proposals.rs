//! `ProposalNamesProcess` (KIP-903): a leader that proposes a replica for its ISR says of which process
//! of that broker it has heard; the controllers accept no other one. Without a name a late proposal
//! would add whatever the broker is by then.

use crate::checks::prelude::*;
use raft::ids::{BrokerEpoch, NodeId, TopicIdPartition};
use raft::message::ErrorCode;
use raft::message::cluster::{AlterPartitionItem, AlterPartitionResponse};

use super::partition::PartitionModel;

claim! {
    /// A leader that proposes a replica for its ISR names the process that has fetched.
    ProposalNamesProcess, Safety of Partition, "KIP-903: BrokerEpoch in AlterPartition";
    /// A leader gives up a proposal that it has sent only when the controller says that it was not carried out, or when
    /// the partition has changed.
    ProposalKeptUntilKnown, Safety of Partition, "KIP-497; Partition.handleAlterPartitionError";
}

/// The partitions of which an answer says that the proposal was not carried out.
pub fn refused(answer: &AlterPartitionResponse) -> Vec<TopicIdPartition> {
    let is_refused =
        |error: ErrorCode| matches!(error, ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted);
    answer.partitions.iter().filter(|result| is_refused(result.error)).map(|result| result.partition).collect()
}

/// A leader has given up a proposal that it has sent, and nobody has refused it.
pub fn given_up(partition: &PartitionModel, leader: NodeId, verdict: &mut Verdict) {
    verdict.fail(&ProposalKeptUntilKnown::CLAIM, || {
        format!(
            "partition {}: leader {leader} gives up its proposal, and whether that was carried out is unknown",
            partition.id
        )
    });
}

/// A leader proposes an ISR. Who is a member already need not have fetched from this leader.
pub fn proposed(partition: &PartitionModel, leader: NodeId, item: &AlterPartitionItem, verdict: &mut Verdict) {
    let Some(base) = partition.at(item.partition_epoch) else { return };
    let is_nameless = |broker: NodeId, epoch: BrokerEpoch| {
        epoch == BrokerEpoch::UNKNOWN && broker != leader && !base.isr.contains(&broker)
    };
    let nameless = item.new_isr_with_epochs.iter().find(|member| is_nameless(member.broker_id, member.broker_epoch));
    if let Some(member) = nameless {
        verdict.fail(&ProposalNamesProcess::CLAIM, || {
            format!(
                "partition {}: leader {leader} proposes broker {} for its ISR without its broker epoch",
                partition.id, member.broker_id
            )
        });
    }
}
