//! Scenario files: a parsed scenario prints as TOML that is parsed as equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scenarios::scenario::Scenario;

fuzz_target!(|text: &str| {
    let Ok(scenario) = Scenario::from_toml("fuzzed.toml", text) else { return };
    let printed = scenario.to_toml();
    let again = Scenario::from_toml("printed.toml", &printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    assert_eq!(scenario, again, "{printed}");
});
