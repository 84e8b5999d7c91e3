//! With lost messages and leader changes, but no truncation, a consumer reads every record once, in order, up to the
//! end.

use proptest::prelude::*;

use super::consumer_stories::{P0, polled, world};
use super::world::Fate;
use crate::client::AttemptEvent as Event;
use crate::client::OffsetResetStrategy;
use crate::ids::{NodeId, Offset};

#[derive(Clone, Debug)]
enum Act {
    Append { count: u64 },
    Wait { ms: i64 },
    Fate(Fate),
    Elect { leader: i32 },
    Leaderless,
    Reset { node: i32 },
}

fn act() -> impl Strategy<Value = Act> {
    let fates = [Fate::RequestLost, Fate::ResponseLost, Fate::ResetAfter, Fate::ResetBefore];
    prop_oneof![
        3 => (1..6_u64).prop_map(|count| Act::Append { count }),
        3 => (1..2_000_i64).prop_map(|ms| Act::Wait { ms }),
        2 => prop::sample::select(fates.to_vec()).prop_map(Act::Fate),
        2 => (0..3_i32).prop_map(|leader| Act::Elect { leader }),
        1 => Just(Act::Leaderless),
        1 => (0..3_i32).prop_map(|node| Act::Reset { node }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_polled_once_in_order(acts in prop::collection::vec(act(), 1..40), hints in any::<bool>()) {
        let mut world = world(2, OffsetResetStrategy::Earliest);
        world.brokers.hints = hints;
        let mut next = 2;
        for act in acts {
            let partition = &mut world.brokers.partitions[0];
            match act {
                Act::Append { count } => {
                    partition.log.extend((next..next + count).map(|value| (partition.epoch, value)));
                    next += count;
                }
                Act::Wait { ms } => world.run_for(ms),
                Act::Fate(fate) => world.fate(|_| true, fate),
                Act::Elect { leader } => world.brokers.elect(0, leader),
                Act::Leaderless => partition.leader = None,
                Act::Reset { node } => world.reset(NodeId(node)),
            }
        }
        world.brokers.elect(0, 1);
        // Each remaining fate may cost a request timeout.
        world.run_for(40 * 31_000);
        let all: Vec<(i64, u64)> = (0..next).map(|value| (value as i64, value)).collect();
        prop_assert_eq!(polled(&world), all);
        prop_assert_eq!(world.client.position(P0), Some(Offset(next as i64)));
        prop_assert_eq!(world.count(|event| matches!(event, Event::ConsumerError { .. })), 0);
        prop_assert_eq!(world.count(|event| matches!(event, Event::PositionSet { .. })), 1, "nothing was truncated");
    }
}
