//! Writes seed inputs for every fuzz target: `seeds CORPUS`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use raft::ids::{LeaderEpoch, NodeId, Offset, TopicIdPartition, Uuid};
use raft::io::DurableFiles as _;
use raft::log::{BatchProducer, META_PROPERTIES, QUORUM_STATE};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{Partition, PartitionChange, RegisterBroker, Topic};
use reports::catalog::Catalog;
use reports::output::Streams;
use scenarios::catalog;
use targets::disk::{Disk, data, leader_change, of_broker, of_controller};

fn main() -> std::io::Result<()> {
    let Some(corpus) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds CORPUS");
        std::process::exit(2);
    };
    batches(&corpus)?;
    records(&corpus)?;
    disks(&corpus)?;
    properties(&corpus)?;
    texts(&corpus)?;
    scenarios(&corpus)?;
    histories(&corpus)?;
    json(&corpus)
}

fn put(corpus: &Path, target: &str, name: &str, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name.replace(['/', ' '], "-")), bytes)
}

fn batches(corpus: &Path) -> std::io::Result<()> {
    let producer = BatchProducer { id: raft::ids::ProducerId(7), epoch: 0, base_sequence: 4 };
    put(corpus, "batch", "control", &leader_change(Offset(7), LeaderEpoch(3)).bytes)?;
    put(corpus, "batch", "data", &data(Offset(8), LeaderEpoch(3), None).bytes)?;
    put(corpus, "batch", "producer", &data(Offset(0), LeaderEpoch(0), Some(producer)).bytes)?;
    for (name, frame) in frames() {
        let mut builder = raft::log::BatchBuilder::new(Offset(9), LeaderEpoch(3), 0);
        put(corpus, "batch", &name, &builder.record(&frame).build().bytes)?;
    }
    Ok(())
}

fn records(corpus: &Path) -> std::io::Result<()> {
    frames().iter().try_for_each(|(name, frame)| put(corpus, "metadata_record", name, frame))
}

/// Frames of records of every kind: every version of an empty one of each type, and full ones.
fn frames() -> Vec<(String, Vec<u8>)> {
    let nodes = || [1, 2, 3].into_iter().map(NodeId).collect();
    let id = Uuid([9; 16]);
    let some = Some(nodes());
    let full: [MetadataRecord; 4] = [
        RegisterBroker {
            broker_id: NodeId(1),
            is_migrating_zk_broker: false,
            incarnation_id: id,
            broker_epoch: raft::ids::BrokerEpoch(5),
            end_points: [].into(),
            features: [].into(),
            rack: Some("rack".into()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: [id].into(),
            cordoned_log_dirs: None,
        }
        .into(),
        Topic { name: "topic".into(), topic_id: id }.into(),
        Partition {
            partition_id: 0,
            topic_id: id,
            replicas: nodes(),
            isr: nodes(),
            removing_replicas: [].into(),
            adding_replicas: [].into(),
            leader: NodeId(1),
            leader_recovery_state: 0,
            leader_epoch: LeaderEpoch(1),
            partition_epoch: raft::ids::PartitionEpoch(1),
            directories: [id].into(),
            eligible_leader_replicas: some.clone(),
            last_known_elr: None,
        }
        .into(),
        PartitionChange {
            isr: some.clone(),
            leader: NodeId(2),
            eligible_leader_replicas: some,
            directories: Some([id].into()),
            ..PartitionChange::nothing(TopicIdPartition { topic_id: id, partition: 0 })
        }
        .into(),
    ];
    let mut frames: Vec<(String, Vec<u8>)> = Vec::new();
    for record in full {
        let frame = record.frame(record.max_version()).expect("the newest version says everything");
        frames.push((record.name().to_owned(), frame.to_vec()));
    }
    // Frame version, key, version, and zeroes: valid as an empty record of most types.
    for key in 0..32 {
        for length in 0..64 {
            let frame = [&[1, key, 0][..], &[0; 64][..length]].concat();
            if let Ok(record) = MetadataRecord::read(&frame) {
                frames.push((format!("{}-{length}", record.name()), frame));
            }
        }
    }
    frames
}

fn disks(corpus: &Path) -> std::io::Result<()> {
    let controller = of_controller();
    let small = |path: &str| controller.read(path).expect("a healthy disk has it");
    put(corpus, "quorum_state", "quorum-state", [&[0][..], &small(QUORUM_STATE)].concat())?;
    let of_version_1 =
        r#"{"leaderId":1,"leaderEpoch":2,"votedId":3,"votedDirectoryId":"J8aAPcfLQt2bqs1JT_rMgQ","data_version":1}"#;
    put(corpus, "quorum_state", "quorum-state-1", [&[0][..], of_version_1.as_bytes()].concat())?;
    put(corpus, "quorum_state", "meta.properties", [&[1][..], &small(META_PROPERTIES)].concat())?;
    let is_of_log = |path: &str| path.starts_with("__cluster_metadata-0/") && path != QUORUM_STATE;
    one_file_each(corpus, "metadata_log", &controller, is_of_log)?;
    one_file_each(corpus, "data_log", &of_broker(), |_| true)
}

/// Each file of the disk as it is, preceded by its index among them.
fn one_file_each(corpus: &Path, target: &str, disk: &Disk, is_of: impl Fn(&str) -> bool) -> std::io::Result<()> {
    for (place, path) in disk.paths().iter().filter(|path| is_of(path)).enumerate() {
        let content = disk.read(path).expect("the disk names it");
        put(corpus, target, path, [&[place as u8 * 2][..], &content].concat())?;
        put(corpus, target, &format!("{path}-alone"), [&[(place as u8 * 2) | 0x80][..], &content].concat())?;
    }
    Ok(())
}

fn properties(corpus: &Path) -> std::io::Result<()> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/examples");
    for example in fs::read_dir(examples)? {
        let mut files = Vec::new();
        for file in fs::read_dir(example?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "properties") {
                files.push((path.file_name().unwrap_or_default().to_owned(), fs::read(path)?));
            }
        }
        files.sort();
        let all: Vec<Vec<u8>> = files.iter().map(|(_, text)| text.clone()).collect();
        let name = format!("cluster-of-{}", all.len());
        put(corpus, "properties", &name, all.join(&0))?;
        for (file, text) in files {
            put(corpus, "properties", &format!("{name}-{}", file.to_string_lossy()), text)?;
        }
    }
    Ok(())
}

