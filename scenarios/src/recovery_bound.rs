//! How long a healed cluster may take to recover: one function of its configuration.

use raft::config::{ControllerConfig, NodeConfig};

use crate::scenario::NetworkProfile;
use crate::scenario::clients::ClientSettings;

/// Number of election rounds granted. A split vote is repeated only if two of the re-drawn timers expire within a round
/// trip again (consensus.md §10).
const ELECTION_ROUNDS: u64 = 4;
/// Reconnect backoff at its longest, with its 20 % (consensus.md §2.4).
const RECONNECT_BACKOFF_MS: u64 = 600;
/// The longest time that a terminated process takes to stop (consensus.md §2.2).
const SHUTDOWN_MS: u64 = 5_000;
/// A parked Fetch is answered after at most this time (consensus.md §2.2).
const FETCH_MAX_WAIT_MS: u64 = 500;
/// For the disks, the clients' own backoffs, and slow clocks.
const SLACK_MS: u64 = 5_000;

/// Consecutive commits of metadata from a broker's start until one of its records is read: its registration, its
/// unfencing, a leader, an ISR, a topic, a block of producer ids.
const METADATA_CHANGES: u64 = 6;
/// The time that an application waits after a failure.
const APPLICATION_RETRY_MS: u64 = 500;
/// Larger than a batch of one value.
const BATCH_BYTES: u64 = 128;

/// The parameters that a run adds to the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// All steps of wall clocks together, ms.
    pub wall_steps_ms: u64,
    /// Batches that may have been appended until the end of the faults.
    pub batches: u64,
    /// The maximum size of such a batch.
    pub batch_bytes: u64,
    /// Between two appends of a client, and until it has requested a read of every server, ms.
    pub client_ms: u64,
    /// How much the slowest clock loses, ppm.
    pub slowest_ppm: u32,
    /// The duration of one fsync in a long series, ns.
    pub fsync_ns: u64,
    /// The time until a process that has ended itself, or received SIGTERM, runs again, ms.
    pub restart_ms: u64,
    /// The time that a process loses with first calls, by the profile of its machine, ms.
    pub warm_up_ms: u64,
    /// Batches that producers may have sent until the end of the faults.
    pub data_batches: u64,
}

/// From the instant at which every fault has ended until everything has recovered, with these settings, ms of true
/// time. All nodes run again by then. `clients` is set if there are brokers.
///
/// The sum of these, each at its worst over the nodes:
/// 1. **Shutdown**: a process that received SIGTERM; and what a process loses with first calls on its machine.
/// 2. **Wall clocks**: Kafka's raft timers read the wall clock and never go back, so a timer armed before a step back
///    by X expires X late; timers armed later do not. Timers run at the same time, so this counts once, with the sum of
///    all steps of the run.
/// 3. **Links**: a connect in progress is retransmitted within `rto_max`, or given up at the setup timeout (+20 %);
///    then a request that is stuck in flight times out; then backoffs. A stuck request was sent before healing, for
///    afterwards every host answers: so all wait at the same time, and the longest timeout counts once. It may be any
///    of twice `controller.quorum.request.timeout.ms` (the next request for the same node puts the end of the first off:
///    consensus.md §2.4), `controller.socket.timeout.ms` (a broker's channels to a controller
///    that lost power, which never give up otherwise: AlterPartition), brokers' `request.timeout.ms` (fetchers) and
///    clients' `request.timeout.ms`.
/// 4. **The old leader**: one that lost its majority resigns after 1.5 fetch timeouts and a parked fetch, and stays
///    Resigned for up to two election timeouts.
/// 5. **Elections**: a fetch timer expires, then up to four rounds: an election timer runs for up to twice its base, a
///    loser backs off, and one request is lost or uses a stale connection.
/// 6. **The commit**: linger, append, two fetches, a client's request.
/// 7. **Catching up**: the whole log, fetched anew by the slowest and read back by a client, twice (`catch_up_ms`).
/// 8. **The clients**: one appends, and has read from every server, twice.
/// 9. **Brokers and Kafka's clients** (`brokers_ms`, `clients_ms`).
///
/// All of it measured on the slowest clock.
///
/// A broker learns of a new controller as late as the `brokers` phase of a failover shows: it is an observer, which
/// learns of leaders by its own Fetch only, and sends none while one is in flight
/// (`RequestManager.findReadyBootstrapServer`). To a controller that lost power it is in flight for
/// `controller.quorum.request.timeout.ms`: 2 s by default, and 30 s if a knob says so; twice that if the next request is
/// for the same controller, or for a second one that does not answer, either.
pub fn recovery_bound_ms(
    configs: &[NodeConfig],
    clients: Option<&ClientSettings>,
    load: Load,
    network: &NetworkProfile,
) -> u64 {
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

    let stuck = (2 * request).max(clients.map_or(0, |clients| longest_request_ms(configs, clients)));
    let links = (network.rto_max.0 / 1_000_000).min(setup + setup / 5) + stuck + RECONNECT_BACKOFF_MS + retry;
    let old_leader = fetch + fetch / 2 + FETCH_MAX_WAIT_MS + 2 * election;
    let round = 2 * election + backoff + request + retry + round_trip;
    let commit = linger + 2 * (request + FETCH_MAX_WAIT_MS + round_trip);
    let smallest_fetch =
        configs.iter().map(|config| config.quorum.fetch_max_bytes.unsigned_abs().into()).min().unwrap_or(1);
    let catch_up = catch_up_ms(load, smallest_fetch, request, network);
    let elections = fetch + ELECTION_ROUNDS * round;
    let waits = SHUTDOWN_MS + load.warm_up_ms + load.wall_steps_ms + links + old_leader + elections + commit + SLACK_MS;
    let cluster = clients.map_or(0, |clients| {
        let changes = METADATA_CHANGES * (linger + 2 * round_trip);
        changes.saturating_add(brokers_ms(configs, load, network)).saturating_add(clients_ms(clients))
    });
    let sum = waits.saturating_add(2 * catch_up).saturating_add(2 * load.client_ms).saturating_add(cluster);
    let rate = u64::from(1_000_000_u32.saturating_sub(load.slowest_ppm).max(1));
    u64::try_from(u128::from(sum) * 1_000_000 / u128::from(rate)).unwrap_or(u64::MAX)
}

