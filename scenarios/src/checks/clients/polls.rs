//! Consumers: what each read, from where to where, and whether the committed logs hold it.
//!
//! * a poll goes on where the one before ended; only a seek, a reset that has a reason, or a
//!   truncation moves a position otherwise
//! * every record shown is the one that C holds at its offset, of the leader epoch told; C may
//!   still be on its way there (a stale leader whose high watermark moves), so what lies beyond is
//!   noted as a claim
//! * a position within C is never out of range, nor truncated, unless the log was cut there or a leader said so
//!   that was elected uncleanly and deposed before it acted
//! * whoever was shown a record that C no longer holds is moved before it reads on behind it (KIP-320)
//! * a stale poll is legal, and counted

use crate::checks::clients::appends::AbortedRead;
use crate::checks::clients::appends::InconsistentOffsets;
use crate::checks::prelude::*;
use raft::client::{Outcome, PositionCause, ReadApi, TopicPartition};
use raft::ids::{LeaderEpoch, Offset};
use raft::message::ErrorCode;
use raft::sorted_map::SortedMap;

use super::appends::Appends;
use super::counts::{Counts, Remark};
use super::topics::Topics;
use crate::checks::loss::answers::SentBack;
use crate::checks::replication::committed_log::ReportedBy;
use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::{PartitionIndex, Partitions};

claim! {
    /// A record that a consumer receives is committed.
    UncommittedRead, Safety of History, "controller-broker.md §6.7, §6.11: consumers read below the high watermark";
    /// A poll continues where the one before ended and omits no record.
    PollSkip, Safety of History, "Jepsen Kafka: poll-skip";
    /// A poll continues where the one before ended and repeats no record.
    NonmonotonicPoll, Safety of History, "Jepsen Kafka: nonmonotonic-poll";
    /// One poll omits no record between its first and its last.
    IntPollSkip, Safety of History, "Jepsen Kafka: int-poll-skip";
    /// The offsets within one poll increase.
    IntNonmonotonicPoll, Safety of Client, "Jepsen Kafka: int-nonmonotonic-poll";
    /// A position in the committed log is never out of range, nor truncated.
    PositionLost, Safety of History, "KIP-320; controller-broker.md §6.7, §6.11: no record read disappears";
    /// A consumer that has received records that are lost later does not read on behind them without noticing
    /// the truncation.
    TruncationMissed, Safety of History, "KIP-320: a consumer detects log truncation before it reads on";
}

const LATEST_TIMESTAMP: i64 = -1;

/// Where a consumer stands in one partition.
#[derive(Clone, Debug, Default)]
struct Position {
    offset: i64,
    /// The newest leader epoch of which a record was shown: whoever knows of it asks no older leader. It may know
    /// of a newer one from metadata and `ListOffsets`, which is not looked at.
    epoch: Option<LeaderEpoch>,
    /// The values shown right before it, up to it.
    shown: Vec<u64>,
    /// So many of them were held against C when what follows them was found in it.
    held: usize,
    /// Why it may be reset: an offset out of range, or an epoch that its leader does not know.
    astray: bool,
    listed: Option<i64>,
    set: bool,
    /// When its leader was asked about it by whose answer it is lost or moved, as an event.
    requested: u64,
}

impl Position {
    /// It is not in its leader's log.
    fn gone(&self, to: Option<i64>) -> Gone {
        let (from, to, shown) = (Offset(self.offset), to.map(Offset), self.epoch);
        Gone { shown: self.shown.last().copied(), back: SentBack { from, to, shown, requested: self.requested } }
    }
}

/// A consumer's position that is not in the log of the leader that it asked.
#[derive(Clone, Copy, Debug)]
struct Gone {
    /// The value shown right before it.
    shown: Option<u64>,
    back: SentBack,
}

/// A read without an answer, of one partition.
#[derive(Clone, Copy, Debug)]
struct OpenRead {
    api: ReadApi,
    at: i64,
    sent: u64,
    /// A record of the answer has been shown.
    begun: bool,
}

/// A record that is being shown.
#[derive(Clone, Copy, Debug)]
struct Shown<'a> {
    offset: i64,
    value: u64,
    /// What the same consumer was shown right before it, as far as that is to be held against C.
    before: &'a [u64],
}

