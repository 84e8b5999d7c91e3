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
