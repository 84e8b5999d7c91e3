//! `MonotonicHighWatermark`, `HighWatermarkWithinLog` and, for followers, `StateMachineSafety`.

use crate::checks::invariant::durability::StateMachineSafety;
use crate::checks::prelude::*;
use raft::ids::{Offset, OffsetAndEpoch};

use crate::checks::committed::Committed;
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::Ledger;

claim! {
    /// A replica's high watermark never goes back within one process and epoch.
    MonotonicHighWatermark, Safety of Server, "RaftEventSimulationTest: MonotonicHighWatermark";
    /// A high watermark is never above the end of the log, and the log is never truncated below it.
    HighWatermarkWithinLog, Safety of Quorum, "KIP-595; Kafka: KafkaRaftLog.truncateTo";
}

/// Within one life and epoch it only grows. Gives what to remember.
#[track_caller]
pub fn monotonic(
    server: &ServerModel,
    before: Option<OffsetAndEpoch>,
    now: OffsetAndEpoch,
    verdict: &mut Verdict,
) -> Option<OffsetAndEpoch> {
    match before {
        // An answer that was parked before the epoch changed.
        Some(before) if before.epoch > now.epoch => return Some(before),
        Some(before) if before.epoch == now.epoch && before.offset > now.offset => {
            verdict.fail(&MonotonicHighWatermark::CLAIM, || {
                format!(
                    "node {} (incarnation {}) showed high watermark {} and then {} in epoch {}",
                    server.id, server.incarnation, before.offset, now.offset, now.epoch
                )
            });
        }
        _ => {}
    }
    Some(now)
}

/// It never lies above the log's end.
pub fn within_log(server: &ServerModel, offset: Offset, ledger: &Ledger, verdict: &mut Verdict) {
    let end = server.log.end(ledger);
    if offset > end {
        verdict.fail(&HighWatermarkWithinLog::CLAIM, || {
            format!("node {} has high watermark {offset} and log end {end}", server.id)
        });
    }
}

/// A log is never cut below it. Kafka throws instead (consensus.md §4.1), so no life survives it.
pub fn cut_below(server: &ServerModel, ledger: &Ledger, verdict: &mut Verdict) {
    let end = server.log.end(ledger);
    if let Some(high_watermark) = server.high_watermark
        && end < high_watermark.offset
    {
        verdict.fail(&HighWatermarkWithinLog::CLAIM, || {
            format!("node {} truncated its log to {end}, below its high watermark {}", server.id, high_watermark.offset)
        });
    }
}

/// What a follower takes for committed is committed, and is what all others take for it.
pub fn follower_agrees(
    server: &ServerModel,
    offset: Offset,
    committed: &Committed,
    ledger: &Ledger,
    verdict: &mut Verdict,
) {
    let agreed = committed.agreed_end(server, ledger);
    if offset <= agreed {
        return;
    }
    if let Some(excuse) = committed.may_be_applied(server, offset, ledger) {
        return verdict.excuse(excuse, 1);
    }
    verdict.fail(&StateMachineSafety::CLAIM, || {
        format!(
            "node {} treats offsets below {offset} as committed; the committed log ends at {}, and its own log agrees with it up to {agreed}",
            server.id, committed.end
        )
    });
}
