//! A batch of which a read has only the beginning.

use std::rc::Rc;

use super::batch::Batch;

/// The beginning of a batch. Kafka reads a slice of a file, which may end within one; whoever gets it leaves that out.
#[derive(Clone, Debug)]
pub struct CutBatch {
    pub batch: Rc<Batch>,
    /// How many of its bytes are there: at least one, and not all.
    pub len_bytes: usize,
}

impl CutBatch {
    pub fn bytes(&self) -> &[u8] {
        &self.batch.bytes[..self.len_bytes]
    }
}

impl PartialEq for CutBatch {
    fn eq(&self, other: &CutBatch) -> bool {
        self.bytes() == other.bytes()
    }
}
impl Eq for CutBatch {}
