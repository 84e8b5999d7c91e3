//! Bugs and fixes by name: a set of switches as a list of strings. A list of fixes may begin with `all`, and `-NAME`
//! takes one out again, so that a new fix is not written into every scenario.

use std::fmt;

use raft::bugs::{Bug, Bugs};
use raft::fixes::{Fix, Fixes};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::Serializer;

use super::nearest::listed;

/// What one string of a list does to the set of those before it.
enum Change<T> {
    With(T),
    Without(T),
    WithAll,
}

macro_rules! by_name {
    ($module:ident, $one:ident, $set:ident, $what:literal, $command:literal, $change:expr) => {
        /// Serde for the set.
        pub mod $module {
            use super::*;

            struct Item(Change<$one>);

            impl<'de> Deserialize<'de> for Item {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Item, D::Error> {
                    struct ItemVisitor;
                    impl Visitor<'_> for ItemVisitor {
                        type Value = Item;
                        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                            f.write_str(concat!("the name of a ", $what))
                        }
                        fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
                            $change(text).map(Item).map_err(E::custom)
                        }
                    }
                    deserializer.deserialize_str(ItemVisitor)
                }
            }

            /// The one of this name; the error message names the command that lists all names.
            pub fn parse(name: &str) -> Result<$one, String> {
                let listed = || listed(name, $one::ALL.iter().map(|one| one.name()), $command);
                $one::by_name(name).ok_or_else(|| format!(concat!("no ", $what, " is named {:?}{}"), name, listed()))
            }

            /// As a list of names, each for itself: what it says does not change when another one is added to the code.
            pub fn serialize<S: Serializer>(set: &$set, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(set.iter().map(|one| one.name()))
            }

            /// From a list of names.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$set, D::Error> {
                let items = Vec::<Item>::deserialize(deserializer)?;
                items.into_iter().try_fold($set::NONE, |set: $set, item| match item.0 {
                    Change::With(one) => Ok(set.with(one)),
                    Change::Without(one) if set.has(one) => Ok(set.iter().filter(|other| *other != one).collect()),
                    Change::Without(one) => Err(D::Error::custom(format!(
                        "\"-{}\" takes a {} out of those before it; allowed: behind \"all\"",
                        one.name(),
                        $what
                    ))),
                    Change::WithAll => Ok($one::ALL.iter().copied().collect()),
                })
            }
        }
    };
}

by_name!(bugs, Bug, Bugs, "bug", "kraftsim bugs list", |text| parse(text).map(Change::With));
by_name!(fixes, Fix, Fixes, "fix", "kraftsim fixes list", |text: &str| match text.strip_prefix('-') {
    None if text == "all" => Ok(Change::WithAll),
    None => parse(text).map(Change::With).map_err(|error| error + ", and \"all\""),
    Some(name) => parse(name).map(Change::Without),
});
