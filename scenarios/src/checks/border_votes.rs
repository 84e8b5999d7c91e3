//! What the roles of replicas mean to the models.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId};
use raft::io::Role;

use super::Checks;
use super::invariant::{durability, leaders};

impl Checks {
    /// A replica says that its state has changed.
    pub(super) fn role_changed(&mut self, server: usize, role: Role, epoch: LeaderEpoch, leader: NodeId) {
        let model = &self.models.servers[server];
        let before = model.role.map_or(LeaderEpoch(0), |(_, epoch, _)| epoch).max(model.durable_epoch());
        leaders::monotonic_epoch(model, before, epoch, &mut self.verdict);
        if matches!(role, Role::Leader | Role::Resigned) {
            // Leaders begin without a high watermark, and resigned ones drop theirs.
            self.models.servers[server].high_watermark = None;
        }
        self.models.servers[server].role = Some((role, epoch, leader));
        match role {
            Role::Leader => {
                let (servers, committed) = (&mut self.models.servers, &mut self.models.committed);
                let gone = durability::became_leader(
                    servers,
                    server,
                    epoch,
                    committed,
                    &self.models.ledger,
                    &mut self.verdict,
                );
                self.records_destroyed(&gone);
                self.metadata_committed(server);
                if self.cut_links > 0 {
                    self.verdict.met(Situation::ElectionDuringPartition);
                }
                if self.models.servers.iter().filter(|server| server.leads().is_some()).count() > 1 {
                    self.verdict.met(Situation::TwoLeadersAtOnce);
                }
            }
            _ => {}
        }
    }
}
