//! The bytes of a file as the pieces they were appended in: shared, never changed in place.

use std::rc::Rc;

/// A file's bytes, piece by piece. Cutting keeps the boundaries of what is left.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    len: u64,
}

/// The first `len` bytes of one append.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Rc<[u8]>,
    len: usize,
}

impl Piece {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Pieces {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Number of pieces.
    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn push(&mut self, bytes: &Rc<[u8]>) {
        if !bytes.is_empty() {
            self.pieces.push(Piece { bytes: Rc::clone(bytes), len: bytes.len() });
            self.len += bytes.len() as u64;
        }
    }

    /// Cuts to `len` bytes; nothing happens if there are fewer.
    pub(super) fn cut(&mut self, len: u64) {
        while self.len > len
            && let Some(last) = self.pieces.last_mut()
        {
            let start = self.len - last.len as u64;
            if start < len {
                last.len = (len - start) as usize;
                self.len = len;
            } else {
                self.pieces.pop();
                self.len = start;
            }
        }
    }

    /// Appends zeros up to a length of `len` bytes.
    pub(super) fn fill_up(&mut self, len: u64) {
        self.push(&vec![0; len.saturating_sub(self.len) as usize].into());
    }

    /// Appends another file's pieces from the `first`-th on, sharing them.
    pub(super) fn extend_from(&mut self, other: &Pieces, first: usize) {
        for piece in &other.pieces[first..] {
            self.len += piece.len as u64;
            self.pieces.push(piece.clone());
        }
    }

    /// Overwrites the last bytes.
    pub(super) fn overwrite_end(&mut self, mut end: &[u8]) {
        for piece in self.pieces.iter_mut().rev() {
            if end.is_empty() {
                break;
            }
            let (rest, ours) = end.split_at(end.len().saturating_sub(piece.len));
            let mut bytes = piece.as_slice().to_vec();
            bytes[piece.len - ours.len()..].copy_from_slice(ours);
            piece.bytes = bytes.into();
            end = rest;
        }
    }

    /// Number of bytes that are not among the first `spare` of their piece.
    pub(super) fn exposed(&self, spare: usize) -> u64 {
        self.pieces.iter().map(|piece| piece.len.saturating_sub(spare) as u64).sum()
    }

    /// Flips a bit of the `place`-th exposed byte; returns the index of its piece.
    pub(super) fn flip(&mut self, mut place: u64, spare: usize, bit: u32) -> usize {
        for (index, piece) in self.pieces.iter_mut().enumerate() {
            let exposed = piece.len.saturating_sub(spare) as u64;
            if place < exposed {
                let mut bytes = piece.as_slice().to_vec();
                bytes[spare + place as usize] ^= 1 << bit;
                piece.bytes = bytes.into();
                return index;
            }
            place -= exposed;
        }
        panic!("a flip {place} bytes behind the last exposed byte was asked for");
    }

    /// Copies one piece's bytes from another file with the same boundaries.
    pub(super) fn reread(&mut self, index: usize, from: &Pieces) {
        self.pieces[index].bytes = Rc::clone(&from.pieces[index].bytes);
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len as usize);
        for piece in &self.pieces {
            bytes.extend_from_slice(piece.as_slice());
        }
        bytes
    }
}
