//! The command line; the only module that prints.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 a problem that the message
//! explains, 2 a command line that makes no sense.

mod args;
mod demo;
mod docs;
mod load;
mod members;
mod navigation;
mod output;
mod plan;
mod project_files;
mod query;
mod read;
mod schema;
mod serve;
mod test;
mod validate;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use args::{Arguments, Command};

use crate::config::Config;
use crate::engine::{EpochSnapshots, Moment, Snapshot, Snapshots};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::model::Model;
use crate::project::PROJECT_FILE;
use crate::warehouse::{Location, Warehouse};

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.verbose);
    // Two providers are compiled in, and TLS cannot choose; which one is installed first wins.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = Config::from_environment();
    let done = runtime().and_then(|runtime| runtime.block_on(run(arguments, config)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_fail(ErrorKind::Internal, || "starting the runtime".into())
}

fn start_logging(verbose: u8) {
    let level = match verbose {
        // The libraries log what the error message says better.
        0 => "warn,deltalake_core=off,delta_kernel=off,buoyant_kernel=off",
        1 => "starling=info,warn",
        _ => "starling=debug,info",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
}

async fn run(arguments: Arguments, config: Config) -> Result<()> {
    let place = Place { folder: arguments.project, warehouse: arguments.warehouse, config };
    match arguments.command {
        Command::Validate => validate::run(&place),
        Command::Plan(options) => Box::pin(plan::run(&place, &options)).await,
        Command::Load(options) => Box::pin(load::run(&place, &options)).await,
        Command::Read(options) => Box::pin(read::run(&place, &options)).await,
        Command::Sql(options) => Box::pin(query::sql(&place, &options)).await,
        Command::Query(options) => Box::pin(query::cube(&place, &options)).await,
        Command::Members(options) => Box::pin(members::run(&place, &options)).await,
        Command::Test(options) => Box::pin(test::run(&place, &options)).await,
        Command::Docs(options) => docs::run(&place, &options),
        Command::Schema(options) => schema::run(&options),
        Command::Serve(options) => Box::pin(serve::run(&place, &options)).await,
        Command::Demo(options) => Box::pin(demo::run(&place, &options)).await,
    }
}

/// Which project and warehouse a command is about.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    warehouse: Option<String>,
    config: Config,
}

impl Place {
    /// Everything the project declares. A load checks it against its sources itself; only where
    /// something is wrong already are they looked at here, to report all mistakes at once.
    fn model(&self) -> Result<Model> {
        let (model, diagnostics) = Model::inspect(&self.folder, &self.config.environment)?;
        if !diagnostics.is_empty() {
            crate::load::check(&model, diagnostics)?;
        }
        Ok(model)
    }

    /// The warehouse that `--warehouse` names, or else the project.
    fn location(&self) -> Result<Location> {
        match &self.warehouse {
            // Relative to where the command is run, like any path on a command line.
            Some(given) => Location::parse(given, &PathBuf::from(".")),
            None if !self.folder.join(PROJECT_FILE).is_file() => {
                let what = format!(
                    "no `{PROJECT_FILE}` in `{}`; run this in a project folder, give one with -C, or \
                     name a warehouse with --warehouse",
                    self.folder.display()
                );
                Err(Error::new(ErrorKind::NotFound, what))
            }
            None => {
                let settings = project_files::settings(&self.folder, &self.config.environment)?;
                Location::parse(&settings.warehouse, &self.folder)
            }
        }
    }

    fn warehouse(&self) -> Result<Arc<Warehouse>> {
        Ok(Arc::new(Warehouse::open(self.location()?, self.config.pause_after_write)))
    }

    fn snapshots(&self) -> Result<EpochSnapshots> {
        EpochSnapshots::new(self.warehouse()?)
    }

    /// The epoch that is asked.
    async fn snapshot(&self, moment: Moment) -> Result<Arc<Snapshot>> {
        self.snapshots()?.open(moment).await
    }
}

/// A text to stdout.
fn write_out(text: &str) -> Result<()> {
    output::ignore_closed_pipe(
        std::io::stdout()
            .write_all(text.as_bytes())
            .or_fail(ErrorKind::Internal, || "writing to stdout".into()),
    )
}

/// A file, and the folders it lies in.
fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let fail = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).or_fail(ErrorKind::InvalidInput, fail)?;
    }
    std::fs::write(path, content).or_fail(ErrorKind::InvalidInput, fail)
}

/// A line for the person, on stderr.
fn say(line: &str) {
    // A closed stderr leaves nobody to tell.
    drop(writeln!(std::io::stderr(), "{line}"));
}
