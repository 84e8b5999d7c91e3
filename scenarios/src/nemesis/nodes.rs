//! Processes, hosts and clocks: kills, power losses, terminations, pauses, drifts, steps.

use sim::fault::{Drift, Kill, Kind, Pause, PowerLoss, Stall, Tail, Terminate, WallSmear, WallStep, What};
use sim::rng::Entropy;

use super::planner::{Injection, Planner, draw_int, pick};
use crate::scenario::values::IntRange;

/// A terminated process may take so long to leave before its down time starts (consensus.md §2.2).
const SHUTDOWN_NS: u64 = 5_000_000_000;
/// When all hosts lose power, they do within so much.
const OUTAGE_SPREAD_NS: u64 = 2_000_000;
/// A process that is to die between two effects does so after fewer than this many.
const EFFECTS: u64 = 8;

/// How long after its length a fault of this kind may still be at work.
pub(super) fn afterwards_ns(kind: Kind) -> u64 {
    match kind {
        Kind::Terminate => SHUTDOWN_NS,
        Kind::PowerLoss => OUTAGE_SPREAD_NS,
        Kind::BitRot => super::disks::READ_AFTER_MAX_NS,
        _ => 0,
    }
}

impl Planner<'_> {
    pub(super) fn nodes(&mut self, kind: Kind, injections: Vec<Injection>) {
        let nemesis = &self.scenario.nemesis;
        for mut injection in injections {
            let entropy = &mut injection.entropy;
            let node = self.any_target(entropy);
            let mut lasts_ns = injection.lasts_ns;
            let what = match kind {
                Kind::Kill => {
                    let ppm = nemesis.kill.as_ref().map_or(0, |p| p.after_effects_ppm);
                    What::Kill(Kill { node, after_effects: after_effects(entropy, ppm) })
                }
                Kind::PowerLoss => {
                    self.power_loss(&mut injection);
                    continue;
                }
                Kind::Terminate => What::Terminate(Terminate { node }),
                Kind::Pause => What::Pause(Pause { node }),
                Kind::Stall => What::Stall(Stall { node }),
                Kind::Drift => {
                    let ppm = draw_int(entropy, nemesis.drift.as_ref().map_or(IntRange::default(), |p| p.ppm));
                    What::Drift(Drift {
                        node,
                        ppm: i32::try_from(ppm).expect("the range was checked with the scenario"),
                    })
                }
                Kind::WallStep => {
                    let by_ms = draw_int(entropy, nemesis.wall_step.as_ref().map_or(IntRange::default(), |p| p.by_ms));
                    // Half of them are never taken back.
                    lasts_ns = if entropy.below(2) == 0 { 0 } else { lasts_ns };
                    What::WallStep(WallStep { node, by_ms })
                }
                _ => {
                    let by_ms = draw_int(entropy, nemesis.wall_smear.as_ref().map_or(IntRange::default(), |p| p.by_ms));
                    What::WallSmear(WallSmear { node, by_ms })
                }
            };
            self.push(injection.at_ns, lasts_ns, what);
        }
    }

    fn power_loss(&mut self, injection: &mut Injection) {
        let Some(profile) = self.scenario.nemesis.power_loss.as_ref() else { return };
        let hosts = self.hosts_without_power();
        if hosts.is_empty() {
            return;
        }
        let entropy = &mut injection.entropy;
        let struck = if entropy.chance_ppm(profile.all_ppm) { hosts } else { vec![pick(entropy, &hosts)] };
        let several = struck.len() > 1;
        for node in struck {
            let tail: Tail = pick(entropy, &profile.tails);
            let after_effects = after_effects(entropy, profile.after_effects_ppm);
            let late = if several { entropy.below(OUTAGE_SPREAD_NS + 1) } else { 0 };
            let lasts_ns = if several {
                injection.lasts_ns / 2 + entropy.below(injection.lasts_ns / 2 + 1)
            } else {
                injection.lasts_ns
            };
            self.push(injection.at_ns + late, lasts_ns, What::PowerLoss(PowerLoss { node, tail, after_effects }));
        }
    }
}

fn after_effects(entropy: &mut Entropy, ppm: u32) -> Option<u8> {
    let effects = entropy.below(EFFECTS) as u8;
    entropy.chance_ppm(ppm).then_some(effects)
}
