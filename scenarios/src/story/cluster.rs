//! The cluster of a story, and its time: what the other modules build on. Times are true time; every wait is limited.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use raft::ids::NodeId;
use raft::node::Node as KafkaNode;
use sim::drive::Run;
use sim::host::{wait_for, wait_until, with_run};
use sim::process::{Node, Thread};
use sim::world::{Condition, Submitted};

use super::error::StoryError;
use crate::actor::{Actor, Said};
use crate::cluster::Prepared;
use crate::run_observer::RunObserver;
use crate::workload::{ClientOperation, Topics};

pub(super) const NS_PER_MS: u64 = 1_000_000;
/// The time limit of a wait.
const PATIENCE_NS: u64 = 30_000 * NS_PER_MS;

/// A handle to the cluster of a story; clones are the same cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) inner: Rc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    /// Node ids of all servers, by index in the world; clients have the indexes after them.
    pub servers: Vec<NodeId>,
    controllers: Vec<NodeId>,
    brokers: Vec<NodeId>,
    pub clients: Clients,
    /// When the world heals; stories end earlier.
    pub heals_ns: u64,
    /// Numbers of submitted faults that are in force: cuts, then per server the fault that keeps it down.
    pub cuts: RefCell<Vec<u32>>,
    pub outages: RefCell<Vec<Option<Outage>>>,
}

/// Why a server is down, or about to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub number: u32,
    /// It has received SIGTERM, and is shutting down.
    pub terminated: bool,
}

/// Indexes of the clients, which are idle while a story runs; the first of each kind executes what the story requests.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// Of a quorum without brokers.
    pub appenders: Vec<Node>,
    pub admins: Vec<Node>,
    pub producers: Vec<Node>,
    pub consumers: Vec<Node>,
    /// Of Kafka's clients.
    pub topics: Option<Topics>,
}

impl Clients {
    fn new(prepared: &Prepared) -> Clients {
        let (scenario, mut next) = (&prepared.scenario, prepared.servers.len() as u16);
        let mut places = |count: u16| {
            let places = (next..next + count).map(Node).collect();
            next += count;
            places
        };
        if !scenario.cluster.has_brokers() {
            return Clients { appenders: places(scenario.workload.clients), ..Clients::default() };
        }
        Clients {
            admins: places(scenario.clients.admins),
            producers: places(scenario.clients.producers),
            consumers: places(scenario.clients.consumers),
            topics: Some(scenario.clients.topics()),
            ..Clients::default()
        }
    }

    fn all(&self) -> impl Iterator<Item = Node> {
        [&self.appenders, &self.admins, &self.producers, &self.consumers].into_iter().flatten().copied()
    }
}

pub(super) fn with<T>(f: impl FnOnce(&mut Run<Actor, RunObserver>) -> T) -> T {
    with_run::<Actor, RunObserver, T>(f)
}

pub(super) fn now_ns() -> u64 {
    with(|run| run.world.now())
}

pub(super) fn gave_up(on: &str) -> StoryError {
    StoryError(format!("at {} ms: gave up waiting for {on}", now_ns() / NS_PER_MS))
}

impl Cluster {
    pub(super) fn new(prepared: &Prepared) -> Cluster {
        let inner = Inner {
            servers: prepared.servers.clone(),
            controllers: prepared.voters.clone(),
            brokers: prepared.brokers.as_ref().map_or(Vec::new(), |brokers| brokers.ids.clone()),
            clients: Clients::new(prepared),
            heals_ns: prepared.scenario.duration.0,
            cuts: RefCell::default(),
            outages: RefCell::new(vec![None; prepared.servers.len()]),
        };
        Cluster { inner: Rc::new(inner) }
    }

    /// Clients become idle, and their responses are kept.
    pub(super) fn begin(&self) {
        with(|run| run.watch.answers = Some(Box::default()));
        self.inner.clients.all().for_each(|client| self.ask(client, ClientOperation::Rest));
    }

    /// Clients continue, and terminated servers restart as soon as they have stopped.
    pub(super) fn end(&self) {
        with(|run| run.watch.answers = None);
        self.inner.clients.all().for_each(|client| self.ask(client, ClientOperation::Resume));
        self.call_back_the_terminated();
    }

