//! The options of `policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Policies on the server, and policy files.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Print a policy.
    Read {
        /// Its name.
        name: String,
    },
    /// Write a policy.
    Write {
        /// Its name.
        name: String,
        /// File with its text, or - for stdin.
        file: PathBuf,
    },
    /// List the names of all policies.
    List,
    /// Delete a policy.
    Delete {
        /// Its name.
        name: String,
    },
    /// Check policy files against tables of what they must allow and deny; needs no server.
    Test {
        /// Files with lines `allow|deny CAPABILITY PATH`.
        #[arg(value_name = "FILE.matrix", required = true)]
        matrix: Vec<PathBuf>,
        /// Which policies.
        #[command(flatten)]
        folder: PolicyFolder,
    },
    /// Say why policy files allow or deny one thing; needs no server.
    Explain {
        /// What is to be done: create, read, update, patch, delete, list, sudo.
        capability: String,
        /// The request's path, such as secret/data/app.
        path: String,
        /// Which policies.
        #[command(flatten)]
        folder: PolicyFolder,
    },
}

/// Policy files, and which of them a token would have.
#[derive(Args)]
pub struct PolicyFolder {
    /// Folder with policies (*.hcl, *.json).
    #[arg(long, value_name = "DIR")]
    pub policies: PathBuf,
    /// A policy that the token has; may be given several times. `test`: without it, the one named like the matrix file.
    #[arg(long = "policy", value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<String>,
}
