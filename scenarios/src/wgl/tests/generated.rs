//! Histories of atomic objects are accepted; with answers changed they are judged as by the slow judge.

use proptest::prelude::*;

use super::brute::is_linearizable;
use super::{judge_key, judge_register, lent};
use crate::wgl::kv::{Keys, KvOp};
use crate::wgl::register::RegisterOp;
use crate::wgl::{HistoryVerdict, Operation, Witness, check, explain};

/// What one step of a generated history is made of.
#[derive(Clone, Copy, Debug)]
struct Draw {
    process: u8,
    kind: u8,
    values: (u8, u8),
    fate: u8,
}

fn draws(most: usize) -> impl Strategy<Value = Vec<Draw>> {
    let draw = (any::<u8>(), any::<u8>(), (any::<u8>(), any::<u8>()), any::<u8>())
        .prop_map(|(process, kind, values, fate)| Draw { process, kind, values, fate });
    prop::collection::vec(draw, 1..most)
}

/// Runs what is drawn against an atomic object: each draw lets one of `processes` call, take effect, or
/// return. Some never take effect, some take effect and are not answered.
fn history<Op: Clone, State>(
    draws: &[Draw],
    processes: usize,
    mut state: State,
    call: impl Fn(&Draw) -> Op,
    take_effect: impl Fn(&mut State, &Op) -> Op,
) -> Vec<Operation<Op>> {
    struct Open<Op> {
        place: usize,
        effective: bool,
        op: Op,
    }
    let mut open: Vec<Option<Open<Op>>> = (0..processes).map(|_| None).collect();
    let mut operations: Vec<Operation<Op>> = Vec::new();
    for (at, draw) in draws.iter().enumerate() {
        let process = usize::from(draw.process) % processes;
        match &mut open[process] {
            free @ None => {
                let op = call(draw);
                *free = Some(Open { place: operations.len(), effective: false, op: op.clone() });
                let process = (process + at * processes) as u64;
                operations.push(Operation { process, called: at as u64, returned: None, op });
            }
            // One in sixteen is given up; nobody knows whether it has been done.
            Some(_) if draw.fate.is_multiple_of(16) => open[process] = None,
            Some(pending) if !pending.effective => {
                pending.op = take_effect(&mut state, &pending.op);
                pending.effective = true;
            }
            Some(done) => {
                let operation = &mut operations[done.place];
                operation.returned = Some(at as u64);
                operation.op = done.op.clone();
                open[process] = None;
            }
        }
    }
    operations
}

fn register_history(draws: &[Draw], processes: usize, values: u8) -> Vec<Operation<RegisterOp<u8>>> {
    let call = |draw: &Draw| match draw.kind % 3 {
        0 => RegisterOp::Read(None),
        1 => RegisterOp::Write(Some(draw.values.0 % values)),
        _ => RegisterOp::Cas(Some(draw.values.0 % values), Some(draw.values.1 % values)),
    };
    history(draws, processes, None, call, |state: &mut Option<u8>, op| match op {
        RegisterOp::Read(_) => RegisterOp::Read(*state),
        RegisterOp::Write(value) => {
            *state = *value;
            op.clone()
        }
        RegisterOp::Cas(from, to) if *state == *from => {
            *state = *to;
            op.clone()
        }
        RegisterOp::Cas(from, _) | RegisterOp::CasMismatch(from) => RegisterOp::CasMismatch(*from),
    })
}

fn register_step(state: &Option<u8>, op: &RegisterOp<u8>) -> Option<Option<u8>> {
    match op {
        RegisterOp::Read(value) => (state == value).then_some(*state),
        RegisterOp::Write(value) => Some(*value),
        RegisterOp::Cas(from, to) => (state == from).then_some(*to),
        RegisterOp::CasMismatch(from) => (state != from).then_some(*state),
    }
}

fn kv_history(draws: &[Draw], processes: usize) -> Vec<Operation<KvOp>> {
    let call = |draw: &Draw| match draw.kind % 4 {
        0 | 1 => KvOp::Get(String::new()),
        2 if draw.values.0.is_multiple_of(4) => KvOp::Put(format!("{}", draw.values.1 % 3)),
        _ => KvOp::Append(format!("{}", draw.values.1 % 3)),
    };
    history(draws, processes, String::new(), call, |state: &mut String, op| match op {
        KvOp::Get(_) => KvOp::Get(state.clone()),
        KvOp::Put(value) => {
            state.clone_from(value);
            op.clone()
        }
        KvOp::Append(value) => {
            state.push_str(value);
            op.clone()
        }
    })
}

fn kv_step(state: &String, op: &KvOp) -> Option<String> {
    match op {
        KvOp::Get(value) => (state == value).then(|| state.clone()),
        KvOp::Put(value) => Some(value.clone()),
        KvOp::Append(value) => Some(format!("{state}{value}")),
    }
}

