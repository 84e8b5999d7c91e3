//! Tests of the linger of appends.

use super::*;
use crate::checks::invariant::timings::Disturbance;
use crate::checks::tests::voters;

fn rpc(connection: u64) -> Rpc {
    Rpc { connection, correlation_id: 1 }
}

const MS: u64 = 1_000_000;

/// A leader takes an append at 100 ms and writes at `written_ms`, by the input after that at
/// `before_ms`. Does it break the claim?
fn breaks(before_ms: u64, written_ms: u64, also: impl Fn(&mut Linger)) -> bool {
    let (mut linger, mut verdict) = (Linger::new(&voters(1)), Verdict::default());
    linger.claims(0, true);
    linger.append_received(100 * MS, 0, rpc(1));
    linger.takes_input(before_ms * MS, 0);
    linger.takes_input(written_ms * MS, 0);
    also(&mut linger);
    linger.writes_records(written_ms * MS, 0, NodeId(1), &mut verdict);
    verdict.violation().is_some_and(|violation| violation.invariant == "AppendWithinLinger")
}

#[test]
fn an_append_that_is_forgotten_until_something_else_comes_is_late() {
    assert!(!breaks(100, 127, |_| ()));
    assert!(breaks(100, 400, |_| ()));
    assert!(breaks(90, 400, |_| ()));
}

#[test]
fn who_was_busy_or_disturbed_or_refused_is_not_late() {
    assert!(!breaks(390, 400, |_| ()), "it had other inputs");
    assert!(!breaks(100, 400, |linger| linger.watched[0].synced_ns = 390 * MS), "it waited for its disk");
    assert!(!breaks(100, 400, |linger| linger.append_answered(0, rpc(1))));
    assert!(breaks(100, 400, |linger| linger.append_answered(0, rpc(2))));
    assert!(!breaks(100, 400, |linger| linger.claims(0, true)), "another epoch begins with nothing");
    let stalled = |linger: &mut Linger| {
        linger.watched[0].calm.disturbed(150 * MS, Disturbance { begins: true, ..Disturbance::default() });
        linger.watched[0].calm.disturbed(350 * MS, Disturbance::default());
    };
    assert!(!breaks(100, 400, stalled));
}
