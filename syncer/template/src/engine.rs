//! The door to templates: parse once, execute with data.

use crate::environment::{Env, Limits};
use crate::error::{ErrorClass, TemplateError};
use crate::exec;
use crate::function::{self, Runtime};
use crate::go::{Map, Str, Type, Value};
use crate::parse::{self, Trees};
use crate::value::SecretValue;

/// What a key gives that a map does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value, printed as `<no value>`.
    Invalid,
    /// The zero value of the map's element type.
    Zero,
    /// An error, as External Secrets wants it.
    #[default]
    Error,
}

/// How templates are read and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// What opens an action.
    pub left: String,
    /// What closes an action.
    pub right: String,
    /// What a missing key does.
    pub missing_key: MissingKey,
}

impl Default for Engine {
    fn default() -> Self {
        Self { left: "{{".to_owned(), right: "}}".to_owned(), missing_key: MissingKey::Error }
    }
}

/// A parsed template.
pub struct Template {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) trees: Trees,
    pub(crate) missing_key: MissingKey,
}

impl Engine {
    /// Parses a template; errors call it by `name`.
    ///
    /// # Errors
    /// [`ErrorClass::Parse`] with the line, if the text is no template.
    pub fn parse(&self, name: &str, source: &str) -> Result<Template, TemplateError> {
        let or = |text: &'static str, given: &str| {
            if given.is_empty() { text.to_owned() } else { given.to_owned() }
        };
        let (left, right) = (or("{{", &self.left), or("}}", &self.right));
        let known = |name: &str| function::find(name).is_some();
        let trees = parse::parse(name, source, (&left, &right), &known).map_err(|error| {
            TemplateError::new(ErrorClass::Parse, format!("template: {name}:{}: {}", error.line, error.text))
        })?;
        Ok(Template {
            name: name.to_owned(),
            source: source.to_owned(),
            trees,
            missing_key: self.missing_key,
        })
    }
}

impl Template {
    /// Executes the template with these data as its dot.
    ///
    /// # Errors
    /// What a function, a key or a limit says, at its place in the template, without any value of the data.
    pub fn execute<'d, K: AsRef<[u8]>>(
        &self,
        data: impl IntoIterator<Item = (K, &'d SecretValue)>,
        env: &mut dyn Env,
        limits: Limits,
    ) -> Result<SecretValue, TemplateError> {
        let dot = Map::of(Type::STRING);
        for (key, value) in data {
            dot.insert(key.as_ref(), Value::Str(Str::from(value.expose())));
        }
        let mut runtime = Runtime::new(env, limits);
        exec::run(self, Value::Map(dot), &mut runtime)
    }
}
