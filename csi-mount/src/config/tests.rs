//! Flags as typed and what they mean.

use super::*;

#[test]
fn a_token_file_never_shows_what_is_in_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hvs.very secret").unwrap();
    let error = read_token(file.path()).unwrap_err().to_string();
    assert!(error.contains("white space inside") && !error.contains("very"), "{error}");
    let error = read_token(Path::new("/nowhere/token")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/token cannot be read"), "{error}");
}

/// A command line of its own, so that the flags can be tried apart from the program's.
#[derive(Parser)]
struct Node {
    #[command(flatten)]
    args: NodeArgs,
}

fn node(flags: &[&str]) -> Result<NodeConfig, String> {
    let all = ["node", "--node-id", "n1", "--broker-address", "unix:///run/k.sock"].iter().chain(flags);
    let node = Node::try_parse_from(all).map_err(|error| error.to_string())?;
    NodeConfig::of(&node.args).map_err(|error| error.to_string())
}

#[test]
fn a_node_needs_a_login_and_places() {
    let config = node(&["--auth-role", "driver"]).unwrap();
    assert_eq!(config.socket, Path::new("/csi/csi.sock"));
    assert_eq!(config.kubelet_endpoint, Path::new("/var/lib/kubelet/plugins/csi.keyreeve.io/csi.sock"));
    assert_eq!(config.registration_dir.as_deref(), Some(Path::new("/registration")));
    let external = node(&["--token-file", "/t", "--registrar", "external"]).unwrap();
    assert_eq!(external.registration_dir, None);
    assert!(matches!(external.login, OwnLogin::TokenFile(_)));
    for (flags, expected) in [
        (&[][..], "--auth-role"),
        (&["--auth-role", "a", "--token-file", "/t"], "cannot be used with"),
        (&["--auth-role", "a", "--endpoint", "tcp://127.0.0.1:1"], "--endpoint: write unix:///PATH"),
        (&["--auth-role", "a", "--endpoint", "unix://csi.sock"], "--endpoint: write unix:///PATH"),
        (&["--auth-role", "a", "--driver-name", "csi.keyreeve.1"], "--driver-name: letters"),
        (&["--auth-role", "a", "--kubelet-dir", "kubelet"], "--kubelet-dir: write the whole path"),
        (&["--auth-role", "a", "--interval", "0"], "--interval"),
    ] {
        let error = node(flags).unwrap_err();
        assert!(error.contains(expected), "{flags:?}: {error}");
    }
}

#[test]
fn a_service_account_token_is_one_word() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, expected) in [("a.b.c\n", Some("a.b.c")), ("", None), ("a b", None)] {
        std::fs::write(file.path(), text).unwrap();
        let read = read_jwt(file.path());
        assert_eq!(read.as_ref().ok().map(|jwt| jwt.expose()), expected);
    }
    assert!(
        read_jwt(Path::new("/nowhere/token")).unwrap_err().to_string().starts_with("/nowhere/token cannot")
    );
}
