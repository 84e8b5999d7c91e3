//! Prepares a world from a scenario and a seed: draws the knobs, configures the nodes, sets clocks and links, and makes
//! the plan of faults.

mod explicit;
mod formatted;
mod operator;

use std::rc::Rc;

use raft::config::NodeConfig as KafkaNode;
use raft::fixes::Fix;
use raft::ids::NodeId;
use raft::node::{NodeSpec, Roles};
use raft::voter_set::VoterSet;
use sim::fault::{Link, Plan, What};
use sim::network::NetworkConfig;
use sim::process::{Node, Thread};
use sim::rng::{Entropy, Purpose, Seed};
use sim::service::{Calls, PLAIN_INPUTS, ServiceTimes, Work};
use sim::world::{NodeConfig, WorldConfig};

use crate::actor::{Actor, ServerSpec, Spec};
use crate::aim::trigger_watch::TriggerWatch;
use crate::availability_bound::{AvailabilityBound, availability_bound};
use crate::checks::cluster::BrokerConfig;
use crate::checks::invariant::timings::QuorumTimings;
use crate::checks::replication::ReplicationSettings;
use crate::message::message_kinds;
use crate::recovery_bound::{Load, recovery_bound_ms};
use crate::scenario::claims::Workload;
use crate::scenario::fault_profile::means;
use crate::scenario::machine::Machine;
use crate::scenario::values::{IntRange, Nanos};
use crate::scenario::world::THREAD_NAMES;
use crate::scenario::{Scenario, Transport};
use crate::workload::{ClientSpec, Fresh, KafkaClientRole, KafkaClientSpec, MembershipClientSpec, append_bytes};
use crate::{knobs, nemesis};
use formatted::{cluster_id, formatted, voter_set};
use operator::operator;

pub use explicit::Explicit;

/// The minimum of `metadata.log.segment.bytes` (`MetadataLogConfig`), which is Kafka's largest batch
/// (`KafkaRaftClient.MAX_BATCH_SIZE_BYTES`).
const SMALLEST_SEGMENT_BYTES: i32 = 8 << 20;
/// All wall clocks start about here: 2026-01-01, in ms since 1970.
const WALL_START_MS: i64 = 1_767_225_600_000;
/// The number of clients that also read; each reads every record from every server.
const READERS: usize = 3;
/// The delay of an event that never happens.
const NEVER_NS: u64 = u64::MAX / 4;
/// The shortest interval of NoOp records a knob may draw.
const NO_OP_MS: u64 = 50;
/// The event limit of a runaway: some ten times what the longest catalog run needs.
const MAX_EVENTS: u64 = 10_000_000;
/// Stream of the draw that decides whether admin clients request elections; those of clients are their indexes.
const ELECTIONS: u64 = 1 << 32;
/// Runs beyond tolerance are observed for this time after the last fault.
const BEYOND_TOLERANCE_MS: u64 = 15_000;
const MAX_EVENTS_AT_ONE_TIME: u64 = 50_000;
const AUDIT_EVERY_EVENTS: u64 = 4096;

/// A world about to boot, and what its checks and its report need to know of it.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub world: WorldConfig<Actor>,
    /// The scenario with this seed's knobs in force.
    pub scenario: Scenario,
    /// Node id of each server, by its index in the world.
    pub servers: Vec<NodeId>,
    pub voters: Vec<NodeId>,
    /// Their set, with directory ids if the quorum is dynamic.
    pub voter_set: VoterSet,
    /// May the voters change?
    pub is_dynamic: bool,
    /// What the checks need to know of brokers, if there are any.
    pub brokers: Option<BrokerConfig>,
    /// Names of servers may lead to other servers, which do not refuse such connections.
    pub wrong_names: bool,
    /// Detects the events that the plan's aimed faults wait for.
    pub trigger_watch: TriggerWatch,
    /// Each server's settings of quorum timers.
    pub timings: Vec<QuorumTimings>,
    /// The servers whose metadata logs have segments below Kafka's smallest `metadata.log.segment.bytes`.
    pub small_segments: Vec<NodeId>,
    /// The knobs that this seed drew.
    pub knobs: Vec<(String, String)>,
    /// How long after healing the cluster must have recovered, ns.
    pub recovery_bound_ns: u64,
    /// How long metadata may be unavailable until then, where that is judged.
    pub availability: Option<AvailabilityBound>,
}

