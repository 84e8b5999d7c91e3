//! What each rule about histories accepts and refuses.

use std::collections::BTreeMap;

use super::admin::{AdminAction, AdminOp, Answered, Change};
use super::judge::{Judgement, Terms, judge};
use super::log::LogOp;
use super::{History, Op};
use crate::wgl::Operation;

/// Call, return, operation.
type Call = (u64, Option<u64>, Op);

fn verdict(reported: &[Call], appends_once: bool) -> Judgement {
    let operation = |(called, returned, op): &Call| Operation {
        process: *called,
        called: *called,
        returned: *returned,
        op: op.clone(),
    };
    let history = History { operations: reported.iter().map(operation).collect(), at_ns: Vec::new() };
    judge(&history, Terms { steps: 1_000_000, appends_once }).0
}

fn holds(reported: &[Call]) -> bool {
    verdict(reported, true) == Judgement::Linearizable
}

/// The reason of the violation; empty if a search found it.
fn why_not(reported: &[Call]) -> String {
    match verdict(reported, true) {
        Judgement::Violated(finding) => finding.why.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

fn log(op: LogOp) -> Op {
    Op::Log { name: "t-0".to_owned(), op }
}

fn appended(values: &[u64], offset: i64) -> Op {
    log(LogOp::Append { values: values.to_vec(), offset: Some(offset) })
}

fn lost(values: &[u64]) -> Op {
    log(LogOp::Append { values: values.to_vec(), offset: None })
}

fn read(records: &[(i64, u64)]) -> Op {
    log(LogOp::Read { records: records.to_vec() })
}

#[test]
fn a_log_that_fits() {
    let first = (0, Some(5), appended(&[10, 11], 4));
    assert!(holds(&[
        first.clone(),
        (1, Some(6), appended(&[20], 7)),
        (7, Some(8), read(&[(4, 10), (5, 11), (7, 20)]))
    ]));
    // A stale read, an append without a response, one that a read reports, and a retry.
    assert!(holds(&[first.clone(), (6, Some(7), read(&[]))]));
    assert!(holds(&[first.clone(), (6, None, lost(&[30]))]));
    assert!(holds(&[first.clone(), (6, None, lost(&[30])), (7, Some(8), read(&[(6, 30)]))]));
    assert!(holds(&[(0, None, lost(&[10])), (1, Some(2), appended(&[10], 0)), (3, Some(4), appended(&[11], 1))]));
    // One attempt was refused, the other was not.
    let refused = log(LogOp::Refused { values: vec![10] });
    assert!(holds(&[(0, None, lost(&[10])), (1, Some(2), refused), (3, Some(4), read(&[(0, 10)]))]));
}

#[test]
fn logs_that_cannot_be() {
    let first = (0, Some(1), appended(&[10, 11], 4));
    let two = why_not(&[first.clone(), (0, Some(3), appended(&[20], 5))]);
    assert_eq!(two, "offset 5 holds 11 and 20");
    let twice = [first.clone(), (2, Some(3), read(&[(4, 10), (5, 11), (6, 10)]))];
    assert_eq!(why_not(&twice), "value 10 is at offset 4 and at 6");
    assert_eq!(verdict(&twice, false), Judgement::Linearizable, "where nobody promised that");
    assert_eq!(why_not(&[(0, Some(1), read(&[(0, 10)]))]), "value 10 is returned at offset 0, but no client sent it");
    let early = [(0, Some(1), read(&[(0, 10)])), (2, None, lost(&[10]))];
    assert_eq!(why_not(&early), "value 10 is returned at offset 0 before it was sent");
    let refused = [(0, Some(1), log(LogOp::Refused { values: vec![10] })), (2, Some(3), read(&[(0, 10)]))];
    assert_eq!(why_not(&refused), "value 10 is returned at offset 0, but was definitely refused");
    let order = [first.clone(), (2, Some(3), appended(&[20], 3))];
    let back = "value 20 has offset 3, but was sent after value 11 was seen at offset 5";
    assert_eq!(why_not(&order), back);
    let by_read = [first.clone(), (2, None, lost(&[20])), (3, Some(4), read(&[(3, 20)]))];
    assert_eq!(why_not(&by_read), back);
    let skips = [first.clone(), (0, Some(2), appended(&[20], 6)), (3, Some(4), read(&[(4, 10), (6, 20)]))];
    assert_eq!(why_not(&skips), "a read shows offsets 4 and 6, and not 11 at 5");
    let goes_back = [first, (3, Some(4), read(&[(5, 11), (4, 10)]))];
    assert_eq!(why_not(&goes_back), "a read shows offset 4 after 5");
}

#[test]
fn a_producer_id_is_given_once() {
    let id = |called, id| (called, Some(called + 1), Op::ProducerId { given: Some(id) });
    assert!(holds(&[id(0, 7), id(2, 8), (4, Some(5), Op::ProducerId { given: None })]));
    assert_eq!(why_not(&[id(0, 7), id(2, 8), id(4, 7)]), "producer id 7 is handed out twice");
}

fn topic(requested: AdminAction, answered: Option<Answered>) -> Op {
    Op::Topic { name: "t".to_owned(), op: AdminOp { requested, answered } }
}

fn create() -> AdminAction {
    AdminAction::Create { partitions: Some(1), configs: BTreeMap::new() }
}

fn done(id: &str) -> Option<Answered> {
    Some(Answered::Done { id: Some(id.to_owned()) })
}

fn refused(error: &str) -> Option<Answered> {
    Some(Answered::Refused { error: error.to_owned() })
}

#[test]
fn creations_and_deletions_alternate() {
    let created = |called, id| (called, Some(called + 1), topic(create(), done(id)));
    let deleted = |called, id| (called, Some(called + 1), topic(AdminAction::Delete, done(id)));
    assert!(holds(&[created(0, "a"), deleted(2, "a"), created(4, "b"), deleted(6, "b")]));
    assert!(!holds(&[created(0, "a"), created(2, "b")]), "nobody deleted it");
    assert!(!holds(&[deleted(0, "a")]), "nobody created it");
    // An unanswered deletion may explain the second creation, an unanswered creation the deletion.
    assert!(holds(&[created(0, "a"), (2, None, topic(AdminAction::Delete, None)), created(4, "b")]));
    assert!(holds(&[(0, None, topic(create(), None)), deleted(4, "x")]));
    // A request that a broker forwarded before it was answered may be executed late.
    assert!(holds(&[created(0, "a"), deleted(2, "a"), deleted(4, "x")]));
    assert!(holds(&[created(0, "a"), deleted(2, "x")]), "both were executed twice");
    // The executions before the last are not reported; the topic is created anew between two of them
    // (cluster-partitions 0x20bf0).
    let resent = |returned| (2, Some(returned), topic(AdminAction::Delete, refused("UnknownTopicOrPartition")));
    assert!(holds(&[created(0, "a"), resent(9), created(4, "b"), created(10, "c")]));
    assert!(!holds(&[created(0, "a"), resent(3), created(4, "b"), created(10, "c")]), "nothing was done meanwhile");
    let altered = (4, Some(5), topic(AdminAction::Alter(BTreeMap::new()), Some(Answered::Done { id: None })));
    assert!(!holds(&[created(0, "a"), resent(9), altered, created(10, "b"), created(12, "c")]), "nobody undid it");
    assert!(!holds(&[
        (0, Some(1), topic(AdminAction::Delete, refused("InvalidRequest"))),
        created(2, "a"),
        created(4, "b")
    ]));
}

#[test]
fn answers_show_a_state_that_was() {
    let grow = |count| AdminAction::Grow { partitions: count };
    let exists = |called| (called, Some(called + 1), topic(create(), refused("TopicAlreadyExists")));
    let created = (0, Some(1), topic(create(), done("a")));
    assert!(holds(&[created.clone(), exists(2)]));
    assert!(holds(&[exists(2)]), "its own first execution may have made it");
    let too_few = (2, Some(3), topic(grow(3), refused("InvalidPartitions")));
    assert!(holds(&[created.clone(), too_few.clone()]), "the same of this");
    let grown = (4, Some(5), topic(grow(2), Some(Answered::Done { id: None })));
    assert!(holds(&[created.clone(), grown.clone()]));
    let set = |called, value: &str| {
        let changes = BTreeMap::from([("retention.ms".to_owned(), Change::Set(value.to_owned()))]);
        (called, Some(called + 1), topic(AdminAction::Alter(changes), Some(Answered::Done { id: None })))
    };
    let shown = |called, value: &str| {
        let configs = BTreeMap::from([("retention.ms".to_owned(), value.to_owned())]);
        (called, Some(called + 1), topic(AdminAction::Describe, Some(Answered::Described(configs))))
    };
    assert!(holds(&[created.clone(), set(2, "1"), set(4, "2"), shown(6, "2"), shown(8, "1")]), "the last one is stale");
    assert!(!holds(&[created.clone(), set(2, "1"), shown(4, "3")]), "nobody set that");
    assert!(!holds(&[created, shown(2, "1"), set(4, "1")]), "nobody had set that");
}
