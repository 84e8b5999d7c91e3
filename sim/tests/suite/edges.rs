//! The world's guarantees in rare cases, on a [puppet](crate::puppet).

use std::rc::Rc;

use sim::drive::Ended;
use sim::fault::{
    BitRot, BlackHole, Cut, Damage, Delay, Drift, Duplicate, Fault, FileDamage, FsyncFails, Kill, Link, Loss, Pause,
    SlowDisk, Stall, Terminate, UnresolvedName, WallStep, What, WrongName,
};
use sim::process::*;
use sim::service::{Calls, Work};
use sim::watch::Phase;

use crate::puppet::*;

/// Connects to node 1 and sends a number each ms from 50 ms on.
const COUNTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Connect { token: 1, to: Node(1), port: Port::FIRST });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(50) });
    },
    step: |puppet, _, now, input, out| {
        if let (Input::Timer, Some(connection)) = (input, puppet.connection) {
            puppet.sent += 1;
            out.push(Effect::Request { connection, message: Number(puppet.sent) });
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1) });
        }
    },
};

/// Connects to node 1 and sends one number, at 50 ms.
const COUNTS_TO_ONE: Strings = Strings {
    step: |puppet, _, _, input, out| {
        if let (Input::Timer, Some(connection)) = (input, puppet.connection) {
            out.push(Effect::Request { connection, message: Number(1) });
        }
    },
    ..COUNTS
};

/// Observes each number it receives, and responds to it.
const SAYS: Strings = Strings {
    boot: |_, _| {},
    step: |_, _, _, input, out| {
        if let Input::Request { connection, message } = input {
            out.push(Effect::Observe(message.0));
            out.push(Effect::Response { connection, message });
        }
    },
};

#[test]
fn a_connection_is_in_order_even_if_its_host_stalls_while_packets_are_under_way() {
    let stall = |at, lasts, node| fault(at, lasts, What::Stall(Stall { node: Node(node) }));
    let slow = What::Delay(Delay { links: vec![Link(Node(0), Node(1))], extra_ns: ms(700) });
    let slow_back = What::Delay(Delay { links: vec![Link(Node(1), Node(0))], extra_ns: ms(300) });
    for faults in [
        vec![stall(100, 3, 1)],
        vec![stall(100, 3, 0)],
        // Under way for longer than the retransmission timer of those that reached the silent host.
        vec![fault(10, 500, slow), stall(800, 3, 1), stall(900, 7, 1)],
        vec![fault(10, 500, slow_back), stall(400, 30, 0), stall(500, 3, 1)],
    ] {
        let (ended, run) = drive(config(&[COUNTS, SAYS], faults), 5000);
        let got: Vec<u64> = run.watch.said.iter().map(|(_, _, number)| *number).collect();
        assert_eq!(ended, Ended::End);
        assert!(got.len() > 300, "{}", got.len());
        assert_eq!(got, (1..=got.len() as u64).collect::<Vec<u64>>());
    }
}

#[test]
fn the_retransmission_timeout_doubles_whatever_keeps_the_segment_from_being_acknowledged() {
    let links = || vec![Link(Node(0), Node(1))];
    let back = || vec![Link(Node(1), Node(0))];
    let kill = || fault(32, 60_000, What::Kill(Kill { node: Node(1), after_effects: None }));
    let for_40_s = |what| fault(30, 40_000, what);
    let tried = |faults| {
        let (ended, run) = drive(config(&[COUNTS_TO_ONE, SAYS], faults), 39_000);
        assert_eq!(ended, Ended::End);
        run.world.counts().events
    };
    let calm = tried(vec![]);
    for faults in [
        vec![for_40_s(What::Cut(Cut { links: links() }))],
        vec![for_40_s(What::Loss(Loss { links: links(), ppm: 1_000_000 }))],
        vec![for_40_s(What::Stall(Stall { node: Node(1) }))],
        // Each attempt is answered with an RST that is lost on its way back.
        vec![for_40_s(What::Cut(Cut { links: back() })), kill()],
        vec![for_40_s(What::Loss(Loss { links: back(), ppm: 1_000_000 })), kill()],
    ] {
        let what = format!("{faults:?}");
        // 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 and 25.4 s: seven attempts, each with its arrival.
        let more = tried(faults) - calm;
        assert!((5..=7 * 2 + 4).contains(&more), "{more} events: {what}");
    }
}

