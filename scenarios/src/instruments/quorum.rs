//! What `kafka-metadata-quorum.sh describe` prints of the leader's answer to DescribeQuorum: `--status` and `--replication`
//! (`MetadataQuorumCommand`).

use raft::ids::{NodeId, Offset};
use raft::quorum::leader_state::{QuorumInfo, ReplicaInfo};
use raft::voter_set::VoterSet;
use serde_json::{Value, json};

use super::moment::Moment;

/// What a zero UUID is printed as.
const NO_DIRECTORY: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const HEADERS: [&str; 7] =
    ["NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"];

/// The answer, and what the tool knows besides.
#[derive(Clone, Debug)]
pub struct DescribedQuorum {
    info: QuorumInfo,
    voters: VoterSet,
    cluster_id: String,
}

impl DescribedQuorum {
    /// As the leader of an instant answers. `None`: no running process is leader by its own state, so the tool would wait for
    /// one until its timeout.
    pub fn of(moment: &Moment<'_>) -> Option<DescribedQuorum> {
        let leader = moment.leader()?;
        let (info, voters) = leader.server?.quorum_info(leader.now.wall_ms)?;
        Some(DescribedQuorum { info, voters: voters.clone(), cluster_id: moment.cluster_id().to_owned() })
    }

    /// `describe --status`
    pub fn status(&self) -> String {
        let QuorumInfo { leader_id, leader_epoch, high_watermark, voters, observers } = &self.info;
        let (lag, lag_ms) = self.max_follower_lag();
        let list = |replicas: &[ReplicaInfo]| {
            let texts: Vec<String> = replicas.iter().map(|replica| self.replica(replica)).collect();
            format!("[{}]", texts.join(", "))
        };
        let lines = [
            ("ClusterId", self.cluster_id.clone()),
            ("LeaderId", leader_id.to_string()),
            ("LeaderEpoch", leader_epoch.to_string()),
            ("HighWatermark", high_watermark.to_string()),
            ("MaxFollowerLag", lag.to_string()),
            ("MaxFollowerLagTimeMs", lag_ms.to_string()),
            ("CurrentVoters", list(voters)),
            ("CurrentObservers", list(observers)),
        ];
        lines.iter().map(|(name, value)| format!("{:<24}{value}\n", format!("{name}:"))).collect()
    }

    /// `describe --replication`
    pub fn replication(&self) -> String {
        let mut rows = vec![HEADERS.map(str::to_owned)];
        rows.extend(self.in_order().map(|(replica, status)| self.row(replica, status)));
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEADERS.len()).map(width).collect();
        let line = |row: &[String; 7]| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}\t"));
            cells.collect::<String>() + "\n"
        };
        rows.iter().map(line).collect()
    }

    /// Both as JSON; fields of DescribeQuorum have its names.
    pub fn to_json(&self) -> Value {
        let replica = |(of, status): (&ReplicaInfo, &str)| {
            json!({
                "replicaId": of.key.id.0,
                "replicaDirectoryId": directory(of),
                "logEndOffset": of.log_end_offset.0,
                "lag": self.lag(of),
                "lastFetchTimestamp": of.last_fetch_timestamp,
                "lastCaughtUpTimestamp": of.last_caught_up_timestamp,
                "status": status,
            })
        };
        let (lag, lag_ms) = self.max_follower_lag();
        json!({
            "clusterId": self.cluster_id,
            "leaderId": self.info.leader_id.0,
            "leaderEpoch": self.info.leader_epoch.0,
            "highWatermark": self.info.high_watermark.0,
            "maxFollowerLag": lag,
            "maxFollowerLagTimeMs": lag_ms,
            "replicas": self.in_order().map(replica).collect::<Vec<Value>>(),
        })
    }

    /// The leader, its followers, the observers.
    fn in_order(&self) -> impl Iterator<Item = (&ReplicaInfo, &'static str)> {
        let (leaders, followers): (Vec<&ReplicaInfo>, Vec<&ReplicaInfo>) =
            self.info.voters.iter().partition(|voter| voter.key.id == self.info.leader_id);
        let observers = self.info.observers.iter().map(|observer| (observer, "Observer"));
        let voters = leaders.into_iter().map(|leader| (leader, "Leader"));
        voters.chain(followers.into_iter().map(|follower| (follower, "Follower"))).chain(observers)
    }

    fn row(&self, of: &ReplicaInfo, status: &str) -> [String; 7] {
        [
            of.key.id.to_string(),
            directory(of),
            of.log_end_offset.to_string(),
            self.lag(of).to_string(),
            of.last_fetch_timestamp.to_string(),
            of.last_caught_up_timestamp.to_string(),
            status.to_owned(),
        ]
    }

    fn leader_end(&self) -> Offset {
        let leader = self.info.voters.iter().find(|voter| voter.key.id == self.info.leader_id);
        leader.map_or(Offset(-1), |leader| leader.log_end_offset)
    }

    fn lag(&self, of: &ReplicaInfo) -> i64 {
        self.leader_end().0 - of.log_end_offset.0
    }

    /// Of the voter with the lowest log end, which may be the leader: its lag, and how long it was caught up before the
    /// leader; -1 if it never was.
    fn max_follower_lag(&self) -> (i64, i64) {
        let voters = &self.info.voters;
        let find = |id: NodeId| voters.iter().find(|voter| voter.key.id == id);
        let last = voters.iter().min_by_key(|voter| voter.log_end_offset);
        let (Some(leader), Some(last)) = (find(self.info.leader_id), last) else { return (0, -1) };
        let lag_ms = match (leader.key == last.key, last.last_caught_up_timestamp) {
            (true, _) => 0,
            (false, -1) => -1,
            (false, caught_up) => leader.last_caught_up_timestamp - caught_up,
        };
        (self.lag(last), lag_ms)
    }

    fn replica(&self, of: &ReplicaInfo) -> String {
        let mut text = format!("{{\"id\": {}", of.key.id);
        if let Some(directory) = of.key.directory_id {
            text += &format!(", \"directoryId\": \"{directory}\"");
        }
        let is_voter = self.info.voters.iter().any(|voter| voter.key == of.key);
        if let Some(endpoints) = self.voters.endpoints(of.key.id).filter(|all| is_voter && !all.is_empty()) {
            let host = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let one = endpoints.iter().map(|of| format!("\"{}://{}:{}\"", of.name, host(&of.host), of.port));
            text += &format!(", \"endpoints\": [{}]", one.collect::<Vec<String>>().join(", "));
        }
        text + "}"
    }
}

fn directory(of: &ReplicaInfo) -> String {
    of.key.directory_id.map_or_else(|| NO_DIRECTORY.to_owned(), |directory| directory.to_string())
}
