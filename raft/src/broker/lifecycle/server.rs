//! The start-up and shutdown sequences of Kafka's BrokerServer as states (controller-broker.md
//! §5.2, §5.3): register, catch up, recover logs with the first publish, unfence, serve.

use super::manager::LifecycleEvent;

/// `BrokerServer.shutdown` waits no longer for the controller.
const CONTROLLED_SHUTDOWN_TIMEOUT_NS: u64 = 5 * 60 * 1_000_000_000;

/// What the process is to do next; in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// `setReadyToUnfence`
    SetReadyToUnfence,
    /// Requests are processed from now on; those that came before have waited.
    EnableRequestProcessing,
    /// The lifecycle manager asks the controller; the replica manager is told.
    BeginControlledShutdown,
    /// Stop heartbeats, requests, publishers and fetchers; checkpoint; close logs; end the process.
    Stop,
    /// End the process as failed, with nothing closed.
    Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The controller has not yet said that this broker is caught up.
    CatchingUp {
        published: bool,
    },
    /// Logs are being recovered.
    Recovering,
    /// Ready; the controller has not unfenced it.
    Unfencing,
    Started,
    ControlledShutdown {
        deadline_ns: u64,
    },
    Stopped,
}

/// Where a broker stands in its sequences.
#[derive(Clone, Copy, Debug)]
pub struct BrokerServer {
    controlled_shutdown_enable: bool,
    phase: Phase,
}

impl BrokerServer {
    /// The lifecycle manager has been started.
    pub fn new(controlled_shutdown_enable: bool) -> BrokerServer {
        BrokerServer { controlled_shutdown_enable, phase: Phase::CatchingUp { published: false } }
    }

    /// Are requests processed?
    pub fn is_started(&self) -> bool {
        matches!(self.phase, Phase::Started | Phase::ControlledShutdown { .. })
    }

    /// Something the lifecycle manager said.
    pub fn on_lifecycle(&mut self, event: LifecycleEvent) -> Vec<ServerAction> {
        match (event, self.phase) {
            (LifecycleEvent::CaughtUp, Phase::CatchingUp { published: true }) => self.ready(),
            (LifecycleEvent::CaughtUp, Phase::CatchingUp { published: false }) => {
                self.phase = Phase::Recovering;
                Vec::new()
            }
            (LifecycleEvent::Unfenced, Phase::Unfencing) => {
                self.phase = Phase::Started;
                vec![ServerAction::EnableRequestProcessing]
            }
            (LifecycleEvent::ShutDown, Phase::ControlledShutdown { .. }) => self.stop(),
            (LifecycleEvent::RegistrationTimedOut, phase) if phase != Phase::Stopped => {
                self.phase = Phase::Stopped;
                vec![ServerAction::Exit]
            }
            _ => Vec::new(),
        }
    }

    /// The first publish is done: logs are recovered and roles applied.
    pub fn on_first_publish(&mut self) -> Vec<ServerAction> {
        match self.phase {
            Phase::CatchingUp { .. } => {
                self.phase = Phase::CatchingUp { published: true };
                Vec::new()
            }
            Phase::Recovering => self.ready(),
            _ => Vec::new(),
        }
    }

    fn ready(&mut self) -> Vec<ServerAction> {
        self.phase = Phase::Unfencing;
        vec![ServerAction::SetReadyToUnfence]
    }

    /// SIGTERM. Only a started broker hands its leaderships over.
    pub fn terminate(&mut self, now_ns: u64) -> Vec<ServerAction> {
        match self.phase {
            Phase::Started if self.controlled_shutdown_enable => {
                let deadline_ns = now_ns.saturating_add(CONTROLLED_SHUTDOWN_TIMEOUT_NS);
                self.phase = Phase::ControlledShutdown { deadline_ns };
                vec![ServerAction::BeginControlledShutdown]
            }
            Phase::ControlledShutdown { .. } | Phase::Stopped => Vec::new(),
            Phase::CatchingUp { .. } | Phase::Recovering | Phase::Unfencing | Phase::Started => self.stop(),
        }
    }

    /// A controlled shutdown that takes too long goes on regardless; the marker is written all the
    /// same, for it says that the logs are complete and nothing of leaderships.
    pub fn on_timer(&mut self, now_ns: u64) -> Vec<ServerAction> {
        match self.phase {
            Phase::ControlledShutdown { deadline_ns } if deadline_ns <= now_ns => self.stop(),
            _ => Vec::new(),
        }
    }

    /// When [`BrokerServer::on_timer`] must run.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        match self.phase {
            Phase::ControlledShutdown { deadline_ns } => Some(deadline_ns),
            _ => None,
        }
    }

    fn stop(&mut self) -> Vec<ServerAction> {
        self.phase = Phase::Stopped;
        vec![ServerAction::Stop]
    }
}
