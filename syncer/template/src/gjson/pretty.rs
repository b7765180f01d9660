//! `@pretty` and `@ugly`: the layout of JSON.

use zeroize::Zeroizing;

use super::{Found, GjsonError};
use crate::json::{Kind, Raw};

/// How `@pretty` lays out.
pub(super) struct Style {
    indent: String,
    prefix: String,
    width: usize,
    sort_keys: bool,
}

/// Longest indent or prefix, in characters.
const MAX_INDENT: usize = 8;

impl Style {
    /// Reads the argument: a JSON object with `indent`, `prefix`, `width`, `sortKeys`, or nothing.
    pub(super) fn read(argument: &str) -> Result<Self, GjsonError> {
        let mut style = Self { indent: "  ".to_owned(), prefix: String::new(), width: 80, sort_keys: false };
        if argument.is_empty() {
            return Ok(style);
        }
        let refuse = GjsonError::Argument("pretty");
        for (key, value) in Raw::parse(argument).ok().and_then(Raw::object).ok_or(refuse)? {
            let text: String = value.decoded().chars().take(MAX_INDENT).collect();
            match key.as_str() {
                "indent" => style.indent = text,
                "prefix" => style.prefix = text,
                "width" => style.width = value.text().parse().unwrap_or(0),
                "sortKeys" => style.sort_keys = value.kind() == Kind::True,
                _ => {}
            }
        }
        Ok(style)
    }
}

/// Many lines; arrays of plain values stay on one line where they fit.
pub(super) fn pretty(json: Raw<'_>, style: &Style) -> Found {
    let mut out = Found::new(style.prefix.as_str());
    let start = out.0.len();
    write(json, style, 0, start, &mut out.0);
    // The reference gives a plain value back without its line break.
    if matches!(json.kind(), Kind::Array | Kind::Object) {
        out.0.push('\n');
    }
    out
}

/// Without any space.
pub(super) fn ugly(json: Raw<'_>) -> Found {
    let mut out = Found::new("");
    write_ugly(json, &mut out.0);
    out
}

fn write_ugly(json: Raw<'_>, out: &mut String) {
    match json.kind() {
        Kind::Array => {
            out.push('[');
            for (at, value) in json.elements().into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_ugly(value, out);
            }
            out.push(']');
        }
        Kind::Object => {
            out.push('{');
            for (at, (key, value)) in json.members().into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(key.text());
                out.push(':');
                write_ugly(value, out);
            }
            out.push('}');
        }
        _ => out.push_str(json.text()),
    }
}

/// Writes a value at a depth; `line` is where the current line begins in `out`.
fn write(json: Raw<'_>, style: &Style, depth: usize, line: usize, out: &mut String) {
    match json.kind() {
        Kind::Array => write_array(json, style, depth, line, out),
        Kind::Object => {
            let mut members = json.members();
            if style.sort_keys {
                members.sort_by_key(|(key, _)| key.decoded().to_string());
            }
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                let line = new_line(style, depth + 1, out);
                out.push_str(key.text());
                out.push_str(": ");
                write(*value, style, depth + 1, line, out);
            }
            if !members.is_empty() {
                new_line(style, depth, out);
            }
            out.push('}');
        }
        _ => out.push_str(json.text()),
    }
}

fn write_array(json: Raw<'_>, style: &Style, depth: usize, line: usize, out: &mut String) {
    let elements = json.elements();
    let left = style.width.saturating_sub(out.len() - line);
    if let Some(text) = one_line(json).filter(|text| elements.is_empty() || (left > 3 && text.len() <= left))
    {
        out.push_str(&text);
        return;
    }
    out.push('[');
    for (at, value) in elements.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        let line = new_line(style, depth + 1, out);
        write(*value, style, depth + 1, line, out);
    }
    new_line(style, depth, out);
    out.push(']');
}

/// An array on one line; `None` if there is an object in it.
fn one_line(json: Raw<'_>) -> Option<Zeroizing<String>> {
    match json.kind() {
        Kind::Object => None,
        Kind::Array => {
            let mut out = Zeroizing::new(String::from("["));
            for (at, value) in json.elements().into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&one_line(value)?);
            }
            out.push(']');
            Some(out)
        }
        _ => Some(Zeroizing::new(json.text().to_owned())),
    }
}

/// Begins a line and says where.
fn new_line(style: &Style, depth: usize, out: &mut String) -> usize {
    out.push('\n');
    let line = out.len();
    out.push_str(&style.prefix);
    out.push_str(&style.indent.repeat(depth));
    line
}
