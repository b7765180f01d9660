//! A template of any bytes, parsed and executed within small limits: an answer in bounded time, the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use syncer_template::{Engine, Env, Limits, NoRandomness, SecretValue};

struct Still {
    asked: Cell<u32>,
}

impl Env for Still {
    fn now(&self) -> i128 {
        1_760_000_000_000_000_000
    }

    fn local_zone(&self) -> &str {
        "UTC"
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(9);
        Ok(())
    }

    fn expired(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.asked.get() > 200
    }
}

/// Making keys is slow and has no input worth fuzzing.
const SLOW: [&str; 9] =
    ["gen", "bcrypt", "htpasswd", "derivePassword", "encryptAES", "decryptAES", "pkcs12", "Pkcs12", "PKCS12"];

fuzz_target!(|data: &[u8]| {
    let Ok(source) = std::str::from_utf8(data) else { return };
    if SLOW.iter().any(|name| source.contains(name)) {
        return;
    }
    let limits = Limits { output: 1 << 16, memory: 1 << 22, steps: 100_000, depth: 200 };
    let values = [("a", "alpha"), ("json", r#"{"k":[1,"x",null]}"#), ("n", "42"), ("empty", "")];
    let values = values.map(|(key, value)| (key, SecretValue::from(value)));
    let run = || {
        let template = Engine::default().parse("t", source)?;
        let data = values.iter().map(|(key, value)| (*key, value));
        template.execute(data, &mut Still { asked: Cell::new(0) }, limits)
    };
    match (run(), run()) {
        (Ok(one), Ok(two)) => assert!(one.expose() == two.expose(), "two outputs"),
        (Err(one), Err(two)) => assert!(one == two, "two errors"),
        _ => panic!("an output and an error"),
    }
});
