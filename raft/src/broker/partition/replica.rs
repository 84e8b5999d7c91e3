//! A leader's state of a follower: Kafka's Replica and ReplicaState (controller-broker.md §6.4).

use crate::ids::{BrokerEpoch, NodeId, Offset};

/// A follower as seen by its leader. Times are the leader's wall clock, as in Kafka (§11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    pub broker_id: NodeId,
    /// Its log end; unknown until it has fetched from this leader.
    pub log_end: Option<Offset>,
    /// When it was last caught up.
    pub last_caught_up_ms: i64,
    /// The leader's log end at its last fetch.
    pub last_fetch_leader_log_end: Offset,
    pub last_fetch_ms: i64,
    /// Broker epoch in its last fetch; unknown before.
    pub broker_epoch: Option<BrokerEpoch>,
}

impl Replica {
    /// A follower that has not fetched yet.
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

    /// Resets the state for a new leader epoch (§6.2 step 4). `knows_nothing`: the state of the follower is dropped.
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

    /// Records a fetch from `fetch_offset`, received at `now_ms` when the leader's log ended at `leader_log_end`. A
    /// follower that now fetches from the log end of its previous fetch was caught up at that time.
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
