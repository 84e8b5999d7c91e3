//! Tests of controlled shutdown.

use std::rc::Rc;

use raft::ids::Uuid;
use raft::metadata::records::RegisterBroker;

use super::*;

const LEAVES: NodeId = NodeId(101);
const OTHER: NodeId = NodeId(102);
/// Where the committed log ends.
const END: Offset = Offset(20);

struct Story {
    leaving: Leaving,
    image: ReferenceImage,
    connections: u64,
}

fn registration(broker_id: NodeId, fenced: bool) -> MetadataRecord {
    MetadataRecord::RegisterBroker(RegisterBroker {
        broker_id,
        is_migrating_zk_broker: false,
        incarnation_id: Uuid([1; 16]),
        broker_epoch: BrokerEpoch(5),
        end_points: Rc::default(),
        features: Rc::default(),
        rack: None,
        fenced,
        in_controlled_shutdown: false,
        log_dirs: Rc::default(),
        cordoned_log_dirs: None,
    })
}

/// Beside the leaving broker there is another one, or nobody.
fn story(other: bool) -> Story {
    let mut image = ReferenceImage::default();
    image.replay(&registration(OTHER, !other)).expect("a registration");
    Story { leaving: Leaving::default(), image, connections: 0 }
}

impl Story {
    /// A heartbeat comes over a connection of its own.
    fn received(&mut self, controller: usize, broker_id: NodeId, offset: i64) -> (usize, Rpc) {
        let request = BrokerHeartbeatRequest {
            broker_id,
            broker_epoch: BrokerEpoch(5),
            current_metadata_offset: offset,
            want_fence: false,
            want_shut_down: broker_id == LEAVES,
            offline_log_dirs: Rc::from([]),
            cordoned_log_dirs: None,
        };
        self.connections += 1;
        let of = (controller, Rpc { connection: self.connections, correlation_id: 2 });
        self.leaving.received(of, &request, &self.image);
        of
    }

    /// It is answered: what breaks.
    fn answered(&mut self, of: (usize, Rpc), should_shut_down: bool) -> Option<String> {
        let answer = BrokerHeartbeatResponse {
            error: ErrorCode::None,
            is_caught_up: true,
            is_fenced: should_shut_down,
            should_shut_down,
        };
        let mut verdict = Verdict::default();
        self.leaving.answered(of, &answer, (&self.image, END), &mut verdict);
        verdict.violation().map(|violation| violation.invariant.clone())
    }

    fn heartbeat(&mut self, controller: usize, should_shut_down: bool) -> Option<String> {
        let of = self.received(controller, LEAVES, 9);
        self.answered(of, should_shut_down)
    }

    fn other_tells(&mut self, offset: i64) {
        let of = self.received(0, OTHER, offset);
        assert_eq!(self.answered(of, false), None);
    }
}

const FIRES: Option<&str> = Some("ControlledShutdownEnds");

#[test]
fn who_may_not_go_yet_is_not_let_go() {
    let let_go = |reported: Option<i64>, fenced: bool| {
        let mut two = story(!fenced);
        two.leaving.entered.insert(LEAVES, (BrokerEpoch(5), END));
        assert_eq!(two.heartbeat(0, false), None, "it leads");
        if let Some(offset) = reported {
            two.other_tells(offset);
        }
        two.heartbeat(0, true)
    };
    assert_eq!(let_go(Some(END.0), false), None);
    assert_eq!(let_go(None, true), None, "the other one is fenced");
    assert_eq!(let_go(Some(END.0 - 1), false).as_deref(), Some("ControlledShutdownWaits"));
    assert_eq!(let_go(None, false).as_deref(), Some("ControlledShutdownWaits"));
    let mut back = story(true);
    back.leaving.entered.insert(LEAVES, (BrokerEpoch(5), END));
    assert_eq!(back.heartbeat(0, false), None, "it leads");
    for (fenced, expected) in [([OTHER, LEAVES], None), ([LEAVES, OTHER], Some("ControlledShutdownWaits"))] {
        let mut back = Story { leaving: back.leaving.clone(), image: back.image.clone(), ..back };
        let asks = back.received(0, LEAVES, 9);
        fenced.into_iter().for_each(|broker| back.leaving.fenced(broker));
        assert_eq!(back.answered(asks, true).as_deref(), expected, "{fenced:?}; the other one is active again");
    }
    let mut expired = story(true);
    expired.leaving.entered.insert(LEAVES, (BrokerEpoch(5), END));
    assert_eq!(expired.heartbeat(0, false), None, "it leads");
    expired.leaving.fenced(LEAVES);
    assert_eq!(expired.heartbeat(0, true), None, "its session has expired, and a fenced broker stops at once");
}

#[test]
fn who_need_not_wait_is_let_go() {
    let mut alone = story(false);
    assert_eq!(alone.heartbeat(0, false), None, "it may have led");
    assert_eq!(alone.heartbeat(0, false).as_deref(), FIRES, "nobody else is there");
    let mut alone = story(false);
    assert_eq!((alone.heartbeat(0, false), alone.heartbeat(0, true)), (None, None));
    assert_eq!(alone.heartbeat(1, false), None, "another controller begins anew");
}

#[test]
fn it_waits_until_the_others_have_reported_what_took_its_leaderships() {
    let mut two = story(true);
    assert_eq!(two.heartbeat(0, false), None, "it may have led");
    two.other_tells(END.0 - 1);
    assert_eq!(two.heartbeat(0, false), None, "the other one is behind");
    two.other_tells(END.0);
    assert_eq!(two.heartbeat(0, false).as_deref(), FIRES);
}

/// A controller takes the offset of each heartbeat as it comes, newer or not.
#[test]
fn a_heartbeat_that_came_late_puts_its_broker_back() {
    let mut two = story(true);
    assert_eq!(two.heartbeat(0, false), None, "it may have led");
    two.other_tells(END.0);
    let late = two.received(0, OTHER, END.0 - 1);
    assert_eq!(two.heartbeat(0, false), None, "it is taken, and not yet answered");
    assert_eq!(two.answered(late, false), None);
    assert_eq!(two.heartbeat(0, false), None, "and answered");
    two.other_tells(END.0);
    assert_eq!(two.heartbeat(0, false).as_deref(), FIRES);
}
