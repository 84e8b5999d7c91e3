//! A Kafka process: the raft client, the roles of `process.roles` on top of it, and the thread of each task.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::broker::config::BrokerConfig;
use crate::broker::image_view::LISTENER;
use crate::broker::lifecycle::BrokerIdentity;
use crate::broker::log::LogManager;
use crate::broker::process::BrokerProcess;
use crate::bugs::{Bug, Bugs};
use crate::config::ControllerConfig;
use crate::controller::metadata_log::ReplicaLog;
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::ControllerSettings;
use crate::controller::{QuorumController, RecordLog};
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use crate::io::{self, DurableFiles, Effect, Entropy, Input, Now, Out, Post, Role, ThreadName, Visitor};
use crate::log::{MetaProperties, read_meta_properties, write_meta_properties};
use crate::message::cluster::{FeatureRange, Listener};
use crate::message::{
    AdminRequest, ApiVersionsResponse, DiscoverVersions, ErrorCode, KRaftVersionFeature, Request, Response, Value,
};
use crate::metadata::image::{FEATURES, supported_levels};
use crate::quorum::RaftClient;
use crate::quorum::client::RaftSetup;
use crate::quorum::leader_state::QuorumInfo;
use crate::shared_server::SharedServer;
use crate::step::{Fatal, Step, throw};
use crate::voter_set::{Endpoint, VoterSet};

/// The parameters of a process; they survive restarts.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The properties that raft reads. A node whose id is not among the voters is an observer.
    pub config: Rc<ControllerConfig>,
    pub roles: Roles,
    pub cluster_id: Rc<str>,
    pub bugs: Bugs,
    pub fixes: Fixes,
}

impl NodeSpec {
    /// The same, with the next port in the advertised listener of a controller of a dynamic quorum.
    #[must_use]
    pub fn at_another_port(&self) -> NodeSpec {
        let mut config = ControllerConfig::clone(&self.config);
        config.listener = config.endpoint().map(|endpoint| Endpoint { port: endpoint.port + 1, ..endpoint.clone() });
        NodeSpec { config: Rc::new(config), ..self.clone() }
    }
}

/// The state machine or the roles on top of raft.
#[derive(Clone, Debug)]
pub enum Roles {
    /// A model of a state machine, for scenarios of the quorum alone.
    RecordLog,
    /// `process.roles`; at least one of them.
    Kafka {
        /// Set if the roles include `controller`.
        controller: Option<Rc<ControllerSettings>>,
        /// Set if the roles include `broker`.
        broker: Option<Rc<BrokerConfig>>,
    },
}

/// A running process. After a fatal fault or an orderly end it is stopped and ignores all input.
#[derive(Clone, Debug)]
pub struct Node {
    alive: Option<Alive>,
    /// [`Bug::Kafka14644FaultSwallowed`]
    swallows_faults: bool,
}

#[derive(Clone, Debug)]
struct Alive {
    raft: RaftClient,
    state_machine: StateMachine,
    shared: Option<Box<SharedServer>>,
    broker: Option<Box<BrokerProcess>>,
    /// [`Fix::RefuseMisroutedConnections`]: the only node whose connections the listener of controllers serves.
    serves_only: Option<NodeId>,
}

/// The listener of raft on the controller's event queue.
#[derive(Clone, Debug)]
enum StateMachine {
    Nobody,
    Model(RecordLog),
    Controller(Box<QuorumController>),
}

impl Node {
    /// Starts from the files on disk; an empty disk is formatted first. Effects belong to the raft thread. A failed
    /// start ends the process.
    pub fn boot(spec: &NodeSpec, now: Now, entropy: &mut dyn Entropy, files: &dyn DurableFiles, out: &mut Out) -> Node {
        let mut step = Step { now, entropy, out };
        let alive = Alive::boot(spec, files, &mut step);
        let alive = alive.map_err(|fatal| halt(&fatal, step.out)).ok();
        Node { alive, swallows_faults: spec.bugs.has(Bug::Kafka14644FaultSwallowed) }
    }

    /// Processes one input of one thread.
    pub fn step(&mut self, thread: ThreadName, now: Now, input: Input, entropy: &mut dyn Entropy, out: &mut Out) {
        let Some(alive) = &mut self.alive else {
            // The reason why it ends may be behind an fsync, and is not this thread's.
            if self.swallows_faults || thread == ThreadName::RaftScheduler {
                return;
            }
            // A failed fsync dropped its last effects, including the end of the process.
            out.push(Effect::Halt { reason: Rc::from("the process had ended already"), fault: None });
            return;
        };
        let mut step = Step { now, entropy, out };
        let result = alive.step(thread, input, &mut step);
        let shut_down = alive.raft.has_shut_down();
        if let Err(fatal) = &result
            && !self.swallows_faults
        {
            halt(fatal, step.out);
        }
        if result.is_err() || shut_down {
            self.alive = None;
        }
    }

