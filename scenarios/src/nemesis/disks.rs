//! Disks: fsyncs that fail or are slow, disks without space, bit rot, damaged files, an empty replacement.

use sim::fault::{
    BitRot, Damage, Fault, FileDamage, FsyncFails, FullAtFsync, FullDisk, Kind, PowerLoss, ReplaceDisk, ShortWrite,
    SlowDisk, Tail,
};
use sim::process::Node;

use super::nodes::Timed;
use super::planner::{Generate, Injection, Planner, draw_ns, draw_u32, pick};
use crate::scenario::error::Refusal;
use crate::scenario::fault_profile::{
    Destroys, FaultProfile, LeadsTo, Means, Rhythm, Timers, kind_fields, nothing_to_check, profiles, rhythm_of_profile,
    within,
};
use crate::scenario::reference::{self, Presence, ScenarioField};
use crate::scenario::values::{IntRange, Nanos, NanosRange};

/// Longest time from a flipped bit to the power loss after which it is read.
pub(super) const READ_AFTER_MAX_NS: u64 = 1_000_000_000;
/// From the end of one replacement to the next: time for the new voter to replicate the log.
const REPLACE_SPACING_NS: u64 = 8_000_000_000;
/// A batch's header (consensus.md §8.3). A flip there may move the batch's end instead of failing its checksum: a
/// different fault from a rotten record.
const BATCH_HEADER_BYTES: u32 = 61;
const LOG_SUFFIX: &str = ".log";
/// Every file that a process reads completely at a start, except the marker of a clean shutdown, whose content has no
/// meaning. The last one is the first segment of each log, which can only be unreadable: other damage is rot. (Kafka
/// reads no segment that a clean shutdown or the recovery point vouches for; the simulated process does.)
const READ_AT_START: [&str; 7] = [
    "quorum-state",
    "meta.properties",
    "partition.metadata",
    "leader-epoch-checkpoint",
    "replication-offset-checkpoint",
    "recovery-point-offset-checkpoint",
    FIRST_SEGMENT,
];
const FIRST_SEGMENT: &str = "00000000000000000000.log";
/// Snapshots of the metadata log, of which a process reads the newest one when it starts.
const SNAPSHOT_SUFFIX: &str = ".checkpoint";

profiles! {
    /// Disks whose fsyncs are slow.
    SlowDisks {
        /// By what factor.
        factor: IntRange,
    }
    /// State files that come back damaged from a power loss.
    FileDamages {
        /// Also the newest snapshot of the metadata log.
        #[serde(default)]
        snapshots: bool,
    }
    /// Bits that flip in a log; its host loses power soon after, and so reads them. `lasts` is how long it stays down.
    BitRots {
        /// From the flip to the power loss.
        read_after: NanosRange,
        /// Only in the newest segment of each log, which log recovery reads after every power loss. Older ones are not
        /// read: a replica whose oldest records are rotten may lead, and then nothing is guaranteed.
        #[serde(default)]
        newest: bool,
    }
}

/// Fsyncs that fail; at an instant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsyncFailures {
    /// Mean gap between two faults.
    pub every: Nanos,
    /// How many fsyncs fail in a row.
    pub count: IntRange,
}

impl FaultProfile for FsyncFails {
    type Profile = FsyncFailures;

    const FIELDS: &'static [ScenarioField] = kind_fields!("fsync-fails", "Fsyncs of a server fail; it has no `lasts`.";
        "count": reference::FieldKind::IntegerRange { min: 1, max: 1_000_000 }, Presence::Required("\"1..2\""), "Fsyncs that fail in a row.";
    );

    const MEANS: Means =
        Means { is_instant: true, leads_to: &[LeadsTo::Restart, LeadsTo::DiskError], weakens: true, ..Means::HARMLESS };

    fn rhythm(profile: &Self::Profile) -> Rhythm {
        Rhythm { every: profile.every, lasts: NanosRange { min_ns: 0, max_ns: 0 }, at_boot_ppm: 0 }
    }

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.fsync-fails.count", profile.count, 1, 1_000_000)
    }
}

