//! The commands of the operator.

use std::io::BufRead as _;

use anyhow::Context as _;
use app::passwords;
use db::account::Appointment;
use db::audit::By;
use db::port_system::NewPortSystem;
use db::reference::ReferenceSet;
use domain::actor::Posts;
use domain::ids::{AccountId, BureauCode, PortCode, PortSystemId};
use domain::text;
use domain::time::{Clock as _, SystemClock};

use crate::options::{AccountCommand, KeyCommand, Options, PortSystemCommand, ReferenceCommand};
use crate::serve::{hash, open_database, prepare};

/// `migrate`.
pub async fn migrate(options: &Options) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    println!("the database is up to date");
    db.close().await?;
    Ok(())
}

/// `doctor`: says every fault, and fails when there is one.
pub async fn doctor(options: &Options) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    let pending = db.pending_migrations().await?;
    anyhow::ensure!(pending.is_empty(), "migrations are missing ({}): run `mianban migrate` first", pending.join(", "));
    let findings = db::doctor::examine(&db).await?;
    println!(
        "{} audit chains, {} audit checkpoints and {} certificate lines examined",
        findings.chains, findings.checkpoints, findings.lines
    );
    for fault in &findings.faults {
        println!("FAULT: {fault}");
    }
    db.close().await?;
    anyhow::ensure!(findings.faults.is_empty(), "{} faults found", findings.faults.len());
    println!("no fault found");
    Ok(())
}

fn password() -> anyhow::Result<String> {
    eprintln!("password (one line on standard input):");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn existing(db: &db::Db, username: &str) -> anyhow::Result<AccountId> {
    let found = db::account::credentials(&db.read(), username).await?;
    Ok(found.with_context(|| format!("there is no account `{username}`"))?.id)
}

/// `account create`, `password`, `reset-second-factor`, `disable`, `enable`.
pub async fn account(options: &Options, command: AccountCommand) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
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
            let typed = password()?;
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
            let typed = password()?;
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
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
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

/// A key is the number of its system, a full stop and a secret; the hash of the secret is what we keep.
fn print_key(id: PortSystemId, secret: &str) {
    println!("{id}.{secret}");
    eprintln!("this is the key; it is not shown again: hand it to the operator of the system on a safe way");
}

/// `port-system create`, `list`, `rotate`, `disable`.
pub async fn port_system(options: &Options, command: PortSystemCommand) -> anyhow::Result<()> {
    let db = open_database(options).await?;
    prepare(&db, &SystemClock).await?;
    let by = By { name: "mianban port-system".to_owned(), ..By::system() };
    let now = SystemClock.now();
    match command {
        PortSystemCommand::Create { name, bureau, ports } => {
            let name = text::normalise(&name)?;
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
