//! A world with its observer, and the bare driver. The hosted one is in `host.rs`.

pub mod panics;

use self::panics::{Panic, catch};
use crate::process::Process;
use crate::watch::Watch;
use crate::world::{Visible, World};

/// A world with its observer. A checkpoint is a clone of it.
#[derive(Clone, Debug)]
pub struct Run<P: Process, W: Watch<P>> {
    pub world: World<P>,
    pub watch: W,
}

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The requested time was reached.
    End,
    /// The observer requested a stop.
    Stopped,
    /// Too many events in total, or (`true`) without an advance of time.
    Runaway(bool),
    /// The requested event has happened.
    AfterEvent,
    /// Something panicked: a process, a check, or the world itself.
    Panicked(Panic),
}

/// madsim's own clock and its next draw after a hosted run: they detect stray entropy and are never part of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentinel {
    /// Elapsed time of madsim's clock, ns.
    pub elapsed_ns: u64,
    /// The next number of its generator.
    pub next_draw: u64,
}

impl<P: Process, W: Watch<P>> Run<P, W> {
    /// Drives on the bare loop to `end` (true time, ns).
    pub fn drive_bare(&mut self, end: u64) -> Ended {
        let result = catch(|| {
            loop {
                match self.world.run_until(&mut self.watch, end) {
                    Visible::Kill(node) => self.world.crash(&mut self.watch, node),
                    Visible::Boot(node) => self.world.boot(&mut self.watch, node),
                    // Its story runs elsewhere: this world is a clone, or its host was dropped.
                    Visible::Wake(_) => {}
                    Visible::AfterEvent => return Ended::AfterEvent,
                    Visible::Stopped => return Ended::Stopped,
                    Visible::Runaway { time_stands_still } => return Ended::Runaway(time_stands_still),
                    Visible::End => return Ended::End,
                }
            }
        });
        result.unwrap_or_else(Ended::Panicked)
    }

    /// Drives on the bare loop, submitting each recorded item of a story at its recorded event and time.
    pub fn drive_recorded(&mut self, end: u64, recording: &[crate::world::Recorded<P>]) -> Ended {
        for recorded in recording {
            self.world.stop_after_event(recorded.after_event);
            match self.drive_bare(end) {
                Ended::AfterEvent => self.world.replay_one(&mut self.watch, recorded),
                other => return other,
            }
        }
        self.world.stop_after_event(u64::MAX);
        self.drive_bare(end)
    }
}
