//! `ImagesEqualAtEqualOffsets`: what nodes publish is what the committed records give.

use crate::checks::prelude::*;
use raft::ids::Offset;
use raft::io::Observation;

claim! {
    /// Nodes that have published up to the same offset have the image that results from replaying the
    /// committed log; the published offset of one process never goes back, nor past the committed offset.
    ImagesEqualAtEqualOffsets by Images, Safety of Metadata, "KIP-631; KIP-966 TLA+ (Vanlightly): MetadataLogMatchingProperty";
}

#[derive(Clone, Debug)]
pub struct Images(Vec<Option<Offset>>);

impl Check for Images {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::OBSERVED);

    fn new(config: &CheckConfig) -> Images {
        Images(vec![None; config.servers.len()])
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        match crossing.event {
            Event::Booted { .. } => self.0[crossing.server] = None,
            Event::Observed { observation: Observation::Published { offset, digest } } => {
                self.publishes(crossing.server, offset, digest, models, verdict);
            }
            _ => {}
        }
    }
}

impl Images {
    /// A server has published an image up to `offset` (inclusive).
    fn publishes(&mut self, server: usize, offset: Offset, digest: u64, models: &Models, verdict: &mut Verdict) {
        let Some(cluster) = &models.cluster else { return };
        let before = self.0[server].replace(offset).unwrap_or(Offset(-1));
        let (id, committed_end) = (models.servers[server].id, models.committed.end);
        let wrong = if offset >= committed_end {
            format!("; the committed log ends at {committed_end}")
        } else if offset < before {
            format!(", after one up to {before}")
        } else if digest != cluster.metadata().digest_at(offset) {
            " that differs from the one that the committed records give".to_owned()
        } else {
            return;
        };
        verdict
            .fail(&ImagesEqualAtEqualOffsets::CLAIM, || format!("node {id} publishes an image up to {offset}{wrong}"));
    }
}
