//! Names of the kinds of failovers.

use scenarios::report::FailoverKind;

/// The name of a kind.
pub fn failover_name(kind: FailoverKind) -> &'static str {
    match kind {
        FailoverKind::Controller => "controller",
        FailoverKind::Partition => "partition",
        FailoverKind::ProduceGap => "produce unavailable",
        FailoverKind::ConsumeGap => "consume unavailable",
        FailoverKind::AdminGap => "admin unavailable",
        FailoverKind::AppendGap => "append unavailable",
        FailoverKind::VoterReplacement => "voter replacement",
    }
}
