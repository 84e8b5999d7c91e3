//! Repairs checksums, so that random inputs get past them.

const HEADER_BYTES: usize = 61;

/// The bytes as one batch of format 2 with their length, and with the CRC of their content.
pub fn as_one_batch(bytes: &[u8]) -> Vec<u8> {
    let mut batch = bytes.to_vec();
    if batch.len() >= HEADER_BYTES {
        let length = (batch.len() - 12) as i32;
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        put_crc(&mut batch);
    }
    batch
}

/// A segment whose batches, by the lengths they claim, all have the CRC of their content.
pub fn of_segment(bytes: &[u8]) -> Vec<u8> {
    let mut segment = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = segment.get(at..at + HEADER_BYTES) {
        let length = i32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let size = usize::try_from(length).map_or(0, |length| length + 12);
        if size < HEADER_BYTES || size > segment.len() - at {
            break;
        }
        put_crc(&mut segment[at..at + size]);
        at += size;
    }
    segment
}

fn put_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
