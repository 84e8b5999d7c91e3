//! A map for few keys that is read far more often than it is changed: a sorted vector.

const FEW: usize = 16;

/// As `BTreeMap`, in two contiguous allocations: a lookup is a binary search, an iteration is a loop, and clearing
/// keeps the memory. An insertion or removal shifts the entries behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    /// Ascending.
    keys: Vec<K>,
    values: Vec<V>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

impl<K, V> SortedMap<K, V> {
    pub const fn new() -> SortedMap<K, V> {
        SortedMap { keys: Vec::new(), values: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    /// Removes all entries for which `stays` is false.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &mut V) -> bool) {
        let mut at = 0;
        let values = &mut self.values;
        self.keys.retain(|key| {
            let is_to_stay = stays(key, &mut values[at]);
            if is_to_stay {
                at += 1;
            } else {
                values.remove(at);
            }
            is_to_stay
        });
    }

    /// Ascending by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.keys.iter().zip(&self.values)
    }

    /// Ascending.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.keys.iter()
    }

    /// Ascending by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.values.iter()
    }

    /// Ascending by key.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.values.iter_mut()
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Among few keys, a linear search for equality is faster than a binary search.
    #[inline]
    fn position(&self, key: &K) -> Option<usize> {
        if self.keys.len() <= FEW {
            self.keys.iter().position(|other| other == key)
        } else {
            self.keys.binary_search(key).ok()
        }
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.position(key).map(|at| &self.values[at])
    }

    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.position(key).map(|at| &mut self.values[at])
    }

    #[inline]
    pub fn contains_key(&self, key: &K) -> bool {
        self.position(key).is_some()
    }

    /// Sets the value of `key`; returns the old one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Some(at) => Some(std::mem::replace(&mut self.values[at], value)),
            None => {
                self.insert_new(key, value);
                None
            }
        }
    }

    /// A key that is not among the others; returns its place.
    fn insert_new(&mut self, key: K, value: V) -> usize {
        let at = self.keys.partition_point(|other| *other < key);
        self.keys.insert(at, key);
        self.values.insert(at, value);
        at
    }

    /// Removes the entry of `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.position(key)?;
        self.keys.remove(at);
        Some(self.values.remove(at))
    }

    /// The value of `key`, inserted first if absent.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.position(&key) {
            Some(at) => at,
            None => self.insert_new(key, make()),
        };
        &mut self.values[at]
    }
}

/// Later values of a key replace earlier ones.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SortedMap::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_as_a_b_tree_map() {
        let mut sorted = SortedMap::new();
        let mut model = std::collections::BTreeMap::new();
        let mut number = 1_u32;
        for step in 0..2_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (number >> 24) % 40;
            if number.is_multiple_of(97) {
                sorted.retain(|key: &u32, _| !key.is_multiple_of(3));
                model.retain(|key: &u32, _| !key.is_multiple_of(3));
            }
            match number % 4 {
                0 => assert_eq!(sorted.remove(&key), model.remove(&key)),
                1 => assert_eq!(sorted.get_or_insert_with(key, || step), model.entry(key).or_insert(step)),
                _ => assert_eq!(sorted.insert(key, step), model.insert(key, step)),
            }
            assert_eq!(sorted.get(&key), model.get(&key));
            assert!(sorted.iter().eq(model.iter()), "after {step} steps");
        }
    }
}
