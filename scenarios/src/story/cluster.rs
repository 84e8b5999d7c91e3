//! What a story can do to a cluster and see of it. Times are true time; every wait has an end.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Role, Visitor};
use raft::log::Records;
use raft::node::Node as KafkaNode;
use sim::drive::Run;
use sim::fault::{Fault, Link, Tail, What};
use sim::host::{wait_for, wait_until, with_run};
use sim::process::{Node, Thread};
use sim::world::{Condition, Submitted};

use super::StoryError;
use crate::actor::{Actor, AttemptEvent, Said};
use crate::cluster::Prepared;
use crate::onlooker::Onlooker;
use crate::workload::ClientOperation;

const NS_PER_MS: u64 = 1_000_000;
/// A wait for something that the cluster should do gives up after so long.
const PATIENCE_NS: u64 = 30_000 * NS_PER_MS;
/// After a refusal, the next attempt of an append waits so long.
const RETRY_MS: u64 = 20;
/// The client that a story's appends go through.
const TELLER: usize = 0;

/// A handle to the cluster of a story; clones are the same cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Node ids, by place in the world; clients have the places behind them.
    controllers: Vec<NodeId>,
    clients: usize,
    /// When the world heals: stories end before.
    heals_ns: u64,
    /// Numbers of submitted faults that are in force: cuts, then per controller what keeps it down.
    cuts: RefCell<Vec<u32>>,
    outages: RefCell<Vec<Option<u32>>>,
}

/// How an append's attempt ended at its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Acknowledged; the offset of its first record.
    Acknowledged(Offset),
    /// Refused before it was accepted.
    Refused,
    /// Nobody knows: no answer, or one that leaves it open.
    Unknown,
}

type SeenLater = Pin<Box<dyn Future<Output = Option<(Node, Said)>>>>;

/// An append on its way.
pub struct Attempt {
    number: u32,
    ended: SeenLater,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Attempt {
    /// Waits for its end.
    pub async fn outcome(self) -> Result<AttemptOutcome, StoryError> {
        match self.ended.await {
            Some((_, Said::Client(AttemptEvent::AppendOk { base_offset, .. }))) => {
                Ok(AttemptOutcome::Acknowledged(Offset(base_offset)))
            }
            Some((_, Said::Client(AttemptEvent::AppendFailed { .. }))) => Ok(AttemptOutcome::Refused),
            Some(_) => Ok(AttemptOutcome::Unknown),
            None => Err(gave_up(&format!("the end of append attempt {}", self.number))),
        }
    }
}

/// The node's own view of its log.
#[derive(Default)]
struct LogView {
    end: Offset,
    high_watermark: Option<Offset>,
}

impl Visitor for LogView {
    fn election(&mut self, _: LeaderEpoch, _: NodeId, _: NodeId, _: Role) {}
    fn log(&mut self, _: Offset, end: Offset, high_watermark: Option<Offset>) {
        (self.end, self.high_watermark) = (end, high_watermark);
    }
    fn batches(&mut self, _: &Records) {}
}

fn with<T>(f: impl FnOnce(&mut Run<Actor, Onlooker>) -> T) -> T {
    with_run::<Actor, Onlooker, T>(f)
}

fn now_ns() -> u64 {
    with(|run| run.world.now())
}

fn gave_up(on: &str) -> StoryError {
    StoryError(format!("at {} ms: gave up waiting for {on}", now_ns() / NS_PER_MS))
}

impl Cluster {
    pub(super) fn new(prepared: &Prepared) -> Cluster {
        let inner = Inner {
            controllers: prepared.servers.clone(),
            clients: usize::from(prepared.scenario.workload.clients),
            heals_ns: prepared.scenario.duration.0,
            cuts: RefCell::default(),
            outages: RefCell::new(vec![None; prepared.servers.len()]),
        };
        Cluster { inner: Rc::new(inner) }
    }

    pub(super) fn rest_clients(&self) {
        (0..self.inner.clients).for_each(|client| self.ask(client, ClientOperation::Rest));
    }

    pub(super) fn resume_clients(&self) {
        (0..self.inner.clients).for_each(|client| self.ask(client, ClientOperation::Resume));
    }

    /// Node ids of all controllers.
    pub fn controllers(&self) -> &[NodeId] {
        &self.inner.controllers
    }

