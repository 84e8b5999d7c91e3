//! Processes, hosts and clocks: kills, power losses, terminations, pauses, drifts, steps.

use raft::io::ThreadName;
use sim::fault::{Delay, Drift, Exception, Kill, Pause, PowerLoss, Stall, Tail, Terminate, WallSmear, WallStep};
use sim::process::Node;
use sim::rng::Entropy;

use super::planner::{Generate, Injection, Planner, draw_int, one_way, pick};
use crate::scenario::Scenario;
use crate::scenario::error::Refusal;
use crate::scenario::fault_profile::{
    Destroys, FaultProfile, LeadsTo, Means, Rhythm, Timers, is_chance, kind_fields, nothing_to_check, profiles,
    rhythm_of_profile, within,
};
use crate::scenario::reference::{self, Presence, ScenarioField};
use crate::scenario::values::{IntRange, Nanos, NanosRange};

/// The longest time that a terminated process needs to stop before its down time starts (consensus.md §2.2).
const SHUTDOWN_NS: u64 = 5_000_000_000;
/// When all hosts lose power, they do so within this time.
const OUTAGE_SPREAD_NS: u64 = 2_000_000;
/// A process that is to die between two effects does so after fewer than this many.
const EFFECTS: u64 = 8;
/// Messages that are delayed until after a restart arrive within this time.
const LATE_SPREAD_NS: u64 = 1_000_000_000;

profiles! {
    /// A fault whose only parameter is its duration.
    Timed {}
    /// Processes that die; `lasts` is how long they stay down.
    Kills {
        /// How often the process dies between two effects of one step, parts per million.
        #[serde(default)]
        after_effects_ppm: u32,
        /// How often the last messages of a process arrive only after it has started again, parts per million.
        #[serde(default, skip_serializing_if = "is_zero")]
        late_ppm: u32,
    }
    /// Hosts that lose power; `lasts` is how long they stay down.
    PowerLosses {
        /// The possible states of bytes that were not synced.
        tails: Vec<Tail>,
        /// How often all hosts lose power together, parts per million.
        #[serde(default)]
        all_ppm: u32,
        /// How often the host dies between two effects of one step, parts per million.
        #[serde(default)]
        after_effects_ppm: u32,
    }
    /// Clocks that run too fast or too slow.
    Drifts {
        ppm: IntRange,
    }
    /// Wall clocks that are set, in one step or gradually.
    WallSteps {
        by_ms: IntRange,
    }
}

fn is_zero(ppm: &u32) -> bool {
    *ppm == 0
}

impl FaultProfile for Kill {
    type Profile = Kills;

    const FIELDS: &'static [ScenarioField] = kind_fields!("kill", "A process dies (SIGKILL); its page cache remains.", lasts: "Time until the process is started again.";
        "after_effects_ppm": reference::PPM, Presence::Default("0"), "Share of the faults that occur between two effects of one step, parts per million.";
        "late_ppm": reference::PPM, Presence::Default("0"), "Share of the faults of which what the process has sent last arrives only after it has started again, parts per million; with `delay` only.";
    );

    const MEANS: Means = Means { stops: true, leads_to: &[LeadsTo::Restart], weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        is_chance("nemesis.kill.late_ppm", profile.late_ppm)?;
        is_chance("nemesis.kill.after_effects_ppm", profile.after_effects_ppm)
    }
}

impl Generate for Kill {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let after_effects = after_effects(entropy, profile.after_effects_ppm);
        if profile.late_ppm > 0 && entropy.chance_ppm(profile.late_ppm) {
            let extra_ns = injection.lasts_ns + entropy.below(LATE_SPREAD_NS);
            planner.delay_what_is_sent_last(node, injection.at_ns, extra_ns);
        }
        planner.push(injection.at_ns, injection.lasts_ns, Kill { node, after_effects });
    }
}