    /// Node ids of all controllers.
    pub fn controllers(&self) -> &[NodeId] {
        &self.inner.controllers
    }

    /// Node ids of all brokers; with `process.roles=broker,controller` they are controllers, too.
    pub fn brokers(&self) -> &[NodeId] {
        &self.inner.brokers
    }

    /// True time, ms.
    pub fn now_ms(&self) -> u64 {
        now_ns() / NS_PER_MS
    }

    /// Whether a server's process is running.
    pub fn is_up(&self, id: NodeId) -> Result<bool, StoryError> {
        let place = self.place(id)?;
        Ok(with(|run| run.world.process(place).is_some()))
    }

    /// Waits for this time.
    pub async fn wait_ms(&self, ms: u64) -> Result<(), StoryError> {
        let at = now_ns().saturating_add(ms.saturating_mul(NS_PER_MS));
        if at >= self.inner.heals_ns {
            let (at_ms, heals_ms) = (at / NS_PER_MS, self.inner.heals_ns / NS_PER_MS);
            return Err(StoryError(format!("a wait until {at_ms} ms: the scenario's duration ends at {heals_ms} ms")));
        }
        wait_until::<Actor, RunObserver>(at).await;
        Ok(())
    }

    /// Waits until a condition holds, which is evaluated every ms; `what` is for the message if it never does.
    pub async fn until(
        &self,
        what: &str,
        holds: impl Fn(&Cluster) -> Result<bool, StoryError>,
    ) -> Result<(), StoryError> {
        let deadline = self.deadline();
        while !holds(self)? {
            if now_ns() >= deadline {
                return Err(gave_up(what));
            }
            wait_until::<Actor, RunObserver>((now_ns() + NS_PER_MS).min(deadline)).await;
        }
        Ok(())
    }

    /// Waits until a node runs.
    pub async fn wait_until_up(&self, id: NodeId) -> Result<(), StoryError> {
        self.until(&format!("node {id} up"), |c| c.is_up(id)).await
    }

    /// Waits until a node does not run.
    pub async fn wait_until_down(&self, id: NodeId) -> Result<(), StoryError> {
        self.until(&format!("node {id} down"), |c| c.is_up(id).map(|up| !up)).await
    }

    pub(super) fn place(&self, id: NodeId) -> Result<Node, StoryError> {
        let ids = &self.inner.servers;
        let place = ids.iter().position(|other| *other == id);
        let known = || ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
        place
            .map(|place| Node(place as u16))
            .ok_or_else(|| StoryError(format!("no node {id} in this cluster; there are {}", known())))
    }

    /// A value of a server that is up.
    pub(super) fn of<T>(&self, id: NodeId, what: impl FnOnce(&KafkaNode) -> Option<T>) -> Result<T, StoryError> {
        let place = self.place(id)?;
        let found = with(|run| match run.world.process(place) {
            Some(Actor::Server(server)) => what(&server.node),
            _ => None,
        });
        found.ok_or_else(|| StoryError(format!("node {id} is down at {} ms", self.now_ms())))
    }

    /// When a wait gives up: after its time limit, or when the world heals.
    pub(super) fn deadline(&self) -> u64 {
        (now_ns() + PATIENCE_NS).min(self.inner.heals_ns - 1)
    }

    /// The wait begins with the call, not with the first poll of the future.
    pub(super) fn see(
        &self,
        matches: fn(Node, &Said, u64) -> bool,
        argument: u64,
        what: &str,
    ) -> impl Future<Output = Result<(Node, Said), StoryError>> + use<> {
        let seen = wait_for::<Actor, RunObserver>(Condition { matches, argument }, self.deadline());
        let what = what.to_owned();
        async move { seen.await.ok_or_else(|| gave_up(&what)) }
    }

    pub(super) fn ask(&self, client: Node, operation: ClientOperation) {
        let what = Submitted::Operation { node: client, thread: Thread(0), operation };
        with(|run| run.world.submit(&mut run.watch, what));
    }

    /// Submitted actions begin within this instant; this waits for the next one.
    pub(super) async fn settle(&self) -> Result<(), StoryError> {
        wait_until::<Actor, RunObserver>(now_ns() + 1).await;
        Ok(())
    }
}
