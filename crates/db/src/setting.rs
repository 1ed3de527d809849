//! Small facts about this installation: secrets made at first start, the demonstration mark.

use crate::{DbResult, Source, Tx, params, row};

#[derive(crate::Row)]
struct Text {
    value: String,
}

/// Reads a setting.
pub async fn get(source: &impl Source, name: &str) -> DbResult<Option<String>> {
    let found: Option<Text> =
        row(source.connection(), "SELECT value FROM setting WHERE name = $1", params![name]).await?;
    Ok(found.map(|t| t.value))
}

/// Writes a setting unless it is there already, and says what is true now: two processes that start together agree.
pub async fn get_or_put(tx: &Tx, name: &str, value: &str) -> DbResult<String> {
    tx.run("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", params![name, value])
        .await?;
    Ok(get(tx, name).await?.unwrap_or_else(|| value.to_owned()))
}

/// Writes a setting, whatever it was.
pub async fn put(tx: &Tx, name: &str, value: &str) -> DbResult<()> {
    tx.run(
        "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![name, value],
    )
    .await?;
    Ok(())
}
