//! A table of an image: rows by key, their part of the digest, and what the running batch found there.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Deref;

/// What is kept in a table under such a key.
pub trait Row<K> {
    fn digest(&self, key: &K) -> u64;
}

#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// Rows that the batch has touched, as they were before it.
    before: BTreeMap<K, Option<V>>,
    digest: u64,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Table<K, V> {
        Table { rows: BTreeMap::new(), before: BTreeMap::new(), digest: 0 }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.rows
    }
}

impl<K: Ord + Clone, V: Row<K> + Clone> Table<K, V> {
    /// A row as it was before the batch.
    pub fn before<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.before.get(key).map_or_else(|| self.rows.get(key), Option::as_ref)
    }

    /// The keys of all rows that the batch has touched.
    pub fn touched(&self) -> impl Iterator<Item = &K> {
        self.before.keys()
    }

    pub fn is_touched(&self) -> bool {
        !self.before.is_empty()
    }

    /// The sum of what rows add to the digest of the image.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Sets a row, or deletes it.
    pub(super) fn set(&mut self, key: K, row: Option<V>) {
        self.digest = self.digest.wrapping_add(row.as_ref().map_or(0, |row| row.digest(&key)));
        let old = match row {
            Some(row) => self.rows.insert(key.clone(), row),
            None => self.rows.remove(&key),
        };
        self.digest = self.digest.wrapping_sub(old.as_ref().map_or(0, |old| old.digest(&key)));
        self.before.entry(key).or_insert(old);
    }

    pub(super) fn begin(&mut self) {
        self.before.clear();
    }
}
