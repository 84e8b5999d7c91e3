//! Records acknowledged with acks=all are in every later log, once and in order, for all crashes (without power loss),
//! leader changes, and responses of the controller.

use proptest::prelude::*;

use super::harness::{Harness, numbered};
use crate::message::ErrorCode;

#[derive(Clone, Copy, Debug)]
enum Action {
    Produce,
    /// Sends the newest batch again, like a client that received no response.
    Retry,
    Advance(u64),
    Kill(i32),
    Boot(i32),
    /// The controller elects another leader from the ISR; all brokers receive that, or only the leader.
    Elect(i32, bool),
    Accept,
    Refuse,
    Cut(i32, i32),
    Heal,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => Just(Action::Produce),
        2 => Just(Action::Retry),
        4 => prop_oneof![Just(10_u64), Just(600), Just(16_000), Just(46_000)].prop_map(Action::Advance),
        1 => (1..4).prop_map(Action::Kill),
        2 => (1..4).prop_map(Action::Boot),
        2 => (1..4, any::<bool>()).prop_map(|(id, all)| Action::Elect(id, all)),
        3 => Just(Action::Accept),
        1 => Just(Action::Refuse),
        1 => (1..3).prop_map(|a| Action::Cut(a, 3)),
        2 => Just(Action::Heal),
    ]
}

struct Client {
    harness: Harness,
    /// Batches sent to the leader, one value each; the sequence is the value.
    sent: u64,
    waiting: Vec<(i32, u64)>,
    acknowledged: Vec<(u64, i64)>,
}

impl Client {
    fn send(&mut self, value: u64) {
        let Some(leader) = self.harness.image.partition.leader.map(|leader| leader.0) else { return };
        if self.harness.is_up(leader) {
            let id = self.harness.produce(leader, -1, numbered(1, 0, value as i32, &[value]));
            self.waiting.push((id, value));
        }
    }

    fn hear(&mut self) {
        let harness = &mut self.harness;
        let acknowledged = &mut self.acknowledged;
        self.waiting.retain(|&(id, value)| match harness.produced(id) {
            Some((ErrorCode::None, offset)) => {
                acknowledged.push((value, offset));
                false
            }
            answer => answer.is_none(),
        });
    }

    /// Decides as the controller: compare-and-set with both epochs.
    fn decide(&mut self) {
        let Some((_, _, request)) = self.harness.proposals.first() else { return };
        let (item, partition) = (&request.partitions[0], &self.harness.image.partition);
        if item.leader_epoch != partition.leader_epoch {
            self.harness.refuse_proposal(ErrorCode::FencedLeaderEpoch);
        } else if item.partition_epoch != partition.partition_epoch {
            self.harness.refuse_proposal(ErrorCode::InvalidUpdateVersion);
        } else {
            self.harness.accept_proposal();
        }
    }

    fn up(&self) -> Vec<i32> {
        (1..4).filter(|id| self.harness.is_up(*id)).collect()
    }

    fn elect(&mut self, id: i32, all: bool) {
        let isr: Vec<i32> = self.harness.image.partition.isr.iter().map(|id| id.0).collect();
        if self.harness.is_up(id) && isr.contains(&id) {
            let to = if all { self.up() } else { vec![id] };
            self.harness.change(id, &isr, &to);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Produce => {
                // A producer sends no gaps: the next batch follows when this one is appended.
                if self.sent == 0 || self.acknowledged.iter().any(|(value, _)| value + 1 == self.sent) {
                    self.sent += 1;
                }
                self.send(self.sent - 1);
            }
            Action::Retry if self.sent > 0 => self.send(self.sent - 1),
            Action::Retry => {}
            Action::Advance(ms) => self.harness.advance(ms),
            Action::Kill(id) if self.up().len() > 1 && self.harness.is_up(id) => self.harness.kill(id),
            Action::Boot(id) if !self.harness.is_up(id) => self.harness.boot(id),
            Action::Kill(_) | Action::Boot(_) => {}
            Action::Elect(id, all) => self.elect(id, all),
            Action::Accept => self.decide(),
            Action::Refuse if !self.harness.proposals.is_empty() => {
                self.harness.refuse_proposal(ErrorCode::IneligibleReplica);
            }
            Action::Refuse => {}
            Action::Cut(a, b) => self.harness.cut(a, b),
            Action::Heal => self.harness.heal(),
        }
        self.hear();
    }
}

proptest! {
    #[test]
    fn acknowledged_records_stay(actions in prop::collection::vec(action(), 1..80)) {
        let mut client = Client { harness: Harness::new(), sent: 0, waiting: Vec::new(), acknowledged: Vec::new() };
        client.harness.advance(1_000);
        for action in actions {
            client.act(action);
        }
        // All faults end; the cluster must become stable.
        client.harness.heal();
        for id in 1..4 {
            client.act(Action::Boot(id));
        }
        let leader = client.harness.image.partition.isr[0].0;
        client.elect(leader, true);
        client.harness.publish(&[1, 2, 3]);
        for _ in 0..6 {
            client.act(Action::Advance(46_000));
            for _ in 0..9 {
                client.decide();
            }
            // A proposal left undecided by INVALID_UPDATE_VERSION is decided by metadata.
            client.harness.publish(&[1, 2, 3]);
        }
        prop_assert_eq!(client.harness.image.partition.isr.len(), 3);
        let values = client.harness.values(leader);
        for id in 1..4 {
            prop_assert_eq!(&client.harness.values(id), &values, "broker {}", id);
            prop_assert_eq!(client.harness.high_watermark(id), values.len() as i64, "broker {}", id);
        }
        prop_assert!(values.iter().copied().eq(0..values.len() as u64), "{:?}", values);
        for (value, offset) in client.acknowledged {
            prop_assert_eq!(values.get(offset as usize), Some(&value));
        }
    }
}
