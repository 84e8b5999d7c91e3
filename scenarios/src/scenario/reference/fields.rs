//! The list of fields, in the order of the document.

use super::FieldKind::{
    Boolean, Duration, IntegerRange, IntegersOf, Latency, Map, NameOf, NamesOf, OneOf, Table, Tables, Text,
};
use super::Presence::{Default, Required, Unset};
use super::ScenarioField;
use super::{ANY, COUNT, DRIFT, LONGEST, PPM, RANGE, from_ms, up_to};
use crate::scenario::fault_profile::FaultProfile;
use crate::scenario::values::Nanos;
use sim::fault_kinds;

macro_rules! fields {
    ($list:ident: $($path:literal: $kind:expr, $presence:expr, $about:literal;)+) => {
        const $list: &[ScenarioField] =
            &[$(ScenarioField { path: $path, kind: $kind, presence: $presence, about: $about },)+];
    };
}

fields! {
    BEFORE_KINDS:
    "name": Text, Required("\"mine\""), "Name in reports.";
    "about": Text, Default("\"\""), "Purpose, in one sentence.";
    "duration": Duration { min_ns: Nanos::from_ms(1_000).0, max_ns: Nanos::from_ms(600_000).0 }, Required("\"20s\""),
        "Simulated time during which clients work and faults are injected. Then all faults end, the cluster recovers and the run ends.";
    "fixes": NamesOf("`kraftsim fixes list`"), Default("[]"),
        "Fixes of findings that are on (see `catalog/findings/README.md`): names, or `\"all\"`, after which `\"-NAME\"` takes one out.";
    "bugs": NamesOf("`kraftsim bugs list`"), Default("[]"), "Bugs that are on.";
    "require_probe": NamesOf("probes, see below"), Default("[]"),
        "Rare situations that a sweep must reach; a sweep that does not is vacuous (exit code 4).";
    "require_probe_from_seeds": COUNT, Default("0"), "`require_probe` is judged in sweeps of at least so many seeds.";
    "cluster": Table, Unset("defaults"), "Servers.";
    "network": Table, Unset("defaults"), "Links without faults.";
    "disk": Table, Unset("defaults"), "Disks without faults.";
    "clock": Table, Unset("defaults"), "Clocks at the start of a run.";
    "profile": Text, Default("\"ideal\""), "How long the servers' threads work at what they do, as measured on a machine; with `ideal` nothing takes time.";
    "threads": Map("service times"), Unset("no service times"), "Time that a thread of a server needs for an input; precedes the profile.";
    "workload": Table, Unset("defaults"), "Append clients of a quorum without brokers.";
    "clients": Table, Unset("defaults"), "Kafka's clients of a cluster with brokers.";
    "nemesis": Table, Unset("no faults"), "Faults.";
    "knobs": Table, Unset("all are drawn"), "Settings that each seed draws.";
    "floor": Table, Unset("defaults"), "Work that a run or a sweep must do, or it proves nothing.";
    "expect": Map("limits"), Unset("no limits"), "Limits of measured times and counts.";
    "finding": Table, Unset("no finding"), "Only in scenarios of findings.";

    "cluster.voters": up_to(1, 7), Unset("3"),
        "Controllers with the ids 1, 2, …: 1, 3, 5 or 7. Not together with `properties`. A drawn knob, unless pinned.";
    "cluster.observers": up_to(0, 8), Default("0"), "Observers behind the voters, in a quorum without brokers.";
    "cluster.dynamic": Boolean, Default("false"), "The voters are in the metadata log and may change (KIP-853): their disks are formatted with `--initial-controllers`, and all nodes have `controller.quorum.bootstrap.servers`.";
    "cluster.kraft_version": up_to(0, 1), Unset("1"), "`kraft.version` at format, of a dynamic quorum with brokers, or 0 of nodes with `controller.quorum.voters` that operators are to upgrade. With 0 the voters are static at first: they and the brokers have `controller.quorum.voters` too, and no disk is formatted with `--initial-controllers` (spare controllers: `--no-initial-controllers`). The operators upgrade the quorum (`kafka-features upgrade --feature kraft.version=1`). A drawn knob, where `knobs.also` names it.";
    "cluster.spare_controllers": up_to(0, 8), Default("0"), "Controllers of a dynamic quorum that are no voters at first, with the ids behind those of the voters.";
    "cluster.initial_controllers": IntegersOf("`node.id`s of controllers"), Default("[]"), "Of a dynamic quorum from `.properties`, the controllers whose disks are formatted as voters (`kafka-storage format --initial-controllers`); by default all. The others are observers, and join if they have `controller.quorum.auto.join.enable`.";
    "cluster.other_cluster": IntegersOf("`node.id`s of servers"), Default("[]"), "Servers whose disks are formatted with another cluster id (`kafka-storage format --cluster-id`). The others refuse their requests with INCONSISTENT_CLUSTER_ID, so they are not expected to take part.";
    "cluster.moving": IntegersOf("one `node.id` of a controller"), Default("[]"), "A controller of a dynamic quorum without brokers that has one of two ports from each start of its process on (`advertised.listeners`), drawn each time. Bootstrap servers and formatted disks name the first. Clients reach both. Not with operators, or with faults that destroy disks: a majority that needs this voter may then elect nobody, since only a leader writes the new port.";
    "cluster.brokers": up_to(0, 32), Default("0"), "Isolated brokers (`process.roles=broker`) with the ids 101, 102, …";
    "cluster.combined": Boolean, Default("false"), "The voters are brokers, too (`process.roles=broker,controller`).";
    "cluster.metadata_version": up_to(7, 33), Unset("Kafka's latest for production"),
        "Feature level at format (`kafka-storage format --feature metadata.version=LEVEL`).";
    "cluster.elr": Boolean, Unset("on from metadata.version 26 (4.1-IV0)"),
        "Eligible leader replicas (`eligible.leader.replicas.version`); needs metadata.version 23. A drawn knob, unless set.";
    "cluster.restart_after": ANY, Default("\"2s\""), "A process that ends by itself (after a disk failure) is started again after this time.";
    "cluster.properties": NamesOf("paths"), Default("[]"),
        "`.properties` files, one for each node, relative to the scenario file. They replace `voters`, `observers`, `brokers` and `combined`.";
    "cluster.config": Map("Kafka properties, see below"), Unset("Kafka's defaults"),
        "Kafka properties of all nodes. They take precedence over those of the files.";
    "cluster.node": Tables, Unset("none"), "The contents of `properties`, as repro files store them.";
    "cluster.node.file": Text, Required("\"controller-1.properties\""), "Name in messages.";
    "cluster.node.text": Text, Required("\"node.id=1\""), "Contents.";

    "network.transport": OneOf(&["tcp", "datagram"]), Default("\"tcp\""),
        "`tcp`: connections with bytes in order, as Kafka has. `datagram`: each message between servers alone; it may be lost, duplicated and reordered.";
    "network.latency": Latency, Default("\"500us\""), "One-way latency of each link; `profile`: as measured on the machine of the profile.";
    "network.loss_ppm": PPM, Default("0"), "Probability that a packet is lost, parts per million.";
    "network.duplicate_ppm": PPM, Default("0"), "Probability that a datagram arrives twice, parts per million; `datagram` only.";
    "network.reorder": ANY, Default("\"0s\""), "Longest additional delay of a datagram, uniform; `datagram` only.";
    "network.rto_max": from_ms(200), Default("\"120s\""), "Longest retransmission timeout of TCP (Linux: 120 s).";
    "network.one_subnet_ppm": PPM, Default("0"), "Probability that all hosts of a run share a subnet, parts per million: a connect to a host without power fails after 3 s (EHOSTUNREACH), and not only by its timeout.";
    "network.link": Tables, Unset("none"), "Links between servers that differ, in one direction.";
    "network.link.from": IntegersOf("`node.id`s"), Required("[1]"), "Senders.";
    "network.link.to": IntegersOf("`node.id`s"), Required("[2]"), "Receivers.";
    "network.link.latency": Latency, Required("\"2ms\""), "One-way latency.";

    "disk.fsync": Latency, Default("\"1ms\""), "Duration of an fsync; a median of 0 is allowed here. `profile`: as measured on the machine of the profile.";
    "disk.fs": OneOf(&["posix", "ext4", "xfs"]), Default("\"posix\""), "`posix`: an fsync of a file makes its bytes durable, and only one of the directory makes its name so. `ext4`, `xfs`: an fsync of a changed file also commits all changes of directories before it.";

    "clock.offset_ms": IntegerRange { min: -86_400_000, max: 86_400_000 }, Default("0"), "Offset of a server's wall clock, ms; drawn for each server.";
    "clock.drift_ppm": DRIFT, Default("0"), "Rate error of both clocks of a server, parts per million; drawn for each server.";

    "workload.clients": up_to(1, 64), Default("3"), "Append clients.";
    "workload.interval": Duration { min_ns: 100_000, max_ns: LONGEST }, Default("\"50ms\""), "Mean time between two operations of one client.";
    "workload.max_in_flight": up_to(1, 5), Default("5"), "Appends of one client that are in flight at once. A drawn knob, unless pinned.";
    "workload.records": IntegerRange { min: 1, max: 200 }, Default("\"1..3\""), "Records of one append.";
    "workload.membership_clients": up_to(0, 4), Default("0"), "Operators who add and remove voters of a dynamic quorum (`kafka-metadata-quorum`, half of them with `--bootstrap-server` if there are brokers, else with `--bootstrap-controller`), and upgrade `kraft.version`.";
    "workload.membership_interval": from_ms(1), Default("\"2s\""), "Mean gap between two changes of one operator.";
    "workload.min_voters": up_to(1, 7), Default("1"), "An operator leaves at least so many voters, but where one has lost its disk. A guard lets no more disks be lost at a time than so many voters tolerate: with 1 or 2, none.";
    "workload.reads_ppm": PPM, Default("200000"), "Share of reads among the operations, parts per million.";
    "workload.attempt_timeout": from_ms(1), Default("\"2s\""), "A client abandons an attempt without a response after this time; its outcome is unknown.";

    "clients.admins": up_to(1, 8), Default("1"), "Admin clients. The first creates the topics.";
    "clients.producers": up_to(0, 32), Default("2"), "Producers.";
    "clients.consumers": up_to(0, 32), Default("2"), "Consumers; each reads all partitions (`auto.offset.reset=earliest`).";
    "clients.topics": up_to(1, 32), Default("2"), "Topics that exist for the whole run. Admin clients create and delete others.";
    "clients.partitions": up_to(0, 64), Default("2"), "Partitions of each topic. 0: the controllers' `num.partitions`.";
    "clients.replication_factor": up_to(0, 9), Default("3"),
        "Replicas of each partition, at most the number of brokers. 0: the controllers' `default.replication.factor`.";
    "clients.min_insync_replicas": up_to(0, 9), Default("2"),
        "`min.insync.replicas` of each topic. 0: the topics do not set it, and that of the nodes applies.";
    "clients.altered_min_insync_replicas": up_to(0, 9), Default("0"),
        "Admin clients alter `min.insync.replicas` of topics between `min_insync_replicas` and this value; never, if it is not larger.";
    "clients.elections_in_each_run": Boolean, Default("false"),
        "Admin clients request elections in each run. Otherwise they do in half of the runs, since such requests hide failures to elect.";
    "clients.unclean_elections": Boolean, Default("false"), "Admin clients request unclean elections, too.";
    "clients.produce_to_lasting_topics_only": Boolean, Default("false"),
        "Producers send nothing to the topics that admin clients delete and create again. The first record of a new topic waits for `replica.fetch.backoff.ms`, and all requests behind it on its connection wait, too.";
    "clients.acks": OneOf(&["all", "1", "0"]), Default("\"all\""), "`acks` of the producers.";
    "clients.idempotence": Boolean, Default("true"), "`enable.idempotence` of the producers; needs `acks = \"all\"`.";
    "clients.produce_interval": Duration { min_ns: 100_000, max_ns: LONGEST }, Default("\"50ms\""), "Time between two values of one producer.";
    "clients.admin_interval": Duration { min_ns: 100_000, max_ns: LONGEST }, Default("\"500ms\""), "Time between two operations of one admin client.";
    "clients.config": Map("client properties, see below"), Unset("Kafka's defaults"), "Further properties of all clients.";

    "nemesis.swarm": Boolean, Default("true"), "Each seed omits each kind of fault with a probability of 40 %, so that runs differ in kind.";
    "nemesis.start": ANY, Default("\"0s\""), "No fault begins before; less than `duration`.";
    "nemesis.turn": from_ms(100), Unset("faults overlap"),
        "If set, time is divided into turns of this length: at most one fault in each, ended by three quarters of it. `every` then is a weight.";
    "nemesis.targets": OneOf(&["all", "controllers", "brokers"]), Default("\"all\""), "Servers that faults of nodes and disks affect.";
    "nemesis.any-broker-loses-data": Boolean, Default("false"),
        "All brokers may lose power, rot and lose their disks. Otherwise only a minority may, the same for a whole run.";
    "nemesis.guarded": Boolean, Default("false"),
        "A fault that destroys bytes is skipped at its instant if a guarantee could not be kept then. So any broker may lose power.";
    "nemesis.within-tolerance": Boolean, Default("false"),
        "Each fault is skipped at its instant if it could make Kafka lose an acknowledged record of three replicas, two of them in sync. So any broker may lose power.";
    "nemesis.beyond-tolerance": Boolean, Default("false"),
        "Faults may exceed what guarantees rest on. Only the claims that one process keeps by itself are checked.";
}

