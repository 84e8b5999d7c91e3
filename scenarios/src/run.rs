//! What one run is: prepare a world, drive it to its healing and on to its recovery, report.

use std::collections::BTreeMap;

use sim::drive::{Ended, Run};
use sim::fault::{Plan, What};
use sim::rng::Seed;
use sim::world::World;

use crate::actor::Actor;
use crate::checks::{CheckConfig, Checks};
use crate::cluster::{Prepared, prepare};
use crate::knobs;
use crate::onlooker::Onlooker;
use crate::report::{Linearizability, Outcome, RunReport, Violation, ViolationKind};
use crate::scenario::Scenario;

/// Who drives the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The bare loop.
    Bare,
    /// A madsim runtime; the bare loop in a build without it.
    Madsim,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// All but the seed.
    pub scenario: &'a Scenario,
    /// The seed.
    pub seed: u64,
    /// Who drives.
    pub host: Host,
    /// Replaces the nemesis's plan.
    pub plan: Option<Plan>,
    /// Stop at this true time, ns, wherever the run stands.
    pub until_ns: Option<u64>,
    /// Off only to measure the world alone.
    pub checks: bool,
    /// Do not stop at the first violation but gather the names of all.
    pub keep_going: bool,
}

impl<'a> Request<'a> {
    /// The usual run: checks on, from start to recovery.
    pub fn new(scenario: &'a Scenario, seed: u64) -> Request<'a> {
        Request { scenario, seed, host: Host::Madsim, plan: None, until_ns: None, checks: true, keep_going: false }
    }
}

/// A finished run, before it is boiled down to a report.
#[derive(Debug)]
pub struct Finished {
    /// The world and its onlooker as the run left them.
    pub run: Run<Actor, Onlooker>,
    /// How the drive ended.
    pub ended: Ended,
    /// madsim's clock and next draw, if it hosted.
    pub sentinel: Option<(u64, u64)>,
    /// What the run was.
    pub prepared: Prepared,
}

/// Runs one seed to its report. An error is a scenario that cannot be run at all.
pub fn run(request: &Request<'_>) -> Result<RunReport, String> {
    let finished = drive(request)?;
    Ok(report(request, &finished))
}

/// Runs one seed and hands out everything.
pub fn drive(request: &Request<'_>) -> Result<Finished, String> {
    drive_by(request, |_, run, end| host(request, run, end))
}

/// What is left of a driven run: how it ended, and the host's sentinel.
pub(crate) type Driven = (Run<Actor, Onlooker>, Ended, Option<(u64, u64)>);

/// Runs one seed by a driver of the caller's, which gets the run and its end (true time, ns).
pub(crate) fn drive_by(
    request: &Request<'_>,
    driver: impl FnOnce(&Prepared, Run<Actor, Onlooker>, u64) -> Driven,
) -> Result<Finished, String> {
    let mut prepared = prepare(request.scenario, Seed(request.seed), request.plan.clone())?;
    let world = World::new(std::mem::replace(&mut prepared.world, hollow()));
    let watch = onlooker(&prepared, request);
    let end = prepared.scenario.duration.0 + prepared.recovery_bound_ns;
    let end = request.until_ns.map_or(end, |until| until.min(end));
    let (mut run, ended, sentinel) = driver(&prepared, Run { world, watch }, end);
    let at = run.world.now();
    run.watch.closing = true;
    run.world.audit(&mut run.watch);
    if let Some(checks) = run.watch.checks.as_mut() {
        let cut_short = request.until_ns.is_some_and(|until| until <= end);
        if ended == Ended::End && !cut_short {
            checks.recovery_overdue(at);
        }
        let unbroken = checks.violation().is_none() || request.keep_going;
        if matches!(ended, Ended::Stopped | Ended::End) && unbroken {
            checks.finish(at);
        }
    }
    Ok(Finished { run, ended, sentinel, prepared })
}

/// The onlooker a prepared run is watched by.
pub fn onlooker(prepared: &Prepared, request: &Request<'_>) -> Onlooker {
    let config = CheckConfig {
        servers: prepared.servers.clone(),
        voters: prepared.voters.clone(),
        fetch_timeouts_ms: prepared.fetch_timeouts_ms.clone(),
        fixes: prepared.scenario.fixes,
        keep_going: request.keep_going,
    };
    Onlooker::new(config, request.checks)
}

#[cfg(madsim)]
fn host(request: &Request<'_>, run: Run<Actor, Onlooker>, end: u64) -> Driven {
    if request.host == Host::Bare {
        return bare(run, end);
    }
    let (run, ended, sentinel) = sim::host::drive_hosted(run, end, request.seed, Vec::new());
    (run, ended, Some((sentinel.elapsed_ns, sentinel.next_draw)))
}

#[cfg(not(madsim))]
fn host(_: &Request<'_>, run: Run<Actor, Onlooker>, end: u64) -> Driven {
    bare(run, end)
}

fn bare(mut run: Run<Actor, Onlooker>, end: u64) -> Driven {
    let ended = run.drive_bare(end);
    (run, ended, None)
}

/// What is left of a configuration that became a world.
fn hollow() -> sim::world::WorldConfig<Actor> {
    sim::world::WorldConfig {
        seed: Seed(0),
        nodes: Vec::new(),
        network: sim::network::NetworkConfig::default(),
        plan: Plan::default(),
        heal_at_ns: 0,
        restart_after_halt_ns: None,
        max_events: 0,
        max_events_at_one_time: 0,
        audit_every_events: 0,
    }
}

/// Boils a finished run down.
pub(crate) fn report(request: &Request<'_>, finished: &Finished) -> RunReport {
    let Finished { run, ended, sentinel, prepared } = finished;
    let (world, watch) = (&run.world, &run.watch);
    let scenario = &prepared.scenario;
    let checks = watch.checks.as_ref();
    let counts = world.counts();
    let mut operations = BTreeMap::new();
    let mut probes = BTreeMap::new();
    let mut excused = BTreeMap::new();
    if let Some(checks) = checks {
        operations.insert("append".to_owned(), checks.appends());
        operations.insert("read".to_owned(), checks.reads());
        probes.extend(checks.coverage().map(|(name, count)| (name.to_owned(), count > 0)));
        excused.extend(checks.excused().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)));
    }
    RunReport {
        scenario: request.scenario.name.clone(),
        seed: request.seed,
        digest: world.digest().0,
        behaviour_digest: world.trace().behaviour_digest().0,
        plan_digest: world.trace().plan_digest().0,
        ladder: world.trace().ladder().iter().map(|rung| (rung.entries, rung.digest.0)).collect(),
        outcome: outcome(ended, world, checks, request, scenario),
        events: counts.events,
        messages: counts.messages,
        sim_ns: world.now(),
        operations,
        probes,
        faults: faults(scenario, watch),
        knobs: knob_values(request.scenario, &prepared.knobs),
        excused,
        bugs: scenario.bugs.iter().map(|bug| bug.name().to_owned()).collect(),
        fixes: scenario.fixes.iter().map(|fix| fix.name().to_owned()).collect(),
        failovers: checks.map_or(Vec::new(), |checks| checks.failovers().to_vec()),
        linearizability: checks.map_or(Linearizability::Unknown, Checks::linearizability),
        host_sentinel: *sentinel,
    }
}

