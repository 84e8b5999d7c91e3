//! Plans are a function of their seed, stay within their scenario, and their kinds are independent.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sim::fault::{
    BitRot, FaultTarget, Guard, Link, Pause, PowerLoss, Tail, Trigger, WallSmear, WallStep, What, WrongName,
};

use super::*;
use crate::aim::guard;
use crate::aim::trigger_event::TriggerEvent;
use crate::scenario::fault_profile::Destroys;
use crate::scenario::faults::Nemesis;
use crate::{catalog, knobs};

fn built_in(name: &str) -> Scenario {
    catalog::find(name).expect("built in").scenario().expect("good")
}

fn nodes(from: u16, count: usize) -> Vec<Node> {
    (from..from + count as u16).map(Node).collect()
}

/// Controllers and observers, then dedicated brokers.
fn servers(scenario: &Scenario) -> Vec<Node> {
    let cluster = &scenario.cluster;
    nodes(0, cluster.voter_count() + usize::from(cluster.observers) + usize::from(cluster.brokers))
}

fn brokers(scenario: &Scenario) -> Vec<Node> {
    let (cluster, servers) = (&scenario.cluster, servers(scenario));
    if cluster.combined { servers } else { servers[servers.len() - usize::from(cluster.brokers)..].to_vec() }
}

fn plan_of(scenario: &Scenario, seed: u64) -> Plan {
    let servers = servers(scenario);
    let clients = nodes(servers.len() as u16, scenario.workload.clients.into());
    plan(scenario, &servers, &brokers(scenario), &clients, Seed(seed))
}

/// The scenario without one kind.
fn without(scenario: &Scenario, kind: &str) -> Scenario {
    let mut table: toml::Table = scenario.to_toml().parse().expect("printed");
    let nemesis = table.get_mut("nemesis").and_then(toml::Value::as_table_mut).expect("printed");
    nemesis.remove(kind).expect("the kind was there");
    let text = toml::to_string(&table).expect("a table");
    Scenario::from_toml("without", &text).expect("good")
}

/// The faults that a kind's generator makes, unaimed; rot includes a power loss.
fn of_kind(plan: &Plan, kind: Kind) -> Vec<Fault> {
    let mut faults = plan.0.clone();
    faults.retain(|f| f.on.is_none() && f.what.kind() == kind);
    faults
}

/// Checks kind, length and guard of a fault that waits for a trigger.
fn check_aimed(scenario: &Scenario, fault: &Fault, trigger: &Trigger) {
    let profile = scenario.nemesis.aimed.as_ref().expect("the scenario has such faults");
    assert!(profile.kinds.iter().any(|aimed| aimed.kind() == fault.what.kind()), "{fault:?}");
    assert!(fault.lasts_ns <= profile.lasts.max_ns && fault.at_ns < scenario.duration.0, "{fault:?}");
    let nth = i64::from(trigger.nth);
    assert!((profile.nth.min..=profile.nth.max).contains(&nth) && trigger.after_ns <= profile.after.max_ns);
    let event = TriggerEvent::by_name(&trigger.name).expect("an event");
    assert!(TriggerEvent::possible(scenario.cluster.has_brokers()).any(|possible| possible == event));
    assert!(trigger.peer_as.is_none() || event.has_peer(), "{fault:?}");
    let destroys = means(fault.what.kind()).destroys != Destroys::Nothing;
    let all_may_go = scenario.nemesis.any_broker_loses_data || scenario.nemesis.beyond_tolerance;
    let guard = match scenario.nemesis.within_tolerance {
        true => Some(Guard::Tolerance),
        false => (destroys && !all_may_go).then_some(Guard::LastCopy),
    };
    assert_eq!(fault.unless, guard, "{fault:?}");
}

