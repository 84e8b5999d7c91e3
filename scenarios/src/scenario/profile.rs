//! `profile`: how long the servers' threads work at what they do, as measured on a machine.
//!
//! A profile is a TOML file; `fuzz/conformance/measure` makes one. `ideal` is the profile in which nothing takes time;
//! those of `scenarios/profiles` are known by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use sim::latency::{Latency, MAX_NS};
use sim::process::Thread;
use sim::service::{Calls, PLAIN_INPUTS, Pauses, ServiceTimes, Work};

use super::nearest;
use super::world::THREAD_NAMES;
use crate::actor::{Actor, WORKS};
use crate::message::{is_of_raft, kinds_of, rpc_names};

/// Quantiles of one distribution at most.
const MAX_SAMPLES: usize = 1_001;
/// Parts between the quantiles of a sum.
const SUM_PARTS: u64 = 40;
const IDEAL: &str = "ideal";
const RAFT_IO: &str = "raft-io";
const CONTROLLER_EVENT_QUEUE: &str = "controller-event-queue";
const CONTROLLER_REQUEST_HANDLER: &str = "controller-request-handler";

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

/// What was measured on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    pub about: String,
    /// How it was measured, in words.
    #[serde(default)]
    pub measured: BTreeMap<String, String>,
    /// Used by `network.latency = "profile"`.
    pub link: Link,
    /// Used by `disk.fsync = "profile"`.
    pub disk: Disk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<ByRole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<ByRole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pauses: Option<MachinePauses>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<ConnectTimes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<WorkTimes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub send: Vec<MessageTimes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receive: Vec<MessageTimes>,
}

/// `[link]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One way.
    pub latency: Samples,
}

/// `[disk]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub fsync: Samples,
}

/// `[start]`: from the execution of the process to its first poll; `[stop]`: from SIGTERM to its arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByRole {
    pub controller: Samples,
    /// Also of a node that has both roles.
    pub broker: Samples,
}

/// `[pauses]`: of a whole process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachinePauses {
    pub every: Samples,
    pub lasts: Samples,
}

/// `[[connect]]`: from an open connection to a usable one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectTimes {
    pub thread: String,
    pub calls: Vec<Stage>,
}

/// `[[work]]`: a thread is busy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkTimes {
    pub thread: String,
    pub name: String,
    pub calls: Vec<Stage>,
}

/// `[[send]]`, `[[receive]]`: a message is on its way between a thread and a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTimes {
    /// Whose messages: that of the raft client tells its Fetch from that of a replica fetcher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    pub name: String,
    pub calls: Vec<Stage>,
}

/// A distribution: equidistant quantiles, from the minimum to the maximum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Number of measurements.
    pub n: u64,
    /// Ascending, microseconds.
    pub us: Vec<u64>,
}

/// The distribution from a call on, up to that of the next stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Ordinal of the first call in the life of a process.
    pub first: u32,
    pub n: u64,
    pub us: Vec<u64>,
}

impl MessageTimes {
    fn kinds(&self) -> Result<Vec<u8>, String> {
        let mut kinds = kinds_of_message(&self.name)?;
        if let Some(name) = &self.thread {
            thread(name)?;
            kinds.retain(|kind| is_of_raft(*kind) == (name == RAFT_IO));
        }
        Ok(kinds)
    }
}

impl Samples {
    pub fn latency(&self) -> Latency {
        latency(&self.us)
    }
}

fn latency(us: &[u64]) -> Latency {
    match us {
        [one] => Latency::Constant { ns: one * 1_000 },
        _ => Latency::Empirical { quantiles_ns: us.iter().map(|us| us * 1_000).collect() },
    }
}

fn calls(stages: &[Stage]) -> Calls {
    let stages = stages.iter().map(|stage| (stage.first, latency(&stage.us))).collect();
    Calls::new(stages).expect("a profile is checked when it is read")
}

