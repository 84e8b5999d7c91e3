//! A disk: files as bytes, *written* (page cache) versus *durable*.

use std::rc::Rc;

use crate::fault::Tail;
use crate::process::{DiskError, File};
use crate::rng::Entropy;

/// One node's disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    _todo: (),
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Disk {
    pub fn install(&mut self, path: &Rc<str>, bytes: &Rc<[u8]>) {
        todo!()
    }
    pub fn open(&mut self, file: File, path: &Rc<str>, truncate: bool) {
        todo!()
    }
    /// ENOSPC while full.
    pub fn append(&mut self, file: File, bytes: &Rc<[u8]>) -> Result<(), DiskError> {
        todo!()
    }
    pub fn truncate(&mut self, file: File, len: u64) {
        todo!()
    }
    pub fn rename(&mut self, from: &str, to: &Rc<str>) {
        todo!()
    }
    pub fn unlink(&mut self, path: &str) {
        todo!()
    }
    /// The barrier's completion: everything written to the file is durable.
    pub fn fsync(&mut self, file: File) {
        todo!()
    }
    pub fn fsync_directory(&mut self) {
        todo!()
    }
    /// The process died: handles are gone, the page cache lives on.
    pub fn process_died(&mut self) {
        todo!()
    }
    /// The power went: what was not durable is lost, kept or torn.
    pub fn power_lost(&mut self, tail: Tail, entropy: &mut Entropy) {
        todo!()
    }
    /// Replaced by an empty one.
    pub fn replace(&mut self) {
        todo!()
    }
    /// Flips a bit (see `What::BitRot`); false if there was nothing to flip.
    pub fn rot(&mut self, suffix: &str, file_rank: u32, at_ppm: u32, spare_bytes: u32, entropy: &mut Entropy) -> bool {
        todo!()
    }
    pub fn set_full(&mut self, full: bool) {
        todo!()
    }
    /// Ascending; what a process sees (the page cache).
    pub fn paths(&self) -> Vec<Rc<str>> {
        todo!()
    }
    /// What a process sees.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        todo!()
    }
    /// What would be left if the power went now and nothing more were kept.
    pub fn read_durable(&self, path: &str) -> Option<Vec<u8>> {
        todo!()
    }
    /// Ascending; names that are durable.
    pub fn durable_paths(&self) -> Vec<Rc<str>> {
        todo!()
    }
}