/// Checks links, nodes, times and tolerance of one plan.
fn check(scenario: &Scenario, plan: &Plan) {
    let servers = servers(scenario).len();
    let all = servers + usize::from(scenario.workload.clients);
    let rhythms = scenario.nemesis.rhythms();
    let at_leader = scenario.nemesis.cut.as_ref().is_some_and(|cut| cut.leader_ppm > 0);
    let mut destroyed = BTreeSet::new();
    for fault in &plan.0 {
        assert!(fault.at_ns >= scenario.nemesis.start.0, "{fault:?} before the start");
        // A cut at the leader is one of its own kind, but for when it begins.
        if let Some(trigger) = fault.on.as_ref().filter(|_| !(at_leader && links::is_aimed_at_leader(fault))) {
            check_aimed(scenario, fault, trigger);
            continue;
        }
        assert!(fault.at_ns + fault.lasts_ns <= scenario.duration.0, "{fault:?} after the end");
        let rhythm = rhythms.iter().find(|(kind, _)| *kind == fault.what.kind());
        let (_, rhythm) =
            rhythm.or(rhythms.iter().find(|(kind, _)| *kind == Kind::BitRot)).expect("a kind of the scenario");
        assert!(fault.lasts_ns <= rhythm.lasts.max_ns || matches!(fault.what, What::PowerLoss(_)), "{fault:?}");
        if let Some(node) = fault.what.node() {
            assert!(usize::from(node.0) < servers, "{fault:?} hits no server");
        }
        if let FaultTarget::Links(links) = fault.what.target() {
            assert!(!links.is_empty(), "{fault:?} hits nothing");
            let distinct: BTreeSet<_> = links.iter().collect();
            assert_eq!(distinct.len(), links.len(), "{fault:?} names a link twice");
            assert!(links.iter().all(|l| l.0 != l.1 && usize::from(l.0.0.max(l.1.0)) < all), "{fault:?}");
        }
        if fault.what.kind() == Kind::ReplaceDisk && guard::may_replace_any_controller(scenario) {
            assert!(fault.unless.is_some(), "{fault:?} has no guard");
            let controllers = scenario.cluster.controller_count();
            let is_pure_broker = |node: &Node| usize::from(node.0) >= controllers;
            destroyed.extend(fault.what.node().filter(is_pure_broker));
        } else if means(fault.what.kind()).destroys == Destroys::Forced {
            destroyed.extend(fault.what.node());
        }
        if let What::BitRot(BitRot { node, spare_bytes, .. }) = &fault.what {
            assert_eq!(*spare_bytes, 61);
            let read = plan.0.iter().any(|f| {
                matches!(f.what, What::PowerLoss(PowerLoss { node: n, tail: Tail::Kept, .. }) if n == *node)
                    && (fault.at_ns..=fault.at_ns + 1_000_000_000).contains(&f.at_ns)
            });
            assert!(read, "{fault:?} is never read");
        }
    }
    if scenario.nemesis.beyond_tolerance {
        return;
    }
    let voters = scenario.cluster.voter_count();
    let of_brokers: BTreeSet<Node> =
        brokers(scenario).into_iter().filter(|node| usize::from(node.0) >= voters).collect();
    let (brokers, others): (BTreeSet<Node>, BTreeSet<Node>) =
        destroyed.into_iter().partition(|node| of_brokers.contains(node));
    assert!(others.len() <= (voters - 1) / 2, "{others:?} of {voters} voters lost durable bytes");
    assert!(others.iter().all(|node| usize::from(node.0) < voters), "{others:?}");
    let tolerated =
        if scenario.nemesis.any_broker_loses_data { of_brokers.len() } else { of_brokers.len().saturating_sub(1) / 2 };
    assert!(brokers.len() <= tolerated, "{brokers:?} of {of_brokers:?} lost durable bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_fault_stays_within_its_scenario(seed: u64) {
        for entry in catalog::list() {
            let mut scenario = entry.scenario().expect("good");
            scenario.apply_knobs(&knobs::draw(&scenario, Seed(seed))).expect("knobs are legal");
            let plan = plan_of(&scenario, seed);
            prop_assert_eq!(&plan, &plan_of(&scenario, seed));
            check(&scenario, &plan);
        }
    }

    #[test]
    fn switching_a_kind_off_moves_no_other(seed: u64, rank in 0_usize..17) {
        let scenario = built_in("quorum");
        let whole = plan_of(&scenario, seed);
        let gone = Kind::ALL[rank];
        let rest = plan_of(&without(&scenario, gone.name()), seed);
        for kind in Kind::ALL.iter().copied().filter(|kind| *kind != gone) {
            if let (Kind::BitRot, Kind::PowerLoss) | (Kind::Kill, Kind::Delay) = (gone, kind) {
                // Rot includes power losses, and a kill includes delays: these are ignored.
                let (rest, whole) = (of_kind(&rest, kind), of_kind(&whole, kind));
                prop_assert!(rest.iter().all(|fault| whole.contains(fault)));
            } else {
                prop_assert_eq!(of_kind(&rest, kind), of_kind(&whole, kind), "{} without {}", kind, gone);
            }
        }
    }

    #[test]
    fn aimed_faults_move_no_other(seed: u64) {
        let scenario = built_in("ci");
        let mut whole = plan_of(&scenario, seed);
        whole.0.retain(|fault| fault.on.is_none());
        prop_assert_eq!(plan_of(&without(&scenario, "aimed"), seed), whole);
    }

    #[test]
    fn turns_never_overlap_and_a_kind_gone_only_leaves_its_own(seed: u64) {
        let scenario = built_in("controller-failover");
        let turn = scenario.nemesis.turn.expect("it has turns").0;
        let turn_of = |fault: &Fault| (fault.at_ns - scenario.nemesis.start.0) / turn;
        let whole = plan_of(&scenario, seed);
        let turns: BTreeSet<u64> = whole.0.iter().map(turn_of).collect();
        prop_assert_eq!(turns.len(), whole.0.len());
        prop_assert_eq!(turns.len(), 5);
        prop_assert!(whole.0.iter().all(|fault| (fault.at_ns + fault.lasts_ns - scenario.nemesis.start.0).div_ceil(turn) == turn_of(fault) + 1));
        let rest = plan_of(&without(&scenario, "kill"), seed);
        prop_assert!(whole.0.iter().filter(|f| f.what.kind() != Kind::Kill).all(|fault| rest.0.contains(fault)));
    }
}

