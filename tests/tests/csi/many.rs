//! Many volumes, and the same requests again and again: nothing is left over.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::csi::Volume;
use rustix::process::Pid;
use serde_json::Value;
use tonic::Code;

use crate::world::World;

/// Descriptors of each of the driver's processes.
fn descriptors(world: &World) -> BTreeMap<String, usize> {
    let count = |pid: Pid| std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap().count();
    world.driver.processes().into_iter().map(|(role, pid)| (role, count(pid))).collect()
}

#[test]
fn five_hundred_volumes_come_and_go_and_leave_nothing() {
    let world = World::start();
    world.put("db", "first");
    let token = world.token("app");
    // What is made with the first volume and stays.
    let (first, _) = world.publish(0, "db", &token);
    world.driver.unpublish(&first.id, &first.target).unwrap();
    let (processes, before) = (world.driver.processes(), descriptors(&world));
    let start = Instant::now();
    let volumes: Vec<(Volume, PathBuf)> =
        (0..500).map(|number| world.publish(number, "db", &token)).collect();
    println!("500 volumes published in {:?}", start.elapsed());
    assert_eq!(world.driver.mounted().unwrap().len(), 500);
    world.put("db", "second");
    let took = world.wait("the change everywhere", || {
        volumes.iter().all(|(_, file)| std::fs::read_to_string(file).is_ok_and(|text| text == "second"))
    });
    println!("500 volumes changed and read in {took:?}");
    let start = Instant::now();
    for (volume, _) in &volumes {
        world.driver.unpublish(&volume.id, &volume.target).unwrap();
    }
    println!("500 volumes unpublished in {:?}", start.elapsed());
    assert_eq!(world.driver.mounted().unwrap(), Vec::<String>::new());
    assert_eq!(world.driver.processes(), processes, "no process came or went");
    world.wait("the end of connections and tasks", || {
        let now = descriptors(&world);
        now.iter().all(|(role, count)| *count <= before[role] + 2)
    });
    assert!(world.driver.metric("keyreeve_csi_volumes").unwrap() < 0.5);
}

#[test]
fn requests_are_taken_again_and_refused_in_words() {
    let world = World::start();
    world.put("db", "first");
    let token = world.token("app");
    let volume = Volume::new(1, "secret/app/db", &token);
    for _ in 0..3 {
        world.driver.publish(&volume).unwrap();
    }
    assert_eq!(world.driver.mounted().unwrap().len(), 1);
    let elsewhere = Volume { target: Volume::new(2, "", "").target, ..volume.clone() };
    let other = || Volume::new(3, "secret/app/db", &token);
    for (what, code, part) in [
        (elsewhere, Code::InvalidArgument, "is not that of the pod"),
        (Volume { group: "7".to_owned(), ..volume.clone() }, Code::AlreadyExists, "another group"),
        (
            Volume { target: volume.target.clone(), ..other() },
            Code::InvalidArgument,
            "is not that of the pod",
        ),
        (Volume { target: "/etc".to_owned(), ..other() }, Code::InvalidArgument, "no volume of a pod"),
        (Volume { target: other().target + "/../../x", ..other() }, Code::InvalidArgument, "the target path"),
        (Volume::new(3, "secret/app/db", ""), Code::InvalidArgument, "no token came with the volume"),
        (Volume::new(3, "secret/app/db", "hvs.wrong"), Code::PermissionDenied, "permission denied"),
        (other().with("sekret", "x"), Code::InvalidArgument, "\"sekret\" is not known"),
        (other().with("secret", "secret/app/none"), Code::NotFound, "secret/data/app/none"),
        (other().with("version", "0"), Code::InvalidArgument, "from 1"),
        (other().with("files", "{\"../x\": \"password\"}"), Code::InvalidArgument, "cannot be a file"),
        (other().with("files", "{\"x\": \"none\"}"), Code::FailedPrecondition, "no key \"none\""),
    ] {
        let status = world.driver.publish(&what).unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(part), "{status}");
        assert!(!status.message().contains(&token), "{status}");
    }
    assert_eq!(world.driver.mounted().unwrap().len(), 1, "a refused volume leaves nothing");
    let start = Instant::now();
    for target in [&volume.target, &volume.target] {
        world.driver.unpublish(&volume.id, target).unwrap();
    }
    world.driver.unpublish("csi-none", &Volume::new(9, "", "").target).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(world.driver.mounted().unwrap(), Vec::<String>::new());
}

/// All records of a kind.
fn records(world: &World, kind: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let query = format!("sys/keyreeve/audit?kind={kind}&after={after}&limit=1000");
        let page = world.broker.target.must("GET", &query, None).unwrap();
        all.extend(page["data"]["items"].as_array().unwrap().iter().cloned());
        if page["data"]["has_more"] != true {
            return all;
        }
        after = page["data"]["next_cursor"].as_u64().unwrap();
    }
}

#[test]
fn every_open_is_a_record_or_a_part_of_a_gap() {
    let world = World::start();
    world.put("db", "first");
    let token = world.token("app");
    let (_, file) = world.publish(1, "db", &token);
    let readers = 4;
    let each = 1_500;
    std::thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| (0..each).for_each(|_| drop(std::fs::File::open(&file).unwrap())));
        }
    });
    let count = |name: &str| world.driver.metric(name).unwrap();
    let told = || count("keyreeve_csi_records_total") + count("keyreeve_csi_opens_lost_total");
    let opens = f64::from(readers * each);
    world.wait("the end of the queue", || told() >= opens);
    // The broker learns of a gap with the record behind it.
    drop(std::fs::File::open(&file).unwrap());
    world.wait("the last record", || told() > opens);
    let opened = records(&world, "file.open").len() as u64;
    let gaps = records(&world, "gap");
    let end = |gap: &Value, which: usize| gap["report"]["missing"][which].as_u64().unwrap();
    let missing: u64 = gaps.iter().map(|gap| end(gap, 1) - end(gap, 0) + 1).sum();
    println!("{opened} opens are records, {missing} are in {} gaps", gaps.len());
    assert_eq!(opened + missing, opens as u64 + 1);
    assert!(opened >= 1_024, "at least what the queue holds");
}
