//! What a broker owes to the newest metadata, and to its producers.

use raft::ids::Offset;
use raft::message::ErrorCode;

use super::brokers::{Brokers, to_isr};
use crate::checks::ghost::boot::HowDown;

#[test]
fn a_leader_gives_up_its_role_by_the_input_after_the_image_that_ends_it() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None, "it has not heard of it");
    brokers.publish(0);
    assert_eq!(brokers.broke(), None, "it is at it");
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), Some("DemotionObeyed"));

    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.publish(0);
    brokers.follows(0, 1);
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None);

    // Its process is gone, and with it the role.
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.restart(0, HowDown::PageCacheKept);
    brokers.publish(0);
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None);
}

#[test]
fn a_duplicate_is_not_refused_as_out_of_sequence() {
    // Six batches; then one of them, or what never came, is asked for again.
    let refuses = |sequence: i32| {
        let mut brokers = Brokers::at_work(false, &[]);
        for value in 0..6 {
            let batch = brokers.batch(value);
            brokers.produce(0, &batch);
        }
        let again = brokers.batch_of(sequence, sequence as u64);
        brokers.ask(0, &again);
        brokers.answer_producer(0, ErrorCode::OutOfOrderSequenceNumber, Offset(-1));
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(refuses(5).as_deref(), Some("DuplicateRecognised"));
    assert_eq!(refuses(1).as_deref(), Some("DuplicateRecognised"), "the fifth last");
    assert_eq!(refuses(0), None, "older than what is retained");
    assert_eq!(refuses(9), None, "it never came");
}