    /// The thread that receives a request from the network.
    pub fn thread_for(request: &Request) -> ThreadName {
        match request {
            Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::Fetch(_)
            | Request::FetchSnapshot(_)
            | Request::UpdateRaftVoter(_)
            | Request::AddRaftVoter(_)
            | Request::RemoveRaftVoter(_)
            | Request::DescribeQuorum(_)
            // `ControllerApis.handleRaftRequest`
            | Request::Envelope(
                AdminRequest::DescribeQuorum(_) | AdminRequest::AddRaftVoter(_) | AdminRequest::RemoveRaftVoter(_),
            ) => ThreadName::RaftIo,
            Request::AppendRecords(_) | Request::ReadRecords(_) => ThreadName::ControllerEventQueue,
            Request::ApiVersions(_)
            | Request::DiscoverVersions(DiscoverVersions { listener: io::Listener::Controllers, .. })
            | Request::Cluster(_)
            | Request::Envelope(_) => ThreadName::ControllerRequestHandler,
            Request::DiscoverVersions(DiscoverVersions { listener: io::Listener::Brokers, .. })
            | Request::Data(_)
            | Request::Admin(_) => ThreadName::RequestHandler,
        }
    }

    /// For audits and the canonical state hash; a stopped process shows nothing.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        if let Some(alive) = &self.alive {
            alive.raft.visit(visitor);
            if let Some(broker) = &alive.broker {
                broker.data_plane().replicas().visit(visitor);
            }
        }
    }

    /// `None` if the process has ended.
    pub fn role(&self) -> Option<Role> {
        self.alive.as_ref().map(|alive| alive.raft.quorum().role())
    }

    /// `None` if the process has ended.
    pub fn epoch(&self) -> Option<LeaderEpoch> {
        self.alive.as_ref().map(|alive| alive.raft.quorum().epoch())
    }

    /// The state of all roles, for instruments; `None` if the process has ended.
    pub fn described(&self, now: Now) -> Option<Value> {
        let alive = self.alive.as_ref()?;
        let mut roles = vec![("raft".to_owned(), alive.raft.described(now.wall_ms))];
        if let StateMachine::Controller(controller) = &alive.state_machine {
            roles.push(("controller".to_owned(), controller.described(now)));
        }
        roles.extend(alive.shared.as_ref().map(|shared| ("loader".to_owned(), shared.described())));
        roles.extend(alive.broker.as_ref().map(|broker| ("broker".to_owned(), broker.described(now))));
        Some(Value::Struct(roles))
    }

    /// By what the timer of a thread fires: expired timers of the quorum, due events of the controller. Deadlines of requests
    /// and appends have no names.
    pub fn fired_by(&self, thread: ThreadName, now: Now) -> Vec<&'static str> {
        match (thread, &self.alive) {
            (ThreadName::RaftIo, Some(alive)) => alive.raft.expired(now.wall_ms),
            (ThreadName::ControllerEventQueue, Some(_)) => {
                self.controller().map_or(Vec::new(), |controller| controller.due(now))
            }
            _ => Vec::new(),
        }
    }

    /// What this node would grant or reject a vote by; `None` if the process has ended.
    pub fn vote_basis(&self) -> Option<Value> {
        Some(self.alive.as_ref()?.raft.vote_basis())
    }

    /// The high watermark of the metadata log, if the process runs and knows it.
    pub fn high_watermark(&self) -> Option<Offset> {
        self.alive.as_ref()?.raft.quorum().high_watermark()
    }

    /// The answer to DescribeQuorum, with the wall clock at `now_ms`, and the voters with their endpoints; `None` if this
    /// is not the leader of the quorum.
    pub fn quorum_info(&self, now_ms: i64) -> Option<(QuorumInfo, &VoterSet)> {
        let quorum = self.alive.as_ref()?.raft.quorum();
        let leader = quorum.leader()?;
        Some((leader.describe(quorum.epoch(), now_ms), quorum.voters()))
    }

    /// The directory id of `meta.properties`; `None` if the process has ended.
    pub fn directory_id(&self) -> Option<Uuid> {
        self.alive.as_ref()?.raft.quorum().local().directory_id
    }

    /// The epoch in which its state machine was notified of its leadership, as the active controller.
    pub fn active_in(&self) -> Option<LeaderEpoch> {
        match &self.alive.as_ref()?.state_machine {
            StateMachine::Nobody => None,
            StateMachine::Model(model) => model.claimed(),
            StateMachine::Controller(controller) => controller.claimed(),
        }
    }

    /// The last voter set of its log; `None` if the process has ended.
    pub fn voters(&self) -> Option<&VoterSet> {
        Some(self.alive.as_ref()?.raft.quorum().voters())
    }

    /// The last level of `kraft.version` in its log; `None` if the process has ended.
    pub fn kraft_version(&self) -> Option<i16> {
        Some(self.alive.as_ref()?.raft.quorum().partition_state().last_kraft_version())
    }

    /// Whether the node is a voter; `false` if the process has ended.
    pub fn is_voter(&self) -> bool {
        self.alive.as_ref().is_some_and(|alive| alive.raft.quorum().is_voter())
    }

    /// The controller, if the process has that role and has not ended.
    pub fn controller(&self) -> Option<&QuorumController> {
        match &self.alive.as_ref()?.state_machine {
            StateMachine::Controller(controller) => Some(controller),
            StateMachine::Nobody | StateMachine::Model(_) => None,
        }
    }

    /// The broker, if the process has that role and has not ended.
    pub fn broker(&self) -> Option<&BrokerProcess> {
        self.alive.as_ref()?.broker.as_deref()
    }
}