/// The longest time that an unanswered request may be in flight, ms.
fn longest_request_ms(configs: &[NodeConfig], clients: &ClientSettings) -> u64 {
    let of_brokers = configs.iter().map(|it| it.broker.controller_socket_timeout_ms.max(it.broker.request_timeout_ms));
    let of_clients = [&clients.admin.client, &clients.producer.client, &clients.consumer.client];
    let of_clients = of_clients.into_iter().map(|client| client.request_timeout_ms);
    of_brokers.chain(of_clients).max().map_or(0, unsigned)
}

/// From a quorum with a leader to partitions that are led and in sync, ms. The sum of
/// 1. **Restart**: a process that ended itself (a failed disk, no registration within
///    `initial.broker.registration.timeout.ms`) is started again; one that received SIGTERM stops after a controlled
///    shutdown (two heartbeats) and is then started again.
/// 2. **Registration**: refused while the session of the previous incarnation is valid (a new controller restarts it)
///    and until the sweep that ends it, an eighth of `broker.session.timeout.ms` later; requested again every
///    `broker.heartbeat.interval.ms`, which is also the delay until a fenced broker requests to be unfenced.
/// 3. **Replication**: a fetch to the wrong broker, or too early, backs off, twice; one that finds too few bytes waits;
///    and all data is fetched anew.
///
/// Not included: `replica.lag.time.max.ms`, for a replica that is waited for fetches in the end, and sooner if its
/// leader does not first have to remove it from the ISR; `unclean.leader.election.interval.ms`, for the guarantees
/// allow a leader without it; the imbalance check, which leaves no partition without a leader.
fn brokers_ms(configs: &[NodeConfig], load: Load, network: &NetworkProfile) -> u64 {
    let worst = |field: fn(&NodeConfig) -> i64| configs.iter().map(field).max().map_or(0, unsigned);
    let heartbeat = worst(|it| it.broker.heartbeat_interval_ms);
    let session = worst(|it| it.controller.broker_session_timeout_ms.into());
    let coming_back = 2 * load.restart_ms + 2 * heartbeat;
    let registration = session + session / 8 + 3 * heartbeat;
    let backoff = worst(|it| it.broker.replica_fetch_backoff_ms);
    let wait = worst(|it| it.broker.replica_fetch_wait_max_ms.into());
    let fetched = |it: &NodeConfig| it.broker.replica_fetch_max_bytes.min(it.broker.replica_fetch_response_max_bytes);
    let bytes = configs.iter().map(|it| unsigned(fetched(it).into())).min().unwrap_or(1);
    // More data arrives meanwhile, and a client reads it all back.
    let fetches = 3 * load.data_batches.div_ceil((bytes / BATCH_BYTES).max(1));
    let data = fetches.saturating_mul(2 * network.mean_one_way_ns()).div_ceil(1_000_000);
    coming_back + registration + 2 * (backoff + wait) + data
}

