//! Bugs and fixes by name: a set of switches as a list of strings.

use std::fmt;

use raft::bugs::{Bug, Bugs};
use raft::fixes::{Fix, Fixes};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::Serializer;

use super::nearest::listed;

macro_rules! by_name {
    ($module:ident, $one:ident, $set:ident, $what:literal, $command:literal) => {
        /// Serde for the set.
        pub mod $module {
            use super::*;

            struct Name($one);

            impl<'de> Deserialize<'de> for Name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
                    struct NameVisitor;
                    impl Visitor<'_> for NameVisitor {
                        type Value = Name;
                        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                            f.write_str(concat!("the name of a ", $what))
                        }
                        fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                            parse(name).map(Name).map_err(E::custom)
                        }
                    }
                    deserializer.deserialize_str(NameVisitor)
                }
            }

            /// The one of this name; the error message names the command that lists all names.
            pub fn parse(name: &str) -> Result<$one, String> {
                let listed = || listed(name, $one::ALL.iter().map(|one| one.name()), $command);
                $one::by_name(name).ok_or_else(|| format!(concat!("no ", $what, " is named {:?}{}"), name, listed()))
            }

            /// As a list of names.
            pub fn serialize<S: Serializer>(set: &$set, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(set.iter().map(|one| one.name()))
            }

            /// From a list of names.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$set, D::Error> {
                Ok(Vec::<Name>::deserialize(deserializer)?.into_iter().map(|name| name.0).collect())
            }
        }
    };
}

by_name!(bugs, Bug, Bugs, "bug", "kraftsim bugs list");
by_name!(fixes, Fix, Fixes, "fix", "kraftsim fixes list");
