//! What the processes of a world say of themselves.

/// What a client says of its history: attempts (one RPC each), never API calls with retries.
/// Fields fit 32 bytes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// An append attempt of `count` consecutive values from `first_value` was sent.
    AppendInvoked { attempt: u32, first_value: u64, count: u8 },
    /// Committed at `base_offset`.
    AppendOk { attempt: u32, base_offset: i64 },
    /// Definitely not done (refused before it was accepted).
    AppendFailed { attempt: u32 },
    /// Unknown: no answer, or one that leaves it open. Never returns.
    AppendUnknown { attempt: u32 },
    /// A read of committed records from `from` was sent.
    ReadInvoked { attempt: u32, from: i64, at_most: u16 },
    /// One record of the answer (several of these may precede `ReadOk`).
    ReadRecord { attempt: u32, offset: i64, value: u64 },
    /// The answer is complete; the replica had applied up to `applied_end`.
    ReadOk { attempt: u32, applied_end: i64 },
    /// No answer.
    ReadUnknown { attempt: u32 },
}

/// What any process of a world says of itself (`Copy`, at most 32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A server.
    Server(raft::io::Observation),
    /// A client of the model.
    Client(AttemptEvent),
    /// A Kafka client.
    Attempt(raft::client::AttemptEvent),
}

const _: () = assert!(std::mem::size_of::<Said>() <= 32);