#[test]
fn the_retransmission_timeout_begins_anew_once_something_gets_through() {
    let links = vec![Link(Node(0), Node(1))];
    let cuts = [30, 20_000].map(|at| fault(at, 1_500, What::Cut(Cut { links: links.clone() })));
    let (ended, run) = drive(config(&[COUNTS, SAYS], cuts.to_vec()), 30_000);
    assert_eq!(ended, Ended::End);
    // First attempts at 56 and 20,001 ms; each cut ends before the fourth, 3 s after the first.
    for end in [1_530, 21_500] {
        let next = run.watch.said.iter().find(|(at, ..)| *at > ms(end)).expect("it goes on");
        assert!((end..end + 1_600).contains(&(next.0 / 1_000_000)), "{next:?} after {end}");
    }
    let got = run.watch.said.len() as u64;
    assert_eq!(run.watch.said[got as usize - 1].2, got);
}

/// Observes each number; 1 and 2 get no response, 3 makes it hang up.
const TURNS_SILENT: Strings = Strings {
    boot: |_, _| {},
    step: |_, _, _, input, out| {
        if let Input::Request { connection, message } = input {
            out.push(Effect::Observe(message.0));
            out.push(if message.0 < 3 { Effect::NoResponse { connection } } else { Effect::HangUp { connection } });
        }
    },
};

/// As [`COUNTS`], and observes 99 when the connection is reset.
const COUNTS_UNTIL_RESET: Strings = Strings {
    step: |puppet, thread, now, input, out| match input {
        Input::Closed { reason: CloseReason::Reset, .. } => {
            puppet.connection = None;
            out.push(Effect::Observe(99));
        }
        input => (COUNTS.step)(puppet, thread, now, input, out),
    },
    ..COUNTS
};

#[test]
fn a_request_without_answer_lets_the_next_in_and_a_server_that_hangs_up_takes_none() {
    let (ended, run) = drive(config(&[COUNTS_UNTIL_RESET, TURNS_SILENT], vec![]), 200);
    assert_eq!(ended, Ended::End);
    let said: Vec<_> = run.watch.said.iter().map(|(_, node, number)| (*node, *number)).collect();
    assert_eq!(said, [(1, 1), (1, 2), (1, 3), (0, 99)]);
    // A message that was under way received an RST of its own, which arrived too late to have an effect.
    assert_eq!(run.watch.said[3].0, run.watch.said[2].0 + ms(5));
}

/// The main thread's timer ends the process, while its other thread has an observation to make.
const HALTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1) });
        out.push(Effect::Post { thread: Thread(1), event: 7 });
    },
    step: |_, _, _, input, out| match input {
        Input::Timer => out.push(Effect::Halt { reason: Rc::from("enough"), fault: None }),
        Input::Post(event) => out.push(Effect::Observe(event)),
        _ => {}
    },
};

#[test]
fn a_process_that_ends_as_it_thaws_does_nothing_more() {
    let mut config = config(&[HALTS], vec![fault(5, 20, What::Pause(Pause { node: Node(0) }))]);
    // A timer and a message from another thread are both served while it is paused.
    let ten = Calls::constant(ms(10));
    config.nodes[0].service = service(&[(Work::Input(Thread(0), 2), ten.clone()), (Work::Input(Thread(1), 3), ten)]);
    let (ended, run) = drive(config, 1000);
    assert_eq!((ended, run.watch.halts), (Ended::End, 1));
    assert!(run.watch.said.is_empty(), "a dead process said {:?}", run.watch.said);
}

