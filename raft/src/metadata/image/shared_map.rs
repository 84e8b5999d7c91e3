//! A sorted map whose clones share all unchanged entries: those of an image and of its successor.
//!
//! It consists of sorted chunks of up to [`MAX_CHUNK`] entries under one list of pointers. A clone copies nothing; the
//! first change after it copies the list and one chunk. Unshared chunks are changed in place.

use std::borrow::Borrow;
use std::rc::Rc;

const MAX_CHUNK: usize = 32;

type Chunk<K, V> = Rc<Vec<(K, V)>>;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct SharedMap<K, V> {
    /// Chunks are not empty; keys ascend within and across them.
    chunks: Rc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        SharedMap { chunks: Rc::default(), len: 0 }
    }
}

/// Equal if the entries are; the chunk boundaries are not compared.
impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.entries().eq(other.entries())
    }
}
impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K, V> SharedMap<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// In ascending order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + '_ {
        self.entries().map(|(key, value)| (key, value))
    }

    /// Ascending.
    pub fn keys(&self) -> impl Iterator<Item = &K> + '_ {
        self.entries().map(|(key, _)| key)
    }

    /// In ascending order of keys.
    pub fn values(&self) -> impl Iterator<Item = &V> + '_ {
        self.entries().map(|(_, value)| value)
    }

    fn entries(&self) -> impl Iterator<Item = &(K, V)> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The chunk that contains `key` or would contain it, and the position in it; `Err` if the key is absent.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, Result<usize, usize>)
    where
        K: Borrow<Q>,
    {
        let after = self.chunks.partition_point(|chunk| chunk[0].0.borrow() <= key);
        let at = after.saturating_sub(1);
        let chunk = self.chunks.get(at).map_or(&[][..], |chunk| chunk.as_slice());
        (at, chunk.binary_search_by(|(candidate, _)| candidate.borrow().cmp(key)))
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (chunk, found) = self.find(key);
        found.ok().map(|index| &self.chunks[chunk][index].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).1.is_ok()
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, found) = self.find(key);
        let index = found.ok()?;
        Some(&mut Rc::make_mut(&mut Rc::make_mut(&mut self.chunks)[chunk])[index].1)
    }

    /// Sets the value; returns the previous one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (at, found) = self.find(&key);
        let chunks = Rc::make_mut(&mut self.chunks);
        if chunks.is_empty() {
            chunks.push(Rc::new(Vec::new()));
        }
        let chunk = Rc::make_mut(&mut chunks[at]);
        match found {
            Ok(index) => return Some(std::mem::replace(&mut chunk[index].1, value)),
            Err(index) => chunk.insert(index, (key, value)),
        }
        self.len += 1;
        if chunk.len() > MAX_CHUNK {
            let upper = chunk.split_off(MAX_CHUNK / 2);
            chunks.insert(at + 1, Rc::new(upper));
        }
        None
    }

    /// Removes the entry; returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (at, found) = self.find(key);
        let index = found.ok()?;
        let chunks = Rc::make_mut(&mut self.chunks);
        let chunk = Rc::make_mut(&mut chunks[at]);
        let (_, value) = chunk.remove(index);
        if chunk.is_empty() {
            chunks.remove(at);
        }
        self.len -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_and_its_clones_do_not_change(
            operations in prop::collection::vec((0..200_u16, prop::option::weighted(0.7, any::<u8>())), 0..400),
        ) {
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            let mut clones = Vec::new();
            for (index, (key, value)) in operations.into_iter().enumerate() {
                match value {
                    Some(value) if index % 3 == 0 && model.contains_key(&key) => {
                        *map.get_mut(&key).expect("it is in the model") = value;
                        model.insert(key, value);
                    }
                    Some(value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    None => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
                if index % 16 == 0 {
                    clones.push((map.clone(), model.clone()));
                }
            }
            clones.push((map, model));
            for (map, model) in clones {
                prop_assert!(map.iter().eq(model.iter()));
            }
        }
    }
}