/// Prepares one seed.
pub fn prepare(scenario: &Scenario, seed: Seed, explicit: &Explicit) -> Result<Prepared, String> {
    let mut scenario = scenario.clone();
    scenario.follow_profile();
    let drawn = knobs::draw(&scenario, seed);
    knobs::put_in_force(&mut scenario, &drawn)?;
    let configs = scenario.cluster.configs().map_err(|error| error.to_string())?;
    let partitions = scenario.clients.partitions_on(&configs);
    scenario.clients.partitions = u16::try_from(partitions).map_err(|_| format!("num.partitions is {partitions}"))?;
    let servers: Vec<NodeId> = configs.iter().map(KafkaNode::node_id).collect();
    let places: Rc<[(NodeId, Node)]> = servers.iter().enumerate().map(|(i, id)| (*id, Node(i as u16))).collect();
    let server_nodes: Vec<Node> = places.iter().map(|(_, node)| *node).collect();
    let has_broker = configs.iter().map(|config| config.roles.broker);
    let brokers: Vec<_> = places.iter().zip(has_broker).filter(|(_, has)| *has).map(|(place, _)| *place).collect();
    let broker_nodes: Vec<Node> = brokers.iter().map(|(_, node)| *node).collect();
    let kafka_clients = kafka_clients(&scenario, &brokers)?;
    let append_clients = if brokers.is_empty() { usize::from(scenario.workload.clients) } else { 0 };
    let client_count = append_clients + kafka_clients.len() + usize::from(scenario.workload.membership_clients);
    let clients: Vec<Node> = (0..client_count).map(|i| Node((servers.len() + i) as u16)).collect();
    let plan = explicit.plan.clone();
    let plan = plan.unwrap_or_else(|| nemesis::plan(&scenario, &server_nodes, &broker_nodes, &clients, seed));
    let trigger_watch = TriggerWatch::new(&plan);
    let broker_checks = broker_checks(&scenario, &configs, &kafka_clients);
    let recovery_bound_ms = bound_ms(&configs, &plan, &scenario)?;
    let mut nodes = Vec::with_capacity(servers.len() + clients.len());
    let voter_set = voter_set(&configs);
    let service = [false, true].map(|is_broker| Rc::new(service_times(&scenario, is_broker)));
    for (index, config) in configs.iter().enumerate() {
        let service = Rc::clone(&service[usize::from(config.roles.broker)]);
        let mut node = server(&scenario, seed, index, config, &places, service);
        node.files = formatted(config, cluster_id(&scenario, config.node_id()), &voter_set, WALL_START_MS)?;
        nodes.push(node);
    }
    for index in 0..clients.len() {
        let place = servers.len() + index;
        nodes.push(match kafka_clients.get(index) {
            Some((spec, fresh)) => kafka_client(&scenario, seed, place, spec.clone(), *fresh, explicit),
            None if index < append_clients => client(&scenario, seed, place, index, &places, explicit),
            None => membership_client(&scenario, seed, place, index, (&configs, &places), explicit),
        });
    }
    let mut voters: Vec<NodeId> =
        configs.first().map_or(Vec::new(), |config| config.quorum.voters.iter().map(|voter| voter.id).collect());
    voters.sort_unstable();
    let world = WorldConfig {
        seed,
        nodes,
        network: NetworkConfig { tcp_openers: clients.clone(), ..network(&scenario, seed, &places) },
        plan,
        heal_at_ns: scenario.duration.0,
        restart_after_halt_ns: Some(scenario.cluster.restart_after.0),
        max_events: MAX_EVENTS,
        max_events_at_one_time: MAX_EVENTS_AT_ONE_TIME,
        audit_every_events: AUDIT_EVERY_EVENTS,
    };
    // Beyond tolerance no guarantee says that the cluster recovers.
    let longest_ms = if scenario.nemesis.beyond_tolerance { BEYOND_TOLERANCE_MS } else { u64::MAX };
    let recovery_bound_ns = recovery_bound_ms.min(longest_ms) * 1_000_000;
    let timings = configs.iter().map(timings).collect();
    let is_small = |(_, config): &(&NodeId, &KafkaNode)| config.quorum.segment_bytes < SMALLEST_SEGMENT_BYTES;
    let small_segments = servers.iter().zip(&configs).filter(is_small).map(|(id, _)| *id).collect();
    let leads_to_server = |what: &What| matches!(what, What::WrongName(name) if name.to.is_some());
    let wrong_names = !scenario.fixes.has(Fix::RefuseMisroutedConnections)
        && world.plan.0.iter().any(|fault| leads_to_server(&fault.what));
    let availability = availability(&configs, &world.plan, &scenario);
    Ok(Prepared {
        world,
        is_dynamic: scenario.cluster.is_dynamic(),
        scenario,
        servers,
        voters,
        voter_set,
        brokers: broker_checks,
        wrong_names,
        trigger_watch,
        timings,
        small_segments,
        knobs: drawn,
        recovery_bound_ns,
        availability,
    })
}

