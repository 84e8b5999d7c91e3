//! The disk against a naive model of it, and each rule of a crash by itself.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use sim::disk::{Disk, FileSystem};
use sim::fault::Tail;
use sim::process::{DiskError, File};
use sim::rng::{Entropy, Purpose, Seed};

pub(super) const A: File = File(1);
const SECTOR: usize = 512;

pub(super) fn entropy(seed: u64) -> Entropy {
    Seed(seed).entropy(Purpose::DiskFault, 0)
}

pub(super) fn path(name: &str) -> Rc<str> {
    Rc::from(name)
}

pub(super) fn bytes(of: &[u8]) -> Rc<[u8]> {
    Rc::from(of)
}

/// A file "a", open as `A`, written and durable.
pub(super) fn disk_with(content: &[u8]) -> Disk {
    let mut disk = Disk::default();
    disk.install(&path("a"), &bytes(content));
    disk.open(A, &path("a"), false);
    disk
}

#[test]
fn what_is_not_synced_is_lost_or_kept() {
    let mut disk = disk_with(b"old");
    disk.append(A, &bytes(b"new")).expect("not full");
    assert_eq!((disk.read("a"), disk.read_durable("a")), (Some(b"oldnew".to_vec()), Some(b"old".to_vec())));
    let (mut lost, mut kept, mut killed) = (disk.clone(), disk.clone(), disk);
    lost.power_lost(Tail::Lost, &mut entropy(0));
    assert_eq!(lost.read("a"), Some(b"old".to_vec()));
    kept.power_lost(Tail::Kept, &mut entropy(0));
    assert_eq!(kept.read_durable("a"), Some(b"oldnew".to_vec()));
    killed.process_died();
    assert_eq!(killed.read("a"), Some(b"oldnew".to_vec()));
    assert_eq!(killed.durable_len("a"), 3);
}

#[test]
fn a_synced_file_without_a_durable_name_is_lost() {
    let mut disk = Disk::default();
    disk.open(A, &path("a"), false);
    disk.append(A, &bytes(b"new")).expect("not full");
    disk.fsync(A);
    assert_eq!(disk.read_durable("a"), None);
    let mut synced = disk.clone();
    synced.fsync_directory();
    assert_eq!(synced.read_durable("a"), Some(b"new".to_vec()));
    disk.power_lost(Tail::Lost, &mut entropy(0));
    assert!(disk.paths().is_empty());
}

#[test]
fn a_journal_is_committed_with_a_changed_file_and_not_with_another() {
    for (file_system, left) in [(FileSystem::Posix, true), (FileSystem::Ext4, false), (FileSystem::Xfs, false)] {
        let mut disk = Disk::new(file_system);
        for name in ["a", "b"] {
            disk.install(&path(name), &bytes(b"old"));
        }
        disk.open(A, &path("a"), false);
        disk.unlink("b");
        disk.fsync(A);
        assert!(disk.read_durable("b").is_some(), "{file_system:?}: nothing of the file has changed");
        disk.append(A, &bytes(b"new")).expect("not full");
        disk.fsync(A);
        assert_eq!(disk.read_durable("b").is_some(), left, "{file_system:?}");
    }
}

#[test]
fn a_journal_is_committed_with_a_file_that_is_new_or_renamed() {
    for (file_system, durable) in [(FileSystem::Posix, false), (FileSystem::Ext4, true), (FileSystem::Xfs, true)] {
        let mut disk = Disk::new(file_system);
        disk.open(A, &path("a"), true);
        disk.fsync(A);
        assert_eq!(disk.read_durable("a").is_some(), durable, "{file_system:?}: empty");
        disk.fsync_directory();
        disk.rename("a", &path("b"));
        disk.fsync(A);
        assert_eq!(disk.read_durable("b").is_some(), durable, "{file_system:?}: renamed");
    }
}

#[test]
fn a_journal_keeps_no_appended_byte_without_the_changes_before_it() {
    let mut disk = Disk::new(FileSystem::Ext4);
    for name in ["a", "b"] {
        disk.install(&path(name), &bytes(b"old"));
    }
    disk.open(A, &path("a"), false);
    disk.unlink("b");
    disk.append(A, &bytes(&[7; 2 * SECTOR])).expect("not full");
    let (mut found, mut tails) = (0, 0);
    for seed in 0..64 {
        let mut torn = disk.clone();
        torn.power_lost(Tail::Torn, &mut entropy(seed));
        let (is_back, has_tail) = (torn.read("b").is_some(), torn.durable_len("a") > 3);
        assert!(!is_back || !has_tail);
        (found, tails) = (found + usize::from(is_back), tails + usize::from(has_tail));
    }
    assert!(found > 0 && tails > 0);
}

