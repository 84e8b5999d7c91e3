//! Random legal histories pass; with one answer altered they do not.

use proptest::prelude::*;
use raft::client::AttemptEvent::{self, *};
use raft::ids::Offset;

use super::admin::{alter, asks, config, describe, described, reported};
use super::*;

const CONSUMER: usize = 5;
const CONFIG: &str = "x";

/// An append on its way.
#[derive(Clone, Copy)]
struct Append {
    attempt: u32,
    batch: u32,
    first: u64,
    count: u32,
    producer: Option<BatchProducer>,
    base: Option<i64>,
}

/// A change of a config, or a look at it, on its way.
#[derive(Clone)]
struct Change {
    attempt: u32,
    value: Option<String>,
    /// Once it has taken effect: what it saw.
    effect: Option<Option<String>>,
}

/// One client after another takes effect at some instant between its call and its return.
#[derive(Default)]
struct Model {
    steps: Vec<Step>,
    log: Vec<u64>,
    appends: [Option<Append>; 2],
    attempts: [u32; 2],
    sequence: i32,
    /// Without an answer, and not in the log yet.
    late: Vec<(usize, Append)>,
    changes: [Option<Change>; 2],
    change_attempts: u32,
    config: Option<String>,
    position: i64,
    polls: u32,
    values: u64,
}

impl Model {
    fn client(&mut self, client: usize, event: AttemptEvent) {
        self.steps.push(Step::Client(client, event));
    }

    /// Producer 0 is idempotent and sends a batch until it is acknowledged; producer 1 is not.
    fn send(&mut self, which: usize, retry: Option<Append>, count: u32) {
        self.attempts[which] += 1;
        let attempt = self.attempts[which];
        let append = retry.map(|append| Append { attempt, ..append }).unwrap_or_else(|| {
            let first = ((which as u64 + 1) << 40) | self.values;
            self.values += 10;
            let producer = (which == 0).then(|| {
                let base_sequence = self.sequence;
                self.sequence += i32::try_from(count).unwrap();
                BatchProducer { id: ProducerId(3), epoch: 0, base_sequence }
            });
            Append { attempt, batch: attempt, first, count, producer, base: None }
        });
        let Append { batch, first, count, producer, .. } = append;
        let client = which + 1;
        self.client(client, ProduceInvoked { attempt, batch, partition: P, acks: -1, count, leader_epoch: 0 });
        if let Some(BatchProducer { id, epoch, base_sequence }) = producer {
            self.client(client, ProduceSequence { attempt, producer_id: id, producer_epoch: epoch, base_sequence });
        }
        self.client(client, ProduceValues { attempt, first_value: first, count });
        self.appends[which] = Some(append);
    }

    fn commit(&mut self, append: &mut Append) {
        if append.base.is_none() {
            append.base = Some(self.log.len() as i64);
            self.steps.push(Step::Commit(T, append.first, append.count, append.producer));
            self.log.extend(append.first..append.first + u64::from(append.count));
        }
    }

    fn end_append(&mut self, which: usize, answered: bool) {
        let Some(append) = self.appends[which].take() else { return };
        let (client, attempt) = (which + 1, append.attempt);
        match append.base {
            Some(base) if answered => return self.client(client, ProduceOk { attempt, base_offset: Offset(base) }),
            None if answered => self.client(client, ProduceFailed { attempt, error: ErrorCode::NotEnoughReplicas }),
            _ => self.client(client, ProduceUnknown { attempt, error: ErrorCode::NetworkException }),
        }
        if which == 0 {
            self.send(0, Some(append), append.count);
        } else if append.base.is_none() && !answered {
            self.late.push((which, append));
        }
    }

    fn poll(&mut self, at_most: usize) {
        self.polls += 1;
        let (attempt, from, end) = (self.polls, self.position, self.log.len() as i64);
        self.client(CONSUMER, ReadInvoked { attempt, api: ReadApi::Fetch, partition: P, at: from });
        let records: Vec<u64> = self.log[from as usize..].iter().copied().take(at_most).collect();
        let count = records.len() as u32;
        self.client(CONSUMER, PollRecords { attempt, partition: P, leader_epoch: LeaderEpoch(1), count });
        for (offset, value) in (from..).zip(records) {
            self.client(CONSUMER, PollRecord { attempt, offset: Offset(offset), value });
            self.position = offset + 1;
        }
        self.client(CONSUMER, ReadOk { attempt, partition: P, number: end });
    }

