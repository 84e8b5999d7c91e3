//! `EpochsOfRecords`: the epochs that a process finds in the `leader-epoch-checkpoint` of a log.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, OffsetAndEpoch};
use raft::log::LEADER_EPOCH_CHECKPOINT;

use crate::checks::server_model::ledger::Ledger;
use crate::checks::server_model::log::LogModel;
use crate::checks::server_model::state_files::parse_epoch_checkpoint;

check! {
    /// The `leader-epoch-checkpoint` that a process finds has, below the end of the log, no other epochs than the records.
    EpochsOfRecords, Safety of Server, "KIP-101, KIP-279: LeaderEpochFileCache"
        => finds, Kinds::BOOTED;
}

/// That of the metadata log; the others are compared when the model reads the logs of a broker.
fn finds(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let server = &models.servers[crossing.server];
    if server.altered {
        return;
    }
    let found = server.small.written(LEADER_EPOCH_CHECKPOINT).unwrap_or_default();
    if let Some((entry, epoch)) = first_other(found, &server.log, &models.ledger) {
        has_other_epoch(format_args!("node {}", server.id), entry, epoch, verdict);
    }
}

/// The first entry of a checkpoint that names another epoch than the record at its offset, and the epoch of that record.
pub fn first_other(checkpoint: &[u8], log: &LogModel, ledger: &Ledger) -> Option<(OffsetAndEpoch, LeaderEpoch)> {
    parse_epoch_checkpoint(checkpoint).into_iter().find_map(|entry| {
        let batch = log.get(log.count_below(entry.offset, ledger))?;
        let epoch = ledger.get(batch).epoch;
        (epoch != entry.epoch).then_some((entry, epoch))
    })
}

#[cold]
#[track_caller]
pub fn has_other_epoch(
    whose: std::fmt::Arguments<'_>,
    OffsetAndEpoch { epoch, offset }: OffsetAndEpoch,
    of_record: LeaderEpoch,
    verdict: &mut Verdict,
) {
    verdict.fail(&EpochsOfRecords::CLAIM, || {
        format!(
            "{whose} finds in leader-epoch-checkpoint that epoch {epoch} begins at {offset}, where its log has a record of epoch {of_record}"
        )
    });
}
