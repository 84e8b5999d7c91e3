//! The order of the event queue (controller-broker.md §2.1).

use crate::controller::event_queue::{Dequeued, EventQueue};

fn queue() -> EventQueue<&'static str, u8> {
    EventQueue::default()
}

#[test]
fn what_is_due_outranks_the_fifo_and_prepended_events_its_rest() {
    let mut queue = queue();
    queue.append("first", None);
    queue.append("second", None);
    queue.schedule_deferred(0, 100, "due");
    queue.schedule_deferred(1, 200, "later");
    queue.prepend("activation");
    assert_eq!(queue.take(150), Some(Dequeued::Run("due")));
    assert_eq!(queue.take(150), Some(Dequeued::Run("activation")));
    assert_eq!(queue.take(150), Some(Dequeued::Run("first")));
    assert_eq!(queue.take(200), Some(Dequeued::Run("later")));
    assert_eq!(queue.take(200), Some(Dequeued::Run("second")));
    assert_eq!(queue.take(200), None);
}

#[test]
fn an_event_past_its_deadline_fails_before_its_turn_and_a_begun_one_has_none() {
    let mut queue = queue();
    queue.append("slow", None);
    queue.append("impatient", Some(100));
    assert_eq!(queue.take(100), Some(Dequeued::TimedOut("impatient")));
    queue.append("patient", Some(200));
    assert_eq!(queue.take(101), Some(Dequeued::Run("slow")));
    assert_eq!(queue.take(101), Some(Dequeued::Run("patient")));
    assert_eq!((queue.next_deadline_ns(), queue.take(999)), (None, None));
}

#[test]
fn a_tag_holds_one_event_and_one_instant_keeps_the_order() {
    let mut queue = queue();
    queue.schedule_deferred(0, 300, "replaced");
    queue.schedule_deferred(0, 100, "a");
    queue.schedule_deferred(1, 100, "b");
    assert_eq!(queue.next_deadline_ns(), Some(100));
    assert_eq!((queue.take(100), queue.take(100)), (Some(Dequeued::Run("a")), None));
    assert_eq!(queue.take(101), Some(Dequeued::Run("b")));
    assert_eq!(queue.take(300), None);
}
