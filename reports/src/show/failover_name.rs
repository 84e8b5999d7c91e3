//! The kinds of failovers in words.

use scenarios::report::FailoverKind;

/// What failed over, in words.
pub fn failover_name(kind: FailoverKind) -> &'static str {
    match kind {
        FailoverKind::Controller => "controller",
        FailoverKind::Partition => "partition",
        FailoverKind::ProduceGap => "produce unavailable",
        FailoverKind::ConsumeGap => "consume unavailable",
        FailoverKind::AdminGap => "admin unavailable",
    }
}
