//! The knobs and their values.
//!
//! Left out: properties whose feature is not simulated (retention and compaction of partitions, fetch sessions, several fetcher threads, `replica.socket.timeout.ms`), those that decide what is refused and not when
//! (`message.max.bytes`, `delete.topic.enable`), and `producer.id.expiration.ms`: a producer whose state expires while
//! it retries may legally duplicate, so the guarantee of idempotence would not apply.

use crate::scenario::{Scenario, Transport};

pub(super) struct Knob {
    pub name: &'static str,
    pub at: Where,
    pub others: Others,
}

/// The scenarios in which a knob has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Everywhere,
    /// Those of a quorum without brokers.
    Quorum,
    /// Those with brokers, and Kafka's clients.
    Brokers,
    /// Those with brokers that write snapshots of the metadata log more often than with Kafka's defaults.
    Snapshots,
    /// Those with brokers that name the knob in `knobs.also`.
    Named,
}

/// The values other than the scenario's own.
pub(super) enum Others {
    Texts(&'static [&'static str]),
    /// Values of timeouts allow for the scenario's network and disks.
    Numbers(fn(&Scenario) -> Vec<u64>),
    /// The opposite of the scenario's value.
    Flip(fn(&Scenario) -> bool),
    /// One value, in a fifth of the seeds.
    Seldom(&'static str),
}

/// A parked Fetch of the quorum is answered after at most this time (consensus.md §2.2).
pub(super) const FETCH_MAX_WAIT_MS: u64 = 500;

macro_rules! knobs {
    ($($at:ident { $($name:literal: $kind:ident($others:expr),)+ })+) => {
        /// A seed's draw of a knob depends on its index: append only.
        pub(super) const KNOBS: &[Knob] =
            &[$($(Knob { name: $name, at: Where::$at, others: Others::$kind($others) },)+)+];

        /// The names that a scenario may pin.
        pub const NAMES: &[&str] = &[$($($name,)+)+];
    };
}

knobs! {
    Everywhere {
        "cluster.voters": Numbers(voters),
    }
    Quorum {
        "workload.max_in_flight": Texts(&["1"]),
    }
    Everywhere {
        "controller.quorum.election.timeout.ms": Numbers(|scenario| vec![election_floor_ms(scenario).max(300), 3_000]),
        "controller.quorum.fetch.timeout.ms": Numbers(quorum_fetch_timeouts_ms),
        "controller.quorum.election.backoff.max.ms": Texts(&["50", "3000"]),
        "controller.quorum.append.linger.ms": Texts(&["0", "100"]),
        "controller.quorum.request.timeout.ms": Numbers(|scenario| {
            vec![request_floor_ms(scenario).max(1_000), longest_request_ms(scenario, 30_000)]
        }),
        "controller.quorum.retry.backoff.ms": Texts(&["1", "400"]),
        // One byte gives one batch per fetch, whatever its size.
        "controller.quorum.fetch.max.bytes": Texts(&["1", "8192"]),
        // Far below Kafka's 8 MiB, by the internal property Kafka's own tests use.
        "internal.metadata.log.segment.bytes": Texts(&["16384", "131072"]),
        "metadata.max.idle.interval.ms": Texts(&["50", "0"]),
        "socket.connection.setup.timeout.ms": Texts(&["500"]),
    }
    Brokers {
        "cluster.elr": Flip(|scenario| scenario.cluster.has_elr()),
        "broker.session.timeout.ms": Numbers(|scenario| vec![session_floor_ms(scenario).max(2_500), 18_000]),
        "broker.heartbeat.interval.ms": Texts(&["200", "1000", "4000"]),
        "num.partitions": Texts(&["3"]),
        "default.replication.factor": Numbers(replication_factors),
        "min.insync.replicas": Texts(&["2"]),
        "unclean.leader.election.enable": Texts(&["true"]),
        "unclean.leader.election.interval.ms": Texts(&["1000", "10000"]),
        "auto.leader.rebalance.enable": Texts(&["false"]),
        "leader.imbalance.check.interval.seconds": Texts(&["1", "10"]),
        // Combined nodes need three sessions (see `legal`).
        "initial.broker.registration.timeout.ms": Numbers(|scenario| {
            vec![if scenario.cluster.combined { 30_000 } else { 20_000 }]
        }),
        "controlled.shutdown.enable": Texts(&["false"]),
        "controller.socket.timeout.ms": Numbers(|scenario| {
            vec![(4 * round_trip_ms(scenario)).max(1_000), longest_request_ms(scenario, 60_000)]
        }),
        "request.timeout.ms": Numbers(|scenario| {
            vec![request_floor_ms(scenario).max(1_000), longest_request_ms(scenario, 60_000)]
        }),
        "replica.lag.time.max.ms": Texts(&["1000", "5000"]),
        "replica.fetch.wait.max.ms": Texts(&["50", "1000"]),
        // With few new records, followers then receive them only when their wait expires.
        "replica.fetch.min.bytes": Texts(&["1024"]),
        "replica.fetch.max.bytes": Texts(&["1", "4096"]),
        "replica.fetch.response.max.bytes": Texts(&["1", "8192"]),
        "replica.fetch.backoff.ms": Texts(&["50", "3000"]),
        "replica.high.watermark.checkpoint.interval.ms": Texts(&["100", "60000"]),
        "log.flush.offset.checkpoint.interval.ms": Texts(&["500"]),
        // Far below Kafka's 1 MiB, by the internal setting of topics Kafka's own tests use.
        "internal.segment.bytes": Texts(&["1024", "16384"]),
        "log.roll.ms": Texts(&["1000", "10000"]),
        "client.request.timeout.ms": Numbers(|scenario| vec![request_floor_ms(scenario).max(1_000), 5_000]),
        "client.delivery.timeout.ms": Texts(&["10000"]),
        "client.linger.ms": Texts(&["0", "100"]),
        "client.max.in.flight.requests.per.connection": Texts(&["1"]),
        "client.metadata.max.age.ms": Texts(&["1000", "10000"]),
        "client.retry.backoff.ms": Texts(&["10", "1000"]),
        "client.fetch.min.bytes": Texts(&["512"]),
        "client.fetch.max.wait.ms": Texts(&["100"]),
        "client.fetch.max.bytes": Texts(&["1", "4096"]),
        "client.max.partition.fetch.bytes": Texts(&["512", "2048"]),
    }
    Snapshots {
        // Chunks end within a batch, or have the whole snapshot.
        "controller.quorum.fetch.snapshot.max.bytes": Texts(&["100", "1000"]),
        "metadata.log.max.snapshot.interval.ms": Texts(&["1000", "10000"]),
        "metadata.max.retention.bytes": Texts(&["1", "20000"]),
        "metadata.max.retention.ms": Texts(&["1", "20000"]),
    }
    Named {
        "cluster.dynamic": Seldom("true"),
        // Far below Kafka's 20 MiB: some snapshots in a run.
        "metadata.log.max.record.bytes.between.snapshots": Texts(&["8192", "65536"]),
        "cluster.kraft_version": Seldom("0"),
    }
    Brokers {
        "log.initial.task.delay.ms": Texts(&["500"]),
    }
}

