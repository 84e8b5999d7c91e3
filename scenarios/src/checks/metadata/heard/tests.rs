//! Tests of brokers that are heard and not fenced.

use std::rc::Rc;

use super::*;

const BROKER: NodeId = NodeId(101);
const SECOND: u64 = 1_000_000_000;

fn rpc(correlation_id: i32) -> Rpc {
    Rpc { connection: 1, correlation_id }
}

fn heartbeat(want_shut_down: bool) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest {
        broker_id: BROKER,
        broker_epoch: BrokerEpoch(5),
        current_metadata_offset: 9,
        want_fence: false,
        want_shut_down,
        offline_log_dirs: Rc::from([]),
        cordoned_log_dirs: None,
    }
}

/// Heard at 10 s with a session of 9 s; fenced then.
fn breaks(fenced_at_s: u64, answered_fenced: bool, then_leaves: bool, (epoch, claim): (i64, i32)) -> bool {
    breaks_on(Calm::new(0), fenced_at_s, answered_fenced, then_leaves, (epoch, claim))
}

fn breaks_on(
    clock: Calm,
    fenced_at_s: u64,
    answered_fenced: bool,
    then_leaves: bool,
    (epoch, claim): (i64, i32),
) -> bool {
    let (mut heard, mut verdict) = (Heard::of(9_000, vec![clock]), Verdict::default());
    heard.claimed(0, LeaderEpoch(3));
    heard.received(10 * SECOND, (0, rpc(2)), &heartbeat(false));
    let is_fenced = answered_fenced;
    let answer =
        BrokerHeartbeatResponse { error: ErrorCode::None, is_caught_up: true, is_fenced, should_shut_down: false };
    heard.answered((0, rpc(2)), &answer);
    if then_leaves {
        heard.received(11 * SECOND, (0, rpc(3)), &heartbeat(true));
    }
    verdict.now_ns = fenced_at_s * SECOND;
    heard.fenced(BROKER, BrokerEpoch(epoch), LeaderEpoch(claim), &mut verdict);
    verdict.violation().is_some()
}

#[test]
fn who_was_heard_has_a_session() {
    assert!(breaks(18, false, false, (5, 3)) && !breaks(19, false, false, (5, 3)));
    let mut faulty = Calm::new(0);
    faulty.disturbed(11 * SECOND, Disturbance { begins: true, ..Disturbance::default() });
    assert!(breaks_on(faulty, 12, false, false, (5, 3)) && !breaks_on(faulty, 15, false, false, (5, 3)));
    assert!(!breaks(12, true, false, (5, 3)), "it was fenced when it was heard");
    assert!(!breaks(12, false, true, (5, 3)), "it wishes to leave");
    assert!(!breaks(12, false, false, (6, 3)), "another process was heard");
    assert!(!breaks(12, false, false, (5, 4)), "another controller fences it");
}
