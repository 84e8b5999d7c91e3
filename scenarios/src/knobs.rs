//! The knob swarm: each seed draws timeouts and sizes anew, so that a sweep sees more clusters
//! than one.
//!
//! A knob is a Kafka property or a field of the scenario. It is the default, small, or extreme
//! but legal; one fifth of the seeds have all defaults. What a user has set is not drawn: an
//! explicit `[cluster.config]` or `--set` pins its property, and nodes given as files pin all of them.

use sim::rng::{Purpose, Seed};

use crate::scenario::{Scenario, Transport};

/// One knob.
struct Knob {
    name: &'static str,
    /// The values beside the scenario's own; those of timeouts allow for its network and disks.
    others: fn(&Scenario) -> Vec<u64>,
}

const KNOBS: [Knob; 12] = [
    Knob { name: "cluster.voters", others: |_| vec![1, 3, 5, 7] },
    Knob { name: "workload.max_in_flight", others: |_| vec![1] },
    Knob {
        name: "controller.quorum.election.timeout.ms",
        others: |scenario| vec![election_floor_ms(scenario).max(300), 5_000],
    },
    Knob {
        name: "controller.quorum.fetch.timeout.ms",
        others: |scenario| vec![fetch_floor_ms(scenario).max(1_000), fetch_floor_ms(scenario), 8_000],
    },
    Knob { name: "controller.quorum.election.backoff.max.ms", others: |_| vec![50, 5_000] },
    Knob { name: "controller.quorum.append.linger.ms", others: |_| vec![0, 200] },
    Knob { name: "controller.quorum.request.timeout.ms", others: request_timeouts_ms },
    Knob { name: "controller.quorum.retry.backoff.ms", others: |_| vec![1, 400] },
    // One byte is one batch per fetch, whatever its size.
    Knob { name: "controller.quorum.fetch.max.bytes", others: |_| vec![1, 8_192] },
    // Far below Kafka's 8 MiB, by the internal property Kafka's own tests use.
    Knob { name: "internal.metadata.log.segment.bytes", others: |_| vec![4_096, 65_536] },
    Knob { name: "metadata.max.idle.interval.ms", others: |_| vec![50, 0] },
    Knob { name: "socket.connection.setup.timeout.ms", others: |_| vec![500] },
];

/// The names a scenario may pin.
pub const NAMES: [&str; 12] = {
    let mut names = [""; 12];
    let mut index = 0;
    while index < names.len() {
        names[index] = KNOBS[index].name;
        index += 1;
    }
    names
};

/// A parked Fetch is answered after at most so long (consensus.md §2.2).
const FETCH_MAX_WAIT_MS: u64 = 500;
/// Owner of the draw that decides whether a seed has all defaults; no knob has this number.
const ALL_DEFAULTS: u64 = 1 << 32;

/// The knobs that this seed turns, with their values, ready for [`Scenario::apply_knobs`]. A
/// knob at its default is left out.
pub fn draw(scenario: &Scenario, seed: Seed) -> Vec<(String, String)> {
    let all_defaults = seed.entropy(Purpose::Knob, ALL_DEFAULTS).below(5) == 0;
    if all_defaults || scenario.knobs.off {
        return Vec::new();
    }
    let mut drawn = Vec::new();
    for (index, knob) in KNOBS.iter().enumerate().filter(|(_, knob)| !is_pinned(scenario, knob.name)) {
        let mut entropy = seed.entropy(Purpose::Knob, index as u64);
        let others = (knob.others)(scenario);
        // One time in three the default, whatever the number of others.
        if entropy.below(3) > 0 {
            let value = others[entropy.below(others.len() as u64) as usize];
            drawn.push((knob.name.to_string(), value.to_string()));
        }
    }
    drawn
}

/// The names that this scenario's seeds may turn, for reports.
pub fn names(scenario: &Scenario) -> Vec<&'static str> {
    if scenario.knobs.off {
        return Vec::new();
    }
    NAMES.into_iter().filter(|name| !is_pinned(scenario, name)).collect()
}

fn is_pinned(scenario: &Scenario, name: &str) -> bool {
    let from_files = !scenario.cluster.node.is_empty() && name != "workload.max_in_flight";
    from_files
        || scenario.cluster.config.0.contains_key(name)
        || scenario.knobs.pinned.iter().any(|pinned| pinned == name)
}

/// The longest round trip with an fsync at each end, ms, rounded up.
fn round_trip_ms(scenario: &Scenario) -> u64 {
    (2 * (scenario.network.longest_one_way_ns() + scenario.disk.fsync.longest_ns())).div_ceil(1_000_000)
}

/// A candidate needs two round trips (pre-vote, vote) before its timer ends.
fn election_floor_ms(scenario: &Scenario) -> u64 {
    4 * round_trip_ms(scenario)
}

/// A follower whose leader has nothing for it hears every 500 ms; with less than that it would
/// campaign against a healthy leader for ever.
fn fetch_floor_ms(scenario: &Scenario) -> u64 {
    FETCH_MAX_WAIT_MS + 100 + 4 * round_trip_ms(scenario)
}

/// Shorter than a parked Fetch, and each idle Fetch would time out. A lost datagram blocks its
/// connection for the whole timeout, so there the longest is shorter.
fn request_timeouts_ms(scenario: &Scenario) -> Vec<u64> {
    let small = (FETCH_MAX_WAIT_MS + 100 + 2 * round_trip_ms(scenario)).max(1_000);
    let large = if scenario.network.transport == Transport::Datagram { 4_000 } else { 30_000 };
    vec![small, large]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog;

    #[test]
    fn knobs_are_legal_leave_a_fifth_alone_and_can_elect() {
        for entry in catalog::list() {
            let scenario = entry.scenario().expect("good");
            let mut seen = BTreeSet::new();
            let mut defaults = 0;
            for seed in 0..1_000 {
                let drawn = draw(&scenario, Seed(seed));
                assert_eq!(drawn, draw(&scenario, Seed(seed)));
                defaults += u32::from(drawn.is_empty());
                let mut turned = scenario.clone();
                turned.apply_knobs(&drawn).unwrap_or_else(|error| panic!("{error}"));
                for config in turned.cluster.configs().expect("good") {
                    let fetch = u64::try_from(config.fetch_timeout_ms).expect("positive");
                    assert!(fetch > FETCH_MAX_WAIT_MS + round_trip_ms(&scenario), "{drawn:?}");
                }
                seen.extend(drawn);
            }
            if names(&scenario).is_empty() {
                assert_eq!(defaults, 1_000, "{}", entry.name);
            } else {
                assert!((150..260).contains(&defaults), "{}: {defaults}", entry.name);
                let others: usize = KNOBS.iter().map(|knob| (knob.others)(&scenario).len()).sum();
                assert!(seen.len() + 1 >= others, "{}: {seen:?}", entry.name);
            }
        }
    }

    #[test]
    fn what_is_pinned_or_set_is_not_drawn() {
        let mut scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
        scenario.knobs.pinned.push("cluster.voters".into());
        scenario.set("controller.quorum.fetch.timeout.ms", "1500").expect("legal");
        for seed in 0..200 {
            let drawn = draw(&scenario, Seed(seed));
            assert!(
                drawn.iter().all(|(name, _)| name != "cluster.voters" && !name.contains("fetch.timeout")),
                "{drawn:?}"
            );
        }
    }
}
