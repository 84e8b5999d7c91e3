//! Replicas that boot from the directories of a real cluster. `fuzz/conformance/disks/run real --keep DIRECTORY` makes them, and
//! runs this with `REAL_DIRECTORIES=DIRECTORY`.

use std::path::Path;
use std::rc::Rc;

use raft::bugs::Bugs;
use raft::fixes::Fixes;
use raft::io::DurableFiles;
use raft::log::{META_PROPERTIES, parse_meta_properties};
use raft::node::{NodeSpec, Roles};

use super::cluster::Cluster;
use super::harness::*;
use super::membership_stories::voters;

const CONTROLLERS: i32 = 3;
/// Of the segments and snapshots that are in use.
const METADATA_LOG: &str = "__cluster_metadata-0";

/// All files of a log directory that a controller reads.
fn disk(directory: &Path) -> Disk {
    let mut disk = Disk::default();
    for folder in ["", METADATA_LOG] {
        let entries = std::fs::read_dir(directory.join(folder)).expect("a directory");
        for path in entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()) {
            let name = path.file_name().expect("a name").to_string_lossy();
            let name = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
            disk.put(&name, std::fs::read(&path).expect("it can be read"));
        }
    }
    disk
}

/// The quorum's part of a controller, of the cluster whose id is on the disk. (`QuorumController` does not know all records of
/// that cluster, such as quotas.)
fn boot(id: i32, is_dynamic: bool, disk: Disk) -> Harness {
    let meta = parse_meta_properties(&disk.read_file(META_PROPERTIES)).expect("it is formatted");
    let none = Fixes::default();
    let of_quorum = if is_dynamic { dynamic(id, CONTROLLERS, none) } else { spec(id, CONTROLLERS, Bugs::NONE, none) };
    let roles = Roles::Kafka { controller: None, broker: None };
    Harness::boot(NodeSpec { roles, cluster_id: meta.cluster_id, ..of_quorum }, disk, 0)
}

/// The segments that hold what is below this offset, as they were.
fn segments(disk: &Disk) -> Vec<(Rc<str>, Vec<u8>)> {
    let is_segment = |path: &Rc<str>| path.starts_with(METADATA_LOG) && path.ends_with(".log");
    let found = disk.paths().into_iter().filter(is_segment);
    found.map(|path| (Rc::clone(&path), disk.read_file(&path))).collect()
}

/// They read the snapshot and the log, elect a leader in a later epoch, and it writes behind the log that a majority has. The
/// last real leader may have had more.
#[test]
#[ignore = "needs the directories of a real cluster"]
#[expect(clippy::disallowed_methods, reason = "where the directories are, not what happens")]
fn simulated_controllers_boot_from_real_directories() {
    let root = std::env::var("REAL_DIRECTORIES").expect("a directory of `disks/run real --keep DIRECTORY`");
    for (kind, is_dynamic) in [("static", false), ("dynamic", true)] {
        let of = |id: i32| disk(&Path::new(&root).join(kind).join(format!("controller-{id}")));
        let before: Vec<_> = (1..=CONTROLLERS).map(|id| (of(id).election(), segments(&of(id)))).collect();
        let mut cluster = Cluster::of((1..=CONTROLLERS).map(|id| boot(id, is_dynamic, of(id))).collect());
        for id in 1..=CONTROLLERS {
            let harness = cluster.harness(id);
            assert_eq!(harness.halted, None, "{kind} {id}");
            assert_eq!(voters(harness), [1, 2, 3], "{kind} {id}");
        }
        let mut ends: Vec<i64> = (1..=CONTROLLERS).map(|id| cluster.harness(id).look().end).collect();
        ends.sort_unstable();
        cluster.run_ms(20_000);
        let leaders = cluster.leaders();
        assert_eq!(leaders.len(), 1, "{kind}: {leaders:?}");
        let newest = before.iter().map(|(election, _)| election.epoch).max().expect("three");
        let leader = cluster.harness(leaders[0]);
        assert!(leader.epoch() > newest.0, "{kind}: epoch {:?} after {newest:?}", leader.epoch());
        let leader_epoch = leader.epoch();
        let look = leader.look();
        assert!(look.end > ends[1] && look.high_watermark.is_some_and(|at| at == look.end), "{kind}: {look:?}");
        for id in 1..=CONTROLLERS {
            let harness = cluster.harness(id);
            assert_eq!(harness.halted, None, "{kind} {id}");
            for (path, bytes) in &before[id as usize - 1].1 {
                let lengths = before.iter().filter_map(|(_, all)| all.iter().find(|(it, _)| it == path));
                let mut lengths: Vec<usize> = lengths.map(|(_, bytes)| bytes.len()).collect();
                lengths.sort_unstable();
                // Of a majority of the three, if that many have it.
                let kept = lengths.len().checked_sub(2).map_or(0, |at| lengths[at].min(bytes.len()));
                assert!(harness.disk.read_file(path).starts_with(&bytes[..kept]), "{kind} {id}: {path}");
            }
        }
        println!("{kind}: logs up to {ends:?}, leader {} of epoch {}, {:?}", leaders[0], leader_epoch, look.end);
    }
}
