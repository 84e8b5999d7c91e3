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

/// What a mark tells, as the end of a sentence that begins with who; `None` if it is nothing of note, and
/// for faults, which whoever knows the plan tells better.
pub fn of_mark(mark: &Mark) -> Option<String> {
    match &mark.what {
        Happened::Booted => Some("boots".to_owned()),
        Happened::WentDown(Down::Killed) => Some("is killed".to_owned()),
        Happened::WentDown(Down::PowerLost) => Some("loses power".to_owned()),
        Happened::WentDown(Down::Halted { fatal: true }) => Some("halts".to_owned()),
        Happened::WentDown(Down::Halted { fatal: false }) => Some("has shut down".to_owned()),
        Happened::WentDown(Down::Panicked) => Some("panics".to_owned()),
        Happened::Struck(_) => None,
        Happened::Said(Said::Server(observation)) => of_server(observation),
        Happened::Said(Said::Client(Model::AppendOk { base_offset, .. })) => {
            Some(format!("is told that its records stand at offset {base_offset}"))
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
            Some(format!("asks for votes in epoch {epoch}"))
        }
        Observation::RoleChanged { role: Role::Resigned, epoch, .. } => Some(format!("resigns epoch {epoch}")),
        Observation::LeadershipAnnounced { epoch } => Some(format!("is active controller in epoch {epoch}")),
        Observation::Truncated { end } => Some(format!("cuts the metadata log back to {end}")),
        Observation::Broker(of) => of_broker(of),
        _ => None,
    }
}

fn of_broker(observation: &BrokerObservation) -> Option<String> {
    match observation {
        BrokerObservation::BecameLeader { of, epoch, start } => {
            Some(format!("leads {} in leader epoch {epoch} from offset {start}", partition(of)))
        }
        BrokerObservation::Truncated { of, end, .. } => Some(format!("cuts {} back to {end}", partition(of))),
        BrokerObservation::IsrState { of, in_flight: true, .. } => {
            Some(format!("proposes another ISR of {}", partition(of)))
        }
        BrokerObservation::Lifecycle { state, .. } => match state {
            3 => Some("is unfenced".to_owned()),
            6 => Some("asks to shut down".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn of_client(event: &Client) -> Option<String> {
    match event {
        Client::BatchAcked { base_offset, .. } if base_offset.0 >= 0 => {
            Some(format!("is told that its batch stands at offset {base_offset}"))
        }
        Client::BatchAcked { .. } => Some("is told that its batch is written".to_owned()),
        Client::BatchFailed { error, .. } => Some(format!("is told that its batch failed with {error:?}")),
        Client::PositionSet { offset, .. } => Some(format!("reads on from offset {offset}")),
        Client::EpochLost { asked, answered, .. } => {
            Some(format!("hears that its position's epoch {asked} is lost, and where epoch {answered} ends"))
        }
        Client::OperationDone { error: ErrorCode::None, .. } => Some("is told that its call is done".to_owned()),
        Client::OperationDone { error, .. } => Some(format!("is told that its call failed with {error:?}")),
        Client::ProducerFatal { error } => Some(format!("gives up with {error:?}")),
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
            format!("{who} takes {kind}{from}")
        }
        Took::Timer => format!("a timer of {who} fires"),
        Took::Word => format!("a thread of {who} takes its next event"),
        Took::Connection => format!("a connection of {who} opens or closes"),
        Took::DiskError => format!("a write of {who} fails"),
        Took::Terminate => format!("{who} is told to stop"),
        Took::Boot => format!("{who} boots"),
        Took::Down => format!("{who} goes down"),
        Took::Fault => format!("a fault strikes {who} or ends"),
    }
}
