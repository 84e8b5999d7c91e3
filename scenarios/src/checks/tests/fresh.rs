//! What fresh clients are to do.

use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::{LeaderEpoch, Offset};
use raft::message::ErrorCode;

use crate::checks::fresh::FreshClients;

#[test]
fn each_of_the_three_is_waited_for() {
    let of = TopicPartition { topic: 0, partition: 0 };
    let result = AttemptEvent::AdminResult { attempt: 1, index: 0, error: ErrorCode::None, outcome: Outcome::Done };
    let uncut = |_, _| None;
    let mut fresh = FreshClients::new(5, 1);
    fresh.attempt(4, result);
    assert_eq!(fresh.missing(uncut), Some("a fresh admin client creates a topic"));
    fresh.attempt(5, result);
    let sent =
        AttemptEvent::ProduceInvoked { attempt: 1, batch: 9, partition: of, acks: -1, count: 1, leader_epoch: 0 };
    fresh.attempt(6, sent);
    assert_eq!(fresh.missing(uncut), Some("a fresh producer is acknowledged by every partition"));
    fresh.attempt(6, AttemptEvent::BatchAcked { batch: 9, base_offset: Offset(3) });
    let poll = |fresh: &mut FreshClients, offset| {
        let leader_epoch = LeaderEpoch(0);
        fresh.attempt(7, AttemptEvent::PollRecords { attempt: 1, partition: of, leader_epoch, count: 1 });
        fresh.attempt(7, AttemptEvent::PollRecord { attempt: 1, offset: Offset(offset), value: 0 });
    };
    poll(&mut fresh, 2);
    assert_eq!(fresh.missing(uncut), Some("a fresh consumer reads every partition"));
    assert_eq!(fresh.missing(|_, offset| (offset.0 == 4).then_some(Offset(3))), None, "what was acknowledged is lost");
    poll(&mut fresh, 3);
    assert_eq!(fresh.missing(uncut), None);
}