/// A new file, synced, is renamed over the old one.
#[test]
fn a_rename_replaces_whole_or_not_at_all() {
    let mut disk = disk_with(b"old");
    disk.open(A, &path("a.tmp"), true);
    disk.append(A, &bytes(b"new")).expect("not full");
    disk.fsync(A);
    disk.rename("a.tmp", &path("a"));
    assert_eq!(disk.path_of(A).map(|path| &**path), Some("a"));
    let mut outcomes = Vec::new();
    for seed in 0..64 {
        let mut torn = disk.clone();
        torn.power_lost(Tail::Torn, &mut entropy(seed));
        outcomes.push((torn.read("a"), torn.read("a.tmp")));
    }
    outcomes.sort();
    outcomes.dedup();
    let (old, new) = (Some(b"old".to_vec()), Some(b"new".to_vec()));
    assert_eq!(outcomes, [(new.clone(), None), (old.clone(), None), (old, new)]);
}

#[test]
fn a_truncation_of_durable_bytes_waits_for_a_sync() {
    let mut disk = disk_with(b"durable");
    disk.truncate(A, 3);
    disk.append(A, &bytes(b"ty")).expect("not full");
    assert_eq!(disk.read_durable("a"), Some(b"durable".to_vec()));
    let (mut synced, mut named, mut kept) = (disk.clone(), disk.clone(), disk.clone());
    synced.fsync(A);
    assert_eq!(synced.read_durable("a"), Some(b"durty".to_vec()));
    named.fsync_directory();
    assert_eq!(named.read_durable("a"), Some(b"dur".to_vec()));
    kept.power_lost(Tail::Kept, &mut entropy(0));
    assert_eq!(kept.read("a"), Some(b"durty".to_vec()));
    disk.power_lost(Tail::Lost, &mut entropy(0));
    assert_eq!(disk.read("a"), Some(b"durable".to_vec()));
}

#[test]
fn a_synced_file_is_not_cut_again() {
    let mut disk = disk_with(b"durable");
    disk.truncate(A, 3);
    disk.append(A, &bytes(b"ty")).expect("not full");
    disk.fsync(A);
    disk.fsync_directory();
    assert_eq!(disk.read_durable("a"), Some(b"durty".to_vec()));
}

/// Bytes written after a truncation survive only if the truncation does.
#[test]
fn a_lost_truncation_takes_what_followed_it() {
    let mut disk = disk_with(b"durable");
    disk.truncate(A, 3);
    disk.append(A, &bytes(b"ty")).expect("not full");
    let mut left: Vec<Vec<u8>> = (0..64)
        .map(|seed| {
            let mut torn = disk.clone();
            torn.power_lost(Tail::Torn, &mut entropy(seed));
            torn.read("a").expect("its name is durable")
        })
        .filter(|left| left.len() != 5 || left == b"durty")
        .collect();
    left.sort();
    left.dedup();
    assert_eq!(left, [b"dur".to_vec(), b"durable".to_vec(), b"durty".to_vec()]);
}

/// All ways to tear occur: nothing kept, all kept, cut at a sector, zeros and noise behind it.
#[test]
fn tears_at_sectors() {
    let mut disk = disk_with(&[1; 700]);
    disk.append(A, &bytes(&[2; 1_000])).expect("not full");
    disk.append(A, &bytes(&[3; 1_000])).expect("not full");
    let written = disk.read("a").expect("exists");
    let mut lengths = BTreeMap::new();
    let (mut zeros, mut noise) = (0, 0);
    for seed in 0..400 {
        let mut torn = disk.clone();
        torn.power_lost(Tail::Torn, &mut entropy(seed));
        let left = torn.read("a").expect("its name is durable");
        assert!(is_torn_of(&left, &written, 700), "{} bytes left", left.len());
        let good = left.iter().zip(&written).take_while(|(left, written)| left == written).count();
        zeros += usize::from(good < left.len() && left[good..].iter().all(|byte| *byte == 0));
        noise += usize::from(good < left.len() && left[good..].iter().any(|byte| *byte != 0));
        *lengths.entry(left.len()).or_insert(0) += 1;
    }
    let lengths: Vec<usize> = lengths.into_keys().collect();
    assert_eq!(lengths, [700, 1_024, 1_536, 2_048, 2_560, 2_700]);
    assert!(zeros > 20 && noise > 20, "{zeros} with zeros, {noise} with noise");
}

