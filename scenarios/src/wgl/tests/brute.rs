//! All orders of a tiny history, tried one after another.

use crate::wgl::Operation;

/// Can some order of all answered operations, and of some unanswered ones, explain the answers?
pub fn is_linearizable<Op, State: Clone>(
    operations: &[Operation<Op>],
    initial: &State,
    step: &impl Fn(&State, &Op) -> Option<State>,
) -> bool {
    fn go<Op, State: Clone>(
        left: &[&Operation<Op>],
        state: &State,
        step: &impl Fn(&State, &Op) -> Option<State>,
    ) -> bool {
        if left.iter().all(|operation| operation.returned.is_none()) {
            return true;
        }
        (0..left.len()).any(|chosen| {
            let mut others = left.to_vec();
            let operation = others.remove(chosen);
            let is_first = others.iter().all(|other| other.returned.is_none_or(|returned| returned > operation.called));
            is_first && step(state, &operation.op).is_some_and(|next| go(&others, &next, step))
        })
    }
    go(&operations.iter().collect::<Vec<_>>(), initial, step)
}
