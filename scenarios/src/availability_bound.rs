//! How long metadata may be unavailable while a majority of the controllers talk to each other: one function of the
//! configuration.

use raft::config::{ControllerConfig, NodeConfig};

use crate::scenario::{DiskProfile, NetworkProfile, Workload};

/// A parked Fetch is answered after at most this time (consensus.md §2.2).
const FETCH_MAX_WAIT_MS: u64 = 500;
/// Reconnect backoff at its longest, with its 20 % (consensus.md §2.4).
const RECONNECT_BACKOFF_MS: u64 = 600;
/// Number of election rounds granted (consensus.md §10: a split vote is repeated only if two of the re-drawn timers
/// expire within a round trip again).
const ELECTION_ROUNDS: u64 = 4;
/// Number of servers that a client tries until it has found the leader. Each client draws by itself, and one is enough.
const CLIENT_TRIES: u64 = 4;
/// A client waits after a refusal, or a broken connection.
const CLIENT_BACKOFF_MS: u64 = 100;
/// For timers that are read only when a thread is polled.
const SLACK_MS: u64 = 500;

/// How long metadata may be unavailable, in true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvailabilityBound {
    /// From the end of a fault until connections that it has broken must have been set up again, ns.
    pub settle_ns: u64,
    /// The sum of all outages since the network has changed, ns.
    pub bound_ns: u64,
    /// A time without an acknowledged append is an outage if it is longer than this, ns.
    pub pause_ns: u64,
    pub clients: usize,
    /// Whether rare situations of the network are counted.
    pub counts_situations: bool,
}

/// The bound of a quorum without brokers, on TCP; `wall_steps_ms` are all steps of wall clocks together, and
/// `slowest_ppm` what the slowest clock loses.
///
/// **Until something counts** (`settle_ns`): a link that was cut, or a process that was down, has connections that are
/// not set up. A connect in progress is retransmitted within `rto_max`, or given up at the setup timeout (+20 %); a
/// request in flight times out, perhaps after the one before it; then backoffs. So does
/// [`recovery_bound_ms`](crate::recovery_bound::recovery_bound_ms), with the steps of wall clocks.
///
/// **What may be lost** (`bound_ns`), with F the fetch timeout, E the election timeout, each at its worst over the nodes:
/// 1. A leader without its majority resigns after 1.5 F and a parked fetch if one follower makes its majority, after 3 F
///    and a parked fetch if it takes more (also of two voters, if it was removed from them): the followers that fetched are
///    collected until they are a majority, and one of them may be silent since almost 1.5 F
///    (`LeaderState.updateCheckQuorumForFollowingVoter`; consensus.md §2.2). A member of the majority that still hears this
///    leader refuses pre-votes until then (`FollowerState.canGrantVote`, KIP-996).
/// 2. That member leaves the leader F after its last answer, a parked fetch.
/// 3. Elections: a replica that may win requests pre-votes again after F if it knows a leader (it is Follower again,
///    `KafkaRaftClient.prospectiveTransitionAfterElectionLoss`), after 2 E at most otherwise; a loser backs off; pre-vote
///    and vote are a round trip each, with an fsync at each end. A former leader within the majority is silent for 2 E.
/// 4. The commit: linger, the new leader's BeginQuorumEpoch, two Fetches.
/// 5. A client gives up an attempt after its timeout, and tries a server that does not lead, or does not answer, some
///    times.
pub fn availability_bound(
    configs: &[NodeConfig],
    network: &NetworkProfile,
    disk: &DiskProfile,
    workload: &Workload,
    wall_steps_ms: u64,
    slowest_ppm: u32,
) -> AvailabilityBound {
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
    let voters = configs.iter().map(|config| config.quorum.voters.len()).max().unwrap_or(1);
    // Voters that change may be more than there are at first, or the leader none of them.
    let counts_two = voters > 3 || configs.iter().any(|config| config.quorum.is_dynamic);
    let round_trip = (2 * (network.longest_one_way_ns() + disk.fsync.longest_ns())).div_ceil(1_000_000);

    let settle = (network.rto_max.0 / 1_000_000).min(setup + setup / 5)
        + 2 * request
        + RECONNECT_BACKOFF_MS
        + retry
        + wall_steps_ms;
    let check_quorum = if counts_two { 3 * fetch } else { fetch + fetch / 2 } + FETCH_MAX_WAIT_MS;
    let leaves = fetch + FETCH_MAX_WAIT_MS;
    let elections = 2 * election + ELECTION_ROUNDS * (fetch.max(2 * election) + backoff + retry + 2 * round_trip);
    let commit = linger + 3 * round_trip + FETCH_MAX_WAIT_MS;
    let attempt = workload.attempt_timeout.0.div_ceil(1_000_000) + CLIENT_BACKOFF_MS;
    let client = CLIENT_TRIES * attempt + workload.interval.0.div_ceil(1_000_000);
    let bound = check_quorum + leaves + elections + commit + client + SLACK_MS;
    let rate = u64::from(1_000_000_u32.saturating_sub(slowest_ppm).max(1));
    let true_ns =
        |ms: u64| u64::try_from(u128::from(ms) * 1_000_000 * 1_000_000 / u128::from(rate)).unwrap_or(u64::MAX);
    AvailabilityBound {
        settle_ns: true_ns(settle),
        bound_ns: true_ns(bound),
        pause_ns: true_ns(attempt + commit),
        clients: workload.clients.into(),
        counts_situations: false,
    }
}
