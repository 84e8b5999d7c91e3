//! What a connection adds to its messages: the listener that it was opened to, and the correlation ids of its
//! `NetworkClient`.

use std::collections::BTreeMap;

use raft::ids::Listener;
use raft::io::ThreadName;
use raft::message::Request;
use raft::node::Node as Server;
use sim::process::{Node, Thread};
use sim::watch::Way;

use super::encoded::Carried;
use crate::actor::Message;
use crate::trace::{Line, Trace};

/// The first correlation id of the model's clients. Those of a `NetworkClient` begin with 0.
const FIRST_OF_MODEL: i32 = 1;

/// All connections of a run.
#[derive(Debug, Default)]
pub struct Clients {
    connections: BTreeMap<u64, Opened>,
    /// The number of requests that the raft client of a process has sent.
    sent_by_raft: BTreeMap<(Node, u32), i32>,
}

/// A connection.
#[derive(Debug)]
struct Opened {
    by: Node,
    listener: Listener,
    /// The correlation ids of its requests, by those in the model.
    ids: BTreeMap<i32, i32>,
}

impl Clients {
    /// Of a message that this line sends; all lines of a run, in their order.
    pub fn carried<'a>(&mut self, trace: &'a Trace, line: &Line, way: Way, message: &Message) -> Carried<'a> {
        match message {
            Message::Request { correlation_id, request } => {
                let id = self.numbered(line, way, *correlation_id);
                let opened = || Opened { by: way.from, listener: listener(request), ids: BTreeMap::new() };
                let connection = self.connections.entry(way.connection.0).or_insert_with(opened);
                connection.ids.insert(*correlation_id, id);
                Carried { client: trace.name(connection.by), correlation_id: id, listener: connection.listener }
            }
            Message::Response { correlation_id, .. } => {
                let connection = &self.connections[&way.connection.0];
                let id = connection.ids[correlation_id];
                Carried { client: trace.name(connection.by), correlation_id: id, listener: connection.listener }
            }
        }
    }

    /// `NetworkClient.nextCorrelationId`. The model numbers the requests of each client, but those of raft as
    /// `KafkaNetworkChannel` does, which passes them to a `NetworkClient` with numbers of its own.
    fn numbered(&mut self, line: &Line, way: Way, in_model: i32) -> i32 {
        if line.thread != Some(Thread(ThreadName::RaftIo as u8)) {
            return in_model - FIRST_OF_MODEL;
        }
        let sent = self.sent_by_raft.entry((way.from, line.incarnation)).or_default();
        let id = *sent;
        *sent = sent.checked_add(1).unwrap_or(0);
        id
    }
}

/// The listener that a request is for: that of brokers where a broker's request handler takes it.
fn listener(request: &Request) -> Listener {
    match Server::thread_for(request) {
        ThreadName::RequestHandler => Listener::Brokers,
        _ => Listener::Controllers,
    }
}
