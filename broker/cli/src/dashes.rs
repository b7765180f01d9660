//! Vault's way to write options: `-format=json` means `--format=json`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;

/// The names of options that a command line can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of several letters.
    pub long: BTreeSet<String>,
    /// Names of one letter.
    pub short: BTreeSet<char>,
}

/// The names of all options of a command and of those below it.
pub fn names(command: &Command) -> Names {
    let mut names = Names { long: ["help".to_owned()].into(), short: ['h'].into() };
    for argument in command.get_arguments() {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        names.long.extend(argument.get_long().into_iter().chain(aliases).map(str::to_owned));
        names.short.extend(argument.get_short());
    }
    for below in command.get_subcommands().map(self::names) {
        names.long.extend(below.long);
        names.short.extend(below.short);
    }
    names
}

/// Gives a second dash to each argument that is a long option with one. What stands after `--` is left as it is, and so are
/// short options, numbers and a lone dash.
pub fn doubled(arguments: Vec<OsString>, names: &Names) -> Vec<OsString> {
    let mut ended = false;
    let double = |argument: OsString| {
        ended |= argument == "--";
        if ended || !is_long(&argument, names) {
            return argument;
        }
        let mut doubled = OsString::from("-");
        doubled.push(argument);
        doubled
    };
    arguments.into_iter().map(double).collect()
}

/// Whether an argument is a long option with one dash: a known name, or a word that no short option begins.
fn is_long(argument: &OsString, names: &Names) -> bool {
    let Some(option) = argument.to_str().and_then(|text| text.strip_prefix('-')) else { return false };
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let first = name.chars().next().unwrap_or('-');
    // One letter is a short option; an unknown word gets its dash too, so that the complaint names all of it.
    name.chars().count() > 1
        && (names.long.contains(name) || first.is_ascii_alphabetic() && !names.short.contains(&first))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Cli;

    #[test]
    fn known_options_get_their_second_dash() {
        let known = names(&Cli::command());
        let check = |typed: &str, expected: &str| {
            let typed: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
            let doubled: Vec<OsString> = doubled(typed, &known);
            assert_eq!(doubled, expected.split(' ').map(OsString::from).collect::<Vec<_>>());
        };
        for (typed, expected) in [
            ("kv get -format=json a", "kv get --format=json a"),
            ("kv get -format json a", "kv get --format json a"),
            ("kv get --format=json a", "kv get --format=json a"),
            ("-address=http://a kv list b", "--address=http://a kv list b"),
            ("kv get -field=user -mount=secret a", "kv get --field=user --mount=secret a"),
            ("kv get -version=2 a", "kv get --version=2 a"),
            ("-version", "--version"),
            ("kv put -cas=0 a b=c", "kv put --cas=0 a b=c"),
            ("kv destroy -versions=1,2 a", "kv destroy --versions=1,2 a"),
            (
                "kv metadata put -max-versions=5 -cas-required a",
                "kv metadata put --max-versions=5 --cas-required a",
            ),
            (
                "kv metadata put -custom-metadata=a=b -delete-version-after=1h a",
                "kv metadata put --custom-metadata=a=b --delete-version-after=1h a",
            ),
            ("token create -policy=a -ttl=1h -use-limit=1", "token create --policy=a --ttl=1h --use-limit=1"),
            (
                "token create -explicit-max-ttl=2h -no-default-policy",
                "token create --explicit-max-ttl=2h --no-default-policy",
            ),
            (
                "token create -display-name=a -metadata=b=c -orphan -period=1h",
                "token create --display-name=a --metadata=b=c --orphan --period=1h",
            ),
            ("token renew -increment=1h", "token renew --increment=1h"),
            ("token lookup -accessor x", "token lookup --accessor x"),
            ("token revoke -self -mode=orphan", "token revoke --self --mode=orphan"),
            ("login -method=token -no-store", "login --method=token --no-store"),
            ("kv get -help", "kv get --help"),
            ("kv get -namespace=n -ca-cert=f a", "kv get --namespace=n --ca-cert=f a"),
            // Left as they are: short options, a lone dash, numbers, what follows `--`.
            ("render -f a.yaml", "render -f a.yaml"),
            ("render -ffield", "render -ffield"),
            ("kv put a -", "kv put a -"),
            ("kv put a b=-format", "kv put a b=-format"),
            ("kv get -1", "kv get -1"),
            ("kv get -nonsense=1 a", "kv get --nonsense=1 a"),
            ("-hx", "-hx"),
            ("kv put a -\u{e9}b", "kv put a -\u{e9}b"),
            ("kv put a -- -format=json", "kv put a -- -format=json"),
        ] {
            check(typed, expected);
        }
    }
}
