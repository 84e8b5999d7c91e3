//! `.properties` files of a cluster, separated by NUL: a parsed configuration is printed and parsed as equal, alone and
//! together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raft::config::properties::{Properties, print};
use raft::config::{NodeConfig, load_cluster};

fuzz_target!(|bytes: &[u8]| {
    // Kafka reads such a file as ISO-8859-1, every byte a character.
    let text: String = bytes.iter().copied().map(char::from).collect();
    let files: Vec<(String, String)> =
        text.split('\0').take(8).enumerate().map(|(i, text)| (format!("{i}.properties"), text.to_owned())).collect();
    for (file, text) in &files {
        syntax(file, text);
        node(file, text);
    }
    if let Ok(nodes) = load_cluster(files) {
        let printed = nodes.iter().map(|node| (node.node_id().to_string(), node.to_properties())).collect();
        assert_eq!(load_cluster(printed).expect("what was printed").len(), nodes.len());
    }
});

fn syntax(file: &str, text: &str) {
    let Ok(properties) = Properties::parse(file, text) else { return };
    for entry in properties.iter() {
        let line = print(&entry.key, &entry.value);
        let again = Properties::parse(file, &line).expect("what was printed");
        let again: Vec<_> = again.iter().map(|e| (&*e.key, &*e.value)).collect();
        assert_eq!(again, [(&*entry.key, &*entry.value)], "{line:?}");
    }
}

fn node(file: &str, text: &str) {
    let Ok(config) = NodeConfig::parse(file, text) else { return };
    let printed = config.to_properties();
    let again = NodeConfig::parse(file, &printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    // The line numbers of kept properties differ.
    let without_kept = |config: &NodeConfig| NodeConfig { kept: Default::default(), ..config.clone() };
    assert_eq!(without_kept(&config), without_kept(&again), "{printed}");
}
