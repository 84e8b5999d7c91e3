//! The start-up and shutdown sequences of Kafka's BrokerServer as states (controller-broker.md
//! §5.2, §5.3): register, catch up, recover logs with the first publish, unfence, serve.

use super::manager::LifecycleEvent;

/// `BrokerServer.shutdown` waits at most this long for the controller.
const CONTROLLED_SHUTDOWN_TIMEOUT_NS: u64 = 5 * 60 * 1_000_000_000;

/// The next actions of the process, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// `setReadyToUnfence`
    SetReadyToUnfence,
    /// Connections are accepted from now on.
    EnableRequestProcessing,
    /// The lifecycle manager requests it from the controller; the replica manager is notified.
    BeginControlledShutdown,
    /// Stop heartbeats, requests, publishers and fetchers; checkpoint; close logs; end the process.
    Stop,
    /// The process ends at SIGTERM, and this broker closes nothing: its status is not STARTED.
    Leave,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The controller has not yet reported that this broker is caught up.
    CatchingUp {
        published: bool,
    },
    /// Logs are being recovered.
    Recovering,
    /// Ready, but not yet unfenced by the controller.
    Unfencing,
    Started,
    ControlledShutdown {
        deadline_ns: u64,
    },
    Stopped,
}

/// The current position of a broker in its sequences.
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

    /// Whether requests are processed.
    pub fn is_started(&self) -> bool {
        matches!(self.phase, Phase::Started | Phase::ControlledShutdown { .. })
    }

    /// Processes an event of the lifecycle manager.
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
            // `BrokerServer.startup` catches what ends its wait, and shuts down.
            (LifecycleEvent::RegistrationTimedOut, phase) if phase != Phase::Stopped => self.stop(),
            _ => Vec::new(),
        }
    }

    /// The first publish is complete: logs are recovered and roles applied.
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

    /// SIGTERM (`BrokerServer.shutdown`). Only a started broker moves its leaderships away and closes its logs.
    pub fn terminate(&mut self, now_ns: u64) -> Vec<ServerAction> {
        match self.phase {
            Phase::Started if self.controlled_shutdown_enable => {
                let deadline_ns = now_ns.saturating_add(CONTROLLED_SHUTDOWN_TIMEOUT_NS);
                self.phase = Phase::ControlledShutdown { deadline_ns };
                vec![ServerAction::BeginControlledShutdown]
            }
            Phase::ControlledShutdown { .. } | Phase::Stopped => Vec::new(),
            Phase::Started => self.stop(),
            Phase::CatchingUp { .. } | Phase::Recovering | Phase::Unfencing => vec![ServerAction::Leave],
        }
    }

    /// A controlled shutdown that times out continues as a normal shutdown. It still writes the clean-shutdown marker,
    /// which only states that the logs are complete.
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
