//! Carrying commands out: the part that touches files, the terminal and the network.

mod audit;
mod changes;
mod kv;
mod login;
mod mount;
mod policy_files;
mod render;
mod run;
mod status;

use std::io;

use clap::CommandFactory;

use crate::arguments::{Cli, Command, PolicyCommand, Shell, TokenCommand};
use crate::config::{Environment, Settings, format};
use crate::plan::{Job, policy, token};
use crate::problem::Problem;
use crate::server::{self, Server};
use crate::{input, out, show};

/// Carries a command out.
///
/// # Returns
/// The exit code where the command has one of its own, else 0.
///
/// # Errors
/// Why it was not done.
pub fn run(cli: &Cli, environment: &Environment) -> Result<u8, Problem> {
    match &cli.command {
        Command::Version => out::print(concat!("keyreeve ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| 0),
        Command::Crds { out } => crds(out.as_deref()).map(|()| 0),
        Command::Completion { shell } => completion(*shell).map(|()| 0),
        Command::Policy(PolicyCommand::Test { matrix, folder }) => {
            policy_files::test(matrix, folder).map(|()| 0)
        }
        Command::Policy(PolicyCommand::Explain { capability, path, folder }) => {
            policy_files::explain(capability, path, folder).map(|()| 0)
        }
        Command::Audit(crate::arguments::AuditCommand::Verify { folder }) => {
            audit::verify(folder, format(&cli.options, environment)?).map(|()| 0)
        }
        Command::Mount(arguments) => {
            mount::start(arguments, &Settings::of(&cli.options, environment)?, environment)
        }
        Command::MountKeep(child) => mount::keep(child, &Settings::of(&cli.options, environment)?),
        Command::MountServe(log) => mount::serve(log).map(|()| 0),
        Command::MountMutate(log) => mount::mutate(log).map(|()| 0),
        Command::MountControl(child) => {
            mount::control(child, &Settings::of(&cli.options, environment)?, environment)
        }
        online => {
            let settings = Settings::of(&cli.options, environment)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Problem::file("the network cannot be set up", error))?;
            runtime.block_on(Box::pin(ask(online, &settings, environment)))
        }
    }
}

/// Prints the definitions, or writes a file for each.
fn crds(folder: Option<&std::path::Path>) -> Result<(), Problem> {
    let Some(folder) = folder else { return out::print(&syncer_core::crds::yaml_documents()) };
    for crd in syncer_core::crds::all() {
        let path = folder.join(crd.file_name());
        std::fs::write(&path, crd.to_yaml())
            .map_err(|error| Problem::file(format!("{} cannot be written", path.display()), error))?;
    }
    Ok(())
}

/// Carries out a command that needs a server.
async fn ask(command: &Command, settings: &Settings, environment: &Environment) -> Result<u8, Problem> {
    match command {
        Command::Status => return status::status(settings).await,
        Command::Login(arguments) => return login::login(arguments, settings, environment).await.map(|()| 0),
        Command::Run(arguments) => return run::run(arguments, settings, environment).await,
        Command::Render(arguments) => return render::run(arguments, settings, environment).await.map(|()| 0),
        _ => {}
    }
    let session = Session { server: Server::new(settings, server::token(environment)?)?, settings };
    match command {
        Command::Kv(command) => kv::run(command, &session).await?,
        Command::Policy(command) => session.perform(&policy_job(command)?).await?,
        Command::Token(command) => session.perform(&token_job(command)?).await?,
        Command::Audit(command) => audit::run(command, &session).await?,
        Command::Changes { after } => changes::follow(*after, &session).await?,
        // The others need no server, or had theirs.
        _ => {}
    }
    Ok(0)
}

/// A server and the form in which its answers are shown.
struct Session<'a> {
    server: Server,
    settings: &'a Settings,
}

impl Session<'_> {
    /// Sends a job's request and prints its answer.
    async fn perform(&self, job: &Job) -> Result<(), Problem> {
        let answer = self.server.send(&job.request).await?;
        let shown = show::answer(job, answer.body.expose(), self.settings.format, out::is_terminal())?;
        for warning in shown.warnings {
            out::note(&format!("WARNING: {warning}"));
        }
        out::print(&shown.text)
    }
}

fn policy_job(command: &PolicyCommand) -> Result<Job, Problem> {
    Ok(match command {
        PolicyCommand::Read { name } => policy::read(name),
        PolicyCommand::List => policy::list(),
        PolicyCommand::Delete { name } => policy::delete(name),
        PolicyCommand::Write { name, file } => policy::write(name, &input::text(file)?),
        PolicyCommand::Test { .. } | PolicyCommand::Explain { .. } => {
            return Err(Problem::Usage("this command needs no server".to_owned()));
        }
    })
}

fn token_job(command: &TokenCommand) -> Result<Job, Problem> {
    let subject = token::named(command).map(server::named_token).transpose()?;
    token::plan(command, subject.as_ref().map(|subject| subject.as_str()))
}

fn completion(shell: Shell) -> Result<(), Problem> {
    use clap_complete::aot::{Shell as Generator, generate};
    let generator = match shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = io::Cursor::new(Vec::new());
    generate(generator, &mut Cli::command(), "keyreeve", &mut script);
    out::print(&String::from_utf8_lossy(script.get_ref()))
}
