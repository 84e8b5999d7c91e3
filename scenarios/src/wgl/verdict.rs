//! What is said of a history. Operations are named by their places in the list that was judged.

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryVerdict {
    /// Each operation can have taken effect at one moment between its call and its answer.
    Linearizable,
    /// No order of the operations on one object explains the answers; these are all of them, in the order
    /// of their calls.
    Violated(Vec<usize>),
    /// Not decided within the steps that were granted to each object.
    Unknown {
        /// How many that were.
        steps: u64,
    },
}

/// The verdict on a history, and the steps it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: HistoryVerdict,
    /// How many objects there were.
    pub objects: usize,
    /// How many steps it took.
    pub steps: u64,
}

/// Why a history is not linearizable: up to the answer of `stuck` it is, with that answer it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// An order of effects that explains every answer before that of `stuck`.
    pub prefix: Vec<usize>,
    /// The operation whose answer no order explains.
    pub stuck: usize,
}
