//! Changes of state that decide what happens next: starts and ends of processes, roles, leaderships, truncations,
//! answers to clients. Each is the end of a sentence that begins with its node.

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::client::AttemptEvent as Client;
use raft::io::{Observation, Role};
use raft::message::ErrorCode;
use sim::watch::Down;

use super::{DiskAccess, Line, Trace, What};
use crate::actor::{AttemptEvent as Model, Said};

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The end of a sentence.
    pub words: String,
    /// The only partition that it is about.
    pub partition: Option<String>,
    /// It is an answer that a client receives.
    pub is_answer: bool,
}

impl StateChange {
    fn of_node(words: impl Into<String>) -> StateChange {
        StateChange { words: words.into(), partition: None, is_answer: false }
    }

    fn answer(words: String) -> StateChange {
        StateChange { words, partition: None, is_answer: true }
    }
}

impl Trace {
    /// The change of state that a line shows, if it shows one.
    pub fn state_change(&self, line: &Line) -> Option<StateChange> {
        match &line.what {
            What::Booted => Some(StateChange::of_node("starts")),
            What::Down(Down::Killed) => Some(StateChange::of_node("is killed")),
            What::Down(Down::PowerLost) => Some(StateChange::of_node("loses power")),
            What::Down(Down::Halted { fatal: true }) => Some(StateChange::of_node("halts")),
            What::Down(Down::Halted { fatal: false }) => Some(StateChange::of_node("has shut down")),
            What::Down(Down::Panicked) => Some(StateChange::of_node("panics")),
            What::Said(Said::Server(observation)) => self.of_server(observation),
            What::Said(Said::Client(Model::AppendOk { base_offset, .. })) => Some(StateChange::answer(format!(
                "receives the acknowledgement of its records at offset {base_offset}"
            ))),
            What::Said(Said::Attempt(event)) => of_client(event).map(StateChange::answer),
            _ => None,
        }
    }

    /// What moves a partition on, which is only of interest if the partition is.
    pub fn progress(&self, line: &Line) -> Option<StateChange> {
        match &line.what {
            What::Said(Said::Server(Observation::Broker(BrokerObservation::LeaderHighWatermark {
                of,
                offset,
                ..
            }))) => Some(self.about(of, &|it| format!("moves the high watermark of {it} to {offset}"))),
            What::Disk(DiskAccess::Write { path, .. }) if path.ends_with(".log") => {
                let partition = path.split_once('/')?.0.to_owned();
                let words = self.text(line, &|_| String::new());
                Some(StateChange { words, partition: Some(partition), is_answer: false })
            }
            _ => None,
        }
    }

    fn about(&self, of: &PartitionTag, words: &dyn Fn(&str) -> String) -> StateChange {
        let partition = self.topics.partition(*of);
        StateChange { words: words(&format!("partition {partition}")), partition: Some(partition), is_answer: false }
    }

    fn of_server(&self, observation: &Observation) -> Option<StateChange> {
        let words = match observation {
            Observation::RoleChanged { role: Role::Leader, epoch, .. } => {
                format!("is elected leader of the quorum in epoch {epoch}")
            }
            Observation::RoleChanged { role: Role::Candidate, epoch, .. } => format!("requests votes in epoch {epoch}"),
            Observation::RoleChanged { role: Role::Resigned, epoch, .. } => {
                format!("resigns as leader of epoch {epoch}")
            }
            Observation::LeadershipAnnounced { epoch } => format!("becomes active controller in epoch {epoch}"),
            Observation::Truncated { end } => format!("truncates the metadata log to offset {end}"),
            Observation::Broker(of) => return self.of_broker(of),
            _ => return None,
        };
        Some(StateChange::of_node(words))
    }

    fn of_broker(&self, observation: &BrokerObservation) -> Option<StateChange> {
        let about = |of: &PartitionTag, words: &dyn Fn(&str) -> String| Some(self.about(of, words));
        match observation {
            BrokerObservation::BecameLeader { of, epoch, start } => {
                about(of, &|it| format!("becomes leader of {it} in leader epoch {epoch} at offset {start}"))
            }
            BrokerObservation::BecameFollower { of, epoch, end } => {
                about(of, &|it| format!("becomes follower of {it} in leader epoch {epoch}; its log ends at {end}"))
            }
            BrokerObservation::Truncated { of, end, .. } => about(of, &|it| format!("truncates {it} to offset {end}")),
            BrokerObservation::IsrState { of, in_flight: true, .. } => {
                about(of, &|it| format!("proposes a new ISR of {it}"))
            }
            BrokerObservation::Lifecycle { state: 3, .. } => Some(StateChange::of_node("is unfenced")),
            BrokerObservation::Lifecycle { state: 6, .. } => Some(StateChange::of_node("requests controlled shutdown")),
            _ => None,
        }
    }
}

fn of_client(event: &Client) -> Option<String> {
    match event {
        Client::BatchAcked { base_offset, .. } if base_offset.0 >= 0 => {
            Some(format!("receives the acknowledgement of its batch at offset {base_offset}"))
        }
        Client::BatchAcked { .. } => Some("receives the acknowledgement of its batch".to_owned()),
        Client::BatchFailed { error, .. } => Some(format!("gets error {error} for its batch")),
        Client::PositionSet { offset, .. } => Some(format!("sets its position to offset {offset}")),
        Client::EpochLost { requested, answered, .. } => Some(format!(
            "learns that epoch {requested} of its position is lost; the leader answers with epoch {answered}"
        )),
        Client::OperationDone { error: ErrorCode::None, .. } => {
            Some("receives the response to its admin request".to_owned())
        }
        Client::OperationDone { error, .. } => Some(format!("gets error {error} for its admin request")),
        Client::ProducerFatal { error } => Some(format!("fails fatally with {error}")),
        _ => None,
    }
}
