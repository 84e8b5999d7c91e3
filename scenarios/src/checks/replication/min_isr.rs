//! `min.insync.replicas` of one partition's topic, and from where on in the metadata a broker knows it.

use raft::ids::Offset;
use smallvec::SmallVec;

/// Values as committed metadata had them, each at most the partition's replicas; ascending by offset.
#[derive(Clone, Debug, Default)]
pub struct MinIsrs(SmallVec<[(Offset, usize); 2]>);

impl MinIsrs {
    /// A batch that ends with offset `known_from` leaves this value: a broker that has published it knows the value.
    pub fn committed(&mut self, known_from: Offset, value: usize) {
        if self.0.last().is_none_or(|(_, last)| *last != value) {
            self.0.push((known_from, value));
        }
    }

    /// The lowest that a broker may have used since it had published up to `published`, at least:
    /// what it knew then, or what was committed later. More than there are of a partition that metadata
    /// does not have.
    pub fn lowest_since(&self, published: Offset) -> usize {
        let known = self.0.partition_point(|(from, _)| *from <= published);
        let values = &self.0[known.saturating_sub(1)..];
        values.iter().map(|(_, value)| *value).min().unwrap_or(usize::MAX)
    }
}
