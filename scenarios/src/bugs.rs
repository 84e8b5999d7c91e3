//! The bug catalog for other crates, and the scenarios in which its bugs are searched for.

pub use raft::bugs::{Bug, Bugs, CATALOG, Layer, Row};

/// Generic scenarios in which a bug of this layer is searched for, the likeliest first. None of them was made for a
/// bug. A search runs them in turn, so each additional one slows it down.
pub fn hunted_in(layer: Layer) -> &'static [&'static str] {
    match layer {
        Layer::Raft => &["quorum", "power-loss", "ci", "partitions", "snapshots", "membership", "disk-replacement"],
        Layer::Controller => &["ci", "cluster-partitions", "brokers", "combined", "cluster-power-loss", "snapshots"],
        Layer::Lifecycle => &["ci", "combined", "brokers", "cluster-clock-skew"],
        Layer::Repl => &["ci", "brokers", "cluster-partitions", "combined"],
        Layer::Producer => &["ci", "brokers", "cluster-partitions", "cluster-power-loss", "combined"],
    }
}
