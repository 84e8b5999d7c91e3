//! `ProposalNamesProcess` (KIP-903): a leader that proposes a replica for its ISR says of which process
//! of that broker it has heard; the controllers accept no other one. Without a name a late proposal
//! would add whatever the broker is by then.

use crate::checks::claim::Claimed;
use crate::checks::claim::claim;
use raft::ids::{BrokerEpoch, NodeId};
use raft::message::cluster::AlterPartitionItem;

use super::partition::PartitionModel;
use crate::checks::verdict::Verdict;

claim! {
    /// A leader that proposes a replica for its ISR names the process that has fetched.
    ProposalNamesProcess, Safety of Partition, "KIP-903: BrokerEpoch in AlterPartition";
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
