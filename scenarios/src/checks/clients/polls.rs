//! Consumers: what each read, from where to where, and whether the committed logs hold it.
//!
//! * a poll continues where the one before ended; only a seek, a reset that has a reason, or a
//!   truncation moves a position otherwise
//! * every record shown is the one that C holds at its offset, of the leader epoch that the consumer received; C may
//!   still be on its way there (a stale leader whose high watermark moves), so what lies beyond is
//!   noted as a claim
//! * a position within C is never out of range, nor truncated, unless the log was cut there or a leader said so
//!   that was elected uncleanly and deposed before it acted, or goes by epochs that a fault has altered
//! * a consumer that was shown a record which C no longer holds is moved before it reads on behind it (KIP-320)
//! * a stale poll is legal, and counted

use crate::checks::prelude::*;
use raft::client::{AttemptEvent, Outcome, PositionCause, ReadApi, TopicPartition};
use raft::ids::{LeaderEpoch, Offset};
use raft::message::ErrorCode;
use raft::sorted_map::SortedMap;

use super::appends::{AbortedRead, Appends, InconsistentOffsets};
use super::context::{Context, Stands};
use super::counts::{Counts, Remark};
use crate::checks::loss::answers::SentBack;
use crate::checks::replication::committed_log::ReportedBy;
use crate::checks::replication::partitions::PartitionIndex;

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

/// Where a consumer stands in one partition.
#[derive(Clone, Debug, Default)]
struct Position {
    offset: i64,
    /// The newest leader epoch of which a record was shown: a consumer that knows of it reads from no older leader. It may know
    /// of a newer one from metadata and `ListOffsets`, which is not looked at.
    epoch: Option<LeaderEpoch>,
    /// The values shown right before it, up to it.
    shown: Vec<u64>,
    /// So many of them were held against C when what follows them was found in it.
    held: usize,
    /// Why it may be reset: an offset out of range, or an epoch that its leader does not know.
    astray: bool,
    /// The answer of `ListOffsets`, and when it was requested, as an event.
    listed: Option<(i64, u64)>,
    set: bool,
    /// When the request was sent whose answer lost or moved it, as an event.
    requested: u64,
    /// And that by whose answer it is here; 0 where the application seeks.
    since: u64,
}

#[derive(Clone, Copy, Debug)]
struct OpenRead {
    api: ReadApi,
    at: i64,
    sent: u64,
    /// A record of the answer has been shown.
    begun: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    client: usize,
    partition: TopicPartition,
    leader_epoch: LeaderEpoch,
    offset: i64,
    value: u64,
    /// By a poll that was sent after all faults.
    fresh: bool,
}

#[derive(Clone, Debug, Default)]
struct Consumer {
    positions: SortedMap<TopicPartition, Position>,
    requested: SortedMap<(u32, TopicPartition), OpenRead>,
    /// Records of this partition and leader epoch are being shown.
    showing: Option<(TopicPartition, LeaderEpoch)>,
}

/// A position that was lost; whether that was legal is known at the end.
#[derive(Clone, Debug)]
struct Lost {
    client: usize,
    log: PartitionIndex,
    position: SentBack,
    /// The value that was shown right before it.
    shown: Option<u64>,
    at_ns: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Polls {
    consumers: Vec<Consumer>,
    lost: Vec<Lost>,
    /// Records shown of a name with several lives that none of them holds so far.
    floating: Vec<(TopicPartition, i64, u64)>,
    /// The event at which all faults were over: polls sent from then on are fresh.
    pub healed: Option<u64>,
}

impl Consumer {
    fn position(&mut self, partition: TopicPartition) -> &mut Position {
        self.positions.get_or_insert_with(partition, Position::default)
    }

