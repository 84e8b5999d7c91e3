//! Every batch ever written anywhere, once: the one map of `LogMatching`.
//!
//! A batch is known by its (epoch, end offset) together with its bytes and the batch before it.
//! So one id stands for a whole prefix: two logs that hold the same id agree up to its end.

use std::fmt;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use raft::log::{Batch, BatchError, BatchHeader, ControlRecord};
use raft::voter_set::VoterSet;

/// A batch and, with it, all that stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(u32);

impl BatchId {
    /// Nothing: the start of every log.
    pub const START: BatchId = BatchId(u32::MAX);
}

#[derive(Clone, Debug)]
pub struct KnownBatch {
    pub base: Offset,
    /// One past the last offset.
    pub end: Offset,
    pub epoch: LeaderEpoch,
    /// Control records, no data.
    pub control: bool,
    before: BatchId,
    /// How many batches the prefix has that it ends.
    count: usize,
    /// The voters behind it, by their place in [`Ledger::voter_sets`].
    voters: u32,
    file_bytes: Rc<[u8]>,
    position: usize,
    size: usize,
}

impl KnownBatch {
    pub fn bytes(&self) -> &[u8] {
        &self.file_bytes[self.position..self.position + self.size]
    }

    /// The batch as a reader sees it.
    pub fn parse(&self) -> Result<Batch, BatchError> {
        if self.position == 0 { Batch::parse_shared(&self.file_bytes) } else { Ok(Batch::parse(self.bytes())?.0) }
    }

    pub fn size(&self) -> u64 {
        self.size as u64
    }

    fn is(&self, bytes: &Rc<[u8]>, position: usize, size: usize, before: BatchId) -> bool {
        // Replicas share a batch's bytes, so most comparisons end at the pointer.
        let same_bytes = (Rc::ptr_eq(&self.file_bytes, bytes) && self.position == position && self.size == size)
            || self.bytes() == &bytes[position..position + size];
        self.before == before && same_bytes
    }
}

impl fmt::Display for KnownBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end.0 - 1 {
            last if last == self.base.0 => write!(f, "offset {last}, epoch {}", self.epoch),
            last => write!(f, "offsets {} to {last}, epoch {}", self.base, self.epoch),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub id: BatchId,
    pub is_new: bool,
    /// Another batch, or the same behind another prefix, stands at the same epoch and end offset.
    pub conflict: Option<BatchId>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    batches: Vec<KnownBatch>,
    /// Of those that stand at one place, the first; ascending by epoch and end offset.
    places: Vec<(LeaderEpoch, Offset, BatchId)>,
    /// The voter sets of KRaftVoters records, each with its batch.
    voter_sets: Vec<(VoterSet, BatchId)>,
    /// The voters before the first one.
    first_voters: VoterSet,
    is_dynamic: bool,
}

/// In the place of a voter set: the first one.
const FIRST_VOTERS: u32 = u32::MAX;

impl Ledger {
    /// Of a quorum that begins with these voters.
    pub fn new(first_voters: VoterSet) -> Ledger {
        let is_dynamic = first_voters.nodes().iter().any(|voter| voter.directory_id.is_some());
        Ledger { first_voters, is_dynamic, ..Ledger::default() }
    }

    /// Whether the voters are in the log, and may change.
    pub fn is_dynamic(&self) -> bool {
        self.is_dynamic
    }

    /// Whether every voter of every set has a directory id: a server with another one is no voter.
    pub fn has_directory_ids(&self) -> bool {
        let sets = std::iter::once(&self.first_voters).chain(self.voter_sets.iter().map(|(set, _)| set));
        sets.flat_map(|set| set.nodes()).all(|voter| voter.directory_id.is_some())
    }

    /// The voters that a log has which ends with this batch: each set is in force from its record on.
    pub fn voters(&self, prefix: BatchId) -> &VoterSet {
        let place = if prefix == BatchId::START { FIRST_VOTERS } else { self.get(prefix).voters };
        self.voter_sets.get(place as usize).map_or(&self.first_voters, |(set, _)| set)
    }

    /// A batch by id; there is none for [`BatchId::START`].
    pub fn get(&self, id: BatchId) -> &KnownBatch {
        &self.batches[id.0 as usize]
    }

    /// Where the prefix that an id stands for ends.
    pub fn end(&self, id: BatchId) -> Offset {
        if id == BatchId::START { Offset(0) } else { self.get(id).end }
    }

    /// The prefix that ends in this epoch at this offset; `None` if nobody ever wrote one.
    pub fn find(&self, at: OffsetAndEpoch) -> Option<BatchId> {
        if at.offset == Offset(0) {
            return Some(BatchId::START);
        }
        let key = |(epoch, end, _): &(LeaderEpoch, Offset, BatchId)| (*epoch, *end);
        let place = self.places.binary_search_by_key(&(at.epoch, at.offset), key).ok()?;
        Some(self.places[place].2)
    }

    /// How many batches a prefix has.
    pub fn count(&self, prefix: BatchId) -> usize {
        if prefix == BatchId::START { 0 } else { self.get(prefix).count }
    }

    /// The prefix without its last batch.
    pub fn before(&self, id: BatchId) -> BatchId {
        self.get(id).before
    }

    /// The part of a prefix that ends at `end`; `None` if no batch of it ends there.
    pub fn part_ending(&self, of: BatchId, end: Offset) -> Option<BatchId> {
        let mut part = of;
        while self.end(part) > end {
            part = self.before(part);
        }
        (self.end(part) == end).then_some(part)
    }

