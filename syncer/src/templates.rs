//! How this program's templates are read and which time zone is theirs, as typed.

use clap::Args;
use syncer_core::{Engine, Kit, Sources};

use crate::clock::TemplateEnv;

/// Flags about templates.
#[derive(Clone, Debug, Args)]
pub struct TemplateFlags {
    /// What opens an action in templates.
    #[arg(long, default_value = "{{", value_name = "TEXT")]
    pub template_left_delimiter: String,
    /// What closes an action in templates.
    #[arg(long, default_value = "}}", value_name = "TEXT")]
    pub template_right_delimiter: String,
    /// Time zone of the template functions that speak of local time.
    #[arg(long, env = "TZ", default_value = "UTC", value_name = "NAME")]
    pub time_zone: String,
}

/// How templates are rendered.
#[derive(Clone, Debug)]
pub struct Templates {
    engine: Engine,
    zone: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self { engine: Engine::default(), zone: "UTC".to_owned() }
    }
}

impl From<&TemplateFlags> for Templates {
    fn from(flags: &TemplateFlags) -> Self {
        let engine = Engine {
            left: flags.template_left_delimiter.clone(),
            right: flags.template_right_delimiter.clone(),
            ..Engine::default()
        };
        let zone = flags.time_zone.trim_start_matches(':');
        Self { engine, zone: if zone.is_empty() { "UTC" } else { zone }.to_owned() }
    }
}

impl Templates {
    /// Does something with what templates of one object need.
    pub fn with<T>(&self, sources: &Sources, work: impl FnOnce(&mut Kit<'_>) -> T) -> T {
        let mut env = TemplateEnv::new(&self.zone);
        work(&mut Kit { engine: &self.engine, env: &mut env, sources })
    }
}