impl Alive {
    fn boot(spec: &NodeSpec, files: &dyn DurableFiles, step: &mut Step<'_>) -> Result<Alive, Fatal> {
        let directory_id = directory_id(spec, files, step)?;
        let (state_machine, broker) = match &spec.roles {
            Roles::RecordLog => (StateMachine::Model(RecordLog::new(&spec.config, spec.bugs)), None),
            Roles::Kafka { controller, broker } => {
                let state_machine = controller.as_ref().map_or(StateMachine::Nobody, |settings| {
                    let settings = ControllerSettings {
                        bugs: spec.bugs,
                        fixes: spec.fixes,
                        ..ControllerSettings::clone(settings)
                    };
                    StateMachine::Controller(Box::new(QuorumController::new(settings)))
                });
                (state_machine, broker.as_ref())
            }
        };
        let is_controller = !matches!(state_machine, StateMachine::Nobody);
        let has_image = matches!(spec.roles, Roles::Kafka { .. });
        let needs_shared = has_image && SharedServer::is_needed(&spec.config, broker.is_some());
        let shared =
            needs_shared.then(|| Box::new(SharedServer::new(&spec.config, is_controller, spec.bugs, step.now.mono_ns)));
        let mut listeners = SmallVec::new();
        if is_controller {
            listeners.push(ThreadName::ControllerEventQueue);
        }
        if shared.is_some() {
            listeners.push(ThreadName::MetadataLoader);
        }
        let setup = RaftSetup {
            config: Rc::clone(&spec.config),
            cluster_id: Rc::clone(&spec.cluster_id),
            directory_id,
            bugs: spec.bugs,
            fixes: spec.fixes,
            listeners,
        };
        let raft = RaftClient::open(setup, files, step)?;
        let broker = match broker {
            Some(config) => {
                let config = Rc::new(BrokerConfig::clone(config).with_switches(spec.bugs, spec.fixes));
                let logs = LogManager::load(files, config.log)?;
                let identity = identity(spec, directory_id, &logs, step);
                SharedServer::start(step);
                BrokerProcess::start(step);
                Some(Box::new(BrokerProcess::new(&config, identity, logs, is_controller, spec.fixes)))
            }
            None => {
                if shared.is_some() {
                    SharedServer::start(step);
                }
                None
            }
        };
        let serves_only = spec.fixes.has(Fix::RefuseMisroutedConnections).then_some(spec.config.node_id);
        Ok(Alive { raft, state_machine, shared, broker, serves_only })
    }