impl Generate for FsyncFails {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let count = draw_u32(entropy, profile.count);
        planner.push(injection.at_ns, injection.lasts_ns, FsyncFails { node, count });
    }
}

impl FaultProfile for SlowDisk {
    type Profile = SlowDisks;

    const FIELDS: &'static [ScenarioField] = kind_fields!("slow-disk", "Fsyncs of a server take longer.", lasts: "Time until fsyncs take their normal time.";
        "factor": reference::FieldKind::IntegerRange { min: 1, max: 1_000_000 }, Presence::Required("\"5..100\""), "Factor of the duration.";
    );

    const MEANS: Means = Means { weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.slow-disk.factor", profile.factor, 1, 1_000_000)
    }

    fn timers(&self) -> Option<Timers> {
        Some(Timers::Late)
    }
}

impl Generate for SlowDisk {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let factor = draw_u32(entropy, profile.factor);
        planner.push(injection.at_ns, injection.lasts_ns, SlowDisk { node, factor });
    }
}

impl FaultProfile for FullDisk {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] =
        kind_fields!("full-disk", "Writes of a server are refused.", lasts: "Time until writes are accepted.";);

    const MEANS: Means = Means { leads_to: &[LeadsTo::Restart, LeadsTo::DiskError], weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for FullDisk {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = planner.any_target(&mut injection.entropy);
        planner.push(injection.at_ns, injection.lasts_ns, FullDisk { node });
    }
}

/// Writes that are cut short; at an instant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortWrites {
    /// Mean gap between two faults.
    pub every: Nanos,
}

impl FaultProfile for ShortWrite {
    type Profile = ShortWrites;

    const FIELDS: &'static [ScenarioField] = kind_fields!("short-write", "The disk of a server fills up in the middle of a write: a part of it is in the file, and the rest is refused. It has no `lasts`.";);

    const MEANS: Means =
        Means { is_instant: true, leads_to: &[LeadsTo::Restart, LeadsTo::DiskError], weakens: true, ..Means::HARMLESS };

    fn rhythm(profile: &Self::Profile) -> Rhythm {
        Rhythm { every: profile.every, lasts: NanosRange { min_ns: 0, max_ns: 0 }, at_boot_ppm: 0 }
    }

    nothing_to_check!();
}

impl Generate for ShortWrite {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let node = planner.any_target(entropy);
        let at_ppm = entropy.below(1_000_000) as u32;
        planner.push(injection.at_ns, injection.lasts_ns, ShortWrite { node, at_ppm });
    }
}

impl FaultProfile for FullAtFsync {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("full-at-fsync", "Writes of a server are accepted, and there is no space for them when they are forced (delayed allocation).", lasts: "Time until there is space.";);

    const MEANS: Means = Means { leads_to: &[LeadsTo::Restart, LeadsTo::DiskError], weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for FullAtFsync {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let node = planner.any_target(&mut injection.entropy);
        planner.push(injection.at_ns, injection.lasts_ns, FullAtFsync { node });
    }
}

impl FaultProfile for BitRot {
    type Profile = BitRots;

    const FIELDS: &'static [ScenarioField] = kind_fields!("bit-rot", "Bits flip in a log, and the host loses power afterwards, so that recovery reads them.", lasts: "Time until the host is started again.";
        "read_after": reference::RANGE, Presence::Required("\"10ms..500ms\""), "Time from the flip to the power loss.";
        "newest": reference::FieldKind::Boolean, Presence::Default("false"), "Only the newest segment of each log is affected, which every unclean start reads.";
    );

