//! An engine whose runs are functions of the seed alone, controlled by `--set`: `fail=N` (each N-th seed fails),
//! `kind=KIND`, `floor=N`, `unknown=N`, `idle=1`, `panic=SEED`, `expect=LIMIT`, `metric=NAME` (the metric of the
//! limit), `probe=NAME`, `from=N` (number of seeds from which the probe is required), `ctrl-c=SEED`, `delay=MS` (of
//! failovers), `full=1` (failovers of every kind), `another-cluster=1` (limits are not about it), `known=1` (each
//! failure is a known finding).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fuzz::known::KnownFinding;
use reports::engine::{Engine, Expectation, Listed, Overrides, Prepared, Problem, ScenarioText, StoredPlan};
use reports::output::Streams;
use reports::verb;
use scenarios::report::{
    AckedRecords, Failover, FailoverKind, Linearizability, OperationCounts, RunOutcome, RunReport, Violation,
    ViolationKind,
};
use scenarios::run::Host;
use sim::fault::Plan;

#[derive(Default)]
pub struct Fake {
    pub interrupted: Arc<AtomicBool>,
    /// A signal arrives while this seed runs.
    pub signal_at: Option<u64>,
}

struct FakeScenario {
    name: String,
    toml: String,
    bugs: Vec<String>,
    fixes: Vec<String>,
    set: BTreeMap<String, String>,
    plan: Option<serde_json::Value>,
    interrupted: Arc<AtomicBool>,
    signal_at: Option<u64>,
}

const NAMES: [&str; 3] = ["ci", "controller-failover", "quorum"];

impl Engine for Fake {
    fn list(&self) -> Vec<Listed> {
        let listed = |name: &&str| Listed { name: (*name).to_owned(), about: format!("about {name}"), fixed_by: None };
        NAMES.iter().map(listed).collect()
    }

    fn find(&self, name: &str) -> Option<String> {
        NAMES.contains(&name).then(|| format!("about = \"{name}\"\n"))
    }

    fn prepare(
        &self,
        text: &ScenarioText,
        overrides: &Overrides,
        stored: Option<&StoredPlan>,
    ) -> Result<Box<dyn Prepared>, Problem> {
        if let Some(bug) = overrides.bugs.iter().find(|bug| *bug != "VoteNotDurable") {
            return Err(Problem::new(format!("no bug {bug}; there is: VoteNotDurable")));
        }
        Ok(Box::new(FakeScenario {
            name: text.name.clone(),
            toml: text.toml.clone(),
            bugs: overrides.bugs.clone(),
            fixes: overrides.fixes.clone(),
            set: overrides.set.iter().cloned().collect(),
            plan: stored.map(|stored| stored.faults.clone()),
            interrupted: Arc::clone(&self.interrupted),
            signal_at: self.signal_at.or(overrides
                .set
                .iter()
                .find(|(key, _)| key == "ctrl-c")
                .and_then(|(_, seed)| seed.parse().ok())),
        }))
    }
}

impl FakeScenario {
    fn number(&self, key: &str) -> Option<u64> {
        self.set.get(key).and_then(|value| value.parse().ok())
    }

    fn outcome(&self, seed: u64) -> RunOutcome {
        if self.number("floor").is_some_and(|n| seed.is_multiple_of(n)) {
            return RunOutcome::Inconclusive { floor: "append_ok".to_owned(), wanted: 200, got: seed };
        }
        if !self.number("fail").is_some_and(|n| seed.is_multiple_of(n)) {
            return RunOutcome::Holds;
        }
        let kind = self.set.get("kind").cloned().unwrap_or_else(|| "safety".to_owned());
        let kind: ViolationKind = serde_json::from_value(kind.into()).expect("a kind");
        RunOutcome::Violated(Violation {
            kind,
            invariant: "LeaderCompleteness".to_owned(),
            predicate: None,
            spec: "raft.tla".to_owned(),
            detail: format!("offset {seed} is on no majority"),
            at_ns: 12_345_678_901,
            event: 77,
        })
    }
}

impl FakeScenario {
    fn failovers(&self, mixed: u64) -> Vec<Failover> {
        let delay_ns = self.number("delay").unwrap_or(1000) * 1_000_000;
        let total_ns = delay_ns + mixed % delay_ns;
        let failover = |kind, phases| Failover {
            kind,
            at_ns: 5_000_000_000,
            cause: "kill".to_owned(),
            total_ns,
            ended: true,
            phases,
        };
        if self.number("full") != Some(1) {
            let phases = vec![("detect", total_ns / 2), ("elect", total_ns - total_ns / 2)];
            return vec![failover(FailoverKind::Controller, phases)];
        }
        let parts = |kind: FailoverKind| {
            let names = kind.phases();
            let weights = (1..=names.len() as u64).sum::<u64>();
            let part = |(i, name): (usize, &&'static str)| (*name, total_ns * (i as u64 + 1) / weights);
            names.iter().enumerate().map(part).collect()
        };
        let mut all: Vec<Failover> = FailoverKind::ALL.iter().map(|kind| failover(*kind, parts(*kind))).collect();
        // A clean shutdown is short, so that gaps have very different durations.
        if !mixed.is_multiple_of(3) {
            let soon = Failover { cause: "terminate".to_owned(), total_ns: total_ns / 200, ..all[2].clone() };
            all.push(soon);
        }
        if mixed.is_multiple_of(11) {
            all.push(Failover::at_least(FailoverKind::ProduceGap, 5_000_000_000, "kill", 5_000_000_000 + total_ns * 2));
        }
        all
    }
}

impl Prepared for FakeScenario {
    fn toml(&self) -> String {
        self.toml.clone()
    }

