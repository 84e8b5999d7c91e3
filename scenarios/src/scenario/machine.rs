//! A machine profile: how long the servers' threads work at what they do, as measured on a machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sim::latency::{Latency, MAX_NS};
use sim::process::Thread;
use sim::service::{Calls, PLAIN_INPUTS, Pauses, ServiceTimes, Work};

use super::nearest;
use super::world::THREAD_NAMES;
use crate::actor::{Actor, WORKS};
use crate::message::{is_of_raft, kinds_of, rpc_names};

/// Quantiles of one distribution at most.
const MAX_SAMPLES: usize = 1_001;
/// Parts between the quantiles of a sum, and between those of each of its tails.
const SUM_PARTS: u64 = 100;
const SUM_TAIL_PARTS: u64 = 10;
const RAFT_IO: &str = "raft-io";
const CONTROLLER_EVENT_QUEUE: &str = "controller-event-queue";
const CONTROLLER_REQUEST_HANDLER: &str = "controller-request-handler";

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
    /// Of a directory, if it was measured on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_fsync: Option<Samples>,
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
    /// Servers without the role do this work in other times; those of a node with both are a broker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ServerRole>,
    pub calls: Vec<Stage>,
}

/// A role of `process.roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerRole {
    Controller,
    Broker,
}

impl WorkTimes {
    fn is_of(&self, is_broker: bool) -> bool {
        self.role.is_none_or(|role| (role == ServerRole::Broker) == is_broker)
    }
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
    /// Equidistant quantiles between the last two, and so on: of what is rare and long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<Vec<u64>>,
}

/// The distribution from a call on, up to that of the next stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Ordinal of the first call in the life of a process.
    pub first: u32,
    pub n: u64,
    pub us: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<Vec<u64>>,
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
        latency(&self.us, &self.tails)
    }
}

impl Stage {
    fn latency(&self) -> Latency {
        latency(&self.us, &self.tails)
    }
}

fn latency(us: &[u64], tails: &[Vec<u64>]) -> Latency {
    let ns = |us: &[u64]| us.iter().map(|us| us * 1_000).collect();
    match us {
        [one] => Latency::Constant { ns: one * 1_000 },
        _ => Latency::Empirical { quantiles_ns: ns(us), tails_ns: tails.iter().map(|tail| ns(tail)).collect() },
    }
}