fields! {
    BEHIND_KINDS:
    "nemesis.aimed": Table, Unset("off"), "Faults that wait for a trigger.";
    "nemesis.aimed.every": from_ms(10), Required("\"10s\""), "Mean time between two of them, from one beginning to wait to the next.";
    "nemesis.aimed.lasts": RANGE, Required("\"50ms..3s\""), "Time until the fault ends.";
    "nemesis.aimed.triggers": NamesOf("triggers, see below"), Default("[]"), "Triggers to draw from; one that is named twice is drawn twice as often. `any` is one of all that the cluster can show and that need not be named, and so is an empty list.";
    "nemesis.aimed.kinds": NamesOf("`kill`, `power-loss`, `terminate`, `pause`, `stall`, `isolate`, `one-way`, `delay`, `fsync-fails`, `replace-disk`, `full-disk`"),
        Default("[\"kill\", \"power-loss\", \"terminate\", \"pause\", \"stall\", \"isolate\", \"one-way\", \"delay\", \"fsync-fails\", \"replace-disk\"]"), "Faults to draw from, at least one.";
    "nemesis.aimed.nth": IntegerRange { min: 1, max: 1_000_000 }, Required("\"1..8\""), "The occurrence of the trigger that counts.";
    "nemesis.aimed.after": RANGE, Required("\"1ms..100ms\""), "Time from the trigger to the fault, for half of them. The other half occurs at once, between two effects.";
    "nemesis.aimed.extra": RANGE, Default("\"0s\""), "Additional latency of `delay`; required with it.";

    "knobs.off": Boolean, Default("false"), "No setting is drawn.";
    "knobs.pinned": NamesOf("knobs, see below"), Default("[]"), "Settings that are not drawn. What `cluster.config`, `clients.config` or `--set` sets is not drawn either.";
    "knobs.also": NamesOf("knobs, see below"), Default("[]"), "Settings that are drawn only where they are named: `cluster.dynamic` and `cluster.kraft_version`, in a fifth of the seeds, and `metadata.log.max.record.bytes.between.snapshots`.";

    "floor.append_ok": COUNT, Default("200"), "Acknowledged appends of a run, without brokers.";
    "floor.elections": COUNT, Default("1"), "Elections won in a run.";
    "floor.produce_ok": COUNT, Default("200"), "Acknowledged batches of a run, with brokers.";
    "floor.acked_kept_percent": up_to(0, 100), Default("0"), "Share of the records acknowledged with `acks=all` that no excuse covers, percent, in all runs of a sweep together.";

    "finding.fix": NameOf("`kraftsim fixes list`"), Required("\"FlushRecoveredLog\""), "The fix with which the scenario holds.";
    "finding.shows": NamesOf("checks"), Required("[\"AckedValueNotLost\"]"), "Checks that are violated without the fix, at least one.";
}

macro_rules! all_fields {
    ($($file:ident: $FieldKind:ident = $name:literal,)+) => {
        const LISTS: &[&[ScenarioField]] =
            &[BEFORE_KINDS, $(<sim::fault::$FieldKind as FaultProfile>::FIELDS,)+ BEHIND_KINDS];
    };
}

fault_kinds!(all_fields);

/// Every field.
pub const FIELDS: &[ScenarioField] = &joined::<{ count(LISTS) }>(LISTS);

const fn count(lists: &[&[ScenarioField]]) -> usize {
    let (mut all, mut list) = (0, 0);
    while list < lists.len() {
        all += lists[list].len();
        list += 1;
    }
    all
}

const fn joined<const N: usize>(lists: &[&[ScenarioField]]) -> [ScenarioField; N] {
    let mut all = [lists[0][0]; N];
    let (mut place, mut list) = (0, 0);
    while list < lists.len() {
        let mut field = 0;
        while field < lists[list].len() {
            all[place] = lists[list][field];
            (place, field) = (place + 1, field + 1);
        }
        list += 1;
    }
    all
}
