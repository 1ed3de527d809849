//! The program: `serve`, `worker`, `migrate`, `doctor`, `account`, `key`, `reference`.

mod clock;
mod commands;
mod files;
mod keys;
mod options;
mod papers;
mod post;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;

use crate::options::{Cli, Command, LogFormat};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) =
        options::refuse_unknown_variables(std::env::vars_os().map(|v| v.0.to_string_lossy().into_owned()))
    {
        eprintln!("mianban: {error:#}");
        return ExitCode::FAILURE;
    }
    log(cli.options.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("mianban: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve => serve::serve(&cli.options).await,
            Command::Worker => serve::worker(&cli.options).await,
            Command::Migrate => commands::migrate(&cli.options).await,
            Command::Doctor => commands::doctor(&cli.options).await,
            Command::Account { command } => commands::account(&cli.options, command).await,
            Command::Key { command } => commands::key(&cli.options, &command),
            Command::Reference { command } => commands::reference(&cli.options, command).await,
        }
    });
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
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