/// Records of one batch are being shown.
#[derive(Clone, Copy, Debug)]
struct Showing {
    partition: TopicPartition,
    leader_epoch: LeaderEpoch,
}

#[derive(Clone, Debug, Default)]
struct Consumer {
    positions: SortedMap<TopicPartition, Position>,
    requested: SortedMap<(u32, TopicPartition), OpenRead>,
    showing: Option<Showing>,
}

/// A position that was lost; whether that was legal is known at the end.
#[derive(Clone, Debug)]
struct Lost {
    client: usize,
    log: PartitionIndex,
    offset: i64,
    /// The value shown right before it.
    shown: Option<u64>,
    at_ns: u64,
}

/// All consumers.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    consumers: Vec<Consumer>,
    lost: Vec<Lost>,
    /// Records shown of a name with several lives that none of them holds so far.
    floating: Vec<(TopicPartition, i64, u64)>,
    healed: Option<u64>,
}

/// What a call needs of the rest of the room.
pub struct Around<'a> {
    /// Names.
    pub topics: &'a mut Topics,
    /// What is committed.
    pub partitions: &'a mut Partitions,
    /// The producers.
    pub appends: &'a Appends,
    /// To count in.
    pub counts: &'a mut Counts,
    /// To judge to.
    pub verdict: &'a mut Verdict,
}

impl Polls {
    fn consumer(&mut self, client: usize) -> &mut Consumer {
        if self.consumers.len() <= client {
            self.consumers.resize_with(client + 1, Consumer::default);
        }
        &mut self.consumers[client]
    }

    /// The application reads the partition no longer: wherever it begins when it reads it again, is no jump.
    pub fn unassigned(&mut self, client: usize, partition: TopicPartition) {
        self.consumer(client).positions.retain(|other, _| *other != partition);
    }

    /// All faults are over: polls sent from now on are fresh.
    pub fn healed(&mut self, event: u64) {
        self.healed = Some(event);
    }

    /// A partition is read.
    pub fn invoked(
        &mut self,
        event: u64,
        (client, attempt): (usize, u32),
        api: ReadApi,
        partition: TopicPartition,
        at: i64,
        verdict: &mut Verdict,
    ) {
        let consumer = self.consumer(client);
        consumer.requested.insert((attempt, partition), OpenRead { api, at, sent: event, begun: false });
        if api == ReadApi::Fetch {
            let position = consumer.positions.get(&partition).filter(|position| position.set);
            let offset = position.map(|position| position.offset);
            if offset != Some(at) {
                let skips = offset.is_none_or(|offset| at > offset);
                verdict.fail(if skips { &PollSkip::CLAIM } else { &NonmonotonicPoll::CLAIM }, || {
                    format!("client {client} fetches {partition} from offset {at}; its position is {}", or_none(offset))
                });
            }
        }
    }

    /// Records of one batch follow.
    pub fn records(&mut self, client: usize, partition: TopicPartition, leader_epoch: LeaderEpoch) {
        self.consumer(client).showing = Some(Showing { partition, leader_epoch });
    }

    /// A record is shown.
    pub fn record(&mut self, (client, attempt): (usize, u32), (offset, value): (Offset, u64), around: &mut Around<'_>) {
        self.consumer(client);
        let Polls { consumers, floating, healed, .. } = self;
        let consumer = &mut consumers[client];
        let Some(showing) = consumer.showing else { return };
        let partition = showing.partition;
        let Some(requested) = consumer.requested.get_mut(&(attempt, partition)) else { return };
        let begun = std::mem::replace(&mut requested.begun, true);
        let fresh = healed.is_some_and(|healed| requested.sent >= healed);
        let position = consumer.positions.get_or_insert_with(partition, Position::default);
        let expected = std::mem::replace(&mut position.offset, offset.0 + 1);
        position.epoch = position.epoch.max(Some(showing.leader_epoch));
        if offset.0 != expected {
            (position.shown, position.held) = (Vec::new(), 0);
            let invariant = match (begun, offset.0 > expected) {
                (false, true) => &PollSkip::CLAIM,
                (false, false) => &NonmonotonicPoll::CLAIM,
                (true, true) => &IntPollSkip::CLAIM,
                (true, false) => &IntNonmonotonicPoll::CLAIM,
            };
            around.verdict.fail(invariant, || {
                format!("client {client} reads offset {offset} of {partition}; the next offset is {expected}")
            });
        }
        let shown = Shown { offset: offset.0, value, before: &position.shown[position.held..] };
        if judge(client, showing, shown, fresh, floating, around) {
            // It is held against C once more itself: C may be cut before anything follows it.
            position.held = position.shown.len();
        }
        position.shown.push(value);
    }