fn texts(corpus: &Path) -> std::io::Result<()> {
    let lists: [(&str, &[&str]); 4] = [
        (
            "latency",
            &["500us", "1ms..5ms", "lognormal(1ms, 0.5)", "time,value\n0,120\n1,2.5\n", "1ms\n2ms\n", "\"7us\"\n"],
        ),
        (
            "values",
            &[
                "12.5s",
                "1s..5s",
                "-250..250",
                "<= 4s",
                ">= 10",
                "failover.controller.detect.p99",
                "recovery.max",
                "0x10..0x20 2/3",
                "0..100 1/7",
                "0x2a",
                "10m",
                "produce_gap",
                "J8aAPcfLQt2bqs1JT_rMgQ",
                "00112233445566778899aabbccddeeff",
                "network.latency=2ms,lognormal(500us, 0.3)",
                "__cluster_metadata-0/00000000000000000017.log",
                "lognormal(1ms, 0.5)",
            ],
        ),
        (
            "setting",
            &[
                "network.latency=2ms",
                "broker.session.timeout.ms=4500",
                "cluster.brokers=4",
                "clients.replication_factor=2\ncluster.brokers=2",
                "duration=40s",
                "knobs.pinned=[]",
                "expect.failover.controller.p99=<= 4s",
                "nemesis.power-loss.every=10s",
                "require_probe=[\"elr_used\"]",
                "clients.config.linger.ms=5",
                "cluster.config.num.partitions=3",
                "floor.produce_ok=3",
            ],
        ),
        (
            "command_line",
            &[
                "sweep",
                "sweep\nci\n--seeds\n5..9\n--shard\n1/2\n-j\n2\n--set\nnetwork.latency=2ms",
                "sweep\n--for\n10m\n--json\n-\n--progress\nnone\n--require-probe\nelr_used",
                "replay\nci\n--seed\n0x2a\n--until\n12.5s\n--expect-digest\n00112233445566778899aabbccddeeff",
                "chart\nfailover\nci\n--vary\na=1,2\n-o\nx.svg\n--theme\ndark",
                "merge\na.json\nb.json\n-o\nall.json",
                "scenarios\nlist",
                "scenarios\nshow\nci",
                "--help",
                "--version",
            ],
        ),
    ];
    for (target, texts) in lists {
        for (i, text) in texts.iter().enumerate() {
            put(corpus, target, &i.to_string(), text)?;
        }
    }
    Ok(())
}

