//! Links with additional latency.

use serde::{Deserialize, Serialize};

use super::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_links,
};
use super::words::{FaultWords, verb};
use crate::duration::in_words;
use crate::ids::Link;
use crate::latency::MAX_NS;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Longest delay (about three days), so that the sum of several is a valid time.
const LONGEST_NS: u64 = 1 << 48;

/// Each message is delayed by an additional amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    pub links: Vec<Link>,
    pub extra_ns: u64,
}

impl FaultKind for Delay {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, words: &mut Words) {
        words.word(self.extra_ns);
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("extra_ns", Number::U64(&mut self.extra_ns), (0, MAX_NS as i64))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let have = verb(&self.links, "has", "have");
        format!(
            "{} {have} {} more latency for {}",
            reported.links(&self.links),
            in_words(self.extra_ns),
            reported.lasts()
        )
    }
}

impl Inject for Delay {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.on_links(&self.links, |link| link.extra_ns += LONGEST_NS.min(self.extra_ns));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.on_links(&self.links, |link| link.extra_ns -= LONGEST_NS.min(self.extra_ns));
    }
}
