//! `kraftsim.sweep.v1`.

use std::collections::BTreeMap;

use fuzz::aggregate::{BlackBox, Limit, MissedFloor, OfScenario, RequiredProbe, Subject, SweepReport};
use fuzz::failover::Worst;
use fuzz::guided::Guided;
use fuzz::merge::parts::{Ended, SweepPart};
use fuzz::recovery::{Nearest, RecoveryTimes};
use fuzz::seeds::{SeedError, SeedRange, Seeds};
use scenarios::report::{AckedRecords, OperationCounts};
use scenarios::scenario::cluster::usage::ClusterReport;
use scenarios::scenario::values::Limit as Bound;
use serde::{Deserialize, Serialize};

use super::failover_json::{FailoverJson, read_durations};
use super::silence_json::SilenceJson;
use super::{Digest, Ms, Seconds, Seed, ViolationJson, reading};
use crate::engine::Problem;
use crate::exit;
use crate::expect::{self, Measured};

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.sweep.v1";

/// The file. The fields after `expect` identify exactly what was run, for `merge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepJson {
    pub schema: String,
    pub version: String,
    pub commit: Option<String>,
    /// The verdict and the exit code. They follow from the other fields.
    pub verdict: String,
    pub exit_code: u8,
    pub host: String,
    pub interrupted: bool,
    pub scenarios: Vec<String>,
    pub fixes: Vec<String>,
    pub bugs: Vec<String>,
    /// Machine profiles in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    pub seeds_first: Seed,
    pub seeds_run: u64,
    pub seeds_failed: u64,
    pub seeds_inconclusive: u64,
    pub events: u64,
    pub messages: u64,
    pub operations_acked: u64,
    pub sim_seconds: Seconds,
    pub wall_seconds: Seconds,
    pub events_per_second_per_core: u64,
    pub sim_seconds_per_second_per_core: u64,
    pub digest: Digest,
    pub violations: Vec<ViolationJson>,
    pub linearizability: LinearizabilityJson,
    pub excused: BTreeMap<String, u64>,
    pub probes: BTreeMap<String, u64>,
    pub faults: BTreeMap<String, u64>,
    pub operations: BTreeMap<String, OperationCounts>,
    pub knobs: BTreeMap<String, BTreeMap<String, u64>>,
    pub failover: FailoverJson,
    pub expect: Vec<ExpectJson>,
    pub recovery: RecoveryJson,
    pub fault_runs: BTreeMap<String, u64>,
    pub aimed: BTreeMap<String, u64>,
    pub core_seconds: Seconds,
    pub seeds: Vec<SeedsJson>,
    pub set: Vec<String>,
    pub cluster: Option<String>,
    /// The report on the properties in the files of `cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_report: Option<ClusterReport>,
    pub required_probes: Vec<RequiredProbeJson>,
    pub probes_by_scenario: BTreeMap<String, BTreeMap<String, u64>>,
    pub acked_records: BTreeMap<String, AckedRecords>,
    #[serde(rename = "coverage_estimate", alias = "silence")]
    pub silence: SilenceJson,
    /// Digest of the texts of scenarios and of the files of `--cluster`.
    pub inputs_digest: Digest,
    pub by_scenario: Vec<OfScenarioJson>,
    /// The requested part: one for a sweep, those of all files for a merge.
    pub parts: Vec<PartJson>,
    /// The parts that a merge lacks, in words.
    pub missing: Vec<String>,
    /// Present for a guided search, which is no part of a larger sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guided: Option<GuidedJson>,
}

/// Counts of one scenario's runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfScenarioJson {
    pub scenario: String,
    pub runs: u64,
    pub failed: u64,
    pub inconclusive: u64,
    pub undecided: u64,
    pub core_seconds: Seconds,
    pub missed_floors: BTreeMap<String, MissedFloorJson>,
}

/// Runs below a floor, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissedFloorJson {
    pub runs: u64,
    pub seed: Seed,
    pub wanted: u64,
    pub got: u64,
}

/// `--seeds` and `--shard` of a sweep, and how it ended: `complete`, `max_fail`, `time_limit` or `interrupted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartJson {
    pub seeds_start: Seed,
    pub seeds_end: Seed,
    pub shard: String,
    pub runs: u64,
    pub ended: String,
}

/// Runs of a guided search, and the abstract states that were new in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuidedJson {
    pub runs_fresh: u64,
    pub runs_led: u64,
    pub states_by_fresh: u64,
    pub states_by_led: u64,
}

/// A probe that must be reached, by runs of one scenario or of any, in sweeps of at least this number of seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredProbeJson {
    pub probe: String,
    pub scenario: Option<String>,
    pub from_seeds: u64,
}

