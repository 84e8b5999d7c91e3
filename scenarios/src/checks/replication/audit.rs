//! The audit of replicas: what a broker holds, what crossed its border and what lies on its disk.

use crate::checks::invariant::holes;
use crate::checks::prelude::*;
use raft::io::PartitionShown;

use super::Replication;

impl Replication {
    /// Compares what a broker shows of a replica. `settled`: nothing of it is pending.
    pub fn differs(
        &self,
        server: usize,
        shown: &PartitionShown,
        settled: bool,
        verdict: &mut Verdict,
    ) -> Option<String> {
        let PartitionShown { id, log_start, log_end, high_watermark, leader_epoch, batches, last_batch } = shown;
        if *high_watermark > *log_end || *log_start > *log_end {
            return Some(format!(
                "it starts at {log_start}, ends at {log_end}, its high watermark is {high_watermark}"
            ));
        }
        if !settled {
            return None;
        }
        let Some(partition) = self.partitions.known((*id).into()) else {
            return Some("committed metadata has no such partition".to_owned());
        };
        let replica = &partition.replicas[server];
        if let Some(leads) = replica.leads.as_ref().filter(|leads| leads.epoch != *leader_epoch) {
            return Some(format!("its leader epoch is {leader_epoch}, it said {}", leads.epoch));
        }
        if let Some(excuse) = partition.losses().may_differ(server) {
            verdict.excuse(excuse, 1);
            return None;
        }
        if *high_watermark != replica.high_watermark {
            let said = replica.high_watermark;
            return Some(format!("its high watermark is {high_watermark}; it said {said}, or has started with that"));
        }
        if replica.log.has_hole_below(*log_end, &partition.ledger) {
            // Nothing else is to be said of such a log.
            holes::has_hole(partition, server, *log_end, verdict);
            return None;
        }
        replica.log.differs_from_shown(*log_end, *batches, last_batch.as_deref(), &partition.ledger)
    }
}