    /// The answer for a partition is complete.
    pub fn ok(
        &mut self,
        (client, attempt): (usize, u32),
        partition: TopicPartition,
        number: i64,
        around: &mut Around<'_>,
    ) {
        let consumer = self.consumer(client);
        let Some(requested) = consumer.requested.remove(&(attempt, partition)) else { return };
        around.counts.ended(kind(requested.api), Outcome::Done);
        let logs = around.topics.logs_of(partition, around.partitions);
        let newest = logs.first().map(|log| &mut around.partitions[*log].log);
        match requested.api {
            ReadApi::OffsetForLeaderEpoch => {
                consumer.positions.get_or_insert_with(partition, Position::default).requested = requested.sent;
                if number < 0 {
                    self.lose(client, partition, around);
                }
                return;
            }
            ReadApi::ListOffsets => {
                consumer.positions.get_or_insert_with(partition, Position::default).listed = Some(number)
            }
            // What is read from is not out of range.
            ReadApi::Fetch => consumer.positions.get_or_insert_with(partition, Position::default).astray = false,
        }
        let Some(log) = newest else { return };
        if logs.len() == 1 {
            log.reported_end = log.reported_end.max(number);
        }
        if number < log.known_end_at(requested.sent) {
            match requested.api {
                ReadApi::Fetch => around.counts.remark(Remark::StalePoll),
                ReadApi::ListOffsets if requested.at == LATEST_TIMESTAMP => {
                    around.counts.remark(Remark::StaleListOffsets);
                }
                _ => {}
            }
        }
    }

    /// An error for a partition.
    pub fn failed(
        &mut self,
        (client, attempt): (usize, u32),
        partition: TopicPartition,
        error: ErrorCode,
        around: &mut Around<'_>,
    ) {
        let consumer = self.consumer(client);
        let Some(requested) = consumer.requested.remove(&(attempt, partition)) else { return };
        around.counts.ended(kind(requested.api), Outcome::Failed);
        let Some(position) = consumer.positions.get_mut(&partition) else { return };
        if requested.api == ReadApi::Fetch && error == ErrorCode::OffsetOutOfRange && position.offset == requested.at {
            position.requested = requested.sent;
            self.lose(client, partition, around);
        }
    }

    /// The leader answers that it knows no such epoch: to a question that is still open. Of several, to the oldest,
    /// lest the position be held against a leader that was not asked.
    pub fn epoch_lost(&mut self, client: usize, partition: TopicPartition, around: &mut Around<'_>) {
        let consumer = self.consumer(client);
        let open = consumer
            .requested
            .iter()
            .filter(|((_, of), requested)| *of == partition && requested.api == ReadApi::OffsetForLeaderEpoch);
        let oldest = open.map(|(_, requested)| requested.sent).min();
        let position = consumer.positions.get_or_insert_with(partition, Position::default);
        position.requested = oldest.unwrap_or(position.requested);
        self.lose(client, partition, around);
    }

    /// The position is not in its leader's log. That is well if it is not in C either; if it is,
    /// the end must show a reason.
    fn lose(&mut self, client: usize, partition: TopicPartition, around: &mut Around<'_>) {
        let position = self.consumer(client).positions.get_or_insert_with(partition, Position::default);
        position.astray = true;
        let gone = position.gone(None);
        self.suspect(client, partition, gone, around);
    }

    fn suspect(&mut self, client: usize, partition: TopicPartition, gone: Gone, around: &mut Around<'_>) {
        let (logs, offset) = (around.topics.logs_of(partition, around.partitions), gone.back.from.0);
        if let [log] = *logs {
            let of = &around.partitions[log];
            if offset <= of.log.end() {
                if let Some(excuse) = of.losses().may_be_sent_back(&gone.back) {
                    return around.verdict.excuse(excuse, 1);
                }
                let (shown, at_ns) = (gone.shown, around.verdict.now_ns);
                return self.lost.push(Lost { client, log, offset, shown, at_ns });
            }
            // Beyond the end: only a seek leads there, or a cut.
            if of.losses().lowest_cut().is_none_or(|lowest| lowest.0 >= offset) {
                return;
            }
        }
        around.verdict.excuse(Excuse::PositionLostWithRecords, 1);
    }