/// Over a few hundred seeds each kind is injected, each is left out, and each knob takes each value.
#[test]
fn seeds_differ_in_kind() {
    for name in ["quorum", "controller-failover", "partitions", "clock-skew", "power-loss"] {
        let scenario = built_in(name);
        let plans: Vec<Plan> = (0..400).map(|seed| plan_of(&scenario, seed)).collect();
        for (kind, _) in scenario.nemesis.rhythms() {
            let struck = plans.iter().filter(|plan| !of_kind(plan, kind).is_empty()).count();
            assert!(struck >= 40, "{name}: {kind} in {struck} of 400 runs");
            assert!(struck < 400 || !scenario.nemesis.swarm, "{name}: {kind} in every run");
        }
    }
}

/// A kind whose effects outlast the run is never generated: a remembered wrong address has 30 s. A shrunk scenario may be
/// shorter.
#[test]
fn every_kind_of_the_catalog_fits_into_its_scenario() {
    for entry in catalog::list() {
        let scenario = entry.scenario().expect("good");
        let nemesis = &scenario.nemesis;
        let room = nemesis.turn.map_or(scenario.duration.0 - nemesis.start.0, |turn| turn.0 / 4 * 3);
        for (kind, rhythm) in nemesis.rhythms() {
            let means = means(kind);
            let needs = rhythm.lasts.min_ns + means.spread_ns + means.afterwards_ns;
            assert!(needs < room, "{kind} of {}: {needs} ns of {room}", entry.name);
        }
    }
}

#[test]
fn without_kinds_there_is_no_fault() {
    let mut scenario = built_in("quorum");
    scenario.nemesis = Nemesis::default();
    assert_eq!(plan_of(&scenario, 1), Plan::default());
}

