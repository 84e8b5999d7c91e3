//! The servers of a run at an instant: the run goes up to it, and stops there.

use chrono::DateTime;
use raft::config::CLUSTER_ID;
use raft::controller::settings::ControllerSettings;
use raft::ids::{NodeId, Offset};
use raft::io::Role;
use raft::metadata::image::MetadataImage;
use raft::node::Node as Server;
use sim::disk::Disk;
use sim::process::{Node, Now};

use crate::actor::{Actor, Files};
use crate::log_directory::Inspection;
use crate::report::RunOutcome;
use crate::run::Request;
use crate::run::fork::Fork;
use crate::workload::clocks;

/// An instant of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// True time, ns: with all events that are due then.
    Time(u64),
    /// Number of events.
    Event(u64),
    /// The end of the run.
    End,
    /// Number of events before the one that violates a claim.
    BeforeViolation(u64),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Moment<'a> {
    fork: Fork<'a>,
}

/// A server at an instant.
#[derive(Clone, Copy, Debug)]
pub struct ServerNow<'a> {
    /// Such as `controller-1`.
    pub name: &'a str,
    pub id: NodeId,
    /// `None`: it is down, or its process has ended.
    pub server: Option<&'a Server>,
    pub disk: &'a Disk,
    /// Its clocks.
    pub now: Now,
}

impl<'a> Moment<'a> {
    /// A run before its first event. An error is a scenario that cannot be run at all.
    pub fn begin(request: &Request<'a>) -> Result<Moment<'a>, String> {
        Ok(Moment { fork: Fork::begin(request)? })
    }

    /// Continues up to an instant; one that has passed changes nothing. False if the run has ended before.
    pub fn go_to(&mut self, at: At) -> bool {
        match at {
            At::Time(at_ns) if at_ns < self.fork.end_ns() => self.fork.to_time(at_ns),
            At::Event(events) => drop(self.fork.to_event(events)),
            At::Time(_) | At::End => drop(self.fork.to_event(u64::MAX)),
            At::BeforeViolation(events) => {
                let Some(violation) = self.violation() else { return false };
                let Some(event) = violation.checked_sub(events) else { return false };
                self.fork.to_event(event);
                return true;
            }
        }
        at == At::End || !self.fork.has_ended()
    }

    /// The event that violates a claim; `None`: the rest of the run violates none.
    pub fn violation(&self) -> Option<u64> {
        match self.fork.clone().finish().outcome {
            RunOutcome::Violated(violation) => Some(violation.event),
            _ => None,
        }
    }

    /// True time, ns.
    pub fn now_ns(&self) -> u64 {
        self.fork.now_ns()
    }

    /// Where the run ends at the latest: true time, ns.
    pub fn end_ns(&self) -> u64 {
        self.fork.end_ns()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.fork.events()
    }

    /// Does its log hold the metadata of a cluster? That of a scenario without brokers holds records of a model.
    pub fn has_metadata(&self) -> bool {
        self.fork.has_brokers()
    }

    /// The id of the cluster.
    pub fn cluster_id(&self) -> &str {
        CLUSTER_ID
    }

    /// The properties of a server's controller, and how the cluster was formatted; `None` if there is no such server.
    pub(super) fn controller_settings(&self, id: NodeId) -> Option<ControllerSettings> {
        self.fork.controller_settings(id)
    }

    /// All servers, in the order of the world.
    pub fn servers(&self) -> Vec<ServerNow<'_>> {
        let world = self.fork.world();
        let of = |(index, id): (usize, &NodeId)| {
            let node = Node(index as u16);
            let server = match world.process(node) {
                Some(Actor::Server(server)) if server.node.role().is_some() => Some(&server.node),
                _ => None,
            };
            ServerNow { name: world.name(node), id: *id, server, disk: world.disk(node), now: world.clocks(node) }
        };
        self.fork.servers().iter().enumerate().map(of).collect()
    }

    /// The leader of the quorum: of those that are leaders by their own state, the one of the newest epoch.
    pub fn leader(&self) -> Option<ServerNow<'_>> {
        let servers = self.servers().into_iter();
        let leaders = servers.filter(|of| of.server.is_some_and(|server| server.role() == Some(Role::Leader)));
        leaders.max_by_key(|of| of.server.and_then(Server::epoch))
    }
}

impl ServerNow<'_> {
    /// The image of the metadata log on its disk: up to its high watermark, or to the end if that is unknown. `None`:
    /// there is no metadata log.
    pub fn image(&self) -> Option<MetadataImage> {
        let (contents, _) = Inspection::image(&self.files(), self.high_watermark())?;
        Some(contents.image)
    }

    /// Its clocks, as its process reads them.
    pub fn clocks(&self) -> raft::io::Now {
        clocks(self.now)
    }

    /// What a process that starts now would find.
    pub fn files(&self) -> Files<'_> {
        Files(self.disk)
    }

    /// Of the metadata log.
    pub fn high_watermark(&self) -> Option<Offset> {
        self.server.and_then(Server::high_watermark)
    }
}

/// A time as `DateTimeFormatter.ISO_ZONED_DATE_TIME` prints it in UTC, of ms since 1970.
pub fn iso_time(ms: i64) -> String {
    let Some(time) = DateTime::from_timestamp_millis(ms) else { return ms.to_string() };
    let fraction = match ms.rem_euclid(1000) {
        0 => String::new(),
        ms => format!(".{}", format!("{ms:03}").trim_end_matches('0')),
    };
    format!("{}{fraction}Z[UTC]", time.format("%Y-%m-%dT%H:%M:%S"))
}
