//! How long a healed cluster may take: one function of its configuration.

use raft::config::{ControllerConfig, NodeConfig};

use crate::scenario::Network;

/// Rounds of elections granted. A split vote is repeated only if two of the re-drawn timers fall
/// within a round trip again (consensus.md §10).
const ELECTION_ROUNDS: u64 = 4;
/// Reconnect backoff at its longest, with its 20 % (consensus.md §2.4).
const RECONNECT_BACKOFF_MS: u64 = 600;
/// A terminated process takes up to so long to leave (consensus.md §2.2).
const SHUTDOWN_MS: u64 = 5_000;
/// A parked Fetch is answered after at most so long (consensus.md §2.2).
const FETCH_MAX_WAIT_MS: u64 = 500;
/// For the disks, the clients' own backoffs, and clocks that ran slow.
const SLACK_MS: u64 = 5_000;

/// What a run adds to its settings.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// All steps of wall clocks together, ms.
    pub wall_steps_ms: u64,
    /// Batches that may have been appended until the end of the faults.
    pub batches: u64,
    /// Bytes of each, at most.
    pub batch_bytes: u64,
    /// Between two appends of a client, and until it has asked every server for a read, ms.
    pub client_ms: u64,
    /// How much the slowest clock loses, ppm.
    pub slowest_ppm: u32,
    /// What an fsync of a long series takes, ns.
    pub fsync_ns: u64,
}

/// From the instant at which every fault has ended until everything has recovered, with these
/// settings, ms of true time. All nodes run again by then.
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
/// 5. **Elections**: a fetch timer ends, then up to four rounds: an election timer runs for up to
///    twice its base, a loser backs off, and one request is lost or finds a stale connection.
/// 6. **The commit**: linger, append, two fetches, a client's request.
/// 7. **Catching up**: the whole log, fetched anew by the slowest and read back by a client, twice
///    over ([`catch_up_ms`]).
/// 8. **The clients**: one appends, and has read from every server, twice over.
///
/// All of it on the slowest clock.
pub fn recovery_bound_ms(configs: &[NodeConfig], load: Load, network: &Network) -> u64 {
    let worst = |field: fn(&ControllerConfig) -> i64| {
        configs.iter().map(|config| u64::try_from(field(&config.quorum)).unwrap_or(0)).max().unwrap_or(0)
    };
    let election = worst(|c| c.election_timeout_ms.into());
    let fetch = worst(|c| c.fetch_timeout_ms.into());
    let backoff = worst(|c| c.election_backoff_max_ms.into());
    let request = worst(|c| c.request_timeout_ms.into());
    let retry = worst(|c| c.retry_backoff_ms.into());
    let linger = worst(|c| c.append_linger_ms.into());
    let setup = worst(|c| c.connection_setup_timeout_ms.max(c.connection_setup_timeout_max_ms));
    let round_trip = round_trip_ms(network);

    let links = (network.rto_max.0 / 1_000_000).min(setup + setup / 5) + request + RECONNECT_BACKOFF_MS + retry;
    let old_leader = fetch + fetch / 2 + FETCH_MAX_WAIT_MS + 2 * election;
    let round = 2 * election + backoff + request + retry + round_trip;
    let commit = linger + 2 * (request + FETCH_MAX_WAIT_MS + round_trip);
    let smallest_fetch =
        configs.iter().map(|config| config.quorum.fetch_max_bytes.unsigned_abs().into()).min().unwrap_or(1);
    let catch_up = catch_up_ms(load, smallest_fetch, request, network);
    let elections = fetch + ELECTION_ROUNDS * round;
    let waits = SHUTDOWN_MS + load.wall_steps_ms + links + old_leader + elections + commit + SLACK_MS;
    let sum = waits.saturating_add(2 * catch_up).saturating_add(2 * load.client_ms);
    let rate = u64::from(1_000_000_u32.saturating_sub(load.slowest_ppm).max(1));
    u64::try_from(u128::from(sum) * 1_000_000 / u128::from(rate)).unwrap_or(u64::MAX)
}

/// How long a replica takes to fetch the whole log, ms: each Fetch brings whole batches up to
/// `controller.quorum.fetch.max.bytes`, one at least, for a round trip and an fsync, and so two of them
/// together bring that many bytes; a lost one costs the request timeout.
fn catch_up_ms(load: Load, fetch_max_bytes: u64, request_ms: u64, network: &Network) -> u64 {
    let by_bytes = 2 * load.batches.saturating_mul(load.batch_bytes) / fetch_max_bytes.max(1) + 1;
    let fetches = load.batches.min(by_bytes);
    let each_ns = 2 * network.mean_one_way_ns() + load.fsync_ns;
    let lost = fetches.saturating_mul(2 * u64::from(network.loss_ppm)).div_ceil(1_000_000);
    fetches.saturating_mul(each_ns).div_ceil(1_000_000) + lost * request_ms
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
        let load = Load {
            wall_steps_ms: 0,
            batches: 1_000,
            batch_bytes: 400,
            client_ms: 1_000,
            slowest_ppm: 0,
            fsync_ns: 1_000_000,
        };
        let defaults = recovery_bound_ms(&configs, load, &scenario.network);
        assert!((40_000..90_000).contains(&defaults), "{defaults}");
        let stepped = Load { wall_steps_ms: 7_000, ..load };
        assert_eq!(recovery_bound_ms(&configs, stepped, &scenario.network), defaults + 7_000);
        let mut byte_by_byte = configs.clone();
        byte_by_byte[0].set("controller.quorum.fetch.max.bytes", "1").expect("legal");
        let slower = recovery_bound_ms(&byte_by_byte, load, &scenario.network);
        assert!((defaults + 2_000..defaults + 20_000).contains(&slower), "{slower}");
        for key in ["fetch", "election", "request"] {
            let mut slower = configs.clone();
            slower[0].set(&format!("controller.quorum.{key}.timeout.ms"), "20000").expect("legal");
            assert!(recovery_bound_ms(&slower, load, &scenario.network) > defaults + 15_000, "{key}");
        }
        let mut network = scenario.network.clone();
        network.rto_max = crate::scenario::values::Nanos::from_ms(1_000);
        assert!(recovery_bound_ms(&configs, load, &network) < defaults);
    }
}
