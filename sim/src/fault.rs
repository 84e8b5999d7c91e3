//! Fault plans as plain data: each fault is `(when, how long, what, unless?)` and can be printed,
//! edited, deleted and replayed on its own.
//!
//! * this file: the list of the kinds; each is one type in a file of its own
//! * `kind`: the properties of a kind; `plan`: faults and their triggers; [`words`]: descriptions of faults

mod black_hole;
mod cut;
mod delay;
mod disk;
mod drift;
mod duplicate;
mod exception;
mod kill;
mod kind;
mod loss;
mod pause;
mod plan;
mod power_loss;
mod stall;
mod terminate;
mod unresolved_name;
mod wall_smear;
mod wall_step;
pub mod words;
mod wrong_name;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::Node;
use disk::{bit_rot, file_damage, fsync_fails, full_at_fsync, full_disk, replace_disk, short_write, slow_disk};
use kind::{FaultKind, Length, Words};
use words::FaultWords;

pub use crate::ids::Link;
pub use kind::{Amount, Damage, FaultTarget, FaultTargetMut, Tail};
pub(crate) use kind::{Begun, Came};
pub use plan::{Fault, Guard, Occurrence, Plan, Trigger};

/// Passes the list of the kinds to a macro: for each its file (and its field in tables of kinds), its type and its name
/// in plans. A new kind is appended: its position is part of the identity of its faults, and of draws.
#[macro_export]
macro_rules! fault_kinds {
    ($takes_list:ident) => {
        $takes_list! {
            cut: Cut = "cut",
            loss: Loss = "loss",
            delay: Delay = "delay",
            duplicate: Duplicate = "duplicate",
            kill: Kill = "kill",
            power_loss: PowerLoss = "power-loss",
            terminate: Terminate = "terminate",
            pause: Pause = "pause",
            stall: Stall = "stall",
            drift: Drift = "drift",
            wall_step: WallStep = "wall-step",
            wall_smear: WallSmear = "wall-smear",
            fsync_fails: FsyncFails = "fsync-fails",
            slow_disk: SlowDisk = "slow-disk",
            full_disk: FullDisk = "full-disk",
            bit_rot: BitRot = "bit-rot",
            replace_disk: ReplaceDisk = "replace-disk",
            black_hole: BlackHole = "black-hole",
            file_damage: FileDamage = "file-damage",
            exception: Exception = "exception",
            short_write: ShortWrite = "short-write",
            full_at_fsync: FullAtFsync = "full-at-fsync",
            unresolved_name: UnresolvedName = "unresolved-name",
            wrong_name: WrongName = "wrong-name",
        }
    };
}

macro_rules! what {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        $(pub use $file::$Kind;)+

        /// A fault of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum What {
            $(#[serde(rename = $name)] $Kind($Kind),)+
        }

        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($Kind,)+
        }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$Kind,)+];

            /// Its name in reports, plans and JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$Kind => $name,)+
                }
            }
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        $(impl From<$Kind> for What {
            fn from(fault: $Kind) -> What {
                What::$Kind(fault)
            }
        })+

        impl What {
            pub fn kind(&self) -> Kind {
                match self {
                    $(What::$Kind(_) => Kind::$Kind,)+
                }
            }

            pub fn target(&self) -> FaultTarget<'_> {
                match self {
                    $(What::$Kind(fault) => fault.target(),)+
                }
            }

            /// Its target, mutable.
            pub fn target_mut(&mut self) -> FaultTargetMut<'_> {
                match self {
                    $(What::$Kind(fault) => fault.target_mut(),)+
                }
            }

            /// Its amounts, mutable.
            pub fn amounts(&mut self) -> Vec<Amount<'_>> {
                match self {
                    $(What::$Kind(fault) => fault.amounts(),)+
                }
            }

            /// Its description.
            pub fn describe(&self, reported: &FaultWords<'_>) -> String {
                match self {
                    $(What::$Kind(fault) => fault.describe(reported),)+
                }
            }

            pub(crate) fn identify(&self, words: &mut Words) {
                words.target(self.target());
                match self {
                    $(What::$Kind(fault) => fault.identify(words),)+
                }
            }

            pub(crate) fn begins_between_effects(&self) -> bool {
                match self {
                    $(What::$Kind(fault) => fault.begins_between_effects(),)+
                }
            }

            /// Does its length measure how long the node stays down, counted from its death?
            pub(crate) fn boots_by_itself(&self) -> bool {
                let length = match self {
                    $(What::$Kind(_) => $Kind::LENGTH,)+
                };
                length == Length::Down
            }
        }
    };
}

fault_kinds!(what);

impl What {
    /// Applies a change to every node it names.
    pub fn each_node(&mut self, mut change: impl FnMut(&mut Node)) {
        match self.target_mut() {
            FaultTargetMut::Node(node) => change(node),
            FaultTargetMut::Links(links) => {
                for Link(from, to) in links {
                    change(from);
                    change(to);
                }
            }
        }
    }

    /// The one-way links that it affects; empty if it affects a node.
    pub fn links(&self) -> &[Link] {
        match self.target() {
            FaultTarget::Links(links) => links,
            FaultTarget::Node(_) => &[],
        }
    }

    pub fn node(&self) -> Option<Node> {
        match self.target() {
            FaultTarget::Node(node) => Some(node),
            FaultTarget::Links(_) => None,
        }
    }
}
