//! Kafka's `TreeMapLogHistory`: values by the offset from which they are in force.

use crate::ids::Offset;

/// Ascending by offset; -1 is that of the bootstrap snapshot.
#[derive(Clone, Debug)]
pub struct LogHistory<T>(Vec<(Offset, T)>);

impl<T> Default for LogHistory<T> {
    fn default() -> Self {
        LogHistory(Vec::new())
    }
}

impl<T> LogHistory<T> {
    /// `false` if the offset is not above that of the last entry: an exception in Kafka.
    #[must_use]
    pub fn add_at(&mut self, offset: Offset, value: T) -> bool {
        let is_next = self.0.last().is_none_or(|(last, _)| *last < offset);
        if is_next {
            self.0.push((offset, value));
        }
        is_next
    }

    pub fn value_at_or_before(&self, offset: Offset) -> Option<&T> {
        let count = self.0.partition_point(|(of, _)| *of <= offset);
        self.0[..count].last().map(|(_, value)| value)
    }

    pub fn last_entry(&self) -> Option<(Offset, &T)> {
        self.0.last().map(|(offset, value)| (*offset, value))
    }

    /// Forgets all entries from `end` on.
    pub fn truncate_new_entries(&mut self, end: Offset) {
        self.0.truncate(self.0.partition_point(|(offset, _)| *offset < end));
    }

    /// Forgets all entries at or below `start` but the last one of these.
    pub fn truncate_old_entries(&mut self, start: Offset) {
        let count = self.0.partition_point(|(offset, _)| *offset <= start);
        self.0.drain(..count.saturating_sub(1));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(history: &LogHistory<char>) -> Vec<i64> {
        history.0.iter().map(|(offset, _)| offset.0).collect()
    }

    /// `TreeMapLogHistoryTest`
    #[test]
    fn entries_are_in_force_from_their_offset_until_the_next() {
        let mut history = LogHistory::default();
        for (offset, value) in [(-1, 'a'), (100, 'b'), (200, 'c')] {
            assert!(history.add_at(Offset(offset), value));
        }
        assert!(!history.add_at(Offset(200), 'd'));
        let at = |offset| history.value_at_or_before(Offset(offset)).copied();
        assert_eq!([-2, -1, 99, 100, 199, 300].map(at), [None, Some('a'), Some('a'), Some('b'), Some('b'), Some('c')]);
        history.truncate_old_entries(Offset(150));
        assert_eq!(offsets(&history), [100, 200]);
        history.truncate_new_entries(Offset(200));
        assert_eq!((offsets(&history), history.last_entry()), (vec![100], Some((Offset(100), &'b'))));
        history.truncate_new_entries(Offset(100));
        assert_eq!(history.last_entry(), None);
    }
}
