//! Pages of the page cache: what a failed fsync takes.

use proptest::prelude::*;
use sim::disk::{Disk, FileSystem};
use sim::fault::Tail;

use super::disk::{A, bytes, disk_with, entropy, path};

const PAGE: usize = 4_096;

/// Linux: the error is reported once, and the pages are clean.
#[test]
fn a_failed_fsync_loses_what_it_was_to_write() {
    for file_system in [FileSystem::Posix, FileSystem::Ext4, FileSystem::Xfs] {
        let mut disk = Disk::new(file_system);
        disk.install(&path("a"), &bytes(&[1; PAGE]));
        disk.open(A, &path("a"), false);
        disk.append(A, &bytes(&[2; PAGE])).expect("not full");
        disk.fail_fsync(A);
        disk.process_died();
        disk.open(A, &path("a"), false);
        assert_eq!(disk.read("a").map(|bytes| bytes.len()), Some(2 * PAGE), "it can be read");
        disk.fsync(A);
        assert_eq!(disk.durable_len("a"), PAGE as u64, "nothing is dirty");
        assert!(disk.has_failed_fsync(A));
        disk.append(A, &bytes(&[3; 10])).expect("not full");
        disk.fsync(A);
        let mut killed = disk.clone();
        killed.process_died();
        assert_eq!(killed.read("a"), Some([&[1; PAGE][..], &[2; PAGE], &[3; 10]].concat()));
        disk.power_lost(Tail::Kept, &mut entropy(0));
        assert_eq!(disk.read("a"), Some([&[1; PAGE][..], &[0; PAGE], &[3; 10]].concat()));
    }
}

/// An append makes the page dirty that it continues, and a cut the page that it ends in.
#[test]
fn what_a_failed_fsync_lost_is_durable_once_its_page_is_written_again() {
    let mut disk = disk_with(&[1; 100]);
    disk.append(A, &bytes(&[2; 100])).expect("not full");
    disk.fail_fsync(A);
    assert_eq!(disk.durable_len("a"), 100);
    disk.append(A, &bytes(&[3; 100])).expect("not full");
    disk.fsync(A);
    assert_eq!(disk.read_durable("a"), Some([[1; 100], [2; 100], [3; 100]].concat()));
    assert!(!disk.has_failed_fsync(A));
    disk.append(A, &bytes(&[4; 2 * PAGE])).expect("not full");
    disk.fail_fsync(A);
    disk.truncate(A, 400);
    disk.fsync(A);
    assert_eq!(disk.read_durable("a"), disk.read("a"));
    assert_eq!(disk.durable_len("a"), 400);
}

/// One event of a single file.
#[derive(Clone, Debug)]
enum PageStep {
    Append(usize),
    Truncate(u64),
    Fsync,
    FailFsync,
}

fn page_step() -> impl Strategy<Value = PageStep> {
    prop_oneof![
        5 => (1..9_000_usize).prop_map(PageStep::Append),
        2 => (0..20_000_u64).prop_map(PageStep::Truncate),
        3 => Just(PageStep::Fsync),
        2 => Just(PageStep::FailFsync),
    ]
}

/// A file whose pages are clean or dirty, each by itself.
#[derive(Clone, Debug, Default)]
struct Pages {
    written: Vec<u8>,
    durable: Vec<u8>,
    dirty: std::collections::BTreeSet<usize>,
    /// The length to which a truncation that is not durable cuts the file.
    cut: Option<usize>,
}

impl Pages {
    fn append(&mut self, content: &[u8]) {
        let from = self.written.len() / PAGE;
        self.written.extend_from_slice(content);
        self.dirty.extend(from..self.written.len().div_ceil(PAGE));
    }

    fn truncate(&mut self, len: usize) {
        if len < self.written.len() {
            self.written.truncate(len);
            self.dirty.retain(|page| *page < len.div_ceil(PAGE));
            self.dirty.extend((!len.is_multiple_of(PAGE)).then_some(len / PAGE));
            self.cut = Some(self.cut.unwrap_or(len).min(len));
        }
    }

    fn fsync(&mut self) {
        self.durable.truncate(self.cut.take().unwrap_or(usize::MAX));
        for page in std::mem::take(&mut self.dirty) {
            let (start, end) = (page * PAGE, ((page + 1) * PAGE).min(self.written.len()));
            self.durable.resize(self.durable.len().max(end), 0);
            self.durable[start..end].copy_from_slice(&self.written[start..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn writes_back_dirty_pages_only(steps in prop::collection::vec(page_step(), 1..60)) {
        let (mut disk, mut pages) = (disk_with(&[]), Pages::default());
        for (index, step) in steps.iter().enumerate() {
            match step {
                PageStep::Append(len) => {
                    let content = vec![index as u8 + 1; *len];
                    prop_assert_eq!(disk.append(A, &bytes(&content)), Ok(()));
                    pages.append(&content);
                }
                PageStep::Truncate(len) => {
                    disk.truncate(A, *len);
                    pages.truncate(*len as usize);
                }
                PageStep::Fsync => {
                    disk.fsync(A);
                    pages.fsync();
                }
                PageStep::FailFsync => {
                    disk.fail_fsync(A);
                    pages.dirty.clear();
                }
            }
            prop_assert_eq!(disk.read("a"), Some(pages.written.clone()));
            if matches!(step, PageStep::Fsync) {
                prop_assert_eq!(disk.read_durable("a"), Some(pages.durable.clone()));
            }
        }
        let mut kept = disk.clone();
        kept.power_lost(Tail::Kept, &mut entropy(0));
        pages.fsync();
        prop_assert_eq!(kept.read("a"), Some(pages.durable));
        disk.process_died();
        prop_assert_eq!(disk.read("a"), Some(pages.written));
    }
}
