//! `profile`: which machine's service times a scenario takes.
//!
//! A profile is a TOML file; `fuzz/conformance/measure` makes one. `ideal` is the profile in which nothing takes time;
//! those of `scenarios/profiles` are known by their names.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::machine::Machine;

const IDEAL: &str = "ideal";

/// The profiles that can be named, with their content.
const BUILT_IN: [(&str, &str); 1] = [("two-cores", include_str!("../../profiles/two-cores.toml"))];

/// The profile of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Nothing takes time.
    #[default]
    Ideal,
    /// One of `scenarios/profiles`, by name.
    BuiltIn(&'static str, Arc<Machine>),
    /// The content of a file.
    Measured(Arc<Machine>),
    /// A path, not yet read.
    File(String),
}

impl Profile {
    /// That of a machine with two cores, for runs that are to take as long as in reality.
    pub fn committed() -> Profile {
        let (name, text) = BUILT_IN[0];
        static MACHINE: OnceLock<Arc<Machine>> = OnceLock::new();
        let machine = MACHINE.get_or_init(|| Arc::new(Machine::from_toml(text).expect("a test reads it")));
        Profile::BuiltIn(name, Arc::clone(machine))
    }

    pub fn is_ideal(&self) -> bool {
        *self == Profile::Ideal
    }

    /// The machine that was measured; `None` if nothing takes time.
    pub fn machine(&self) -> Option<&Machine> {
        match self {
            Profile::Ideal => None,
            Profile::BuiltIn(_, machine) | Profile::Measured(machine) => Some(machine),
            Profile::File(path) => panic!("the profile {path} was never read"),
        }
    }

    /// The error in the value, if any.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Profile::Ideal | Profile::BuiltIn(..) => Ok(()),
            Profile::Measured(machine) => machine.check(),
            Profile::File(path) => Err(format!("{path} is allowed only where files can be read")),
        }
    }
}

impl fmt::Display for Profile {
    /// Its name, or what its file says of the machine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Profile::Ideal => f.write_str(IDEAL),
            Profile::BuiltIn(name, _) => f.write_str(name),
            Profile::File(path) => f.write_str(path),
            Profile::Measured(machine) => f.write_str(&machine.about),
        }
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Profile::Measured(machine) => machine.serialize(serializer),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
        deserializer.deserialize_any(ProfileVisitor)
    }
}

struct ProfileVisitor;

impl<'de> Visitor<'de> for ProfileVisitor {
    type Value = Profile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ideal\", \"two-cores\", the path of a profile, or its content")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Profile, E> {
        let committed = Profile::committed();
        Ok(match name {
            IDEAL => Profile::Ideal,
            _ if name == committed.to_string() => committed,
            _ => Profile::File(name.into()),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Profile, A::Error> {
        Machine::deserialize(MapAccessDeserializer::new(map)).map(|machine| Profile::Measured(Arc::new(machine)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::machine::tests::MACHINE;

    #[test]
    fn the_committed_profile_is_named_and_not_copied() {
        let named = scenario("profile = \"two-cores\"").expect("good");
        assert_eq!(named.profile, Profile::committed());
        assert!(named.to_toml().contains("profile = \"two-cores\""));
        assert_eq!(Scenario::from_toml("again", &named.to_toml()).expect("good"), named);
        assert!(BUILT_IN.iter().all(|(_, text)| Machine::from_toml(text).is_ok()));
        let machine = named.profile.machine().expect("measured");
        assert!(machine.start.is_some() && machine.stop.is_some() && machine.work.len() > 20, "what a server takes");
    }

    #[test]
    fn a_set_profile_may_be_a_file() {
        let mut changed = scenario("").expect("good");
        let read =
            |path: &str| if path == "machine.toml" { Ok(MACHINE.to_owned()) } else { Err("no such file".to_owned()) };
        changed.set_reading("profile", "machine.toml", &read).expect("good");
        assert_eq!(changed.profile.to_string(), "a slow machine");
        let refused = changed.set_reading("profile", "none.toml", &read).expect_err("refused");
        assert_eq!(refused.0, "profile = \"none.toml\": no such file");
        changed.set("profile", "ideal").expect("good");
        assert!(changed.profile.is_ideal());
    }

    fn scenario(more: &str) -> Result<Scenario, String> {
        let text = format!("name = \"t\"\nduration = \"20s\"\n{more}");
        let read = |path: &str| match path {
            "machine.toml" => Ok(MACHINE.to_owned()),
            "sleepy.toml" => Ok(MACHINE.replace("raft-io", "raft-ip")),
            _ => Err(format!("{path} cannot be read")),
        };
        Scenario::from_toml_with("t.toml", &text, read).map_err(|error| error.0)
    }

    #[test]
    fn a_profile_is_read_from_its_file_and_kept_in_the_scenario() {
        let mut read = scenario("profile = \"machine.toml\"\nnetwork = { latency = \"profile\" }").expect("good");
        assert_eq!(Scenario::from_toml("again", &read.to_toml()).expect("good"), read);
        read.follow_profile();
        assert_eq!(read.network.latency.longest_ns() / 1_000, 89);
        assert_eq!(read.disk, crate::scenario::DiskProfile::default(), "it did not ask for that of the profile");
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_said_in_one_message() {
        let refused = |more: &str| scenario(more).expect_err("refused");
        assert!(refused("profile = \"none.toml\"").contains("none.toml cannot be read"));
        let unknown = refused("profile = \"sleepy.toml\"");
        assert!(unknown.contains("no thread is named \"raft-ip\"; did you mean raft-io?"), "{unknown}");
        let ideal = refused("network = { latency = \"profile\" }");
        assert!(ideal.contains("network.latency") && ideal.contains("\"ideal\""), "{ideal}");
        let wrong = |from: &str, to: &str| Machine::from_toml(&MACHINE.replacen(from, to, 1)).expect_err("refused");
        assert!(wrong("[30, 40, 90]", "[30, 90, 40]").contains("link.latency: the durations must ascend"));
        assert!(wrong("first = 5", "first = 1").contains("must ascend from 1"));
        assert!(wrong("become candidate", "become candidat").contains("did you mean become candidate?"));
        assert!(wrong("Fetch response", "Fetsh response").contains("did you mean Fetch?"));
        assert!(wrong("us = [250]", "us = []").contains("disk.fsync: no durations"));
    }
}
