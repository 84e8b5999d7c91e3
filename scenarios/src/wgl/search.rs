//! The search for an order of one object's operations that explains their answers.
//!
//! It goes depth first over configurations (what has taken effect, and the state after it), each visited
//! once. Operations that may take effect next are those called before the first answer still to be
//! explained. Three rules keep it from orders that cannot matter:
//! * An operation that only reads takes effect as soon as its answer fits: whatever order has it later,
//!   the same order with it now explains as much.
//! * Of two operations with the same effect, the one that was called and answered no later than the other
//!   goes first: exchanged, they explain as much. So unanswered operations of a class go in the order of
//!   their calls.
//! * A configuration from which no candidates lead to the next answer to explain is left at once.

use super::model::{Model, StateId};
use super::operation::Order;
use super::seen::{Seen, mix};

/// No operation.
const NONE: u32 = u32::MAX;

/// A search that may be interrupted.
#[derive(Clone, Debug)]
pub struct Search<M> {
    model: M,
    order: Order,
    /// Answered operations by their answers, and the place of each among them.
    by_answer: Vec<u32>,
    rank: Vec<u32>,
    /// The first of `by_answer` that has not taken effect.
    front: usize,
    /// The same of those that only read.
    reads_by_answer: Vec<u32>,
    read_rank: Vec<u32>,
    read_front: usize,
    /// Whose effect comes before that of this one.
    after: Vec<u32>,
    /// What has not taken effect, in the order of calls: operations that only read, and others.
    left: Lists,
    effective: Vec<u64>,
    effective_hash: u64,
    state: StateId,
    path: Vec<Applied>,
    seen: Seen,
    /// What is tried next; `NONE` on coming into a configuration.
    cursor: u32,
    steps: u64,
}

/// An operation that took effect.
#[derive(Clone, Copy, Debug)]
struct Applied {
    operation: u32,
    before: StateId,
    /// Its turn was no choice.
    forced: bool,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchProgress {
    /// There is an order.
    Linearizable,
    /// There is none.
    Violated,
    /// Not decided yet.
    Undecided,
}

impl<M: Model> Search<M> {
    /// A search about to begin.
    pub fn new(mut model: M, order: Order) -> Search<M> {
        let count = order.count();
        assert!(count < NONE as usize - 2, "more operations than numbers for them");
        let answered = |only_reads: bool| {
            let wanted = |operation: &u32| {
                let place = *operation as usize;
                !order.is_pending(place) && (!only_reads || model.only_reads(place))
            };
            let mut list: Vec<u32> = (0..count as u32).filter(wanted).collect();
            list.sort_by_key(|operation| order.returned[*operation as usize]);
            let mut rank = vec![NONE; count];
            for (place, operation) in list.iter().enumerate() {
                rank[*operation as usize] = place as u32;
            }
            (list, rank)
        };
        let (by_answer, rank) = answered(false);
        let (reads_by_answer, read_rank) = answered(true);
        let words = count.div_ceil(64).max(1);
        Search {
            after: dominators(&model, &order),
            left: Lists::of(&model, &order),
            by_answer,
            rank,
            front: 0,
            reads_by_answer,
            read_rank,
            read_front: 0,
            effective: vec![0; words],
            effective_hash: 0,
            state: model.initial(),
            path: Vec::with_capacity(count),
            seen: Seen::new(words),
            cursor: NONE,
            steps: 0,
            model,
            order,
        }
    }

    /// Goes on for about so many steps. A step tries one operation in one configuration.
    pub fn run(&mut self, steps: u64) -> SearchProgress {
        let end = self.steps.saturating_add(steps);
        while self.steps < end {
            if self.cursor == NONE {
                self.take_reads();
                if self.front == self.by_answer.len() {
                    return SearchProgress::Linearizable;
                }
                let known = !self.seen.insert(self.effective_hash, &self.effective, self.state);
                let hopeless = known || self.is_hopeless();
                self.cursor = if hopeless { self.left.unanswered() } else { self.left.next(self.left.effects()) };
            }
            if !self.take_next() && !self.go_back() {
                return SearchProgress::Violated;
            }
        }
        SearchProgress::Undecided
    }

    /// How many steps it has taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What has taken effect, in this order.
    pub fn path(&self) -> Vec<usize> {
        self.path.iter().map(|received| received.operation as usize).collect()
    }

    /// Where the first answer stands that is still to be explained.
    fn limit(&self) -> u64 {
        self.by_answer.get(self.front).map_or(u64::MAX, |first| self.order.returned[*first as usize])
    }

    /// What only reads, and fits, takes effect.
    fn take_reads(&mut self) {
        let mut at = self.left.next(self.left.reads());
        while at != self.left.reads() && self.order.called[at as usize] < self.limit() {
            let next = self.left.next(at);
            self.steps += 1;
            if self.model.step(self.state, at as usize).is_some() {
                self.take(at, self.state, true);
            }
            at = next;
        }
    }

    /// The next candidate that can takes effect, answered ones first; false if there is none.
    fn take_next(&mut self) -> bool {
        let limit = self.limit();
        loop {
            while self.cursor < self.left.reads() && self.order.called[self.cursor as usize] < limit {
                let at = self.cursor;
                self.steps += 1;
                if self.may_go(at)
                    && let Some(state) = self.model.step(self.state, at as usize)
                    && !(state == self.state && self.order.is_pending(at as usize))
                {
                    self.take(at, state, false);
                    self.cursor = NONE;
                    return true;
                }
                self.cursor = self.left.next(at);
            }
            let is_answered = self.cursor == self.left.effects()
                || (self.cursor < self.left.reads() && !self.order.is_pending(self.cursor as usize));
            if !is_answered {
                return false;
            }
            self.cursor = self.left.next(self.left.unanswered());
            if self.cursor == self.left.unanswered() {
                return false;
            }
        }
    }

