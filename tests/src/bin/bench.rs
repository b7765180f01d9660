//! `make bench`: the broker beside OpenBao, in one run, into `tests/bench/RESULTS.md`.

use std::time::Duration;

use anyhow::Result;
use harness::bench::load::{Make, request, run};
use harness::bench::measure::{cpu_time, load_average, resident_bytes};
use harness::bench::peers::{Ours, Peer, RaftOpenBao, start_to_first_answer};
use harness::bench::report::{Row, markdown};
use harness::bench::{Figure, median};
use harness::disk::DiskBroker;
use serde_json::json;

/// Length of one measured block; `BENCH_SECONDS` sets another.
const BLOCK_SECONDS: u64 = 5;
/// Pairs of blocks for each server and operation.
const ROUNDS: usize = 2;
/// Secrets that are there before anything is measured.
const SECRETS: u64 = 10_000;

fn block(peer: &dyn Peer, connections: usize, make: &Make<'_>) -> Result<Figure> {
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(BLOCK_SECONDS);
    let addr = &peer.target().addr;
    run(addr, connections, Duration::from_millis(500), make)?;
    let (cpu, syncs, start) = (cpu_time(peer.pid())?, peer.syncs(), std::time::Instant::now());
    let operations = run(addr, connections, Duration::from_secs(seconds), make)?;
    let used = cpu_time(peer.pid())?.saturating_sub(cpu);
    let wall = start.elapsed().as_secs_f64();
    let synced = peer.syncs().zip(syncs).map(|(after, before)| (after - before) as f64 / operations as f64);
    Ok(Figure {
        operations,
        cpu_us: used.as_secs_f64() * 1e6 / operations.max(1) as f64,
        per_second: operations as f64 / wall,
        syncs: synced,
    })
}

/// Both servers in turn: ours, peer, peer, ours.
fn compare(
    name: &str,
    pair: [&dyn Peer; 2],
    connections: usize,
    make: impl Fn(&str, u64) -> Vec<u8> + Sync,
) -> Result<[Figure; 2]> {
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for which in [0, 1, 1, 0] {
            let token = pair[which].target().root_token.clone();
            figures[which].push(block(pair[which], connections, &|n| make(&token, n))?);
        }
    }
    let [ours, peer] = figures.map(median);
    println!("{name}: ours {:.0} CPU-µs, OpenBao {:.0} CPU-µs", ours.cpu_us, peer.cpu_us);
    Ok([ours, peer])
}

fn fill(peer: &dyn Peer) -> Result<()> {
    let body = json!({"data": {"username": "app", "password": "p".repeat(200)}}).to_string();
    let token = peer.target().root_token.clone();
    let make = move |n: u64| request("POST", &format!("secret/data/bench/{}", n % SECRETS), &token, &body);
    let mut written = 0;
    while written < SECRETS {
        let first = written;
        written += run(&peer.target().addr, 32, Duration::from_secs(1), &|n| make(first + n))?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let ours = Ours(DiskBroker::start(&["--log", "error"])?);
    let peer = RaftOpenBao::start()?;
    println!("writing {SECRETS} secrets to both");
    fill(&ours)?;
    fill(&peer)?;
    let memory = [resident_bytes(ours.pid())?, resident_bytes(peer.pid())?];
    let load = load_average();
    let read =
        |token: &str, n: u64| request("GET", &format!("secret/data/bench/{}", n * 7919 % SECRETS), token, "");
    let body = json!({"data": {"username": "app", "password": "q".repeat(200)}}).to_string();
    let write =
        |token: &str, n: u64| request("POST", &format!("secret/data/bench/{}", n % SECRETS), token, &body);
    let pair: [&dyn Peer; 2] = [&ours, &peer];
    let mut rows = Vec::new();
    let mut add = |name: &str, [ours, peer]: [Figure; 2], goal_us, goal_ratio| {
        rows.push(Row { name: name.to_owned(), ours, peer, goal_us, goal_ratio });
    };
    add("audited KV v2 read, 16 clients", compare("read at 16", pair, 16, read)?, Some(60.0), Some(12.0));
    add("audited KV v2 read, 1 client", compare("read at 1", pair, 1, read)?, None, None);
    add("durable KV v2 write, 1 client", compare("write at 1", pair, 1, write)?, None, None);
    add("durable KV v2 write, 64 clients", compare("write at 64", pair, 64, write)?, None, None);
    let Ours(mut disk) = ours;
    let starts: Result<Vec<Duration>> = (0..5).map(|_| start_to_first_answer(&mut disk)).collect();
    let mut starts = starts?;
    starts.sort_unstable();
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let verdict = |reached: bool| if reached { "reached" } else { "falls short" };
    let facts = vec![
        format!(
            "start to first answer with {SECRETS} secrets, process start and TLS-free listener included: {} ms (median of 5; goal ≤ 50 ms: {})",
            starts[2].as_millis(),
            verdict(starts[2].as_millis() <= 50)
        ),
        format!(
            "resident memory with {SECRETS} secrets: Keyreeve {:.0} MB, OpenBao {:.0} MB (goal ≤ 40 MB: {})",
            mb(memory[0]),
            mb(memory[1]),
            verdict(mb(memory[0]) <= 40.0)
        ),
    ];
    let conditions = vec![
        "OpenBao 2.7.2: raft storage, one node, no TLS, a file audit device declared in its configuration; its audit file is not synced, its store is.".to_owned(),
        "Keyreeve: release build, plain HTTP on loopback, default settings; every answer, reads included, waits for a sync that covers its audit record.".to_owned(),
        format!("values of 200 bytes; load average before the blocks: {load}; {} processors", std::thread::available_parallelism()?),
    ];
    let report = markdown(&rows, &facts, &conditions);
    std::fs::write(harness::folder().join("bench/RESULTS.md"), &report)?;
    println!("{report}");
    Ok(())
}
