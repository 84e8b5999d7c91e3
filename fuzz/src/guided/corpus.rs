//! The runs of a scenario that reached a new state, and the choice among them.

use std::collections::BTreeSet;

use sim::fault::Plan;
use sim::rng::Entropy;

/// Maximum number of entries; the entry of the lowest worth is dropped.
const MOST: usize = 512;
/// Number of entries drawn at random, of which the best is chosen.
const DRAWN: u64 = 3;

/// A run to continue from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusEntry {
    pub seed: u64,
    pub plan: Plan,
    /// Number of states that it reached first.
    new: u64,
    /// Number of times it was chosen.
    chosen: u64,
}

impl CorpusEntry {
    /// Its worth for another choice: less after each one.
    fn worth(&self) -> u64 {
        self.new.saturating_mul(1000) / (1 + self.chosen)
    }
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    seen: BTreeSet<u64>,
    entries: Vec<CorpusEntry>,
}

impl Corpus {
    /// True if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a run that reached these states; it is kept if some are new and `run` returns its seed and plan. Returns
    /// the number of new states.
    pub fn add(&mut self, states: &BTreeSet<u64>, run: impl FnOnce() -> Option<(u64, Plan)>) -> u64 {
        let before = self.seen.len();
        self.seen.extend(states);
        let new = (self.seen.len() - before) as u64;
        if let Some((seed, plan)) = if new > 0 { run() } else { None } {
            self.entries.push(CorpusEntry { seed, plan, new, chosen: 0 });
        }
        if self.entries.len() > MOST {
            let poorest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.worth());
            let poorest = poorest.map_or(0, |(at, _)| at);
            self.entries.remove(poorest);
        }
        new
    }

    /// The best of several random entries, which is worth less from now on. There must be an entry.
    pub fn choose(&mut self, entropy: &mut Entropy) -> CorpusEntry {
        let drawn = (0..DRAWN).map(|_| entropy.below(self.entries.len() as u64) as usize);
        let best = drawn.max_by_key(|at| self.entries[*at].worth()).unwrap_or(0);
        self.entries[best].chosen += 1;
        self.entries[best].clone()
    }

    /// A random entry. There must be an entry.
    pub fn any(&self, entropy: &mut Entropy) -> CorpusEntry {
        self.entries[entropy.below(self.entries.len() as u64) as usize].clone()
    }
}