    fn bugs(&self) -> Vec<String> {
        self.bugs.clone()
    }

    fn fixes(&self) -> Vec<String> {
        self.fixes.clone()
    }

    fn expect(&self) -> Vec<Expectation> {
        let name = self.set.get("metric").cloned().unwrap_or_else(|| "failover.controller.p99".to_owned());
        let judged = !self.set.contains_key("another-cluster");
        self.set.get("expect").map(|limit| Expectation { name, limit: limit.clone(), judged }).into_iter().collect()
    }

    fn require_probe(&self) -> (Vec<String>, u64) {
        (self.set.get("probe").cloned().into_iter().collect(), self.number("from").unwrap_or(0))
    }

    fn plan(&self, seed: u64) -> serde_json::Value {
        self.plan.clone().unwrap_or_else(|| serde_json::json!([{ "at_ns": seed }]))
    }

    fn known_finding(&self, _seed: u64, _plan: Option<&Plan>, _broken: &Violation) -> Option<KnownFinding> {
        let fixes = vec!["FlushRecoveredLog".to_owned()];
        self.number("known").map(|_| KnownFinding { fixes, each_alone: true, is_shown: true })
    }

    fn run(&self, seed: u64, host: Host, _until_ns: Option<u64>) -> RunReport {
        assert!(self.number("panic") != Some(seed), "seed {seed} panics");
        if self.signal_at == Some(seed) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        let idle = self.number("idle").is_some();
        let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let other = self.number("host-matters").is_some() && host == Host::Bare;
        let digest = u128::from(mixed) << 64 | u128::from(seed) ^ u128::from(other);
        let failovers = if idle { Vec::new() } else { self.failovers(mixed) };
        RunReport {
            scenario: self.name.clone(),
            seed,
            digest,
            behaviour_digest: digest,
            plan_digest: 1,
            ladder: vec![(100, 1), (200, digest)],
            outcome: self.outcome(seed),
            events: 1000,
            messages: 500,
            sim_ns: 60_000_000_123,
            operations: BTreeMap::from([(
                "append".to_owned(),
                OperationCounts { ok: if idle { 0 } else { 200 }, fail: 1, unknown: 2 },
            )]),
            records: AckedRecords { acked: 100, excused: self.number("excused").unwrap_or(0), must_keep_percent: 99 },
            probes: BTreeMap::from([("rare".to_owned(), seed.is_multiple_of(5)), ("never".to_owned(), false)]),
            faults: BTreeMap::from([("cut".to_owned(), 0), ("kill".to_owned(), seed % 3)]),
            aimed: BTreeMap::from([("leader-elected".to_owned(), seed % 2)]),
            knobs: BTreeMap::from([("controller.quorum.fetch.timeout.ms".to_owned(), (seed % 3 * 1000).to_string())]),
            excused: BTreeMap::new(),
            bugs: self.bugs.clone(),
            fixes: self.fixes.clone(),
            failovers,
            linearizability: match self.number("unknown") {
                Some(n) if seed.is_multiple_of(n) => Linearizability::Unknown,
                _ => Linearizability::Holds,
            },
            black_box: None,
            recovery: Some(scenarios::report::Recovered { took_ns: 1_000_000 * (1 + seed % 7), bound_ns: 50_000_000 }),
            abstract_states: Some([1, 2 + seed % 3, 100 + seed % 20].into()),
            host_sentinel: None,
        }
    }
}

/// The result of a command line.
#[derive(Debug)]
pub struct Came {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs `kraftsim` with these words, on the fake engine.
pub fn kraftsim(words: &[&str]) -> Came {
    on(Fake::default(), 80, words)
}

/// The same, on a terminal of this width.
pub fn kraftsim_at(width: usize, words: &[&str]) -> Came {
    on(Fake::default(), width, words)
}

/// The same, with a signal that arrives while this seed runs.
pub fn kraftsim_interrupted(seed: u64, words: &[&str]) -> Came {
    on(Fake { signal_at: Some(seed), ..Fake::default() }, 80, words)
}

fn on(engine: Fake, width: usize, words: &[&str]) -> Came {
    let words: Vec<String> = std::iter::once("kraftsim").chain(words.iter().copied()).map(str::to_owned).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let interrupted = Arc::clone(&engine.interrupted);
    let mut streams = Streams { out: &mut out, err: &mut err, width, step_summary: None, waiting: None };
    let code = verb::run(&words, &engine, &interrupted, &mut streams);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Came { code, out: text(out), err: text(err) }
}

/// An empty folder for this test.
pub fn folder(test: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// JUnit XML without the parts that depend on real time, this machine or this build.
pub fn timeless_xml(xml: &str) -> String {
    let property = |name: &str| format!("name=\"{name}\" value=\"");
    let mut text = xml.to_owned();
    let attributes = [" time=\"", " timestamp=\"", " hostname=\""].map(str::to_owned);
    for head in attributes.into_iter().chain(["wall_seconds_of_sweep", "commit", "host"].map(property)) {
        let mut parts = text.split(&head);
        let first = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| part.split_once('"').expect("quoted").1);
        text = rest.fold(first, |text, part| text + &head + "X\"" + part);
    }
    text
}
