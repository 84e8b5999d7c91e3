//! What may be requested of a client: by its own application, by a story, by a list of operations.

use serde::{Deserialize, Serialize};

/// An operation; a client of another kind than it is for ignores it. Topics are named by their place
/// in the clients' list of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum ClientOperation {
    /// Of the model's client: so many appends now, besides the usual ones; each is one attempt.
    Append { count: u8 },
    /// Of the model's client: one append of so many records to the leader; if there is no
    /// connection to it, it only connects.
    AppendRecords { records: u8 },
    /// Of the model's client: reads on from the server at this place; the same.
    ReadFrom { server: u16 },
    /// Of an operator: adds this controller to the voters, if it is an observer.
    AddVoter { node: i32 },
    /// Of an operator: removes it from the voters.
    RemoveVoter { node: i32 },
    /// Of an operator: asks for the voters. A change that follows at the time of the answer is made over the same connection.
    DescribeQuorum,
    /// Of an operator: upgrades the quorum to `kraft.version` 1.
    UpgradeKraftVersion,
    /// Of any: request nothing more by itself; what is under way continues.
    Rest,
    /// Of any: continue with it.
    Resume,
    /// Of an admin client.
    CreateTopics { topics: Vec<u16> },
    /// Of an admin client.
    DeleteTopic { topic: u16 },
    /// Of an admin client: the topic shall have so many.
    CreatePartitions { topic: u16, count: i32 },
    /// Of an admin client: a topic's config; no value deletes it.
    AlterConfig {
        topic: u16,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// Of an admin client: a config of a broker, or what all brokers have by default; no value deletes it.
    AlterBrokerConfig {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        broker: Option<i32>,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// Of an admin client: a topic's configs.
    DescribeConfigs { topic: u16 },
    /// Of an admin client: of one partition, or of all that there are.
    ElectLeaders {
        unclean: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<(u16, i32)>,
    },
    /// Of a producer: send its next so many values there.
    Send { topic: u16, partition: i32, count: u16 },
    /// Of a consumer: read this partition from its start, besides those it reads.
    Assign { topic: u16, partition: i32 },
    /// Of a consumer: read all partitions of all lasting topics.
    AssignAll,
    /// Of a consumer: besides, read the first partitions of all topics that come and go, as long as metadata has them.
    Subscribe,
}

/// An operation of a list: which client does it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledOperation {
    /// Place among the run's clients, fresh ones excluded.
    pub client: u16,
    /// On the client's monotonic clock, since it booted, ns.
    pub at_ns: u64,
    /// For what.
    pub what: ClientOperation,
}

/// What a client did by itself, or is to do instead: (on its monotonic clock since it booted,
/// ns; what), ascending.
pub type Timetable = Vec<(u64, ClientOperation)>;

/// A timetable being gone through.
#[derive(Clone, Debug)]
pub struct Agenda {
    list: std::rc::Rc<[(u64, ClientOperation)]>,
    next: usize,
}

impl Agenda {
    /// From the start.
    pub fn new(list: std::rc::Rc<[(u64, ClientOperation)]>) -> Agenda {
        Agenda { list, next: 0 }
    }

    /// When the next is due, since the boot, ns.
    pub fn next_ns(&self) -> Option<u64> {
        self.list.get(self.next).map(|(at_ns, _)| *at_ns)
    }

    /// The next, if it is due.
    pub fn take_due(&mut self, since_boot_ns: u64) -> Option<ClientOperation> {
        self.take_due_if(since_boot_ns, |_| true)
    }

    /// The next, if it is due and one of those that are asked for.
    pub fn take_due_if(
        &mut self,
        since_boot_ns: u64,
        is_one: impl Fn(&ClientOperation) -> bool,
    ) -> Option<ClientOperation> {
        let (at_ns, what) = self.list.get(self.next)?;
        (*at_ns <= since_boot_ns && is_one(what)).then(|| {
            self.next += 1;
            what.clone()
        })
    }
}

/// Bytes of a batch with so many records, at most.
pub fn append_bytes(records: u64) -> u64 {
    100 + 100 * records
}