/// Shuts down without end when it receives SIGTERM; 100 ms after its boot it ends by itself.
const ENDS_LATER: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Observe(now.mono_ns / 1_000_000));
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) });
    },
    step: |_, _, _, input, out| {
        if matches!(input, Input::Timer) {
            out.push(Effect::Halt { reason: Rc::from("by itself"), fault: Some(()) });
        }
    },
};

#[test]
fn how_long_a_shutdown_was_to_last_is_forgotten_with_its_process() {
    let faults = vec![fault(5, 20, What::Terminate(Terminate { node: Node(0) })), fault(10, 30, kill(Node(0)))];
    let (_, run) = drive(config(&[ENDS_LATER], faults), 1000);
    let boots: Vec<u64> = run.watch.said.iter().map(|(_, _, boot_ms)| *boot_ms).collect();
    assert_eq!(boots, [0, 40], "nobody boots it once it has ended by itself");
}

/// Posts to itself without end, at no cost.
const TALKS_TO_ITSELF: Strings = Strings {
    boot: |_, out| out.push(Effect::Post { thread: Thread(1), event: 1 }),
    step: |_, thread, _, input, out| {
        if let Input::Post(event) = input {
            out.push(Effect::Post { thread, event: event + 1 });
        }
    },
};

/// Its threads post to each other without end, at no cost.
const TALKS_AMONG_ITSELF: Strings = Strings {
    step: |_, thread, _, input, out| {
        if let Input::Post(event) = input {
            out.push(Effect::Post { thread: Thread(1 - thread.0), event: event + 1 });
        }
    },
    ..TALKS_TO_ITSELF
};

#[test]
fn word_between_threads_without_end_is_a_runaway() {
    for puppet in [TALKS_TO_ITSELF, TALKS_AMONG_ITSELF] {
        let (ended, _) = drive(config(std::slice::from_ref(&puppet), vec![]), 1000);
        assert_eq!(ended, Ended::Runaway(true));
        let mut costly = config(&[puppet], vec![]);
        let posts = [Thread(0), Thread(1)].map(|thread| (Work::Input(thread, 3), Calls::constant(ms(1))));
        costly.nodes[0].service = service(&posts);
        assert_eq!(drive(costly, 1000).0, Ended::End);
    }
}

#[test]
fn faults_that_overlap_add_up_beyond_any_number() {
    let links = || vec![Link(Node(0), Node(1)), Link(Node(1), Node(0))];
    let many = |what: What| (0..4).map(move |n| fault(100 + n, 300, what.clone()));
    let node = Node(1);
    let faults = [
        What::SlowDisk(SlowDisk { node, factor: u32::MAX }),
        What::Loss(Loss { links: links(), ppm: u32::MAX }),
        What::Duplicate(Duplicate { links: links(), ppm: u32::MAX }),
        What::Delay(Delay { links: links(), extra_ns: u64::MAX }),
        What::FsyncFails(FsyncFails { node, count: u32::MAX }),
        What::Drift(Drift { node, ppm: i32::MIN }),
        What::Drift(Drift { node, ppm: i32::MAX / 2 }),
        What::WallStep(WallStep { node, by_ms: i64::MIN }),
    ];
    for what in faults {
        let (ended, run) = drive(config(&[COUNTS, WRITES], many(what.clone()).collect()), 5000);
        assert_eq!(ended, Ended::End, "{what:?}");
        let healthy_again = run.watch.said.iter().any(|(at, node, _)| (*at, *node) > (ms(3000), 0));
        assert!(healthy_again || matches!(what, What::Delay(_)), "{what:?}");
    }
}

/// Writes and forces a byte each 20 ms, observes when that is done or has failed, and responds.
const WRITES: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Open { file: File(1), path: Rc::from("log"), truncate: false });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(20) });
    },
    step: |_, _, now, input, out| match input {
        Input::Timer => {
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(20) });
            out.push(Effect::Append { file: File(1), bytes: Rc::from([1].as_slice()) });
            out.push(Effect::Fsync { file: File(1) });
            out.push(Effect::Observe(1));
        }
        Input::DiskError(_) => out.push(Effect::Observe(2)),
        Input::Request { connection, message } => out.push(Effect::Response { connection, message }),
        _ => {}
    },
};

