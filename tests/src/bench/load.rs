//! A load generator over kept connections: each connection sends the next request when its answer is complete.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A request as bytes, made for the n-th operation.
pub type Make<'a> = dyn Fn(u64) -> Vec<u8> + Sync + 'a;

/// Sends requests from `connections` connections for `duration`; gives the number of good answers.
///
/// # Errors
/// A connection broke, or an answer was no success.
pub fn run(addr: &str, connections: usize, duration: Duration, make: &Make<'_>) -> Result<u64> {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + duration;
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| worker(addr, end, make, &next, &done))).collect();
        workers.into_iter().try_for_each(|w| w.join().map_err(|_| anyhow::anyhow!("a worker panicked"))?)
    })?;
    Ok(done.load(Ordering::Relaxed))
}

fn worker(addr: &str, end: Instant, make: &Make<'_>, next: &AtomicU64, done: &AtomicU64) -> Result<()> {
    let stream = TcpStream::connect(addr).with_context(|| addr.to_owned())?;
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut answers = BufReader::new(stream);
    while Instant::now() < end {
        out.write_all(&make(next.fetch_add(1, Ordering::Relaxed)))?;
        let status = answer(&mut answers)?;
        ensure!((200..300).contains(&status), "a request under load was answered with {status}");
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Reads one answer and gives its status.
fn answer(reader: &mut BufReader<TcpStream>) -> Result<u16> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).context("no status line")?;
    let mut length = 0u64;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    Ok(status)
}

/// A request with a token and a body, over a kept connection.
pub fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: bench\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
