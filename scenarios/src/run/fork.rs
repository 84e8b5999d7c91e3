//! A run that stops at a given point, and can be cloned there: each clone continues by itself.

use std::rc::Rc;

use raft::controller::settings::ControllerSettings;
use raft::ids::NodeId;
use sim::drive::{Ended, Run};
use sim::world::World;

use super::conclude::conclude;
use super::{Request, begin, close};
use crate::actor::Actor;
use crate::cluster::Prepared;
use crate::report::RunReport;
use crate::run_observer::RunObserver;

/// See the module's documentation. Driven by the bare loop, whatever host the request names.
#[derive(Clone, Debug)]
pub struct Fork<'a> {
    request: Request<'a>,
    prepared: Rc<Prepared>,
    run: Run<Actor, RunObserver>,
    end_ns: u64,
    /// How it ended, if it has.
    ended: Option<Ended>,
}

impl<'a> Fork<'a> {
    /// A run before its first event. An error is a scenario that cannot be run at all.
    pub fn begin(request: &Request<'a>) -> Result<Fork<'a>, String> {
        let (prepared, run, end_ns) = begin(request)?;
        Ok(Fork { request: request.clone(), prepared: Rc::new(prepared), run, end_ns, ended: None })
    }

    /// Continues until this number of events, or to the end of the run; true if it reached that number.
    pub fn to_event(&mut self, events: u64) -> bool {
        if self.ended.is_none() && self.events() < events {
            self.run.world.stop_after_event(events);
            let ended = self.run.drive_bare(self.end_ns);
            self.run.world.stop_after_event(u64::MAX);
            self.ended = Some(ended).filter(|ended| *ended != Ended::AfterEvent);
        }
        self.ended.is_none()
    }

    /// Continues to a true time, ns, including the events due at it, or to the end of the run.
    pub fn to_time(&mut self, at_ns: u64) {
        if self.ended.is_none() && at_ns < self.end_ns {
            let ended = self.run.drive_bare(at_ns);
            self.ended = Some(ended).filter(|ended| *ended != Ended::End);
        }
    }

    /// Future draws differ ([`sim::world::World::redraw`]).
    pub fn redraw(&mut self, future: u64) {
        self.run.world.redraw(future);
    }

    /// Ends all faults ([`sim::world::World::end_faults`]).
    pub fn end_faults(&mut self) {
        if self.ended.is_none() {
            self.run.world.end_faults(&mut self.run.watch);
        }
    }

    /// Where it ends at the latest: true time, ns.
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Has it ended, at its end or by a violation?
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) fn world(&self) -> &World<Actor> {
        &self.run.world
    }

    pub(crate) fn has_brokers(&self) -> bool {
        self.prepared.scenario.cluster.has_brokers()
    }

    pub(crate) fn controller_settings(&self, id: NodeId) -> Option<ControllerSettings> {
        let configs = self.prepared.scenario.cluster.configs().ok()?;
        configs.into_iter().find(|config| config.quorum.node_id == id).map(|config| config.controller)
    }

    /// The ids of the servers, in the order of the world.
    pub(crate) fn servers(&self) -> &[NodeId] {
        &self.prepared.servers
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.run.world.counts().events
    }

    /// True time, ns.
    pub fn now_ns(&self) -> u64 {
        self.run.world.now()
    }

    /// Continues to the end of the run.
    pub fn finish(mut self) -> RunReport {
        let ended = self.ended.take().unwrap_or_else(|| self.run.drive_bare(self.end_ns));
        let finished = close(&self.request, (*self.prepared).clone(), (self.run, ended, None), self.end_ns);
        conclude(&self.request, &finished)
    }
}
