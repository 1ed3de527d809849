//! The commands of the operator.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::Context as _;
use app::passwords;
use db::Db;
use db::account::Appointment;
use db::audit::By;
use db::port_system::NewPortSystem;
use db::queue::{self, Wanted};
use db::reference::ReferenceSet;
use domain::actor::Posts;
use domain::ids::{AccountId, ApplicationId, BureauCode, JobId, PortCode, PortSystemId};
use domain::text;
use domain::time::{Clock as _, Instant, SystemClock};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::options::{
    AccountCommand, ClockCommand, Depth, DraftCommand, JobCommand, KeyCommand, Options, PortSystemCommand,
    ReferenceCommand,
};
use crate::serve::{hash, judge, open_database, prepare};
use crate::{examine, files};

/// The database, brought up to date; no option that is wrong has changed anything before.
async fn prepared(options: &Options) -> anyhow::Result<Db> {
    judge(options)?;
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    Ok(db)
}

/// `migrate`.
pub async fn migrate(options: &Options) -> anyhow::Result<()> {
    let db = prepared(options).await?;
    println!("the database is up to date");
    db.close().await?;
    Ok(())
}

/// `doctor`: says every fault, and fails when there is one.
pub async fn doctor(options: &Options, depth: Depth) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    let pending = db.pending_migrations().await?;
    anyhow::ensure!(pending.is_empty(), "migrations are missing ({}): run `mianban migrate` first", pending.join(", "));
    let concluded = examine(&db, options, depth).await;
    db.close().await?;
    concluded
}

/// Examines the database, and files, keys and letters against it.
pub async fn examine(db: &Db, options: &Options, depth: Depth) -> anyhow::Result<()> {
    let findings = db::doctor::examine(db).await?;
    let store = files::open_to_read(options)?;
    let report = examine::examine(db, store.as_ref(), &options.keys(), depth).await?;
    println!(
        "{} audit chains, {} audit checkpoints, {} certificate lines, {} files and {} keys examined",
        findings.chains, findings.checkpoints, findings.lines, report.files, report.keys
    );
    let all = findings.faults.len() as u64 + report.count();
    conclude(&[findings.faults, report.faults()].concat(), all, "faults found")?;
    println!("no fault found");
    Ok(())
}

/// Says each fault, and fails when there is one.
pub fn conclude(faults: &[String], all: u64, what: &str) -> anyhow::Result<()> {
    for fault in faults {
        println!("FAULT: {fault}");
    }
    anyhow::ensure!(all == 0, "{all} {what}");
    Ok(())
}

/// The terminal shows nothing of what is typed, until this goes away.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> anyhow::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A password: typed twice and unseen at a terminal, otherwise one line of standard input.
async fn password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        eprintln!("password (one line on standard input):");
        return line();
    }
    let unseen = Unseen::begin()?;
    let typing = tokio::task::spawn_blocking(|| -> anyhow::Result<String> {
        eprint!("password (not shown): ");
        let first = line()?;
        eprint!("the same again: ");
        anyhow::ensure!(first == line()?, "the two passwords differ");
        Ok(first)
    });
    tokio::select! {
        typed = typing => typed?,
        _ = tokio::signal::ctrl_c() => {
            drop(unseen);
            std::process::exit(130)
        }
    }
}

async fn existing(db: &db::Db, username: &str) -> anyhow::Result<AccountId> {
    let found = db::account::credentials(&db.read(), username).await?;
    Ok(found.with_context(|| format!("there is no account `{username}`"))?.id)
}