impl Planner<'_> {
    /// Delays the last messages of a process that dies at that time.
    fn delay_what_is_sent_last(&mut self, node: Node, dies_at_ns: u64, extra_ns: u64) {
        let Scenario { nemesis, duration, .. } = self.scenario;
        let Some(delay) = nemesis.delay.as_ref().filter(|_| nemesis.turn.is_none()) else { return };
        let lasts_ns = delay.lasts.min_ns;
        let from_ns = dies_at_ns.saturating_sub(lasts_ns / 2).max(nemesis.start.0);
        let links = one_way(&[node], self.servers);
        if from_ns + lasts_ns <= duration.0 && !links.is_empty() {
            self.push(from_ns, lasts_ns, Delay { links, extra_ns });
        }
    }
}

impl FaultProfile for PowerLoss {
    type Profile = PowerLosses;

    const FIELDS: &'static [ScenarioField] = kind_fields!("power-loss", "A host loses power, and bytes that were not forced.", lasts: "Time until the host is started again.";
        "tails": reference::FieldKind::NamesOf("`lost`, `kept`, `torn`"), Presence::Required("[\"lost\", \"torn\"]"), "Fate of bytes that were not forced: all lost, all kept, or a prefix kept; at least one.";
        "all_ppm": reference::PPM, Presence::Default("0"), "Share of the faults that affect all targets at once, parts per million.";
        "after_effects_ppm": reference::PPM, Presence::Default("0"), "Share of the faults that occur between two effects of one step, parts per million.";
    );

    const MEANS: Means = Means {
        destroys: Destroys::Unforced,
        stops: true,
        leads_to: &[LeadsTo::Restart, LeadsTo::HostDeath],
        spread_ns: OUTAGE_SPREAD_NS,
        weakens: true,
        ..Means::HARMLESS
    };

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        if profile.tails.is_empty() {
            return Err(Refusal::new("nemesis.power-loss.tails", "nothing to draw from; allowed: lost, kept, torn"));
        }
        is_chance("nemesis.power-loss.after_effects_ppm", profile.after_effects_ppm)?;
        is_chance("nemesis.power-loss.all_ppm", profile.all_ppm)
    }

    fn lengths(profile: &Self::Profile) -> (u64, u64) {
        // Hosts that lose power together stay down for different times.
        (0, profile.lasts.max_ns)
    }

    fn parts(profile: &Self::Profile, servers: u16) -> u64 {
        if profile.all_ppm > 0 { servers.into() } else { 1 }
    }

    fn is_part_of(&self, _other: &Self, apart_ns: u64) -> bool {
        apart_ns <= OUTAGE_SPREAD_NS
    }
}

impl Generate for PowerLoss {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        planner.any_target(&mut injection.entropy);
        planner.power_loss(profile, &mut injection);
    }
}

impl FaultProfile for Terminate {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("terminate", "A process receives SIGTERM (controlled shutdown).", lasts: "Time until the process is started again.";);

    const MEANS: Means = Means {
        stops: true,
        leads_to: &[LeadsTo::Restart],
        afterwards_ns: SHUTDOWN_NS,
        weakens: true,
        ..Means::HARMLESS
    };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for Terminate {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = planner.any_target(&mut injection.entropy);
        planner.push(injection.at_ns, injection.lasts_ns, Terminate { node });
    }
}

/// Exceptions in handlers; at an instant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Mean gap between two faults.
    pub every: Nanos,
}

impl FaultProfile for Exception {
    type Profile = Exceptions;

    const FIELDS: &'static [ScenarioField] =
        kind_fields!("exception", "An operation of a controller throws: it renounces, and raft hears of it.";);

    const MEANS: Means = Means { is_instant: true, weakens: true, ..Means::HARMLESS };

    fn rhythm(profile: &Self::Profile) -> Rhythm {
        Rhythm { every: profile.every, lasts: NanosRange { min_ns: 0, max_ns: 0 }, at_boot_ppm: 0 }
    }

    nothing_to_check!();
}

