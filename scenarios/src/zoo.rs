//! The bug zoo as other crates see it, and where its bugs are looked for.

pub use raft::bugs::{Bug, Bugs, Layer, Row, ZOO};

/// Generic scenarios in which a bug of this layer is looked for, the likeliest first. None of them was
/// made for a bug.
pub fn grounds(layer: Layer) -> &'static [&'static str] {
    match layer {
        Layer::Raft => &["quorum", "power-loss", "ci", "partitions", "cluster-power-loss", "controller-failover"],
        Layer::Controller => &["ci", "cluster-partitions", "brokers", "combined", "cluster-power-loss"],
        Layer::Lifecycle => &["ci", "combined", "cluster-partitions", "brokers", "cluster-clock-skew"],
        Layer::Repl | Layer::Producer => &["ci", "brokers", "cluster-partitions", "cluster-power-loss", "combined"],
    }
}
