//! Deliveries to the state machine (consensus.md §7): committed batches in order, without gap or duplicate, or a snapshot
//! in place of those that the log no longer has; and leader changes, each after all earlier commits.
//!
//! Deliveries are in a queue that both threads share; each is announced by one post and taken by the step that handles
//! that post. A delivery whose post waits behind an fsync is therefore not seen earlier.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use crate::io::{DialogueEntry, Effect, Post, ThreadName};
use crate::log::{Batch, RaftLog, Records};
use crate::message::{Fields, Value};
use crate::step::{Fatal, Step, throw};

#[derive(Clone, Debug)]
pub enum ListenerItem {
    /// `handleCommit`: committed batches; `ordinal` identifies the delivery when it is closed.
    Commit { records: Records, ordinal: u64 },
    /// `handleLoadSnapshot`, or `handleLoadBootstrap` if it is that of the format tool; not read yet.
    Snapshot { id: OffsetAndEpoch, bytes: Rc<[u8]> },
    /// `handleLeaderChange`
    LeaderChange { leader: Option<NodeId>, epoch: LeaderEpoch },
    /// Only with the bug `AckAtAppend`: the new end of the leader's log.
    Appended { end: Offset },
}

/// `STARTING_NEXT_OFFSET`: nothing was delivered, not even a snapshot.
const STARTING_NEXT_OFFSET: Offset = Offset(-1);

#[derive(Clone, Copy, Debug)]
struct LastSent {
    ordinal: u64,
    /// The next offset: known for batches from memory, unknown for reads from disk.
    end: Option<Offset>,
}

/// Kafka's `ListenerContext`. A controller registers a listener, and so does a metadata loader.
#[derive(Clone, Debug)]
pub struct ListenerContext {
    thread: ThreadName,
    pub(super) next_offset: Offset,
    last_sent: Option<LastSent>,
    last_fired_epoch: LeaderEpoch,
    last_fired_leader: Option<NodeId>,
    deliveries: u64,
    queue: VecDeque<ListenerItem>,
}

impl ListenerContext {
    /// A listener without deliveries.
    pub fn new(thread: ThreadName) -> ListenerContext {
        ListenerContext {
            thread,
            next_offset: STARTING_NEXT_OFFSET,
            last_sent: None,
            last_fired_epoch: LeaderEpoch(0),
            last_fired_leader: None,
            deliveries: 0,
            queue: VecDeque::new(),
        }
    }

    pub fn thread(&self) -> ThreadName {
        self.thread
    }

    /// The state, for instruments.
    pub fn described(&self) -> Value {
        Value::of([
            ("nextOffset", self.next_offset.value()),
            ("lastFiredEpoch", self.last_fired_epoch.value()),
            ("deliveriesNotTaken", Value::count(self.queue.len())),
        ])
    }

    /// The delivery that the oldest unhandled post announced.
    pub fn take(&mut self) -> Option<ListenerItem> {
        self.queue.pop_front()
    }

    /// The state machine has read a delivery to its end; `true` if there may be more, so that the raft thread must be
    /// woken.
    pub fn on_close(&mut self, ordinal: u64, end: Offset) -> bool {
        self.next_offset = end;
        let was_last = self.last_sent.is_some_and(|sent| sent.ordinal == ordinal);
        if was_last {
            self.last_sent = None;
        }
        was_last
    }

    /// `None` while a read from disk is outstanding.
    fn next_expected_offset(&self) -> Option<Offset> {
        self.last_sent.map_or(Some(self.next_offset), |sent| sent.end)
    }

    fn deliver(&mut self, item: ListenerItem, step: &mut Step<'_>) {
        let listener = self.thread;
        match &item {
            ListenerItem::LeaderChange { leader, epoch } => {
                let (leader, epoch) = (*leader, *epoch);
                step.out.record(|| DialogueEntry::LeaderChanged { listener, leader, epoch });
            }
            ListenerItem::Snapshot { id, .. } => {
                let id = *id;
                step.out.record(|| DialogueEntry::SnapshotLoaded { listener, id });
            }
            ListenerItem::Commit { .. } | ListenerItem::Appended { .. } => {}
        }
        self.queue.push_back(item);
        step.out.push(Effect::Post { thread: self.thread, post: Post::ListenerEvent });
    }

    fn deliver_commit(&mut self, records: Records, end: Option<Offset>, step: &mut Step<'_>) {
        self.deliveries += 1;
        let (listener, ordinal) = (self.thread, self.deliveries);
        // `RecordsBatchReader.baseOffset`: what is expected next, even if the log has a hole there.
        let base_offset = self.next_expected_offset().unwrap_or(self.next_offset);
        step.out.record(|| DialogueEntry::Committed { listener, ordinal, base_offset, end });
        self.last_sent = Some(LastSent { ordinal, end });
        self.deliver(ListenerItem::Commit { records, ordinal }, step);
    }

    /// Delivers what is committed and was not delivered yet, from disk: the latest snapshot, if this listener is new or
    /// needs what is before the log, and all batches.
    pub(super) fn update_progress(
        &mut self,
        high_watermark: Offset,
        log: &RaftLog,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if let Some(next) = self.next_expected_offset() {
            let is_new = next == STARTING_NEXT_OFFSET;
            let loads = next < high_watermark && (is_new || next < log.start_offset());
            let latest = || log.latest_snapshot_id().and_then(|id| Some((id, log.snapshot(id)?)));
            match loads.then(latest).flatten() {
                Some((id, bytes)) => {
                    (self.next_offset, self.last_sent) = (id.offset, None);
                    self.deliver(ListenerItem::Snapshot { id, bytes: Rc::clone(bytes) }, step);
                }
                None if is_new => self.next_offset = Offset(0),
                None if next < log.start_offset() => throw!(
                    "the next offset of {:?} is {next}, the log starts at {}, and there is no snapshot to load below the \
                     high watermark {high_watermark}",
                    self.thread,
                    log.start_offset()
                ),
                None => {}
            }
        }
        let Some(next) = self.next_expected_offset().filter(|next| *next < high_watermark) else { return Ok(()) };
        let records = log.read(next, high_watermark, u32::MAX);
        if !records.0.is_empty() {
            self.deliver_commit(records, None, step);
        }
        Ok(())
    }

    /// The leader's fast path: delivers a batch that is still in memory, if it is the next one. Control batches are not
    /// in memory (`CompletedBatch.records`).
    pub(super) fn maybe_fire_in_memory(&mut self, batch: &Rc<Batch>, step: &mut Step<'_>) {
        if !batch.control && self.next_expected_offset() == Some(batch.base_offset) {
            let end = Offset(batch.last_offset.0 + 1);
            self.deliver_commit(Records(smallvec::smallvec![Rc::clone(batch)]), Some(end), step);
        }
    }

    pub(super) fn fire_appended(&mut self, end: Offset, step: &mut Step<'_>) {
        self.deliver(ListenerItem::Appended { end }, step);
    }

    pub(super) fn maybe_fire_leader_change(&mut self, leader: Option<NodeId>, epoch: LeaderEpoch, step: &mut Step<'_>) {
        let became_known = leader.is_some() && self.last_fired_leader.is_none();
        if epoch > self.last_fired_epoch || (epoch == self.last_fired_epoch && became_known) {
            self.last_fired_epoch = epoch;
            self.last_fired_leader = leader;
            self.deliver(ListenerItem::LeaderChange { leader, epoch }, step);
        }
    }
}