/// Swaps the answers of two operations of a kind that answers something, or tells one read of an old one's.
fn spoil<Op: Clone>(operations: &mut [Operation<Op>], reads: impl Fn(&Op) -> bool, (one, other): (u8, u8)) {
    let answered = |operation: &Operation<Op>| operation.returned.is_some() && reads(&operation.op);
    let places: Vec<usize> = (0..operations.len()).filter(|place| answered(&operations[*place])).collect();
    if places.len() < 2 {
        return;
    }
    let (one, other) = (places[usize::from(one) % places.len()], places[usize::from(other) % places.len()]);
    let op = operations[one].op.clone();
    operations[one].op = operations[other].op.clone();
    if (one + other) % 2 == 0 {
        operations[other].op = op;
    }
}

/// A witness is what it says: an order that explains all answers before the stuck one, which real time
/// and the model allow.
fn assert_explains<Op, State>(
    operations: &[Operation<Op>],
    witness: Option<Witness>,
    mut state: State,
    step: impl Fn(&State, &Op) -> Option<State>,
) {
    let Some(witness) = witness else { return };
    let limit = operations[witness.stuck].returned.expect("what sticks was answered");
    let mut latest_call = 0;
    for place in &witness.prefix {
        let operation = &operations[*place];
        assert!(operation.called < limit, "a later call explains an answer");
        assert!(operation.returned.is_none_or(|returned| returned > latest_call), "against real time");
        latest_call = latest_call.max(operation.called);
        state = step(&state, &operation.op).expect("each step of a witness is one of the model");
    }
    for (place, operation) in operations.iter().enumerate() {
        let explained = operation.returned.is_none_or(|returned| returned >= limit) || witness.prefix.contains(&place);
        assert!(explained, "an answer before the stuck one is not explained");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_an_atomic_register_did_is_accepted(draws in draws(300), processes in 1_usize..9) {
        let operations = register_history(&draws, processes, 4);
        prop_assert_eq!(judge_register(&operations, u64::MAX).0, HistoryVerdict::Linearizable);
    }

    #[test]
    fn what_an_atomic_key_did_is_accepted(draws in draws(300), processes in 1_usize..9) {
        prop_assert_eq!(judge_key(&kv_history(&draws, processes), u64::MAX).0, HistoryVerdict::Linearizable);
    }

    #[test]
    fn a_long_spoilt_register_has_an_honest_witness(
        draws in draws(200), processes in 1_usize..6, who in any::<(u8, u8)>(),
    ) {
        let mut operations = register_history(&draws, processes, 4);
        spoil(&mut operations, |op| matches!(op, RegisterOp::Read(_)), who);
        assert_explains(&operations, judge_register(&operations, u64::MAX).1, None, register_step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_register_is_judged_as_by_trying_all(
        draws in draws(20), processes in 1_usize..5, who in any::<(u8, u8)>(), values in 1_u8..4,
    ) {
        let mut operations = register_history(&draws, processes, values);
        operations.truncate(7);
        spoil(&mut operations, |op| !matches!(op, RegisterOp::Write(_)), who);
        let (verdict, witness) = judge_register(&operations, u64::MAX);
        prop_assert_eq!(verdict == HistoryVerdict::Linearizable, is_linearizable(&operations, &None, &register_step));
        assert_explains(&operations, witness, None, register_step);
    }

    #[test]
    fn a_spoilt_key_is_judged_as_by_trying_all(
        draws in draws(20), processes in 1_usize..5, who in any::<(u8, u8)>(),
    ) {
        let mut operations = kv_history(&draws, processes);
        operations.truncate(7);
        spoil(&mut operations, |op| matches!(op, KvOp::Get(_)), who);
        let (verdict, witness) = judge_key(&operations, u64::MAX);
        prop_assert_eq!(verdict == HistoryVerdict::Linearizable, is_linearizable(&operations, &String::new(), &kv_step));
        assert_explains(&operations, witness, String::new(), kv_step);
    }
}

/// Among many keys one bad one is found, whatever the others are, and named by its place in the whole.
#[test]
fn one_bad_key_among_many() {
    let mut operations = Vec::new();
    for key in 0..100_u64 {
        for round in 0..10_u64 {
            let at = (key * 10 + round) * 4;
            let value = format!("{round}");
            let op = if round % 2 == 0 { KvOp::Put(value) } else { KvOp::Get(format!("{}", round - 1)) };
            operations.push(Operation {
                process: key,
                called: at,
                returned: Some(at + 1),
                op: (format!("{key:02}"), op),
            });
        }
    }
    let judgement = check(&Keys::default(), &lent(&operations), u64::MAX);
    assert_eq!((judgement.verdict, judgement.objects), (HistoryVerdict::Linearizable, 100));
    let stuck = 57 * 10 + 7;
    operations[stuck].op.1 = KvOp::Get("2".to_owned());
    assert_eq!(
        check(&Keys::default(), &lent(&operations), u64::MAX).verdict,
        HistoryVerdict::Violated((570..580).collect())
    );
    let witness = explain(&Keys::default(), &lent(&operations), &(570..580).collect::<Vec<_>>(), u64::MAX);
    assert_eq!(witness, Some(Witness { stuck, prefix: (570..577).collect() }));
}
