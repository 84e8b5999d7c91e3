//! `kraftsim.run.v1`: one run.

use std::collections::BTreeMap;

use fuzz::aggregate::Failure;
use fuzz::durations::round_to_us;
use scenarios::report::{FailoverKind, Linearizability, OperationCounts, RunOutcome, RunReport};
use scenarios::trace::Repetition;
use serde::Serialize;

use crate::exit;

use super::repetition_json::RepetitionJson;
use super::{Digest, Ms, Seconds, Seed, ViolationJson};

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.run.v1";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunJson {
    pub schema: &'static str,
    pub version: &'static str,
    pub commit: Option<&'static str>,
    pub host: &'static str,
    pub scenario: String,
    pub seed: Seed,
    pub outcome: &'static str,
    /// The verdict and the exit code of the command: as in the JSON of a sweep.
    pub verdict: &'static str,
    pub exit_code: u8,
    pub floor: Option<FloorJson>,
    pub fixes: Vec<String>,
    pub bugs: Vec<String>,
    pub events: u64,
    pub messages: u64,
    pub sim_seconds: Seconds,
    pub digest: Digest,
    pub behaviour_digest: Digest,
    pub plan_digest: Digest,
    pub violations: Vec<ViolationJson>,
    pub linearizability: &'static str,
    /// The verdict without the logs of servers; absent unless the history was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_box: Option<BlackBoxJson>,
    pub excused: BTreeMap<String, u64>,
    pub probes: BTreeMap<String, bool>,
    pub faults: BTreeMap<String, u64>,
    pub aimed: BTreeMap<String, u64>,
    pub operations: BTreeMap<String, OperationCounts>,
    pub knobs: BTreeMap<String, String>,
    pub failover: FailoversJson,
    pub repetitions: Vec<RepetitionJson>,
    pub plan: serde_json::Value,
    pub ladder: Vec<(u64, Digest)>,
}

/// The verdict of the black-box check, and the objects that it left out because an excuse covers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlackBoxJson {
    pub verdict: &'static str,
    pub left_out: Vec<String>,
}

/// The floor that a run did not reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FloorJson {
    pub name: String,
    pub wanted: u64,
    pub got: u64,
}

/// Failovers by kind, in order of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailoversJson {
    pub controller: Vec<FailoverJson>,
    pub partition: Vec<FailoverJson>,
    pub produce_gap: Vec<FailoverJson>,
    pub consume_gap: Vec<FailoverJson>,
    pub admin_gap: Vec<FailoverJson>,
    pub append_gap: Vec<FailoverJson>,
    pub voter_replacement: Vec<FailoverJson>,
}

/// One failover.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailoverJson {
    pub at_ns: u64,
    pub cause: String,
    pub total_ms: Ms,
    pub ended: bool,
    pub phases: serde_json::Map<String, serde_json::Value>,
}

impl RunJson {
    pub fn of(
        run: &RunReport,
        scenario: &str,
        failures: &[Failure],
        repetitions: &[Repetition],
        plan: serde_json::Value,
        code: u8,
    ) -> Self {
        let (outcome, floor) = match &run.outcome {
            RunOutcome::Holds => ("holds", None),
            RunOutcome::Violated(_) => ("violated", None),
            RunOutcome::Inconclusive { floor, wanted, got } => {
                ("inconclusive", Some(FloorJson { name: floor.clone(), wanted: *wanted, got: *got }))
            }
        };
        let failover = |f: &scenarios::report::Failover| FailoverJson {
            at_ns: f.at_ns,
            cause: f.cause.clone(),
            total_ms: Ms(round_to_us(f.total_ns)),
            ended: f.ended,
            phases: f
                .phases
                .iter()
                .map(|(name, ns)| (format!("{name}_ms"), f64::from(Ms(round_to_us(*ns))).into()))
                .collect(),
        };
        let failovers = |kind| run.failovers.iter().filter(|f| f.kind == kind).map(failover).collect();
        RunJson {
            schema: SCHEMA,
            version: crate::VERSION,
            commit: crate::COMMIT,
            host: crate::host(),
            scenario: scenario.to_owned(),
            seed: Seed(run.seed),
            outcome,
            verdict: exit::verdict(code),
            exit_code: code,
            floor,
            fixes: run.fixes.clone(),
            bugs: run.bugs.clone(),
            events: run.events,
            messages: run.messages,
            sim_seconds: Seconds(run.sim_ns),
            digest: Digest(run.digest),
            behaviour_digest: Digest(run.behaviour_digest),
            plan_digest: Digest(run.plan_digest),
            violations: failures.iter().map(ViolationJson::from).collect(),
            linearizability: judged(run.linearizability),
            black_box: run
                .black_box
                .as_ref()
                .map(|said| BlackBoxJson { verdict: judged(said.verdict), left_out: said.left_out.clone() }),
            excused: run.excused.clone(),
            probes: run.probes.clone(),
            faults: run.faults.clone(),
            aimed: run.aimed.clone(),
            operations: run.operations.clone(),
            knobs: run.knobs.clone(),
            failover: FailoversJson {
                controller: failovers(FailoverKind::Controller),
                partition: failovers(FailoverKind::Partition),
                produce_gap: failovers(FailoverKind::ProduceGap),
                consume_gap: failovers(FailoverKind::ConsumeGap),
                admin_gap: failovers(FailoverKind::AdminGap),
                append_gap: failovers(FailoverKind::AppendGap),
                voter_replacement: failovers(FailoverKind::VoterReplacement),
            },
            repetitions: repetitions.iter().map(RepetitionJson::from).collect(),
            plan,
            ladder: run.ladder.iter().map(|(entries, digest)| (*entries, Digest(*digest))).collect(),
        }
    }
}

fn judged(verdict: Linearizability) -> &'static str {
    match verdict {
        Linearizability::Holds => "holds",
        Linearizability::Violated => "violated",
        Linearizability::Unknown => "unknown",
        Linearizability::NotJudged => "not_judged",
    }
}
