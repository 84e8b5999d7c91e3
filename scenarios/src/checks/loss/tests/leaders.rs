//! Every history of a few steps in which leaders are elected, cleanly or not, begin in time, late or never, write on and
//! learn late that they are deposed, with rot, lost records, altered epochs and a deletion at every place: what may be
//! served, shown, cut and sent back, against a naive definition that looks at the whole history.
//!
//! Limits: 3 replicas, 3 elections, 4 records; 5 steps from where one record is committed by all, a second by the
//! only member of the ISR. Replica 2 is touched only after replica 1: they are alike.

use raft::client::ReadApi;

use super::*;
use crate::checks::loss::answers::SentBack;
use crate::checks::replication::committed_log::ReportedBy;

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Metadata commits a leader: a member of the ISR, or with permission another one, which is the ISR then.
    Elect {
        server: usize,
        unclean: bool,
    },
    /// The leader of an epoch begins; by then another may have been elected.
    Begin(i32),
    /// A replica that believes that it leads appends a record.
    Append(usize),
    /// A replica makes its log that of one that believes so.
    Follow {
        server: usize,
        leader: usize,
    },
    /// The newest leader commits what the ISR holds.
    Commit,
    /// A fault leaves so many records of a log, and ends the process.
    Lose {
        server: usize,
        left: usize,
    },
    /// A fault leaves corrupt bytes in a log.
    Rot(usize),
    /// They are overwritten.
    Overwrite(usize),
    /// A fault alters the epochs of a log, and ends the process; or the disk is replaced.
    Alter(usize),
    Delete,
}

/// A leader that has begun.
#[derive(Clone, Debug)]
struct Begun {
    epoch: i32,
    log: Vec<BatchId>,
    /// So many committed records it had.
    agreed: usize,
    /// The newest leader had been elected later, and the log did not continue with this one's.
    late: bool,
    /// Number of the step after which it led no more.
    ended: Option<usize>,
    /// It may lack everything of older epochs, after an unclean election.
    unclean: bool,
    /// It may lack these, and what stands behind them: a fault took them from it, and nobody else has them that may
    /// lead.
    lost: Vec<BatchId>,
    altered: bool,
}

#[derive(Clone, Debug)]
struct History {
    logs: [Vec<BatchId>; REPLICAS],
    isr: Vec<usize>,
    /// By epoch: who is elected, whether uncleanly, and how many leaders whose logs continued had begun before.
    elected: Vec<(usize, bool, usize)>,
    /// Whose epoch each replica follows, or leads.
    in_epoch: [i32; REPLICAS],
    leads: [bool; REPLICAS],
    begun: Vec<Begun>,
    written: Vec<BatchId>,
    committed: Vec<BatchId>,
    /// What a fault has taken from each replica, and it has not cut itself since.
    lost: [Vec<BatchId>; REPLICAS],
    rotten: [bool; REPLICAS],
    altered: [bool; REPLICAS],
    deleted: bool,
    facts: Vec<Fact>,
    events: Vec<Event>,
}

impl History {
    fn new(records: &mut Records) -> History {
        let first = records.behind(BatchId::START, 0);
        let second = records.behind(first, 0);
        let began = Begun {
            epoch: 0,
            log: Vec::new(),
            agreed: 0,
            late: false,
            ended: None,
            unclean: false,
            lost: Vec::new(),
            altered: false,
        };
        History {
            logs: [vec![first, second], vec![first], vec![first]],
            isr: vec![0],
            elected: vec![(0, false, 0)],
            in_epoch: [0; REPLICAS],
            leads: [true, false, false],
            begun: vec![began],
            written: vec![first, second],
            committed: vec![first, second],
            lost: Default::default(),
            rotten: [false; REPLICAS],
            altered: [false; REPLICAS],
            deleted: false,
            facts: vec![Fact::Began(Began {
                at: 0,
                epoch: LeaderEpoch(0),
                server: 0,
                log: BatchId::START,
                agreed_end: Offset(0),
                others: Default::default(),
                deposed: false,
                if_lost: Excuse::AckedLostWithLastGuard,
            })],
            events: Vec::new(),
        }
    }

    fn newest(&self) -> i32 {
        self.elected.len() as i32 - 1
    }