    fn ended(&mut self, key: (u32, TopicPartition), outcome: Outcome, counts: &mut Counts) -> Option<OpenRead> {
        let read = self.requested.remove(&key)?;
        counts.ended(kind(read.api), outcome);
        Some(read)
    }
}

impl Polls {
    pub fn on(&mut self, client: usize, event: AttemptEvent, appends: &Appends, context: &mut Context<'_>) {
        if self.consumers.len() <= client {
            self.consumers.resize_with(client + 1, Consumer::default);
        }
        let Polls { consumers, lost, floating, healed } = self;
        let consumer = &mut consumers[client];
        match event {
            // Where the application begins when it reads the partition again, is no jump.
            AttemptEvent::Unassigned { partition } => consumer.positions.retain(|other, _| *other != partition),
            AttemptEvent::ReadInvoked { attempt, api, partition, at } => {
                context.counts.began(kind(api));
                let read = OpenRead { api, at, sent: context.verdict.event, begun: false };
                consumer.requested.insert((attempt, partition), read);
                let offset = consumer.positions.get(&partition).filter(|it| it.set).map(|it| it.offset);
                if api == ReadApi::Fetch && offset != Some(at) {
                    context.verdict.fail(skips_or_repeats(offset.is_none_or(|offset| at > offset)), || {
                        let offset = or_none(offset);
                        format!("client {client} fetches {partition} from offset {at}; its position is {offset}")
                    });
                }
            }
            AttemptEvent::PollRecords { partition, leader_epoch, .. } => {
                consumer.showing = Some((partition, leader_epoch));
            }
            AttemptEvent::PollRecord { attempt, offset, value } => {
                let Some((partition, leader_epoch)) = consumer.showing else { return };
                let Some(requested) = consumer.requested.get_mut(&(attempt, partition)) else { return };
                let begun = std::mem::replace(&mut requested.begun, true);
                let since = requested.sent;
                let fresh = healed.is_some_and(|healed| since >= healed);
                let position = consumer.position(partition);
                position.since = since;
                let expected = std::mem::replace(&mut position.offset, offset.0 + 1);
                position.epoch = position.epoch.max(Some(leader_epoch));
                if offset.0 != expected {
                    (position.shown, position.held) = (Vec::new(), 0);
                    let invariant = match (begun, offset.0 > expected) {
                        (false, skips) => skips_or_repeats(skips),
                        (true, true) => &IntPollSkip::CLAIM,
                        (true, false) => &IntNonmonotonicPoll::CLAIM,
                    };
                    context.verdict.fail(invariant, || {
                        format!("client {client} reads offset {offset} of {partition}; the next offset is {expected}")
                    });
                }
                let shown = Shown { client, partition, leader_epoch, offset: offset.0, value, fresh };
                if shown.is_held(&position.shown[position.held..], floating, appends, context) {
                    // It is held against C once more itself: C may be cut before anything follows it.
                    position.held = position.shown.len();
                }
                position.shown.push(value);
            }
            AttemptEvent::ReadOk { attempt, partition, number } => {
                let Some(read) = consumer.ended((attempt, partition), Outcome::Done, context.counts) else { return };
                let position = consumer.position(partition);
                let logs = context.logs_of(partition);
                match read.api {
                    ReadApi::OffsetForLeaderEpoch => {
                        position.requested = read.sent;
                        if number < 0 {
                            position.suspect((client, partition), (ReadApi::OffsetForLeaderEpoch, None), lost, context);
                        }
                        return;
                    }
                    ReadApi::ListOffsets => position.listed = Some((number, read.sent)),
                    // What is read from is not out of range.
                    ReadApi::Fetch => position.astray = false,
                }
                let Some(log) = logs.first().map(|log| &mut context.partitions[*log].log) else { return };
                if logs.len() == 1 {
                    log.reported_end = log.reported_end.max(number);
                }
                if read.api == ReadApi::Fetch && number < log.known_end_at(read.sent) {
                    context.counts.remark(Remark::StalePoll);
                }
            }
            AttemptEvent::ReadFailed { attempt, partition, error } => {
                let Some(read) = consumer.ended((attempt, partition), Outcome::Failed, context.counts) else { return };
                let Some(position) = consumer.positions.get_mut(&partition) else { return };
                let is_out = read.api == ReadApi::Fetch && error == ErrorCode::OffsetOutOfRange;
                if is_out && position.offset == read.at {
                    position.requested = read.sent;
                    position.suspect((client, partition), (ReadApi::Fetch, None), lost, context);
                }
            }
            AttemptEvent::ReadStale { attempt, partition, error } => {
                let outcome = if error == ErrorCode::None { Outcome::Done } else { Outcome::Failed };
                consumer.ended((attempt, partition), outcome, context.counts);
            }
            AttemptEvent::ReadUnknown { attempt } => {
                consumer.requested.retain(|(other, _), read| {
                    if *other == attempt {
                        context.counts.ended(kind(read.api), Outcome::Unknown);
                    }
                    *other != attempt
                });
            }
            // The leader answers that it knows no such epoch: to a question that is still open. Of several, to the
            // oldest, lest the position be held against a leader that received no request.
            AttemptEvent::EpochLost { partition, .. } => {
                let open = consumer.requested.iter().filter(|((_, of), _)| *of == partition).map(|(_, read)| read);
                let oldest = open.filter(|read| read.api == ReadApi::OffsetForLeaderEpoch).map(|read| read.sent).min();
                let position = consumer.position(partition);
                position.requested = oldest.unwrap_or(position.requested);
                position.suspect((client, partition), (ReadApi::OffsetForLeaderEpoch, None), lost, context);
            }
            AttemptEvent::PositionSet { partition, offset: Offset(to), cause } => {
                let position = consumer.position(partition);
                let after = Position { offset: to, epoch: position.epoch, set: true, ..Position::default() };
                let mut before = std::mem::replace(position, after);
                let (from, listed) = (before.offset, before.listed.map(|(offset, _)| offset));
                match cause {
                    PositionCause::Seek => {}
                    PositionCause::Reset => {
                        position.since = before.listed.map_or(0, |(_, sent)| sent);
                        context.counts.remark(Remark::PositionReset);
                        if (before.set && !before.astray) || listed != Some(to) {
                            context.verdict.fail(skips_or_repeats(to > from), || {
                                let listed = or_none(listed);
                                format!(
                                    "client {client} resets {partition} from {from} to {to}; ListOffsets gave {listed}"
                                )
                            });
                        }
                    }
                    PositionCause::Truncation => {
                        if to > from {
                            context.verdict.fail(&PollSkip::CLAIM, || {
                                format!("truncation moves client {client} forward in {partition}: {from} to {to}")
                            });
                        }
                        if !before.astray {
                            let answer = (ReadApi::OffsetForLeaderEpoch, Some(to));
                            before.suspect((client, partition), answer, lost, context);
                        }
                        let back = usize::try_from(from.saturating_sub(to)).unwrap_or(0);
                        before.shown.truncate(before.shown.len().saturating_sub(back));
                        position.since = before.requested;
                        position.held = before.held.min(before.shown.len().saturating_sub(1));
                        position.shown = before.shown;
                    }
                }
            }
            _ => {}
        }
    }