    fn step(&mut self, thread: ThreadName, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        let Alive { raft, state_machine, shared, broker, serves_only } = self;
        match (thread, broker) {
            (ThreadName::MetadataLoader, broker) => match shared {
                Some(shared) => shared.step_loader(raft, broker.as_deref_mut(), input, step),
                None => panic!("the loader of a process without one was given {input:?}"),
            },
            (ThreadName::SnapshotGenerator, _) => {
                if let Some(shared) = shared {
                    shared.step_generator(raft, &input, step);
                }
                Ok(())
            }
            (ThreadName::RaftIo, broker) => match input {
                // The broker stops first, then the controller and raft (controller-broker.md §5.3, §7.1).
                Input::Terminate if broker.is_some() => {
                    let thread = ThreadName::BrokerLifecycle;
                    step.out.push(Effect::Post { thread, post: Post::ShuttingDown });
                    Ok(())
                }
                Input::Post(Post::Stop) => raft.step(Input::Terminate, step),
                _ => raft.step(input, step),
            },
            (ThreadName::RaftScheduler, _) => raft.step_scheduler(&input, step),
            (ThreadName::ControllerEventQueue, _) => match state_machine {
                StateMachine::Nobody => Ok(()),
                StateMachine::Model(model) => model.step(raft, input, step),
                StateMachine::Controller(controller) => controller.step(&mut ReplicaLog::new(raft), input, step),
            },
            (ThreadName::ControllerRequestHandler, _) => {
                let Input::Request { connection, correlation_id, request } = input else { return Ok(()) };
                if let Request::ApiVersions(_) = request {
                    let (error, supported) = (ErrorCode::None, KRaftVersionFeature::SUPPORTED);
                    let response = Response::ApiVersions(ApiVersionsResponse { error, supported });
                    step.out.push(Effect::SendResponse { connection, correlation_id, response });
                    return Ok(());
                }
                if let Request::DiscoverVersions(_) = request {
                    let response = Response::DiscoverVersions;
                    step.out.push(match serves_only.is_none_or(|id| request.meant_for().admits(id)) {
                        true => Effect::SendResponse { connection, correlation_id, response },
                        false => Effect::HangUp { connection },
                    });
                    return Ok(());
                }
                let StateMachine::Controller(controller) = state_machine else { return Ok(()) };
                controller.receive(connection, correlation_id, to_controller(request), step);
                Ok(())
            }
            (ThreadName::BrokerLifecycle, Some(broker)) => broker.step_lifecycle(raft, input, step),
            (ThreadName::RequestHandler, Some(broker)) => broker.step_requests(raft, input, step),
            (ThreadName::Scheduler, Some(broker)) => broker.step_scheduler(input, step),
            (thread, None) => panic!("{thread:?} of a process without a broker was given {input:?}"),
        }
    }
}

fn to_controller(request: Request) -> ControllerRequest {
    match request {
        Request::Cluster(request) => ControllerRequest::Cluster(request),
        Request::Envelope(request) => ControllerRequest::Envelope(request),
        other => panic!("{} is not for a controller's request handler", other.name()),
    }
}

/// The identity in the registration of this process's broker.
fn identity(spec: &NodeSpec, directory_id: Uuid, logs: &LogManager, step: &mut Step<'_>) -> BrokerIdentity {
    let listener = Listener {
        name: LISTENER.into(),
        host: format!("broker-{}", spec.config.node_id).into(),
        port: 9092,
        security_protocol: 0,
    };
    let features = FEATURES.iter().filter_map(|name| {
        let levels = supported_levels(name)?;
        let (min_supported_version, max_supported_version) = (*levels.start(), *levels.end());
        Some(FeatureRange { name: Rc::from(*name), min_supported_version, max_supported_version })
    });
    BrokerIdentity {
        cluster_id: Rc::clone(&spec.cluster_id),
        incarnation_id: random_uuid(step),
        listeners: Rc::from([listener]),
        features: features.collect(),
        rack: None,
        log_dirs: Rc::from([directory_id]),
        previous_broker_epoch: logs.previous_broker_epoch(),
    }
}

/// The directory id of `meta.properties`, which `kafka-storage format` writes on an empty disk.
fn directory_id(spec: &NodeSpec, files: &dyn DurableFiles, step: &mut Step<'_>) -> Result<Uuid, Fatal> {
    let node_id = spec.config.node_id;
    if let Some(found) = read_meta_properties(files)? {
        if found.cluster_id != spec.cluster_id || found.node_id != node_id {
            throw!(
                "meta.properties is of node {} of cluster {}, this is node {node_id} of cluster {}",
                found.node_id,
                found.cluster_id,
                spec.cluster_id
            );
        }
        return Ok(found.directory_id);
    }
    let directory_id = random_uuid(step);
    let properties = MetaProperties { cluster_id: Rc::clone(&spec.cluster_id), node_id, directory_id };
    write_meta_properties(&properties, spec.bugs, step.out);
    Ok(directory_id)
}

/// A random UUID (version 4, RFC 9562): never zero, never one of Kafka's reserved ids.
fn random_uuid(step: &mut Step<'_>) -> Uuid {
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = step.entropy.below(256).to_le_bytes()[0];
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Uuid(bytes)
}

fn halt(fatal: &Fatal, out: &mut Out) {
    out.push(Effect::Halt { reason: fatal.message.as_str().into(), fault: Some(fatal.fault) });
}