    /// The batches of a prefix, the first one first.
    pub fn batches_of(&self, prefix: BatchId) -> Vec<BatchId> {
        let next = |id: &BatchId| Some(self.before(*id)).filter(|before| *before != BatchId::START);
        let mut batches: Vec<BatchId> =
            std::iter::successors(Some(prefix).filter(|id| *id != BatchId::START), next).collect();
        batches.reverse();
        batches
    }

    /// Does the prefix that `log` stands for end with this batch, or go through it?
    pub fn holds(&self, log: BatchId, batch: BatchId) -> bool {
        batch == BatchId::START || self.end(batch) <= self.end(log) && self.first_beyond(batch, log).is_none()
    }

    /// The first batch of the prefix `of` that the prefix `log` does not have; `None` if it has all.
    pub fn first_beyond(&self, of: BatchId, log: BatchId) -> Option<BatchId> {
        let (mut of, mut log, mut first) = (of, log, None);
        while of != log {
            // Of two different batches the one that ends later is not in the other's prefix.
            if log == BatchId::START || of != BatchId::START && self.end(of) >= self.end(log) {
                first = Some(of);
                of = self.get(of).before;
            } else {
                log = self.get(log).before;
            }
        }
        first
    }

    /// What a log lacks first, and what it has at that place.
    pub fn lacking(&self, lacked: BatchId, instead: Option<BatchId>) -> String {
        let instead = instead.map_or_else(|| "its log ends there".to_owned(), |id| format!("it has {}", self.get(id)));
        format!("the first that it lacks: {}; {instead}", self.get(lacked))
    }

    /// Every batch that anybody ever wrote and that spans this offset.
    pub fn spanning(&self, offset: Offset) -> impl Iterator<Item = BatchId> {
        let spans = move |known: &KnownBatch| known.base <= offset && offset < known.end;
        let ids = (0..).map(BatchId).zip(&self.batches);
        ids.filter(move |(_, known)| spans(known)).map(|(id, _)| id)
    }

    /// Every batch that anybody ever wrote.
    pub fn all(&self) -> impl Iterator<Item = BatchId> {
        (0..self.batches.len() as u32).map(BatchId)
    }

    /// The batch at `position` of `file_bytes`, behind `before`.
    pub fn record(
        &mut self,
        header: &BatchHeader,
        before: BatchId,
        file_bytes: &Rc<[u8]>,
        position: usize,
    ) -> Recorded {
        let end = Offset(header.last_offset.0 + 1);
        let key = (header.epoch, end);
        // Nearly always the newest batch, by its leader first and then its followers.
        let place = match self.places.last() {
            Some((epoch, last, _)) if (*epoch, *last) == key => self.places.len() - 1,
            Some((epoch, last, _)) if (*epoch, *last) < key => self.places.len(),
            _ => self.places.partition_point(|(epoch, end, _)| (*epoch, *end) < key),
        };
        let found = self.places.get(place).filter(|(epoch, end, _)| (*epoch, *end) == key);
        let conflict = found.map(|(_, _, id)| *id);
        if let Some(id) = conflict.filter(|id| self.get(*id).is(file_bytes, position, header.size_bytes, before)) {
            return Recorded { id, is_new: false, conflict: None };
        }
        let voters = self.voters_behind(header, before, &file_bytes[position..]);
        let id = BatchId(u32::try_from(self.batches.len()).expect("a run writes fewer than 2^32 batches"));
        self.batches.push(KnownBatch {
            base: header.base_offset,
            end,
            epoch: header.epoch,
            control: header.control,
            before,
            count: self.count(before) + 1,
            voters,
            file_bytes: Rc::clone(file_bytes),
            position,
            size: header.size_bytes,
        });
        if conflict.is_none() {
            self.places.insert(place, (header.epoch, end, id));
        }
        Recorded { id, is_new: true, conflict }
    }

    /// The last batch of a prefix that has a voter set; [`BatchId::START`] if none has.
    pub fn last_voters_batch(&self, prefix: BatchId) -> BatchId {
        let place = if prefix == BatchId::START { FIRST_VOTERS } else { self.get(prefix).voters };
        self.voter_sets.get(place as usize).map_or(BatchId::START, |(_, id)| *id)
    }

    /// The voters that a snapshot of a prefix has: those of a static quorum are in no record.
    pub fn recorded_voters(&self, prefix: BatchId) -> Option<&VoterSet> {
        let is_formatted = self.first_voters.nodes().iter().any(|voter| voter.directory_id.is_some());
        (is_formatted || self.last_voters_batch(prefix) != BatchId::START).then(|| self.voters(prefix))
    }

    fn voters_behind(&mut self, header: &BatchHeader, before: BatchId, bytes: &[u8]) -> u32 {
        let inherited = if before == BatchId::START { FIRST_VOTERS } else { self.get(before).voters };
        if !header.control {
            return inherited;
        }
        let records = Batch::parse(bytes).and_then(|(batch, _)| batch.control_records()).unwrap_or_default();
        let set = records.into_iter().rev().find_map(|record| match record {
            ControlRecord::KRaftVoters(set) => Some(set),
            _ => None,
        });
        let Some(set) = set else { return inherited };
        let id = BatchId(self.batches.len() as u32);
        self.voter_sets.push((set, id));
        self.is_dynamic = true;
        (self.voter_sets.len() - 1) as u32
    }
}
