//! `make bench`, fourth part: secrets as files beside tmpfs: publishing a volume, opening and reading a file, memory. The report
//! goes behind the other parts' in `tests/bench/RESULTS.md`. It mounts, so it is run in a mount namespace of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::bench::measure::{load_average, pss_bytes};
use harness::bench::write_section;
use harness::csi::{DRIVER_RULES, Driver, Volume};
use harness::disk::DiskBroker;
use harness::target::Target;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;

const VALUE: &str = "0123456789abcdef0123456789abcdef";
const BLOCKS: usize = 10;
const READS: usize = 2_000;

fn part(times: &mut [Duration], share: usize) -> f64 {
    times.sort();
    times.get((times.len().saturating_sub(1)) * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn token(target: &Target, policy: &str, rules: &str) -> Result<String> {
    target.must("POST", &format!("sys/policies/acl/{policy}"), Some(&json!({"policy": rules})))?;
    let made = target.must("POST", "auth/token/create", Some(&json!({"policies": [policy]})))?;
    Ok(made["auth"]["client_token"].as_str().context("no token")?.to_owned())
}

/// What the reference driver does for a volume: a tmpfs, a dated folder, and links that are renamed into place.
fn publish_tmpfs(at: &Path) -> Result<()> {
    std::fs::create_dir(at)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("tmpfs", at, "tmpfs", flags, c"size=1m,mode=755")?;
    let dated = at.join("..2026_01_01");
    std::fs::create_dir(&dated)?;
    for key in ["password", "user"] {
        std::fs::write(dated.join(key), VALUE)?;
        std::os::unix::fs::symlink(format!("..data/{key}"), at.join(key))?;
    }
    std::os::unix::fs::symlink("..2026_01_01", at.join("..data_tmp"))?;
    Ok(std::fs::rename(at.join("..data_tmp"), at.join("..data"))?)
}

/// Opens and reads a file as a program would.
fn reads(file: &Path, times: &mut Vec<Duration>) -> Result<()> {
    let mut buffer = [0; 512];
    for _ in 0..READS {
        let start = Instant::now();
        let file = std::fs::File::open(file)?;
        std::os::unix::fs::FileExt::read_at(&file, &mut buffer, 0)?;
        times.push(start.elapsed());
    }
    Ok(())
}

struct World {
    broker: DiskBroker,
    driver: Driver,
    token: String,
    tmpfs: tempfile::TempDir,
}

impl World {
    fn start() -> Result<World> {
        let broker = DiskBroker::start(&[])?;
        let own = token(&broker.target, "driver", DRIVER_RULES)?;
        let token = token(&broker.target, "app", "path \"secret/data/app/*\" { capabilities = [\"read\"] }")?;
        for number in 0..110 {
            let data = json!({"data": {"password": VALUE, "user": VALUE}});
            broker.target.must("POST", &format!("secret/data/app/{number}"), Some(&data))?;
        }
        let driver = Driver::start(&broker.target, &own, &[])?;
        Ok(World { broker, driver, token, tmpfs: tempfile::tempdir()? })
    }

    /// Publishes a volume and gives how long that took.
    fn publish(&self, number: usize, secret: usize) -> Result<(Volume, Duration)> {
        let volume = Volume::new(number, &format!("secret/app/{secret}"), &self.token);
        let folder = self.driver.path(&volume.target).parent().map(Path::to_owned).context("no folder")?;
        std::fs::create_dir_all(folder)?;
        let start = Instant::now();
        self.driver.publish(&volume)?;
        Ok((volume, start.elapsed()))
    }

    fn memory(&self) -> Result<f64> {
        let pids = self.driver.processes().into_values();
        let bytes: Result<Vec<u64>> = pids.map(|pid| pss_bytes(pid.as_raw_nonzero().get())).collect();
        Ok(bytes?.into_iter().sum::<u64>() as f64 / 1e6)
    }
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "falls short" }
}

fn publishing(world: &World, report: &mut String) -> Result<PathBuf> {
    let (mut first, mut known, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = Vec::new();
    let mut volumes = Vec::new();
    for number in 0..110 {
        let (volume, took) = world.publish(number, number)?;
        first.push(took);
        std::fs::read(world.driver.path(&volume.target).join("password"))?;
        volumes.push(volume);
        let at = world.tmpfs.path().join(number.to_string());
        let start = Instant::now();
        publish_tmpfs(&at)?;
        theirs.push(start.elapsed());
        if number == 29 || number == 109 {
            memory.push(world.memory()?);
        }
    }
    for number in 110..220 {
        let (volume, took) = world.publish(number, number - 110)?;
        known.push(took);
        world.driver.unpublish(&volume.id, &volume.target)?;
    }
    let mine = part(&mut known, 50);
    writeln!(
        report,
        "* publish, p50 (p99), from kubelet's request to the answer: {:.1} ms ({:.1}) for a secret that the node shows already (goal ≤ 5 ms without network: {}), {:.1} ms ({:.1}) with an audited read at the broker, {:.2} ms ({:.2}) for the same files on a tmpfs made by hand",
        mine / 1e3,
        part(&mut known, 99) / 1e3,
        verdict(mine <= 5_000.0),
        part(&mut first, 50) / 1e3,
        part(&mut first, 99) / 1e3,
        part(&mut theirs, 50) / 1e3,
        part(&mut theirs, 99) / 1e3,
    )?;
    let [small, large] = memory[..] else { anyhow::bail!("two figures of memory") };
    writeln!(
        report,
        "* memory of the four processes (sum of PSS): {small:.1} MB with 30 volumes (goal ≤ 15 MB: {}), {large:.1} MB with 110",
        verdict(small <= 15.0)
    )?;
    Ok(world.driver.path(&volumes.first().context("no volume")?.target))
}

fn opening(world: &World, at: &Path, report: &mut String) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (file, tmpfs) = (at.join("password"), world.tmpfs.path().join("0/password"));
    for block in 0..BLOCKS {
        // In turn, so that a busy moment of the machine meets both.
        let order = if block % 2 == 0 { [true, false] } else { [false, true] };
        for mine in order {
            if mine { reads(&file, &mut ours)? } else { reads(&tmpfs, &mut theirs)? }
        }
    }
    let p50 = part(&mut ours, 50);
    // What still waits is sent, and what was lost is told.
    let figures = || -> Result<(f64, f64)> {
        let told = world.driver.metric("keyreeve_csi_records_total")?;
        Ok((told, world.driver.metric("keyreeve_csi_opens_lost_total")?))
    };
    let all = (BLOCKS * READS) as f64;
    let start = Instant::now();
    let (mut told, mut lost) = figures()?;
    while told + lost < all {
        ensure!(start.elapsed() < Duration::from_secs(30), "{told} records and {lost} lost of {all} opens");
        std::thread::sleep(Duration::from_millis(100));
        (told, lost) = figures()?;
    }
    writeln!(
        report,
        "* open and read, audited, p50 (p99): {p50:.1} µs ({:.1}) (goal ≤ 25 µs: {}); tmpfs, which nobody audits: {:.1} µs ({:.1})",
        part(&mut ours, 99),
        verdict(p50 <= 25.0),
        part(&mut theirs, 50),
        part(&mut theirs, 99),
    )?;
    writeln!(
        report,
        "* of {all:.0} opens as fast as one program can, {lost:.0} are a gap that the audit log names, all others records in it"
    )?;
    Ok(())
}

fn main() -> Result<()> {
    let world = World::start()?;
    let mut report = format!(
        "* two keys of 32 bytes a volume, a secret of its own each; load average before: {}; the broker runs on the same processors\n",
        load_average()
    );
    let at = publishing(&world, &mut report)?;
    opening(&world, &at, &mut report)?;
    for number in 0..110 {
        unmount(world.tmpfs.path().join(number.to_string()), UnmountFlags::DETACH)?;
    }
    drop(world.broker);
    write_section("Secrets as files beside tmpfs", &report)?;
    println!("{report}");
    Ok(())
}
