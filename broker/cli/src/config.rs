//! The environment and the options together: where the server is, with which token, and how answers are printed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::arguments::{Format, ServerOptions};
use crate::problem::Problem;

/// Where a server is looked for when nothing says where.
const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

/// The one refused variable that can be set to "no", and is then accepted.
const SWITCH: &str = "VAULT_SKIP_VERIFY";

/// Variables that this program refuses, because without them the command would do something else than was asked.
const REFUSED: [(&str, &str); 6] = [
    (SWITCH, "the server's certificate is always checked; set VAULT_CACERT to a file with it instead"),
    ("VAULT_CAPATH", "folders of certificates are not read; set VAULT_CACERT to one file instead"),
    ("VAULT_CLIENT_CERT", "client certificates are not supported; unset it"),
    ("VAULT_CLIENT_KEY", "client certificates are not supported; unset it"),
    ("VAULT_TLS_SERVER_NAME", "the name in VAULT_ADDR must be the certificate's; unset it"),
    ("VAULT_WRAP_TTL", "wrapped answers are not supported; unset it"),
];

/// What the environment says.
#[derive(Clone, Default)]
pub struct Environment {
    /// KEYREEVE_ADDR, else VAULT_ADDR.
    pub address: Option<String>,
    /// KEYREEVE_TOKEN, else VAULT_TOKEN.
    pub token: Option<Zeroizing<String>>,
    /// VAULT_NAMESPACE.
    pub namespace: Option<String>,
    /// VAULT_CACERT.
    pub ca_cert: Option<PathBuf>,
    /// VAULT_FORMAT.
    pub format: Option<String>,
    /// HOME.
    pub home: Option<PathBuf>,
    /// A variable that is set and refused, with what to do.
    pub refused: Option<(&'static str, &'static str)>,
}

impl Environment {
    /// Reads the environment through `get`. A variable that is set and empty counts as not set.
    ///
    /// # Errors
    /// A variable that is no UTF-8.
    pub fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, Problem> {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let bad = |_| Problem::Usage(format!("{name} is not valid UTF-8; correct or unset it"));
            set(name).map(OsString::into_string).transpose().map_err(bad)
        };
        let first = |ours: &str, vaults: &str| Ok(text(ours)?.or(text(vaults)?));
        let switched_off =
            |value: &OsString| matches!(value.to_str(), Some("0" | "f" | "F" | "false" | "FALSE" | "False"));
        Ok(Self {
            address: first("KEYREEVE_ADDR", "VAULT_ADDR")?,
            token: first("KEYREEVE_TOKEN", "VAULT_TOKEN")?.map(Zeroizing::new),
            namespace: text("VAULT_NAMESPACE")?,
            ca_cert: set("VAULT_CACERT").map(PathBuf::from),
            format: text("VAULT_FORMAT")?,
            home: set("HOME").map(PathBuf::from),
            refused: REFUSED
                .into_iter()
                .find(|(name, _)| set(name).is_some_and(|value| *name != SWITCH || !switched_off(&value))),
        })
    }

    /// The file that keeps the token between commands, `.vault-token` in the home folder.
    ///
    /// # Errors
    /// HOME is not set.
    pub fn token_file(&self) -> Result<PathBuf, Problem> {
        let home = self.home.as_ref();
        home.map(|home| home.join(".vault-token")).ok_or_else(|| {
            Problem::Usage(
                "HOME is not set, so there is no place for the token file; set VAULT_TOKEN".to_owned(),
            )
        })
    }
}

/// Where the server is and how answers are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the server.
    pub address: String,
    /// Namespace, if any.
    pub namespace: Option<String>,
    /// File of trusted certificates, if any.
    pub ca_cert: Option<PathBuf>,
    /// How answers are printed.
    pub format: Format,
}

impl Settings {
    /// What options and environment mean; an option comes before a variable.
    ///
    /// # Errors
    /// Something that is refused, or an unknown format.
    pub fn of(options: &ServerOptions, environment: &Environment) -> Result<Self, Problem> {
        if options.tls_skip_verify {
            let text = "-tls-skip-verify is refused: the server's certificate is always checked; name a file with it in -ca-cert";
            return Err(Problem::Usage(text.to_owned()));
        }
        if let Some((name, advice)) = environment.refused {
            return Err(Problem::Usage(format!("{name} is refused: {advice}")));
        }
        let address = options.address.clone().or_else(|| environment.address.clone());
        Ok(Self {
            address: address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned()),
            namespace: options.namespace.clone().or_else(|| environment.namespace.clone()),
            ca_cert: options.ca_cert.clone().or_else(|| environment.ca_cert.clone()),
            format: format(options, environment)?,
        })
    }
}

