//! `LeaderWithoutMajorityResigns`: check-quorum (KAFKA-15489), from the Fetch requests that reach a
//! leader and from its clocks' true rate alone.
//!
//! Kafka collects the voters that have fetched and starts its timer of 1.5 fetch timeouts anew each
//! time they make a majority, so a voter may count though it fetched up to a whole timeout ago
//! (consensus.md §2.2, the edge-triggered set). Hence the bound: one timeout if a single follower
//! makes the majority, two if it takes more; and a parked fetch counts once more when it is answered.

use raft::ids::LeaderEpoch;

use super::Invariant;
use super::timings::{Calm, Disturbance};
use crate::checks::ghost::ServerGhost;
use crate::checks::verdict::Verdict;

/// A parked Fetch is answered after at most so long (consensus.md §2.2).
const FETCH_MAX_WAIT_NS: u64 = 500_000_000;
/// For timers that are read only when the thread is polled.
const SLACK_NS: u64 = 100_000_000;
/// One message that lay in the queue may be handled before the timer is read (consensus.md §10);
/// a leader that takes yet another one has read its timer and gone on.
const OVERDUE_INPUTS: u8 = 3;

/// One server, while it leads.
#[derive(Clone, Debug)]
struct Watched {
    bound_ns: u64,
    leads: Option<LeaderEpoch>,
    /// True time of each server's newest Fetch in this epoch.
    fetched_ns: Vec<u64>,
    /// Before this it need not have resigned, by the fetches known when it was computed.
    deadline_ns: u64,
    calm: Calm,
    overdue_inputs: u8,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct CheckQuorum {
    watched: Vec<Watched>,
    /// Followers that make a majority with the leader.
    needed: usize,
}

impl CheckQuorum {
    /// With so many voters, each server's `controller.quorum.fetch.timeout.ms`, and a slowest clock that
    /// loses so much.
    pub fn new(voters: usize, fetch_timeouts_ms: &[u64], slowest_ppm: u32) -> CheckQuorum {
        let rate = u64::from(1_000_000_u32.saturating_sub(slowest_ppm).max(1));
        let needed = voters / 2;
        let rounds = if needed > 1 { 2 } else { 1 };
        let watched = |fetch_timeout_ms: &u64| {
            let timeout_ns = fetch_timeout_ms * 3 / 2 * 1_000_000;
            let bound_ns = rounds * timeout_ns + FETCH_MAX_WAIT_NS;
            Watched {
                bound_ns: bound_ns.saturating_mul(1_000_000) / rate + bound_ns / 100 + SLACK_NS,
                leads: None,
                fetched_ns: vec![0; fetch_timeouts_ms.len()],
                deadline_ns: u64::MAX,
                calm: Calm::new(slowest_ppm),
                overdue_inputs: 0,
            }
        };
        CheckQuorum { watched: fetch_timeouts_ms.iter().map(watched).collect(), needed }
    }

    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, at_ns: u64, server: usize, leads: Option<LeaderEpoch>) {
        let watched = &mut self.watched[server];
        watched.leads = leads.filter(|_| self.needed > 0);
        watched.overdue_inputs = 0;
        watched.fetched_ns.fill(at_ns);
        watched.deadline_ns = if watched.leads.is_some() { at_ns + watched.bound_ns } else { u64::MAX };
    }

    /// A Fetch of `epoch` reaches a server.
    #[inline]
    pub fn fetched(&mut self, at_ns: u64, server: usize, from: usize, epoch: LeaderEpoch) {
        let watched = &mut self.watched[server];
        if watched.leads == Some(epoch) {
            watched.fetched_ns[from] = at_ns;
        }
    }

    /// As [`Calm::disturbed`].
    pub fn disturbed(&mut self, at_ns: u64, server: usize, how: Disturbance) {
        self.watched[server].calm.disturbed(at_ns, how);
    }

    /// A server's raft thread takes an input.
    #[inline]
    pub fn takes_input(&mut self, at_ns: u64, server: usize, servers: &[ServerGhost], verdict: &mut Verdict) {
        if at_ns > self.watched[server].deadline_ns {
            self.is_overdue(at_ns, server, servers, verdict);
        }
    }

    #[cold]
    fn is_overdue(&mut self, at_ns: u64, server: usize, servers: &[ServerGhost], verdict: &mut Verdict) {
        let needed = self.needed;
        let watched = &mut self.watched[server];
        let Some(epoch) = watched.leads else { return };
        let Some(calm_ns) = watched.calm.since_ns() else {
            watched.overdue_inputs = 0;
            return;
        };
        let voters = servers.iter().zip(&watched.fetched_ns).enumerate();
        let mut fetched_ns: Vec<u64> =
            voters.filter(|(index, (ghost, _))| *index != server && ghost.voter).map(|(_, (_, ns))| *ns).collect();
        fetched_ns.sort_unstable_by(|a, b| b.cmp(a));
        let majority_ns = fetched_ns[needed - 1];
        watched.deadline_ns = majority_ns.max(calm_ns) + watched.bound_ns;
        if at_ns <= watched.deadline_ns {
            watched.overdue_inputs = 0;
            return;
        }
        watched.overdue_inputs += 1;
        if watched.overdue_inputs >= OVERDUE_INPUTS {
            watched.overdue_inputs = 0;
            verdict.fail(Invariant::LeaderWithoutMajorityResigns, || {
                format!(
                    "node {} still leads epoch {epoch}; the last fetches of a majority are {} ms old, and its clocks are correct",
                    servers[server].id,
                    (at_ns - majority_ns) / 1_000_000
                )
            });
        }
    }
}