impl Machine {
    /// Reads and checks a profile.
    pub fn from_toml(text: &str) -> Result<Machine, String> {
        let machine: Machine = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        machine.check()?;
        Ok(machine)
    }

    /// Refuses values that can be read but are not valid.
    fn check(&self) -> Result<(), String> {
        let samples = [Some(("link.latency", &self.link.latency)), Some(("disk.fsync", &self.disk.fsync))];
        let of_roles = |name: &'static str, times: &'_ Option<ByRole>| {
            times.as_ref().map(|times| (name, times.controller.clone(), times.broker.clone()))
        };
        for (name, samples) in samples.into_iter().flatten() {
            check_samples(name, &samples.us)?;
        }
        for (name, controller, broker) in
            [of_roles("start", &self.start), of_roles("stop", &self.stop)].into_iter().flatten()
        {
            check_samples(&format!("{name}.controller"), &controller.us)?;
            check_samples(&format!("{name}.broker"), &broker.us)?;
        }
        if let Some(pauses) = &self.pauses {
            check_samples("pauses.every", &pauses.every.us)?;
            check_samples("pauses.lasts", &pauses.lasts.us)?;
        }
        for connect in &self.connect {
            thread(&connect.thread).map_err(|problem| format!("connect: {problem}"))?;
            check_stages(&format!("connect of {}", connect.thread), &connect.calls)?;
        }
        for work in &self.work {
            let place = format!("work {:?} of {}", work.name, work.thread);
            kinds_of_work(&work.thread, &work.name).map_err(|problem| format!("{place}: {problem}"))?;
            check_stages(&place, &work.calls)?;
        }
        for (list, messages) in [("send", &self.send), ("receive", &self.receive)] {
            for message in messages {
                let place = format!("{list} {:?}", message.name);
                message.kinds().map_err(|problem| format!("{place}: {problem}"))?;
                check_stages(&place, &message.calls)?;
            }
        }
        Ok(())
    }

    /// The service times of a server.
    pub fn service_times(&self, is_broker: bool) -> ServiceTimes {
        let mut service = ServiceTimes::default();
        let of_role = |times: &ByRole| if is_broker { times.broker.latency() } else { times.controller.latency() };
        service.start = self.start.as_ref().map(of_role);
        service.stop = self.stop.as_ref().map(of_role);
        service.pauses =
            self.pauses.as_ref().map(|pauses| Pauses { every: pauses.every.latency(), lasts: pauses.lasts.latency() });
        let known = "a profile is checked when it is read";
        for connect in &self.connect {
            service.set::<Actor>(Work::Connect(thread(&connect.thread).expect(known)), calls(&connect.calls));
        }
        let mut works: Vec<(Work, Vec<Stage>)> = Vec::new();
        let state = self.work.iter().find(|work| work.thread == RAFT_IO && work.name == "timer");
        // Each poll handles one message, and before it the state (`KafkaRaftClient.poll`): not for the first time.
        let state = state.and_then(|work| work.calls.last()).map(|stage| Stage { first: 1, ..stage.clone() });
        for work in &self.work {
            for kind in kinds_of_work(&work.thread, &work.name).expect(known) {
                let calls = match &state {
                    Some(state) if work.thread == RAFT_IO && is_message(&work.name) => {
                        sum(&work.calls, std::slice::from_ref(state))
                    }
                    _ => work.calls.clone(),
                };
                match works.iter_mut().find(|(other, _)| *other == kind) {
                    None => works.push((kind, calls)),
                    Some((_, before)) => *before = sum(before, &calls),
                }
            }
        }
        for (work, stages) in works {
            service.set::<Actor>(work, calls(&stages));
        }
        for message in &self.send {
            for kind in message.kinds().expect(known) {
                service.set::<Actor>(Work::Send(kind), calls(&message.calls));
            }
        }
        for message in &self.receive {
            for kind in message.kinds().expect(known) {
                service.set::<Actor>(Work::Receive(kind), calls(&message.calls));
            }
        }
        service
    }

