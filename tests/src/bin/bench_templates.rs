//! `make bench`, third part: parsing and rendering five typical templates beside Go's engine with Sprig, in one run.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::bench::measure::{cpu_time, load_average};
use harness::bench::write_section;
use harness::oracle::ours::Fixed;
use serde_json::{Value, json};
use syncer_template::{Engine, Limits, SecretValue};

const ROUNDS: u32 = 20_000;

/// What people write: name, template.
const TEMPLATES: [(&str, &str); 5] = [
    (
        "a line of a configuration",
        "postgres://{{ .user }}:{{ .password | urlquery }}@{{ .host }}:5432/{{ .name }}?sslmode=require",
    ),
    (
        "a pull secret",
        "{{ dict \"auths\" (dict .host (dict \"username\" .user \"password\" .password \"auth\" (printf \"%s:%s\" .user .password | b64enc))) | toJson }}",
    ),
    (
        "all keys as a file",
        "{{ range $key, $value := . }}{{ $key | upper | replace \"-\" \"_\" }}={{ $value | quote }}\n{{ end }}",
    ),
    (
        "JSON taken apart",
        "{{ $db := .json | fromJson }}{{ range $db.replicas }}{{ if .ready }}server {{ .name }}:{{ .port | int }} weight={{ get . \"weight\" | default 1 }}\n{{ end }}{{ end }}",
    ),
    (
        "helpers and YAML",
        "{{ define \"entry\" }}{{ .name | trim | lower }}: {{ .value | trunc 12 | squote }}{{ end }}{{ range tuple \"A\" \"B\" \"C\" }}{{ template \"entry\" (dict \"name\" . \"value\" $.password) }}\n{{ end }}{{ . | toYaml | nindent 2 }}",
    ),
];

fn data() -> Vec<(&'static str, &'static str)> {
    vec![
        ("user", "app"),
        ("password", "p@ss/w0rd with spaces & signs"),
        ("host", "db.example.com"),
        ("name", "orders"),
        (
            "json",
            r#"{"replicas":[{"name":"a","port":5432,"ready":true,"weight":3},{"name":"b","port":5433,"ready":false},{"name":"c","port":5434,"ready":true}]}"#,
        ),
    ]
}

/// Nanoseconds for parsing and for rendering.
struct Cost {
    parse: f64,
    render: f64,
}

fn spent(work: impl Fn() -> Result<()>) -> Result<f64> {
    let own = std::process::id();
    let start = cpu_time(own)?;
    for _ in 0..ROUNDS {
        work()?;
    }
    Ok((cpu_time(own)? - start).as_secs_f64() * 1e9 / f64::from(ROUNDS))
}

fn ours(template: &str) -> Result<Cost> {
    let values: Vec<(&str, SecretValue)> =
        data().into_iter().map(|(key, value)| (key, SecretValue::from(value))).collect();
    let engine = Engine::default();
    let parsed = engine.parse("t", template)?;
    let parse = spent(|| {
        black_box(engine.parse("t", black_box(template))?);
        Ok(())
    })?;
    let render = spent(|| {
        let all = values.iter().map(|(key, value)| (*key, value));
        black_box(parsed.execute(all, &mut Fixed::default(), Limits::default())?);
        Ok(())
    })?;
    Ok(Cost { parse, render })
}

fn gos(template: &str) -> Result<Cost> {
    let program = harness::oracle::program()?;
    let mut run = Command::new(program)
        .args(["bench", &ROUNDS.to_string()])
        .env("GOMAXPROCS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let data: serde_json::Map<String, Value> =
        data().into_iter().map(|(key, value)| (key.to_owned(), STANDARD.encode(value).into())).collect();
    writeln!(run.stdin.take().context("no input")?, "{}", json!({ "tpl": template, "data": data }))?;
    let out = run.wait_with_output()?;
    ensure!(out.status.success(), "the oracle failed");
    let answer: Value = serde_json::from_slice(&out.stdout)?;
    let figure = |name: &str| answer[name].as_f64().context("no figure");
    Ok(Cost { parse: figure("parse")?, render: figure("render")? })
}

fn main() -> Result<()> {
    let mut report = String::new();
    writeln!(
        report,
        "* processor time in microseconds, {ROUNDS} rounds, garbage collection included; load average before: {}",
        load_average()
    )?;
    writeln!(report, "* Go parses with its functions given anew for each template, as the operator does\n")?;
    writeln!(report, "| template | parse, ours | parse, Go | render, ours | render, Go | ratio of both |")?;
    writeln!(report, "|---|---|---|---|---|---|")?;
    for (name, template) in TEMPLATES {
        let (ours, go) = (ours(template)?, gos(template)?);
        let us = |nanoseconds: f64| nanoseconds / 1000.0;
        let ratio = (go.parse + go.render) / (ours.parse + ours.render);
        writeln!(
            report,
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {ratio:.1}× |",
            us(ours.parse),
            us(go.parse),
            us(ours.render),
            us(go.render)
        )?;
    }
    write_section("Templates beside Go's engine", &report)?;
    println!("{report}");
    Ok(())
}
