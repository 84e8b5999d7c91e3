//! The audit of replicas: what a broker holds, what crossed its border and what lies on its disk.

use raft::ids::TopicIdPartition;
use raft::io::PartitionShown;

use super::Replication;

impl Replication {
    /// Compares what a broker shows of a replica. `settled`: nothing of it is pending.
    pub fn differs(&self, server: usize, shown: &PartitionShown, settled: bool) -> Option<String> {
        let PartitionShown { id, log_start, log_end, high_watermark, leader_epoch, batches, last_batch } = shown;
        if *high_watermark > *log_end || *log_start > *log_end {
            return Some(said(
                *id,
                &format!("it starts at {log_start}, ends at {log_end}, its high watermark is {high_watermark}"),
            ));
        }
        if !settled {
            return None;
        }
        let partition = self.partitions.known((*id).into());
        let Some(partition) = partition else {
            return Some(said(*id, "committed metadata has no such partition"));
        };
        let replica = &partition.replicas[server];
        if let Some(leads) = &replica.leads
            && leads.epoch != *leader_epoch
        {
            return Some(said(*id, &format!("its leader epoch is {leader_epoch}, it said {}", leads.epoch)));
        }
        if partition.losses().is_rotten(server) {
            return None;
        }
        let written = replica.log.end(&partition.ledger);
        if *log_end != written {
            return Some(said(*id, &format!("it ends at {log_end}, {written} is written")));
        }
        if *high_watermark != replica.high_watermark {
            let expected = replica.high_watermark;
            return Some(said(
                *id,
                &format!("its high watermark is {high_watermark}; it said {expected}, or has started with that"),
            ));
        }
        let last = replica.log.count().checked_sub(1).and_then(|last| replica.log.get(last));
        let bytes = last.map(|last| partition.ledger.get(last).bytes());
        let same = *batches == replica.log.count() && bytes == last_batch.as_ref().map(|batch| &*batch.bytes);
        let count = replica.log.count();
        (!same).then(|| said(*id, &format!("it holds {batches} batches, {count} are written, or the last ones differ")))
    }
}

fn said(id: TopicIdPartition, what: &str) -> String {
    format!("partition {id}: {what}")
}
