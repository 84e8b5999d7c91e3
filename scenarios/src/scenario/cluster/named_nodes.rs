//! Fields of `[cluster]` that name some of its nodes.

use super::Cluster;
use crate::scenario::error::Refusal;

impl Cluster {
    /// Checks that these are controllers of a dynamic quorum from files. Whether the files are good is not checked here.
    pub(super) fn check_initial_controllers(&self) -> Result<(), Refusal> {
        let refusal = |problem: String| Err(Refusal::new("cluster.initial_controllers", problem));
        if self.initial_controllers.is_empty() || !self.properties.is_empty() && self.node.is_empty() {
            return Ok(());
        }
        if self.node.is_empty() {
            return refusal(
                "these are for nodes with .properties; cluster.voters and cluster.spare_controllers say it of others"
                    .into(),
            );
        }
        let Ok(files) = self.files() else { return Ok(()) };
        if !files.is_dynamic {
            return refusal("the voters of these files are static; allowed: none".into());
        }
        let controllers: Vec<i32> =
            files.nodes.iter().filter(|n| n.config.roles.controller).map(|n| n.config.node_id().0).collect();
        match self.initial_controllers.iter().find(|id| !controllers.contains(id)) {
            Some(id) => {
                let allowed = controllers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                refusal(format!("{id} is no controller of the files; allowed: {allowed}"))
            }
            None => Ok(()),
        }
    }

    /// Checks that these are servers. Whether files are good is not checked here.
    pub(super) fn check_other_cluster(&self) -> Result<(), Refusal> {
        if self.other_cluster.is_empty() || !self.properties.is_empty() && self.node.is_empty() {
            return Ok(());
        }
        let ids: Vec<i32> = match self.node.is_empty() {
            true => self.generated_nodes().map(|(id, _)| id.0).collect(),
            false => {
                self.files().map_or(Vec::new(), |files| files.nodes.iter().map(|n| n.config.node_id().0).collect())
            }
        };
        match self.other_cluster.iter().find(|id| !ids.contains(id) && !ids.is_empty()) {
            Some(id) => {
                let allowed = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Err(Refusal::new("cluster.other_cluster", format!("{id} is no server; allowed: {allowed}")))
            }
            None => Ok(()),
        }
    }

    /// Checks that this is a controller of a dynamic quorum without brokers. (The channels of brokers go by ids alone.) Of two
    /// voters that have other ports, neither may reach the other: no leader would have to be elected.
    pub(super) fn check_moving(&self) -> Result<(), Refusal> {
        let refusal = |problem: String| Err(Refusal::new("cluster.moving", problem));
        if self.moving.is_empty() {
            return Ok(());
        }
        if !self.dynamic || self.has_brokers() || !self.node.is_empty() || !self.properties.is_empty() {
            return refusal("it needs cluster.dynamic; allowed: none with brokers, or nodes with .properties".into());
        }
        if self.moving.len() > 1 {
            return refusal(format!("{} controllers; allowed: one", self.moving.len()));
        }
        let ids: Vec<i32> = self.generated_nodes().map(|(id, _)| id.0).collect();
        match self.moving.iter().find(|id| !ids.contains(id)) {
            Some(id) => {
                let allowed = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                refusal(format!("{id} is no controller; allowed: {allowed}"))
            }
            None => Ok(()),
        }
    }
}
