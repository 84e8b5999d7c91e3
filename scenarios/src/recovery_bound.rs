//! How long a healed cluster may take: one function of its configuration.

use raft::config::ControllerConfig;

use crate::scenario::Network;

/// Rounds of elections granted. A split vote is repeated only if two of the re-drawn timers fall
/// within a round trip again (consensus.md §10), so ten in a row happen in no sweep.
const ELECTION_ROUNDS: u64 = 10;
/// Reconnect backoff at its longest, with its 20 % (consensus.md §2.4).
const RECONNECT_BACKOFF_MS: u64 = 600;
/// A terminated process takes up to so long to leave (consensus.md §2.2).
const SHUTDOWN_MS: u64 = 5_000;
/// A parked Fetch is answered after at most so long (consensus.md §2.2).
const FETCH_MAX_WAIT_MS: u64 = 500;
/// For the disks, the clients' own backoffs, and clocks that ran slow.
const SLACK_MS: u64 = 10_000;

/// From the instant at which every fault has ended to the first append that a fresh client sees
/// committed on a cluster with these settings, ms of true time. All nodes run again by then.
///
/// The sum of, each at its worst over the nodes:
/// 1. **Leaving**: a process that was told to terminate.
/// 2. **Wall clocks**: Kafka's raft timers read the wall clock and never go back, so a timer
///    armed before a step back by X ends X late; timers armed later do not. Timers wait at the
///    same time, so this counts once, with the sum of all steps of the run.
/// 3. **Links**: a connect that was under way is retransmitted within `rto_max`, or given up at
///    the setup timeout (+20 %); then a request that is stuck in flight times out; then backoffs.
/// 4. **The old leader**: one that lost its majority resigns after 1.5 fetch timeouts and a
///    parked fetch, and stays Resigned for up to two election timeouts.
/// 5. **Elections**: up to ten rounds. In each the fetch timer ends, or the delay after an
///    EndQuorumEpoch; an election timer runs for up to twice its base; and a lost request
///    of each of the three steps (pre-vote, vote, begin) is noticed after the request timeout.
/// 6. **The commit**: linger, append, two fetches, a client's request.
///
/// Catching up is not in it, for it grows with the log: see [`catch_up_bound_ms`].
pub fn recovery_bound_ms(configs: &[ControllerConfig], max_wall_step_ms: u64, network: &Network) -> u64 {
    let worst = |field: fn(&ControllerConfig) -> i64| {
        configs.iter().map(|config| u64::try_from(field(config)).unwrap_or(0)).max().unwrap_or(0)
    };
    let election = worst(|c| c.election_timeout_ms.into());
    let fetch = worst(|c| c.fetch_timeout_ms.into());
    let resign_delay = worst(|c| c.election_backoff_max_ms.into());
    let request = worst(|c| c.request_timeout_ms.into());
    let retry = worst(|c| c.retry_backoff_ms.into());
    let linger = worst(|c| c.append_linger_ms.into());
    let setup = worst(|c| c.connection_setup_timeout_ms.max(c.connection_setup_timeout_max_ms));
    let round_trip = round_trip_ms(network);

    let links = (network.rto_max.0 / 1_000_000).min(setup + setup / 5) + request + RECONNECT_BACKOFF_MS + retry;
    let old_leader = fetch + fetch / 2 + FETCH_MAX_WAIT_MS + 2 * election;
    let round = fetch + resign_delay + 2 * election + 3 * (request + retry + round_trip);
    let commit = linger + 2 * (request + FETCH_MAX_WAIT_MS + round_trip);
    SHUTDOWN_MS + max_wall_step_ms + links + old_leader + ELECTION_ROUNDS * round + commit + SLACK_MS
}

/// How long a replica may take to fetch so many batches from a healed network, ms: at the
/// smallest `controller.quorum.fetch.max.bytes` each takes a round trip and an fsync.
pub fn catch_up_bound_ms(batches: u64, fsync_ms: u64, network: &Network) -> u64 {
    batches.saturating_mul(round_trip_ms(network) + fsync_ms)
}

fn round_trip_ms(network: &Network) -> u64 {
    (2 * network.longest_one_way_ns()).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn the_bound_grows_with_each_of_its_causes() {
        let scenario = catalog::find("controller-failover").expect("built in").scenario().expect("good");
        let configs = scenario.cluster.configs().expect("good");
        let defaults = recovery_bound_ms(&configs, 0, &scenario.network);
        assert!((60_000..300_000).contains(&defaults), "{defaults}");
        assert_eq!(recovery_bound_ms(&configs, 7_000, &scenario.network), defaults + 7_000);
        for key in ["fetch", "election", "request"] {
            let mut slower = configs.clone();
            slower[0].set(&format!("controller.quorum.{key}.timeout.ms"), "20000").expect("legal");
            assert!(recovery_bound_ms(&slower, 0, &scenario.network) > defaults + 15_000, "{key}");
        }
        let mut network = scenario.network.clone();
        network.rto_max = crate::scenario::values::Nanos::from_ms(1_000);
        assert!(recovery_bound_ms(&configs, 0, &network) < defaults);
    }
}