/// `account create`, `password`, `reset-second-factor`, `disable`, `enable`.
pub async fn account(options: &Options, command: AccountCommand) -> anyhow::Result<()> {
    let db = prepared(options).await?;
    let by = By { name: "mianban account".to_owned(), ..By::system() };
    let now = SystemClock.now();
    match command {
        AccountCommand::Create { username, name, bureau, posts } => {
            let username = text::user_name(&username).map_err(|e| anyhow::anyhow!(e))?;
            let of_bureau = bureau.is_some();
            for post in &posts {
                anyhow::ensure!(
                    post.is_of_bureau() == of_bureau,
                    "the post {post} does not fit {}",
                    if of_bureau { "a bureau" } else { "CNCA" }
                );
            }
            if let Some(code) = &bureau {
                let known = db::reference::load(&db.read()).await?;
                anyhow::ensure!(known.bureau(&BureauCode::new(code.as_str())).is_some(), "there is no bureau `{code}`");
            }
            let typed = password().await?;
            passwords::judge(&typed, &username, &[&username]).map_err(|e| anyhow::anyhow!(e))?;
            let new = Appointment {
                username: username.clone(),
                password_hash: hash(&typed)?,
                display_name: name,
                bureau: bureau.map(BureauCode::new),
                posts: Posts::new(posts),
            };
            let tx = db.begin().await?;
            match db::account::appoint(&tx, &new, &by, now).await {
                Ok(_) => tx.commit().await?,
                Err(db::DbError::Duplicate(_)) => anyhow::bail!("the user name `{username}` is taken"),
                Err(other) => return Err(other.into()),
            }
            println!("the account `{username}` was created");
        }
        AccountCommand::Password { username } => {
            let id = existing(&db, &username).await?;
            let typed = password().await?;
            passwords::judge(&typed, &username, &[&username]).map_err(|e| anyhow::anyhow!(e))?;
            let tx = db.begin().await?;
            db::account::set_password(&tx, id, &hash(&typed)?, &by, now).await?;
            tx.commit().await?;
            println!("the password of `{username}` was set; its login sessions were ended");
        }
        AccountCommand::ResetSecondFactor { username } => {
            let id = existing(&db, &username).await?;
            let tx = db.begin().await?;
            let was_on = db::second_factor::disable(&tx, id, &by, now).await?;
            anyhow::ensure!(was_on, "the account `{username}` has no second factor");
            tx.commit().await?;
            println!("the second factor of `{username}` was switched off");
        }
        AccountCommand::Disable { username } => {
            let id = existing(&db, &username).await?;
            let tx = db.begin().await?;
            db::account::set_disabled(&tx, id, true, &by, now).await?;
            tx.commit().await?;
            println!("the account `{username}` was switched off; its login sessions were ended");
        }
        AccountCommand::Enable { username } => {
            let id = existing(&db, &username).await?;
            let tx = db.begin().await?;
            db::account::set_disabled(&tx, id, false, &by, now).await?;
            tx.commit().await?;
            println!("the account `{username}` was switched on");
        }
    }
    db.close().await?;
    Ok(())
}

/// `key create`, `key list`.
pub fn key(options: &Options, command: &KeyCommand) -> anyhow::Result<()> {
    let keys = options.keys();
    match command {
        KeyCommand::Create => {
            let name = keys.create(SystemClock.now())?;
            println!(
                "the signing key {name} was made in {}; keep a copy of this folder in a safe place",
                keys.path().display()
            );
        }
        KeyCommand::List => {
            let all = keys.all()?;
            for (n, name) in all.iter().enumerate() {
                println!("{name}{}", if n + 1 == all.len() { "  (signs)" } else { "" });
            }
            if all.is_empty() {
                println!("there is no signing key in {}: run `mianban key create`", keys.path().display());
            }
        }
    }
    Ok(())
}

/// `reference import DIR`.
pub async fn reference(options: &Options, command: ReferenceCommand) -> anyhow::Result<()> {
    let ReferenceCommand::Import { folder } = command;
    let set = ReferenceSet::from_folder(&folder)?;
    let db = prepared(options).await?;
    let tx = db.begin().await?;
    let report = db::reference::import(&tx, &set, SystemClock.now()).await?;
    tx.commit().await?;
    if report.unchanged {
        println!("nothing to do: these files were imported last");
    } else {
        println!("{} rows imported; running processes show them within a minute", report.rows);
    }
    db.close().await?;
    Ok(())
}

