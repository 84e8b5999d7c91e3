//! Operators' mistakes and the messages about them, word for word: Kafka's words wherever it refuses
//! the same.

use super::{BROKER, COMBINED, GOOD, NodeConfig, with};

fn without(key: &str) -> String {
    GOOD.lines().filter(|l| !l.starts_with(key)).map(|l| format!("{l}\n")).collect()
}

fn refused(table: &[(String, &str)]) {
    for (text, message) in table {
        let error = NodeConfig::parse("c", text).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
}

#[test]
fn a_controllers_mistakes_are_reported_with_place_and_allowed_values() {
    let table: &[(String, &str)] = &[
        (
            with("controller.quorum.fetch.timeout.ms=abc"),
            "c:6: controller.quorum.fetch.timeout.ms = \"abc\": Not a number of type INT; allowed: 1..2147483647 (ms)",
        ),
        (
            with("controller.quorum.fetch.timeout.ms=0"),
            "c:6: controller.quorum.fetch.timeout.ms = \"0\": Value must be at least 1; allowed: 1..2147483647 (ms)",
        ),
        (
            with("controller.quorum.request.timeout.ms=2147483648"),
            "c:6: controller.quorum.request.timeout.ms = \"2147483648\": Not a number of type INT; allowed: 1..2147483647 (ms)",
        ),
        (
            with("metadata.log.segment.bytes=4096"),
            "c:6: metadata.log.segment.bytes = \"4096\": Value must be at least 8388608; allowed: 8388608..2147483647 (bytes)",
        ),
        (
            with("process.roles="),
            "c:6: process.roles = \"\": Missing required configuration \"process.roles\" which has no default value; allowed: controller, broker, or both as broker,controller",
        ),
        (
            with("process.roles=voter"),
            "c:6: process.roles = \"voter\": String must be one of: broker, controller; allowed: controller, broker, or both as broker,controller",
        ),
        (
            with("process.roles=broker,broker"),
            "c:6: process.roles = \"broker,broker\": Duplicate role names found in `process.roles`: broker; allowed: controller, broker, or both as broker,controller",
        ),
        (
            without("process.roles"),
            "c: process.roles: Missing required configuration \"process.roles\" which has no default value; allowed: controller, broker, or both as broker,controller",
        ),
        (
            without("node.id"),
            "c: node.id: Missing required configuration \"node.id\" which has no default value; allowed: 0..2147483647",
        ),
        (with("node.id=-1"), "c:6: node.id = \"-1\": Value must be at least 0; allowed: 0..2147483647"),
        (
            with("node.id=4"),
            "c:3: controller.quorum.voters = \"1@a:9093,2@b:9093,3@c:9093\": If process.roles contains the 'controller' role, the node id 4 must be included in the set of voters controller.quorum.voters=Set(1, 2, 3)",
        ),
        (
            with("broker.id=7"),
            "c:6: broker.id = \"7\": You must set `node.id` to the same value as `broker.id`; allowed: 1",
        ),
        (
            without("controller.quorum.voters"),
            "c: controller.quorum.voters: If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers; allowed: host:port of each controller in controller.quorum.bootstrap.servers, or the static voters, id@host:port of each, in controller.quorum.voters",
        ),
        (
            without("controller.quorum.voters") + "controller.quorum.bootstrap.servers=\n",
            "c:5: controller.quorum.bootstrap.servers = \"\": If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers; allowed: host:port of each controller in controller.quorum.bootstrap.servers, or the static voters, id@host:port of each, in controller.quorum.voters",
        ),
        (
            with("controller.quorum.voters=1@a:9093,1@b:9093"),
            "c:6: controller.quorum.voters = \"1@a:9093,1@b:9093\": voter 1 is listed twice",
        ),
        (
            with("controller.quorum.voters=a:9093"),
            "c:6: controller.quorum.voters = \"a:9093\": entry \"a:9093\" has no id; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=x@a:9093"),
            "c:6: controller.quorum.voters = \"x@a:9093\": id of \"x@a:9093\" is not an integer of 0..2147483647; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@a"),
            "c:6: controller.quorum.voters = \"1@a\": \"1@a\": no port; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@a:99999"),
            "c:6: controller.quorum.voters = \"1@a:99999\": \"1@a:99999\": port \"99999\" is not of 1..65535; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@0.0.0.0:9093"),
            "c:6: controller.quorum.voters = \"1@0.0.0.0:9093\": Host string (0.0.0.0) is not routeable; allowed: id@host:port, separated by commas",
        ),
        (
            without("controller.quorum.voters") + "controller.quorum.bootstrap.servers=a:9093",
            "c:5: controller.quorum.bootstrap.servers = \"a:9093\": these name no voters; the voters are taken from the files of all nodes, or from controller.quorum.voters",
        ),
        (
            with("controller.quorum.bootstrap.servers=a"),
            "c:6: controller.quorum.bootstrap.servers = \"a\": \"a\": no port; allowed: host:port, separated by commas",
        ),
        (
            with("controller.quorum.auto.join.enable=yes"),
            "c:6: controller.quorum.auto.join.enable = \"yes\": Expected value to be either true or false; allowed: true, false",
        ),
        (
            with("controller.listener.names=CONTROLLER,INTERNAL"),
            "c:6: controller.listener.names = \"CONTROLLER,INTERNAL\": controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role; allowed: CONTROLLER",
        ),
        (
            with("listeners=CONTROLLER://:9093,PLAINTEXT://:9092"),
            "c:6: listeners = \"CONTROLLER://:9093,PLAINTEXT://:9092\": The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller; allowed: CONTROLLER",
        ),
        (
            with("listeners=CONTROLLER"),
            "c:6: listeners = \"CONTROLLER\": entry \"CONTROLLER\" has no name; allowed: NAME://host:port, separated by commas",
        ),
        (
            with("advertised.listeners=CONTROLLER://0.0.0.0:9093"),
            "c:6: advertised.listeners = \"CONTROLLER://0.0.0.0:9093\": advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.",
        ),
        (
            with("listener.security.protocol.map=CONTROLLER:TLS"),
            "c:6: listener.security.protocol.map = \"CONTROLLER:TLS\": Invalid security protocol `TLS` defined in listener.security.protocol.map; allowed: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            with("listener.security.protocol.map=SSL:SSL"),
            "c:6: listener.security.protocol.map = \"SSL:SSL\": No security protocol defined for listener CONTROLLER",
        ),
        (with("log.dirs="), "c:6: log.dirs = \"\": an empty directory name; allowed: at least one directory"),
    ];
    refused(table);
}

