//! Marks and steps in Kafka's words.

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::client::AttemptEvent as Client;
use raft::ids::Uuid;
use raft::io::{Observation, Role};
use raft::message::ErrorCode;
use sim::process::Payload;
use sim::watch::Down;

use super::{Causes, Happened, Mark, Step, Took};
use crate::actor::{AttemptEvent as Model, Parcel, Said};

/// A mark as the end of a sentence that begins with its node; `None` if it is not notable, and for faults, which
/// are described from the plan.
pub fn of_mark(mark: &Mark) -> Option<String> {
    match &mark.what {
        Happened::Booted => Some("starts".to_owned()),
        Happened::WentDown(Down::Killed) => Some("is killed".to_owned()),
        Happened::WentDown(Down::PowerLost) => Some("loses power".to_owned()),
        Happened::WentDown(Down::Halted { fatal: true }) => Some("halts".to_owned()),
        Happened::WentDown(Down::Halted { fatal: false }) => Some("has shut down".to_owned()),
        Happened::WentDown(Down::Panicked) => Some("panics".to_owned()),
        Happened::Struck(_) => None,
        Happened::Said(Said::Server(observation)) => of_server(observation),
        Happened::Said(Said::Client(Model::AppendOk { base_offset, .. })) => {
            Some(format!("receives the acknowledgement of its records at offset {base_offset}"))
        }
        Happened::Said(Said::Client(_)) => None,
        Happened::Said(Said::Attempt(event)) => of_client(event),
    }
}

fn of_server(observation: &Observation) -> Option<String> {
    match observation {
        Observation::RoleChanged { role: Role::Leader, epoch, .. } => {
            Some(format!("is elected leader of the quorum in epoch {epoch}"))
        }
        Observation::RoleChanged { role: Role::Candidate, epoch, .. } => {
            Some(format!("requests votes in epoch {epoch}"))
        }
        Observation::RoleChanged { role: Role::Resigned, epoch, .. } => {
            Some(format!("resigns as leader of epoch {epoch}"))
        }
        Observation::LeadershipAnnounced { epoch } => Some(format!("becomes active controller in epoch {epoch}")),
        Observation::Truncated { end } => Some(format!("truncates the metadata log to offset {end}")),
        Observation::Broker(of) => of_broker(of),
        _ => None,
    }
}

fn of_broker(observation: &BrokerObservation) -> Option<String> {
    match observation {
        BrokerObservation::BecameLeader { of, epoch, start } => {
            Some(format!("becomes leader of {} in leader epoch {epoch} at offset {start}", partition(of)))
        }
        BrokerObservation::Truncated { of, end, .. } => Some(format!("truncates {} to offset {end}", partition(of))),
        BrokerObservation::IsrState { of, in_flight: true, .. } => {
            Some(format!("proposes a new ISR of {}", partition(of)))
        }
        BrokerObservation::Lifecycle { state, .. } => match state {
            3 => Some("is unfenced".to_owned()),
            6 => Some("requests controlled shutdown".to_owned()),
            _ => None,
        },
        _ => None,
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
        Client::EpochLost { asked, answered, .. } => {
            Some(format!("learns that epoch {asked} of its position is lost; the leader answers with epoch {answered}"))
        }
        Client::OperationDone { error: ErrorCode::None, .. } => {
            Some("receives the response to its admin request".to_owned())
        }
        Client::OperationDone { error, .. } => Some(format!("gets error {error} for its admin request")),
        Client::ProducerFatal { error } => Some(format!("fails fatally with {error}")),
        _ => None,
    }
}

/// Of a topic only half of its id is known, which is what the first ten characters of it are made of.
fn partition(of: &PartitionTag) -> String {
    let mut id = Uuid::ZERO;
    id.0[..8].copy_from_slice(&of.topic.to_be_bytes());
    let id: String = id.to_string().chars().take(10).collect();
    format!("partition {id}…-{}", of.partition)
}

/// What a step begins with, as a sentence.
pub fn of_step(causes: &Causes, step: &Step) -> String {
    let who = causes.name(step.node);
    let from = causes.sender(step).map_or(String::new(), |sender| format!(" from {}", causes.name(sender)));
    match step.took {
        Took::Message(kind) => {
            let kind = Parcel::KINDS.get(usize::from(kind)).copied().unwrap_or("message");
            format!("{who} processes {kind}{from}")
        }
        Took::Timer => format!("a timer of {who} fires"),
        Took::Word => format!("a thread of {who} processes its next event"),
        Took::Connection => format!("a connection of {who} opens or closes"),
        Took::DiskError => format!("a write of {who} fails"),
        Took::Terminate => format!("{who} receives SIGTERM"),
        Took::Boot => format!("{who} starts"),
        Took::Down => format!("{who} goes down"),
        Took::Fault => format!("a fault on {who} starts or ends"),
    }
}
