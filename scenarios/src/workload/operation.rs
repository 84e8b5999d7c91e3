//! What may be asked of a client from outside, by a story.

use raft::client::TopicPartition;

/// An operation; a client of another kind than it is for ignores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOperation {
    /// Of the model's client: so many appends now, besides the usual ones; each is one attempt.
    Append { count: u8 },
    /// Of any: ask for nothing more of its own accord; what is under way goes on.
    Rest,
    /// Of any: go on with it.
    Resume,
    /// Of an admin client: create the topic at this place of the clients' list of names.
    CreateTopic { topic: u16 },
    /// Of a producer: send its next so many values there.
    Send { partition: TopicPartition, count: u16 },
    /// Of a consumer: read this partition from its start, besides those it reads.
    Assign { partition: TopicPartition },
}
