//! `--set KEY=VALUE` and properties set one by one: rejected, or in force and printed as TOML that is parsed as equal.
//! One setting per line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scenarios::catalog;
use scenarios::scenario::Scenario;

thread_local! {
    static CI: Scenario = catalog::find("ci").expect("in the catalog").scenario().expect("good");
}

fuzz_target!(|text: &str| {
    let mut scenario = CI.with(Scenario::clone);
    for line in text.lines().take(3) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let before = scenario.clone();
        match scenario.set(key.trim(), value.trim()) {
            Ok(()) => {}
            Err(_) => assert_eq!(scenario, before, "refused, and yet changed"),
        }
    }
    if scenario.validate().is_ok() {
        let printed = scenario.to_toml();
        match Scenario::from_toml("printed.toml", &printed) {
            Ok(again) => assert_eq!(scenario, again, "{printed}"),
            // Probes that cannot be reached any more are dropped by the caller that sets something.
            Err(error) => assert!(error.to_string().contains("require_probe"), "{error}: {printed}"),
        }
    }
});