    fn possible(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.deleted {
            return events;
        }
        let touched = |server: usize| server < 2 || self.logs[1] != self.logs[2] || self.in_epoch[1] != 0;
        for server in (0..REPLICAS).filter(|server| touched(*server)) {
            let log = &self.logs[server];
            if self.elected.len() <= EPOCHS as usize {
                events.push(Event::Elect { server, unclean: !self.isr.contains(&server) });
            }
            if self.leads[server] {
                events.extend((self.written.len() < RECORDS).then_some(Event::Append(server)));
            }
            let others = (0..REPLICAS).filter(|leader| {
                *leader != server
                    && self.leads[*leader]
                    && self.in_epoch[*leader] >= self.in_epoch[server] + i32::from(self.leads[server])
                    && self.logs[*leader] != *log
            });
            events.extend(others.map(|leader| Event::Follow { server, leader }));
            events.extend((0..log.len()).map(|left| Event::Lose { server, left }));
            events.push(if self.rotten[server] { Event::Overwrite(server) } else { Event::Rot(server) });
            events.push(Event::Alter(server));
        }
        let begins = |epoch: &i32| {
            let server = self.elected[*epoch as usize].0;
            self.in_epoch[server] < *epoch
        };
        events.extend((0..=self.newest()).filter(begins).map(Event::Begin));
        let (leader, ..) = self.elected[self.newest() as usize];
        let agrees = self.logs[leader].starts_with(&self.committed);
        let next = self.logs[leader].get(self.committed.len());
        if self.leads[leader]
            && self.in_epoch[leader] == self.newest()
            && agrees
            && next.is_some_and(|next| self.isr.iter().all(|member| self.logs[*member].contains(next)))
        {
            events.push(Event::Commit);
        }
        events.push(Event::Delete);
        events
    }

    /// It leads no more.
    fn ends(&mut self, server: usize) {
        if std::mem::take(&mut self.leads[server]) {
            let (epoch, at) = (self.in_epoch[server], self.events.len());
            self.begun.iter_mut().filter(|begun| begun.epoch == epoch).for_each(|begun| begun.ended = Some(at));
            self.facts.push(Fact::Ended { epoch: LeaderEpoch(epoch), at: at as u64 });
        }
    }

    /// False if that is a violation, which ends the run.
    fn goes_on(&mut self, event: Event, records: &mut Records) -> bool {
        self.events.push(event);
        match event {
            Event::Elect { server, unclean } => {
                let real = self.begun.iter().filter(|begun| !begun.late).count();
                self.elected.push((server, unclean, real));
                if unclean {
                    self.isr = vec![server];
                    self.facts.push(Fact::UncleanElection { epoch: LeaderEpoch(self.newest()) });
                }
            }
            Event::Begin(epoch) => return self.begins(epoch, records),
            Event::Append(server) => {
                let id = records.behind(last(&self.logs[server]), self.in_epoch[server]);
                self.logs[server].push(id);
                self.written.push(id);
            }
            Event::Follow { server, leader } => {
                self.ends(server);
                self.in_epoch[server] = self.in_epoch[leader];
                let (own, its) = (&self.logs[server], &self.logs[leader]);
                let common = own.iter().zip(its).take_while(|(a, b)| a == b).count();
                if common < own.len() {
                    let (had, left) = (last(own), last(&own[..common]));
                    let cut = own[common..].to_vec();
                    self.lost[server].retain(|id| !cut.contains(id));
                    self.facts.push(Fact::Truncated { server, had, left });
                }
                self.logs[server] = self.logs[leader].clone();
            }
            Event::Commit => {
                let leader = self.elected[self.newest() as usize].0;
                self.committed.push(self.logs[leader][self.committed.len()]);
            }
            Event::Lose { server, left } => {
                self.ends(server);
                let had = last(&self.logs[server]);
                let gone = self.logs[server].split_off(left);
                let (left, registered) = (last(&self.logs[server]), BrokerEpoch(0));
                self.lost[server].extend(gone);
                self.facts.push(Fact::Destroyed { server, had, left, registered });
            }
            Event::Rot(server) => {
                self.rotten[server] = true;
                self.facts.push(Fact::Rotten { server });
            }
            Event::Overwrite(server) => {
                self.rotten[server] = false;
                self.facts.push(Fact::Whole { server });
            }
            Event::Alter(server) => {
                self.ends(server);
                self.altered[server] = !self.altered[server];
                self.facts.push(Fact::EpochsAltered { server, are: self.altered[server] });
            }
            Event::Delete => {
                self.deleted = true;
                self.facts.push(Fact::Deleted);
            }
        }
        true
    }

