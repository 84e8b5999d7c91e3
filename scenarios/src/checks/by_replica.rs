//! What a leader has received from each replica, by the key in its requests. A server whose disk was replaced is another
//! replica under the same id; what the former one sent may arrive after that (KIP-853, directory ids).

use raft::ids::ReplicaKey;
use raft::voter_set::VoterNode;

#[derive(Clone, Debug)]
pub struct ByReplica<T> {
    /// Of those with the same id, the newest is the last.
    replicas: Vec<(ReplicaKey, T)>,
}

impl<T> Default for ByReplica<T> {
    fn default() -> ByReplica<T> {
        ByReplica { replicas: Vec::new() }
    }
}

impl<T: Default> ByReplica<T> {
    #[inline]
    pub fn entry(&mut self, key: ReplicaKey) -> &mut T {
        let place = self.place(key);
        &mut self.replicas[place].1
    }

    /// The same, of a replica that counts from now on for its id, if the voter has no directory id.
    #[inline]
    pub fn newest(&mut self, key: ReplicaKey) -> &mut T {
        let place = self.place(key);
        let last = self.replicas.iter().rposition(|(of, _)| of.id == key.id).unwrap_or(place);
        self.replicas.swap(place, last);
        &mut self.replicas[last].1
    }

    fn place(&mut self, key: ReplicaKey) -> usize {
        self.replicas.iter().position(|(of, _)| *of == key).unwrap_or_else(|| {
            self.replicas.insert(0, (key, T::default()));
            0
        })
    }
}

impl<T> ByReplica<T> {
    pub fn clear(&mut self) {
        self.replicas.clear();
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ReplicaKey, &mut T)> {
        self.replicas.iter_mut().map(|(key, it)| (*key, it))
    }

    /// Of the replicas that count as this voter, the newest first: more than one if the voter has no directory id.
    pub fn of<'a>(&'a self, voter: &'a VoterNode) -> impl Iterator<Item = &'a T> {
        self.replicas.iter().rev().filter(|(key, _)| voter.is_voter(*key)).map(|(_, it)| it)
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::{NodeId, Uuid};
    use raft::voter_set::VoterSet;

    use super::*;

    #[test]
    fn a_replaced_disk_is_another_replica() {
        let key = |directory: u8| ReplicaKey { id: NodeId(2), directory_id: Some(Uuid([directory; 16])) };
        let mut received: ByReplica<u64> = ByReplica::default();
        *received.newest(key(1)) = 10;
        *received.newest(key(2)) = 20;
        let of = |directory_id: Option<Uuid>, received: &ByReplica<u64>| {
            let mut voter = VoterSet::of_ids(&[NodeId(2)]).nodes()[0].clone();
            voter.directory_id = directory_id;
            received.of(&voter).copied().collect::<Vec<_>>()
        };
        assert_eq!(of(key(1).directory_id, &received), [10]);
        assert_eq!(of(key(4).directory_id, &received), [0; 0]);
        assert_eq!(of(None, &received), [20, 10]);
        *received.entry(key(1)) += 1;
        received.entry(key(3));
        assert_eq!(of(None, &received), [20, 11, 0]);
        received.newest(key(1));
        assert_eq!(of(None, &received), [11, 20, 0]);
    }
}
