//! Describes marks and steps in Kafka's terms.

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::client::AttemptEvent as Client;
use raft::io::{Observation, Post, Role};
use raft::message::ErrorCode;
use sim::process::{Process, Thread};
use sim::watch::Down;

use super::{CausalStep, Causes, Happened, Mark, StepInput};
use crate::actor::{Actor, AttemptEvent as Model, Said};
use crate::topic_names::TopicNames;

/// A mark as the end of a sentence that begins with its node; `None` if it is not notable, and for faults, which
/// are described from the plan.
pub fn of_mark(causes: &Causes, mark: &Mark) -> Option<String> {
    match &mark.what {
        Happened::Booted => Some("starts".to_owned()),
        Happened::Stopped(Down::Killed) => Some("is killed".to_owned()),
        Happened::Stopped(Down::PowerLost) => Some("loses power".to_owned()),
        Happened::Stopped(Down::Halted { fatal: true }) => Some("halts".to_owned()),
        Happened::Stopped(Down::Halted { fatal: false }) => Some("has shut down".to_owned()),
        Happened::Stopped(Down::Panicked) => Some("panics".to_owned()),
        Happened::Struck(_) => None,
        Happened::Said(Said::Server(observation)) => of_server(observation, &causes.topics),
        Happened::Said(Said::Client(Model::AppendOk { base_offset, .. })) => {
            Some(format!("receives the acknowledgement of its records at offset {base_offset}"))
        }
        Happened::Said(Said::Client(_)) => None,
        Happened::Said(Said::Attempt(event)) => of_client(event),
    }
}

fn of_server(observation: &Observation, topics: &TopicNames) -> Option<String> {
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
        Observation::Broker(of) => of_broker(of, topics),
        _ => None,
    }
}

fn of_broker(observation: &BrokerObservation, topics: &TopicNames) -> Option<String> {
    let partition = |of: &PartitionTag| format!("partition {}", topics.partition(*of));
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

pub fn of_step(causes: &Causes, step: &CausalStep) -> String {
    let who = causes.name(step.node);
    match &step.input {
        StepInput::Message(_) => format!("{who} processes {}", of_input(causes, step)),
        StepInput::Timer(_) => format!("{} of {who} fires", of_input(causes, step)),
        StepInput::Post(thread, post) => {
            let origin = causes.origin(step);
            let because = match origin.input {
                StepInput::Message(_) | StepInput::Timer(_) => format!(", because of {}", of_input(causes, origin)),
                _ => String::new(),
            };
            format!("thread {} of {who} {}{because}", name(*thread), of_post(*thread, post))
        }
        StepInput::Operation => format!("the application of {who} requests an operation"),
        StepInput::Connection => format!("a connection of {who} opens or closes"),
        StepInput::DiskError => format!("a write of {who} fails"),
        StepInput::Terminate => format!("{who} receives SIGTERM"),
        StepInput::Exception => format!("a handler of {who} throws"),
        StepInput::Boot => format!("{who} starts"),
        StepInput::Down => format!("{who} goes down"),
        StepInput::Fault => format!("a fault on {who} starts or ends"),
    }
}

fn of_input(causes: &Causes, step: &CausalStep) -> String {
    match step.input {
        StepInput::Message(rpc) => {
            let from = causes.sender(step).map_or(String::new(), |sender| format!(" from {}", causes.name(sender)));
            format!("the {rpc}{from}")
        }
        StepInput::Timer(thread) if !causes.is_client(step.node) => format!("the timer of thread {}", name(thread)),
        _ => "a timer".to_owned(),
    }
}

fn name(thread: Thread) -> &'static str {
    Actor::THREADS.get(usize::from(thread.0)).copied().unwrap_or("?")
}

/// How a thread handles an item that another thread has posted to it, as the end of a sentence.
fn of_post(thread: Thread, post: &Post) -> &'static str {
    match (post, name(thread)) {
        (Post::WakeUp, "raft-io") => "appends records or resigns, as the controller has requested",
        (Post::WakeUp, "kafka-scheduler" | "raft-scheduler") => "flushes log segments or writes checkpoints of epochs",
        (Post::WakeUp, _) => "processes the next event of its queue",
        (Post::ListenerEvent, _) => "processes commits or a leader change of the metadata log",
        (Post::ShuttingDown, _) => "begins to shut down",
        (Post::Start, _) => "starts",
        (Post::Published, _) => "applies the metadata that metadata-loader has published",
        (Post::Applied, "kafka-scheduler" | "raft-scheduler") => "has done so",
        (Post::Applied, _) => "is notified that the published metadata is applied",
        (Post::Stop, _) => "stops",
    }
}
