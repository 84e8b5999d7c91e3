//! `MonotonicBrokerEpoch`: each incarnation of a broker has an epoch of its own, newer ones higher.
//! `ReregistrationKeepsState`: one that registers again changes nothing by that (KAFKA-16757).

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use raft::metadata::MetadataRecord;
use raft::metadata::records::RegisterBroker;

claim! {
    /// A broker epoch belongs to one incarnation of one broker, and newer epochs are higher.
    MonotonicBrokerEpoch by BrokerEpochs, Safety of Metadata, "KIP-631: the broker epoch is the offset of its registration";
}

check! {
    /// A registration that the same broker process sends again changes neither its fencing nor its controlled
    /// shutdown.
    ReregistrationKeepsState, Safety of Metadata, "controller-broker.md §3.1; KAFKA-16757"
        => keeps_state, Kinds::RECORD_COMMITTED;
}

/// Registrations so far.
#[derive(Clone, Debug, Default)]
pub struct BrokerEpochs {
    /// The newest of each broker; unregistering does not make one forgotten.
    newest: BTreeMap<NodeId, (BrokerEpoch, Uuid)>,
    /// Of all brokers.
    highest: Option<BrokerEpoch>,
}

impl Check for BrokerEpochs {
    const EVENTS: Kinds = Kinds::RECORD_COMMITTED;

    fn new(_: &CheckConfig) -> BrokerEpochs {
        BrokerEpochs::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, _: &Models, verdict: &mut Verdict) {
        if let Event::RecordCommitted { offset, record: MetadataRecord::RegisterBroker(record), .. } = crossing.event {
            self.registered(offset, record, verdict);
        }
    }
}

impl BrokerEpochs {
    /// A registration is committed. A new incarnation's epoch is where its records were written, so
    /// it is new to all brokers; the same incarnation keeps its own (controller-broker.md §3.1).
    fn registered(&mut self, offset: Offset, record: &RegisterBroker, verdict: &mut Verdict) {
        let (id, epoch) = (record.broker_id, record.broker_epoch);
        let before = self.newest.insert(id, (epoch, record.incarnation_id));
        let again = before.filter(|(_, incarnation)| *incarnation == record.incarnation_id);
        let wrong = match again {
            Some((old, _)) if old == epoch => return,
            Some((old, _)) => Some(format!("the same incarnation had epoch {old}")),
            None => {
                let highest = self.highest.filter(|highest| epoch <= *highest);
                highest.map(|highest| format!("epoch {highest} was assigned before"))
            }
        };
        let wrong = wrong.or_else(|| (epoch.0 > offset.0).then(|| format!("its record is at offset {offset}")));
        self.highest = self.highest.max(Some(epoch));
        if let Some(wrong) = wrong {
            verdict.fail(&MonotonicBrokerEpoch::CLAIM, || format!("broker {id} registers with epoch {epoch}; {wrong}"));
        }
    }
}

/// A registration is committed, and it may be of the same process as the one before.
fn keeps_state(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::RecordCommitted { record: MetadataRecord::RegisterBroker(record), .. } = crossing.event else { return };
    let image = models.cluster.as_ref().map(|cluster| cluster.metadata().latest());
    let before = image.and_then(|image| image.brokers.get(&record.broker_id));
    let Some(before) = before.filter(|before| before.incarnation_id == record.incarnation_id) else { return };
    let (fenced, leaving) = (before.fenced, before.in_controlled_shutdown);
    if (fenced, leaving) != (record.fenced, record.in_controlled_shutdown) {
        let words = |fenced: bool, leaving: bool| {
            let fenced = if fenced { "fenced" } else { "unfenced" };
            if leaving { format!("{fenced} and in controlled shutdown") } else { fenced.to_owned() }
        };
        verdict.fail(&ReregistrationKeepsState::CLAIM, || {
            format!(
                "broker {} registers again with the same process and becomes {}; it was {}",
                record.broker_id,
                words(record.fenced, record.in_controlled_shutdown),
                words(fenced, leaving)
            )
        });
    }
}