    /// Unclean elections since a leader has begun whose log continued.
    fn pending(&self) -> Vec<i32> {
        let real = self.begun.iter().filter(|begun| !begun.late).count();
        let of_now = |(_, (_, unclean, before)): &(i32, &(usize, bool, usize))| *unclean && *before == real;
        (0..).zip(&self.elected).filter(of_now).map(|(epoch, _)| epoch).collect()
    }

    fn begins(&mut self, epoch: i32, records: &Records) -> bool {
        let server = self.elected[epoch as usize].0;
        self.ends(server);
        (self.in_epoch[server], self.leads[server]) = (epoch, true);
        let pending = self.pending();
        let is_newest_elected = !pending.is_empty() && pending.iter().all(|unclean| *unclean <= epoch);
        let log = self.logs[server].clone();
        let agreed = log.iter().zip(&self.committed).take_while(|(a, b)| a == b).count();
        let has_lost = self.committed.get(agreed).is_some_and(|lacked| self.lost[server].contains(lacked));
        let late = epoch != self.newest() && !((is_newest_elected || has_lost) && self.isr == [server]);
        let others: Vec<usize> = self.isr.iter().copied().filter(|member| *member != server).collect();
        let place = self.facts.len();
        self.facts.push(Fact::Began(Began {
            at: self.events.len() as u64,
            epoch: LeaderEpoch(epoch),
            server,
            log: last(&log),
            agreed_end: Offset(agreed as i64),
            others: others.iter().map(|other| last(&self.logs[*other])).collect(),
            deposed: late,
            if_lost: Excuse::AckedLostWithLastGuard,
        }));
        let is_held = |id: &BatchId| others.iter().any(|other| self.logs[*other].contains(id));
        let lost = self.lost[server].iter().copied().filter(|id| !is_held(id)).collect();
        let (unclean, altered) = (!pending.is_empty(), self.altered[server]);
        self.begun.push(Begun { epoch, log, agreed, late, ended: None, unclean, lost, altered });
        if late {
            return true;
        }
        let losses = Losses { ledger: &records.ledger, committed: &self.committed, facts: &self.facts };
        let Some(lacked) = self.committed.get(agreed) else { return true };
        let answer = losses.may_begin_without(place, *lacked);
        let naive = self.is_given_up(self.begun.last().expect("it was pushed"), *lacked, &records.ledger);
        assert_eq!(answer.is_some(), naive, "{:?}\n{:#?}", self.events, self.facts);
        self.committed.truncate(agreed);
        answer.is_some()
    }

    /// May a leader have begun without a batch that is, or was, or will be in another log?
    fn is_given_up(&self, by: &Begun, id: BatchId, ledger: &Ledger) -> bool {
        let lacked = |other: &&BatchId| ledger.holds(id, **other) && !by.log.contains(other);
        let first = self.written.iter().filter(lacked).min_by_key(|other| ledger.end(**other));
        !by.late && first.is_some_and(|first| by.unclean || by.lost.contains(first))
    }

    /// Was the leader of an epoch elected uncleanly, or after such an election before anybody had begun whose log
    /// continued?
    fn is_unclean(&self, epoch: i32) -> bool {
        let before = |from: i32| {
            let between = self.begun.iter().filter(|begun| !begun.late).nth(self.elected[from as usize].2);
            between.is_none_or(|next| epoch < next.epoch)
        };
        (0..=epoch).any(|from| self.elected[from as usize].1 && before(from))
    }

