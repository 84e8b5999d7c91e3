//! Hosts without power: what those learn that connect to them.

use sim::drive::Ended;
use sim::fault::Fault;
use sim::process::*;

use crate::puppet::*;

/// Connects to node 1 at 100 ms and, 10 ms after each failure, again; observes 1 if it was refused, 2 if it was opened,
/// 3 if no host had the address.
const TRIES: Strings = Strings {
    boot: |now, out| out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) }),
    step: |_, _, now, input, out| match input {
        Input::Timer => out.push(Effect::Connect { token: 1, to: Node(1), port: Port::FIRST }),
        Input::Opened { .. } => out.push(Effect::Observe(2)),
        Input::Closed { reason, .. } => {
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(10) });
            out.push(Effect::Observe(match reason {
                CloseReason::Refused => 1,
                CloseReason::Reset => 4,
                CloseReason::Unreachable => 3,
                CloseReason::Unresolved => 4,
            }));
        }
        _ => {}
    },
};

const LISTENS: Strings = Strings { boot: |_, _| {}, step: |_, _, _, _, _| {} };

fn learned(one_subnet: bool, down_ms: u64, end_ms: u64) -> Vec<(u64, u64)> {
    let mut config = config(&[TRIES, LISTENS], vec![Fault::power_loss(Node(1), ms(50), ms(down_ms))]);
    config.network.one_subnet = one_subnet;
    config.heal_at_ns = ms(end_ms) - 1;
    let (ended, run) = drive(config, end_ms);
    assert_eq!(ended, Ended::End);
    run.watch.said.iter().map(|(at, _, said)| (*at / ms(1), *said)).collect()
}

#[test]
fn a_connect_to_a_dead_host_fails_after_three_seconds_within_a_subnet() {
    let said = learned(true, 60_000, 8_000);
    assert_eq!(said.iter().map(|(_, said)| *said).collect::<Vec<_>>(), [3, 3]);
    assert!((3_100..3_200).contains(&said[0].0) && (6_100..6_300).contains(&said[1].0), "{said:?}");
    assert_eq!(learned(false, 60_000, 8_000), []);
}

/// The SYN of 100 ms is sent again at 1.1 s, when the host is up, and its process is not.
#[test]
fn a_host_refuses_connections_before_its_process_starts() {
    let said = learned(false, 1_500, 2_000);
    let (opened, refused) = said.split_last().expect("it learned something");
    assert_eq!(opened.1, 2);
    assert!((1_550..1_600).contains(&opened.0), "{said:?}");
    assert!(refused.len() > 10 && refused.iter().all(|(at, said)| (1_100..1_570).contains(at) && *said == 1));
}