#[test]
fn a_full_disk_takes_nothing() {
    let mut disk = disk_with(b"old");
    disk.set_full(true);
    assert_eq!(disk.append(A, &bytes(b"new")), Err(DiskError::NoSpace));
    disk.set_full(false);
    assert_eq!(disk.append(A, &bytes(b"new")), Ok(()));
    assert_eq!(disk.len(A), 6);
    disk.replace();
    assert!(disk.paths().is_empty() && disk.durable_paths().is_empty() && disk.path_of(A).is_none());
}

/// Rot occurs behind the spared start of an append, even if a crash lies between, and is visible after the page cache
/// is dropped.
#[test]
fn rot_spares_the_start_of_each_piece() {
    let mut disk = disk_with(&[0; 10]);
    disk.append(A, &bytes(&[0; 4])).expect("not full");
    disk.append(A, &bytes(&[0; 20])).expect("not full");
    disk.fsync(A);
    disk.power_lost(Tail::Lost, &mut entropy(0));
    disk.open(A, &path("a"), false);
    disk.append(A, &bytes(&[7; 20])).expect("not full");
    let mut hit = Vec::new();
    for at_ppm in (0..=1_000_000).step_by(10_000) {
        let mut rotten = disk.clone();
        assert!(rotten.rot(("a", false), 5, at_ppm, 8, true, &mut entropy(u64::from(at_ppm))));
        assert_eq!(rotten.read("a"), disk.read("a"));
        let mut synced = rotten.clone();
        synced.fsync(A);
        assert_eq!(synced.read_durable("a").map(|bytes| bytes.len()), Some(54));
        rotten.power_lost(Tail::Kept, &mut entropy(0));
        assert_eq!(rotten.read("a"), synced.read_durable("a"));
        let bytes = rotten.read("a").expect("exists");
        let flipped: Vec<usize> = (0..34).filter(|place| bytes[*place] != 0).collect();
        assert_eq!(flipped.len(), 1);
        assert_eq!(bytes[flipped[0]].count_ones(), 1);
        assert_eq!(bytes[34..], [7; 20]);
        hit.extend(flipped);
    }
    hit.dedup();
    assert_eq!(hit, [8, 9, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33]);
    assert!(!disk.rot(("a", false), 0, 0, 20, true, &mut entropy(0)));
    assert!(!disk.rot(("b", false), 0, 0, 0, true, &mut entropy(0)));
}

#[test]
fn rot_may_spare_all_but_the_newest_file_of_a_folder() {
    let mut disk = Disk::default();
    for (handle, name) in [(1, "a/0.log"), (2, "a/5.log"), (3, "b/0.log"), (4, "b/0.txt")] {
        disk.open(File(handle), &path(name), false);
        disk.append(File(handle), &bytes(&[0; 10])).expect("not full");
        disk.fsync(File(handle));
    }
    disk.fsync_directory();
    disk.process_died();
    let rotten = |newest, rank| {
        let mut rotten = disk.clone();
        assert!(rotten.rot((".log", newest), rank, 500_000, 0, false, &mut entropy(0)));
        let names = ["a/0.log", "a/5.log", "b/0.log", "b/0.txt"];
        names.into_iter().find(|name| rotten.read(name) != disk.read(name)).expect("one is rotten")
    };
    assert_eq!([0, 1, 2].map(|rank| rotten(false, rank)), ["a/0.log", "a/5.log", "b/0.log"]);
    assert_eq!([0, 1, 2].map(|rank| rotten(true, rank)), ["a/5.log", "b/0.log", "a/5.log"]);
}

#[test]
fn rot_shows_at_once_if_no_process_runs() {
    let mut disk = disk_with(&[0; 10]);
    let clone = disk.clone();
    disk.process_died();
    assert!(disk.rot(("", false), 0, 500_000, 0, false, &mut entropy(0)));
    assert_ne!(disk.read("a"), clone.read("a"));
    assert_eq!(disk.read("a"), disk.read_durable("a"));
    assert_eq!(clone.read_durable("a"), Some(vec![0; 10]));
}

/// Contents that may remain of a file whose first `durable` bytes were durable.
fn is_torn_of(left: &[u8], written: &[u8], durable: usize) -> bool {
    let ends_well = left.len() == durable || left.len() == written.len() || left.len().is_multiple_of(SECTOR);
    if left.len() < durable || left.len() > written.len() || !ends_well {
        return false;
    }
    let last_sector = left.len().saturating_sub(1) / SECTOR * SECTOR;
    let good = last_sector.max(durable);
    left[..good] == written[..good]
}

