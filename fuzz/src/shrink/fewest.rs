//! Minimizes a list that still fails: removes smaller and smaller pieces (Zeller and Hildebrandt, 2002; complements
//! only, because a single element is the smallest piece).

use super::search::Search;
use crate::case::Case;

/// The smallest pieces of a list that are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// Down to a sixteenth of the list.
    Large,
    /// Down to one element.
    All,
}

/// Removes as much of a list as possible, in pieces of at least the smallest size. Several pieces are tried at a time,
/// and the first that can be removed is: the result is that of trying one after the other.
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

/// Tries to remove each piece of a size; true if any was removed. After a success, a piece of twice the size is tried
/// next.
fn one_round<T: Clone>(
    search: &mut Search<'_>,
    size: usize,
    get: &impl Fn(&Case) -> Vec<T>,
    put: &impl Fn(&mut Case, Vec<T>),
) -> bool {
    let (mut next, mut removed) = (Piece { at: 0, size }, false);
    loop {
        let items = get(&search.best);
        let mut pieces = next.and_those_after(size, items.len());
        let found = loop {
            let some: Vec<Piece> = pieces.by_ref().take(search.width()).collect();
            if some.is_empty() || search.is_over() {
                return removed;
            }
            let without = |piece: &Piece| {
                let end = (piece.at + piece.size).min(items.len());
                let mut case = search.best.clone();
                put(&mut case, [&items[..piece.at], &items[end..]].concat());
                case
            };
            if let Some(index) = search.first_failing(some.iter().map(without).collect()) {
                break some[index];
            }
        };
        removed = true;
        next = Piece { size: found.size * 2, ..found };
    }
}

/// The part of a list to remove.
#[derive(Clone, Copy)]
struct Piece {
    at: usize,
    size: usize,
}

impl Piece {
    /// This piece, if it is larger than `size`, then all pieces of `size` from its position on, in a list of `len`.
    fn and_those_after(self, size: usize, len: usize) -> impl Iterator<Item = Piece> {
        let larger = Some(self).filter(|piece| piece.size > size && piece.at + size < len);
        larger.into_iter().chain((self.at..len).step_by(size).map(move |at| Piece { at, size }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_gone_before_each_element_is_in_a_piece_of_its_own_size() {
        for (at, size, len) in [(0, 1, 5), (3, 1, 5), (2, 2, 7), (0, 4, 3), (5, 1, 5)] {
            for grown in [size, 2 * size, 8 * size] {
                let pieces: Vec<Piece> = Piece { at, size: grown }.and_those_after(size, len).collect();
                let own = pieces.iter().filter(|piece| piece.size == size);
                let covered: Vec<usize> = own.flat_map(|piece| piece.at..(piece.at + size).min(len)).collect();
                assert_eq!(covered, (at..len).collect::<Vec<_>>(), "{at} {size} {len} {grown}");
                let larger = pieces.iter().position(|piece| piece.size > size);
                assert_eq!(larger, (grown > size && at + size < len).then_some(0), "{at} {size} {len} {grown}");
            }
        }
    }
}