    /// The answer came too late, and was dropped.
    pub fn stale(
        &mut self,
        (client, attempt): (usize, u32),
        partition: TopicPartition,
        error: ErrorCode,
        counts: &mut Counts,
    ) {
        if let Some(requested) = self.consumer(client).requested.remove(&(attempt, partition)) {
            let outcome = if error == ErrorCode::None { Outcome::Done } else { Outcome::Failed };
            counts.ended(kind(requested.api), outcome);
        }
    }

    /// No answer, for any partition of the RPC.
    pub fn unknown(&mut self, client: usize, attempt: u32, counts: &mut Counts) {
        let requested = &mut self.consumer(client).requested;
        requested.retain(|(other, _), requested| {
            let is_other = *other != attempt;
            if !is_other {
                counts.ended(kind(requested.api), Outcome::Unknown);
            }
            is_other
        });
    }

    /// A position is set.
    pub fn set(
        &mut self,
        client: usize,
        partition: TopicPartition,
        (to, cause): (i64, PositionCause),
        around: &mut Around<'_>,
    ) {
        let position = self.consumer(client).positions.get_or_insert_with(partition, Position::default);
        let after = Position { offset: to, epoch: position.epoch, set: true, ..Position::default() };
        let mut before = std::mem::replace(position, after);
        match cause {
            PositionCause::Seek => {}
            PositionCause::Reset => {
                around.counts.remark(Remark::PositionReset);
                let unexplained = before.set && !before.astray;
                if unexplained || before.listed != Some(to) {
                    let skips = to > before.offset;
                    around.verdict.fail(if skips { &PollSkip::CLAIM } else { &NonmonotonicPoll::CLAIM }, || {
                        let Position { offset, listed, .. } = before;
                        let listed = or_none(listed);
                        format!("client {client} resets {partition} from {offset} to {to}; ListOffsets gave {listed}")
                    });
                }
            }
            PositionCause::Truncation => {
                if to > before.offset {
                    around.verdict.fail(&PollSkip::CLAIM, || {
                        format!("truncation moves client {client} forward in {partition}: {} to {to}", before.offset)
                    });
                }
                let back = usize::try_from(before.offset.saturating_sub(to)).unwrap_or(0);
                before.shown.truncate(before.shown.len().saturating_sub(back));
                position.held = before.held.min(before.shown.len().saturating_sub(1));
                position.shown = std::mem::take(&mut before.shown);
                if !before.astray {
                    self.suspect(client, partition, before.gone(Some(to)), around);
                }
            }
        }
    }

    /// The run is over: what could not be judged before.
    pub fn finish(&mut self, around: &mut Around<'_>) {
        for consumer in &mut self.consumers {
            for requested in std::mem::take(&mut consumer.requested).values() {
                around.counts.ended(kind(requested.api), Outcome::Unknown);
            }
        }
        let Around { topics, partitions, verdict, .. } = around;
        for Lost { client, log, offset, shown, at_ns } in self.lost.drain(..) {
            let losses = partitions[log].losses();
            // It may have read there what a deposed leader served and nobody could ever commit (KIP-320).
            let is_missing = |value| losses.may_be_shown(Offset(offset - 1), value, None).is_some();
            let was_cut = losses.lowest_cut().is_some_and(|lowest| lowest.0 < offset);
            if losses.is_deleted() || was_cut || shown.is_some_and(is_missing) {
                verdict.excuse(Excuse::PositionLostWithRecords, 1);
                continue;
            }
            let name = topics.name_of(partitions[log].id);
            verdict.fail(&PositionLost::CLAIM, || {
                format!(
                    "client {client} lost its position {offset} in {name} at {}, below which all records are committed",
                    seconds(at_ns)
                )
            });
        }
        for (partition, offset, value) in self.floating.drain(..) {
            let held = topics.logs_of(partition, partitions).iter().any(|log| {
                let of = &partitions[*log];
                let is_missing = || of.losses().may_be_shown(Offset(offset), value, None).is_some();
                of.log.value_at(offset) == Some(value) || is_missing()
            });
            if !held {
                verdict.excuse(Excuse::RecordOfDeletedTopic, 1);
            }
        }
    }
}

