//! Small histories written by hand.

use super::judge_register;
use crate::wgl::register::RegisterOp;
use crate::wgl::{HistoryVerdict, Operation, Witness};

use RegisterOp::{Cas, CasMismatch, Read, Write};

fn judge(operations: &[(u64, Option<u64>, RegisterOp<u8>)], steps: u64) -> (HistoryVerdict, Option<Witness>) {
    let operations: Vec<Operation<RegisterOp<u8>>> = operations
        .iter()
        .map(|(called, returned, op)| Operation { process: 0, called: *called, returned: *returned, op: op.clone() })
        .collect();
    judge_register(&operations, steps)
}

#[test]
fn nothing_is_linearizable() {
    assert_eq!(judge(&[], 1).0, HistoryVerdict::Linearizable);
}

#[test]
fn an_unanswered_write_may_happen_late_or_never() {
    let write = (0, None, Write(Some(1)));
    let nil = |at| (at, Some(at + 1), Read(None));
    let one = |at| (at, Some(at + 1), Read(Some(1)));
    assert_eq!(judge(&[write.clone(), nil(1), nil(3)], 100).0, HistoryVerdict::Linearizable);
    assert_eq!(judge(&[write.clone(), nil(1), one(3)], 100).0, HistoryVerdict::Linearizable);
    let Some(witness) = judge(&[write, one(1), nil(3)], 100).1 else { panic!("it does not unhappen") };
    assert_eq!((witness.prefix, witness.stuck), (vec![0, 1], 2));
}

#[test]
fn a_mismatch_is_an_observation() {
    let write = (0, Some(1), Write(Some(1)));
    let Some(witness) = judge(&[write.clone(), (2, Some(3), CasMismatch(Some(1)))], 100).1 else {
        panic!("what was written is there");
    };
    assert_eq!(witness.stuck, 1);
    assert_eq!(
        judge(&[write, (2, Some(3), Cas(Some(1), None)), (4, Some(5), Read(None))], 100).0,
        HistoryVerdict::Linearizable
    );
}

/// Twelve writes at a time and a read of none of them: too much for a few steps, and said so.
#[test]
fn a_search_cut_short_says_so() {
    let mut operations: Vec<_> = (0..12).map(|value| (u64::from(value), Some(100), Write(Some(value)))).collect();
    for (place, operation) in operations.iter_mut().enumerate() {
        operation.1 = Some(100 + place as u64);
    }
    operations.push((200, Some(300), Read(Some(3))));
    operations.push((301, Some(302), Read(Some(4))));
    assert_eq!(judge(&operations, 3).0, HistoryVerdict::Unknown { steps: 3 });
    let Some(witness) = judge(&operations, u64::MAX).1 else { panic!("only one can be the last") };
    assert_eq!(witness.stuck, 13);
}