    fn may_be_missing(&self, id: BatchId, ledger: &Ledger) -> bool {
        let newer = |begun: &&Begun| !begun.late && ledger.get(id).epoch.0 < begun.epoch;
        let came_back = self.begun.iter().rfind(newer).is_some_and(|newest| newest.log.contains(&id));
        let is_given_up = self.begun.iter().filter(newer).any(|begun| self.is_given_up(begun, id, ledger));
        self.deleted || (!self.committed.contains(&id) && !came_back && is_given_up)
    }

    /// It is missing with cause; or a leader that was elected uncleanly, and passed over by such an election whose
    /// leader has yet to begin, wrote it or began late with it.
    fn may_serve(&self, id: BatchId, ledger: &Ledger) -> bool {
        let pending = self.pending();
        let Some((oldest, newest)) = pending.first().zip(pending.last()) else {
            return self.may_be_missing(id, ledger);
        };
        let is_passed_over = |epoch: i32| *oldest <= epoch && epoch < *newest;
        let brought = |begun: &Begun| begun.late && is_passed_over(begun.epoch) && begun.log.contains(&id);
        self.may_be_missing(id, ledger) || is_passed_over(ledger.get(id).epoch.0) || self.begun.iter().any(brought)
    }

    /// All answers, by the facts and naively.
    fn is_judged_naively(&self, records: &Records, judged: &mut [[u64; 2]; 5]) {
        let ledger = &records.ledger;
        let losses = Losses { ledger, committed: &self.committed, facts: &self.facts };
        let mut agree = |which: usize, answer: bool, naive: bool| {
            assert_eq!(answer, naive, "{which}: {:?}\n{:#?}", self.events, self.facts);
            judged[which][usize::from(answer)] += 1;
        };
        for id in &self.written {
            let (known, naive) = (ledger.get(*id), self.may_serve(*id, ledger));
            agree(0, losses.may_serve(*id).is_some(), naive);
            let (offset, value) = known.parse().expect("it was built").values().next().expect("it has one");
            agree(1, losses.may_be_reported(offset, value, Some(known.epoch), ReportedBy::Shown).is_some(), naive);
            let another = LeaderEpoch(known.epoch.0 + 1);
            assert_eq!(
                losses.may_be_reported(offset, value, Some(another), ReportedBy::Shown),
                None,
                "{:?}",
                self.events
            );
        }
        let pending = self.pending();
        for epoch in 0..=self.newest() {
            let is_newest = pending.last().is_some_and(|newest| *newest <= epoch);
            agree(2, losses.may_begin_late(LeaderEpoch(epoch), 0, None), is_newest);
            for (server, lost) in self.lost.iter().enumerate() {
                for id in &self.written {
                    let answer = losses.may_begin_late(LeaderEpoch(epoch), server, Some(*id));
                    agree(2, answer, is_newest || lost.contains(id));
                }
            }
        }
        let late = |begun: &&Begun| begun.late && self.is_unclean(begun.epoch);
        for left in 0..2 {
            for server in 0..REPLICAS {
                let follows = self.in_epoch[server];
                let by = |begun: &Begun| begun.epoch == follows && begun.agreed <= left;
                let naive = self.deleted || self.rotten[server] || self.begun.iter().filter(late).any(by);
                let answer = losses.may_cut(server, Some(LeaderEpoch(follows)), Offset(left as i64));
                agree(3, answer.is_some(), naive);
            }
            let (from, requested) = (left + 1, self.events.len().saturating_sub(1));
            for (to, shown) in [(None, None), (Some(left), None), (None, Some(1)), (Some(0), Some(2))] {
                let by = |begun: &Begun, by_epochs: bool| {
                    let lacks = begun.late && self.is_unclean(begun.epoch) && begun.agreed < from;
                    (lacks && to.is_none_or(|to| begun.agreed <= to) || by_epochs && begun.altered)
                        && shown.is_none_or(|shown| shown <= begun.epoch)
                        && begun.ended.is_none_or(|ended| requested <= ended)
                };
                let mut position = SentBack {
                    from: Offset(from as i64),
                    to: to.map(|to| Offset(to as i64)),
                    shown: shown.map(LeaderEpoch),
                    requested: requested as u64,
                    since: 0,
                    until: requested as u64,
                    asked: ReadApi::OffsetForLeaderEpoch,
                };
                let naive = self.begun.iter().any(|begun| by(begun, true));
                agree(4, losses.may_be_sent_back(&position).is_some(), naive);
                position.asked = ReadApi::Fetch;
                let naive = self.begun.iter().any(|begun| by(begun, false));
                agree(4, losses.may_be_sent_back(&position).is_some(), naive);
            }
        }
    }