    /// True time, ms.
    pub fn now_ms(&self) -> u64 {
        now_ns() / NS_PER_MS
    }

    // What is seen.

    /// Does its process run?
    pub fn is_up(&self, id: NodeId) -> Result<bool, StoryError> {
        let place = self.place(id)?;
        Ok(with(|run| run.world.process(place).is_some()))
    }

    /// Its role; an error if it is down.
    pub fn role(&self, id: NodeId) -> Result<Role, StoryError> {
        self.of(id, KafkaNode::role)
    }

    /// Its epoch; an error if it is down.
    pub fn epoch(&self, id: NodeId) -> Result<LeaderEpoch, StoryError> {
        self.of(id, KafkaNode::epoch)
    }

    /// Its high watermark, `None` if it knows none; an error if it is down.
    pub fn high_watermark(&self, id: NodeId) -> Result<Option<Offset>, StoryError> {
        self.log(id).map(|log| log.high_watermark)
    }

    /// Its log end; an error if it is down.
    pub fn log_end(&self, id: NodeId) -> Result<Offset, StoryError> {
        self.log(id).map(|log| log.end)
    }

    /// The controllers, up or down, whose disks hold an offset durably.
    pub fn replicas_with(&self, offset: Offset) -> Vec<NodeId> {
        let holds = |server: usize| {
            with(|run| run.watch.checks.as_ref().is_some_and(|checks| checks.durable_end(server) > offset))
        };
        let ids = self.inner.controllers.iter().enumerate();
        ids.filter(|(server, _)| holds(*server)).map(|(_, id)| *id).collect()
    }

    // What is waited for.

    /// Lets time pass.
    pub async fn wait_ms(&self, ms: u64) -> Result<(), StoryError> {
        let at = now_ns().saturating_add(ms.saturating_mul(NS_PER_MS));
        if at >= self.inner.heals_ns {
            let (at_ms, heals_ms) = (at / NS_PER_MS, self.inner.heals_ns / NS_PER_MS);
            return Err(StoryError(format!("a wait until {at_ms} ms: the scenario's duration ends at {heals_ms} ms")));
        }
        wait_until::<Actor, Onlooker>(at).await;
        Ok(())
    }

