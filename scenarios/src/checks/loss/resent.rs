//! What producers lose, duplicate and reorder by their own settings and retries.

use crate::checks::prelude::*;

/// How a batch was sent that stands twice in a log, or behind a later one of its client.
#[derive(Clone, Copy, Debug)]
pub struct Resent {
    /// By an idempotent producer.
    pub idempotent: bool,
    /// By that under another epoch, too, and without an answer that the batch was appended.
    pub renumbered: bool,
}

impl Resent {
    /// May it stand in a log twice?
    pub fn may_stand_twice(self) -> Option<Excuse> {
        match self {
            Resent { idempotent: false, .. } => Some(Excuse::DuplicateWithoutIdempotence),
            Resent { renumbered: true, .. } => Some(Excuse::DuplicateByEpochBump),
            _ => None,
        }
    }

    /// May it stand behind a later one?
    pub fn may_stand_behind(self) -> Option<Excuse> {
        match self {
            Resent { idempotent: false, .. } => Some(Excuse::ReorderedWithoutIdempotence),
            Resent { renumbered: true, .. } => Some(Excuse::ReorderedByEpochBump),
            _ => None,
        }
    }
}

/// May records that were acknowledged to this `acks` be in no committed log, though nothing was lost?
pub fn may_be_lost_with_leader(acks: i8) -> Option<Excuse> {
    (acks == 1).then_some(Excuse::AckedByLeaderOnlyLost)
}