    // A power loss, so that the flipped bit is read.
    const MEANS: Means = Means {
        destroys: Destroys::Forced,
        is_instant: true,
        leads_to: &[LeadsTo::Restart, LeadsTo::HostDeath],
        spread_ns: READ_AFTER_MAX_NS,
        weakens: true,
        ..Means::HARMLESS
    };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for BitRot {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        // The page cache hides the flip, so the host loses power soon after.
        let entropy = &mut injection.entropy;
        planner.any_target(entropy);
        let victims = planner.victims();
        if victims.is_empty() {
            return;
        }
        let node = pick(entropy, &victims);
        let rot = BitRot {
            node,
            suffix: LOG_SUFFIX.into(),
            newest: profile.newest,
            file_rank: entropy.below(1 << 16) as u32,
            at_ppm: entropy.below(1_000_000) as u32,
            spare_bytes: BATCH_HEADER_BYTES,
        };
        let read_after = draw_ns(entropy, profile.read_after).min(READ_AFTER_MAX_NS);
        let loss = PowerLoss { node, tail: Tail::Kept, after_effects: None };
        planner.push(injection.at_ns, 0, rot);
        planner.push(injection.at_ns + read_after, injection.lasts_ns, loss);
    }
}

impl FaultProfile for ReplaceDisk {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("replace-disk", "A server stops and comes back with an empty disk.", lasts: "Time until the server is started again.";);

    const MEANS: Means = Means {
        destroys: Destroys::Forced,
        stops: true,
        leads_to: &[LeadsTo::Restart, LeadsTo::HostDeath],
        spacing_ns: Some(REPLACE_SPACING_NS),
        weakens: true,
        ..Means::HARMLESS
    };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for ReplaceDisk {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        planner.any_target(&mut injection.entropy);
        if let Some(node) = planner.victim_of_replacement(&mut injection, &planner.replaceable()) {
            planner.push(injection.at_ns, injection.lasts_ns, ReplaceDisk { node });
        }
    }
}

impl FaultProfile for FileDamage {
    type Profile = FileDamages;

    const FIELDS: &'static [ScenarioField] = kind_fields!("file-damage", "The host of a server loses power, and one of its state files comes back damaged: a bit flipped, its end missing or zero, or unreadable; or the first segment of a log is unreadable. The disk of a process that refuses to start from it is replaced.", lasts: "Time until the host is started again.";
        "snapshots": reference::FieldKind::Boolean, Presence::Default("false"), "The newest snapshot of the metadata log is one of these files.";
    );

    const MEANS: Means = Means {
        destroys: Destroys::Forced,
        stops: true,
        leads_to: &[LeadsTo::Restart, LeadsTo::HostDeath],
        spacing_ns: Some(REPLACE_SPACING_NS),
        weakens: true,
        ..Means::HARMLESS
    };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for FileDamage {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let Some(node) = planner.victim_of_replacement(&mut injection, &planner.victims()) else { return };
        let entropy = &mut injection.entropy;
        let is_snapshot = profile.snapshots && entropy.below(2) == 0;
        let file = if is_snapshot { SNAPSHOT_SUFFIX } else { pick(entropy, &READ_AT_START) };
        let file_rank = entropy.below(1 << 16) as u32;
        let damage = pick(entropy, &[Damage::Flipped, Damage::Cut, Damage::Zeroed, Damage::Unreadable]);
        let damage = match file {
            FIRST_SEGMENT => Damage::Unreadable,
            // Kafka looks for no footer: a snapshot that ends with one of its batches counts as whole.
            SNAPSHOT_SUFFIX if damage == Damage::Cut => Damage::Flipped,
            _ => damage,
        };
        let damage =
            FileDamage { node, file: file.to_owned(), file_rank, damage, at_ppm: entropy.below(1_000_000) as u32 };
        planner.push(injection.at_ns, injection.lasts_ns, damage);
    }
}

impl Planner<'_> {
    /// The server whose disk is to be destroyed, unless another disk was replaced a short time ago.
    fn victim_of_replacement(&self, injection: &mut Injection, victims: &[Node]) -> Option<Node> {
        let is_one = |fault: &&Fault| matches!(fault.what.kind(), Kind::ReplaceDisk | Kind::FileDamage);
        let too_soon = |last: &Fault| injection.at_ns.abs_diff(last.at_ns) < last.lasts_ns + REPLACE_SPACING_NS;
        let is_too_soon = self.faults.iter().filter(is_one).any(too_soon);
        (!victims.is_empty() && !is_too_soon).then(|| pick(&mut injection.entropy, victims))
    }
}