/// How long metadata may be unavailable in spite of faults: judged of a quorum alone whose clients append, on TCP. (A
/// datagram may be lost, and a one-way link between two servers then carries requests without their answers.)
fn availability(configs: &[KafkaNode], plan: &Plan, scenario: &Scenario) -> Option<AvailabilityBound> {
    let Scenario { cluster, network, disk, workload, nemesis, .. } = scenario;
    let is_judged = !cluster.has_brokers()
        && network.transport == Transport::Tcp
        && workload.reads_ppm < 1_000_000
        && configs.iter().any(|config| !config.quorum.voters.is_empty())
        && nemesis.cut.is_some()
        // A voter that has another port is not reached by the others before a leader has written that.
        && cluster.moving.is_empty();
    let bound = || {
        let wall_steps_ms = nemesis::max_wall_step_ms(plan);
        availability_bound(configs, network, disk, workload, wall_steps_ms, scenario.clock.slowest_ppm())
    };
    let aims = nemesis.cut.as_ref().is_some_and(|cut| cut.leader_ppm > 0);
    is_judged.then(|| AvailabilityBound { counts_situations: aims, ..bound() })
}

/// A server's quorum timeouts.
fn timings(config: &KafkaNode) -> QuorumTimings {
    let ms = |ms: i32| u64::from(ms.unsigned_abs());
    QuorumTimings {
        fetch_timeout_ms: ms(config.quorum.fetch_timeout_ms),
        election_timeout_ms: ms(config.quorum.election_timeout_ms),
        election_backoff_max_ms: ms(config.quorum.election_backoff_max_ms),
        append_linger_ms: ms(config.quorum.append_linger_ms),
        request_timeout_ms: ms(config.quorum.request_timeout_ms),
        replica_lag_ms: config.broker.replica_lag_time_max_ms.unsigned_abs(),
    }
}

/// How long after healing the cluster must have recovered.
fn bound_ms(configs: &[KafkaNode], plan: &Plan, scenario: &Scenario) -> Result<u64, String> {
    let times = |interval: Nanos| scenario.duration.0 / interval.0.max(1);
    let no_ops = scenario.duration.0 / 1_000_000 / NO_OP_MS;
    let (workload, kafka) = (&scenario.workload, &scenario.clients);
    let clients = match scenario.cluster.has_brokers() {
        true => Some(kafka.settings(Rc::from([]), Rc::from([]))?),
        false => None,
    };
    // A server that still has to stop when the world heals is down for this time afterwards.
    let leaves = plan.0.iter().filter(|fault| {
        let means = means(fault.what.kind());
        means.stops && means.afterwards_ns > 0
    });
    // A failed lookup of a name is remembered.
    let names_ns = plan.0.iter().filter(|fault| !means(fault.what.kind()).stops);
    let names_ns = names_ns.map(|fault| means(fault.what.kind()).afterwards_ns).max().unwrap_or(0);
    let machine = scenario.profile.machine();
    let start_ns = machine.map_or(0, Machine::longest_start_ns);
    let down_ns = start_ns
        + names_ns
        + leaves.map(|fault| fault.lasts_ns).chain([scenario.cluster.restart_after.0]).max().unwrap_or(0);
    let load = Load {
        wall_steps_ms: nemesis::max_wall_step_ms(plan),
        batches: times(workload.interval) * u64::from(workload.clients) + no_ops,
        batch_bytes: append_bytes(workload.records.max.unsigned_abs()),
        client_ms: if clients.is_some() { 0 } else { client_ms(workload, configs.len() as u64) },
        slowest_ppm: scenario.clock.slowest_ppm(),
        fsync_ns: scenario.disk.fsync.mean_ns(),
        restart_ms: down_ns.div_ceil(1_000_000),
        warm_up_ms: machine.map_or(0, Machine::warm_up_ns).div_ceil(1_000_000),
        data_batches: times(kafka.produce_interval) * u64::from(kafka.producers),
    };
    Ok(recovery_bound_ms(configs, clients.as_ref(), load, &scenario.network))
}