/// A combined cluster has at least three brokers: its topics have three replicas.
fn voters(scenario: &Scenario) -> Vec<u64> {
    if scenario.cluster.combined { vec![3, 5, 7] } else { vec![1, 3, 5, 7] }
}

fn quorum_fetch_timeouts_ms(scenario: &Scenario) -> Vec<u64> {
    vec![fetch_floor_ms(scenario).max(1_000), fetch_floor_ms(scenario), 8_000]
}

/// At most the number of brokers.
fn replication_factors(scenario: &Scenario) -> Vec<u64> {
    let voters = if scenario.cluster.combined { scenario.cluster.voters.unwrap_or(3).min(3) } else { 0 };
    let brokers = u64::from(scenario.cluster.brokers + voters);
    vec![brokers.min(2), brokers.min(3)]
}

/// The longest round trip with an fsync at each end, ms, rounded up.
pub(super) fn round_trip_ms(scenario: &Scenario) -> u64 {
    (2 * (scenario.network.longest_one_way_ns() + scenario.disk.fsync.longest_ns())).div_ceil(1_000_000)
}

/// A candidate needs two round trips (pre-vote, vote) before its timer ends.
fn election_floor_ms(scenario: &Scenario) -> u64 {
    4 * round_trip_ms(scenario)
}

/// A follower whose leader has no new records receives a response every 500 ms; with a shorter timeout it would start
/// elections against a healthy leader for ever.
fn fetch_floor_ms(scenario: &Scenario) -> u64 {
    FETCH_MAX_WAIT_MS + 100 + 4 * round_trip_ms(scenario)
}

/// With less than a parked Fetch takes, each idle Fetch would time out; consumers and followers wait as long as
/// observers do.
fn request_floor_ms(scenario: &Scenario) -> u64 {
    FETCH_MAX_WAIT_MS + 100 + 2 * round_trip_ms(scenario)
}

/// A lost datagram blocks its connection for the whole timeout, so on datagram links the longest is shorter.
fn longest_request_ms(scenario: &Scenario, otherwise: u64) -> u64 {
    if scenario.network.transport == Transport::Datagram { 4_000 } else { otherwise }
}

/// Two heartbeats of the second longest interval, and the round trips of each.
fn session_floor_ms(scenario: &Scenario) -> u64 {
    2 * (1_000 + 2 * round_trip_ms(scenario))
}
