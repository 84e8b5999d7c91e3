//! The canonical walk of an image, written a second time: `raft::metadata::image::digest` says what it is. This one
//! knows rows of tables and nothing of raft's walk; the two share the function that folds 64-bit words.

use raft::ids::{NodeId, Uuid};
use raft::message::CanonicalHasher;

/// Words in their order.
pub struct Walk(CanonicalHasher);

impl Walk {
    /// Of an entity of the kind with this number.
    pub fn of(kind: u64) -> Walk {
        let mut hasher = CanonicalHasher::default();
        hasher.u64(kind);
        Walk(hasher)
    }

    /// A number of any width, or a flag as 0 or 1.
    pub fn number(mut self, number: impl Into<i64>) -> Walk {
        self.0.u64(number.into() as u64);
        self
    }

    /// Its length in bytes, and eight of them in each word.
    pub fn text(mut self, text: &str) -> Walk {
        self.0.bytes(text.as_bytes());
        self
    }

    /// Two words, as its bytes stand.
    pub fn uuid(mut self, uuid: Uuid) -> Walk {
        let (first, second) = uuid.0.split_at(8);
        for half in [first, second] {
            let word = half.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.0.u64(word);
        }
        self
    }

    pub fn list<T>(self, items: &[T], one: impl Fn(Walk, &T) -> Walk) -> Walk {
        let counted = self.number(items.len() as i64);
        items.iter().fold(counted, one)
    }

    pub fn nodes(self, ids: &[NodeId]) -> Walk {
        self.list(ids, |walk, id| walk.number(id.0))
    }

    pub fn uuids(self, uuids: &[Uuid]) -> Walk {
        self.list(uuids, |walk, uuid| walk.uuid(*uuid))
    }

    /// Whether there is one, and then it.
    pub fn maybe<T: ?Sized>(self, item: Option<&T>, one: impl Fn(Walk, &T) -> Walk) -> Walk {
        let known = self.number(item.is_some());
        match item {
            Some(item) => one(known, item),
            None => known,
        }
    }

    /// What the entity adds to the digest.
    pub fn finish(self) -> u64 {
        self.0.finish()
    }
}
