//! Any object that can say what comes of an operation: its states are numbered as they are met, and each
//! step is computed once.

use std::collections::BTreeMap;

use super::model::{Model, StateId};

/// An object in plain terms.
pub trait Object {
    /// What it may be in.
    type State: Clone + Ord;
    /// What was requested and answered.
    type Op: Clone + Ord;

    /// Before anything took effect.
    fn initial(&self) -> Self::State;

    /// The state after this operation took effect with the answer it got; `None` if it would have been
    /// answered otherwise.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// Does this operation leave every state as it is?
    fn only_reads(&self, op: &Self::Op) -> bool;
}

/// The model of an object.
#[derive(Clone, Debug)]
pub struct Interned<O: Object> {
    object: O,
    operations: Vec<O::Op>,
    classes: Vec<u64>,
    states: Vec<O::State>,
    numbers: BTreeMap<O::State, u32>,
    /// By state, then by operation.
    steps: Vec<Vec<Step>>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    NotApplied,
    Impossible,
    To(StateId),
}

impl<O: Object> Interned<O> {
    /// The model of one object's operations, in the order of their calls.
    pub fn new<'a>(object: O, operations: impl IntoIterator<Item = &'a O::Op>) -> Interned<O>
    where
        O::Op: 'a,
    {
        let mut numbers: BTreeMap<&O::Op, u64> = BTreeMap::new();
        let mut classes = Vec::new();
        let mut own = Vec::new();
        for operation in operations {
            let next = numbers.len() as u64;
            classes.push(*numbers.entry(operation).or_insert(next));
            own.push(operation.clone());
        }
        let operations = own;
        Interned { object, operations, classes, states: Vec::new(), numbers: BTreeMap::new(), steps: Vec::new() }
    }

    fn number(&mut self, state: O::State) -> StateId {
        if let Some(number) = self.numbers.get(&state) {
            return StateId(*number);
        }
        let number = self.states.len() as u32;
        self.numbers.insert(state.clone(), number);
        self.states.push(state);
        self.steps.push(vec![Step::NotApplied; self.operations.len()]);
        StateId(number)
    }
}

impl<O: Object> Model for Interned<O> {
    fn initial(&mut self) -> StateId {
        let initial = self.object.initial();
        self.number(initial)
    }

    fn step(&mut self, state: StateId, operation: usize) -> Option<StateId> {
        match self.steps[state.0 as usize][operation] {
            Step::Impossible => None,
            Step::To(next) => Some(next),
            Step::NotApplied => {
                let next = self.object.step(&self.states[state.0 as usize], &self.operations[operation]);
                let next = next.map(|next| self.number(next));
                self.steps[state.0 as usize][operation] = next.map_or(Step::Impossible, Step::To);
                next
            }
        }
    }

    fn class(&self, operation: usize) -> u64 {
        self.classes[operation]
    }

    fn only_reads(&self, operation: usize) -> bool {
        self.object.only_reads(&self.operations[operation])
    }
}
