//! Service times: what takes time in a process, and in which of its calls.

use std::rc::Rc;

use sim::fault::{FsyncFails, Pause, Terminate, What};
use sim::latency::Latency;
use sim::process::*;
use sim::service::{Calls, PLAIN_INPUTS, Pauses, ServiceTimes, Work};

use crate::puppet::*;

/// Number of [`Input::Timer`] among the kinds of input.
const TIMER: usize = 2;
const CONTINUE: usize = 7;

fn constant(duration_ms: u64) -> Latency {
    Latency::Constant { ns: ms(duration_ms) }
}

/// The first call takes `first` ms, every later one `later`.
fn warming_up(first: u64, later: u64) -> Calls {
    Calls::new(vec![(1, constant(first)), (2, constant(later))]).expect("they ascend")
}

/// Observes 1 every 100 ms.
const TICKS: Strings = Strings {
    boot: |now, out| out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) }),
    step: |_, _, now, input, out| {
        if matches!(input, Input::Timer) {
            out.push(Effect::Observe(1));
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) });
        }
    },
};

fn said_ms(run: &sim::drive::Run<Puppet, Seen>, node: u16) -> Vec<u64> {
    run.watch.said.iter().filter(|(_, of, _)| *of == node).map(|(at, ..)| at / ms(1)).collect()
}

#[test]
fn each_process_is_slow_at_its_first_call() {
    let mut config = config(&[TICKS], vec![fault(350, 50, kill(Node(0)))]);
    config.nodes[0].service = service(&[(Work::Input(Thread(0), TIMER), warming_up(30, 1))]);
    let (_, run) = drive(config, 750);
    assert_eq!(said_ms(&run, 0), [130, 231, 332, 530, 631, 732]);
}

/// At 100 ms: observes 1, 7, and 2.
const SAYS_SEVEN: Strings = Strings {
    boot: |now, out| out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) }),
    step: |_, _, _, input, out| {
        if matches!(input, Input::Timer) {
            out.effects.extend([1, 7, 2].map(Effect::Observe));
        }
    },
};

#[test]
fn nothing_of_a_step_happens_before_its_work_is_done() {
    let work = [(Work::Done(0), Calls::constant(ms(20)))];
    let mut calm = config(&[SAYS_SEVEN], vec![]);
    calm.nodes[0].service = service(&work);
    let (_, run) = drive(calm, 1_000);
    assert_eq!(run.watch.said, [(ms(120), 0, 1), (ms(120), 0, 7), (ms(120), 0, 2)]);

    let mut dies = config(&[SAYS_SEVEN], vec![fault(110, 60_000, kill(Node(0)))]);
    dies.nodes[0].service = service(&work);
    assert!(drive(dies, 1_000).1.watch.said.is_empty(), "it died at its work");
}

/// Connects to node 1, sends 1 and 2 at once; observes when it is connected, and each answer.
const ASKS: Strings = Strings {
    boot: |_, out| out.push(Effect::Connect { token: 1, to: Node(1), port: Port::FIRST }),
    step: |_, _, _, input, out| match input {
        Input::Opened { connection, .. } => {
            out.push(Effect::Observe(0));
            for number in [1, 2] {
                out.push(Effect::Request { connection, message: Number(number) });
            }
        }
        Input::Response { message, .. } => out.push(Effect::Observe(message.0)),
        _ => {}
    },
};

const ANSWERS: Strings = Strings {
    boot: |_, _| {},
    step: |_, _, _, input, out| {
        if let Input::Request { connection, message } = input {
            out.push(Effect::Observe(message.0));
            out.push(Effect::Response { connection, message });
        }
    },
};

#[test]
fn messages_and_connections_are_late_and_keep_their_order() {
    // The link takes 5 ms.
    let mut config = config(&[ASKS, ANSWERS], vec![]);
    config.nodes[0].service =
        service(&[(Work::Connect(Thread(0)), Calls::constant(ms(40))), (Work::Send(0), warming_up(200, 1))]);
    config.nodes[1].service = service(&[(Work::Receive(0), warming_up(30, 2)), (Work::Send(0), warming_up(10, 1))]);
    let (_, run) = drive(config, 1_000);
    // SYN, SYN-ACK, 40 ms; then 200 + 30 + 5 ms for the first request, which the second one does not overtake.
    assert_eq!(said_ms(&run, 1), [50 + 235, 50 + 235]);
    assert_eq!(said_ms(&run, 0), [50, 50 + 250, 50 + 250]);
}

/// Asks node 1 for 100 at 110 ms, and for 101 at 160 ms.
const ASKS_TWICE: Strings = Strings {
    boot: |_, out| out.push(Effect::Connect { token: 1, to: Node(1), port: Port::FIRST }),
    step: |puppet, _, now, input, out| match (input, puppet.connection) {
        (Input::Opened { .. }, _) => out.push(Effect::Arm { at_mono_ns: ms(110) }),
        (Input::Timer, Some(connection)) => {
            out.push(Effect::Request { connection, message: Number(100 + puppet.sent) });
            puppet.sent += 1;
            if puppet.sent < 2 {
                out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(50) });
            }
        }
        _ => {}
    },
};

