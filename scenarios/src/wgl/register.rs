//! A register with compare-and-set. Nil until it is first written.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::model::{Model, StateId};
use super::objects::Objects;
use super::operation::Operation;

/// What is requested of a register, and what it answered. `None` is nil.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOp<Value> {
    /// Read this.
    Read(Option<Value>),
    /// Wrote this.
    Write(Option<Value>),
    /// Found the first, wrote the second.
    Cas(Option<Value>, Option<Value>),
    /// Did not find this, wrote nothing.
    CasMismatch(Option<Value>),
}

/// Registers by their names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registers<'h> {
    history: PhantomData<&'h ()>,
}

impl<'h> Objects for Registers<'h> {
    type Op = (&'h str, &'h RegisterOp<String>);
    type Name<'a>
        = &'a str
    where
        Self: 'a;
    type Model = Register;

    fn object_of<'a>(&'a self, op: &'a Self::Op) -> &'a str {
        op.0
    }

    fn model_of(&self, _: &&str, operations: &[&Operation<Self::Op>]) -> Register {
        Register::new(operations.iter().map(|operation| operation.op.1))
    }
}

/// A register and what is done to it. A state is the place of a value among all values.
#[derive(Clone, Debug)]
pub struct Register {
    operations: Vec<Numbered>,
    values: usize,
}

#[derive(Clone, Copy, Debug)]
enum Numbered {
    Read(u32),
    Write(u32),
    Cas(u32, u32),
    CasMismatch(u32),
}

const NIL: u32 = 0;
/// So many values go into a set of them that is one word.
const VALUES_IN_A_WORD: usize = 64;

impl Register {
    /// A register with these operations, in the order of their calls.
    pub fn new<'a, Value: Ord + 'a>(operations: impl IntoIterator<Item = &'a RegisterOp<Value>>) -> Register {
        let mut numbers: BTreeMap<&Option<Value>, u32> = BTreeMap::from([(&None, NIL)]);
        let mut number = |value: &'a Option<Value>| {
            let next = numbers.len() as u32;
            *numbers.entry(value).or_insert(next)
        };
        let operations = operations
            .into_iter()
            .map(|operation| match operation {
                RegisterOp::Read(value) => Numbered::Read(number(value)),
                RegisterOp::Write(value) => Numbered::Write(number(value)),
                RegisterOp::Cas(from, to) => Numbered::Cas(number(from), number(to)),
                RegisterOp::CasMismatch(from) => Numbered::CasMismatch(number(from)),
            })
            .collect();
        Register { operations, values: numbers.len() }
    }

    /// A set of the values that some of the candidates may leave behind, one after another.
    fn reach(&self, state: StateId, candidates: impl Iterator<Item = usize> + Clone) -> u64 {
        let mut reached = 1_u64 << state.0;
        loop {
            let mut more = reached;
            for candidate in candidates.clone() {
                match self.operations[candidate] {
                    Numbered::Write(value) => more |= 1 << value,
                    Numbered::Cas(from, to) => more |= (more >> from & 1) << to,
                    Numbered::Read(_) | Numbered::CasMismatch(_) => {}
                }
            }
            if more == reached {
                return reached;
            }
            reached = more;
        }
    }
}

impl Model for Register {
    fn initial(&mut self) -> StateId {
        StateId(NIL)
    }

    fn step(&mut self, state: StateId, operation: usize) -> Option<StateId> {
        match self.operations[operation] {
            Numbered::Read(value) => (state.0 == value).then_some(state),
            Numbered::Write(value) => Some(StateId(value)),
            Numbered::Cas(from, to) => (state.0 == from).then_some(StateId(to)),
            Numbered::CasMismatch(from) => (state.0 != from).then_some(state),
        }
    }

    fn class(&self, operation: usize) -> u64 {
        let values = self.values as u64;
        match self.operations[operation] {
            Numbered::Write(value) => u64::from(value),
            Numbered::Cas(from, to) => values + u64::from(from) * values + u64::from(to),
            Numbered::Read(value) | Numbered::CasMismatch(value) => u64::from(value),
        }
    }

    fn only_reads(&self, operation: usize) -> bool {
        matches!(self.operations[operation], Numbered::Read(_) | Numbered::CasMismatch(_))
    }

    fn is_out_of_reach(&self, state: StateId, target: usize, candidates: impl Iterator<Item = usize> + Clone) -> bool {
        if self.values > VALUES_IN_A_WORD {
            return false;
        }
        match self.operations[target] {
            Numbered::Write(_) => false,
            Numbered::Read(value) | Numbered::Cas(value, _) => {
                state.0 != value && self.reach(state, candidates) >> value & 1 == 0
            }
            Numbered::CasMismatch(value) => state.0 == value && self.reach(state, candidates) == 1 << value,
        }
    }
}
