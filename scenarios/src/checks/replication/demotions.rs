//! `DemotionObeyed`: a broker that has published an image by which it leads a partition no longer, or in
//! a newer leader epoch, has given up the old role by its next input (controller-broker.md §5.5).

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset};
use raft::io::ThreadName;

claim! {
    /// A broker gives up a leadership as soon as it has published metadata that names another leader.
    DemotionObeyed by Demotions, Safety of Partition, "controller-broker.md §5.5: roles follow the image; KAFKA-14296";
}

#[derive(Clone, Copy, Debug)]
struct Demotion {
    server: usize,
    partition: usize,
    /// Images from here on have it.
    offset: Offset,
    /// The leader epoch that ends the role.
    epoch: LeaderEpoch,
}

/// Roles that committed metadata has ended, and whose brokers have not received an input since they know it.
#[derive(Clone, Debug, Default)]
pub struct Demotions {
    pending: Vec<Demotion>,
}

impl Check for Demotions {
    const EVENTS: Kinds = Kinds::BATCH_COMMITTED.and(Kinds::OTHER_INPUT).and(Kinds::DOWN).and(Kinds::DISK_FAILED);

    fn new(_: &CheckConfig) -> Demotions {
        Demotions::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let (server, Some(cluster)) = (crossing.server, &models.cluster) else { return };
        let partitions = &cluster.replication().partitions;
        match crossing.event {
            Event::BatchCommitted { update } => {
                let Some(batch) = &update.batch else { return };
                let offset = Offset(batch.next_offset().0 - 1);
                for state in &update.partitions {
                    let Some(partition) = partitions.find(state.id.into()) else { continue };
                    let epoch = state.registration.leader_epoch;
                    let leads = |server: &usize| {
                        let leads = partitions[partition].replicas[*server].leads.as_ref();
                        leads.is_some_and(|leads| leads.epoch < epoch)
                    };
                    let leaders = (0..models.servers.len()).filter(leads);
                    self.pending.extend(leaders.map(|server| Demotion { server, partition, offset, epoch }));
                }
            }
            Event::Input { thread: ThreadName::RequestHandler } if !self.pending.is_empty() => {
                let published = cluster.metadata().published(server).unwrap_or(Offset(-1));
                for due in self.pending.extract_if(.., |it| it.server == server && it.offset <= published) {
                    let partition = &partitions[due.partition];
                    let still = partition.replicas[server].leads.as_ref().filter(|leads| leads.epoch < due.epoch);
                    let Some(leads) = still else { continue };
                    verdict.fail_unless(partition.losses().promises_nothing_more(), &DemotionObeyed::CLAIM, || {
                        format!(
                            "partition {}: broker {} has published leader epoch {} and still leads in epoch {}",
                            partition.id, models.servers[server].id, due.epoch, leads.epoch
                        )
                    });
                }
            }
            // After a disk error the broker is about to end.
            Event::Down { .. } | Event::DiskFailed => self.pending.retain(|demotion| demotion.server != server),
            _ => {}
        }
    }
}