fn scenarios(corpus: &Path) -> std::io::Result<()> {
    catalog::list().iter().try_for_each(|entry| put(corpus, "scenario", entry.name, entry.text))
}

/// A sweep with a violation writes both kinds of file.
fn histories(corpus: &Path) -> std::io::Result<()> {
    let register = [
        "{:process 0, :type :invoke, :f :write, :value 3}",
        "{:process 1, :type :invoke, :f :cas, :value [3 4]}",
        "{:process 0, :type :ok, :f :write, :value 3}",
        "{:process 1, :type :info, :f :cas, :value [3 4]}",
        "{:process 2, :type :invoke, :f :read, :value nil}",
        "{:process 2, :type :ok, :f :read, :value 4}",
    ];
    put(corpus, "history", "register.edn", register.join("\n"))?;
    let keys = [
        "{:process 0, :type :invoke, :f :append, :key \"4\", :value \"x\"}",
        "{:process 0, :type :ok, :f :append, :key \"4\", :value \"x\"}",
        "{:process 1, :type :invoke, :f :get, :key \"4\", :value nil}",
        "{:process 1, :type :ok, :f :get, :key \"4\", :value \"x\"}",
    ];
    put(corpus, "history", "keys.edn", keys.join("\n"))?;
    let log = [
        "{:process 0, :type :invoke, :f :send, :value [[:send 1 5]]}",
        "{:process 0, :type :ok, :f :send, :value [[:send 1 [0 5]]]}",
        "{:process 1, :type :invoke, :f :poll, :value [[:poll]]}",
        "{:process 1, :type :ok, :f :poll, :value [[:poll {1 [[0 5]]}]]}",
    ];
    put(corpus, "history", "log.edn", log.join("\n"))?;
    let logged = [":invoke :write 3", ":ok :write 3", ":invoke :cas [3 4]", ":info :cas :timed-out"];
    let lines: Vec<String> = logged.iter().map(|said| format!("INFO  jepsen.util - 0 {said}")).collect();
    put(corpus, "history", "lines.log", lines.join("\n"))?;
    let folder = corpus.join("history");
    let path = folder.join("run.json").display().to_string();
    let words = ["kraftsim", "replay", "quorum", "--seed", "1", "--until", "3s", "--history", &path];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams::plain(&mut out, &mut err);
    reports::verb::run(&words.map(str::to_owned), &Catalog, &AtomicBool::new(false), &mut streams);
    Ok(())
}

fn json(corpus: &Path) -> std::io::Result<()> {
    let folder = corpus.join("sweep_json");
    let repros = corpus.join("repro_json");
    fs::create_dir_all(&folder)?;
    let mut texts = Vec::new();
    for (shard, bug) in [("1/2", None), ("2/2", None), ("1/2", Some("VoteNotDurable"))] {
        let path = folder.join(format!("{}-{}", shard.replace('/', "-of-"), bug.unwrap_or("no-bug")));
        let mut words: Vec<String> =
            ["kraftsim", "sweep", "quorum", "--seeds", "40", "--shard", shard, "--progress", "none"]
                .map(str::to_owned)
                .into();
        words.extend(["--json".to_owned(), path.display().to_string()]);
        words.extend(["--out".to_owned(), repros.display().to_string()]);
        words.extend(bug.into_iter().flat_map(|bug| ["--bug".to_owned(), bug.to_owned()]));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams::plain(&mut out, &mut err);
        reports::verb::run(&words, &Catalog, &AtomicBool::new(false), &mut streams);
        texts.push(fs::read_to_string(&path)?);
    }
    put(corpus, "sweep_json", "both-shards", format!("{}\0{}", texts[0], texts[1]))?;
    put(corpus, "sweep_json", "twice", format!("{}\0{}", texts[0], texts[0]))
}
