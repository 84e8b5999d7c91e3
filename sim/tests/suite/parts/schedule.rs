//! Whatever is pushed and popped in between, entries are popped in the order of their keys.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sim::process::{Node, Thread};
use sim::rng::{Purpose, Seed};
use sim::schedule::{Due, Owner, Schedule};

const SEED: Seed = Seed(11);

proptest! {
    #[test]
    fn entries_come_in_the_order_of_their_keys(
        // Some are pushed (near or far, ties among them), then all up to some time are popped.
        rounds in prop::collection::vec((prop::collection::vec((0..5u32, 0..300u64, 0..50u64), 0..120), 0..400u64), 1..12),
    ) {
        let (mut schedule, mut ordinals) = (Schedule::new(SEED), [0; 5]);
        let mut model = BTreeSet::new();
        let mut now = 0;
        for (pushes, lasts) in rounds {
            for (owner, near, far) in pushes {
                // Most are near, as packets are; some far, as timers are.
                let at = now + if near < 250 { near } else { near * far };
                let next_ordinal = &mut ordinals[owner as usize];
                let due = Due::Timer(Node(0), Thread(0));
                let ordinal = schedule.push(at, Owner(owner), next_ordinal, due);
                let mix = (SEED.mix(Purpose::Order, u64::from(owner), u64::from(ordinal)) >> 32) as u32;
                model.insert((at, mix, owner, ordinal));
            }
            prop_assert_eq!(schedule.len(), model.len());
            now += lasts;
            while let Some(entry) = schedule.pop_due(now) {
                let first = model.pop_first().map(|(at, _, owner, ordinal)| (at, owner, ordinal));
                prop_assert_eq!(Some((entry.at, entry.owner.0, entry.ordinal)), first);
            }
            prop_assert!(model.first().is_none_or(|(at, ..)| *at > now));
        }
        prop_assert_eq!(schedule.is_empty(), model.is_empty());
    }
}