/// How answers are printed.
///
/// # Errors
/// VAULT_FORMAT holds an unknown format.
pub fn format(options: &ServerOptions, environment: &Environment) -> Result<Format, Problem> {
    match (options.format, &environment.format) {
        (Some(format), _) => Ok(format),
        (None, Some(name)) => Format::from_str(name, true).map_err(|_| {
            Problem::Usage(format!("VAULT_FORMAT {name:?} is unknown; set table, json or yaml"))
        }),
        (None, None) => Ok(Format::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: &[&str], variables: &[(&str, &str)]) -> Result<(Settings, Option<String>), String> {
        let typed = ["keyreeve"].iter().chain(options).chain(&["status"]);
        let cli = <crate::arguments::Cli as clap::Parser>::try_parse_from(typed).unwrap();
        let get =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        let environment = Environment::read(get).map_err(|e| e.to_string())?;
        let settings = Settings::of(&cli.options, &environment).map_err(|e| e.to_string())?;
        Ok((settings, environment.token.map(|token| token.to_string())))
    }

    #[test]
    fn options_come_before_variables_and_ours_before_vaults() {
        let check = |options: &[&str], variables: &[(&str, &str)], expected: [&str; 5]| {
            let (settings, token) = settings(options, variables).unwrap();
            let ca = settings.ca_cert.map(|path| path.display().to_string());
            let format = format!("{:?}", settings.format);
            let namespace = settings.namespace.unwrap_or_default();
            let got =
                [settings.address, token.unwrap_or_default(), namespace, ca.unwrap_or_default(), format];
            assert_eq!(got, expected, "{options:?} {variables:?}");
        };
        check(&[], &[], ["https://127.0.0.1:8200", "", "", "", "Table"]);
        check(&[], &[("VAULT_ADDR", "http://v"), ("VAULT_TOKEN", "t")], ["http://v", "t", "", "", "Table"]);
        check(
            &[],
            &[
                ("VAULT_ADDR", "http://v"),
                ("KEYREEVE_ADDR", "http://k"),
                ("VAULT_TOKEN", "t"),
                ("KEYREEVE_TOKEN", "u"),
            ],
            ["http://k", "u", "", "", "Table"],
        );
        check(
            &["--address=http://o", "--format=yml", "--namespace=n", "--ca-cert=c"],
            &[
                ("KEYREEVE_ADDR", "http://k"),
                ("VAULT_FORMAT", "json"),
                ("VAULT_NAMESPACE", "m"),
                ("VAULT_CACERT", "d"),
            ],
            ["http://o", "", "n", "c", "Yaml"],
        );
        check(
            &[],
            &[
                ("VAULT_FORMAT", "JSON"),
                ("VAULT_NAMESPACE", "m"),
                ("VAULT_CACERT", "d"),
                ("VAULT_SKIP_VERIFY", "false"),
            ],
            ["https://127.0.0.1:8200", "", "m", "d", "Json"],
        );
        check(
            &[],
            &[("VAULT_ADDR", ""), ("VAULT_SKIP_VERIFY", "")],
            ["https://127.0.0.1:8200", "", "", "", "Table"],
        );
    }

    #[test]
    fn what_is_refused_says_what_to_do() {
        let check = |options: &[&str], variables: &[(&str, &str)], expected: &str| {
            let text = settings(options, variables).unwrap_err();
            assert!(text.contains(expected), "{text}");
        };
        check(
            &[],
            &[("VAULT_SKIP_VERIFY", "true")],
            "VAULT_SKIP_VERIFY is refused: the server's certificate is always checked; set VAULT_CACERT",
        );
        check(&["--tls-skip-verify"], &[], "name a file with it in -ca-cert");
        check(&[], &[("VAULT_FORMAT", "xml")], "VAULT_FORMAT \"xml\" is unknown");
        check(&[], &[("VAULT_CLIENT_CERT", "f")], "client certificates");
    }
}
