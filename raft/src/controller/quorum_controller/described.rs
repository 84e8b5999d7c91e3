//! The state of a controller, for instruments.

use super::{Event, QuorumController};
use crate::io::Now;
use crate::message::{Fields, Value};

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
            ("active", active.unwrap_or(Value::Null)),
            ("eventQueue", Value::List(self.queue.queued().map(name).collect())),
            ("deferredEventsInMs", Value::Struct(self.queue.deferred().map(due).collect())),
            ("answersThatWaitForOffset", Value::List(awaited.map(|(offset, _)| offset.value()).collect())),
        ])
    }
}
