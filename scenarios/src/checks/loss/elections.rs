//! What committed metadata may do to a partition: to whom it may leave the acknowledged records.

use super::facts::Fact;
use crate::checks::prelude::*;

/// A replica that may lead, as a member of the ISR or ELR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// It has all acknowledged records: it is a *guard*.
    pub has_all: bool,
    /// A fault has taken something from it, or it is rotten, and the controllers cannot know.
    pub hurt: bool,
    /// It registers as a process that does not know that the one before shut down cleanly (KIP-966).
    pub restarted: bool,
}

/// A change of a partition that has acknowledged records.
#[derive(Clone, Debug)]
pub struct CommittedChange<'a> {
    /// Who might lead before.
    pub before: &'a [Candidate],
    /// Who may now.
    pub after: &'a [Candidate],
    /// The leader, if another one is elected.
    pub elected: Option<Candidate>,
    /// It was no candidate before.
    pub unclean: bool,
    /// That is permitted: by configuration, by request, or as the last known leader (KIP-966).
    pub unclean_allowed: bool,
    /// The ELR is enabled.
    pub elr: bool,
}

/// Why may a leader begin without records that a fault has taken from it, if none of the others has them? `required`
/// replicas have to have them; `sole`: no other one is in the ISR.
pub fn if_lost(required: usize, elr: bool, sole: bool) -> Excuse {
    match required {
        ..=1 => Excuse::AckedLostWithMinIsrOne,
        _ if !elr && sole => Excuse::AckedLostBySoleReplica,
        _ => Excuse::AckedLostWithLastGuard,
    }
}

/// As what are records counted that a leader lacks for this cause, so many of which were acknowledged?
pub fn counted(cause: Excuse, acked: u64) -> (Excuse, u64) {
    if acked == 0 { (Excuse::CommittedUnackedLost, 1) } else { (cause, acked) }
}

impl CommittedChange<'_> {
    /// What is wrong with it, if nothing excuses it; else what the change adds to the facts.
    ///
    /// Where no guard was left before, a fault has taken the records from the last one: a guard that cuts its log itself is
    /// found out when it does. Where all that are left are hurt it is settled when one of them acts.
    pub fn may_leave(&self) -> Result<Option<Fact>, &'static str> {
        let was_guarded = self.before.iter().any(|it| it.has_all);
        let is_guarded = self.after.iter().any(|it| it.has_all);
        let lacks = self.elected.is_some_and(|leader| !leader.has_all && !leader.hurt);
        if self.unclean {
            let lacks = lacks || !is_guarded;
            let what = "is an unclean election that is not allowed";
            return if self.unclean_allowed || !lacks { Ok(None) } else { Err(what) };
        }
        if is_guarded {
            let what = "elects a leader that lacks acknowledged records that other replicas have";
            return if lacks { Err(what) } else { Ok(None) };
        }
        let mut guards = self.before.iter().filter(|it| it.has_all);
        if was_guarded && self.elr && guards.all(|it| it.restarted || it.hurt) {
            return Ok(Some(Fact::UncleanRestart));
        }
        let all_hurt = !self.after.is_empty() && self.after.iter().all(|it| it.hurt);
        if was_guarded && !all_hurt {
            return Err("leaves no member of ISR and ELR that has all acknowledged records");
        }
        Ok(None)
    }
}
