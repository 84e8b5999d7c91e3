//! All objects of a history, in turns: a bad one that is easily seen ends the search of all.

use std::collections::BTreeMap;

use super::model::Model;
use super::operation::{Operation, Order};
use super::search::{Search, SearchProgress};
use super::verdict::{HistoryVerdict, Judgement, Witness};

/// Steps of an object's first turn.
const FIRST_TURN: u64 = 2_000;
/// By how much each turn is longer than the one before.
const LONGER: u64 = 8;

/// What the operations of a history are done to.
pub trait Objects {
    /// An operation on one of them.
    type Op;
    /// Names one.
    type Name<'a>: Ord
    where
        Self: 'a;
    /// What one is to the search.
    type Model: Model;

    /// The object of an operation.
    fn object_of<'a>(&'a self, op: &'a Self::Op) -> Self::Name<'a>;

    /// The model of one object's operations, in the order of their calls.
    fn model_of(&self, name: &Self::Name<'_>, operations: &[&Operation<Self::Op>]) -> Self::Model;
}

/// Judges a history object by object. No object gets more than about `steps` steps.
pub fn check<O: Objects>(objects: &O, operations: &[Operation<O::Op>], steps: u64) -> Judgement {
    let mut by_object: BTreeMap<O::Name<'_>, Vec<usize>> = BTreeMap::new();
    for (place, operation) in operations.iter().enumerate() {
        by_object.entry(objects.object_of(&operation.op)).or_default().push(place);
    }
    let mut open = Vec::with_capacity(by_object.len());
    for (name, mut places) in by_object {
        places.sort_by_key(|place| operations[*place].called);
        let own: Vec<&Operation<O::Op>> = places.iter().map(|place| &operations[*place]).collect();
        let search = Search::new(objects.model_of(&name, &own), Order::of(&own));
        open.push(Open { places, search });
    }
    in_turns(open, steps)
}

/// Why these operations of one object, which [`check`] found, are not linearizable: cuts the history at
/// ever closer answers. A cut that is not decided within `steps` is taken to be linearizable; the prefix
/// is that of the longest that was found to be.
pub fn explain<O: Objects>(
    objects: &O,
    operations: &[Operation<O::Op>],
    places: &[usize],
    steps: u64,
) -> Option<Witness> {
    let own: Vec<&Operation<O::Op>> = places.iter().map(|place| &operations[*place]).collect();
    let name = objects.object_of(&own.first()?.op);
    let whole = Order::of(&own);
    let mut answered: Vec<usize> = (0..own.len()).filter(|place| !whole.is_pending(*place)).collect();
    answered.sort_by_key(|place| whole.returned[*place]);
    let mut prefix = Vec::new();
    // The answers before `low` can be explained, those up to and with the one at `high` cannot.
    let (mut low, mut high) = (0, answered.len().checked_sub(1)?);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut search = Search::new(objects.model_of(&name, &own), whole.until(whole.returned[answered[middle]]));
        match search.run(steps) {
            SearchProgress::Violated => high = middle,
            SearchProgress::Linearizable => {
                prefix = search.path();
                low = middle + 1;
            }
            SearchProgress::Undecided => low = middle + 1,
        }
    }
    let stuck = places[answered[low]];
    Some(Witness { prefix: prefix.into_iter().map(|place| places[place]).collect(), stuck })
}

/// One object: the places of its operations in the history, and its search.
struct Open<M> {
    places: Vec<usize>,
    search: Search<M>,
}

fn in_turns<M: Model>(mut open: Vec<Open<M>>, most: u64) -> Judgement {
    let objects = open.len();
    let (mut steps, mut given_up) = (0, false);
    let mut turn = FIRST_TURN;
    while !open.is_empty() {
        let mut undecided = Vec::new();
        for mut object in open {
            let before = object.search.steps();
            let progress = object.search.run(turn.min(most.saturating_sub(before)));
            steps += object.search.steps() - before;
            match progress {
                SearchProgress::Linearizable => {}
                SearchProgress::Violated => {
                    return Judgement { verdict: HistoryVerdict::Violated(object.places), objects, steps };
                }
                SearchProgress::Undecided if object.search.steps() >= most => given_up = true,
                SearchProgress::Undecided => undecided.push(object),
            }
        }
        open = undecided;
        turn = turn.saturating_mul(LONGER);
    }
    let verdict = if given_up { HistoryVerdict::Unknown { steps: most } } else { HistoryVerdict::Linearizable };
    Judgement { verdict, objects, steps }
}
