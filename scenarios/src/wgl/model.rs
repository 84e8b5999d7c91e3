//! What an object is to the search: numbered states, and operations that lead from one to another.

/// A state of an object. Equal numbers are equal states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u32);

/// An object and the operations on it that a history has, by their places in the order of calls.
pub trait Model {
    /// Before anything took effect.
    fn initial(&mut self) -> StateId;

    /// The state after this operation took effect in that one with the answer it got; `None` if it would
    /// have been answered otherwise. An unanswered operation got whatever answer lets it take effect.
    fn step(&mut self, state: StateId, operation: usize) -> Option<StateId>;

    /// Operations that lead from any state to the same one, whatever they were answered, have one number.
    fn class(&self, operation: usize) -> u64;

    /// Does this operation leave every state as it is?
    fn only_reads(&self, operation: usize) -> bool;

    /// Can no order of some of the `candidates` lead from `state` to where `target` can take effect?
    /// A model may always say that one might.
    fn is_out_of_reach(&self, state: StateId, target: usize, candidates: impl Iterator<Item = usize> + Clone) -> bool {
        let _ = (state, target, candidates);
        false
    }
}
