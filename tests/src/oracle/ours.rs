//! Our engine, asked the way the oracle is.

use std::collections::BTreeMap;

use syncer_template::{Engine, Env, Limits, NoRandomness, SecretValue};

use super::random::Random;
use super::{Data, Rendered};

/// A fixed time, and bytes that a seed repeats.
#[derive(Debug)]
pub struct Fixed {
    random: Random,
}

impl Default for Fixed {
    fn default() -> Self {
        Self { random: Random::new(7) }
    }
}

impl Env for Fixed {
    fn now(&self) -> i128 {
        // The real time: Go's functions have no other, and what they print of it shows no more than the day.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        i128::try_from(since.as_nanos()).expect("fits")
    }

    fn local_zone(&self) -> &str {
        "UTC"
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.iter_mut().for_each(|byte| *byte = (self.random.number() >> 32) as u8);
        Ok(())
    }

    fn expired(&self) -> bool {
        false
    }
}

/// Renders a template; errors begin as the oracle's do.
pub fn render(template: &str, data: &Data) -> Rendered {
    let parsed = Engine::default().parse("t", template).map_err(|error| format!("parse: {error}"))?;
    let values: BTreeMap<&str, SecretValue> =
        data.iter().map(|(key, value)| (key.as_str(), SecretValue::new(value.clone()))).collect();
    let rendered = parsed.execute(
        values.iter().map(|(key, value)| (*key, value)),
        &mut Fixed::default(),
        Limits::default(),
    );
    rendered.map(|text| text.expose().to_vec()).map_err(|error| format!("exec: {error}"))
}
