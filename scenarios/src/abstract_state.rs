//! The abstract state of a run: a search for new behaviour treats two moments with equal abstract states as equal.
//!
//! Per server: role, rank of its epoch among those of all servers, up or down, how its log end offset compares with its
//! high watermark; per partition: members of the ISR, tolerance guards, and whether its leader is up. Servers of one
//! kind are interchangeable, and so are partitions: the state counts how many are in each condition, not which.

use std::cmp::Ordering;

use raft::io::Role;
use xxhash_rust::xxh3::xxh3_64;

use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::models::Models;
use crate::checks::replication::elections;
use crate::checks::replication::partition::PartitionModel;
use crate::checks::server_model::ServerModel;

/// Distinguishes the words of servers from those of partitions.
const SERVER: u64 = 1 << 56;
const PARTITION: u64 = 2 << 56;

/// The hash of a run's abstract state, from what the models know.
pub fn of(models: &Models) -> u64 {
    let servers = models.servers.iter().map(|model| server_word(models, model));
    let partitions = models.cluster.iter().flat_map(|cluster| {
        let replication = cluster.replication();
        let partitions = replication.partitions.iter().filter(|partition| !partition.is_deleted());
        partitions.filter_map(|partition| partition_word(models, partition))
    });
    // A sum does not depend on the order of its terms.
    let mixed = servers.chain(partitions).map(|word| xxh3_64(&word.to_le_bytes()));
    xxh3_64(&mixed.fold(0, u64::wrapping_add).to_le_bytes())
}

fn server_word(models: &Models, model: &ServerModel) -> u64 {
    let role = match model.role.filter(|_| model.up) {
        None => 0,
        Some((Role::Unattached, ..)) => 1,
        Some((Role::Prospective, ..)) => 2,
        Some((Role::Candidate, ..)) => 3,
        Some((Role::Leader, ..)) => 4,
        Some((Role::Follower, ..)) => 5,
        Some((Role::Resigned, ..)) => 6,
    };
    let ahead = match model.high_watermark.filter(|_| model.up) {
        None => 0,
        Some(shown) => match model.log.end(&models.ledger).cmp(&shown.offset) {
            Ordering::Less => 1,
            Ordering::Equal => 2,
            Ordering::Greater => 3,
        },
    };
    let is_broker = models.cluster.as_ref().is_some_and(|cluster| cluster.is_broker(model.id));
    let kind = u64::from(model.voter) << 1 | u64::from(is_broker);
    SERVER | kind << 40 | role << 32 | rank(models, model) << 16 | ahead << 8 | u64::from(model.up)
}

/// How many different epochs of other servers are newer.
fn rank(models: &Models, model: &ServerModel) -> u64 {
    let own = model.epoch();
    let newer = |at: usize| {
        let epoch = models.servers[at].epoch();
        epoch > own && models.servers[..at].iter().all(|before| before.epoch() != epoch)
    };
    (0..models.servers.len()).filter(|at| newer(*at)).count() as u64
}

fn partition_word(models: &Models, partition: &PartitionModel) -> Option<u64> {
    let now: &ReferencePartition = partition.now()?;
    let is_guard = |id| partition.server(id).is_some_and(|server| partition.is_guard(server));
    let guards = elections::candidates(now).filter(|id| is_guard(*id)).count() as u64;
    let led = match partition.server(now.leader) {
        None => 0,
        Some(server) => 1 + u64::from(models.servers[server].up),
    };
    Some(PARTITION | (now.isr.len() as u64) << 32 | guards << 16 | led)
}

#[cfg(test)]
mod tests {
    use raft::ids::{LeaderEpoch, NodeId};

    use super::*;
    use crate::checks::Checks;

    fn checks() -> Checks {
        Checks::new(crate::checks::tests::voters(3))
    }

    fn enters(checks: &mut Checks, server: usize, role: Role, epoch: i32) {
        checks.models.servers[server].up = true;
        checks.models.servers[server].role = Some((role, LeaderEpoch(epoch), NodeId(1)));
    }

    #[test]
    fn it_knows_how_many_stand_how_and_not_which() {
        let stand = |roles: [(Role, i32); 3]| {
            let mut checks = checks();
            for (server, (role, epoch)) in roles.into_iter().enumerate() {
                enters(&mut checks, server, role, epoch);
            }
            of(&checks.models)
        };
        let led = stand([(Role::Leader, 4), (Role::Follower, 4), (Role::Follower, 4)]);
        assert_eq!(led, stand([(Role::Follower, 7), (Role::Leader, 7), (Role::Follower, 7)]), "ranks, not epochs");
        assert_eq!(
            stand([(Role::Leader, 4), (Role::Follower, 2), (Role::Follower, 1)]),
            stand([(Role::Follower, 1), (Role::Leader, 9), (Role::Follower, 5)])
        );
        let others = [
            stand([(Role::Leader, 4), (Role::Follower, 4), (Role::Follower, 3)]),
            stand([(Role::Leader, 3), (Role::Follower, 4), (Role::Follower, 4)]),
            stand([(Role::Resigned, 4), (Role::Follower, 4), (Role::Follower, 4)]),
        ];
        assert!(others.iter().all(|other| *other != led), "{led:x} {others:x?}");
        let mut one_down = checks();
        (0..3).for_each(|server| {
            enters(&mut one_down, server, if server == 0 { Role::Leader } else { Role::Follower }, 4)
        });
        assert_eq!(of(&one_down.models), led);
        one_down.models.servers[2].up = false;
        assert_ne!(of(&one_down.models), led);
    }
}
