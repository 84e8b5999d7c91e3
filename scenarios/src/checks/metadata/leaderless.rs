//! `LeaderWhileCandidateActive`: after each committed batch, no partition is without a leader while a replica may lead it.
//!
//! Whatever makes a replica a candidate, or takes a leader away, writes the election in the same batch
//! (`ReplicationControlManager.generateLeaderAndIsrUpdates`, `PartitionChangeBuilder.electLeader`).

use crate::checks::prelude::*;
use raft::ids::NodeId;

use super::image::ReferenceImage;
use super::partition::ReferencePartition;

check! {
    /// No partition is without a leader while a member of its ISR or ELR is active.
    LeaderWhileCandidateActive, Safety of Metadata, "KIP-631, controller-broker.md §4.4: PartitionChangeBuilder.electLeader"
        => judge, Kinds::BATCH_COMMITTED;
}

fn judge(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let (Event::BatchCommitted { .. }, Some(cluster)) = (crossing.event, &models.cluster) else { return };
    let image = cluster.metadata().image();
    for (id, partition) in image.partitions.iter().filter(|(_, partition)| !partition.has_leader()) {
        if let Some(candidate) = candidate(partition, image) {
            verdict.fail(&LeaderWhileCandidateActive::CLAIM, || {
                let epoch = partition.partition_epoch;
                format!("partition {id} has no leader at partition epoch {epoch}; broker {candidate} of its ISR or ELR is active")
            });
        }
    }
}

fn candidate(partition: &ReferencePartition, image: &ReferenceImage) -> Option<NodeId> {
    let may_lead =
        |id: &NodeId| image.is_active(*id) && partition.directory(*id).is_some_and(|dir| image.is_online(*id, dir));
    partition.isr.iter().chain(partition.elr.iter()).copied().find(may_lead)
}
