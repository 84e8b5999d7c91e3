//! Tests of the model of small files.

use super::*;

#[test]
fn a_file_replaced_aside_is_durable_only_after_its_directory() {
    let mut files = SmallFiles::default();
    let replace = |files: &mut SmallFiles, bytes: &[u8]| {
        let file = files.open("state.tmp", true);
        files.append(file, bytes);
        files.synced(file);
        files.rename("state.tmp", "state");
    };
    replace(&mut files, b"one");
    assert_eq!((files.written("state"), files.durable("state")), (Some(&b"one"[..]), None));
    files.names_synced();
    assert_eq!(files.durable("state"), Some(&b"one"[..]));
    replace(&mut files, b"two");
    assert_eq!((files.written("state"), files.durable("state")), (Some(&b"two"[..]), Some(&b"one"[..])));
    files.names_synced();
    replace(&mut files, b"six");
    assert_eq!(files.durable("state"), Some(&b"two"[..]), "a freed inode is not shared");
}

/// A disk with one file.
struct One(Option<&'static [u8]>);

const CHECKPOINT: &str = "__cluster_metadata-0/leader-epoch-checkpoint";

impl DurableFiles for One {
    fn paths(&self) -> Vec<std::rc::Rc<str>> {
        self.0.iter().map(|_| CHECKPOINT.into()).collect()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.filter(|_| path == CHECKPOINT).map(<[u8]>::to_vec)
    }
}

fn replace(files: &mut SmallFiles, bytes: &[u8]) {
    replace_at(files, CHECKPOINT, bytes);
}

fn replace_at(files: &mut SmallFiles, path: &str, bytes: &[u8]) {
    let temporary = format!("{path}.tmp");
    let file = files.open(&temporary, true);
    files.append(file, bytes);
    files.synced(file);
    files.rename(&temporary, path);
}

#[test]
fn a_power_loss_leaves_the_durable_file_or_one_of_those_that_followed() {
    let mut files = SmallFiles::default();
    replace(&mut files, b"one");
    files.names_synced();
    replace(&mut files, b"two");
    assert!(files.booted(&One(Some(b"two")), Some(Down::Killed), false).is_none());
    replace(&mut files, b"six");
    let after = |found| files.clone().booted(&One(found), Some(Down::PowerLost), false);
    for found in [b"one", b"two", b"six"] {
        assert_eq!(after(Some(found)), None);
    }
    assert!(after(Some(b"ten")).is_some());
    assert!(after(None).is_some());
}

#[test]
fn a_power_loss_leaves_no_former_content_of_another_file() {
    let mut files = SmallFiles::default();
    replace(&mut files, b"one");
    files.names_synced();
    for bytes in [b"two", b"six"] {
        replace_at(&mut files, "other", bytes);
    }
    files.unlink("other");
    let after = |found| files.clone().booted(&One(Some(found)), Some(Down::PowerLost), false);
    assert_eq!(after(b"one"), None);
    for of_the_other in [b"two", b"six"] {
        assert!(after(of_the_other).is_some());
    }
    // Its own it may leave, that of a name which was removed, too.
    replace(&mut files, b"ten");
    files.unlink(CHECKPOINT);
    let after = |found| files.clone().booted(&One(found), Some(Down::PowerLost), false);
    for found in [Some(&b"one"[..]), Some(b"ten"), None] {
        assert_eq!(after(found), None);
    }
    assert!(after(Some(b"two")).is_some());
}

#[test]
fn a_file_whose_name_alone_is_durable_is_empty() {
    let mut files = SmallFiles::default();
    files.open(CHECKPOINT, false);
    files.names_synced();
    replace(&mut files, b"one");
    let after = |found| files.clone().booted(&One(found), Some(Down::PowerLost), false);
    assert_eq!((after(Some(b"")), after(Some(b"one"))), (None, None));
    assert!(after(Some(b"on")).is_some());
}

#[test]
fn bytes_are_compared_again_after_each_change() {
    let mut files = SmallFiles::default();
    let file = files.open("a", true);
    assert!(!files.bytes_durable("a"));
    files.synced(file);
    assert!(files.bytes_durable("a"));
    files.append(file, b"one");
    assert!(!files.bytes_durable("a"));
    files.synced(file);
    assert!(files.bytes_durable("a"));
    files.truncate(file, 1);
    assert!(!files.bytes_durable("a"));
    files.synced(file);
    assert!(files.bytes_durable("a"));
    files.open("a", true);
    assert!(!files.bytes_durable("a"), "emptied");
    replace(&mut files, b"two");
    files.names_synced();
    assert!(files.bytes_durable(CHECKPOINT));
    files.spoil(&One(Some(b"six")));
    assert!(!files.bytes_durable(CHECKPOINT), "other bytes are on the disk");
}
