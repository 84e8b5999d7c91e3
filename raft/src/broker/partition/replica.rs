//! What a leader knows of a follower: Kafka's Replica and ReplicaState (controller-broker.md §6.4).

use crate::ids::{BrokerEpoch, NodeId, Offset};

/// A follower in the eyes of its leader. Times are the leader's wall clock, as in Kafka (§11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Who.
    pub broker_id: NodeId,
    /// Its log end; unknown until it has fetched from this leader.
    pub log_end: Option<Offset>,
    /// When it had everything, last.
    pub last_caught_up_ms: i64,
    /// The leader's end at its last fetch.
    pub last_fetch_leader_log_end: Offset,
    /// When that was.
    pub last_fetch_ms: i64,
    /// Broker epoch in its last fetch; unknown before.
    pub broker_epoch: Option<BrokerEpoch>,
}

impl Replica {
    /// Nothing known.
    pub fn new(broker_id: NodeId) -> Replica {
        Replica {
            broker_id,
            log_end: None,
            last_caught_up_ms: 0,
            last_fetch_leader_log_end: Offset(0),
            last_fetch_ms: 0,
            broker_epoch: None,
        }
    }

    /// A new leader epoch begins (§6.2 step 4). Was it followed before, as far as its leader knows?
    pub fn reset(&mut self, now_ms: i64, leader_log_end: Offset, knows_nothing: bool, in_isr: bool) {
        let since_ms = if in_isr { now_ms } else { 0 };
        self.last_caught_up_ms = since_ms;
        if knows_nothing {
            self.log_end = None;
            self.last_fetch_leader_log_end = Offset(0);
            self.last_fetch_ms = 0;
            self.broker_epoch = None;
        } else {
            self.last_fetch_leader_log_end = leader_log_end;
            self.last_fetch_ms = since_ms;
        }
    }

    /// A fetch from `fetch_offset`, arrived at `now_ms` when the leader ended at `leader_log_end`.
    /// A follower that now fetches what was the end at its fetch before was caught up at that time.
    pub fn update_fetch_state(
        &mut self,
        fetch_offset: Offset,
        now_ms: i64,
        leader_log_end: Offset,
        broker_epoch: BrokerEpoch,
    ) {
        if fetch_offset >= leader_log_end {
            self.last_caught_up_ms = self.last_caught_up_ms.max(now_ms);
        } else if fetch_offset >= self.last_fetch_leader_log_end {
            self.last_caught_up_ms = self.last_caught_up_ms.max(self.last_fetch_ms);
        }
        self.log_end = Some(fetch_offset);
        self.last_fetch_leader_log_end = self.last_fetch_leader_log_end.max(leader_log_end);
        self.last_fetch_ms = now_ms;
        self.broker_epoch = Some(broker_epoch);
    }

    /// `isCaughtUp`
    pub fn is_caught_up(&self, leader_log_end: Offset, now_ms: i64, max_lag_ms: i64) -> bool {
        self.log_end == Some(leader_log_end) || now_ms.saturating_sub(self.last_caught_up_ms) <= max_lag_ms
    }
}
