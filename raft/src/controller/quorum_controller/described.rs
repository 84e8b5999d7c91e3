//! The state of a controller, for instruments.

use super::{Event, QuorumController};
use crate::controller::state::ControllerState;
use crate::io::Now;
use crate::message::{Fields, Value};
use crate::metadata::image::BrokerRegistration;

const NS_PER_MS: u64 = 1_000_000;

impl QuorumController {
    /// All but the metadata itself.
    pub fn described(&self, now: Now) -> Value {
        let name = |event: &Event| Value::text(event.name());
        let due = |(task, at_ns): (super::PeriodicTask, u64)| {
            let in_ms = at_ns.saturating_sub(now.mono_ns) / NS_PER_MS;
            (task.event_name().to_owned(), Value::count(in_ms as usize))
        };
        let active = self.active.as_ref().map(|active| {
            Value::of([
                ("curClaimEpoch", active.epoch.value()),
                ("nextWriteOffset", active.next_write_offset.value()),
                ("brokers", active.heartbeats.described(now.mono_ns)),
            ])
        });
        let awaited = self.deferred.iter().filter(|(_, answer)| answer.is_some());
        Value::of([
            ("leaderId", self.leader.value()),
            ("lastCommittedOffset", self.last_committed.value()),
            ("lastStableOffset", self.last_stable.value()),
            ("metadata", self.metadata()),
            ("active", active.unwrap_or(Value::Null)),
            ("eventQueue", Value::List(self.queue.queued().map(name).collect())),
            ("deferredEventsInMs", Value::Struct(self.queue.deferred().map(due).collect())),
            ("answersThatWaitForOffset", Value::List(awaited.map(|(offset, _)| offset.value()).collect())),
        ])
    }

    /// The deferred events of the queue that are due, by name.
    pub fn due(&self, now: Now) -> Vec<&'static str> {
        let due = self.queue.deferred().filter(|(_, at_ns)| *at_ns <= now.mono_ns);
        due.map(|(task, _)| task.event_name()).collect()
    }

    /// What `ControllerMetadataMetrics` counts of committed metadata.
    fn metadata(&self) -> Value {
        let ControllerState { cluster, topics, .. } = self.stable();
        let brokers = cluster.brokers();
        let count =
            |is: &dyn Fn(&BrokerRegistration) -> bool| Value::count(brokers.values().filter(|of| is(of)).count());
        Value::of([
            ("activeBrokers", count(&|of| of.is_active())),
            ("fencedBrokers", count(&|of| of.fenced)),
            ("brokersInControlledShutdown", count(&|of| !of.fenced && of.in_controlled_shutdown)),
            ("topics", Value::count(topics.iter().count())),
            ("partitions", Value::count(topics.partitions().count())),
            ("offlinePartitions", Value::count(topics.leaderless().count())),
            ("partitionsWithoutPreferredLeader", Value::count(topics.imbalanced().count())),
        ])
    }
}
