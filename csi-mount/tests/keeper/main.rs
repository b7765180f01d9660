//! The keeper with its real children and a real file system: deaths, changes, revocation, many volumes. Needs root and
//! /dev/fuse. The program is its own keeper, server, mutator and control process, told apart by its first argument.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are its own; clippy knows that of test functions only"
)]

mod changes;
mod deaths;
mod many;
mod node;
mod readers;
mod revoking;

use std::ffi::OsString;
use std::io::Write;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use csi_mount::keeper::{self, Options, Use};

/// Each test by its name.
const TESTS: &[(&str, fn())] = &[
    ("a_volume_is_shown_like_kubernetes_own", changes::a_volume_is_shown_like_kubernetes_own),
    ("only_the_mutator_changes_anything", changes::only_the_mutator_changes_anything),
    ("watchers_see_what_they_see_on_tmpfs", changes::watchers_see_what_they_see_on_tmpfs),
    ("readers_never_see_two_versions", changes::readers_never_see_two_versions),
    ("deaths_are_not_noticed", deaths::deaths_are_not_noticed),
    ("a_change_survives_any_death", deaths::a_change_survives_any_death),
    ("the_keepers_end_is_felt_at_once", deaths::the_keepers_end_is_felt_at_once),
    ("a_crash_loop_is_given_up", deaths::a_crash_loop_is_given_up),
    ("revocation_reaches_what_is_open", revoking::revocation_reaches_what_is_open),
    ("opens_are_told", revoking::opens_are_told),
    ("five_hundred_volumes_leave_nothing", many::five_hundred_volumes_leave_nothing),
    ("a_storm_of_everything", many::a_storm_of_everything),
    ("a_single_volume_for_root_and_for_others", many::a_single_volume_for_root_and_for_others),
    ("it_is_small_and_quick", many::it_is_small_and_quick),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("serve") => csi_mount::serve::run().map_err(|e| e.to_string()),
        Some("serve-badly") => Err("as the test wants".to_owned()),
        Some("mutate") => csi_mount::mutate::run().map_err(|e| e.to_string()),
        Some("control") => node::pump(&args[1]),
        Some("read") => readers::read_loop(&args[1], &args[2..]),
        Some("map") => revoking::map(&args[1], &args[2]),
        Some("keeper") => return keep(&args[1..]),
        Some("--list") => {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
            Ok(())
        }
        _ => return run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody may listen any more.
            let _unheard = writeln!(std::io::stderr(), "{}: {message}", args[0]);
            ExitCode::FAILURE
        }
    }
}

/// `keeper SOCKET PURPOSE`: the control process only passes on what the test says over the socket.
fn keep(args: &[String]) -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let purpose = match args[1].as_str() {
        "node" => Use::Node { holder: None },
        at => Use::Single { at: PathBuf::from(at), token: None },
    };
    let server = args.get(2).map_or("serve", String::as_str);
    let options = Options {
        purpose,
        program: PathBuf::from("/proc/self/exe"),
        title: "keeper-test",
        server: words(&[server]),
        mutator: words(&["mutate"]),
        control: words(&["control", &args[0]]),
        stall: Duration::from_secs(2),
    };
    match keeper::run(&options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            println!("keeper: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the tests whose names contain one of the arguments; all without arguments.
fn run(args: &[String]) -> ExitCode {
    assert!(rustix::process::geteuid().is_root(), "this test mounts file systems: run it as root");
    assert!(PathBuf::from("/dev/fuse").exists(), "this test needs /dev/fuse: load the kernel module fuse");
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let chosen: Vec<_> = TESTS.iter().filter(|(name, _)| wanted(name)).collect();
    println!("\nrunning {} tests", chosen.len());
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let started = Instant::now();
        let ok = catch_unwind(test).is_ok();
        let verdict = if ok { "ok" } else { "FAILED" };
        println!("test {name} ... {verdict} ({} ms)", started.elapsed().as_millis());
        if ok { passed += 1 } else { failed += 1 }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let out = TESTS.len() - passed - failed;
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {out} filtered out\n"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
