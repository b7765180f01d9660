//! Watches against a server that does, on demand, what a real one does on bad days only.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use tokio::sync::mpsc;

use super::*;
use crate::cluster::config::{Cli, Config};

/// What the server does with one request, and what it wants to see in its query.
struct Turn {
    query: &'static str,
    status: u16,
    body: &'static str,
    /// Keep the connection open behind the body.
    open: bool,
}

const fn list(query: &'static str, body: &'static str) -> Turn {
    Turn { query, status: 200, body, open: false }
}

const fn watch(query: &'static str, body: &'static str, open: bool) -> Turn {
    Turn { query, status: 200, body, open }
}

type Script = Arc<Mutex<VecDeque<Turn>>>;

async fn serve(State(script): State<Script>, query: Query<Vec<(String, String)>>) -> Response {
    let query: String = query.0.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    let turn = script.lock().unwrap().pop_front();
    let Some(turn) = turn else { return std::future::pending().await };
    assert!(turn.query.split(' ').all(|part| query.contains(part)), "{query} is not {}", turn.query);
    let piece = futures::stream::iter([Ok::<_, std::convert::Infallible>(turn.body)]);
    let rest = futures::stream::pending();
    let body = if turn.open {
        Body::from_stream(futures::StreamExt::chain(piece, rest))
    } else {
        Body::from(turn.body)
    };
    Response::builder().status(turn.status).body(body).unwrap()
}

/// Plays a script and compares what is seen until its end.
async fn check(script: Vec<Turn>, wanted: &[&str]) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script: Script = Arc::new(Mutex::new(script.into()));
    let routes = axum::Router::new().route("/things", axum::routing::get(serve)).with_state(script);
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let config = format!(
        r#"{{"apiVersion":"v1","kind":"Config","current-context":"t","clusters":[{{"name":"t","cluster":{{"server":"http://{address}"}}}}],"users":[{{"name":"t","user":{{}}}}],"contexts":[{{"name":"t","context":{{"cluster":"t","user":"t"}}}}]}}"#
    );
    std::fs::write(&file, config).unwrap();
    let cli = <Cli as clap::Parser>::parse_from(["cluster", "--kubeconfig", file.to_str().unwrap()]);
    let metrics = Metrics::default();
    let config = Config::of(&cli).unwrap();
    let api = Api::new(&config, clock::Stopwatch::start(), metrics.clone()).await.unwrap();
    let (seen, mut heard) = mpsc::unbounded_channel();
    let sink: Sink = Arc::new(move |it| {
        let text = |json: &[u8]| String::from_utf8(json.to_vec()).unwrap();
        let line: String = match it {
            Seen::ListBegins => "begins".to_owned(),
            Seen::ListEnds => "ends".to_owned(),
            Seen::Listed(json) => format!("listed {}", name(&text(json))),
            Seen::Changed(json) => format!("changed {}", name(&text(json))),
            Seen::Gone(json) => format!("gone {}", name(&text(json))),
        };
        seen.send(line).unwrap();
    });
    let resource = Resource {
        name: "things",
        path: "/things".to_owned(),
        query: "",
        metadata_only: false,
        silence: Duration::from_millis(300),
    };
    let follower = tokio::spawn(follow(api, resource, sink, metrics));
    for want in wanted {
        let next = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await;
        assert_eq!(next.expect("nothing more is seen").as_deref(), Some(*want));
    }
    follower.abort();
    server.abort();
}

/// The name in the text of an object, or all of it.
fn name(text: &str) -> &str {
    text.split("\"name\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(text)
}

const A: &str =
    r#"{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]}"#;

#[tokio::test]
async fn pages_then_a_watch_that_goes_on_where_it_ended() {
    let first =
        r#"{"metadata":{"resourceVersion":"5","continue":"x/y"},"items":[{"metadata":{"name":"a"}}]}"#;
    let second = r#"{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"b"}}]}"#;
    let events = concat!(
        r#"{"type":"ADDED","object":{"metadata":{"name":"c","resourceVersion":"6"}}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#,
        "\n",
    );
    let gone =
        concat!(r#"{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"10"}}}"#, "\n");
    check(
        vec![
            list("limit=200", first),
            list("limit=200 continue=x/y", second),
            watch("watch=true resourceVersion=5&", events, false),
            watch("watch=true resourceVersion=9&", gone, false),
            watch("watch=true resourceVersion=10&", "", true),
        ],
        &["begins", "listed a", "listed b", "ends", "changed c", "gone a"],
    )
    .await;
}

#[tokio::test]
async fn what_is_too_old_is_listed_again() {
    let error =
        concat!(r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#, "\n");
    let expired = Turn { query: "watch=true", status: 410, body: r#"{"message":"too old"}"#, open: false };
    check(
        vec![
            list("limit=200", A),
            watch("watch=true resourceVersion=5&", error, true),
            list("limit=200", A),
            expired,
            list("limit=200", A),
        ],
        &["begins", "listed a", "ends", "begins", "listed a", "ends", "begins", "listed a", "ends"],
    )
    .await;
}

#[tokio::test]
async fn a_silent_watch_is_opened_again_where_it_was() {
    let event =
        concat!(r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"}}}"#, "\n");
    let late =
        concat!(r#"{"type":"MODIFIED","object":{"metadata":{"name":"b","resourceVersion":"8"}}}"#, "\n");
    check(
        vec![
            list("limit=200", A),
            // Half open: it never ends, and never says more.
            watch("watch=true resourceVersion=5&", event, true),
            watch("watch=true resourceVersion=7&", late, true),
        ],
        &["begins", "listed a", "ends", "changed a", "changed b"],
    )
    .await;
}

#[tokio::test]
async fn nonsense_costs_a_watch_and_no_object() {
    let odd = concat!(
        r#"{"type":"MODIFIED","object":7}"#,
        "\n",
        r#"{"type":"MODIFIED","object":{"metadata":{"name":"b","resourceVersion":"8"}}}"#,
        "\n",
        "<html>\n",
    );
    check(
        vec![
            Turn { query: "limit=200", status: 500, body: "<html>", open: false },
            list("limit=200", "<html>"),
            list("limit=200", A),
            watch("watch=true resourceVersion=5&", odd, true),
            watch("watch=true resourceVersion=8&", "", true),
        ],
        &["begins", "begins", "begins", "listed a", "ends", "changed 7", "changed b"],
    )
    .await;
}
