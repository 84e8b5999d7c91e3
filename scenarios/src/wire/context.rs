//! What all encoders use: the context of a message, texts and ids.

use kafka_protocol::protocol::StrBytes;
use raft::ids::{Listener, Uuid};

use super::versions::Versions;
use crate::topic_names::TopicNames;

/// What a message does not say of itself, but its bytes contain.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub topics: &'a TopicNames,
    pub versions: Versions,
    /// Of the API of the message.
    pub version: i16,
    /// Of the connection.
    pub listener: Listener,
}

impl Context<'_> {
    /// A topic's name; what texts have instead, if it is not known.
    pub fn topic(&self, id: Uuid) -> StrBytes {
        if id == Uuid::METADATA_TOPIC_ID {
            return text(METADATA_TOPIC);
        }
        self.topics.name(id).map_or_else(|| text(&self.topics.topic(id)), text)
    }
}

pub const METADATA_TOPIC: &str = "__cluster_metadata";

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn uuid(id: Uuid) -> uuid::Uuid {
    uuid::Uuid::from_bytes(id.0)
}
