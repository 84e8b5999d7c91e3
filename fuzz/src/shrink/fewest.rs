//! Fewest elements of a list that still fail: ever smaller pieces are taken away (Zeller and
//! Hildebrandt, 2002; complements only, for one element alone is the last of the pieces).

use super::search::Search;
use crate::case::Case;

/// How far a list is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// Down to a sixteenth of it.
    Large,
    /// Down to one.
    All,
}

/// Takes away from a list what it can, in pieces of no less than a share of it. Several pieces are tried at a
/// time, and the first that may go goes: so the outcome is that of trying one after the other.
pub fn fewest<T: Clone>(
    search: &mut Search<'_>,
    pieces: Pieces,
    get: impl Fn(&Case) -> Vec<T>,
    put: impl Fn(&mut Case, Vec<T>),
) {
    let mut size = get(&search.best).len();
    let smallest = match pieces {
        Pieces::Large => (size / 16).max(1),
        Pieces::All => 1,
    };
    while size >= smallest && !search.is_over() {
        let removed = one_round(search, size, &get, &put);
        size = match size {
            1 if !removed => 0,
            1 => 1.min(get(&search.best).len()),
            _ => (size / 2).min(get(&search.best).len()),
        };
    }
}

/// Tries to take away each piece of a size; true if any went.
fn one_round<T: Clone>(
    search: &mut Search<'_>,
    size: usize,
    get: &impl Fn(&Case) -> Vec<T>,
    put: &impl Fn(&mut Case, Vec<T>),
) -> bool {
    let (mut at, mut removed) = (0, false);
    loop {
        let items = get(&search.best);
        let places: Vec<usize> = (0..search.width()).map(|k| at + k * size).filter(|at| *at < items.len()).collect();
        let Some(last) = places.last() else { return removed };
        let without = |place: &usize| {
            let end = (place + size).min(items.len());
            let mut case = search.best.clone();
            put(&mut case, [&items[..*place], &items[end..]].concat());
            case
        };
        let candidates: Vec<Case> = places.iter().map(without).collect();
        let next = last + size;
        match search.first_failing(candidates) {
            Some(index) => {
                at = places[index];
                removed = true;
            }
            None => at = next,
        }
        if search.is_over() {
            return removed;
        }
    }
}
