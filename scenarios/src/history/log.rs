//! A log whose responses carry offsets, which fix the order, so no search is needed; O(n log n).
//!
//! What must hold of the responses (with Jepsen's name in its Kafka tests):
//! * an offset holds one value, whichever client reports it (inconsistent offsets)
//! * a value has one offset (duplicate), where idempotence is promised
//! * a value that is read was sent before, and not by attempts that were all definitely refused (aborted read)
//! * a value that was reported before an append was called has a smaller offset: the order of the log is one of real
//!   time
//! * a read returns offsets in order (nonmonotonic poll), and skips none that is known to hold a record between two
//!   that it returns (poll skip)
//!
//! Stale reads are legal: no rule above excludes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wgl::Operation;

/// A request to a log, and its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LogOp {
    /// Append these values in this order; several attempts may name the same ones.
    Append {
        /// Each is to be appended once.
        values: Vec<u64>,
        /// The offset of the first, if the response has it.
        offset: Option<i64>,
    },
    /// An append that was definitely refused.
    Refused {
        /// The values that were not appended.
        values: Vec<u64>,
    },
    /// Records that were read.
    Read {
        /// Offset and value of each.
        records: Vec<(i64, u64)>,
    },
}

/// A violation; operations are identified by their places in what was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The reason in one sentence.
    pub why: String,
    /// The operation whose response is impossible.
    pub stuck: usize,
    /// The operations that contradict it.
    pub against: Vec<usize>,
}

/// A response says that a value has an offset.
#[derive(Clone, Copy, Debug)]
struct ReportedOffset {
    offset: i64,
    value: u64,
    by: usize,
    /// The place of the response.
    at: u64,
}

/// The attempts to append a value.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The call of the first attempt.
    called: u64,
    by: usize,
    /// Whether all of them were definitely refused.
    refused: bool,
}

/// Judges the operations of one log. `once`: a value is appended once, however many attempts there are.
pub fn check(operations: &[Operation<&LogOp>], once: bool) -> Result<(), Trouble> {
    let (reported, sent) = gather(operations);
    one_value_at_an_offset(&reported)?;
    if once {
        one_offset_of_a_value(&reported)?;
    }
    sent_before(&reported, &sent)?;
    in_real_time(&reported, &sent)?;
    reads_in_order(operations, &reported)
}

/// The reported offsets, by offset and then by time; and the values that were sent.
fn gather(operations: &[Operation<&LogOp>]) -> (Vec<ReportedOffset>, BTreeMap<u64, Sent>) {
    let mut reported = Vec::new();
    let mut sent: BTreeMap<u64, Sent> = BTreeMap::new();
    for (by, operation) in operations.iter().enumerate() {
        match operation.op {
            LogOp::Append { values, .. } | LogOp::Refused { values } => {
                let refused = matches!(operation.op, LogOp::Refused { .. });
                for value in values {
                    let known = sent.entry(*value).or_insert(Sent { called: operation.called, by, refused });
                    if operation.called < known.called {
                        *known = Sent { called: operation.called, by, refused: known.refused };
                    }
                    known.refused &= refused;
                }
            }
            LogOp::Read { .. } => {}
        }
        let Some(at) = operation.returned else { continue };
        match operation.op {
            LogOp::Append { values, offset: Some(base) } => {
                reported.extend((*base..).zip(values).map(|(offset, value)| ReportedOffset {
                    offset,
                    value: *value,
                    by,
                    at,
                }));
            }
            LogOp::Read { records } => {
                reported.extend(records.iter().map(|(offset, value)| ReportedOffset {
                    offset: *offset,
                    value: *value,
                    by,
                    at,
                }));
            }
            LogOp::Append { .. } | LogOp::Refused { .. } => {}
        }
    }
    reported.sort_by_key(|reported| (reported.offset, reported.at, reported.by));
    (reported, sent)
}

fn one_value_at_an_offset(reported: &[ReportedOffset]) -> Result<(), Trouble> {
    let differ = reported.windows(2).find(|two| two[0].offset == two[1].offset && two[0].value != two[1].value);
    differ.map_or(Ok(()), |two| {
        Err(Trouble {
            why: format!("offset {} holds {} and {}", two[0].offset, two[0].value, two[1].value),
            stuck: two[1].by,
            against: vec![two[0].by],
        })
    })
}

fn one_offset_of_a_value(reported: &[ReportedOffset]) -> Result<(), Trouble> {
    let mut by_value: Vec<&ReportedOffset> = reported.iter().collect();
    by_value.sort_by_key(|reported| (reported.value, reported.at, reported.offset));
    let differ = by_value.windows(2).find(|two| two[0].value == two[1].value && two[0].offset != two[1].offset);
    differ.map_or(Ok(()), |two| {
        Err(Trouble {
            why: format!("value {} is at offset {} and at {}", two[0].value, two[0].offset, two[1].offset),
            stuck: two[1].by,
            against: vec![two[0].by],
        })
    })
}

fn sent_before(reported: &[ReportedOffset], sent: &BTreeMap<u64, Sent>) -> Result<(), Trouble> {
    for ReportedOffset { offset, value, by, at } in reported {
        let (why, against) = match sent.get(value) {
            None => (format!("value {value} is returned at offset {offset}, but no client sent it"), None),
            Some(sent) if sent.called > *at => {
                (format!("value {value} is returned at offset {offset} before it was sent"), Some(sent.by))
            }
            Some(sent) if sent.refused => {
                (format!("value {value} is returned at offset {offset}, but was definitely refused"), Some(sent.by))
            }
            Some(_) => continue,
        };
        return Err(Trouble { why, stuck: *by, against: against.into_iter().collect() });
    }
    Ok(())
}

/// Checks that no value was first sent after a greater offset had been reported.
fn in_real_time(reported: &[ReportedOffset], sent: &BTreeMap<u64, Sent>) -> Result<(), Trouble> {
    let mut earliest: Option<ReportedOffset> = None;
    for reported in reported.iter().rev() {
        if let (Some(later), Some(sent)) = (earliest, sent.get(&reported.value))
            && later.offset > reported.offset
            && later.at < sent.called
        {
            return Err(Trouble {
                why: format!(
                    "value {} has offset {}, but was sent after value {} was seen at offset {}",
                    reported.value, reported.offset, later.value, later.offset
                ),
                stuck: reported.by,
                against: vec![later.by, sent.by],
            });
        }
        if earliest.is_none_or(|earliest| reported.at < earliest.at) {
            earliest = Some(*reported);
        }
    }
    Ok(())
}

fn reads_in_order(operations: &[Operation<&LogOp>], reported: &[ReportedOffset]) -> Result<(), Trouble> {
    for (stuck, operation) in operations.iter().enumerate() {
        let (LogOp::Read { records }, Some(_)) = (operation.op, operation.returned) else { continue };
        for two in records.windows(2) {
            let ((one, _), (next, _)) = (two[0], two[1]);
            if next <= one {
                let why = format!("a read shows offset {next} after {one}");
                return Err(Trouble { why, stuck, against: Vec::new() });
            }
            let above = reported.partition_point(|reported| reported.offset <= one);
            if let Some(skipped) = reported.get(above).filter(|reported| reported.offset < next) {
                return Err(Trouble {
                    why: format!(
                        "a read shows offsets {one} and {next}, and not {} at {}",
                        skipped.value, skipped.offset
                    ),
                    stuck,
                    against: vec![skipped.by],
                });
            }
        }
    }
    Ok(())
}
