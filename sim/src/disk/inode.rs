//! One file without its name: what is written, what is durable, and how far both agree.

use std::rc::Rc;

use super::pieces::Pieces;
use crate::fault::Damage;
use crate::rng::Entropy;

/// Unit that a disk writes atomically, at multiples of this from the file's start.
const SECTOR: u64 = 512;
/// Unit that the page cache writes back, at multiples of this from the file's start.
const PAGE: u64 = 4_096;

/// A file's content twice. Both begin with the same `shared_pieces` pieces of `shared_len` bytes; behind them are
/// written bytes that await an fsync, and durable bytes that await the durability of a truncation. (The durable copy of
/// shared bytes may rot.)
///
/// After a failed fsync there is a *hole*: written bytes behind the shared ones whose pages are clean, so that no fsync
/// writes them (Linux: an error is reported once, and the pages stay in the cache, readable and clean). What is written
/// back behind it leaves zeros on the disk in its place, unless the disk had other bytes there. An append or a
/// truncation makes the page in which it begins dirty, and so mends the part of the hole in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// As seen by processes; `None` once it is unlinked or replaced.
    pub(super) path: Option<Rc<str>>,
    written: Pieces,
    durable: Pieces,
    shared_pieces: usize,
    shared_len: u64,
    /// Written bytes from here on are dirty. It is `shared_len`, unless there is a hole, which ends here.
    clean_len: u64,
    /// An fsync has failed since all written bytes were durable.
    fsync_failed: bool,
    /// Reads fail with `EIO`.
    unreadable: bool,
}

impl Inode {
    pub(super) fn named(path: &Rc<str>) -> Inode {
        Inode { path: Some(Rc::clone(path)), ..Inode::default() }
    }

    pub(super) fn written(&self) -> &Pieces {
        &self.written
    }

    pub(super) fn durable(&self) -> &Pieces {
        &self.durable
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Damages the durable bytes (there is at least one) while no page of them is cached.
    pub(super) fn damage(&mut self, damage: Damage, at_ppm: u32, entropy: &mut Entropy) {
        let mut bytes = self.durable.to_bytes();
        let at = (bytes.len() as u64 * u64::from(at_ppm) / 1_000_000) as usize;
        let at = at.min(bytes.len() - 1);
        match damage {
            Damage::Flipped => bytes[at] ^= 1 << entropy.below(8),
            Damage::Cut => bytes.truncate(at),
            Damage::Zeroed => bytes[at..].fill(0),
            Damage::Unreadable => self.unreadable = true,
        }
        self.durable = Pieces::default();
        self.durable.push(&bytes.into());
        self.drop_cache();
    }

    pub(super) fn append(&mut self, bytes: &Rc<[u8]>) {
        self.touch_page(self.written.len());
        self.written.push(bytes);
    }

    /// The page of this byte becomes dirty; what lies behind it in the hole is written or cut by the caller.
    fn touch_page(&mut self, at: u64) {
        if self.has_hole() {
            self.clean_len = self.clean_len.min(at / PAGE * PAGE).max(self.shared_len);
        }
    }

    /// Are there written bytes that no fsync makes durable?
    pub(super) fn has_hole(&self) -> bool {
        self.clean_len > self.shared_len
    }

    /// Has an fsync failed since all written bytes were durable?
    pub(super) fn has_failed_fsync(&self) -> bool {
        self.fsync_failed
    }

    /// An fsync failed: every page is clean, and nothing more is durable.
    pub(super) fn fail_fsync(&mut self) {
        self.clean_len = self.written.len();
        self.fsync_failed = true;
    }

    /// True if durable bytes were cut off; the truncation then has to be made durable too.
    pub(super) fn truncate(&mut self, len: u64) -> bool {
        if len >= self.written.len() {
            return false;
        }
        let cuts_behind_hole = self.fsync_failed && len < self.durable.len();
        self.written.cut(len);
        self.touch_page(len);
        let cuts_shared = len < self.shared_len;
        if cuts_shared {
            self.shared_len = len;
            self.shared_pieces = self.written.count();
            self.clean_len = len;
        }
        cuts_shared || cuts_behind_hole
    }

    /// Are there written bytes that are not durable?
    pub(super) fn is_dirty(&self) -> bool {
        self.clean_len < self.written.len()
    }

    /// Makes a truncation durable, and nothing else.
    pub(super) fn truncate_durable(&mut self, len: u64) {
        self.durable.cut(len);
    }

    /// Makes all dirty bytes durable.
    pub(super) fn write_back(&mut self) {
        if self.has_hole() {
            return self.write_back_behind_hole();
        }
        self.durable.cut(self.shared_len);
        self.durable.extend_from(&self.written, self.shared_pieces);
        self.share_all();
    }

    #[cold]
    fn write_back_behind_hole(&mut self) {
        if self.is_dirty() {
            self.durable.cut(self.clean_len);
            self.durable.fill_up(self.clean_len);
            self.durable.push(&self.written.to_bytes()[self.clean_len as usize..].into());
            self.clean_len = self.written.len();
        }
    }

    /// Both contents are the same.
    fn share_all(&mut self) {
        self.shared_pieces = self.written.count();
        self.shared_len = self.written.len();
        self.clean_len = self.shared_len;
        self.fsync_failed = false;
    }

    /// Makes some of the written bytes durable: whole sectors from the first unsynced byte on. If they end before the
    /// end of the file, the rest of that sector holds, with a chance of a quarter each, zeros or noise up to the file's
    /// length.
    pub(super) fn write_back_torn(&mut self, entropy: &mut Entropy) {
        let (start, end) = (self.clean_len, self.written.len());
        if start == end {
            return;
        }
        let first_sector = start / SECTOR;
        let sectors = end.div_ceil(SECTOR) - first_sector;
        let kept_end = match entropy.below(sectors + 1) {
            0 => start,
            whole => ((first_sector + whole) * SECTOR).min(end),
        };
        let mut garbage = Vec::new();
        if kept_end < end {
            let sector_end = ((kept_end / SECTOR + 1) * SECTOR).min(end);
            match entropy.below(4) {
                0 => garbage.resize((sector_end - kept_end) as usize, 0),
                1 => garbage.extend((kept_end..sector_end).map(|_| entropy.next_u64() as u8)),
                _ => {}
            }
        }
        self.write_back();
        self.durable.cut(kept_end + garbage.len() as u64);
        self.durable.overwrite_end(&garbage);
    }

    /// Drops the page cache: reads return the durable bytes from now on.
    pub(super) fn drop_cache(&mut self) {
        self.written = self.durable.clone();
        self.share_all();
    }

    /// Flips a bit of a durable byte; shared bytes that are not cached are read again.
    pub(super) fn rot(&mut self, place: u64, spare: usize, bit: u32, is_cached: bool) {
        let piece = self.durable.flip(place, spare, bit);
        if !is_cached && piece < self.shared_pieces {
            self.written.reread(piece, &self.durable);
        }
    }
}
