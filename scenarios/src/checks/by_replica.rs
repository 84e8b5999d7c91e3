//! What a leader has received from each replica, by the key in its requests. A server whose disk was replaced is another
//! replica under the same id; what the former one sent may arrive after that (KIP-853, directory ids).

use raft::ids::ReplicaKey;
use raft::voter_set::VoterNode;

#[derive(Clone, Debug)]
pub struct ByReplica<T> {
    /// The one that has sent something last is at the end.
    replicas: Vec<(ReplicaKey, T)>,
}

impl<T> Default for ByReplica<T> {
    fn default() -> ByReplica<T> {
        ByReplica { replicas: Vec::new() }
    }
}

impl<T: Default> ByReplica<T> {
    /// A replica has sent something.
    #[inline]
    pub fn sent(&mut self, key: ReplicaKey) -> &mut T {
        let place = self.replicas.iter().position(|(of, _)| *of == key);
        match place {
            Some(place) => self.replicas[place..].rotate_left(1),
            None => self.replicas.push((key, T::default())),
        }
        &mut self.replicas.last_mut().expect("it is there").1
    }
}

impl<T> ByReplica<T> {
    pub fn clear(&mut self) {
        self.replicas.clear();
    }

    /// Of all replicas.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.replicas.iter_mut().map(|(_, it)| it)
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
        *received.sent(key(1)) = 10;
        *received.sent(key(2)) = 20;
        let of = |directory_id: Option<Uuid>, received: &ByReplica<u64>| {
            let mut voter = VoterSet::of_ids(&[NodeId(2)]).nodes()[0].clone();
            voter.directory_id = directory_id;
            received.of(&voter).copied().collect::<Vec<_>>()
        };
        assert_eq!(of(key(1).directory_id, &received), [10]);
        assert_eq!(of(key(3).directory_id, &received), [0; 0]);
        assert_eq!(of(None, &received), [20, 10]);
        *received.sent(key(1)) += 1;
        assert_eq!(of(None, &received), [11, 20]);
    }
}
