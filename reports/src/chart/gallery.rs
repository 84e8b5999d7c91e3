//! The charts of `reports/gallery`: each is a command line.

/// One chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Of its files.
    pub name: &'static str,
    /// The words of its command after `kraftsim chart`, without the output.
    pub words: &'static [&'static str],
}

/// All charts, in the order of the document. Seeds are as many as give hundreds of failovers, and all charts together take
/// less than five minutes on two cores; clients send less than in the scenarios where that changes nothing that is shown.
#[rustfmt::skip]
pub const GALLERY: &[Picture] = &[
    Picture {
        name: "controller-crash",
        words: &[
            "failover", "data-plane", "--cause", "kill", "--seeds", "160",
            "--set", "nemesis.kill.every=10ms", "--set", "nemesis.kill.lasts=5s..7s",
            "--set", "clients.produce_interval=100ms", "--title", "Controller crash, Kafka's defaults",
        ],
    },
    Picture {
        name: "timeouts",
        words: &[
            "heatmap", "controller-failover", "--cause", "kill", "--quantile", "p90", "--seeds", "350",
            "--vary", "controller.quorum.fetch.timeout.ms=500,1000,2000,4000",
            "--vary", "controller.quorum.election.timeout.ms=500,1000,2000",
            "--set", "duration=84s", "--set", "nemesis.turn=20s",
            "--set", "nemesis.kill.every=10ms", "--set", "nemesis.kill.lasts=13s..15s",
            "--set", "workload.clients=1", "--set", "workload.interval=100ms",
            "--title", "Controller crash by fetch timeout and election timeout",
        ],
    },
    Picture {
        name: "voters",
        words: &[
            "failover", "controller-failover", "--cause", "cut", "--seeds", "300", "--vary", "cluster.voters=3,5",
            "--set", "nemesis.cut.every=10ms", "--set", "nemesis.cut.shapes=[\"one-way\"]",
            "--set", "workload.clients=1", "--set", "workload.interval=100ms",
            "--title", "Three and five controllers, one of which is cut in one direction",
        ],
    },
    Picture {
        name: "broker-crash",
        words: &[
            "failover", "failover", "--kind", "partition", "--cause", "kill", "--seeds", "30",
            "--vary", "clients.partitions=3,30",
            "--set", "duration=186s", "--set", "nemesis.turn=30s", "--set", "nemesis.targets=brokers",
            "--set", "nemesis.kill.every=10ms", "--set", "clients.produce_interval=200ms",
            "--set", "clients.admin_interval=1s", "--title", "Broker crash, until all its partitions are led again",
        ],
    },
    Picture {
        name: "zones",
        words: &[
            "failover", "one-zone", "three-zones", "--kind", "produce_gap", "--seeds", "70",
            "--title", "A zone loses power for up to a minute: three zones and one",
        ],
    },
    Picture {
        name: "replacement",
        words: &[
            "failover", "controller-replacement", "--kind", "voter_replacement", "--seeds", "120",
            "--vary", "cluster.voters=3,5", "--set", "clients.produce_interval=200ms", "--set", "clients.admin_interval=1s",
            "--title", "A controller is lost with its disk, and joins again with an empty one",
        ],
    },
    Picture {
        name: "replacement-admin",
        words: &[
            "failover", "controller-replacement", "--kind", "admin_gap", "--seeds", "120",
            "--vary", "cluster.voters=3,5", "--set", "clients.produce_interval=200ms",
            "--title", "Metadata while a controller is replaced",
        ],
    },
    Picture {
        name: "replacement-produce",
        words: &[
            "failover", "controller-replacement", "--kind", "produce_gap", "--seeds", "120",
            "--vary", "cluster.voters=3,5", "--title", "Producers while a controller is replaced",
        ],
    },
    Picture {
        name: "real",
        words: &[
            "failover", "failover", "--cause", "kill", "--real", "two-cores", "--seeds", "130",
            "--set", "duration=200s", "--set", "nemesis.start=20s", "--set", "nemesis.turn=30s",
            "--set", "nemesis.targets=controllers", "--set", "nemesis.kill.every=10ms",
            "--set", "network.latency=profile", "--set", "disk.fsync=profile",
            "--set", "clients.produce_interval=100ms", "--title", "Controller crash, real and simulated",
        ],
    },
];

impl Picture {
    /// Its command line.
    pub fn command(&self) -> String {
        let words = ["kraftsim", "chart"].iter().chain(self.words).copied();
        let line = shlex::try_join(words).unwrap_or_default();
        format!("{line} -o {}.svg", self.name)
    }
}
