//! What a process that ended leaves of its page cache.

use sim::watch::Down;

/// How a server went down, as far as its disk is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowDown {
    /// The process ended; the page cache lives on.
    PageCacheKept,
    /// Power was lost; what was not durable is lost, kept or torn.
    PowerLost,
}

impl From<Down> for HowDown {
    fn from(how: Down) -> HowDown {
        match how {
            Down::PowerLost => HowDown::PowerLost,
            Down::Killed | Down::Halted { .. } | Down::Panicked => HowDown::PageCacheKept,
        }
    }
}
