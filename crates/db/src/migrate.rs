//! Hands `migrations/*.sql` to the migrator, expanding the words in which the databases differ: `@ID@` is the key column,
//! `@BYTEWISE@` text compared byte by byte, `@CLUSTERED@` a table that is its own primary key, where there is such a thing;
//! `@FOLD(column)@` is a folded text folded anew.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

/// One file of `migrations/`.
struct File {
    name: &'static str,
    sql: &'static str,
    /// Only on this database; `None` = both.
    only: Option<DbBackend>,
}

macro_rules! file {
    ($name:literal) => {
        File { name: $name, sql: include_str!(concat!("../../../migrations/", $name, ".sql")), only: None }
    };
    ($only:ident, $folder:literal, $name:literal) => {
        File {
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")),
            only: Some(DbBackend::$only),
        }
    };
}

/// In order; append only.
const FILES: &[fn() -> File] = &[
    || file!("0001_reference"),
    || file!("0002_accounts"),
    || file!("0003_applications"),
    || file!("0004_certificates"),
    || file!("0005_jobs_and_bulletins"),
    || file!(Sqlite, "sqlite", "0006_append_only"),
    || file!(Postgres, "postgres", "0006_append_only_postgres"),
    || file!("0007_passwords"),
    || file!("0008_shared_fields"),
    || file!("0009_lists"),
    || file!("0010_search"),
    || file!("0011_product_templates"),
    || file!("0012_corrections"),
    || file!("0013_letters_and_second_factor"),
    || file!("0015_calendar"),
    || file!("0016_certificate_counts"),
    || file!("0020_amendments"),
    || file!("0025_ledger"),
    || file!(Sqlite, "sqlite", "0026_ledger_append_only"),
    || file!(Postgres, "postgres", "0026_ledger_append_only_postgres"),
    || file!("0027_pre_write_off_declarer"),
    || file!(Sqlite, "sqlite", "0030_security_letters"),
    || file!(Postgres, "postgres", "0030_security_letters_postgres"),
    || file!("0040_certificate_lists"),
    || file!("0045_usage"),
    || file!("0050_officers"),
    || file!("0051_publishing"),
    || file!("0060_routing"),
    || file!("0061_audit_query"),
    || file!("0052_reference_editions"),
    || file!("0072_worklists"),
    || file!("0071_statistics"),
    || file!("0070_port_systems"),
    || file!("0076_lines_in_force"),
    || file!("0077_statistic_margins"),
    || file!(Sqlite, "sqlite", "0078_audit_subjects"),
    || file!(Postgres, "postgres", "0078_audit_subjects_postgres"),
    || file!("0079_exports"),
    || file!("0085_proxy_entry"),
    || file!("0073_review"),
    || file!("0074_case_notes"),
    || file!(Sqlite, "sqlite", "0075_case_notes_append_only"),
    || file!(Postgres, "postgres", "0075_case_notes_append_only_postgres"),
    || file!("0080_history"),
    || file!("0081_comparison"),
    || file!("0086_search"),
    || file!("0087_lines_found"),
    || file!("0088_regions"),
    || file!("0089_lists_at_scale"),
    || file!("0090_owners_and_viewers"),
    || file!("0099_folding"),
    || file!("0100_calendar"),
];

/// The dots that [`domain::text::fold`] makes a full stop of, as far as folding left them before.
const DOTS: &str = "\u{b7}\u{2022}\u{2027}\u{2219}\u{22c5}\u{2e31}\u{30fb}";
/// What it drops because nobody can see it: what is found in texts that were pasted.
const UNSEEN: &str = "\u{ad}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2061}\
                      \u{2062}\u{2063}\u{2064}\u{2066}\u{2067}\u{2068}\u{2069}\u{fe0e}\u{fe0f}\u{feff}";

/// Expands `@FOLD(column)@`.
fn folding(sql: &str) -> String {
    let mut parts = sql.split("@FOLD(");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(")@").unwrap_or((part, ""));
        let mut folded = column.to_owned();
        let dots = DOTS.chars().map(|dot| (dot, "."));
        for (from, to) in dots.chain(UNSEEN.chars().map(|unseen| (unseen, ""))) {
            folded = format!("REPLACE({folded}, '{from}', '{to}')");
        }
        out.push_str(&folded);
        out.push_str(rest);
    }
    out
}

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        FILES.iter().map(|f| Box::new(f()) as Box<dyn MigrationTrait>).collect()
    }
}

impl MigrationName for File {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for File {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        if let Some(sql) = self.sql_on(conn.get_database_backend()) {
            conn.execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}

impl File {
    /// Its SQL with every word expanded; none when it is not for this database.
    fn sql_on(&self, backend: DbBackend) -> Option<String> {
        if self.only.is_some_and(|only| only != backend) {
            return None;
        }
        let (key, bytewise, clustered) = match backend {
            DbBackend::Postgres => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "COLLATE \"C\"", ""),
            // AUTOINCREMENT: the id of a deleted draft is never given to another application (E2).
            _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "", "WITHOUT ROWID"),
        };
        let sql = self.sql.replace("@ID@", key).replace("@BYTEWISE@", bytewise).replace("@CLUSTERED@", clustered);
        Some(folding(&sql))
    }
}

/// The SQL of a file, for tests of what it does to data that are there.
pub(crate) fn sql_of(name: &str, backend: DbBackend) -> Option<String> {
    FILES.iter().map(|file| file()).find(|file| file.name == name)?.sql_on(backend)
}

pub(crate) async fn pending(conn: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    Ok(Migrator::get_pending_migrations(conn).await?.iter().map(|m| m.name().to_owned()).collect())
}

pub(crate) async fn up(conn: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    let names = pending(conn).await?;
    if !names.is_empty() {
        Migrator::up(conn, None).await?;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the migration replaces is what folding replaces, and nothing of it is left by folding.
    #[test]
    fn the_migration_folds_like_the_program() {
        for dot in DOTS.chars() {
            assert_eq!(domain::text::fold(&dot.to_string()), ".", "U+{:04X}", u32::from(dot));
        }
        for unseen in UNSEEN.chars() {
            assert_eq!(domain::text::fold(&format!("a{unseen}b")), "ab", "U+{:04X}", u32::from(unseen));
        }
        assert_eq!(
            folding("x = @FOLD(a)@;").matches("REPLACE(").count(),
            DOTS.chars().count() + UNSEEN.chars().count()
        );
    }
}