#[test]
fn of_an_fsync_under_way_what_is_left_goes_at_the_speed_the_disk_has_now() {
    let slow = |at, lasts, factor| fault(at, lasts, What::SlowDisk(SlowDisk { node: Node(0), factor }));
    let first_done = |faults, heal_at_ms| {
        let mut config = config(&[WRITES], faults);
        config.heal_at_ns = ms(heal_at_ms);
        drive(config, 300_000).1.watch.said[0].0 / 1000
    };
    // The fsync begins at 20 ms and is 10 ms of work.
    for (faults, heal_at_ms, done_at_us) in [
        (vec![], 50_000, 30_000),
        (vec![slow(10, 110, 100)], 50_000, 129_000),
        (vec![slow(24, 100, 100)], 50_000, 129_000),
        (vec![slow(10, 60_000, 1_000_000)], 500, 509_999),
        (vec![slow(10, 110, 10), slow(30, 50, 10)], 50_000, 124_500),
        (vec![slow(10, 12, u32::MAX), slow(10, 12, u32::MAX), slow(10, 12, u32::MAX)], 50_000, 32_000),
        // The first fault ends before the fsync begins, the second begins when it is over.
        (vec![slow(5, 10, 100), slow(31, 10, 100)], 50_000, 30_000),
    ] {
        let what = format!("{faults:?}");
        assert_eq!(first_done(faults, heal_at_ms), done_at_us, "{what}");
    }
}

/// At 20 ms each thread begins a list: one waits at a barrier while the other makes many observations.
const TWO_LISTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Open { file: File(1), path: Rc::from("log"), truncate: false });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(20) });
    },
    step: |_, thread, _, input, out| match input {
        Input::Timer => {
            out.push(Effect::Post { thread: Thread(1), event: 10 });
            out.push(Effect::Fsync { file: File(1) });
            (1..=4).for_each(|number| out.push(Effect::Observe(number)));
        }
        Input::Post(from) if thread == Thread(1) => (0..8).for_each(|n| out.push(Effect::Observe(from + n))),
        _ => {}
    },
};

#[test]
fn an_armed_kill_counts_the_effects_of_one_list_while_other_threads_go_on() {
    for after in 2..6u8 {
        let kill = What::Kill(Kill { node: Node(0), after_effects: Some(after) });
        let (ended, run) = drive(config(&[TWO_LISTS], vec![fault(15, 1000, kill)]), 500);
        let numbers: Vec<u64> = run.watch.said.iter().map(|(_, _, number)| *number).collect();
        let expected: Vec<u64> = (10..18).chain(1..u64::from(after) - 1).collect();
        assert_eq!((ended, numbers), (Ended::End, expected), "after {after}");
        assert_eq!(run.watch.faults, [(ms(30), Phase::Start)]);
        assert!(run.world.process(Node(0)).is_none());
    }
}

#[test]
fn failing_fsyncs_are_reported_when_one_fails_and_are_a_skip_if_none_does() {
    let fails = |at, lasts, count| fault(at, lasts, What::FsyncFails(FsyncFails { node: Node(0), count }));
    let seen = |faults| {
        let mut config = config(&[WRITES], faults);
        config.heal_at_ns = ms(200);
        let (ended, run) = drive(config, 300);
        assert_eq!(ended, Ended::End);
        let failed = run.watch.said.iter().filter(|(_, _, number)| *number == 2).count();
        (run.world.counts().faults, failed, run.watch.faults)
    };
    // Fsyncs end at 30, 50, 70 … ms.
    assert_eq!(seen(vec![fails(5, 0, 2)]), (1, 2, vec![(ms(30), Phase::Start)]));
    assert_eq!(seen(vec![fails(5, 50, 9)]), (1, 2, vec![(ms(30), Phase::Start), (ms(55), Phase::End)]));
    assert_eq!(seen(vec![fails(35, 10, 1)]), (0, 0, vec![(ms(45), Phase::Skipped)]));
    assert_eq!(seen(vec![fails(199, 0, 1)]), (0, 0, vec![(ms(200), Phase::Skipped)]));
    assert_eq!(seen(vec![fails(199, 50, 1)]), (0, 0, vec![(ms(200), Phase::Skipped)]));
    // The end of one fault is not the end of another.
    let (count, failed, _) = seen(vec![fails(5, 40, 9), fails(6, 0, 2)]);
    assert_eq!((count, failed), (2, 3));
}