    /// The longest start of a process, ns.
    pub fn longest_start_ns(&self) -> u64 {
        let longest = |samples: &Samples| samples.us.last().map_or(0, |us| us * 1_000);
        self.start.as_ref().map_or(0, |start| longest(&start.controller).max(longest(&start.broker)))
    }

    /// The time in which a process has done every work until it is no longer slow at it, and was stopped, ns.
    pub fn warm_up_ns(&self) -> u64 {
        let work = self.work.iter().map(|work| &work.calls);
        let messages = self.send.iter().chain(&self.receive).map(|message| &message.calls);
        let connects = self.connect.iter().map(|connect| &connect.calls);
        let longest = |stages: &Vec<Stage>| calls(stages).longest_ns();
        let stop = self
            .stop
            .as_ref()
            .map_or(0, |stop| stop.controller.us.last().max(stop.broker.us.last()).map_or(0, |us| us * 1_000));
        work.chain(messages).chain(connects).map(longest).sum::<u64>() + stop
    }
}

/// One piece of work behind another: the sum of their durations at equal quantiles.
fn sum(one: &[Stage], other: &[Stage]) -> Vec<Stage> {
    let mut firsts: Vec<u32> = one.iter().chain(other).map(|stage| stage.first).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let at = |stages: &[Stage], first: u32| stages.iter().rfind(|stage| stage.first <= first).cloned();
    let both = |first: u32| {
        let stages: Vec<Stage> = [one, other].into_iter().filter_map(|stages| at(stages, first)).collect();
        let quantile = |part: u64| {
            let draw = if part == SUM_PARTS { u64::MAX } else { u64::MAX / SUM_PARTS * part };
            stages.iter().map(|stage| latency(&stage.us).sample(draw) / 1_000).sum()
        };
        let n = stages.iter().map(|stage| stage.n).min().unwrap_or(0);
        Stage { first, n, us: (0..=SUM_PARTS).map(quantile).collect() }
    };
    firsts.into_iter().map(both).collect()
}

fn check_samples(place: &str, us: &[u64]) -> Result<(), String> {
    let problem = match us {
        [] => "no durations; at least one is needed".to_owned(),
        _ if us.len() > MAX_SAMPLES => format!("{} durations; allowed: at most {MAX_SAMPLES}", us.len()),
        _ if !us.is_sorted() => "the durations must ascend".to_owned(),
        _ if us[us.len() - 1] > MAX_NS / 1_000 => "a duration is longer than an hour".to_owned(),
        _ => return Ok(()),
    };
    Err(format!("{place}: {problem}"))
}

fn check_stages(place: &str, stages: &[Stage]) -> Result<(), String> {
    stages.iter().try_for_each(|stage| check_samples(place, &stage.us))?;
    let stages = stages.iter().map(|stage| (stage.first, latency(&stage.us))).collect();
    Calls::new(stages).map(drop).map_err(|problem| format!("{place}: {problem}"))
}

fn thread(name: &str) -> Result<Thread, String> {
    let number = THREAD_NAMES.iter().position(|known| *known == name);
    number
        .map(|number| Thread(number as u8))
        .ok_or_else(|| format!("no thread is named {name:?}{}", nearest::allowed(name, THREAD_NAMES.iter().copied())))
}

/// `NAME request` or `NAME response`.
fn kinds_of_message(name: &str) -> Result<Vec<u8>, String> {
    let (rpc, is_request) = match (name.strip_suffix(" request"), name.strip_suffix(" response")) {
        (Some(rpc), _) => (rpc, true),
        (_, Some(rpc)) => (rpc, false),
        _ => return Err("allowed: `NAME request` and `NAME response` with the name of an RPC".into()),
    };
    let kinds: Vec<u8> = kinds_of(rpc, is_request).collect();
    if kinds.is_empty() {
        return Err(format!("no RPC is named {rpc:?}{}", nearest::allowed(rpc, rpc_names())));
    }
    Ok(kinds)
}