#[test]
fn a_brokers_mistakes_are_reported_with_place_and_allowed_values() {
    let broker = |line: &str| format!("{BROKER}{line}\n");
    refused(&[
        (
            broker("node.id=2"),
            "c:3: controller.quorum.voters = \"1@a:9093,2@b:9093,3@c:9093\": If process.roles contains just the 'broker' role, the node id 2 must not be included in the set of voters controller.quorum.voters=Set(1, 2, 3)",
        ),
        (
            broker("controller.listener.names="),
            "c:5: controller.listener.names = \"\": controller.listener.names must contain at least one value when running KRaft with just the broker role; allowed: the name of the controllers' listener, CONTROLLER usually",
        ),
        (
            broker("listeners=PLAINTEXT://:9092,CONTROLLER://:9093"),
            "c:5: listeners = \"PLAINTEXT://:9092,CONTROLLER://:9093\": controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role",
        ),
        (
            broker("listeners=INTERNAL://:9092"),
            "c:5: listeners = \"INTERNAL://:9092\": No security protocol defined for listener INTERNAL",
        ),
        (
            broker("listeners=INTERNAL://:9092\nlistener.security.protocol.map=INTERNAL:PLAINTEXT"),
            "c:6: listener.security.protocol.map = \"INTERNAL:PLAINTEXT\": Controller listener with name CONTROLLER defined in controller.listener.names not found in listener.security.protocol.map  (an explicit security mapping for each controller listener is required if listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use)",
        ),
        (
            broker("listeners=SSL://:9092"),
            "c:4: controller.listener.names = \"CONTROLLER\": Controller listener with name CONTROLLER defined in controller.listener.names not found in listener.security.protocol.map  (an explicit security mapping for each controller listener is required if listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use)",
        ),
        (
            broker("inter.broker.listener.name=INTERNAL\nlisteners=PLAINTEXT://:9092"),
            "c:5: inter.broker.listener.name = \"INTERNAL\": Listener with name INTERNAL defined in inter.broker.listener.name not found in listener.security.protocol.map.",
        ),
        (
            broker("inter.broker.listener.name=SSL"),
            "c:5: inter.broker.listener.name = \"SSL\": inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are PLAINTEXT",
        ),
        (
            broker("inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT"),
            "c:5: inter.broker.listener.name = \"PLAINTEXT\": Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        ),
        (
            broker("security.inter.broker.protocol=TLS"),
            "c:5: security.inter.broker.protocol = \"TLS\": String must be one of: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            broker(
                "listeners=EXTERNAL://:9092\nlistener.security.protocol.map=EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            ),
            "c:5: listeners = \"EXTERNAL://:9092\": inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are EXTERNAL",
        ),
        (
            broker("advertised.listeners=PLAINTEXT://b:9092,SSL://b:9094\nlisteners=PLAINTEXT://:9092"),
            "c:5: advertised.listeners = \"PLAINTEXT://b:9092,SSL://b:9094\": advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found PLAINTEXT,SSL. The valid options based on the current configuration are PLAINTEXT",
        ),
        (
            broker("listeners=PLAINTEXT://0.0.0.0:9092"),
            "c:5: listeners = \"PLAINTEXT://0.0.0.0:9092\": advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.",
        ),
        (
            broker("listeners=PLAINTEXT://:9092,SSL://:9092"),
            "c:5: listeners = \"PLAINTEXT://:9092,SSL://:9092\": Each listener must have a different port, listeners: PLAINTEXT://:9092,SSL://:9092",
        ),
        (
            broker("controller.quorum.auto.join.enable=true"),
            "c:5: controller.quorum.auto.join.enable = \"true\": controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role; allowed: false",
        ),
        (
            broker("replica.lag.time.max.ms=400"),
            "c:5: replica.lag.time.max.ms = \"400\": replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR",
        ),
        (
            broker("replica.fetch.wait.max.ms=500\nreplica.socket.timeout.ms=400"),
            "c:5: replica.fetch.wait.max.ms = \"500\": replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts",
        ),
        (
            broker("replica.lag.time.max.ms=ten"),
            "c:5: replica.lag.time.max.ms = \"ten\": Not a number of type LONG; allowed: 1..9223372036854775807 (ms)",
        ),
        (
            broker("broker.session.timeout.ms=9s"),
            "c:5: broker.session.timeout.ms = \"9s\": Not a number of type INT; allowed: 1..2147483647 (ms)",
        ),
        (
            broker("min.insync.replicas=0"),
            "c:5: min.insync.replicas = \"0\": Value must be at least 1; allowed: 1..2147483647",
        ),
        (
            broker("default.replication.factor=40000"),
            "c:5: default.replication.factor = \"40000\": Value must be no more than 32767; allowed: 1..32767",
        ),
        (
            broker("log.segment.bytes=4096"),
            "c:5: log.segment.bytes = \"4096\": Value must be at least 1048576; allowed: 1048576..2147483647 (bytes)",
        ),
        (
            broker("auto.leader.rebalance.enable=1"),
            "c:5: auto.leader.rebalance.enable = \"1\": Expected value to be either true or false; allowed: true, false",
        ),
    ]);
}

#[test]
fn a_combined_nodes_mistakes_are_reported_with_place_and_allowed_values() {
    let combined = |line: &str| format!("{COMBINED}{line}\n");
    refused(&[
        (
            combined("node.id=4"),
            "c:3: controller.quorum.voters = \"1@a:9093,2@b:9093,3@c:9093\": If process.roles contains the 'controller' role, the node id 4 must be included in the set of voters controller.quorum.voters=Set(1, 2, 3)",
        ),
        (
            combined("listeners=CONTROLLER://:9093"),
            "c:6: listeners = \"CONTROLLER://:9093\": There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?",
        ),
        (
            combined("listeners=PLAINTEXT://:9092"),
            "c:5: controller.listener.names = \"CONTROLLER\": controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role; allowed: PLAINTEXT",
        ),
        (
            combined("inter.broker.listener.name=CONTROLLER"),
            "c:6: inter.broker.listener.name = \"CONTROLLER\": inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are PLAINTEXT",
        ),
        (
            with("inter.broker.listener.name=CONTROLLER"),
            "c:6: inter.broker.listener.name = \"CONTROLLER\": controller.listener.names must not contain an explicitly set inter.broker.listener.name configuration value when process.roles=controller",
        ),
    ]);
}