/// Does any log hold it? True if one does, with what was shown before it.
fn judge(
    client: usize,
    showing: Showing,
    Shown { offset, value, before }: Shown<'_>,
    fresh: bool,
    floating: &mut Vec<(TopicPartition, i64, u64)>,
    around: &mut Around<'_>,
) -> bool {
    let Showing { partition, leader_epoch } = showing;
    let Around { topics, partitions, appends, counts: _, verdict } = around;
    let logs = topics.logs_of(partition, partitions);
    let is_missing = |of: &PartitionModel, epoch| of.losses().may_be_shown(Offset(offset), value, epoch).is_some();
    if let Some(log) = logs.iter().copied().find(|log| partitions[*log].log.value_at(offset) == Some(value)) {
        let of = &mut partitions[log];
        let epoch = of.log.batch_of(offset).map(|batch| batch.epoch);
        if epoch != Some(leader_epoch) && is_missing(of, Some(leader_epoch)) {
            // Its producer has sent it again, and by chance it stands where it stood.
            verdict.excuse(Excuse::ReadOfDestroyedRecord, 1);
            return false;
        }
        if epoch != Some(leader_epoch) {
            verdict.fail(&InconsistentOffsets::CLAIM, || {
                let epoch = or_none(epoch);
                format!(
                    "client {client} reads offset {offset} of {partition} in epoch {leader_epoch}; its committed epoch is {epoch}"
                )
            });
        }
        // A name that was deleted and created again is another log, which no epoch tells.
        let from = offset - before.len() as i64;
        let other = |(at, value): &(i64, u64)| of.log.value_at(*at) != Some(*value);
        if let Some((at, value)) = (from..).zip(before.iter().copied()).find(other).filter(|_| logs.len() == 1) {
            let held = of.log.value_at(at);
            verdict.fail(&TruncationMissed::CLAIM, || {
                let held = or_none(held);
                format!(
                    "client {client} reads on at {offset} in {partition}; at {at} it read value {value}, but the committed value is {held}"
                )
            });
        }
        if let Some(record) = of.log.record_mut(offset) {
            record.seen = true;
            record.seen_fresh |= fresh;
        }
        return true;
    }
    if logs.iter().any(|log| is_missing(&partitions[*log], None)) {
        verdict.excuse(Excuse::ReadOfDestroyedRecord, 1);
        return false;
    }
    match *logs {
        [log] if partitions[log].log.end() <= offset && !appends.was_refused(value) => {
            if let Some(other) = partitions[log].claim(verdict.event, offset, value, ReportedBy::Shown) {
                verdict.fail(&InconsistentOffsets::CLAIM, || {
                    format!("client {client} reads value {value} at offset {offset} of {partition}, other clients value {other}")
                });
            }
        }
        [_, _, ..] if logs.iter().any(|log| partitions[*log].log.end() <= offset) => {
            floating.push((partition, offset, value));
        }
        _ => {
            let held = logs.first().and_then(|log| partitions[*log].log.value_at(offset));
            let name = |log: PartitionIndex| topics.name_of(partitions[log].id);
            let place = appends.place_of(value).map(|(log, offset)| format!("{} offset {offset}", name(log)));
            let invariant = if place.is_some() {
                &InconsistentOffsets::CLAIM
            } else if appends.was_refused(value) {
                &AbortedRead::CLAIM
            } else {
                &UncommittedRead::CLAIM
            };
            verdict.fail(invariant, || {
                let (held, place) = (or_none(held), or_none(place));
                format!("client {client} reads value {value} at offset {offset} of {partition}; committed there: {held}; this value: {place}")
            });
        }
    }
    false
}

fn kind(api: ReadApi) -> &'static str {
    match api {
        ReadApi::Fetch => "consume",
        ReadApi::ListOffsets => "list_offsets",
        ReadApi::OffsetForLeaderEpoch => "offset_for_leader_epoch",
    }
}