impl Generate for Exception {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = pick(&mut injection.entropy, planner.voters);
        if planner.targets.contains(&node) {
            let thread = ThreadName::ControllerEventQueue as u8;
            planner.push(injection.at_ns, injection.lasts_ns, Exception { node, thread });
        }
    }
}

impl FaultProfile for Pause {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("pause", "A process does not execute (SIGSTOP); its host still receives.", lasts: "Time until the process continues.";);

    const MEANS: Means = Means { stops: true, weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Late)
    }
}

impl Generate for Pause {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = planner.any_target(&mut injection.entropy);
        planner.push(injection.at_ns, injection.lasts_ns, Pause { node });
    }
}

impl FaultProfile for Stall {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("stall", "A machine stops, and the network receives nothing from it (a stalled virtual machine).", lasts: "Time until the machine continues.";);

    const MEANS: Means = Means { stops: true, weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Late)
    }
}

impl Generate for Stall {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = planner.any_target(&mut injection.entropy);
        planner.push(injection.at_ns, injection.lasts_ns, Stall { node });
    }
}

impl FaultProfile for Drift {
    type Profile = Drifts;

    const FIELDS: &'static [ScenarioField] = kind_fields!("drift", "Both clocks of a server run too fast or too slow.", lasts: "Time until the clocks run at their previous rate.";
        "ppm": reference::DRIFT, Presence::Required("\"-20000..20000\""), "Rate error, parts per million.";
    );

    const MEANS: Means = Means::HARMLESS;

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.drift.ppm", profile.ppm, -500_000, 500_000)
    }

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Rate(self.ppm))
    }
}

impl Generate for Drift {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let ppm = i32::try_from(draw_int(entropy, profile.ppm)).expect("the range was checked with the scenario");
        planner.push(injection.at_ns, injection.lasts_ns, Drift { node, ppm });
    }
}

impl FaultProfile for WallStep {
    type Profile = WallSteps;

    const FIELDS: &'static [ScenarioField] = kind_fields!("wall-step", "The wall clock of a server is set to another time; half of the steps are taken back.", lasts: "Time until the clock is set back.";
        "by_ms": reference::STEP, Presence::Required("\"-2000..2000\""), "Size of the step, ms.";
    );

    const MEANS: Means = Means::HARMLESS;

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.wall-step.by_ms", profile.by_ms, -3_600_000, 3_600_000)
    }

    fn lengths(profile: &Self::Profile) -> (u64, u64) {
        // Half of them are permanent.
        (0, profile.lasts.max_ns)
    }

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Step(self.by_ms))
    }
}

impl Generate for WallStep {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let by_ms = draw_int(entropy, profile.by_ms);
        // Half of them are never undone.
        let lasts_ns = if entropy.below(2) == 0 { 0 } else { injection.lasts_ns };
        planner.push(injection.at_ns, lasts_ns, WallStep { node, by_ms });
    }
}

impl FaultProfile for WallSmear {
    type Profile = WallSteps;

    const FIELDS: &'static [ScenarioField] = kind_fields!("wall-smear", "The wall clock of a server is slewed to another time.", lasts: "Time during which it is slewed.";
        "by_ms": reference::STEP, Presence::Required("\"-500..500\""), "Size of the change, ms.";
    );

    const MEANS: Means = Means::HARMLESS;

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.wall-smear.by_ms", profile.by_ms, -3_600_000, 3_600_000)
    }

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Slewed(self.by_ms))
    }
}

impl Generate for WallSmear {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let by_ms = draw_int(entropy, profile.by_ms);
        planner.push(injection.at_ns, injection.lasts_ns, WallSmear { node, by_ms });
    }
}

impl Planner<'_> {
    fn power_loss(&mut self, profile: &PowerLosses, injection: &mut Injection) {
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
            self.push(injection.at_ns + late, lasts_ns, PowerLoss { node, tail, after_effects });
        }
    }
}

fn after_effects(entropy: &mut Entropy, ppm: u32) -> Option<u8> {
    let effects = entropy.below(EFFECTS) as u8;
    entropy.chance_ppm(ppm).then_some(effects)
}