    /// Waits until something holds, asked every ms; `what` is for the message if it never does.
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
            wait_until::<Actor, Onlooker>((now_ns() + NS_PER_MS).min(deadline)).await;
        }
        Ok(())
    }

    /// The controller that was told newest that it leads; waits if there is none.
    pub async fn active_controller(&self) -> Result<NodeId, StoryError> {
        self.active_but(None, "an active controller").await
    }

    /// The next active controller that is not `id`, of a newer epoch if `id` leads one.
    pub async fn wait_for_leader_other_than(&self, id: NodeId) -> Result<NodeId, StoryError> {
        let place = self.place(id)?;
        self.active_but(Some(place), &format!("a leader other than {id}")).await
    }

    /// Waits until a controller enters a role, if it is not in it.
    pub async fn wait_for_role(&self, id: NodeId, role: Role) -> Result<(), StoryError> {
        fn entered(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Server(Observation::RoleChanged { role, .. }) = said else { return false };
            u64::from(node.0) << 8 | *role as u64 == argument
        }
        let place = self.place(id)?;
        if self.role(id).ok() == Some(role) {
            return Ok(());
        }
        let argument = u64::from(place.0) << 8 | role as u64;
        self.see(entered, argument, &format!("controller {id} in the role {role:?}")).await.map(drop)
    }

    /// Waits until a controller knows that an offset is committed.
    pub async fn wait_for_high_watermark(&self, id: NodeId, offset: Offset) -> Result<(), StoryError> {
        fn passed(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Server(Observation::HighWatermark { offset, .. }) = said else { return false };
            u64::from(node.0) == argument >> 48 && offset.0 as u64 > argument & ((1 << 48) - 1)
        }
        let place = self.place(id)?;
        if self.high_watermark(id).is_ok_and(|known| known.is_some_and(|known| known > offset)) {
            return Ok(());
        }
        let argument = u64::from(place.0) << 48 | offset.0 as u64;
        self.see(passed, argument, &format!("a high watermark above {offset} on controller {id}")).await.map(drop)
    }

    /// Waits until a controller runs.
    pub async fn wait_until_up(&self, id: NodeId) -> Result<(), StoryError> {
        self.until(&format!("controller {id} up"), |c| c.is_up(id)).await
    }

    // What is done. When one of these returns, it has happened.

    /// Nothing passes between a controller and all others, either way. Clients still reach it.
    pub async fn isolate(&self, id: NodeId) -> Result<(), StoryError> {
        let others: Vec<NodeId> = self.inner.controllers.iter().copied().filter(|other| *other != id).collect();
        self.cut(&[id], &others).await
    }

    /// Nothing passes between these and those, either way.
    pub async fn cut(&self, these: &[NodeId], those: &[NodeId]) -> Result<(), StoryError> {
        let mut links = Vec::new();
        for one in these {
            for other in those {
                let (one, other) = (self.place(*one)?, self.place(*other)?);
                links.extend([Link(one, other), Link(other, one)]);
            }
        }
        let number = self.strike(What::Cut { links }, u64::MAX).await?;
        self.inner.cuts.borrow_mut().push(number);
        Ok(())
    }

    /// All cuts of this story end.
    pub async fn heal(&self) -> Result<(), StoryError> {
        for number in self.inner.cuts.take() {
            with(|run| run.world.submit(&mut run.watch, Submitted::EndFault(number)));
        }
        self.settle().await
    }

    /// The process dies at once, and boots again after so long, ms (`u64::MAX`: by
    /// [`Cluster::restart`] alone). What it wrote stays, forced or not.
    pub async fn kill(&self, id: NodeId, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.put_out(id, What::Kill { node, after_effects: None }, for_ms).await
    }

    /// The host loses power at once, and boots again after so long, ms (`u64::MAX`: by
    /// [`Cluster::restart`] alone); `tail` becomes of what was not forced to disk.
    pub async fn power_loss(&self, id: NodeId, tail: Tail, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.put_out(id, What::PowerLoss { node, tail, after_effects: None }, for_ms).await
    }

    /// A controller that is down boots now.
    pub async fn restart(&self, id: NodeId) -> Result<(), StoryError> {
        let place = self.place(id)?;
        let outage = self.inner.outages.borrow_mut()[usize::from(place.0)].take();
        match outage {
            Some(number) if !self.is_up(id)? => {
                with(|run| run.world.submit(&mut run.watch, Submitted::EndFault(number)));
                self.settle().await
            }
            _ => Err(StoryError(format!("restart: this story has not put controller {id} out"))),
        }
    }

    /// The process stops executing for so long, ms; its kernel still acknowledges.
    pub async fn pause(&self, id: NodeId, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.strike(What::Pause { node }, for_ms.saturating_mul(NS_PER_MS)).await.map(drop)
    }

    /// So many appends, one after the other, each tried anew until it is acknowledged. Gives the
    /// offset of each one's first record.
    pub async fn append(&self, count: usize) -> Result<Vec<Offset>, StoryError> {
        let deadline = self.deadline();
        let mut offsets = Vec::with_capacity(count);
        while offsets.len() < count {
            if let AttemptOutcome::Acknowledged(offset) = self.begin_append().await?.outcome().await? {
                offsets.push(offset);
            } else if now_ns() >= deadline {
                return Err(gave_up(&format!("append {} of {count}", offsets.len() + 1)));
            } else {
                self.wait_ms(RETRY_MS).await?;
            }
        }
        Ok(offsets)
    }

    /// One attempt of one append; returns when it is on its way.
    pub async fn begin_append(&self) -> Result<Attempt, StoryError> {
        fn invoked(node: Node, said: &Said, client: u64) -> bool {
            u64::from(node.0) == client && matches!(said, Said::Client(AttemptEvent::AppendInvoked { .. }))
        }
        fn ended(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Client(
                AttemptEvent::AppendOk { attempt, .. }
                | AttemptEvent::AppendFailed { attempt }
                | AttemptEvent::AppendUnknown { attempt },
            ) = said
            else {
                return false;
            };
            u64::from(node.0) << 32 | u64::from(*attempt) == argument
        }
        let place = u64::from(self.client(TELLER).0);
        let sent = self.see(invoked, place, "an append to be sent");
        self.ask(TELLER, ClientOperation::Append { count: 1 });
        let (_, Said::Client(AttemptEvent::AppendInvoked { attempt: number, .. })) = sent.await? else {
            return Err(StoryError("an append was sent that is none".to_owned()));
        };
        let condition = Condition { matches: ended, argument: place << 32 | u64::from(number) };
        let ended = Box::pin(wait_for::<Actor, Onlooker>(condition, self.deadline()));
        Ok(Attempt { number, ended })
    }

    // How.

    fn place(&self, id: NodeId) -> Result<Node, StoryError> {
        let ids = &self.inner.controllers;
        let place = ids.iter().position(|other| *other == id);
        let known = || ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
        place
            .map(|place| Node(place as u16))
            .ok_or_else(|| StoryError(format!("no controller {id} in this cluster; there are {}", known())))
    }

    fn client(&self, index: usize) -> Node {
        Node((self.inner.controllers.len() + index) as u16)
    }

    /// Of a controller that is up.
    fn of<T>(&self, id: NodeId, what: impl FnOnce(&KafkaNode) -> Option<T>) -> Result<T, StoryError> {
        let place = self.place(id)?;
        let found = with(|run| match run.world.process(place) {
            Some(Actor::Server(server)) => what(&server.node),
            _ => None,
        });
        found.ok_or_else(|| StoryError(format!("controller {id} is down at {} ms", self.now_ms())))
    }

    fn log(&self, id: NodeId) -> Result<LogView, StoryError> {
        self.of(id, |node| {
            let mut view = LogView::default();
            node.visit(&mut view);
            node.role().map(|_| view)
        })
    }

    /// Waits give up here: patience is over, or the world heals.
    fn deadline(&self) -> u64 {
        (now_ns() + PATIENCE_NS).min(self.inner.heals_ns - 1)
    }

    /// The wait begins with the call.
    fn see(
        &self,
        matches: fn(Node, &Said, u64) -> bool,
        argument: u64,
        what: &str,
    ) -> impl Future<Output = Result<(Node, Said), StoryError>> + use<> {
        let seen = wait_for::<Actor, Onlooker>(Condition { matches, argument }, self.deadline());
        let what = what.to_owned();
        async move { seen.await.ok_or_else(|| gave_up(&what)) }
    }

    /// The newest leader that knows it leads, if it is not at this place.
    async fn active_but(&self, but: Option<Node>, what: &str) -> Result<NodeId, StoryError> {
        fn announced(_: Node, said: &Said, _: u64) -> bool {
            matches!(said, Said::Server(Observation::LeadershipAnnounced { .. }))
        }
        loop {
            let active = |place: usize| {
                with(|run| match run.world.process(Node(place as u16)) {
                    Some(Actor::Server(server)) => server.node.active_in(),
                    _ => None,
                })
            };
            let places = 0..self.inner.controllers.len();
            let newest = places.filter_map(|place| Some((active(place)?, place))).max();
            if let Some((_, place)) = newest.filter(|(_, place)| but != Some(Node(*place as u16))) {
                return Ok(self.inner.controllers[place]);
            }
            self.see(announced, 0, what).await?;
        }
    }

    fn ask(&self, client: usize, operation: ClientOperation) {
        let node = self.client(client);
        let what = Submitted::Operation { node, thread: Thread(0), operation };
        with(|run| run.world.submit(&mut run.watch, what));
    }

    async fn put_out(&self, id: NodeId, what: What, for_ms: u64) -> Result<(), StoryError> {
        let place = self.place(id)?;
        if !self.is_up(id)? {
            return Err(StoryError(format!("{}: controller {id} is down already", what.kind())));
        }
        let number = self.strike(what, for_ms.saturating_mul(NS_PER_MS)).await?;
        self.inner.outages.borrow_mut()[usize::from(place.0)] = Some(number);
        Ok(())
    }

    async fn strike(&self, what: What, lasts_ns: u64) -> Result<u32, StoryError> {
        let (kind, now) = (what.kind(), now_ns());
        if now + 1 >= self.inner.heals_ns {
            return Err(StoryError(format!("{kind}: the scenario's duration is over, and all faults with it")));
        }
        let fault = Fault { at_ns: now, lasts_ns, what };
        let number = with(|run| run.world.submit(&mut run.watch, Submitted::Fault(fault)));
        self.settle().await?;
        number.ok_or_else(|| StoryError(format!("{kind}: the world gave the fault no number")))
    }

    /// What was submitted begins within this instant; the next one is behind it.
    async fn settle(&self) -> Result<(), StoryError> {
        wait_until::<Actor, Onlooker>(now_ns() + 1).await;
        Ok(())
    }
}
