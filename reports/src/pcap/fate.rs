//! What became of each message that was sent.

use std::collections::BTreeMap;

use scenarios::trace::{LineId, Stage, Trace, What};

/// A message's way from its sending on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// How often a thread has taken it, more than once if the network has copied it.
    pub deliveries: u32,
    /// The first delivery: true time in ns, and the number of the event.
    pub delivered: Option<(u64, u64)>,
    /// How often it did not get through and was to be sent again.
    pub blocked: u32,
    /// Lost with its connection, on the way, or with the process that was to take it.
    pub dropped: u32,
}

impl Fate {
    pub fn is_delivered(&self) -> bool {
        self.delivered.is_some()
    }
}

/// The fates of all messages, by the lines in which they are sent.
#[derive(Debug)]
pub struct Fates(BTreeMap<LineId, Fate>);

impl Fates {
    pub fn of(trace: &Trace) -> Fates {
        let mut fates: BTreeMap<LineId, Fate> = BTreeMap::new();
        for line in &trace.lines {
            let (What::Message(stage, ..), Some(sent)) = (&line.what, line.cause) else { continue };
            // The cause of a sending is what its thread received.
            if *stage == Stage::Sent {
                continue;
            }
            let fate = fates.entry(sent).or_default();
            match stage {
                Stage::Received => {
                    fate.deliveries += 1;
                    fate.delivered.get_or_insert((line.at_ns, line.event));
                }
                Stage::Blocked => fate.blocked += 1,
                Stage::Dropped => fate.dropped += 1,
                Stage::Sent => {}
            }
        }
        Fates(fates)
    }

    /// Of the message that this line sends.
    pub fn of_line(&self, line: LineId) -> Fate {
        self.0.get(&line).copied().unwrap_or_default()
    }
}
