//! kill -9 of the driver's processes under readers of a hundred volumes: nobody notices, unless it is the keeper.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::csi::Volume;
use rustix::io::Errno;

use crate::world::World;

const VOLUMES: usize = 100;
/// Reads of each reader between two deaths.
const READS: u64 = 500;

/// What readers see until they are stopped.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    reads: AtomicU64,
    failures: AtomicU64,
    /// The longest read in microseconds.
    worst: AtomicU64,
}

impl Seen {
    /// Reads one file after another, again and again; each must have one of the values.
    fn read(&self, files: &[PathBuf], values: &[&str]) {
        for file in files.iter().cycle() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let start = Instant::now();
            let good = std::fs::read_to_string(file).is_ok_and(|text| values.contains(&text.as_str()));
            let took = u64::try_from(start.elapsed().as_micros()).unwrap();
            self.worst.fetch_max(took, Ordering::Relaxed);
            self.failures.fetch_add(u64::from(!good), Ordering::Relaxed);
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn more(&self, reads: u64) {
        let wanted = self.reads.load(Ordering::Relaxed) + reads;
        while self.reads.load(Ordering::Relaxed) < wanted {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn published(world: &World, volumes: usize) -> Vec<(Volume, PathBuf)> {
    world.put("db", "first");
    let token = world.token("app");
    (0..volumes).map(|number| world.publish(number, "db", &token)).collect()
}

#[test]
fn no_read_fails_while_processes_die_and_changes_arrive_afterwards() {
    let world = World::start();
    let volumes = published(&world, VOLUMES);
    let files: Vec<PathBuf> = volumes.iter().map(|(_, file)| file.clone()).collect();
    for (round, roles) in
        [&["serve"][..], &["mutate"], &["control"], &["serve", "mutate", "control"]].into_iter().enumerate()
    {
        let value = format!("value-{round}");
        let before = if round == 0 { "first".to_owned() } else { format!("value-{}", round - 1) };
        let seen = Seen::default();
        thread::scope(|scope| {
            let values = [before.as_str(), value.as_str()];
            for half in files.chunks(VOLUMES / 2) {
                let seen = &seen;
                scope.spawn(move || seen.read(half, &values));
            }
            seen.more(READS);
            let start = Instant::now();
            world.driver.kill(roles).unwrap();
            let took = start.elapsed();
            seen.more(READS);
            world.put("db", &value);
            let shown = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| text == value);
            world.wait("the change in all volumes", || files.iter().all(|file| shown(file)));
            seen.stop.store(true, Ordering::Relaxed);
            println!("{roles:?}: back after {took:?}");
        });
        let (reads, failures) = (seen.reads.into_inner(), seen.failures.into_inner());
        println!(
            "{roles:?}: {reads} reads, {failures} failed, the longest took {} us",
            seen.worst.into_inner()
        );
        assert_eq!(failures, 0, "{roles:?}: of {reads} reads\n{}", world.driver.log());
    }
    for (volume, _) in &volumes {
        world.driver.unpublish(&volume.id, &volume.target).unwrap();
    }
    assert_eq!(world.driver.mounted().unwrap(), Vec::<String>::new());
}

#[test]
fn a_dead_keeper_is_an_error_at_once_and_volumes_are_mounted_afresh() {
    let mut world = World::start();
    let volumes = published(&world, 3);
    let open = std::fs::File::open(&volumes[0].1).unwrap();
    world.driver.kill_all().unwrap();
    let start = Instant::now();
    for (_, file) in &volumes {
        let mut error = std::fs::read(file).unwrap_err();
        // A read that was under way when the file system ended.
        if Errno::from_io_error(&error) == Some(Errno::CONNABORTED) {
            error = std::fs::read(file).unwrap_err();
        }
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NOTCONN), "{error}");
        assert!(std::fs::metadata(file).is_err(), "stat fails too");
    }
    assert!(std::os::unix::fs::FileExt::read_at(&open, &mut [0; 8], 0).is_err());
    assert!(start.elapsed() < Duration::from_secs(1), "nobody waits");
    world.driver.start_again(&world.broker.target, &[]).unwrap();
    // kubelet publishes again what its pods have; one of them is gone meanwhile.
    let [(first, file), (second, _), (gone, _)] = &volumes[..] else { panic!("three volumes") };
    for (volume, file) in [(first, file), (second, &world.file(second))] {
        world.driver.publish(volume).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "first");
    }
    world.driver.unpublish(&gone.id, &gone.target).unwrap();
    assert_eq!(world.driver.mounted().unwrap().len(), 2);
    assert!(!world.driver.path(&gone.target).exists(), "the dead mount's folder is gone");
}

#[test]
fn the_driver_ends_in_order_and_starts_anew() {
    let mut world = World::start();
    let volumes = published(&world, 2);
    world.driver.stop().unwrap();
    world.driver.start_again(&world.broker.target, &[]).unwrap();
    for (volume, file) in &volumes {
        world.driver.publish(volume).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "first");
    }
}