    fn ask(&mut self, which: usize, value: Option<String>) {
        self.change_attempts += 1;
        let attempt = self.change_attempts;
        let request = value.as_ref().map_or_else(describe, |value| alter(CONFIG, 0, Some(value)));
        self.steps.extend(asks(which + 6, attempt, request));
        self.changes[which] = Some(Change { attempt, value, effect: None });
    }

    fn take_effect(&mut self, which: usize) {
        let Some(mut change) = self.changes[which].take() else { return };
        if change.effect.is_none() {
            if change.value.is_some() && change.value != self.config {
                self.config = change.value.clone();
                self.steps.push(config(CONFIG, self.config.as_deref()));
            }
            change.effect = Some(self.config.clone());
        }
        self.changes[which] = Some(change);
    }

    fn end_change(&mut self, which: usize) {
        self.take_effect(which);
        let Some(Change { attempt, value, effect }) = self.changes[which].take() else { return };
        let seen = effect.flatten();
        self.steps.extend(match (value, seen) {
            (None, Some(seen)) => described(which + 6, attempt, &[(CONFIG, &seen)]),
            _ => reported(which + 6, attempt, ErrorCode::None, Outcome::Done),
        });
    }

    fn choose(&mut self, choice: u8) {
        let (what, which, how) = (choice % 8, usize::from(choice / 8 % 2), choice / 16);
        match what {
            0 if self.appends[which].is_none() => self.send(which, None, u32::from(how % 3) + 1),
            0 | 1 => {
                if let Some(mut append) = self.appends[which].take() {
                    self.commit(&mut append);
                    self.appends[which] = Some(append);
                }
            }
            2 | 3 => self.end_append(which, how > 3),
            4 => {
                if let Some((_, mut append)) = self.late.pop() {
                    self.commit(&mut append);
                }
            }
            5 => self.poll(usize::from(how) + 1),
            6 if self.changes[which].is_none() => self.ask(which, (how < 8).then(|| format!("{}", how % 4))),
            6 => self.take_effect(which),
            _ => self.end_change(which),
        }
    }

    fn run(choices: &[u8]) -> Vec<Step> {
        let mut model = Model { polls: 1, ..Model::default() };
        model.client(CONSUMER, ReadInvoked { attempt: 1, api: ReadApi::ListOffsets, partition: P, at: -2 });
        model.client(CONSUMER, ReadOk { attempt: 1, partition: P, number: 0 });
        model.client(CONSUMER, PositionSet { partition: P, offset: Offset(0), cause: PositionCause::Reset });
        choices.iter().for_each(|choice| model.choose(*choice));
        model.end_change(0);
        model.end_change(1);
        model.poll(usize::MAX);
        model.steps
    }
}

/// Alters the answer at this place to one that cannot be; `None` if there is no answer.
fn altered(step: &Step, how: u8) -> Option<Step> {
    let Step::Client(client, event) = step else { return None };
    let event = match *event {
        ProduceOk { attempt, base_offset } => {
            let by = i64::from(how % 7) + 1;
            let base = if how.is_multiple_of(2) { base_offset.0 + by } else { (base_offset.0 - by).max(-1) };
            ProduceOk { attempt, base_offset: Offset(if base == base_offset.0 { base + 1 } else { base }) }
        }
        PollRecord { attempt, offset, value } if how.is_multiple_of(2) => {
            PollRecord { attempt, offset, value: value ^ 5 }
        }
        PollRecord { attempt, offset, value } => PollRecord { attempt, offset: Offset(offset.0 + 1), value },
        ReadInvoked { attempt, api: ReadApi::Fetch, partition, at } => {
            ReadInvoked { attempt, api: ReadApi::Fetch, partition, at: at + 1 }
        }
        ReadOk { attempt, partition, .. } if attempt > 1 => ReadOk { attempt, partition, number: 10_000 },
        AdminConfig { attempt, index, name_hash, value_hash } => {
            AdminConfig { attempt, index, name_hash, value_hash: value_hash ^ 1 }
        }
        _ => return None,
    };
    Some(Step::Client(*client, event))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
    #[test]
    fn legal_histories_pass_and_altered_ones_do_not(
        choices in proptest::collection::vec(any::<u8>(), 0..120),
        place in any::<prop::sample::Index>(),
        how in any::<u8>(),
    ) {
        let mut steps = Model::run(&choices);
        let played = play(&steps);
        prop_assert_eq!(played.broke(), None, "{:?}", played.verdict.violation());
        let answers: Vec<usize> = (0..steps.len()).filter(|at| altered(&steps[*at], how).is_some()).collect();
        let at = *place.get(&answers);
        steps[at] = altered(&steps[at], how).expect("it is an answer");
        prop_assert!(play(&steps).broke().is_some(), "{:?} passes", steps[at]);
    }
}