fn is_message(name: &str) -> bool {
    name.ends_with(" request") || name.ends_with(" response")
}

/// What a piece of work is in the world.
fn kinds_of_work(of: &str, name: &str) -> Result<Vec<Work>, String> {
    // The model's event queue is told of an event without the request that caused it, so its time is the handler's.
    let takes =
        if of == CONTROLLER_EVENT_QUEUE && name.ends_with(" request") { CONTROLLER_REQUEST_HANDLER } else { of };
    let thread = thread(takes)?;
    if let Some(work) = WORKS.iter().position(|known| *known == name) {
        return Ok(vec![Work::Done(work as u8)]);
    }
    if let Some(kind) = PLAIN_INPUTS.iter().position(|known| *known == name) {
        return Ok(vec![Work::Input(thread, kind)]);
    }
    if !is_message(name) {
        let known = WORKS.iter().chain(&PLAIN_INPUTS).copied();
        return Err(format!("no work has this name{}, `NAME request`, `NAME response`", nearest::allowed(name, known)));
    }
    let kinds = kinds_of_message(name)?;
    Ok(kinds.into_iter().map(|kind| Work::Input(thread, PLAIN_INPUTS.len() + usize::from(kind))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const MACHINE: &str = r#"
about = "a slow machine"
link = { latency = { n = 3, us = [30, 40, 90] } }
disk = { fsync = { n = 1, us = [250] } }
start = { controller = { n = 1, us = [2000000] }, broker = { n = 1, us = [3000000] } }

[[work]]
thread = "raft-io"
name = "become candidate"
calls = [{ first = 1, n = 9, us = [20000, 30000] }, { first = 2, n = 9, us = [100] }]

[[work]]
thread = "controller-event-queue"
name = "CreateTopics request"
calls = [{ first = 1, n = 9, us = [1000, 2000] }, { first = 5, n = 9, us = [100] }]

[[work]]
thread = "controller-request-handler"
name = "CreateTopics request"
calls = [{ first = 1, n = 9, us = [10] }]

[[send]]
thread = "raft-io"
name = "Fetch response"
calls = [{ first = 1, n = 9, us = [70] }]
"#;

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
            "sleepy.toml" => Ok(MACHINE.replace("raft-io", "raft")),
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
        assert!(unknown.contains("no thread is named \"raft\"; did you mean raft-io?"), "{unknown}");
        let ideal = refused("network = { latency = \"profile\" }");
        assert!(ideal.contains("network.latency") && ideal.contains("\"ideal\""), "{ideal}");
        let wrong = |from: &str, to: &str| Machine::from_toml(&MACHINE.replacen(from, to, 1)).expect_err("refused");
        assert!(wrong("[30, 40, 90]", "[30, 90, 40]").contains("link.latency: the durations must ascend"));
        assert!(wrong("first = 5", "first = 1").contains("must ascend from 1"));
        assert!(wrong("become candidate", "become candidat").contains("did you mean become candidate?"));
        assert!(wrong("Fetch response", "Fetsh response").contains("did you mean Fetch?"));
        assert!(wrong("us = [250]", "us = []").contains("disk.fsync: no durations"));
    }

    /// The event that a request causes is served where the request is.
    #[test]
    fn works_of_one_kind_add_up_by_quantile() {
        let machine = Machine::from_toml(MACHINE).expect("good");
        let stages = sum(&machine.work[1].calls, &machine.work[2].calls);
        let ends = |stage: &Stage| (stage.first, stage.us[0], *stage.us.last().expect("some"));
        assert_eq!(stages.iter().map(ends).collect::<Vec<_>>(), [(1, 1_010, 2_009), (5, 110, 110)]);
        assert_ne!(machine.service_times(false), machine.service_times(true), "a broker starts later");
        assert_eq!((machine.longest_start_ns(), machine.warm_up_ns()), (3_000_000_000, 32_279_998));
    }
}