/// How long a client takes to append once, and to read from each server once.
fn client_ms(workload: &Workload, servers: u64) -> u64 {
    let [appends, reads] = intervals_ns(workload);
    let each = |interval: u64, times: u64| if interval == NEVER_NS { 0 } else { interval.saturating_mul(times) };
    each(appends, 1).saturating_add(each(reads, servers + 1)).div_ceil(1_000_000)
}

/// Time between two appends of a client, and between two reads, ns.
fn intervals_ns(workload: &Workload) -> [u64; 2] {
    let share = |ppm: u64| {
        (workload.interval.0.saturating_mul(1_000_000)).checked_div(ppm).map_or(NEVER_NS, |ns| ns.min(NEVER_NS))
    };
    let reads_ppm = u64::from(workload.reads_ppm);
    [share(1_000_000 - reads_ppm), share(reads_ppm)]
}

fn server(
    scenario: &Scenario,
    seed: Seed,
    index: usize,
    config: &KafkaNode,
    places: &Rc<[(NodeId, Node)]>,
    service: Rc<ServiceTimes>,
) -> NodeConfig<Actor> {
    let cluster_id: Rc<str> = cluster_id(scenario, config.node_id()).into();
    let KafkaNode { roles: has, quorum, controller, broker, .. } = config;
    let roles = if !scenario.cluster.has_brokers() {
        Roles::RecordLog
    } else {
        Roles::Kafka {
            controller: has.controller.then(|| Rc::new(controller.clone())),
            broker: has.broker.then(|| Rc::new(broker.clone())),
        }
    };
    let node =
        NodeSpec { config: Rc::new(quorum.clone()), roles, cluster_id, bugs: scenario.bugs, fixes: scenario.fixes };
    let moving: Rc<[NodeId]> = scenario.cluster.moving.iter().map(|id| NodeId(*id)).collect();
    NodeConfig {
        name: format!("{}-{}", if has.controller { "controller" } else { "broker" }, config.node_id()),
        spec: Spec::Server(ServerSpec { node, places: places.clone(), moving, records_dialogue: false }),
        service,
        ..blank(scenario, seed, index)
    }
}

fn membership_client(
    scenario: &Scenario,
    seed: Seed,
    place: usize,
    index: usize,
    (configs, places): (&[KafkaNode], &[(NodeId, Node)]),
    explicit: &Explicit,
) -> NodeConfig<Actor> {
    let node = blank(scenario, seed, place);
    let draws = seed.entropy(Purpose::Workload, place as u64);
    let spec = MembershipClientSpec {
        timetable: explicit.timetable(index),
        ends_ns: mono_ns(&node, scenario.duration.0),
        keeps_timetable: explicit.keeps_operations,
        ..operator(scenario, configs, places, draws)
    };
    NodeConfig { name: format!("operator-{index}"), spec: Spec::Membership(Box::new(spec)), ..node }
}

fn client(
    scenario: &Scenario,
    seed: Seed,
    place: usize,
    index: usize,
    places: &Rc<[(NodeId, Node)]>,
    explicit: &Explicit,
) -> NodeConfig<Actor> {
    let node = blank(scenario, seed, place);
    let workload = &scenario.workload;
    let [append_interval_ns, read_interval_ns] = intervals_ns(workload);
    let spec = ClientSpec {
        index: index as u16,
        servers: places.clone(),
        append_interval_ns,
        read_interval_ns: if index < READERS { read_interval_ns } else { NEVER_NS },
        max_in_flight: workload.max_in_flight as u8,
        request_timeout_ns: workload.attempt_timeout.0,
        retry_backoff_ns: 100_000_000,
        read_again_at_ns: if index == 0 { mono_ns(&node, scenario.duration.0) + 1_000_000 } else { u64::MAX },
        read_records: 100,
        records: (workload.records.min as u8, workload.records.max as u8),
        draws: seed.entropy(Purpose::Workload, place as u64),
        timetable: explicit.timetable(index),
        agenda_ends_ns: mono_ns(&node, scenario.duration.0),
        keeps_timetable: explicit.keeps_operations,
    };
    NodeConfig { name: format!("client-{index}"), spec: Spec::Client(Box::new(spec)), ..node }
}

