//! Renders the templates of one object, in the operator's order.

use std::collections::BTreeMap;

use syncer_template::decode::DecodeError;
use syncer_template::{Limits, SecretValue, TemplateError};

use super::{Fills, Kit, SourceKind, SourceRef, TemplateFrom, TemplateItem, TemplateSpec};
use crate::wanted::Wanted;
use crate::yaml::{Kind, Node};

/// Annotation with which Kubernetes fills a Secret with the token of a service account.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";
const SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

/// What goes into the Secret.
#[derive(Default)]
pub(crate) struct Content {
    /// `None` leaves the type as it is.
    pub(crate) secret_type: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) data: BTreeMap<String, SecretValue>,
}

/// Why templates make no Secret, in the operator's words. No value is in it.
#[derive(Debug, thiserror::Error)]
#[error("could not apply template: {0}")]
pub(crate) struct TemplateProblem(#[from] Step);

/// The step that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Step {
    /// `templateFrom`.
    #[error("error fetching templateFrom data: {0}")]
    From(FromProblem),
    /// `data` and `metadata`.
    #[error("could not execute template: could not execute template: {0}")]
    Execute(ValueProblem),
    /// A Secret of this kind would be filled with a token by Kubernetes.
    #[error(
        "type {SERVICE_ACCOUNT_TOKEN} with the annotation {SERVICE_ACCOUNT} would be filled with a token of that account; remove one of them"
    )]
    ServiceAccountToken,
}

/// What is wrong with an entry of `templateFrom`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FromProblem {
    /// The object could not be read.
    #[error("{0}")]
    Source(String),
    /// The object has no such key.
    #[error("error in {kind} {name}: missing key {key}")]
    MissingKey { kind: &'static str, name: String, key: String },
    /// A template is no text.
    #[error("error in {kind} {name}: the template at key {key} is not UTF-8")]
    NotText { kind: &'static str, name: String, key: String },
    /// The template of one key.
    #[error(transparent)]
    Value(#[from] ValueProblem),
    /// A template of keys and values, or what it gave.
    #[error(transparent)]
    Map(#[from] MapProblem),
    /// A value is not encoded as `valuesDecodingStrategy` says.
    #[error("failure decoding key {key}: {cause}")]
    Decode { key: String, cause: DecodeError },
    /// A label or annotation is no text.
    #[error("the value of {0} is not UTF-8, which labels and annotations must be")]
    NotUtf8(String),
}

/// What is wrong with the template of one key.
#[derive(Debug, thiserror::Error)]
#[error("unable to execute template at key {key}: {cause}")]
pub(crate) struct ValueProblem {
    key: String,
    cause: RenderProblem,
}

/// What is wrong with a template of keys and values.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MapProblem {
    /// The template.
    #[error(transparent)]
    Render(#[from] RenderProblem),
    /// What it gave.
    #[error("could not unmarshal template to 'map[string][]byte': {0}")]
    Yaml(String),
}

/// What is wrong with one template.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderProblem {
    /// It is none.
    #[error("unable to parse template at key {key}: {cause}")]
    Parse { key: String, cause: TemplateError },
    /// It fails.
    #[error("unable to execute template at key {key}: {cause}")]
    Execute { key: String, cause: TemplateError },
    /// A label or annotation would be no text.
    #[error(
        "unable to execute template at key {0}: the result is not UTF-8, which labels and annotations must be"
    )]
    NotUtf8(String),
}

/// What the Secret is to hold: the fetched values as they are, or what the template makes of them.
pub(crate) fn content(
    wanted: &Wanted,
    fetched: BTreeMap<String, SecretValue>,
    kit: &mut Kit<'_>,
) -> Result<Content, TemplateProblem> {
    let Some(template) = &wanted.target.template else {
        let (labels, annotations) = (wanted.labels.clone(), wanted.annotations.clone());
        return Ok(Content { labels, annotations, data: fetched, ..Content::default() });
    };
    let copied = template.merge || (template.data.is_empty() && template.from.is_empty());
    let mut out = Content {
        secret_type: template.secret_type.clone(),
        finalizers: template.finalizers.clone(),
        data: if copied { fetched.clone() } else { BTreeMap::new() },
        ..Content::default()
    };
    let mut renderer = Renderer { fetched: &fetched, kit };
    for entry in &template.from {
        renderer.from(entry, &mut out).map_err(Step::From)?;
    }
    renderer.own(template, &mut out).map_err(Step::Execute)?;
    let token = out.secret_type.as_deref() == Some(SERVICE_ACCOUNT_TOKEN);
    if token && out.annotations.contains_key(SERVICE_ACCOUNT) {
        return Err(Step::ServiceAccountToken.into());
    }
    Ok(out)
}

struct Renderer<'a, 'k> {
    fetched: &'a BTreeMap<String, SecretValue>,
    kit: &'a mut Kit<'k>,
}

impl Renderer<'_, '_> {
    fn render(&mut self, key: &str, text: &str) -> Result<SecretValue, RenderProblem> {
        let named = || key.to_owned();
        let template =
            self.kit.engine.parse(key, text).map_err(|cause| RenderProblem::Parse { key: named(), cause })?;
        template
            .execute(self.fetched, self.kit.env, Limits::default())
            .map_err(|cause| RenderProblem::Execute { key: named(), cause })
    }