fn outcome(
    ended: &Ended,
    world: &World<Actor>,
    checks: Option<&Checks>,
    request: &Request<'_>,
    scenario: &Scenario,
) -> Outcome {
    let counts = world.counts();
    let ours = |kind, invariant: &str, detail: String| {
        let spec = "DESIGN: a run is a function of its seed, and ends".to_owned();
        let at_ns = world.now();
        Outcome::Violated(Violation {
            kind,
            invariant: invariant.to_owned(),
            spec,
            detail,
            at_ns,
            event: counts.events,
        })
    };
    if let Some(violation) = checks.and_then(Checks::violation) {
        return Outcome::Violated(Violation { event: counts.events, ..violation.clone() });
    }
    match ended {
        Ended::Panicked(text) => return ours(ViolationKind::Panic, "NoPanic", text.clone()),
        Ended::Runaway(true) => {
            return ours(
                ViolationKind::Runaway,
                "TimeMoves",
                format!("virtual time stands still after {} events", counts.events),
            );
        }
        Ended::Runaway(false) => {
            return ours(ViolationKind::Runaway, "EventBudget", format!("{} events without an end", counts.events));
        }
        Ended::End | Ended::Stopped | Ended::AfterEvent => {}
    }
    let Some(checks) = checks else { return Outcome::Holds };
    if let Some(cause) = checks.ended_by() {
        return Outcome::Inconclusive { floor: format!("excused: {cause}"), wanted: 0, got: 1 };
    }
    if request.until_ns.is_some() {
        return Outcome::Holds;
    }
    let floors = [
        ("append_ok", scenario.floor.append_ok, checks.appends().ok),
        ("elections", scenario.floor.elections, checks.elections()),
    ];
    for (floor, wanted, got) in floors {
        if got < wanted {
            return Outcome::Inconclusive { floor: floor.to_owned(), wanted, got };
        }
    }
    Outcome::Holds
}

/// Every kind the scenario's nemesis knows, and how often it struck.
fn faults(scenario: &Scenario, watch: &Onlooker) -> BTreeMap<String, u64> {
    let allowed = scenario.nemesis.rhythms();
    let mut counts = BTreeMap::new();
    for (index, kind) in What::KINDS.iter().enumerate() {
        let is_allowed = allowed.iter().any(|(name, _)| name.replace('_', "-") == *kind);
        if is_allowed || watch.faults[index] > 0 {
            counts.insert((*kind).to_owned(), watch.faults[index]);
        }
    }
    counts
}

/// Every knob this scenario's seeds may turn, and its value here (`default` if not turned).
fn knob_values(scenario: &Scenario, drawn: &[(String, String)]) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> =
        knobs::names(scenario).into_iter().map(|name| (name.to_owned(), "default".to_owned())).collect();
    values.extend(drawn.iter().cloned());
    values
}
