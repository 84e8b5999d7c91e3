//! Faults that a story injects into servers and the network between them; the same for controllers and brokers. When
//! one of these methods returns, the fault has begun.

use raft::ids::NodeId;
use sim::fault::{Cut, Fault, Kill, Link, Pause, PowerLoss, Tail, Terminate, What};
use sim::world::Submitted;

use super::cluster::{Cluster, NS_PER_MS, Outage, now_ns, with};
use super::error::StoryError;

impl Cluster {
    /// Cuts all links between a node and all other servers, both ways. Clients still reach it.
    pub async fn isolate(&self, id: NodeId) -> Result<(), StoryError> {
        let others: Vec<NodeId> = self.inner.servers.iter().copied().filter(|other| *other != id).collect();
        self.cut(&[id], &others).await
    }

    /// Cuts all links between these and those nodes, both ways.
    pub async fn cut(&self, these: &[NodeId], those: &[NodeId]) -> Result<(), StoryError> {
        let mut links = Vec::new();
        for one in these {
            for other in those {
                let (one, other) = (self.place(*one)?, self.place(*other)?);
                links.extend([Link(one, other), Link(other, one)]);
            }
        }
        let number = self.inject(What::Cut(Cut { links }), u64::MAX).await?;
        self.inner.cuts.borrow_mut().push(number);
        Ok(())
    }

    /// Ends all cuts of this story.
    pub async fn heal(&self) -> Result<(), StoryError> {
        for number in self.inner.cuts.take() {
            end_fault(number);
        }
        self.settle().await
    }

    /// The process dies at once, and boots again after this time, ms (`u64::MAX`: only by [`Cluster::restart`]). Its
    /// written bytes are kept, forced or not.
    pub async fn kill(&self, id: NodeId, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.put_out(id, What::Kill(Kill { node, after_effects: None }), for_ms).await
    }

    /// The host loses power at once, and boots again after this time, ms (`u64::MAX`: only by [`Cluster::restart`]);
    /// `tail` decides what happens to unforced bytes.
    pub async fn power_loss(&self, id: NodeId, tail: Tail, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.put_out(id, What::PowerLoss(PowerLoss { node, tail, after_effects: None }), for_ms).await
    }

    /// The process receives SIGTERM: a leader of the quorum resigns, a broker's partitions get other leaders, and then
    /// it stops (see [`Cluster::wait_until_down`]). It boots again this time after it has stopped, ms (`u64::MAX`: only
    /// by [`Cluster::restart`]); at once if the story is over.
    pub async fn terminate(&self, id: NodeId, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.put_out(id, What::Terminate(Terminate { node }), for_ms).await
    }

    /// A node that is down boots now; one that was terminated and still runs boots as soon as it has stopped (if it has
    /// already restarted, it keeps running).
    pub async fn restart(&self, id: NodeId) -> Result<(), StoryError> {
        let place = self.place(id)?;
        let outage = self.inner.outages.borrow_mut()[usize::from(place.0)].take();
        match outage {
            Some(outage) if outage.terminated || !self.is_up(id)? => {
                end_fault(outage.number);
                self.settle().await
            }
            _ => Err(StoryError(format!("restart: this story has not put node {id} out"))),
        }
    }

    /// The process stops executing for this time, ms; its kernel still acknowledges.
    pub async fn pause(&self, id: NodeId, for_ms: u64) -> Result<(), StoryError> {
        let node = self.place(id)?;
        self.inject(What::Pause(Pause { node }), for_ms.saturating_mul(NS_PER_MS)).await.map(drop)
    }

    /// A server that is still shutting down when the story is over boots as soon as it has stopped: a cluster can
    /// recover only with all servers.
    pub(super) fn call_back_the_terminated(&self) {
        for (place, outage) in self.inner.outages.take().into_iter().enumerate() {
            let runs = self.is_up(self.inner.servers[place]) == Ok(true);
            if let Some(outage) = outage.filter(|outage| outage.terminated && runs) {
                end_fault(outage.number);
            }
        }
    }

    async fn put_out(&self, id: NodeId, what: What, for_ms: u64) -> Result<(), StoryError> {
        let place = self.place(id)?;
        if !self.is_up(id)? {
            return Err(StoryError(format!("{}: node {id} is down already", what.kind())));
        }
        let terminated = matches!(what, What::Terminate(_));
        let number = self.inject(what, for_ms.saturating_mul(NS_PER_MS)).await?;
        self.inner.outages.borrow_mut()[usize::from(place.0)] = Some(Outage { number, terminated });
        Ok(())
    }

    async fn inject(&self, what: What, lasts_ns: u64) -> Result<u32, StoryError> {
        let (kind, now) = (what.kind(), now_ns());
        if now + 1 >= self.inner.heals_ns {
            return Err(StoryError(format!("{kind}: the scenario's duration is over, and all faults with it")));
        }
        let fault = Fault::at(now, lasts_ns, what);
        let number = with(|run| run.world.submit(&mut run.watch, Submitted::Fault(fault)));
        self.settle().await?;
        number.ok_or_else(|| StoryError(format!("{kind}: the world gave the fault no number")))
    }
}

fn end_fault(number: u32) {
    with(|run| run.world.submit(&mut run.watch, Submitted::EndFault(number)));
}
