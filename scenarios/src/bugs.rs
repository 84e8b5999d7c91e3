//! The bug catalog as other crates see it, and where its bugs are looked for.

pub use raft::bugs::{Bug, Bugs, CATALOG, Layer, Row};

/// Generic scenarios in which a bug of this layer is looked for, the likeliest first. None of them was
/// made for a bug. They take turns, so each one more makes the others slower.
pub fn hunted_in(layer: Layer) -> &'static [&'static str] {
    match layer {
        Layer::Raft => &["quorum", "power-loss", "ci", "partitions"],
        Layer::Controller => &["ci", "cluster-partitions", "brokers", "combined", "cluster-power-loss"],
        Layer::Lifecycle => &["ci", "combined", "brokers", "cluster-clock-skew"],
        Layer::Repl => &["ci", "brokers", "cluster-partitions", "combined"],
        Layer::Producer => &["ci", "brokers", "cluster-partitions", "cluster-power-loss", "combined"],
    }
}
