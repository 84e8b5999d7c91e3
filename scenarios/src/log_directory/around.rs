//! The ends of the logs of a directory before and after an event: what the event wrote and removed.

use raft::directory::{METADATA_DIRECTORY, PartitionDirectory};

use super::inspection::Inspection;
use super::text::record;

/// Records before the first that differs.
const BEFORE: usize = 10;
/// Records of each side from there on.
const DIFFERING: usize = 40;

/// The last records of each log that differs; of the metadata log if none does. ` ` is before a record that stays, `-` before
/// one that was removed, `+` before one that was written.
pub fn around(before: &Inspection, after: &Inspection) -> String {
    let mut names: Vec<&str> = [before, after].into_iter().flat_map(partitions).map(|it| &*it.directory).collect();
    names.sort_unstable();
    names.dedup();
    let lists = |name: &str| [before, after].map(|of| records(of, name));
    let differ: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| {
            let [old, new] = lists(name);
            old != new
        })
        .collect();
    let shown = if differ.is_empty() { vec![METADATA_DIRECTORY] } else { differ };
    shown
        .into_iter()
        .map(|name| {
            let [old, new] = lists(name);
            log(name, &old, &new)
        })
        .collect()
}

fn partitions(of: &Inspection) -> &[PartitionDirectory] {
    &of.directory.partitions
}

/// Each record with its leader epoch.
fn records(of: &Inspection, name: &str) -> Vec<String> {
    let partition = partitions(of).iter().filter(|it| &*it.directory == name);
    let batches = partition.flat_map(|it| &it.segments).flat_map(|segment| &segment.batches);
    batches.flat_map(|batch| batch.records.iter().map(|it| format!("epoch {} {}", batch.epoch, record(it)))).collect()
}

fn log(name: &str, old: &[String], new: &[String]) -> String {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let mut text = format!("{name}\n");
    let from = same.saturating_sub(BEFORE);
    if from > 0 {
        text += &format!("  … {from} before\n");
    }
    old[from..same].iter().for_each(|record| text += &format!("  {record}\n"));
    for (mark, rest) in [('-', &old[same..]), ('+', &new[same..])] {
        rest.iter().take(DIFFERING).for_each(|record| text += &format!("{mark} {record}\n"));
        if rest.len() > DIFFERING {
            text += &format!("{mark} … {} more\n", rest.len() - DIFFERING);
        }
    }
    text
}