    /// `data`, `metadata.labels` and `metadata.annotations`.
    fn own(&mut self, template: &TemplateSpec, out: &mut Content) -> Result<(), ValueProblem> {
        let at = |key: &str| {
            let key = key.to_owned();
            move |cause: RenderProblem| ValueProblem { key, cause }
        };
        for (key, text) in &template.data {
            let value = self.render(key, text).map_err(at(key))?;
            out.data.insert(key.clone(), value);
        }
        for (texts, fills) in [(&template.labels, Fills::Labels), (&template.annotations, Fills::Annotations)]
        {
            for (key, text) in texts {
                let value = self.render(key, text).map_err(at(key))?;
                put(out, fills, key.clone(), value)
                    .map_err(|()| RenderProblem::NotUtf8(key.clone()))
                    .map_err(at(key))?;
            }
        }
        Ok(())
    }

    /// One entry of `templateFrom`: its ConfigMap, its Secret, its literal.
    fn from(&mut self, entry: &TemplateFrom, out: &mut Content) -> Result<(), FromProblem> {
        for item in &entry.items {
            let text = self.text(item)?;
            let made = if item.keys_and_values {
                self.map(&item.key, &text)?
            } else {
                let wrap = |cause| ValueProblem { key: item.key.clone(), cause };
                BTreeMap::from([(item.key.clone(), self.render(&item.key, &text).map_err(wrap)?)])
            };
            fill(out, entry, made)?;
        }
        if let Some(literal) = &entry.literal {
            // Named by what it is: the operator names it by its whole text.
            let made = self.map("literal", literal)?;
            fill(out, entry, made)?;
        }
        Ok(())
    }

    /// The text of a template in another object.
    fn text(&self, item: &TemplateItem) -> Result<String, FromProblem> {
        let SourceRef { kind, name } = &item.source;
        let word = match kind {
            SourceKind::ConfigMap => "configmap",
            SourceKind::Secret => "secret",
        };
        let values = match self.kit.sources.get(&item.source) {
            Some(Ok(values)) => values,
            Some(Err(message)) => return Err(FromProblem::Source(message.clone())),
            None => return Err(FromProblem::Source(format!("{word}s {name:?} was not read"))),
        };
        let (name, key) = (name.clone(), item.key.clone());
        let Some(value) = values.get(&item.key) else {
            return Err(FromProblem::MissingKey { kind: word, name, key });
        };
        match std::str::from_utf8(value.expose()) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(FromProblem::NotText { kind: word, name, key }),
        }
    }

    /// Keys and values of a template that gives YAML.
    fn map(&mut self, key: &str, text: &str) -> Result<BTreeMap<String, SecretValue>, MapProblem> {
        let made = self.render(key, text)?;
        let yaml =
            std::str::from_utf8(made.expose()).map_err(|_| MapProblem::Yaml("not UTF-8".to_owned()))?;
        if yaml.trim().is_empty() {
            return Ok(BTreeMap::new());
        }
        let node = Node::read(yaml).map_err(|error| {
            MapProblem::Yaml(match error.line {
                Some(line) => format!("line {line}: {}", error.message),
                None => error.message,
            })
        })?;
        if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
            return Err(MapProblem::Yaml("the template must give a map of keys and values".to_owned()));
        }
        node.fields().iter().map(|(key, value)| Ok((key.clone(), scalar(key, value)?))).collect()
    }
}

fn scalar(key: &str, value: &Node) -> Result<SecretValue, MapProblem> {
    Ok(match &value.kind {
        Kind::Text(text) => SecretValue::from(text.as_str()),
        Kind::Number(text) => SecretValue::from(text.as_str()),
        Kind::Bool(flag) => SecretValue::from(if *flag { "true" } else { "false" }),
        Kind::Null => SecretValue::default(),
        Kind::List(_) | Kind::Map(_) => {
            let problem =
                format!("the value of {key} is a list or map; it must be a text, as with toJson and quote");
            return Err(MapProblem::Yaml(problem));
        }
    })
}

fn fill(
    out: &mut Content,
    entry: &TemplateFrom,
    made: BTreeMap<String, SecretValue>,
) -> Result<(), FromProblem> {
    for (key, value) in made {
        let value =
            entry.decoding.apply(value).map_err(|cause| FromProblem::Decode { key: key.clone(), cause })?;
        put(out, entry.fills, key.clone(), value).map_err(|()| FromProblem::NotUtf8(key))?;
    }
    Ok(())
}

/// Puts a value where it belongs; an error if it is no text and must be.
fn put(out: &mut Content, fills: Fills, key: String, value: SecretValue) -> Result<(), ()> {
    let texts = match fills {
        Fills::Data => {
            out.data.insert(key, value);
            return Ok(());
        }
        Fills::Labels => &mut out.labels,
        Fills::Annotations => &mut out.annotations,
    };
    texts.insert(key, std::str::from_utf8(value.expose()).map_err(drop)?.to_owned());
    Ok(())
}