/// Connects to port 1 of node 1 at every reading of its timer; observes 1 if it was refused, 2 if it was opened.
const TRIES: Strings = Strings {
    boot: |now, out| out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(10) }),
    step: |_, _, now, input, out| match input {
        Input::Timer => {
            out.push(Effect::Connect { token: 1, to: Node(1), port: Port(1) });
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(40) });
        }
        Input::Opened { .. } => {
            out.push(Effect::Observe(2));
            out.push(Effect::Close { token: 1 });
        }
        Input::Closed { reason: CloseReason::Refused, .. } => out.push(Effect::Observe(1)),
        _ => {}
    },
};

/// Listens on port 1 from 100 ms after its boot on.
const LISTENS_LATE: Strings = Strings {
    boot: |now, out| out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(100) }),
    step: |_, _, _, input, out| {
        if let Input::Timer = input {
            out.push(Effect::Listen { port: Port(1) });
        }
    },
};

#[test]
fn a_process_refuses_connections_on_a_port_until_it_listens_and_again_after_a_restart() {
    let (ended, run) = drive(config(&[TRIES, LISTENS_LATE], vec![fault(200, 50, kill(Node(1)))]), 420);
    assert_eq!(ended, Ended::End);
    let said: Vec<u64> = run.watch.said.iter().map(|(_, _, said)| *said).collect();
    // At 10, 50, 90; 130, 170; 210, where it is down; 250, 290, 330; 370, 410.
    assert_eq!(said, [1, 1, 1, 2, 2, 1, 1, 1, 1, 2, 2]);
}

/// As [`COUNTS_UNTIL_RESET`], on a second connection after the first 30 numbers; observes 1000 more for each response.
const COUNTS_ON_TWO: Strings = Strings {
    step: |puppet, thread, now, input, out| {
        match &input {
            Input::Timer if puppet.sent == 30 => out.push(Effect::Connect { token: 2, to: Node(1), port: Port::FIRST }),
            Input::Response { message, .. } => out.push(Effect::Observe(1000 + message.0)),
            _ => {}
        }
        (COUNTS_UNTIL_RESET.step)(puppet, thread, now, input, out);
    },
    ..COUNTS
};

/// The observations, with the time in ms (0: a connection was reset), and the phases of faults.
fn seen_through(faults: Vec<Fault>) -> (Vec<(u64, u64)>, Vec<Phase>) {
    let (ended, run) = drive(config(&[COUNTS_ON_TWO, SAYS], faults), 900);
    assert_eq!(ended, Ended::End);
    let number = |node, number| if (node, number) == (0, 99) { 0 } else { number };
    let said = run.watch.said.iter().map(|(at, node, said)| (at / 1_000_000, number(*node, *said))).collect();
    (said, run.watch.faults.iter().map(|(_, phase)| *phase).collect())
}

fn black_hole(from: u16, to: u16, rank: u32) -> What {
    What::BlackHole(BlackHole { links: vec![Link(Node(from), Node(to))], rank })
}