fn calls(stages: &[Stage]) -> Calls {
    let stages = stages.iter().map(|stage| (stage.first, stage.latency())).collect();
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
    pub(super) fn check(&self) -> Result<(), String> {
        let samples = [
            Some(("link.latency", &self.link.latency)),
            Some(("disk.fsync", &self.disk.fsync)),
            self.disk.directory_fsync.as_ref().map(|samples| ("disk.directory_fsync", samples)),
        ];
        let of_roles = |name: &'static str, times: &'_ Option<ByRole>| {
            times.as_ref().map(|times| (name, times.controller.clone(), times.broker.clone()))
        };
        for (name, samples) in samples.into_iter().flatten() {
            check_samples(name, &samples.us, &samples.tails)?;
        }
        for (name, controller, broker) in
            [of_roles("start", &self.start), of_roles("stop", &self.stop)].into_iter().flatten()
        {
            check_samples(&format!("{name}.controller"), &controller.us, &controller.tails)?;
            check_samples(&format!("{name}.broker"), &broker.us, &broker.tails)?;
        }
        if let Some(pauses) = &self.pauses {
            check_samples("pauses.every", &pauses.every.us, &pauses.every.tails)?;
            check_samples("pauses.lasts", &pauses.lasts.us, &pauses.lasts.tails)?;
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
        service.has_pools = true;
        let its_own = |times: &ByRole| if is_broker { times.broker.latency() } else { times.controller.latency() };
        service.start = self.start.as_ref().map(its_own);
        service.stop = self.stop.as_ref().map(its_own);
        service.pauses =
            self.pauses.as_ref().map(|pauses| Pauses { every: pauses.every.latency(), lasts: pauses.lasts.latency() });
        let known = "a profile is checked when it is read";
        for connect in &self.connect {
            service.set::<Actor>(Work::Connect(thread(&connect.thread).expect(known)), calls(&connect.calls));
        }
        let mut works: Vec<(Work, Vec<Stage>)> = Vec::new();
        let of_role = || self.work.iter().filter(|work| work.is_of(is_broker));
        let state = of_role().find(|work| work.thread == RAFT_IO && work.name == "timer");
        // Each poll handles one message, and before it the state (`KafkaRaftClient.poll`): not for the first time.
        let state = state.and_then(|work| work.calls.last()).map(|stage| Stage { first: 1, ..stage.clone() });
        for work in of_role() {
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
        let quantile = |part: u64, of: u64| {
            let draw = if part == of { u64::MAX } else { u64::MAX / of * part };
            stages.iter().map(|stage| stage.latency().sample(draw) / 1_000).sum()
        };
        let n = stages.iter().map(|stage| stage.n).min().unwrap_or(0);
        let us: Vec<u64> = (0..=SUM_PARTS).map(|part| quantile(part, SUM_PARTS)).collect();
        let mut tails: Vec<Vec<u64>> = Vec::new();
        let mut parts = SUM_PARTS;
        for _ in 0..stages.iter().map(|stage| stage.tails.len()).max().unwrap_or(0) {
            parts *= SUM_TAIL_PARTS;
            let mut tail: Vec<u64> = (parts - SUM_TAIL_PARTS..=parts).map(|part| quantile(part, parts)).collect();
            // Rounding must not part it from the quantiles that it lies between.
            let before = tails.last().unwrap_or(&us);
            tail[0] = before[before.len() - 2];
            tails.push(tail);
        }
        Stage { first, n, us, tails }
    };
    firsts.into_iter().map(both).collect()
}

fn check_samples(place: &str, us: &[u64], tails: &[Vec<u64>]) -> Result<(), String> {
    let problem = match us {
        [] => "no durations; at least one is needed".to_owned(),
        _ if us.len() > MAX_SAMPLES => format!("{} durations; allowed: at most {MAX_SAMPLES}", us.len()),
        _ if !us.is_sorted() => "the durations must ascend".to_owned(),
        _ if us[us.len() - 1] > MAX_NS / 1_000 => "a duration is longer than an hour".to_owned(),
        _ => match latency(us, tails).check() {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        },
    };
    Err(format!("{place}: {problem}"))
}

fn check_stages(place: &str, stages: &[Stage]) -> Result<(), String> {
    stages.iter().try_for_each(|stage| check_samples(place, &stage.us, &stage.tails))?;
    let stages = stages.iter().map(|stage| (stage.first, stage.latency())).collect();
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
pub(super) mod tests {
    use super::*;

    pub const MACHINE: &str = r#"
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
    fn work_of_a_role_is_that_roles() {
        let both = MACHINE.replace("name = \"become candidate\"", "name = \"publish\"\nrole = \"broker\"");
        let machine =
            Machine::from_toml(&both.replace(
                "thread = \"raft-io\"\nname = \"publish\"",
                "thread = \"metadata-loader\"\nname = \"publish\"",
            ))
            .expect("good");
        let without = Machine { work: machine.work[1..].to_vec(), start: None, ..machine.clone() };
        let machine = Machine { start: None, ..machine };
        assert_eq!(machine.service_times(false), without.service_times(false));
        assert_ne!(machine.service_times(true), without.service_times(true));
        assert!(
            Machine::from_toml(&both.replace("\"broker\"", "\"brokers\"")).expect_err("refused").contains("brokers")
        );
    }

    #[test]
    fn a_tail_lies_between_the_last_two_quantiles() {
        let with = |tail: &str| {
            Machine::from_toml(&MACHINE.replace("us = [30, 40, 90]", &format!("us = [30, 40, 90], tails = {tail}")))
        };
        let latency = with("[[40, 50, 90]]").expect("good").link.latency.latency();
        assert_eq!((latency.sample(u64::MAX / 4 * 3), latency.sample(u64::MAX)), (49_999, 89_999));
        let latency = with("[[40, 50, 90], [50, 60, 90]]").expect("good").link.latency.latency();
        assert_eq!((latency.sample(u64::MAX / 8 * 7), latency.sample(u64::MAX)), (59_999, 89_999));
        for wrong in ["[[40, 50, 80]]", "[[]]", "[[40, 50, 90], [40, 60, 90]]"] {
            assert!(with(wrong).expect_err("refused").contains("link.latency: a tail"), "{wrong}");
        }
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