/// What a job is about: a certificate, or a letter and its mailbox.
fn about(job: &queue::Record) -> String {
    let parts = [&job.certificate_no, &job.recipient, &job.subject, &job.username];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// `job list`, `show`, `retry`.
pub async fn job(options: &Options, command: JobCommand) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    let by = By { name: "mianban job".to_owned(), ..By::system() };
    let now = SystemClock.now();
    match command {
        JobCommand::List { dead } => {
            let wanted = if dead { Wanted::Dead } else { Wanted::Trouble };
            let found = queue::all_in_trouble(&db.read(), wanted, now).await?;
            for job in &found {
                let state = if job.is_dead() { "dead" } else { "late" };
                let next = if job.state == "ready" { job.run_at.china() } else { "-".to_owned() };
                println!(
                    "{}\t{}\t{state}\t{} tries\t{}\t{next}\t{}\t{}",
                    job.id,
                    job.kind,
                    job.attempts,
                    job.created_at.china(),
                    about(job),
                    job.last_error
                );
            }
            eprintln!("{} jobs", found.len());
        }
        JobCommand::Show { number } => {
            let job = match queue::get(&db.read(), JobId::new(number)).await {
                Err(db::DbError::NotFound) => anyhow::bail!("there is no job {number}"),
                found => found?,
            };
            println!("number      {}", job.id);
            println!("kind        {}", job.kind);
            println!("state       {}", job.state);
            println!("tries       {}", job.attempts);
            println!("put in      {}", job.created_at.china());
            println!("next try    {}", job.run_at.china());
            println!("about       {}", about(&job));
            println!("data        {}", if job.has_data() { "there" } else { "gone: done, or a password that is over" });
            println!("last error  {}", job.last_error);
        }
        JobCommand::Retry { numbers, dead } => {
            let wanted: Vec<JobId> = if dead {
                let found = queue::all_in_trouble(&db.read(), Wanted::Dead, now).await?;
                found.iter().filter(|job| job.has_data()).map(|job| job.id).collect()
            } else {
                numbers.into_iter().map(JobId::new).collect()
            };
            for id in &wanted {
                let tx = db.begin().await?;
                match queue::retry(&tx, *id, &by, now).await {
                    Ok(()) => tx.commit().await?,
                    Err(db::DbError::Overtaken(_)) => {
                        anyhow::bail!(
                            "job {id} cannot be tried again: there is none, it runs, it is done, or its password is over"
                        )
                    }
                    Err(other) => return Err(other.into()),
                }
                println!("job {id} is tried again");
            }
            eprintln!("{} jobs are tried again; `mianban job list` shows what becomes of them", wanted.len());
        }
    }
    db.close().await?;
    Ok(())
}

/// `draft list-deleted`, `restore`.
pub async fn draft(options: &Options, command: DraftCommand) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    let by = By { name: "mianban draft".to_owned(), ..By::system() };
    let found = db::application::deleted_drafts(&db.read()).await?;
    match command {
        DraftCommand::ListDeleted => {
            for d in &found {
                println!(
                    "{}\t{}\t{}\t{} products\tsaved {}\tdeleted {}\tkept until {}",
                    d.id,
                    d.username,
                    d.applicant_name,
                    d.items,
                    d.first_saved_at.china(),
                    d.deleted_at.china(),
                    d.kept_until().china()
                );
            }
            eprintln!("{} deleted drafts can be restored", found.len());
        }
        DraftCommand::Restore { numbers, all } => {
            let wanted: Vec<_> = if all {
                found.iter().map(|d| d.id).collect()
            } else {
                numbers.into_iter().map(ApplicationId::new).collect()
            };
            for id in wanted {
                let tx = db.begin().await?;
                match db::application::restore(&tx, id, &by, SystemClock.now()).await {
                    Ok(until) => {
                        tx.commit().await?;
                        println!("the draft {id} is there again, until {}; tell its owner", until.china());
                    }
                    Err(db::DbError::NotFound) => anyhow::bail!("there is no deleted draft {id}"),
                    Err(other) => return Err(other.into()),
                }
            }
        }
    }
    db.close().await?;
    Ok(())
}

/// How far this machine's clock may be from the database server's when an operator confirms it.
const CLOCKS_APART_SECONDS: i64 = 300;