#[test]
fn a_black_holed_connection_carries_nothing_either_way_and_nobody_is_notified() {
    let (said, phases) = seen_through(vec![fault(60, 140, black_hole(0, 1, 0))]);
    assert_eq!(phases, [Phase::Start, Phase::End]);
    // The second connection is open at 90 ms. Number n is sent at 49 + n ms.
    let while_in_force: Vec<u64> = said.iter().filter(|(at, _)| (65..200).contains(at)).map(|it| it.1).collect();
    let of_first = |number: &u64| *number % 1000 <= 40;
    assert!(!while_in_force.iter().any(of_first), "neither numbers nor answers: {while_in_force:?}");
    assert!(while_in_force.len() > 150, "a new connection works: {while_in_force:?}");
    assert!(said.iter().all(|(_, number)| *number != 0), "nobody is notified");
    // 0.2 s after the first attempt, then everything follows.
    let mut first: Vec<(u64, u64)> =
        said.iter().filter(|(at, number)| *at >= 200 && of_first(number)).copied().collect();
    first.sort_by_key(|it| it.1);
    let numbers: Vec<u64> = first.iter().map(|it| it.1).collect();
    assert_eq!(numbers, (11..=40).chain(1006..=1040).collect::<Vec<u64>>());
    assert!(first.iter().all(|(at, _)| (260..=275).contains(at)), "{first:?}");
}

#[test]
fn a_black_hole_is_of_the_connection_with_its_rank() {
    let passes = |faults| {
        let (said, _) = seen_through(faults);
        let count = said.iter().filter(|(at, number)| (206..400).contains(at) && *number < 1000).count();
        assert!(count == 0 || count > 190, "{count}");
        count > 0
    };
    assert!(!passes(vec![fault(200, 200, black_hole(0, 1, 0))]), "the newest");
    assert!(passes(vec![fault(200, 200, black_hole(0, 1, 1))]), "the one before");
    assert!(!passes(vec![fault(200, 200, black_hole(0, 1, 2))]), "modulo their number");
    assert!(!passes(vec![fault(200, 0, black_hole(0, 1, 0))]), "until it is closed");
    let both = [fault(200, 200, black_hole(0, 1, 0)), fault(210, 20, black_hole(0, 1, 0))];
    assert!(!passes(both.to_vec()), "the end of one is not the end of another");
    let nobody = [fault(2, 50, black_hole(0, 1, 0)), fault(200, 200, black_hole(1, 0, 0))];
    assert!(passes(nobody.to_vec()));
    assert_eq!(seen_through(nobody.to_vec()).1, [Phase::Skipped; 2], "none is open");
}

#[test]
fn the_reset_of_a_black_holed_connection_is_lost_as_well() {
    let (said, _) = seen_through(vec![fault(60, 340, black_hole(0, 1, 0)), fault(100, 10, kill(Node(1)))]);
    let resets: Vec<u64> = said.iter().filter(|(_, number)| *number == 0).map(|it| it.0).collect();
    // The other connection is reset immediately; this one when it retransmits after the end of the fault.
    assert_eq!(resets, [105, 471]);
}

/// Runs, and has no file open.
const WAITS: Strings = Strings { boot: |_, _| {}, step: |_, _, _, _, _| {} };

#[test]
fn rot_is_not_read_by_a_process_that_has_no_file_open() {
    let rot =
        BitRot { node: Node(0), suffix: "a".to_owned(), newest: false, file_rank: 0, at_ppm: 500_000, spare_bytes: 0 };
    // While it is down, nothing is cached.
    for (faults, is_cached) in [(vec![], true), (vec![fault(5, 30, kill(Node(0)))], false)] {
        let faults = faults.into_iter().chain([fault(10, 0, What::BitRot(rot.clone()))]).collect();
        let mut config = config(&[WAITS], faults);
        config.nodes[0].files = vec![("a".into(), [0; 10].into())];
        let (_, run) = drive(config, 100);
        let disk = run.world.disk(Node(0));
        assert_ne!(disk.read_durable("a"), Some(vec![0; 10]));
        assert_eq!(disk.read("a") == Some(vec![0; 10]), is_cached);
    }
}

#[test]
fn of_an_extension_the_last_file_is_damaged() {
    let damage = FileDamage { node: Node(0), file: ".x".to_owned(), file_rank: 4, damage: Damage::Zeroed, at_ppm: 0 };
    let mut config = config(&[WAITS], vec![fault(10, 5, What::FileDamage(damage))]);
    config.nodes[0].files = ["a.x", "b.x", "c.y"].map(|path| (path.into(), [1; 4].as_slice().into())).to_vec();
    let (_, run) = drive(config, 100);
    let disk = run.world.disk(Node(0));
    assert_eq!(["a.x", "b.x", "c.y"].map(|path| disk.read(path)), [[1; 4], [0; 4], [1; 4]].map(|it| Some(it.to_vec())));
}