/// What the checks need to know of brokers, if there are any.
fn broker_checks(
    scenario: &Scenario,
    configs: &[KafkaNode],
    clients: &[(KafkaClientSpec, bool)],
) -> Option<BrokerConfig> {
    let brokers = || configs.iter().filter(|config| config.roles.broker);
    let controllers = || configs.iter().filter(|config| config.roles.controller);
    let settings = ReplicationSettings {
        min_insync_replicas: brokers().map(|config| config.broker.min_insync_replicas).min()?,
        unclean_leader_election_enable: controllers().any(|config| config.controller.unclean_leader_election_enable),
    };
    Some(BrokerConfig {
        ids: brokers().map(KafkaNode::node_id).collect(),
        settings,
        controllers_min_insync_replicas: controllers().map(|config| config.controller.min_insync_replicas).min()?,
        session_timeout_ms: controllers().map(|config| config.controller.broker_session_timeout_ms).max()?,
        shortest_session_timeout_ms: controllers().map(|config| config.controller.broker_session_timeout_ms).min()?,
        first_fresh_client: clients.iter().filter(|(_, is_fresh)| !is_fresh).count(),
        topics: scenario.clients.topics().names,
        lasting_topics: scenario.clients.topics.into(),
        retry_backoff_ms: clients.iter().filter_map(|(spec, _)| spec.admin_backoff_ms()).min().unwrap_or(0),
        partitions: usize::from(scenario.clients.topics) * usize::from(scenario.clients.partitions),
    })
}

/// The Kafka clients of a scenario that has any, and which of them are fresh after healing.
fn kafka_clients(scenario: &Scenario, brokers: &[(NodeId, Node)]) -> Result<Vec<(KafkaClientSpec, bool)>, String> {
    if brokers.is_empty() {
        return Ok(Vec::new());
    }
    let clients = &scenario.clients;
    let topics = clients.topics();
    let bootstrap = brokers.iter().map(|(id, _)| *id).collect();
    let mut settings = clients.settings(bootstrap, topics.names.clone())?;
    settings.admin.client.bugs = scenario.bugs;
    settings.consumer.client.bugs = scenario.bugs;
    settings.producer.client.bugs = scenario.bugs;
    settings.consumer.client.fixes = scenario.fixes;
    settings.producer.client.fixes = scenario.fixes;
    settings.admin.client.fixes = scenario.fixes;
    let admin = KafkaClientRole::Admin { config: settings.admin, interval_ns: clients.admin_interval.0 };
    let producer = KafkaClientRole::Producer { config: settings.producer, interval_ns: clients.produce_interval.0 };
    let consumer = KafkaClientRole::Consumer { config: settings.consumer };
    let counts = [(admin, clients.admins), (producer, clients.producers), (consumer, clients.consumers)];
    let usual = counts.iter().flat_map(|(role, count)| (0..*count).map(move |_| (role, false)));
    let fresh = counts.iter().map(|(role, _)| (role, true));
    let spec = |(index, (role, is_fresh)): (usize, (&KafkaClientRole, bool))| {
        let spec = KafkaClientSpec {
            index: index as u16,
            role: role.clone(),
            topics: topics.clone(),
            places: brokers.into(),
            draws: Seed(0).entropy(Purpose::Workload, 0),
            timetable: None,
            keeps_timetable: false,
            records_dialogue: false,
            fresh: None,
        };
        (spec, is_fresh)
    };
    Ok(usual.chain(fresh).enumerate().map(spec).collect())
}