    /// One fact more never excuses less.
    fn is_monotone(&self, records: &Records) {
        let ledger = &records.ledger;
        let had = last(&self.written);
        let registered = BrokerEpoch(0);
        let more = [
            Fact::UncleanElection { epoch: LeaderEpoch(EPOCHS + 1) },
            Fact::Destroyed { server: 1, had, left: BatchId::START, registered },
            Fact::Rotten { server: 1 },
            Fact::Deleted,
        ];
        let answers = |facts: &[Fact]| {
            let losses = Losses { ledger, committed: &self.committed, facts };
            let served = self.written.iter().map(|id| losses.may_serve(*id).is_some());
            let cut = (0..REPLICAS)
                .map(|server| losses.may_cut(server, Some(LeaderEpoch(self.in_epoch[server])), Offset(0)).is_some());
            served.chain(cut).collect::<Vec<bool>>()
        };
        let before = answers(&self.facts);
        for fact in more {
            let facts = [&self.facts[..], &[fact]].concat();
            let excuses_less = before.iter().zip(answers(&facts)).any(|(before, after)| *before && !after);
            assert!(!excuses_less, "{:?}\n{facts:#?}", self.events);
        }
    }
}

fn explore(history: &History, depth: usize, records: &mut Records, judged: &mut [[u64; 2]; 5]) {
    history.is_judged_naively(records, judged);
    if depth == 0 {
        return history.is_monotone(records);
    }
    for event in history.possible() {
        let mut next = history.clone();
        if next.goes_on(event, records) {
            explore(&next, depth - 1, records, judged);
        }
    }
}

#[test]
fn what_leaders_may_do_is_judged_as_the_naive_definition_does() {
    let (mut records, mut judged) = (Records::default(), [[0; 2]; 5]);
    explore(&History::new(&mut records), 5, &mut records, &mut judged);
    // From here on, too, where two leaders that were elected uncleanly have yet to begin.
    let mut passed_over = History::new(&mut records);
    for server in [1, 2] {
        passed_over.goes_on(Event::Elect { server, unclean: true }, &mut records);
    }
    explore(&passed_over, 5, &mut records, &mut judged);
    assert!(judged.iter().flatten().all(|count| *count > 1_000), "{judged:?}");
}

/// A consumer is sent back twice, from what one unclean election took, and the next one brought back.
#[test]
fn what_came_back_was_lost_in_between() {
    let mut records = Records::default();
    let mut history = History::new(&mut records);
    let second = history.committed[1];
    let unclean = |server| Event::Elect { server, unclean: true };
    let lost = |history: &History, records: &Records| {
        let (ledger, committed) = (&records.ledger, &history.committed[..]);
        let position = SentBack {
            from: Offset(2),
            to: Some(Offset(1)),
            shown: None,
            requested: 4,
            since: 4,
            until: 5,
            asked: ReadApi::OffsetForLeaderEpoch,
        };
        let (_, value) = ledger.get(second).parse().expect("it was built").values().next().expect("it has one");
        Losses { ledger, committed, facts: &history.facts }.may_be_lost(&position, Some(value))
    };
    // The process of the first leader ends, and its log stays.
    let ends = Event::Lose { server: 0, left: 2 };
    for event in [ends, unclean(1), Event::Begin(1), Event::Append(1), Event::Commit] {
        assert!(history.goes_on(event, &mut records));
    }
    assert_eq!(lost(&history, &records), Some(Excuse::PositionLostWithRecords));
    for event in [unclean(0), Event::Begin(2), Event::Commit] {
        assert!(history.goes_on(event, &mut records));
    }
    assert_eq!(history.committed[1], second, "it came back");
    assert_eq!(lost(&history, &records), Some(Excuse::PositionLostWithRecords));
    // Had it never been taken, its consumer would have lost it without a reason.
    let never = History::new(&mut records);
    assert_eq!(lost(&never, &records), None);
}
