//! The tasks of the program `keyreeve-csi`: each makes it one of the driver's processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{LogArgs, NodeArgs, NodeConfig, Task};
use crate::keeper::{self, Options, Use};
use crate::{control, mutate, say, serve, telemetry};

/// Does a task until it is over. `typed` is what was typed after the program's name.
///
/// # Returns
/// The exit code.
///
/// # Errors
/// What is wrong, for whoever started it.
pub fn work(task: Task, typed: impl Iterator<Item = OsString>) -> Result<u8, String> {
    match task {
        Task::Version => say::line(&format!("keyreeve-csi {}", env!("CARGO_PKG_VERSION"))),
        Task::Node(args) => return node(&args, typed),
        Task::Serve(log) => {
            start_log(&log)?;
            serve::run().map_err(|e| e.to_string())?;
        }
        Task::Mutate(log) => {
            start_log(&log)?;
            mutate::run().map_err(|e| e.to_string())?;
        }
        Task::Control(args) => {
            start_log(&args.log)?;
            let config = NodeConfig::of(&args).map_err(|e| e.to_string())?;
            control::node(config).map_err(|e| e.to_string())?;
        }
    }
    Ok(0)
}

fn start_log(log: &LogArgs) -> Result<(), String> {
    telemetry::start(log).map_err(|e| format!("--log: {e}"))
}

/// The keeper of a node. What is wrong with the flags is said before anything is mounted.
fn node(args: &NodeArgs, typed: impl Iterator<Item = OsString>) -> Result<u8, String> {
    start_log(&args.log)?;
    NodeConfig::of(args).map_err(|e| e.to_string())?;
    let typed = typed.skip_while(|argument| argument != "node").skip(1);
    let child = |name: &str| -> Vec<OsString> {
        let format = args.log.log_format.word();
        [name, "--log-format", format, "--log", &args.log.log].map(OsString::from).into()
    };
    let options = Options {
        purpose: Use::Node { holder: args.base_dir.clone() },
        program: PathBuf::from("/proc/self/exe"),
        title: "keyreeve-csi",
        server: child("serve"),
        mutator: child("mutate"),
        control: std::iter::once(OsString::from("control")).chain(typed).collect(),
        stall: Duration::from_secs(args.stall),
    };
    keeper::run(&options).map_err(|e| e.to_string())
}