fn kafka_client(
    scenario: &Scenario,
    seed: Seed,
    place: usize,
    mut spec: KafkaClientSpec,
    is_fresh: bool,
    explicit: &Explicit,
) -> NodeConfig<Actor> {
    let node = blank(scenario, seed, place);
    spec.draws = seed.entropy(Purpose::Workload, place as u64);
    // An admin client that requests elections all the time hides failures to elect.
    spec.topics.elections |= seed.entropy(Purpose::Workload, ELECTIONS).below(2) == 0;
    spec.topics.brokers = spec.places.iter().map(|(id, _)| *id).collect();
    spec.keeps_timetable = explicit.keeps_operations && !is_fresh;
    spec.timetable = explicit.timetable(spec.index.into()).filter(|_| !is_fresh);
    if is_fresh {
        let from_ns = mono_ns(&node, scenario.duration.0) + 1_000_000;
        spec.fresh = Some(Fresh { from_ns, creates: explicit.never_created(spec.topics.lasting) });
    }
    let kind = match &spec.role {
        KafkaClientRole::Admin { .. } => "admin",
        KafkaClientRole::Producer { .. } => "producer",
        KafkaClientRole::Consumer { .. } => "consumer",
    };
    let fresh = if is_fresh { "fresh-" } else { "" };
    NodeConfig { name: format!("{fresh}{kind}-{}", spec.index), spec: Spec::Kafka(Box::new(spec)), ..node }
}

/// The reading of a node's monotonic clock at a true time without clock faults, ns.
fn mono_ns(node: &NodeConfig<Actor>, at_ns: u64) -> u64 {
    let rate = u128::try_from(1_000_000 + i64::from(node.drift_ppm)).unwrap_or(0);
    node.mono_start_ns + (u128::from(at_ns) * rate / 1_000_000) as u64
}

/// A node without its process: its clocks and disk.
fn blank(scenario: &Scenario, seed: Seed, place: usize) -> NodeConfig<Actor> {
    let mut entropy = seed.entropy(Purpose::Clock, place as u64);
    let offset_ms = draw(&mut entropy, scenario.clock.offset_ms);
    let drift_ppm = draw(&mut entropy, scenario.clock.drift_ppm) as i32;
    NodeConfig {
        name: String::new(),
        spec: Spec::Client(Box::new(ClientSpec::idle())),
        mono_start_ns: 1_000_000_000 + entropy.below(3_600_000_000_000),
        wall_start_ms: WALL_START_MS + offset_ms,
        drift_ppm,
        fsync: scenario.disk.fsync.known().clone(),
        directory_fsync: scenario.disk.directory_fsync.clone(),
        file_system: scenario.disk.fs,
        service: Rc::default(),
        files: Vec::new(),
    }
}

fn draw(entropy: &mut Entropy, range: IntRange) -> i64 {
    range.min + entropy.below((range.max - range.min) as u64 + 1) as i64
}

fn network(scenario: &Scenario, seed: Seed, places: &[(NodeId, Node)]) -> NetworkConfig {
    let network = &scenario.network;
    let place = |id: i32| places.iter().find(|(other, _)| other.0 == id).map(|(_, node)| *node);
    let mut links = Vec::new();
    for profile in &network.link {
        for from in profile.from.iter().filter_map(|id| place(*id)) {
            for to in profile.to.iter().filter_map(|id| place(*id)) {
                links.push((Link(from, to), profile.latency.known().clone()));
            }
        }
    }
    NetworkConfig {
        transport: match network.transport {
            Transport::Tcp => sim::network::Transport::Tcp,
            Transport::Datagram => sim::network::Transport::Datagram,
        },
        latency: network.latency.known().clone(),
        links,
        loss_ppm: network.loss_ppm,
        duplicate_ppm: network.duplicate_ppm,
        reorder_ns: network.reorder.0,
        rto_max_ns: network.rto_max.0,
        one_subnet: seed.entropy(Purpose::Subnet, 0).chance_ppm(network.one_subnet_ppm),
        ..NetworkConfig::default()
    }
}

/// The service times of a server: those of the profile, and those of `[threads]`, which precede.
fn service_times(scenario: &Scenario, is_broker: bool) -> ServiceTimes {
    let machine = scenario.profile.machine();
    let mut service = machine.map_or_else(ServiceTimes::default, |machine| machine.service_times(is_broker));
    let threads = THREAD_NAMES.iter().enumerate().filter_map(|(i, name)| Some((i, scenario.threads.get(*name)?)));
    for (number, times) in threads {
        let thread = Thread(number as u8);
        for (kind, time) in times {
            let kinds: Vec<usize> = match PLAIN_INPUTS.iter().position(|plain| plain == kind) {
                Some(number) => vec![number],
                None => message_kinds(kind == "request").map(|kind| PLAIN_INPUTS.len() + usize::from(kind)).collect(),
            };
            for kind in kinds {
                service.set::<Actor>(Work::Input(thread, kind), Calls::constant(time.0));
            }
        }
    }
    service
}
