//! The judge beside a slow one, and histories whose verdict is known.

mod brute;
mod generated;
mod hand;

use super::kv::{Keys, KvOp};
use super::register::{RegisterOp, Registers};
use super::{HistoryVerdict, Objects, Operation, Witness, check, explain};

/// The verdict, and why if it is a violation.
fn judge<O: Objects>(objects: &O, operations: &[Operation<O::Op>], steps: u64) -> (HistoryVerdict, Option<Witness>) {
    let verdict = check(objects, operations, steps).verdict;
    let witness = match &verdict {
        HistoryVerdict::Violated(places) => explain(objects, operations, places, steps),
        _ => None,
    };
    (verdict, witness)
}

fn judge_register(operations: &[Operation<RegisterOp<u8>>], steps: u64) -> (HistoryVerdict, Option<Witness>) {
    let text = |value: &Option<u8>| value.map(|value| value.to_string());
    let named = |op: &RegisterOp<u8>| match op {
        RegisterOp::Read(value) => RegisterOp::Read(text(value)),
        RegisterOp::Write(value) => RegisterOp::Write(text(value)),
        RegisterOp::Cas(from, to) => RegisterOp::Cas(text(from), text(to)),
        RegisterOp::CasMismatch(from) => RegisterOp::CasMismatch(text(from)),
    };
    let operations = under_one_name(operations, named);
    judge(&Registers::default(), &lent(&operations), steps)
}

fn judge_key(operations: &[Operation<KvOp>], steps: u64) -> (HistoryVerdict, Option<Witness>) {
    let operations = under_one_name(operations, KvOp::clone);
    judge(&Keys::default(), &lent(&operations), steps)
}

fn lent<Op>(operations: &[Operation<(String, Op)>]) -> Vec<Operation<(&str, &Op)>> {
    let place = |of: &Operation<(String, Op)>| (of.process, of.called, of.returned);
    let places = operations.iter().map(place);
    let ops = operations.iter().map(|of| (of.op.0.as_str(), &of.op.1));
    places.zip(ops).map(|((process, called, returned), op)| Operation { process, called, returned, op }).collect()
}

fn under_one_name<From, To>(operations: &[Operation<From>], op: impl Fn(&From) -> To) -> Vec<Operation<(String, To)>> {
    let named = |of: &Operation<From>| Operation {
        process: of.process,
        called: of.called,
        returned: of.returned,
        op: (String::new(), op(&of.op)),
    };
    operations.iter().map(named).collect()
}