/// `clock show`, `accept`.
pub async fn clock(options: &Options, command: &ClockCommand) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    let known = db::clock::known(&db).await?;
    let now = SystemClock.now();
    let time = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), Instant::rfc3339);
    match command {
        ClockCommand::Show => {
            println!("this machine         {}", now.rfc3339());
            println!("database server      {}", time(known.database));
            println!("newest deed          {}", time(db::clock::newest_deed(&db.read()).await?));
            println!("known to be right    {}", time(known.seen));
        }
        ClockCommand::Accept => {
            if let Some(database) = known.database {
                let apart = now.seconds_since(database);
                anyhow::ensure!(
                    apart.abs() <= CLOCKS_APART_SECONDS,
                    "this machine's clock ({}) differs from the database server's ({}) by {apart} s: set them first",
                    now.rfc3339(),
                    database.rfc3339()
                );
            }
            let tx = db.begin().await?;
            db::clock::confirm(&tx, now).await?;
            tx.commit().await?;
            println!("confirmed: it is {}; running processes go on within a minute", now.rfc3339());
        }
    }
    db.close().await?;
    Ok(())
}

/// A key is the number of its system, a full stop and a secret; the hash of the secret is what we keep.
fn print_key(id: PortSystemId, secret: &str) {
    println!("{id}.{secret}");
    eprintln!("this is the key; it is not shown again: hand it to the operator of the system on a safe way");
}

/// `port-system create`, `list`, `rotate`, `disable`.
pub async fn port_system(options: &Options, command: PortSystemCommand) -> anyhow::Result<()> {
    let db = prepared(options).await?;
    let by = By { name: "mianban port-system".to_owned(), ..By::system() };
    let now = SystemClock.now();
    match command {
        PortSystemCommand::Create { name, bureau, ports } => {
            let name = text::one_line(&name);
            anyhow::ensure!((2..=50).contains(&name.chars().count()), "the name has 2 to 50 characters");
            let bureau = BureauCode::new(bureau);
            let known = db::reference::load(&db.read()).await?;
            anyhow::ensure!(known.bureau(&bureau).is_some(), "there is no bureau `{bureau}`");
            for code in &ports {
                let port = known.ports.iter().find(|p| p.code.as_str() == code && !p.parent.as_str().is_empty());
                let port = port.with_context(|| format!("there is no port `{code}`"))?;
                anyhow::ensure!(port.bureau == bureau, "the port `{code}` is one of the bureau `{}`", port.bureau);
            }
            let ports: Vec<_> = ports.into_iter().map(PortCode::new).collect();
            let secret = kit::random::token();
            let key_hash = kit::session::hash_of(&secret);
            let new = NewPortSystem { bureau: &bureau, name: &name, ports: &ports, key_hash: &key_hash };
            let tx = db.begin().await?;
            match db::port_system::create(&tx, &new, &by, now).await {
                Ok(id) => {
                    tx.commit().await?;
                    print_key(id, &secret);
                }
                Err(db::DbError::Duplicate(_)) => anyhow::bail!("`{bureau}` has a system of the name `{name}`"),
                Err(other) => return Err(other.into()),
            }
        }
        PortSystemCommand::List => {
            for system in db::port_system::all(&db.read()).await? {
                let ports = if system.ports.is_empty() { "all ports" } else { &system.ports };
                let state = system.disabled_at.map_or_else(
                    || format!("key of {}", system.key_made_at.china()),
                    |at| format!("switched off {}", at.china()),
                );
                println!("{}\t{}\t{}\t{ports}\t{state}", system.id, system.bureau_code, system.name);
            }
        }
        PortSystemCommand::Rotate { number } => {
            let (id, secret) = (PortSystemId::new(number), kit::random::token());
            let tx = db.begin().await?;
            match db::port_system::rotate(&tx, id, &kit::session::hash_of(&secret), &by, now).await {
                Ok(()) => {
                    tx.commit().await?;
                    print_key(id, &secret);
                }
                Err(db::DbError::NotFound) => anyhow::bail!("there is no system {number}, or it is switched off"),
                Err(other) => return Err(other.into()),
            }
        }
        PortSystemCommand::Disable { number } => {
            let tx = db.begin().await?;
            match db::port_system::disable(&tx, PortSystemId::new(number), &by, now).await {
                Ok(()) => tx.commit().await?,
                Err(db::DbError::NotFound) => anyhow::bail!("there is no system {number}, or it is switched off"),
                Err(other) => return Err(other.into()),
            }
            println!("the system {number} was switched off");
        }
    }
    db.close().await?;
    Ok(())
}