    /// The run is over: what could not be judged before.
    pub fn finish(&mut self, context: &mut Context<'_>) {
        for Lost { client, log, position, shown, at_ns } in self.lost.drain(..) {
            let excuse = context.partitions[log].losses().may_be_lost(&position, shown);
            let (name, offset) = (context.name(log), position.from);
            context.verdict.fail_unless(excuse, &PositionLost::CLAIM, || {
                format!(
                    "client {client} lost its position {offset} in {name} at {}, below which all records are committed",
                    seconds(at_ns)
                )
            });
        }
        for (partition, offset, value) in self.floating.drain(..) {
            let (logs, stands) = context.stands(partition, offset, value, ReportedBy::Shown);
            if !matches!(stands, Stands::In(_) | Stands::Lost(_)) {
                let excuse = logs.iter().find_map(|log| context.partitions[*log].losses().promises_nothing_more());
                excuse.into_iter().for_each(|excuse| context.verdict.excuse(excuse, 1));
            }
        }
    }
}

impl Position {
    /// It is not in its leader's log, by the answer to what it `asked`, which sends it back `to` a place, if it says so.
    /// That is well if it is not in C either; if it is, the end must show a reason.
    fn suspect(
        &mut self,
        (client, partition): (usize, TopicPartition),
        (asked, to): (ReadApi, Option<i64>),
        lost: &mut Vec<Lost>,
        context: &mut Context<'_>,
    ) {
        self.astray = true;
        let Position { offset, epoch, requested, since, .. } = *self;
        let (until, at_ns, last) = (context.verdict.event, context.verdict.now_ns, self.shown.last().copied());
        let (from, to) = (Offset(offset), to.map(Offset));
        let position = SentBack { from, to, since, until, shown: epoch, requested, asked };
        let logs = context.logs_of(partition);
        let of_all = || logs.iter().map(|log| &context.partitions[*log]);
        let excuse = match logs[..] {
            [log] if offset <= context.partitions[log].log.end() => {
                let excuse = context.partitions[log].losses().may_be_sent_back(&position);
                if excuse.is_none() {
                    lost.push(Lost { client, log, position, shown: last, at_ns });
                }
                excuse
            }
            // Beyond the end: only a seek leads there, or a cut.
            _ => of_all().find_map(|of| of.losses().may_be_lost(&position, last)),
        };
        excuse.into_iter().for_each(|excuse| context.verdict.excuse(excuse, 1));
    }
}

impl Shown {
    /// Does any log hold it? True if one does, with what was shown before it, as far as that is to be held against C.
    fn is_held(
        self,
        before: &[u64],
        floating: &mut Vec<(TopicPartition, i64, u64)>,
        appends: &Appends,
        context: &mut Context<'_>,
    ) -> bool {
        let Shown { client, partition, leader_epoch, offset, value, fresh } = self;
        let (logs, stands) = context.stands(partition, offset, value, ReportedBy::Shown);
        match stands {
            Stands::In(log) => {
                let of = &context.partitions[log];
                let epoch = of.log.batch_of(offset).map(|batch| batch.epoch);
                if epoch != Some(leader_epoch) {
                    let by = ReportedBy::Shown;
                    if let Some(excuse) = of.losses().may_be_reported(Offset(offset), value, Some(leader_epoch), by) {
                        // Its producer has sent it again, and by chance it stands where it stood.
                        context.verdict.excuse(excuse, 1);
                        return false;
                    }
                    context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                        let epoch = or_none(epoch);
                        format!(
                            "client {client} reads offset {offset} of {partition} in epoch {leader_epoch}; its committed epoch is {epoch}"
                        )
                    });
                }
                // A name that was deleted and created again is another log, which no epoch shows.
                let other = |(at, value): &(i64, &u64)| of.log.value_at(*at) != Some(**value);
                let mut from = (offset - before.len() as i64..).zip(before);
                if let Some((at, value)) = from.find(other).filter(|_| logs.len() == 1) {
                    let held = or_none(of.log.value_at(at));
                    context.verdict.fail(&TruncationMissed::CLAIM, || {
                        format!(
                            "client {client} reads on at {offset} in {partition}; at {at} it read value {value}, but the committed value is {held}"
                        )
                    });
                }
                if let Some(record) = context.partitions[log].log.record_mut(offset) {
                    record.seen = true;
                    record.seen_fresh |= fresh;
                }
                return true;
            }
            Stands::Lost(excuse) => context.verdict.excuse(excuse, 1),
            Stands::Ahead(_) if logs.len() > 1 => floating.push((partition, offset, value)),
            Stands::Ahead(log) if !appends.was_refused(value) => {
                if let Some(other) = context.claim(log, offset, value, ReportedBy::Shown) {
                    context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                        format!("client {client} reads value {value} at offset {offset} of {partition}, other clients value {other}")
                    });
                }
            }
            Stands::Ahead(_) | Stands::Nowhere => {
                let held = or_none(logs.first().and_then(|log| context.partitions[*log].log.value_at(offset)));
                let place = appends.place_of(value).map(|(log, at)| format!("{} offset {at}", context.name(log)));
                let invariant = match &place {
                    Some(_) => &InconsistentOffsets::CLAIM,
                    None if appends.was_refused(value) => &AbortedRead::CLAIM,
                    None => &UncommittedRead::CLAIM,
                };
                context.verdict.fail(invariant, || {
                    let place = or_none(place);
                    format!("client {client} reads value {value} at offset {offset} of {partition}; committed there: {held}; this value: {place}")
                });
            }
        }
        false
    }
}

fn skips_or_repeats(skips: bool) -> &'static Claim {
    if skips { &PollSkip::CLAIM } else { &NonmonotonicPoll::CLAIM }
}

fn kind(api: ReadApi) -> &'static str {
    match api {
        ReadApi::Fetch => "consume",
        ReadApi::ListOffsets => "list_offsets",
        ReadApi::OffsetForLeaderEpoch => "offset_for_leader_epoch",
    }
}
