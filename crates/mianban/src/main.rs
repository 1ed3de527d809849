//! The program: `serve`, `worker`, `migrate`, `doctor`, `backup`, `restore`, `account`, `key`, `reference`, `job`, `draft`,
//! `clock`, `port-system`.

mod backup;
mod clock;
mod commands;
mod examine;
mod files;
mod folders;
mod keys;
mod options;
mod papers;
mod patience;
mod post;
mod serve;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use domain::text;

use crate::options::{Cli, Command, LogFormat};

/// How long one statement of a command may take: a restored database is walked, an index is built.
const COMMAND_STATEMENT_LIMIT: Duration = Duration::from_mins(30);

/// Starts the program again, in the same process, with an allocator that gives memory back.
///
/// The GNU C library keeps what was freed, for every thread, and large blocks too once there was one: after a busy
/// morning the program held three times what it used. It reads its settings from the environment before `main`, hence
/// the second start. Whoever has set them himself knows better; where the start fails, everything works all the same.
fn be_frugal() {
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    if !cfg!(target_env = "gnu") || std::env::var_os(ARENAS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(ARENAS, "2")
        // Fixed, and above what the compression of one answer takes: fresh pages for each would cost 0.3 ms of it.
        .env("MALLOC_MMAP_THRESHOLD_", "524288")
        .env("MALLOC_TRIM_THRESHOLD_", "2097152")
        .exec();
    eprintln!("mianban: going on with the allocator as it is: {error}");
}

/// An argument without what nobody can see: names and codes are pasted from pages and files.
fn visible(argument: OsString) -> OsString {
    match argument.to_str() {
        Some(text) if !text::is_visible(text) => text::visible(text).into(),
        Some(_) | None => argument,
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(std::env::args_os().map(visible));
    if let Err(error) =
        options::refuse_unknown_variables(std::env::vars_os().map(|v| v.0.to_string_lossy().into_owned()))
    {
        eprintln!("mianban: {error:#}");
        return ExitCode::FAILURE;
    }
    if matches!(cli.command, Command::Serve | Command::Worker) {
        be_frugal();
    }
    folders::be_private();
    log(cli.options.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("mianban: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    // For commands and the start. Requests are tasks of their own, with the shorter limit of a request.
    let outcome = runtime.block_on(db::with_statement_limit(COMMAND_STATEMENT_LIMIT, async {
        match cli.command {
            Command::Serve => serve::serve(&cli.options).await,
            Command::Worker => serve::worker(&cli.options).await,
            Command::Migrate => commands::migrate(&cli.options).await,
            Command::Doctor { files } => commands::doctor(&cli.options, files).await,
            Command::Backup { folder, without_keys } => backup::backup(&cli.options, &folder, without_keys).await,
            Command::Restore { folder, replace, despite_damage } => {
                backup::restore(&cli.options, &folder, backup::How { replace, despite_damage }).await
            }
            Command::Account { command } => commands::account(&cli.options, command).await,
            Command::Key { command } => commands::key(&cli.options, &command),
            Command::Reference { command } => commands::reference(&cli.options, command).await,
            Command::Job { command } => commands::job(&cli.options, command).await,
            Command::Draft { command } => commands::draft(&cli.options, command).await,
            Command::Clock { command } => commands::clock(&cli.options, &command).await,
            Command::PortSystem { command } => commands::port_system(&cli.options, command).await,
        }
    }));
    // A thread that waits for a resolver or a disk that never answers does not hold the exit.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mianban: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