#[test]
fn wall_steps_add_up() {
    let fault = |what| Fault::at(0, 0, what);
    let node = Node(0);
    let plan = Plan(vec![
        fault(What::WallStep(WallStep { node, by_ms: -300 })),
        fault(What::WallSmear(WallSmear { node, by_ms: 200 })),
        fault(What::Pause(Pause { node })),
    ]);
    assert_eq!(max_wall_step_ms(&plan), 500);
}

/// Each names one opener and a connection to some server.
#[test]
fn connections_drop_every_packet_if_the_scenario_says_so() {
    let text = "[nemesis]\nswarm = false\n[nemesis.black-hole]\nevery = \"2s\"\nlasts = \"1s..40s\"";
    let mut scenario = built_in("calm");
    scenario.nemesis =
        toml::from_str::<toml::Table>(text).expect("a table")["nemesis"].clone().try_into().expect("good");
    let mut openers = BTreeSet::new();
    for seed in 0..100 {
        let plan = plan_of(&scenario, seed);
        check(&scenario, &plan);
        let json = serde_json::to_string(&plan).expect("plain data");
        assert_eq!(serde_json::from_str::<Plan>(&json).expect("it reads what it writes"), plan);
        for fault in of_kind(&plan, Kind::BlackHole) {
            let links = fault.what.links();
            assert!(links.iter().all(|link| link.0 == links[0].0 && usize::from(link.1.0) < servers(&scenario).len()));
            openers.insert(links[0].0);
        }
    }
    assert!(openers.len() > servers(&scenario).len(), "servers and clients: {openers:?}");
}

/// One name, one resolver, or all; always lookups of servers by servers.
#[test]
fn names_of_servers_are_not_resolved_in_three_shapes() {
    let text = "[nemesis]\nswarm = false\n[nemesis.unresolved-name]\nevery = \"2s\"\nlasts = \"1s..10s\"";
    let mut scenario = built_in("calm");
    scenario.nemesis =
        toml::from_str::<toml::Table>(text).expect("a table")["nemesis"].clone().try_into().expect("good");
    let count = servers(&scenario).len();
    let mut shapes = BTreeSet::new();
    for seed in 0..20 {
        let plan = plan_of(&scenario, seed);
        check(&scenario, &plan);
        for fault in of_kind(&plan, Kind::UnresolvedName) {
            let links = fault.what.links();
            assert!(links.iter().all(|link| usize::from(link.0.0.max(link.1.0)) < count), "{fault:?}");
            let of_one = |end: fn(&Link) -> Node| links.iter().all(|link| end(link) == end(&links[0]));
            shapes.insert((of_one(|link| link.0), of_one(|link| link.1), links.len()));
        }
    }
    let expected = [(true, false, count - 1), (false, true, count - 1), (false, false, count * (count - 1))];
    assert_eq!(shapes, BTreeSet::from(expected));
}

/// Names that are unknown at the first boot; other kinds have the same faults without.
#[test]
fn the_first_lookups_fail_as_often_as_the_scenario_says() {
    let with = |at_boot_ppm: u32| {
        let mut scenario = built_in("cold-boot");
        scenario.nemesis.swarm = false;
        scenario.nemesis.unresolved_name.as_mut().expect("it has them").at_boot_ppm = at_boot_ppm;
        scenario
    };
    let (never, often, always) = (with(0), with(300_000), with(1_000_000));
    let mut at_boot = [0; 3];
    for seed in 0..200 {
        for (scenario, at_boot) in [&never, &often, &always].into_iter().zip(&mut at_boot) {
            let faults = of_kind(&plan_of(scenario, seed), Kind::UnresolvedName);
            assert!(faults.iter().skip(1).all(|fault| fault.at_ns > 0), "{faults:?}");
            *at_boot += usize::from(faults[0].at_ns == 0);
        }
        let others = |scenario| of_kind(&plan_of(scenario, seed), Kind::Kill);
        assert_eq!(others(&never), others(&always));
    }
    assert!(at_boot[0] == 0 && (45..=75).contains(&at_boot[1]) && at_boot[2] == 200, "{at_boot:?}");
}

