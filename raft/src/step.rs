//! The arguments of every function of a step (the clock, the draws, and the list of effects), and the error by which a
//! step ends where Kafka throws an exception.

use crate::io::{Entropy, FatalFault, Now, Out};
use crate::log::LogError;

/// One step of a thread.
pub struct Step<'a> {
    /// This node's clocks at the start of the step.
    pub now: Now,
    pub entropy: &'a mut dyn Entropy,
    /// The effects so far.
    pub out: &'a mut Out,
}

impl Step<'_> {
    /// Kafka's raft timers run on the wall clock (`Time.milliseconds`).
    pub fn now_ms(&self) -> i64 {
        self.now.wall_ms
    }

    /// Uniform in `[base, 2 * base)`; 0 if the base is 0 (consensus.md §2.1, election timeout).
    pub fn jittered_ms(&mut self, base_ms: i32) -> i64 {
        match u32::try_from(base_ms) {
            Ok(base) if base > 0 => i64::from(base) + i64::from(self.entropy.below(base)),
            _ => 0,
        }
    }
}

/// An exception on Kafka's IO thread: the process dies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fatal {
    pub fault: FatalFault,
    pub message: String,
}

impl From<String> for Fatal {
    fn from(message: String) -> Fatal {
        Fatal { fault: FatalFault::Other, message }
    }
}

impl From<LogError> for Fatal {
    fn from(error: LogError) -> Fatal {
        let fault = match error {
            LogError::BelowHighWatermark(_) => FatalFault::TruncationBelowHighWatermark,
            LogError::LargerThanSegment(_) => FatalFault::BatchLargerThanSegment,
            LogError::Refused(_) => FatalFault::Other,
        };
        Fatal { fault, message: error.to_string() }
    }
}

/// An exception with this message (`throw`).
#[cold]
pub fn fatal(fault: FatalFault, message: std::fmt::Arguments<'_>) -> Fatal {
    Fatal { fault, message: message.to_string() }
}

/// Throws: `throw!("… {x}")`, or with a kind, `throw!(AnotherLeader: "… {x}")`.
macro_rules! throw {
    ($fault:ident: $($message:tt)*) => {
        return Err($crate::step::fatal($crate::io::FatalFault::$fault, format_args!($($message)*)))
    };
    ($($message:tt)*) => { throw!(Other: $($message)*) };
}
pub(crate) use throw;
