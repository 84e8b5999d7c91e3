//! `DemotionObeyed`: a broker that has published an image by which it leads a partition no longer, or in
//! a newer leader epoch, has given up the old role by its next input (controller-broker.md §5.5).

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, Offset};

use super::partition::PartitionModel;

claim! {
    /// A broker gives up a leadership as soon as it has published metadata that names another leader.
    DemotionObeyed, Safety of Partition, "controller-broker.md §5.5: roles follow the image; KAFKA-14296";
}

#[derive(Clone, Copy, Debug)]
struct Demotion {
    server: usize,
    /// Index of the partition.
    partition: usize,
    /// Images from here on say so.
    offset: Offset,
    /// The leader epoch that ends the role.
    epoch: LeaderEpoch,
}

/// Roles that committed metadata has ended, and whose brokers have yet to hear of it.
#[derive(Clone, Debug, Default)]
pub struct Demotions {
    pending: Vec<Demotion>,
}

impl Demotions {
    /// A partition has a new leader epoch, in images from `offset` on.
    pub fn committed(&mut self, index: usize, partition: &PartitionModel, epoch: LeaderEpoch, offset: Offset) {
        for (server, replica) in partition.replicas.iter().enumerate() {
            if replica.leads.as_ref().is_some_and(|leads| leads.epoch < epoch) {
                self.pending.push(Demotion { server, partition: index, offset, epoch });
            }
        }
    }

    /// A broker's request thread takes its next input; it has done all by what it has `published`.
    #[inline]
    pub fn step_over(
        &mut self,
        (server, id): (usize, NodeId),
        published: Offset,
        partitions: &[PartitionModel],
        verdict: &mut Verdict,
    ) {
        if self.pending.is_empty() {
            return;
        }
        for due in self.pending.extract_if(.., |it| it.server == server && it.offset <= published) {
            let partition = &partitions[due.partition];
            let still = partition.replicas[server].leads.as_ref().filter(|leads| leads.epoch < due.epoch);
            if let Some(leads) = still.filter(|_| !partition.is_deleted()) {
                let (of, epoch, led) = (partition.id, due.epoch, leads.epoch);
                verdict.fail(&DemotionObeyed::CLAIM, || {
                    format!(
                        "partition {of}: broker {id} has published leader epoch {epoch} and still leads in epoch {led}"
                    )
                });
            }
        }
    }

    /// A broker is down, or as good as that.
    pub fn down(&mut self, server: usize) {
        self.pending.retain(|demotion| demotion.server != server);
    }
}
