//! What an operator of a run's quorum is: the controllers that it makes voters, and the servers that it asks.

use raft::config::{CLUSTER_ID, NodeConfig as KafkaNode};
use raft::ids::NodeId;
use raft::io::Listener;
use sim::process::Node;
use sim::rng::Entropy;

use crate::scenario::Scenario;
use crate::workload::{Asked, Candidate, MembershipClientSpec};

/// An operator who never stops.
pub fn operator(
    scenario: &Scenario,
    configs: &[KafkaNode],
    places: &[(NodeId, Node)],
    mut draws: Entropy,
) -> MembershipClientSpec {
    let controllers = configs.iter().filter(|config| config.roles.controller);
    let candidate =
        |config: &KafkaNode| Some(Candidate { id: config.node_id(), endpoint: config.quorum.listener.clone()? });
    // `--bootstrap-server` or `--bootstrap-controller`
    let asks_brokers = scenario.cluster.has_brokers() && draws.below(2) == 0;
    let is_asked = |config: &KafkaNode| if asks_brokers { config.roles.broker } else { config.roles.controller };
    let asked = configs.iter().zip(places).filter(|(config, _)| is_asked(config));
    let workload = &scenario.workload;
    MembershipClientSpec {
        candidates: controllers.filter_map(candidate).collect(),
        asked: Asked {
            listener: if asks_brokers { Listener::Brokers } else { Listener::Controllers },
            places: asked.map(|(_, (_, place))| *place).collect(),
        },
        upgrades: scenario.cluster.begins_static(),
        cluster_id: CLUSTER_ID.into(),
        interval_ns: workload.membership_interval.0,
        request_timeout_ns: 2 * workload.attempt_timeout.0,
        min_voters: workload.min_voters,
        draws,
        timetable: None,
        ends_ns: u64::MAX,
        keeps_timetable: false,
    }
}