/// Runs by the verdict on their histories; `undecided` are the unknown ones that hold otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearizabilityJson {
    pub holds: u64,
    pub violated: u64,
    pub unknown: u64,
    pub undecided: u64,
    pub black_box: BlackBoxJson,
}

/// Histories checked as a black box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlackBoxJson {
    pub checked: u64,
    pub holds: u64,
    pub violated: u64,
    pub unknown: u64,
}

/// Recovery times of healed clusters; the bound is a function of each cluster's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryJson {
    pub count: u64,
    pub p50_ms: Option<Ms>,
    pub p99_ms: Option<Ms>,
    pub max_ms: Option<Ms>,
    pub nearest_to_bound_permille: Option<u64>,
    pub nearest_to_bound_seed: Option<Seed>,
    pub histogram: String,
}

/// A limit and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectJson {
    pub name: String,
    pub limit: String,
    pub value: Option<f64>,
    pub held: bool,
    /// Whether a value beyond the limit is a violation; otherwise it is only shown.
    pub judged: bool,
    pub worst_seed: Option<Seed>,
    pub command: Option<String>,
    pub scenario: String,
    pub worst: Option<WorstJson>,
    pub max_ms: Option<Ms>,
    pub histogram: String,
}

/// The slowest run of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorstJson {
    pub ms: Ms,
    pub at_ns: u64,
    pub digest: Digest,
}

/// Seeds at equal steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedsJson {
    pub first: Seed,
    pub step: u32,
    pub count: u64,
}

impl From<&SweepReport> for SweepJson {
    fn from(report: &SweepReport) -> Self {
        let subject = report.subject.clone();
        let code = exit::of_sweep(report);
        let per_core = |n: u64| (u128::from(n) * 1_000_000_000 / u128::from(report.core_ns.max(1))) as u64;
        SweepJson {
            schema: SCHEMA.to_owned(),
            version: subject.version,
            commit: subject.commit,
            verdict: exit::verdict(code).to_owned(),
            exit_code: code,
            host: subject.host,
            interrupted: report.interrupted,
            scenarios: subject.scenarios,
            fixes: subject.fixes,
            bugs: subject.bugs,
            profiles: subject.profiles,
            seeds_first: Seed(report.seeds_first),
            seeds_run: report.runs,
            seeds_failed: report.failed,
            seeds_inconclusive: report.inconclusive,
            events: report.events,
            messages: report.messages,
            operations_acked: report.operations_acked(),
            sim_seconds: Seconds(report.sim_ns),
            wall_seconds: Seconds(report.wall_ns),
            events_per_second_per_core: per_core(report.events),
            sim_seconds_per_second_per_core: per_core(report.sim_ns) / 1_000_000_000,
            digest: Digest(report.digest),
            violations: report.violations.iter().map(ViolationJson::from).collect(),
            linearizability: LinearizabilityJson {
                holds: report.lin_holds,
                violated: report.lin_violated,
                unknown: report.lin_unknown,
                undecided: report.undecided,
                black_box: BlackBoxJson {
                    checked: report.black_box.checked(),
                    holds: report.black_box.holds,
                    violated: report.black_box.violated,
                    unknown: report.black_box.unknown,
                },
            },
            excused: report.excused.clone(),
            probes: report.probes.clone(),
            faults: report.faults.clone(),
            operations: report.operations.clone(),
            knobs: report.knobs.clone(),
            failover: FailoverJson::from(&report.failovers),
            expect: report.limits.iter().map(limit).collect(),
            recovery: recovery(&report.recovery),
            fault_runs: report.fault_runs.clone(),
            aimed: report.aimed.clone(),
            core_seconds: Seconds(report.core_ns),
            seeds: report.seeds.iter().map(seeds).collect(),
            set: subject.set,
            cluster: subject.cluster,
            cluster_report: subject.cluster_report,
            required_probes: subject.required_probes.into_iter().map(required_json).collect(),
            probes_by_scenario: report.probes_by_scenario.clone(),
            acked_records: report.records.clone(),
            silence: SilenceJson::from(report),
            inputs_digest: Digest(subject.inputs_digest),
            by_scenario: report.subject.scenarios.iter().zip(&report.by_scenario).map(of_scenario).collect(),
            parts: report.parts.iter().map(part).collect(),
            missing: report.missing.clone(),
            guided: report.guided.map(guided),
        }
    }
}

fn of_scenario((scenario, of): (&String, &OfScenario)) -> OfScenarioJson {
    let floor = |(name, missed): (&String, &MissedFloor)| {
        let MissedFloor { runs, seed, wanted, got } = *missed;
        (name.clone(), MissedFloorJson { runs, seed: Seed(seed), wanted, got })
    };
    OfScenarioJson {
        scenario: scenario.clone(),
        runs: of.runs,
        failed: of.failed,
        inconclusive: of.inconclusive,
        undecided: of.undecided,
        core_seconds: Seconds(of.core_ns),
        missed_floors: of.missed_floors.iter().map(floor).collect(),
    }
}

