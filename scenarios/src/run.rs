//! The course of one run: prepare a world, run it until healing and then until recovery, report.
//!
//! `request`: what to run, and the result; `conclude`: the report. [`fork`]: the same, stopped on the way and continued
//! differently.

pub(crate) mod conclude;
pub mod fork;
pub mod listener;
mod request;

use raft::ids::NodeId;
use sim::drive::{Ended, Run};
use sim::fault::Plan;
use sim::process::Node;
use sim::rng::Seed;
use sim::world::World;

use crate::actor::{Actor, Spec};
use crate::checks::config::CheckConfig;
use crate::cluster::{Prepared, prepare};
use crate::history::History;
use crate::history::compare::compare;
use crate::history::recorder::Recorder;
use crate::report::{RunOutcome, RunReport};
use crate::run_observer::RunObserver;
use crate::workload::ScheduledOperation;
use conclude::conclude;
pub use request::{Finished, Host, Request};

/// Runs one seed and returns its report. An error is a scenario that cannot be run at all.
pub fn run(request: &Request<'_>) -> Result<RunReport, String> {
    Ok(run_recorded(request)?.0)
}

/// The same, with the history of the run if the request records it.
pub fn run_recorded(request: &Request<'_>) -> Result<(RunReport, Option<History>), String> {
    let mut finished = drive(request)?;
    let history = finished.run.watch.recorder.take().map(|recorder| recorder.into_history());
    let mut report = conclude(request, &finished);
    if let Some(compared) = history.as_ref().and_then(|history| compare(history, &finished)) {
        report.black_box = Some(compared.report());
        if let Some(violation) = compared.violation(report.sim_ns, report.events) {
            report.outcome = RunOutcome::Violated(violation);
        }
    }
    Ok((report, history))
}

/// Runs one seed and returns the finished run.
pub fn drive(request: &Request<'_>) -> Result<Finished, String> {
    drive_by(request, |_, run, end| host(request, run, end))
}

/// The operations that clients drew, by time, if the request keeps them. Those that begin after healing are left out.
pub fn operations(finished: &Finished) -> Vec<ScheduledOperation> {
    let servers = finished.prepared.servers.len();
    let world = &finished.run.world;
    let of = |client: usize| {
        let process = world.process(Node((servers + client) as u16));
        let timetable = process.map_or(&[][..], Actor::timetable);
        timetable.iter().map(move |(at_ns, what)| ScheduledOperation {
            client: client as u16,
            at_ns: *at_ns,
            what: what.clone(),
        })
    };
    let mut all: Vec<ScheduledOperation> = (0..world.node_count() - servers).flat_map(of).collect();
    all.sort_by_key(|requested| (requested.at_ns, requested.client));
    all
}

/// The result of driving a run: the run, how it ended, and the host's sentinel.
pub(crate) type Driven = (Run<Actor, RunObserver>, Ended, Option<(u64, u64)>);

/// Runs one seed with a driver of the caller's, which receives the run and its end (true time, ns).
pub(crate) fn drive_by(
    request: &Request<'_>,
    driver: impl FnOnce(&Prepared, Run<Actor, RunObserver>, u64) -> Driven,
) -> Result<Finished, String> {
    let (prepared, run, end) = begin(request)?;
    let driven = driver(&prepared, run, end);
    Ok(close(request, prepared, driven, end))
}

/// A run before its first event, and its end (true time, ns).
pub(crate) fn begin(request: &Request<'_>) -> Result<(Prepared, Run<Actor, RunObserver>, u64), String> {
    let mut prepared = prepare(request.scenario, Seed(request.seed), &request.explicit)?;
    if let Some(node) = request.dialogue {
        match &mut prepared.world.nodes[node].spec {
            Spec::Server(spec) => spec.records_dialogue = true,
            Spec::Kafka(spec) => spec.records_dialogue = true,
            Spec::Client(_) | Spec::Membership(_) => {}
        }
    }
    let world = World::new(std::mem::replace(&mut prepared.world, hollow()));
    let mut watch = run_observer(&prepared, request);
    if request.record_history {
        let topics = prepared.brokers.as_ref().map_or(&[][..], |brokers| &brokers.topics);
        watch.recorder = Some(Box::new(Recorder::new(topics)));
    }
    watch.states = request.abstract_states.then(Box::default);
    let end = prepared.scenario.duration.0 + prepared.recovery_bound_ns;
    let end = request.until_ns.map_or(end, |until| until.min(end));
    Ok((prepared, Run { world, watch }, end))
}

/// Performs the last audit, and the checks that apply only at the end.
pub(crate) fn close(request: &Request<'_>, prepared: Prepared, driven: Driven, end: u64) -> Finished {
    let (mut run, ended, sentinel) = driven;
    let at = run.world.now();
    if !matches!(ended, Ended::Panicked(_)) {
        run.watch.closing = true;
        run.world.audit(&mut run.watch);
    }
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
    Finished { run, ended, sentinel, prepared }
}

/// The observer of a prepared run.
pub fn run_observer(prepared: &Prepared, request: &Request<'_>) -> RunObserver {
    let config = CheckConfig {
        servers: prepared.servers.clone(),
        voters: prepared.voters.clone(),
        voter_set: prepared.voter_set.clone(),
        is_dynamic: prepared.is_dynamic,
        controllers: prepared.scenario.cluster.controller_count(),
        least_voters: prepared.scenario.workload.least_voters(),
        other_cluster: prepared.scenario.cluster.other_cluster.iter().map(|id| NodeId(*id)).collect(),
        small_segments: prepared.small_segments.clone(),
        timings: prepared.timings.clone(),
        slowest_ppm: prepared.scenario.clock.slowest_ppm(),
        fastest_ppm: prepared.scenario.clock.fastest_ppm(),
        appends: !prepared.scenario.cluster.has_brokers() && prepared.scenario.workload.reads_ppm < 1_000_000,
        reads: !prepared.scenario.cluster.has_brokers() && prepared.scenario.workload.reads_ppm > 0,
        availability: prepared.availability,
        brokers: prepared.brokers.clone(),
        fixes: prepared.scenario.fixes,
        keep_going: request.keep_going,
        wrong_names: prepared.wrong_names,
        beyond_tolerance: prepared.scenario.nemesis.beyond_tolerance,
    };
    RunObserver::new(config, prepared.trigger_watch.clone(), request.checks)
}

#[cfg(madsim)]
fn host(request: &Request<'_>, run: Run<Actor, RunObserver>, end: u64) -> Driven {
    if request.host == Host::Bare {
        return bare(run, end);
    }
    let (run, ended, sentinel) = sim::host::drive_hosted(run, end, request.seed, Vec::new());
    (run, ended, Some((sentinel.elapsed_ns, sentinel.next_draw)))
}

#[cfg(not(madsim))]
fn host(_: &Request<'_>, run: Run<Actor, RunObserver>, end: u64) -> Driven {
    bare(run, end)
}

fn bare(mut run: Run<Actor, RunObserver>, end: u64) -> Driven {
    let ended = run.drive_bare(end);
    (run, ended, None)
}

/// An empty configuration, to replace one that became a world.
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
