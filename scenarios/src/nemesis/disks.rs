//! Disks: syncs that fail or drag, no space, rotten bits, an empty replacement.

use sim::fault::{BitRot, FsyncFails, FullDisk, Kind, PowerLoss, ReplaceDisk, SlowDisk, Tail, What};

use super::planner::{Injection, Planner, draw_ns, draw_u32, pick};
use crate::scenario::values::IntRange;

/// Longest time from a flipped bit to the power loss that has it read.
pub(super) const READ_AFTER_MAX_NS: u64 = 1_000_000_000;
/// From the end of one replacement to the next: time for the new voter to catch up.
pub(super) const REPLACE_SPACING_NS: u64 = 8_000_000_000;
/// A batch's header (consensus.md §8.3). A flip there may move the batch's end instead of failing
/// its checksum: another fault than a rotten record.
const BATCH_HEADER_BYTES: u32 = 61;
const LOG_SUFFIX: &str = ".log";

impl Planner<'_> {
    pub(super) fn disks(&mut self, kind: Kind, injections: Vec<Injection>) {
        let nemesis = &self.scenario.nemesis;
        let victims = self.victims();
        let mut replaced_until = 0;
        for mut injection in injections {
            let entropy = &mut injection.entropy;
            let node = self.any_target(entropy);
            let what = match kind {
                Kind::FsyncFails => {
                    let count = nemesis.fsync_fails.as_ref().map_or(IntRange { min: 1, max: 1 }, |p| p.count);
                    What::FsyncFails(FsyncFails { node, count: draw_u32(entropy, count) })
                }
                Kind::SlowDisk => {
                    let factor = nemesis.slow_disk.as_ref().map_or(IntRange { min: 1, max: 1 }, |p| p.factor);
                    What::SlowDisk(SlowDisk { node, factor: draw_u32(entropy, factor) })
                }
                Kind::FullDisk => What::FullDisk(FullDisk { node }),
                _ if victims.is_empty() => continue,
                Kind::BitRot => {
                    self.bit_rot(&mut injection, &victims);
                    continue;
                }
                _ => {
                    let node = pick(entropy, &victims);
                    if injection.at_ns < replaced_until {
                        continue;
                    }
                    replaced_until = injection.at_ns + injection.lasts_ns + REPLACE_SPACING_NS;
                    What::ReplaceDisk(ReplaceDisk { node })
                }
            };
            self.push(injection.at_ns, injection.lasts_ns, what);
        }
    }

    /// The flip itself shows only when the page cache is gone, so the host loses power soon after.
    fn bit_rot(&mut self, injection: &mut Injection, victims: &[sim::process::Node]) {
        let Some(profile) = self.scenario.nemesis.bit_rot.as_ref() else { return };
        let entropy = &mut injection.entropy;
        let node = pick(entropy, victims);
        let rot = What::BitRot(BitRot {
            node,
            suffix: LOG_SUFFIX.into(),
            newest: profile.newest,
            file_rank: entropy.below(1 << 16) as u32,
            at_ppm: entropy.below(1_000_000) as u32,
            spare_bytes: BATCH_HEADER_BYTES,
        });
        let read_after = draw_ns(entropy, profile.read_after).min(READ_AFTER_MAX_NS);
        let loss = What::PowerLoss(PowerLoss { node, tail: Tail::Kept, after_effects: None });
        self.push(injection.at_ns, 0, rot);
        self.push(injection.at_ns + read_after, injection.lasts_ns, loss);
    }
}