/// One event of a disk.
#[derive(Clone, Debug)]
enum Step {
    Open { file: u32, path: usize, truncate: bool },
    Append { file: u32, len: usize },
    Truncate { file: u32, len: u64 },
    Rename { from: usize, to: usize },
    Unlink { path: usize },
    Fsync { file: u32 },
    FsyncDirectory,
    ProcessDied,
    PowerLost { tail: Tail, seed: u64 },
}

const PATHS: [&str; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..2_u32;
    let path = || 0..PATHS.len();
    let tail = prop_oneof![Just(Tail::Lost), Just(Tail::Kept), Just(Tail::Torn), Just(Tail::Torn)];
    prop_oneof![
        4 => (file(), path(), prop::bool::weighted(0.2)).prop_map(|(file, path, truncate)| Step::Open { file, path, truncate }),
        8 => (file(), 0..1_500_usize).prop_map(|(file, len)| Step::Append { file, len }),
        3 => (file(), prop_oneof![0..1_000_u64, 0..4_000_u64]).prop_map(|(file, len)| Step::Truncate { file, len }),
        2 => (path(), path()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => path().prop_map(|path| Step::Unlink { path }),
        4 => file().prop_map(|file| Step::Fsync { file }),
        2 => Just(Step::FsyncDirectory),
        1 => Just(Step::ProcessDied),
        1 => (tail, any::<u64>()).prop_map(|(tail, seed)| Step::PowerLost { tail, seed }),
    ]
}

/// Files as plain bytes; numbers are never used again.
#[derive(Clone, Debug, Default)]
struct Model {
    files: Vec<ModelFile>,
    handles: BTreeMap<u32, usize>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending: Vec<ModelChange>,
}

#[derive(Clone, Debug, Default)]
struct ModelFile {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Number of bytes that were neither cut off nor written since the last sync.
    untouched: usize,
}

/// A change that was not durable immediately: all names after a change, or a cut of a file.
#[derive(Clone, Debug)]
enum ModelChange {
    Names(BTreeMap<String, usize>),
    Cut(usize, usize),
}

impl Model {
    fn names_changed(&mut self) {
        self.pending.push(ModelChange::Names(self.names.clone()));
    }

    fn make_durable(&mut self, count: usize) {
        for change in self.pending.drain(..count) {
            match change {
                ModelChange::Names(names) => self.durable_names = names,
                ModelChange::Cut(file, len) => self.files[file].durable.truncate(len),
            }
        }
    }

    fn truncate(&mut self, file: usize, len: usize) {
        let content = &mut self.files[file];
        content.written.truncate(len);
        if len < content.untouched {
            content.untouched = len;
            self.pending.push(ModelChange::Cut(file, len));
        }
    }

    fn fsync(&mut self, file: usize) {
        let content = &mut self.files[file];
        // Cut, then extended: rotten bytes would stay rotten.
        content.durable.truncate(content.untouched);
        content.durable.extend_from_slice(&content.written[content.untouched..]);
        content.untouched = content.written.len();
        self.pending.retain(|change| !matches!(change, ModelChange::Cut(cut, _) if *cut == file));
    }

    /// Whether the disk is a possible result if the first `survivors` pending changes survive.
    fn allows(&self, disk: &Disk, survivors: usize) -> bool {
        let mut left = self.clone();
        left.make_durable(survivors);
        let names: Vec<Rc<str>> = left.durable_names.keys().map(|name| path(name)).collect();
        names == disk.paths()
            && left.durable_names.iter().all(|(name, file)| {
                let content = &left.files[*file];
                let is_cut_lost =
                    left.pending.iter().any(|lost| matches!(lost, ModelChange::Cut(cut, _) if cut == file));
                let found = disk.read(name).expect("listed");
                if is_cut_lost {
                    found == content.durable
                } else {
                    is_torn_of(&found, &content.written, content.untouched)
                }
            })
    }

    fn restart_from(&mut self, disk: &Disk) {
        *self = Model::default();
        for name in disk.paths() {
            let content = disk.read(&name).expect("listed");
            self.names.insert(name.to_string(), self.files.len());
            self.files.push(ModelFile { untouched: content.len(), durable: content.clone(), written: content });
        }
        self.durable_names = self.names.clone();
    }
}

/// Applies the step to both, if it is valid.
fn take(disk: &mut Disk, model: &mut Model, step: &Step, fresh: &mut u8) -> Result<(), TestCaseError> {
    match step {
        Step::Open { file, path: name, truncate } => {
            disk.open(File(*file), &path(PATHS[*name]), *truncate);
            let inode = match model.names.get(PATHS[*name]) {
                Some(inode) => *inode,
                None => {
                    model.files.push(ModelFile::default());
                    model.names.insert(PATHS[*name].to_string(), model.files.len() - 1);
                    model.names_changed();
                    model.files.len() - 1
                }
            };
            model.handles.insert(*file, inode);
            if *truncate {
                model.truncate(inode, 0);
            }
        }
        Step::Append { file, len } => {
            if let Some(inode) = model.handles.get(file) {
                *fresh = fresh.wrapping_add(1).max(1);
                let content = vec![*fresh; *len];
                prop_assert_eq!(disk.append(File(*file), &bytes(&content)), Ok(()));
                model.files[*inode].written.extend(content);
            }
        }
        Step::Truncate { file, len } => {
            if let Some(inode) = model.handles.get(file) {
                disk.truncate(File(*file), *len);
                model.truncate(*inode, *len as usize);
            }
        }
        Step::Rename { from, to } => {
            if let Some(inode) = model.names.remove(PATHS[*from]) {
                disk.rename(PATHS[*from], &path(PATHS[*to]));
                model.names.insert(PATHS[*to].to_string(), inode);
                model.names_changed();
            }
        }
        Step::Unlink { path: name } => {
            disk.unlink(PATHS[*name]);
            if model.names.remove(PATHS[*name]).is_some() {
                model.names_changed();
            }
        }
        Step::Fsync { file } => {
            if let Some(inode) = model.handles.get(file) {
                disk.fsync(File(*file));
                model.fsync(*inode);
            }
        }
        Step::FsyncDirectory => {
            disk.fsync_directory();
            model.make_durable(model.pending.len());
        }
        Step::ProcessDied => {
            disk.process_died();
            model.handles.clear();
        }
        Step::PowerLost { tail, seed } => {
            disk.power_lost(*tail, &mut entropy(*seed));
            match tail {
                Tail::Lost => model.names = model.durable_names.clone(),
                Tail::Kept => {
                    (0..model.files.len()).for_each(|file| model.fsync(file));
                    model.make_durable(model.pending.len());
                }
                Tail::Torn => {
                    let is_allowed = (0..=model.pending.len()).any(|survivors| model.allows(disk, survivors));
                    prop_assert!(is_allowed, "no prefix of {:?} explains what is left", model.pending);
                    model.restart_from(disk);
                }
            }
            model.pending.clear();
            model.handles.clear();
            for file in &mut model.files {
                file.written = file.durable.clone();
                file.untouched = file.durable.len();
            }
        }
    }
    Ok(())
}

fn compare(disk: &Disk, model: &Model) -> Result<(), TestCaseError> {
    let contents = |names: &BTreeMap<String, usize>, of: fn(&ModelFile) -> &Vec<u8>| -> Vec<(Rc<str>, Vec<u8>)> {
        names.iter().map(|(name, file)| (path(name), of(&model.files[*file]).clone())).collect()
    };
    let read = |name: Rc<str>| (Rc::clone(&name), disk.read(&name).unwrap_or_default());
    let read_durable = |name: Rc<str>| (Rc::clone(&name), disk.read_durable(&name).unwrap_or_default());
    let written: Vec<_> = disk.paths().into_iter().map(read).collect();
    prop_assert_eq!(written, contents(&model.names, |file| &file.written));
    let durable: Vec<_> = disk.durable_paths().into_iter().map(read_durable).collect();
    prop_assert_eq!(durable, contents(&model.durable_names, |file| &file.durable));
    for (file, inode) in &model.handles {
        prop_assert_eq!(disk.len(File(*file)), model.files[*inode].written.len() as u64);
        let name = model.names.iter().find(|(_, named)| *named == inode).map(|(name, _)| path(name));
        prop_assert_eq!(disk.path_of(File(*file)), name.as_ref());
    }
    for (name, inode) in &model.durable_names {
        prop_assert_eq!(disk.durable_len(name), model.files[*inode].durable.len() as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn equals_the_model(steps in prop::collection::vec(step(), 20..120), cloned_at in 0..120_usize) {
        let (mut disk, mut model) = (Disk::default(), Model::default());
        let mut fresh = 0;
        let mut clone = None;
        for (index, step) in steps.iter().enumerate() {
            take(&mut disk, &mut model, step, &mut fresh)?;
            compare(&disk, &model)?;
            if index == cloned_at {
                clone = Some((disk.clone(), model.clone()));
            }
        }
        if let Some((disk, model)) = clone {
            compare(&disk, &model)?;
        }
    }
}
