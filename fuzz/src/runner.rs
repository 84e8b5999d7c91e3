//! What a sweep needs of a run.

use scenarios::report::RunReport;

/// What drives the world of a run. Both give the same digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChoice {
    /// madsim: nodes are its nodes, its clock follows the world's.
    Hosted,
    /// A plain loop.
    Bare,
}

impl HostChoice {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            HostChoice::Hosted => "madsim",
            HostChoice::Bare => "bare",
        }
    }
}

/// The hosts this build has; the first is the one it uses by default.
pub const HOSTS: &[HostChoice] =
    if cfg!(madsim) { &[HostChoice::Hosted, HostChoice::Bare] } else { &[HostChoice::Bare] };

/// Runs one seed of one of the scenarios of a sweep. Called from many threads at once, and
/// always a function of its arguments alone: that is what `--check-determinism` checks.
pub trait Runner: Sync {
    /// `scenario` is the position in the sweep's list.
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport;
}
