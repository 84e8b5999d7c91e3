//! `ProposalNamesProcess` (KIP-903): a leader that proposes a replica for its ISR says of which process
//! of that broker has fetched; the controllers accept no other one. Without a name a late proposal
//! would add whatever the broker is by then.

use crate::checks::prelude::*;
use raft::ids::{BrokerEpoch, NodeId};
use raft::message::{ClusterRequest, Request};

check! {
    /// A leader that proposes a replica for its ISR names the process that has fetched.
    ProposalNamesProcess, Safety of Partition, "KIP-903: BrokerEpoch in AlterPartition"
        => judge, Kinds::REQUEST_SENT;
}

fn judge(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::RequestSent { request: Request::Cluster(ClusterRequest::AlterPartition(request)), .. } = crossing.event
    else {
        return;
    };
    let Some(cluster) = &models.cluster else { return };
    let (leader, partitions) = (models.servers[crossing.server].id, &cluster.replication().partitions);
    for item in request.partitions.iter() {
        let partition = partitions.known(item.partition.into());
        let Some(base) = partition.and_then(|partition| partition.at(item.partition_epoch)) else { continue };
        // A member need not have fetched from this leader.
        let is_nameless = |broker: NodeId, epoch: BrokerEpoch| {
            epoch == BrokerEpoch::UNKNOWN && broker != leader && !base.isr.contains(&broker)
        };
        let mut members = item.new_isr_with_epochs.iter();
        if let Some(member) = members.find(|member| is_nameless(member.broker_id, member.broker_epoch)) {
            verdict.fail(&ProposalNamesProcess::CLAIM, || {
                format!(
                    "partition {}: leader {leader} proposes broker {} for its ISR without its broker epoch",
                    item.partition, member.broker_id
                )
            });
        }
    }
}
