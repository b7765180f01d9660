//! Reads `spec.target.template` of a manifest.

use syncer_template::decode::DecodingStrategy;

use super::{Fills, MAX_TEMPLATES, SourceKind, SourceRef, TemplateFrom, TemplateItem, TemplateSpec};
use crate::schema::Findings;
use crate::wanted::{check_name, text_map};
use crate::yaml::Node;

const AT: &str = "spec.target.template";

/// Reads a node that has the shape of a template.
pub(crate) fn read(node: &Node, findings: &mut Findings) -> TemplateSpec {
    let metadata = node.get("metadata");
    let texts = |field: &str| text_map(metadata.and_then(|metadata| metadata.get(field)));
    let finalizers =
        metadata.and_then(|metadata| metadata.get("finalizers")).map(Node::list).unwrap_or_default();
    let from = node.get("templateFrom").map(Node::list).unwrap_or_default();
    let spec = TemplateSpec {
        secret_type: node.get_text("type").filter(|text| !text.is_empty()).map(str::to_owned),
        merge: node.get_text("mergePolicy") == Some("Merge"),
        labels: texts("labels"),
        annotations: texts("annotations"),
        finalizers: finalizers.iter().filter_map(Node::text).map(str::to_owned).collect(),
        data: text_map(node.get("data")),
        from: from.iter().enumerate().map(|(at, entry)| read_from(entry, at, findings)).collect(),
    };
    if spec.secret_type.as_deref() == Some("bootstrap.kubernetes.io/token") {
        let message = "a bootstrap token lets nodes join the cluster and is not made from an ExternalSecret; choose another type";
        findings.add(node.line, format!("{AT}.type"), message);
    }
    let count = spec.data.len() + spec.labels.len() + spec.annotations.len();
    let count = count + spec.from.iter().map(|entry| entry.items.len() + 1).sum::<usize>();
    if count > MAX_TEMPLATES {
        findings.add(node.line, AT, format!("{count} templates, at most {MAX_TEMPLATES}; split the object"));
    }
    spec
}

fn read_from(node: &Node, at: usize, findings: &mut Findings) -> TemplateFrom {
    let path = format!("{AT}.templateFrom[{at}]");
    let mut items = Vec::new();
    for (field, kind) in [("configMap", SourceKind::ConfigMap), ("secret", SourceKind::Secret)] {
        let Some(source) = node.get(field) else { continue };
        let name = source.get_text("name").unwrap_or_default();
        check_name(name, Some(source), &format!("{path}.{field}.name"), findings);
        let keys = source.get("items").map(Node::list).unwrap_or_default();
        items.extend(keys.iter().map(|item| TemplateItem {
            source: SourceRef { kind, name: name.to_owned() },
            key: item.get_text("key").unwrap_or_default().to_owned(),
            keys_and_values: item.get_text("templateAs") == Some("KeysAndValues"),
        }));
    }
    let fills = match node.get_text("target").unwrap_or_default().to_lowercase().as_str() {
        "" | "data" => Fills::Data,
        "labels" => Fills::Labels,
        "annotations" => Fills::Annotations,
        _ => {
            let message =
                "not a part of a Secret that templates can fill; choose Data, Labels or Annotations";
            findings.add(node.line, format!("{path}.target"), message);
            Fills::Data
        }
    };
    TemplateFrom {
        items,
        literal: node.get_text("literal").map(str::to_owned),
        fills,
        decoding: node
            .get_text("valuesDecodingStrategy")
            .and_then(DecodingStrategy::from_name)
            .unwrap_or_default(),
    }
}