/// Posts 8 to its pool at 100 ms, which adds 1,000 to the answers.
const CHANGES: Strings = Strings {
    boot: |_, out| out.push(Effect::Arm { at_mono_ns: ms(100) }),
    step: |puppet, _, _, input, out| match input {
        Input::Timer => out.push(Effect::Post { thread: Thread(2), event: 8 }),
        Input::Post(eight) => {
            puppet.sent = 1_000;
            out.push(Effect::Observe(eight));
        }
        Input::Request { connection, message } => {
            out.push(Effect::Observe(message.0 + puppet.sent));
            out.push(Effect::Response { connection, message });
        }
        _ => {}
    },
};

/// A request that comes while another input of the pool is served sees what was before it.
#[test]
fn inputs_of_a_pool_are_served_side_by_side() {
    let mut config = config(&[ASKS_TWICE, CHANGES], vec![]);
    let request = Work::Input(Thread(2), PLAIN_INPUTS.len());
    let mut times = ServiceTimes::default();
    times.has_pools = true;
    times.set::<Puppet>(Work::Done(0), Calls::constant(ms(50)));
    times.set::<Puppet>(request, Calls::constant(ms(10)));
    config.nodes[1].service = Rc::new(times);
    let (_, run) = drive(config, 1_000);
    let said: Vec<_> = run.watch.said.iter().map(|(at, _, what)| (at / ms(1), *what)).collect();
    assert_eq!(said, [(125, 100), (150, 8), (175, 1_101)]);
}

/// Writes at 100 ms, which takes 30 ms, and goes on: observes the ms of its clock. 7 waits in its queue, 13 is an error.
const CONTINUES: Strings = Strings {
    boot: |_, out| out.push(Effect::Arm { at_mono_ns: ms(100) }),
    step: |_, thread, now, input, out| match input {
        Input::Timer => {
            out.push(Effect::Open { file: File(1), path: Rc::from("log"), truncate: false });
            out.push(Effect::Append { file: File(1), bytes: Rc::from([1].as_slice()) });
            out.push(Effect::Post { thread, event: 7 });
            out.push(Effect::Fsync { file: File(1) });
            out.push(Effect::Continue);
        }
        Input::Continue => out.push(Effect::Observe(now.mono_ns / ms(1))),
        Input::DiskError(_) => out.push(Effect::Observe(13)),
        Input::Post(seven) => out.push(Effect::Observe(seven)),
        _ => {}
    },
};

/// What follows an fsync in a step of its own has the time after it, and precedes what has come meanwhile.
#[test]
fn a_thread_continues_before_it_takes_from_its_queue() {
    let node = Node(0);
    for (happens, at_ms) in [
        (None, [(130, 130), (130, 7)]),
        (Some(fault(50, 500, What::FsyncFails(FsyncFails { node, count: 1 }))), [(130, 13), (130, 7)]),
        (Some(fault(110, 200, What::Pause(Pause { node }))), [(310, 310), (310, 7)]),
        (Some(fault(120, 50, kill(node))), [(200, 200), (200, 7)]),
    ] {
        let mut config = config(&[CONTINUES], happens.into_iter().collect());
        config.nodes[0].fsync = constant(30);
        let (_, run) = drive(config, 1_000);
        let said: Vec<_> = run.watch.said.iter().map(|(at, _, what)| (at / ms(1), *what)).collect();
        assert_eq!(said, at_ms);
    }
}

#[test]
fn to_continue_may_take_time() {
    let mut config = config(&[CONTINUES], vec![]);
    let mut times = ServiceTimes::default();
    times.set::<Puppet>(Work::Input(Thread(0), CONTINUE), Calls::constant(ms(20)));
    config.nodes[0].service = Rc::new(times);
    config.nodes[0].fsync = constant(30);
    let (_, run) = drive(config, 1_000);
    assert_eq!(said_ms(&run, 0), [150, 150]);
}

#[test]
fn a_process_starts_late_and_receives_its_signal_late() {
    let ends = Strings {
        step: |_, _, _, input, out| {
            if matches!(input, Input::Terminate) {
                out.push(Effect::Halt { reason: Rc::from("terminated"), fault: None });
            }
        },
        boot: |_, out| out.push(Effect::Observe(1)),
    };
    let mut config = config(&[ends], vec![fault(100, 50, What::Terminate(Terminate { node: Node(0) }))]);
    let mut times = ServiceTimes::default();
    (times.start, times.stop) = (Some(constant(300)), Some(constant(20)));
    config.nodes[0].service = Rc::new(times);
    let (_, run) = drive(config, 1_000);
    assert_eq!(said_ms(&run, 0), [0, 100 + 20 + 50 + 300]);
}

#[test]
fn a_pause_delays_what_falls_into_it() {
    let mut config = config(&[TICKS], vec![fault(660, 10, kill(Node(0)))]);
    let mut times = ServiceTimes::default();
    times.pauses = Some(Pauses { every: constant(180), lasts: constant(50) });
    config.nodes[0].service = Rc::new(times);
    let (_, run) = drive(config, 1_050);
    // Paused at 180, 410, and 640, when it dies; the next process, of 670, at 850.
    assert_eq!(said_ms(&run, 0), [100, 230, 330, 460, 560, 770, 900, 1_000]);
}
