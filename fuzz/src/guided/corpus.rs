//! The runs of a scenario that reached something new, and which of them to continue from.

use std::collections::BTreeSet;

use sim::fault::Plan;
use sim::rng::Entropy;

/// More entries are not kept; the poorest goes.
const MOST: usize = 512;
/// Of so many drawn at random the best is gone on from.
const DRAWN: u64 = 3;

/// A run to continue from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its seed.
    pub seed: u64,
    /// Its faults.
    pub plan: Plan,
    /// States that it reached first.
    new: u64,
    /// How often it was gone on from.
    chosen: u64,
}

impl Entry {
    /// What it is worth to continue from it: less each time.
    fn worth(&self) -> u64 {
        self.new.saturating_mul(1000) / (1 + self.chosen)
    }
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    seen: BTreeSet<u64>,
    entries: Vec<Entry>,
}

impl Corpus {
    /// Is there nothing to continue from?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A run went through these states; if some are new, and `run` gives its seed and plan, it is kept.
    /// Gives how many are new.
    pub fn add(&mut self, states: &BTreeSet<u64>, run: impl FnOnce() -> Option<(u64, Plan)>) -> u64 {
        let before = self.seen.len();
        self.seen.extend(states);
        let new = (self.seen.len() - before) as u64;
        if let Some((seed, plan)) = if new > 0 { run() } else { None } {
            self.entries.push(Entry { seed, plan, new, chosen: 0 });
        }
        if self.entries.len() > MOST {
            let poorest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.worth());
            let poorest = poorest.map_or(0, |(at, _)| at);
            self.entries.remove(poorest);
        }
        new
    }

    /// The best of a few, which is worth less from now on. There must be an entry.
    pub fn choose(&mut self, entropy: &mut Entropy) -> Entry {
        let drawn = (0..DRAWN).map(|_| entropy.below(self.entries.len() as u64) as usize);
        let best = drawn.max_by_key(|at| self.entries[*at].worth()).unwrap_or(0);
        self.entries[best].chosen += 1;
        self.entries[best].clone()
    }

    /// Any of them. There must be an entry.
    pub fn any(&self, entropy: &mut Entropy) -> Entry {
        self.entries[entropy.below(self.entries.len() as u64) as usize].clone()
    }
}
