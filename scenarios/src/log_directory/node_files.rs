//! The files of every node at a point of a run: as a process that starts there would find them. Of a node that runs
//! these are the written ones, as after a kill; after a power loss, what it left.

use std::rc::Rc;

use raft::config::{BootstrapServer, Kept, KeptWhy, NodeConfig};
use raft::ids::NodeId;
use raft::io::DurableFiles;
use sim::disk::Disk;
use sim::process::Node;

use crate::report::RunReport;
use crate::run::conclude::conclude;
use crate::run::{Request, drive};

/// The address of all nodes in the `.properties` that are written beside the files.
const HOST: &str = "localhost";
/// The first port: two for each node.
const FIRST_PORT: u16 = 19092;

/// Paths, relative to the log directory, and their bytes.
pub type Files = Vec<(Rc<str>, Vec<u8>)>;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct NodeFiles {
    /// Such as `controller-1`.
    pub name: String,
    pub id: i32,
    /// A process was running.
    pub is_up: bool,
    /// Ascending by path.
    pub files: Files,
    /// Files of which reads fail.
    pub unreadable: Vec<Rc<str>>,
    config: NodeConfig,
}

/// Runs a request, and returns its report and the files of all servers at its end.
pub fn node_files(request: &Request<'_>) -> Result<(RunReport, Vec<NodeFiles>), String> {
    let finished = drive(request)?;
    let report = conclude(request, &finished);
    let world = &finished.run.world;
    let configs = finished.prepared.scenario.cluster.configs().map_err(|error| error.to_string())?;
    let ports: Vec<NodeId> = finished.prepared.servers.clone();
    let of = |(index, config): (usize, NodeConfig)| {
        let node = Node(index as u16);
        let disk = world.disk(node);
        let (files, unreadable) = read(disk);
        NodeFiles {
            name: world.name(node).to_owned(),
            id: config.node_id().0,
            is_up: world.process(node).is_some(),
            files,
            unreadable,
            config: on_loopback(config, &ports),
        }
    };
    Ok((report, configs.into_iter().enumerate().map(of).collect()))
}

impl NodeFiles {
    /// Kafka's `.properties` with which the node starts on this machine, on its files in this log directory.
    pub fn properties(&self, log_directory: &str) -> String {
        let mut config = self.config.clone();
        // The clocks of a run start in the past: retention would delete the logs. It begins only after this time, and so
        // do the other periodic tasks of `LogManager`.
        config.broker.initial_task_delay_ms = 86_400_000;
        let more = kept("log.dirs", log_directory);
        config.kept = config.kept.iter().cloned().chain([more]).collect();
        config.to_properties()
    }
}

impl DurableFiles for NodeFiles {
    fn paths(&self) -> Vec<Rc<str>> {
        self.files.iter().map(|(path, _)| Rc::clone(path)).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.iter().find(|(other, _)| **other == *path).map(|(_, bytes)| bytes.clone())
    }
}

/// The files that can be read, and the paths of the others.
fn read(disk: &Disk) -> (Files, Vec<Rc<str>>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in disk.paths() {
        match disk.read(&path) {
            Some(bytes) => files.push((path, bytes)),
            None => unreadable.push(path),
        }
    }
    (files, unreadable)
}

/// The configuration of the node as part of a cluster on one machine. What has no effect in a simulation is left out:
/// files of keys, for example, that only its author has.
fn on_loopback(mut config: NodeConfig, servers: &[NodeId]) -> NodeConfig {
    let place = |id: NodeId| servers.iter().position(|server| *server == id).unwrap_or(servers.len()) as u16;
    let port = |id: NodeId, second: u16| FIRST_PORT.saturating_add(2 * place(id) + second);
    let mut voters = config.quorum.voters.to_vec();
    for voter in &mut voters {
        voter.endpoint.host = HOST.into();
        voter.endpoint.port = port(voter.id, 1);
    }
    let controllers = voters.first().map_or("CONTROLLER".to_owned(), |voter| voter.endpoint.name.to_string());
    let id = config.node_id();
    let mut listeners = Vec::new();
    if config.roles.broker || !config.roles.controller {
        listeners.push(format!("PLAINTEXT://{HOST}:{}", port(id, 0)));
    }
    if config.roles.controller {
        listeners.push(format!("{controllers}://{HOST}:{}", port(id, 1)));
    }
    let protocols = format!("PLAINTEXT:PLAINTEXT,{controllers}:PLAINTEXT");
    config.quorum.voters = voters.into();
    let servers = config.quorum.bootstrap_servers.iter();
    let on_loopback =
        |server: &BootstrapServer| BootstrapServer { host: HOST.into(), port: port(server.node, 1), ..server.clone() };
    config.quorum.bootstrap_servers = servers.map(on_loopback).collect();
    config.kept = [
        kept("controller.listener.names", &controllers),
        kept("listeners", &listeners.join(",")),
        kept("listener.security.protocol.map", &protocols),
    ]
    .into();
    config
}

fn kept(key: &str, value: &str) -> Kept {
    Kept { key: key.to_owned(), value: value.to_owned(), line: 0, why: KeptWhy::NotSimulated }
}
