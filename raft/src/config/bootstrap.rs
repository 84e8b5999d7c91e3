//! `controller.quorum.bootstrap.servers`: the nodes behind the addresses.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::error::ConfigError;
use super::listeners;
use super::node_config::BootstrapServer;
use super::node_file::NodeFile;
use super::source::{ADVERTISED, BOOTSTRAP, LISTENER_NAMES, LISTENERS};
use crate::ids::NodeId;

/// An address that a file names, and whose it is.
struct Address {
    host: String,
    port: u16,
    node: NodeId,
    is_controllers: bool,
}

/// Finds the nodes behind the bootstrap servers of all files. An address whose host is in no file is taken to be a name
/// of all controllers, as that of a headless service is, or of a load balancer; returns these addresses.
pub(super) fn resolve(nodes: &mut [NodeFile]) -> Result<Vec<String>, Vec<ConfigError>> {
    let known: Vec<Address> = nodes.iter().flat_map(addresses).collect();
    let mut controllers: Vec<NodeId> =
        nodes.iter().filter(|node| node.config.roles.controller).map(|node| node.config.node_id()).collect();
    controllers.sort_unstable();
    let (mut of_all, mut wrong) = (Vec::new(), Vec::new());
    for node in nodes {
        let Some(entry) = node.properties.get(BOOTSTRAP) else { continue };
        let mut servers = Vec::new();
        for item in listeners::items(&entry.value) {
            // The syntax was checked when the file was read.
            let Ok((host, port)) = listeners::host_and_port(item) else { continue };
            let nodes = match known.iter().find(|it| it.is_controllers && it.host == host && it.port == port) {
                Some(address) => vec![address.node],
                None if known.iter().any(|it| it.host == host) => {
                    let problem = format!("no controller of the files listens on {host}:{port}");
                    let allowed = known.iter().filter(|it| it.is_controllers);
                    let allowed: BTreeSet<String> = allowed.map(|it| format!("{}:{}", it.host, it.port)).collect();
                    let allowed = Some(allowed.into_iter().collect::<Vec<_>>().join(", ").into());
                    wrong.push(ConfigError { allowed, ..node.refuse(BOOTSTRAP, problem) });
                    continue;
                }
                None => {
                    let name = format!("{host}:{port}");
                    if !of_all.contains(&name) {
                        of_all.push(name);
                    }
                    controllers.clone()
                }
            };
            let host: Rc<str> = host.into();
            servers.extend(nodes.into_iter().map(|node| BootstrapServer { host: host.clone(), port, node }));
        }
        node.config.quorum.bootstrap_servers = servers.into();
    }
    if wrong.is_empty() { Ok(of_all) } else { Err(wrong) }
}

/// The addresses at which a file says that its node listens, advertised ones first, and those of static voters.
fn addresses(node: &NodeFile) -> Vec<Address> {
    let text = |key| node.properties.get(key).map_or("", |entry| entry.value.as_str());
    let names: Vec<String> = listeners::items(text(LISTENER_NAMES)).iter().map(|n| n.to_ascii_uppercase()).collect();
    let listed = |key| listeners::listeners(text(key), false).unwrap_or_default();
    let own = listed(ADVERTISED).into_iter().chain(listed(LISTENERS)).filter(|listener| !listener.host.is_empty());
    let id = node.config.node_id();
    let own = own.map(|listener| Address {
        is_controllers: node.config.roles.controller && names.contains(&listener.name),
        host: listener.host,
        port: listener.port,
        node: id,
    });
    let voters = node.config.quorum.voters.iter().map(|voter| Address {
        host: voter.endpoint.host.to_string(),
        port: voter.endpoint.port,
        node: voter.id,
        is_controllers: true,
    });
    own.chain(voters).collect()
}