fn read_by_scenario(scenarios: &[String], json: Vec<OfScenarioJson>) -> Result<Vec<OfScenario>, Problem> {
    if !scenarios.iter().eq(json.iter().map(|of| &of.scenario)) {
        return Err(Problem::at("/by_scenario", "it does not have the scenarios of the sweep, each once and in order"));
    }
    let floor = |(name, MissedFloorJson { runs, seed, wanted, got }): (String, MissedFloorJson)| {
        (name, MissedFloor { runs, seed: seed.0, wanted, got })
    };
    let of = |json: OfScenarioJson| OfScenario {
        runs: json.runs,
        failed: json.failed,
        inconclusive: json.inconclusive,
        undecided: json.undecided,
        core_ns: json.core_seconds.0,
        missed_floors: json.missed_floors.into_iter().map(floor).collect(),
        ..OfScenario::default()
    };
    Ok(json.into_iter().map(of).collect())
}

fn part(part: &SweepPart) -> PartJson {
    PartJson {
        seeds_start: Seed(part.range.start),
        seeds_end: Seed(part.range.end),
        shard: part.shard.to_string(),
        runs: part.runs,
        ended: part.ended.name().to_owned(),
    }
}

fn read_part(at: &str, json: PartJson) -> Result<SweepPart, Problem> {
    let range = SeedRange { start: json.seeds_start.0, end: json.seeds_end.0 };
    if range.end < range.start {
        return Err(Problem::at(at, "its seeds end before they start"));
    }
    let shard = json.shard.parse().map_err(|error: SeedError| Problem::at(format!("{at}/shard"), error.to_string()))?;
    let allowed = || format!("allowed: {}", Ended::NAMES.join(", "));
    let ended = json.ended.parse::<Ended>().map_err(|_| Problem::at(format!("{at}/ended"), allowed()))?;
    Ok(SweepPart { range, shard, runs: json.runs, ended })
}

fn guided(guided: Guided) -> GuidedJson {
    let Guided { fresh: runs_fresh, led: runs_led, found_by_fresh, found_by_led } = guided;
    GuidedJson { runs_fresh, runs_led, states_by_fresh: found_by_fresh, states_by_led: found_by_led }
}

fn read_guided(json: GuidedJson) -> Guided {
    let GuidedJson { runs_fresh: fresh, runs_led: led, states_by_fresh, states_by_led } = json;
    Guided { fresh, led, found_by_fresh: states_by_fresh, found_by_led: states_by_led }
}

fn required_json(RequiredProbe { scenario, probe, from_seeds }: RequiredProbe) -> RequiredProbeJson {
    RequiredProbeJson { probe, scenario, from_seeds }
}

fn required(RequiredProbeJson { probe, scenario, from_seeds }: RequiredProbeJson) -> RequiredProbe {
    RequiredProbe { scenario, probe, from_seeds }
}

fn recovery(recovery: &RecoveryTimes) -> RecoveryJson {
    let times = &recovery.times;
    RecoveryJson {
        count: times.count(),
        p50_ms: times.quantile_us(0.50).map(Ms),
        p99_ms: times.quantile_us(0.99).map(Ms),
        max_ms: times.max_us().map(Ms),
        nearest_to_bound_permille: recovery.nearest.map(|nearest| nearest.permille),
        nearest_to_bound_seed: recovery.nearest.map(|nearest| Seed(nearest.seed)),
        histogram: times.to_base64(),
    }
}

fn read_recovery(json: RecoveryJson) -> Result<RecoveryTimes, Problem> {
    let times = read_durations("/recovery", &json.histogram, json.max_ms)?;
    let nearest = json.nearest_to_bound_permille.zip(json.nearest_to_bound_seed);
    Ok(RecoveryTimes { times, nearest: nearest.map(|(permille, seed)| Nearest { permille, seed: seed.0 }) })
}

fn limit(limit: &Limit) -> ExpectJson {
    let verdict = expect::verdict(limit);
    let worst = limit.worst.as_ref();
    ExpectJson {
        name: limit.name.clone(),
        limit: limit.limit.clone(),
        value: verdict.map(|(measured, _)| match measured {
            Measured::Us(us) => Ms(us).into(),
            Measured::Count(n) => n as f64,
        }),
        held: verdict.is_some_and(|(_, held)| held),
        judged: limit.judged,
        worst_seed: worst.map(|(worst, _)| Seed(worst.seed)),
        command: worst.map(|(_, command)| command.clone()),
        scenario: limit.scenario.clone(),
        worst: worst.map(|(worst, _)| WorstJson { ms: Ms(worst.us), at_ns: worst.at_ns, digest: Digest(worst.digest) }),
        max_ms: limit.times.max_us().map(Ms),
        histogram: limit.times.to_base64(),
    }
}

