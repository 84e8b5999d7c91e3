//! What the checks need to know of a run.

use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::voter_set::VoterSet;

use super::cluster::BrokerConfig;
use super::invariant::timings::QuorumTimings;
use crate::availability_bound::AvailabilityBound;

#[derive(Clone, Debug)]
pub struct CheckConfig {
    /// Node ids of the servers; everywhere else a server is its index in this list.
    pub servers: Vec<NodeId>,
    /// The voters: all that ever are if they are static, else the first ones. Other servers are observers at first.
    pub voters: Vec<NodeId>,
    /// Their set, with directory ids if the quorum is dynamic.
    pub voter_set: VoterSet,
    /// May the voters change? They are in the log then, or will be after an upgrade of `kraft.version`.
    pub is_dynamic: bool,
    /// The first so many servers are controllers.
    pub controllers: usize,
    /// Operators remove voters that work as long as more than so many are left; `None` without operators.
    pub least_voters: Option<usize>,
    /// The servers whose disks are formatted with another cluster id: they cannot take part.
    pub other_cluster: Vec<NodeId>,
    /// The servers whose metadata logs have segments below Kafka's smallest `metadata.log.segment.bytes`.
    pub small_segments: Vec<NodeId>,
    /// Each server's settings of quorum timers.
    pub timings: Vec<QuorumTimings>,
    /// How much the slowest clock loses if nothing disturbs it, ppm.
    pub slowest_ppm: u32,
    /// How much the fastest one gains.
    pub fastest_ppm: u32,
    /// Do clients append, and do they read?
    pub appends: bool,
    pub reads: bool,
    /// How long metadata may be unavailable while faults are in force; `None`: nothing is judged.
    pub availability: Option<AvailabilityBound>,
    /// `None`: a quorum alone.
    pub brokers: Option<BrokerConfig>,
    /// Fixes in force: they turn exceptions of faithful Kafka off.
    pub fixes: Fixes,
    /// Do not stop at the first violation but gather the names of all (for the mutant table).
    pub keep_going: bool,
    /// Names of servers may lead to other servers, which do not refuse such connections: a node may then speak to another
    /// one than it believes.
    pub wrong_names: bool,
    /// Faults may exceed what Kafka tolerates: only claims about one server or one client are judged.
    pub beyond_tolerance: bool,
}
