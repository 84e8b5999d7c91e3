//! Observations that the processes of a world report about themselves.

/// What a client reports of its history: attempts (one RPC each), never API calls with retries. Fields fit 32 bytes
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// An append attempt of `count` consecutive values from `first_value` was sent.
    AppendInvoked { attempt: u32, first_value: u64, count: u8 },
    /// Committed at `base_offset`.
    AppendOk { attempt: u32, base_offset: i64 },
    /// Definitely not done (refused before it was accepted).
    AppendFailed { attempt: u32 },
    /// Unknown: no response, or one that does not decide it. Final.
    AppendUnknown { attempt: u32 },
    /// A read of committed records from `from` was sent.
    ReadInvoked { attempt: u32, from: i64, at_most: u16 },
    /// One record of the response (several of these may precede `ReadOk`).
    ReadRecord { attempt: u32, offset: i64, value: u64 },
    /// The response is complete; the replica had applied up to `applied_end`.
    ReadOk { attempt: u32, applied_end: i64 },
    /// No response.
    ReadUnknown { attempt: u32 },
}

/// An observation of any process of a world (`Copy`, at most 32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Server(raft::io::Observation),
    Client(AttemptEvent),
    Attempt(raft::client::AttemptEvent),
}

const _: () = assert!(std::mem::size_of::<Said>() <= 32);