/// How long clients of a recovered cluster may still wait before they retry, ms: backoffs at their longest (+20 %) and
/// the application's own pause; once for a producer and once for the consumer that reads what it has sent.
/// `delivery.timeout.ms`, `default.api.timeout.ms` and `max.block.ms` only limit the number of attempts;
/// `metadata.max.age.ms` is not waited for, because a client that has contacted the wrong broker requests metadata at
/// once.
fn clients_ms(clients: &ClientSettings) -> u64 {
    let all = [&clients.admin.client, &clients.producer.client, &clients.consumer.client];
    let backoffs =
        all.into_iter().map(|it| it.retry_backoff_ms.max(it.retry_backoff_max_ms) + it.reconnect_backoff_max_ms);
    let backoff = backoffs.max().map_or(0, unsigned);
    let waits = unsigned(clients.producer.linger_ms) + unsigned(clients.consumer.fetch_max_wait_ms.into());
    2 * (backoff + backoff / 5 + APPLICATION_RETRY_MS) + waits
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

/// How long a replica takes to fetch the whole log, ms: each Fetch returns whole batches up to
/// `controller.quorum.fetch.max.bytes`, at least one, and costs a round trip and an fsync, so two Fetches together
/// return that number of bytes; a lost one costs the request timeout.
fn catch_up_ms(load: Load, fetch_max_bytes: u64, request_ms: u64, network: &NetworkProfile) -> u64 {
    let by_bytes = 2 * load.batches.saturating_mul(load.batch_bytes) / fetch_max_bytes.max(1) + 1;
    let fetches = load.batches.min(by_bytes);
    let each_ns = 2 * network.mean_one_way_ns() + load.fsync_ns;
    let lost = fetches.saturating_mul(2 * u64::from(network.loss_ppm)).div_ceil(1_000_000);
    fetches.saturating_mul(each_ns).div_ceil(1_000_000) + lost * request_ms
}

fn round_trip_ms(network: &NetworkProfile) -> u64 {
    (2 * network.longest_one_way_ns()).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::scenario::Scenario;

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
            restart_ms: 2_000,
            warm_up_ms: 0,
            data_batches: 0,
        };
        let bound =
            |configs: &[NodeConfig], load, network: &NetworkProfile| recovery_bound_ms(configs, None, load, network);
        let defaults = bound(&configs, load, &scenario.network);
        assert!((40_000..90_000).contains(&defaults), "{defaults}");
        let stepped = Load { wall_steps_ms: 7_000, ..load };
        assert_eq!(bound(&configs, stepped, &scenario.network), defaults + 7_000);
        let mut byte_by_byte = configs.clone();
        byte_by_byte[0].set("controller.quorum.fetch.max.bytes", "1").expect("legal");
        let slower = bound(&byte_by_byte, load, &scenario.network);
        assert!((defaults + 2_000..defaults + 20_000).contains(&slower), "{slower}");
        for key in ["fetch", "election", "request"] {
            let mut slower = configs.clone();
            slower[0].set(&format!("controller.quorum.{key}.timeout.ms"), "20000").expect("legal");
            assert!(bound(&slower, load, &scenario.network) > defaults + 15_000, "{key}");
        }
        let mut network = scenario.network.clone();
        network.rto_max = crate::scenario::values::Nanos::from_ms(1_000);
        assert!(bound(&configs, load, &network) < defaults);
    }

    #[test]
    fn with_brokers_it_grows_with_what_brokers_and_clients_wait_for() {
        let scenario =
            Scenario::from_toml("s", "name = \"s\"\nduration = \"20s\"\n[cluster]\nbrokers = 3\n").expect("good");
        let configs = scenario.cluster.configs().expect("good");
        let clients = scenario.clients.settings([].into(), [].into()).expect("good");
        let load = Load {
            wall_steps_ms: 0,
            batches: 1_000,
            batch_bytes: 400,
            client_ms: 0,
            slowest_ppm: 0,
            fsync_ns: 1_000_000,
            restart_ms: 2_000,
            warm_up_ms: 0,
            data_batches: 1_000,
        };
        let bound = |configs: &[NodeConfig], clients: &ClientSettings, load| {
            recovery_bound_ms(configs, Some(clients), load, &scenario.network)
        };
        let defaults = bound(&configs, &clients, load);
        assert!((90_000..150_000).contains(&defaults), "{defaults}");
        for (key, value, more) in [
            ("broker.session.timeout.ms", "18000", 10_125),
            ("broker.heartbeat.interval.ms", "3000", 5_000),
            ("controller.socket.timeout.ms", "40000", 10_000),
            ("request.timeout.ms", "40000", 10_000),
            ("replica.fetch.backoff.ms", "3000", 4_000),
            ("replica.fetch.wait.max.ms", "1000", 1_000),
            ("replica.fetch.response.max.bytes", "1", 2_997),
        ] {
            let mut slower = configs.clone();
            slower[3].set(key, value).expect("legal");
            slower[0].set(key, value).expect("legal");
            assert_eq!(bound(&slower, &clients, load), defaults + more, "{key}");
        }
        let mut slower = clients.clone();
        slower.consumer.client.request_timeout_ms = 35_000;
        assert_eq!(bound(&configs, &slower, load), defaults + 5_000, "one of all that may be stuck");
        slower.admin.client.retry_backoff_max_ms = 2_000;
        assert_eq!(bound(&configs, &slower, load), defaults + 5_000 + 2_400);
        assert_eq!(bound(&configs, &clients, Load { restart_ms: 3_000, ..load }), defaults + 2_000);
    }
}
