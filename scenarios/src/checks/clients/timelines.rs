//! Values that records of the metadata log change. A state of the log is named by its end: state `n` is what the
//! records below offset `n` make.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

/// More changes than this are counted in a text.
const FEW: usize = 4;

/// By key, each value from the record on that made it.
#[derive(Clone, Debug)]
pub struct Timelines<K, T> {
    /// Offset of the record and value, ascending.
    changes: BTreeMap<K, Vec<(i64, T)>>,
    initial: T,
}

impl<K, T: Default> Default for Timelines<K, T> {
    fn default() -> Timelines<K, T> {
        Timelines { changes: BTreeMap::new(), initial: T::default() }
    }
}

impl<K: Ord, T> Timelines<K, T> {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub fn push(&mut self, key: K, offset: i64, value: T) {
        self.changes.entry(key).or_default().push((offset, value));
    }

    /// The changes by records of these offsets.
    pub fn changes(&self, key: &K, offsets: Range<i64>) -> &[(i64, T)] {
        let all = self.changes.get(key).map_or(&[][..], Vec::as_slice);
        let place = |offset: i64| all.partition_point(|(at, _)| *at < offset);
        &all[place(offsets.start)..place(offsets.end)]
    }

    /// The value in the state `end`.
    pub fn at(&self, key: &K, end: i64) -> &T {
        self.changes(key, i64::MIN..end).last().map_or(&self.initial, |(_, value)| value)
    }

    pub fn now(&self, key: &K) -> &T {
        self.at(key, i64::MAX)
    }

    /// The state that the first of these records makes whose value is such.
    pub fn made(&self, key: &K, offsets: Range<i64>, is_such: impl Fn(&T) -> bool) -> Option<i64> {
        self.changes(key, offsets).iter().find(|(_, value)| is_such(value)).map(|(offset, _)| offset + 1)
    }

    /// The first state in the range whose value is such.
    pub fn first(&self, key: &K, ends: RangeInclusive<i64>, is_such: impl Fn(&T) -> bool) -> Option<i64> {
        let (first, last) = ends.into_inner();
        if is_such(self.at(key, first)) { Some(first) } else { self.made(key, first..last, is_such) }
    }

    /// The values in this range of states, as text: the oldest ones and the newest.
    pub fn text(&self, key: &K, ends: RangeInclusive<i64>, value: impl Fn(&T) -> String) -> String {
        let (first, last) = ends.into_inner();
        let oldest = format!("at offset {first}: {}", value(self.at(key, first)));
        let changes = self.changes(key, first..last);
        let later = |(offset, made): &(i64, T)| format!("from {} on: {}", offset + 1, value(made));
        let texts: Vec<String> = match changes {
            [next, skipped @ .., newest] if changes.len() > FEW => {
                vec![later(next), format!("{} more", skipped.len()), later(newest)]
            }
            few => few.iter().map(later).collect(),
        };
        std::iter::once(oldest).chain(texts).collect::<Vec<_>>().join("; ")
    }
}