    /// Back to the last choice, and on to what comes after it; false if there was none.
    fn go_back(&mut self) -> bool {
        while let Some(received) = self.path.pop() {
            self.undo(received);
            if !received.forced {
                self.cursor = self.left.next(received.operation);
                return true;
            }
        }
        false
    }

    /// Has whatever must take effect before this operation done so?
    fn may_go(&self, operation: u32) -> bool {
        let after = self.after[operation as usize];
        after == NONE || self.is_effective(after)
    }

    fn is_effective(&self, operation: u32) -> bool {
        self.effective[operation as usize / 64] >> (operation % 64) & 1 == 1
    }

    fn take(&mut self, operation: u32, state: StateId, forced: bool) {
        self.path.push(Applied { operation, before: self.state, forced });
        self.flip(operation);
        self.left.take(operation);
        self.state = state;
        while self.by_answer.get(self.front).is_some_and(|first| self.is_effective(*first)) {
            self.front += 1;
        }
        while self.reads_by_answer.get(self.read_front).is_some_and(|first| self.is_effective(*first)) {
            self.read_front += 1;
        }
    }

    fn undo(&mut self, received: Applied) {
        self.flip(received.operation);
        self.left.put_back(received.operation);
        self.state = received.before;
        let place = received.operation as usize;
        self.front = self.front.min(self.rank[place] as usize);
        self.read_front = self.read_front.min(self.read_rank[place] as usize);
    }

    fn flip(&mut self, operation: u32) {
        self.effective[operation as usize / 64] ^= 1 << (operation % 64);
        self.effective_hash ^= mix(u64::from(operation) + 1);
    }

    /// Neither the first answer to explain nor the first of a reader can be reached from here.
    fn is_hopeless(&self) -> bool {
        let first = self.by_answer.get(self.front).copied();
        let read = self.reads_by_answer.get(self.read_front).copied();
        let out_of_reach = |target: u32| {
            let candidates = self.left.effects_before(self.order.returned[target as usize], &self.order.called);
            self.model.is_out_of_reach(self.state, target as usize, candidates)
        };
        first.is_some_and(out_of_reach) || read.filter(|_| read != first).is_some_and(out_of_reach)
    }
}

/// For each operation the last called of those of its class that were called and answered no later.
fn dominators<M: Model>(model: &M, order: &Order) -> Vec<u32> {
    let mut after = vec![NONE; order.count()];
    let mut classes: Vec<(u64, u32)> = (0..order.count() as u32)
        .filter(|operation| !model.only_reads(*operation as usize))
        .map(|operation| (model.class(operation as usize), operation))
        .collect();
    classes.sort_unstable();
    for class in classes.chunk_by(|one, other| one.0 == other.0) {
        for (place, (_, operation)) in class.iter().enumerate() {
            let returned = order.returned[*operation as usize];
            let earlier = class[..place].iter().rev().find(|(_, other)| order.returned[*other as usize] <= returned);
            after[*operation as usize] = earlier.map_or(NONE, |(_, other)| *other);
        }
    }
    after
}

/// Lists of operations, from which one is taken and put back in reverse.
#[derive(Clone, Debug)]
struct Lists {
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Lists {
    /// Operations that only read, others that were answered, and the rest, each in the order of their
    /// calls; unanswered reads do not matter.
    fn of<M: Model>(model: &M, order: &Order) -> Lists {
        let count = order.count() as u32;
        let mut lists = Lists { next: (0..count + 3).collect(), previous: (0..count + 3).collect() };
        for operation in 0..count {
            match (model.only_reads(operation as usize), order.is_pending(operation as usize)) {
                (true, true) => {}
                (true, false) => lists.push(lists.reads(), operation),
                (false, false) => lists.push(lists.effects(), operation),
                (false, true) => lists.push(lists.unanswered(), operation),
            }
        }
        lists
    }

    /// Before the first and behind the last that only reads. The other ends have greater numbers.
    fn reads(&self) -> u32 {
        self.next.len() as u32 - 3
    }

    /// Before the first and behind the last that was answered and does not only read.
    fn effects(&self) -> u32 {
        self.next.len() as u32 - 2
    }

    /// Before the first and behind the last that was not answered.
    fn unanswered(&self) -> u32 {
        self.next.len() as u32 - 1
    }

    fn push(&mut self, list: u32, operation: u32) {
        let last = self.previous[list as usize];
        self.next[last as usize] = operation;
        self.previous[operation as usize] = last;
        self.next[operation as usize] = list;
        self.previous[list as usize] = operation;
    }

    fn next(&self, operation: u32) -> u32 {
        self.next[operation as usize]
    }

    fn take(&mut self, operation: u32) {
        let (next, previous) = (self.next[operation as usize], self.previous[operation as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    fn put_back(&mut self, operation: u32) {
        let (next, previous) = (self.next[operation as usize], self.previous[operation as usize]);
        self.next[previous as usize] = operation;
        self.previous[next as usize] = operation;
    }

    /// Those that do not only read and were called before `limit`.
    fn effects_before<'a>(&'a self, limit: u64, called: &'a [u64]) -> impl Iterator<Item = usize> + Clone + 'a {
        let before = move |list: u32| {
            std::iter::successors(Some(self.next(list)), |at| Some(self.next(*at)))
                .take_while(move |at| *at != list && called[*at as usize] < limit)
                .map(|at| at as usize)
        };
        before(self.effects()).chain(before(self.unanswered()))
    }
}