/// Connects to node 1 at boot and each second, and observes the result: 1, or 2 if its name is not resolved.
const CONNECTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Connect { token: 1, to: Node(1), port: Port::FIRST });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1000) });
    },
    step: |puppet, _, now, input, out| match input {
        Input::Opened { token, .. } => {
            out.push(Effect::Close { token });
            out.push(Effect::Observe(1));
        }
        Input::Closed { reason: CloseReason::Unresolved, .. } => out.push(Effect::Observe(2)),
        Input::Timer => {
            puppet.sent += 1;
            out.push(Effect::Connect { token: 1 + puppet.sent as u32, to: Node(1), port: Port::FIRST });
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1000) });
        }
        _ => {}
    },
};

/// Connections to an address that no host has are not answered; those to another host are, by that host. A process
/// remembers the wrong address, too.
#[test]
fn a_wrong_address_leads_to_another_host_or_to_none() {
    let wrong =
        |at, lasts, to| fault(at, lasts, What::WrongName(WrongName { links: vec![Link(Node(0), Node(1))], to }));
    let unanswered = |faults: Vec<Fault>| {
        let (ended, run) = drive(config(&[CONNECTS, SAYS, SAYS], faults), 45_000);
        assert_eq!(ended, Ended::End);
        let opened = run.watch.said.iter().filter(|(_, node, result)| (*node, *result) == (0, 1));
        let opened: Vec<u64> = opened.map(|(at, ..)| at / 1_000_000_000).collect();
        let missing: Vec<u64> = (1..44).filter(|second| !opened.contains(second)).collect();
        missing.first().copied().zip(missing.last().copied())
    };
    assert_eq!(unanswered(vec![wrong(5_000, 20_000, None)]), None, "an address is remembered for 30 s");
    assert_eq!(unanswered(vec![wrong(28_500, 2_500, None)]), Some((30, 43)), "a wrong one too");
    assert_eq!(unanswered(vec![wrong(100, 12_000, None), fault(500, 100, kill(Node(0)))]), Some((1, 29)));
    let down = fault(20_000, 5_000, kill(Node(2)));
    assert_eq!(
        unanswered(vec![wrong(100, 12_000, Some(Node(2))), fault(500, 100, kill(Node(0))), down]),
        Some((20, 24))
    );
}

#[test]
fn a_lookup_is_remembered_by_its_process_whether_it_failed_or_not() {
    let links = || vec![Link(Node(0), Node(1))];
    let unresolved = |at, lasts| fault(at, lasts, What::UnresolvedName(UnresolvedName { links: links() }));
    let failed = |faults| {
        let (ended, run) = drive(config(&[CONNECTS, SAYS], faults), 45_000);
        assert_eq!(ended, Ended::End);
        let failed = run.watch.said.iter().filter(|(_, node, result)| (*node, *result) == (0, 2));
        let seconds: Vec<u64> = failed.map(|(at, ..)| at.div_ceil(1_000_000_000)).collect();
        seconds.first().copied().zip(seconds.last().copied())
    };
    assert_eq!(failed(vec![unresolved(5_000, 20_000)]), None, "an address is remembered for 30 s");
    assert_eq!(failed(vec![unresolved(28_500, 2_500)]), Some((30, 39)), "a failure is remembered for 10 s");
    assert_eq!(failed(vec![unresolved(28_500, 2_500), fault(33_500, 100, kill(Node(0)))]), Some((30, 33)));
    assert_eq!(failed(vec![unresolved(100, 12_000), fault(500, 100, kill(Node(0)))]), Some((1, 20)));
    assert_eq!(failed(vec![fault(0, 40_000, What::Cut(Cut { links: links() }))]), None);
    assert_eq!(failed(vec![unresolved(0, 12_000)]), Some((0, 19)), "the first lookup of the first boot");
}