/// The name of one server, as one server resolves it or all do; half of them lead to another server.
#[test]
fn names_of_servers_lead_elsewhere() {
    let text = "[nemesis]\nswarm = false\n[nemesis.wrong-name]\nevery = \"2s\"\nlasts = \"1s..10s\"\n\
                other_servers_ppm = 500000";
    let mut scenario = built_in("calm");
    scenario.nemesis =
        toml::from_str::<toml::Table>(text).expect("a table")["nemesis"].clone().try_into().expect("good");
    let count = servers(&scenario).len();
    let mut seen = BTreeSet::new();
    for seed in 0..20 {
        let plan = plan_of(&scenario, seed);
        check(&scenario, &plan);
        for fault in of_kind(&plan, Kind::WrongName) {
            let What::WrongName(WrongName { links, to }) = &fault.what else { panic!("{fault:?}") };
            assert!(links.iter().all(|link| link.1 == links[0].1 && usize::from(link.0.0) < count), "{fault:?}");
            assert!(to.is_none_or(|to| to != links[0].1 && usize::from(to.0) < count), "{fault:?}");
            seen.insert((links.len(), to.is_some()));
        }
    }
    assert_eq!(seen, BTreeSet::from([(1, false), (1, true), (count - 1, false), (count - 1, true)]));
}

#[test]
fn pendants_hang_at_different_members_of_a_majority() {
    let servers = nodes(0, 5);
    let cut: BTreeSet<(u16, u16)> = links::pendants(&servers).iter().map(|Link(from, to)| (from.0, to.0)).collect();
    let open = (0..5).flat_map(|from| (0..5).map(move |to| (from, to))).filter(|link| !cut.contains(link));
    let open: BTreeSet<(u16, u16)> = open.filter(|(from, to)| from < to).collect();
    assert_eq!(open, BTreeSet::from([(0, 1), (0, 2), (1, 2), (0, 3), (1, 4)]));
    assert!(cut.iter().all(|(from, to)| cut.contains(&(*to, *from))), "both ways: {cut:?}");
}

/// A cut at the leader is one that waits for a commit, and no other cut waits.
#[test]
fn some_cuts_are_aimed_at_the_leader() {
    let mut scenario = built_in("asymmetric");
    scenario.nemesis.aimed = None;
    let cuts = |scenario: &Scenario| -> Vec<Fault> {
        let faults = (0..40).flat_map(|seed| plan_of(scenario, seed).0);
        faults.filter(|fault| fault.what.kind() == Kind::Cut).collect()
    };
    let aimed = cuts(&scenario).iter().filter(|fault| links::is_aimed_at_leader(fault)).count();
    assert!(aimed > 40 && cuts(&scenario).iter().all(|it| it.on.is_none() || links::is_aimed_at_leader(it)), "{aimed}");
    scenario.nemesis.cut.as_mut().expect("it has cuts").leader_ppm = 0;
    assert!(cuts(&scenario).iter().all(|fault| fault.on.is_none()));
}

#[test]
fn triggers_of_snapshots_are_drawn_where_they_are_named() {
    let is_of_snapshots = |fault: &&Fault| {
        let event = fault.on.as_ref().and_then(|trigger| TriggerEvent::by_name(&trigger.name));
        event.is_some_and(|event| !event.is_drawn_unnamed())
    };
    let counts = |name: &str| {
        let plans = (0..20).map(|seed| plan_of(&built_in(name), seed));
        let faults: Vec<Fault> = plans.flat_map(|plan| plan.0).filter(|fault| fault.on.is_some()).collect();
        (faults.iter().filter(is_of_snapshots).count(), faults.len())
    };
    assert_eq!(counts("ci").0, 0);
    let (of_snapshots, all) = counts("snapshots");
    assert!(of_snapshots > all / 2 && of_snapshots < all, "{of_snapshots} of {all}: `any` is one of the others");
}
