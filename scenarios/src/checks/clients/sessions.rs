//! `NewEpochBeginsAtZero`: with each bump of a producer's epoch the sequences of every partition begin
//! anew (KIP-360, KAFKA-12152), from what clients send.
//!
//! A partition in which something was refused or given up, or has had no answer, is excused: batches
//! that were given the first numbers may have ended without being sent again (controller-broker.md §6.8).

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::client::TopicPartition;
use raft::log::BatchProducer;

use crate::checks::replication::committed_log::Session;

claim! {
    /// In a new epoch of a producer the sequences of each partition begin at 0.
    NewEpochBeginsAtZero, Safety of History, "KIP-360; KAFKA-12152";
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    session: Session,
    /// Something went wrong in it.
    troubled: bool,
}

/// The session in which each client last sent to each partition.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    sent: BTreeMap<(usize, TopicPartition), Sent>,
}

impl Sessions {
    /// A client sends a batch.
    pub fn sends(&mut self, client: usize, partition: TopicPartition, producer: BatchProducer, verdict: &mut Verdict) {
        let session = (producer.id, producer.epoch);
        let before = self.sent.get(&(client, partition)).copied();
        if before.is_some_and(|before| before.session == session) {
            return;
        }
        self.sent.insert((client, partition), Sent { session, troubled: false });
        if producer.base_sequence != 0 && before.is_some_and(|before| !before.troubled) {
            verdict.fail(&NewEpochBeginsAtZero::CLAIM, || {
                format!(
                    "client {client} begins epoch {} of producer {} in {partition} with sequence {}",
                    producer.epoch, producer.id, producer.base_sequence
                )
            });
        }
    }

    /// An attempt did not succeed, or a batch was given up.
    pub fn trouble(&mut self, client: usize, partition: TopicPartition) {
        if let Some(sent) = self.sent.get_mut(&(client, partition)) {
            sent.troubled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::ProducerId;

    use super::*;

    const PARTITION: TopicPartition = TopicPartition { topic: 0, partition: 1 };

    /// Epoch and sequence of what is sent, in order; does it break?
    fn breaks(sent: &[(i16, i32)], troubled_after_first: bool) -> bool {
        let (mut sessions, mut verdict) = (Sessions::default(), Verdict::default());
        for (at, (epoch, base_sequence)) in sent.iter().enumerate() {
            let producer = BatchProducer { id: ProducerId(7), epoch: *epoch, base_sequence: *base_sequence };
            sessions.sends(0, PARTITION, producer, &mut verdict);
            if at == 0 && troubled_after_first {
                sessions.trouble(0, PARTITION);
            }
        }
        verdict.violation().is_some()
    }

    #[test]
    fn a_bump_begins_at_zero_where_nothing_went_wrong() {
        assert!(!breaks(&[(0, 0), (0, 3), (1, 0), (1, 2)], false));
        assert!(breaks(&[(0, 0), (0, 3), (1, 5)], false));
        assert!(!breaks(&[(0, 0), (1, 5)], true));
    }
}
