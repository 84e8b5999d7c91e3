//! How a closed list of switches is declared: [`Bug`](super::Bug) and [`Fix`](crate::fixes::Fix).

/// Declares a closed list of switches, with their names and documentation, and the set of them.
macro_rules! switches {
    ($(#[$meta:meta])* $name:ident, $set:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// All switches, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name used on the command line and in files.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)+ }
            }

            /// The documentation of the switch.
            pub fn doc(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),+),)+ }
            }

            pub fn by_name(name: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|s| s.name() == name)
            }
        }

        /// A set of switches that are on.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $set([u64; 3]);

        const _: () = assert!($name::ALL.len() <= 3 * 64, "a set has a bit for each");

        impl $set {
            pub const NONE: $set = $set([0; 3]);

            #[inline]
            pub fn has(self, switch: $name) -> bool {
                self.0[switch as usize / 64] >> (switch as usize % 64) & 1 == 1
            }

            /// The set with this switch added.
            #[must_use]
            pub const fn with(mut self, switch: $name) -> $set {
                self.0[switch as usize / 64] |= 1 << (switch as usize % 64);
                self
            }

            /// The switches that are on, in declaration order.
            pub fn iter(self) -> impl Iterator<Item = $name> {
                $name::ALL.iter().copied().filter(move |s| self.has(*s))
            }
        }

        impl FromIterator<$name> for $set {
            fn from_iter<I: IntoIterator<Item = $name>>(switches: I) -> $set {
                switches.into_iter().fold($set::NONE, $set::with)
            }
        }
    };
}
pub(crate) use switches;