fn seeds(seeds: &Seeds) -> SeedsJson {
    SeedsJson { first: Seed(seeds.first), step: seeds.step, count: seeds.count }
}

/// No count in a file is larger. Readers without integers represent it exactly, and the sums of two thousand files stay
/// below 2^64.
pub(super) const MAX_COUNT: u64 = 1 << 53;

/// Reads a file that a sweep or a merge wrote.
pub fn read(file: &str, text: &str) -> Result<SweepReport, Problem> {
    let json = reading::read(file, text, SCHEMA)?;
    let report = reading::numbers_up_to(MAX_COUNT, text).and_then(|()| from_json(json));
    report.map_err(|problem| reading::in_file(problem, file, text))
}

pub(super) fn from_json(json: SweepJson) -> Result<SweepReport, Problem> {
    let limits = json.expect.into_iter().enumerate().map(|(i, limit)| read_limit(&format!("/expect/{i}"), limit));
    let seeds = json.seeds.into_iter().enumerate().map(|(i, seeds)| read_seeds(&format!("/seeds/{i}"), seeds));
    let parts = json.parts.into_iter().enumerate().map(|(i, part)| read_part(&format!("/parts/{i}"), part));
    Ok(SweepReport {
        interrupted: json.interrupted,
        seeds_first: json.seeds_first.0,
        seeds: seeds.collect::<Result<_, _>>()?,
        runs: json.seeds_run,
        failed: json.seeds_failed,
        inconclusive: json.seeds_inconclusive,
        events: json.events,
        messages: json.messages,
        sim_ns: json.sim_seconds.0,
        wall_ns: json.wall_seconds.0,
        core_ns: json.core_seconds.0,
        digest: json.digest.0,
        violations: json.violations.into_iter().map(ViolationJson::into_failure).collect(),
        lin_holds: json.linearizability.holds,
        lin_violated: json.linearizability.violated,
        lin_unknown: json.linearizability.unknown,
        undecided: json.linearizability.undecided,
        black_box: BlackBox {
            holds: json.linearizability.black_box.holds,
            violated: json.linearizability.black_box.violated,
            unknown: json.linearizability.black_box.unknown,
        },
        excused: json.excused,
        probes: json.probes,
        probes_by_scenario: json.probes_by_scenario,
        faults: json.faults,
        fault_runs: json.fault_runs,
        aimed: json.aimed,
        operations: json.operations,
        records: json.acked_records,
        knobs: json.knobs,
        recovery: read_recovery(json.recovery)?,
        failovers: json.failover.read()?,
        by_scenario: read_by_scenario(&json.scenarios, json.by_scenario)?,
        parts: parts.collect::<Result<_, _>>()?,
        missing: json.missing,
        limits: limits.collect::<Result<_, _>>()?,
        silence: json.silence.read()?,
        guided: json.guided.map(read_guided),
        subject: Subject {
            version: json.version,
            commit: json.commit,
            host: json.host,
            scenarios: json.scenarios,
            fixes: json.fixes,
            bugs: json.bugs,
            profiles: json.profiles,
            set: json.set,
            cluster: json.cluster,
            cluster_report: json.cluster_report,
            required_probes: json.required_probes.into_iter().map(required).collect(),
            inputs_digest: json.inputs_digest.0,
        },
    })
}

fn read_seeds(at: &str, json: SeedsJson) -> Result<Seeds, Problem> {
    let seeds = Seeds { first: json.first.0, step: json.step, count: json.count };
    let wrong = || Problem::at(at, "its step is 0, or its last seed has more than 64 bits");
    seeds.is_sound().then_some(seeds).ok_or_else(wrong)
}

fn read_limit(at: &str, json: ExpectJson) -> Result<Limit, Problem> {
    json.limit.parse::<Bound>().map_err(|error| Problem::at(format!("{at}/limit"), error))?;
    let times = read_durations(at, &json.histogram, json.max_ms)?;
    let worst = json.worst.zip(json.worst_seed).zip(json.command).map(|((worst, seed), command)| {
        let (at_ns, digest) = (worst.at_ns, worst.digest.0);
        (Worst { us: worst.ms.0, seed: seed.0, scenario: json.scenario.clone(), at_ns, digest }, command)
    });
    Ok(Limit { scenario: json.scenario, name: json.name, limit: json.limit, judged: json.judged, times, worst })
}
