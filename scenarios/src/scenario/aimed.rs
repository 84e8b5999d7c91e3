//! `[nemesis.aimed]`: faults that wait for a trigger.

use serde::{Deserialize, Serialize};
use sim::fault::Kind;
use strum::VariantArray;

use super::error::Refusal;
use super::nearest::allowed;
use super::values::{IntRange, Nanos, NanosRange};
use crate::aim::trigger_event::{ANY, TriggerEvent};

/// Each aimed fault draws its trigger, the number of occurrences it waits for, the kind of fault, its target, and the
/// delay after the trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aimed {
    /// Mean gap between the times at which two consecutive ones begin to wait.
    pub every: Nanos,
    /// How long the fault lasts.
    pub lasts: NanosRange,
    /// Triggers to draw from; `any` is one of all that are possible in the cluster, and so is an empty list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    /// Kinds of fault to draw from.
    #[serde(default = "every_kind")]
    pub kinds: Vec<AimedKind>,
    /// The fault waits for the nth occurrence of its trigger.
    pub nth: IntRange,
    /// Half of the faults start at the trigger itself, between two effects of one step; the others this long after.
    pub after: NanosRange,
    /// Extra latency of links that are delayed.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub extra: NanosRange,
}

fn is_nothing(range: &NanosRange) -> bool {
    *range == NanosRange::default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum AimedKind {
    /// The process dies.
    Kill,
    /// The host loses power: guarded so that no last copy of acknowledged records is lost, unless beyond tolerance.
    PowerLoss,
    /// The process receives SIGTERM.
    Terminate,
    /// The process stops executing.
    Pause,
    /// The host stops.
    Stall,
    /// All its links are cut.
    Isolate,
    /// All its links are cut in one direction.
    OneWay,
    /// Its links are delayed in one direction.
    Delay,
    /// The next fsync fails.
    FsyncFails,
    /// The host restarts with an empty disk; with the same guard as a power loss.
    ReplaceDisk,
    /// The disk is full.
    FullDisk,
}

/// All but those that only some scenarios name: a seed of the others would draw anew.
fn every_kind() -> Vec<AimedKind> {
    AimedKind::VARIANTS.iter().copied().filter(|kind| *kind != AimedKind::FullDisk).collect()
}

impl AimedKind {
    pub fn kind(self) -> Kind {
        match self {
            AimedKind::Kill => Kind::Kill,
            AimedKind::PowerLoss => Kind::PowerLoss,
            AimedKind::Terminate => Kind::Terminate,
            AimedKind::Pause => Kind::Pause,
            AimedKind::Stall => Kind::Stall,
            AimedKind::Isolate | AimedKind::OneWay => Kind::Cut,
            AimedKind::Delay => Kind::Delay,
            AimedKind::FsyncFails => Kind::FsyncFails,
            AimedKind::ReplaceDisk => Kind::ReplaceDisk,
            AimedKind::FullDisk => Kind::FullDisk,
        }
    }
}

impl Aimed {
    /// Whether a seed may draw this trigger.
    pub fn may_draw(&self, event: TriggerEvent) -> bool {
        let is_named = |name: &str| self.triggers.iter().any(|it| it == name);
        is_named(event.name()) || (self.triggers.is_empty() || is_named(ANY)) && event.is_drawn_unnamed()
    }

    pub(super) fn check(&self, duration: Nanos) -> Result<(), Refusal> {
        let refuse = |field: &str, problem: String| Err(Refusal::new(format!("nemesis.aimed.{field}"), problem));
        let is_known = |name: &str| name == ANY || TriggerEvent::by_name(name).is_some();
        if let Some(name) = self.triggers.iter().find(|name| !is_known(name)) {
            let known: Vec<_> = TriggerEvent::ALL.iter().map(|event| event.name()).chain([ANY]).collect();
            return refuse("triggers", format!("no trigger is named {name:?}{}", allowed(name, known.iter().copied())));
        }
        if self.kinds.is_empty() {
            return refuse("kinds", "the list is empty; it needs at least one kind of fault".to_owned());
        }
        if self.every < Nanos::from_ms(10) {
            return refuse("every", format!("{}; allowed: 10ms and more", self.every));
        }
        if self.kinds.contains(&AimedKind::Delay) && self.extra.max_ns == 0 {
            return refuse("extra", "a delay of 0 has no effect; give a range such as 20ms..2s".to_owned());
        }
        if self.lasts.min_ns > duration.0 {
            return refuse("lasts", format!("{} does not fit into {duration}", self.lasts));
        }
        if self.nth.min < 1 || self.nth.max > 1_000_000 {
            return refuse("nth", format!("{}; allowed: within 1..1000000", self.nth));
        }
        Ok(())
    }
}
