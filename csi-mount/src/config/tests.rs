//! Flags as typed and what they mean.

use super::*;

fn check(flags: &[&str]) -> Result<Config, String> {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "hvs.token\n").unwrap();
    let file = token.path().to_string_lossy().into_owned();
    let mut all = vec!["keyreeve-csi", "mount", "--at", "/mnt/x", "--token-file", &file];
    all.extend(flags);
    if !flags.contains(&"--address") {
        all.extend(["--address", "http://127.0.0.1:8200"]);
    }
    let cli = Cli::try_parse_from(all).map_err(|error| error.to_string())?;
    let Task::Mount(args) = cli.command else { panic!("not mount") };
    Config::of(&args).map_err(|error| error.to_string())
}

#[test]
fn secrets_and_modes_are_understood() {
    for (flags, expected) in [
        (&["--secret", "secret/app/db"][..], ("secret", "app/db", None, 0o400)),
        (&["--secret", "/secret/app/", "--mode", "0o440"], ("secret", "app", None, 0o440)),
        (&["--secret", "app/db", "--secret-mount", "team/kv/"], ("team/kv", "app/db", None, 0o400)),
        (&["--secret", "s/a", "--version", "3", "--mode", "0"], ("s", "a", Some(3), 0)),
    ] {
        let config = check(flags).unwrap();
        let SecretRef { mount, path, version } = config.secret;
        assert_eq!((mount.as_str(), path.as_str(), version, config.mount.mode), expected, "{flags:?}");
    }
    let mount = check(&["--secret", "s/a", "--interval", "7", "--on-revoke", "keep"]).unwrap().mount;
    assert_eq!((mount.refresh.interval, mount.refresh.patience), (7_000, 30_000));
    assert_eq!((mount.on_revoke, mount.uid, mount.gid), (OnRevoke::Keep, 0, 0));
}

#[test]
fn what_is_wrong_is_said() {
    for (flags, expected) in [
        (&["--secret", "app"][..], "--secret \"app\" names no secret"),
        (&["--secret", "app/"], "names no secret"),
        (&["--secret", "", "--secret-mount", "kv"], "names no secret"),
        (&["--secret", "s/a", "--mode", "1777"], "up to 0777"),
        (&["--secret", "s/a", "--mode", "rw"], "octal digits"),
        (&["--secret", "s/a", "--version", "0"], "--version"),
        (&["--secret", "s/a", "--address", "127.0.0.1:8200"], "--address"),
        (&["--secret", "s/a", "--ca", "/nowhere/ca.pem"], "--ca: /nowhere/ca.pem cannot be read"),
        (&["--secret", "s/a", "--token-file", "/nowhere/token"], "cannot be used multiple times"),
        (&[], "--secret"),
    ] {
        let error = check(flags).unwrap_err();
        assert!(error.contains(expected), "{flags:?}: {error}");
    }
}

#[test]
fn a_token_file_never_shows_what_is_in_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hvs.very secret").unwrap();
    let error = read_token(file.path()).unwrap_err().to_string();
    assert!(error.contains("white space inside") && !error.contains("very"), "{error}");
    let error = read_token(Path::new("/nowhere/token")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/token cannot be read"), "{error}");
}
