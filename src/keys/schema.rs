//! Schema `pyrite`: installation and upgrades, with plain rights, and the GRANTs that applications need.

use tokio_postgres::Client;

use super::error::KeyError;
use super::stored::begin;

/// Every version's script, in order; applied ones are never changed.
const MIGRATIONS: &[(i32, &str)] = &[
    (1, include_str!("schema_1.sql")),
    (2, include_str!("schema_2.sql")),
    (3, include_str!("schema_3.sql")),
];

/// Taken while the schema is installed. Any role can take an advisory lock, so waiting for it is bounded, and
/// a schema that is up to date is recognised without it.
const INSTALL_LOCK: i64 = 0x7079_7269_7465_0001;

/// What [`install`] found and left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Installed {
    /// Version before; 0 if there was none.
    pub from: i32,
    /// Version now.
    pub to: i32,
}

/// The version that this program brings.
pub fn latest_version() -> i32 {
    MIGRATIONS.last().map_or(0, |(version, _)| *version)
}

/// Installs schema `pyrite` in the client's database, or upgrades it. Safe to run at any time, by any number of
/// proxies at once. Needs CREATE on the database the first time, and ownership of the schema later.
pub async fn install(client: &mut Client) -> Result<Installed, KeyError> {
    let doing = "install schema pyrite";
    let transaction = begin(client, doing).await?;
    let latest = latest_version();
    if version(&transaction).await? == Some(latest) {
        return Ok(Installed { from: latest, to: latest });
    }
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&INSTALL_LOCK])
        .await
        .map_err(KeyError::database("wait for another installation of schema pyrite"))?;
    let from = match version(&transaction).await? {
        Some(version) => version,
        None => {
            create_schema(&transaction).await?;
            0
        }
    };
    if from > latest {
        return Err(KeyError::Schema {
            message: format!(
                "schema pyrite has version {from}, and this program knows versions up to {latest}"
            ),
            hint: "Run the newer version of Pyrite that upgraded it.".to_owned(),
        });
    }
    for (version, script) in MIGRATIONS.iter().filter(|(version, _)| *version > from) {
        transaction.batch_execute(script).await.map_err(KeyError::database("upgrade schema pyrite"))?;
        transaction
            .execute("INSERT INTO pyrite.version (version) VALUES ($1)", &[version])
            .await
            .map_err(KeyError::database("upgrade schema pyrite"))?;
    }
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(Installed { from, to: latest })
}

/// The installed version; `None` if there is no schema `pyrite`.
async fn version(transaction: &tokio_postgres::Transaction<'_>) -> Result<Option<i32>, KeyError> {
    let doing = "look for schema pyrite";
    let schema = transaction
        .query_opt(
            "SELECT pg_has_role(nspowner, 'USAGE'), pg_get_userbyid(nspowner)::text, current_user::text,
                    EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'version')
             FROM pg_namespace n WHERE nspname = 'pyrite'",
            &[],
        )
        .await
        .map_err(KeyError::database(doing))?;
    let Some(schema) = schema else { return Ok(None) };
    let get = |index| schema.try_get::<_, bool>(index).map_err(KeyError::database(doing));
    if !get(0)? {
        let owner: String = schema.try_get(1).map_err(KeyError::database(doing))?;
        let user: String = schema.try_get(2).map_err(KeyError::database(doing))?;
        // Whoever owns the schema can put functions of their own into it.
        return Err(KeyError::Schema {
            message: format!("schema pyrite belongs to role \"{owner}\", and Pyrite logs in as \"{user}\""),
            hint: "Let Pyrite log in as the owner of schema pyrite, or as a member of that role.".to_owned(),
        });
    }
    if !get(3)? {
        return Err(KeyError::Schema {
            message: "there is a schema pyrite in this database that Pyrite did not make".to_owned(),
            hint: "Rename that schema: Pyrite keeps its functions and keys under this name.".to_owned(),
        });
    }
    let row = transaction
        .query_one("SELECT coalesce(max(version), 0) FROM pyrite.version", &[])
        .await
        .map_err(KeyError::database(doing))?;
    row.try_get(0).map(Some).map_err(KeyError::database(doing))
}

async fn create_schema(transaction: &tokio_postgres::Transaction<'_>) -> Result<(), KeyError> {
    let doing = "create schema pyrite";
    let row = transaction
        .query_one(
            "SELECT has_database_privilege(current_database(), 'CREATE'),
                    quote_ident(current_database()), quote_ident(current_user)",
            &[],
        )
        .await
        .map_err(KeyError::database(doing))?;
    if !row.try_get::<_, bool>(0).map_err(KeyError::database(doing))? {
        let database: String = row.try_get(1).map_err(KeyError::database(doing))?;
        let user: String = row.try_get(2).map_err(KeyError::database(doing))?;
        return Err(KeyError::Schema {
            message: format!("role {user} may not create schema pyrite in database {database}"),
            hint: format!("Run as the owner of the database: GRANT CREATE ON DATABASE {database} TO {user};"),
        });
    }
    transaction
        .batch_execute(
            "CREATE SCHEMA pyrite;
             COMMENT ON SCHEMA pyrite IS 'Pyrite: encrypted columns, and the wrapped keys that open them';
             CREATE TABLE pyrite.version (
                 version integer PRIMARY KEY,
                 installed_at timestamptz NOT NULL DEFAULT now()
             )",
        )
        .await
        .map_err(KeyError::database(doing))
}

/// The GRANT statements that applications' roles need; `pyrite.keys` is not among what they may read.
pub fn grants(app_roles: &[String]) -> String {
    if app_roles.is_empty() {
        return String::new();
    }
    let roles: Vec<String> = app_roles.iter().map(|role| quote_identifier(role)).collect();
    let roles = roles.join(", ");
    [
        "USAGE ON SCHEMA pyrite",
        "USAGE ON DOMAIN pyrite.encrypted",
        "EXECUTE ON FUNCTION pyrite.eq(bytea), pyrite.eq_b(bytea), pyrite.key_id(bytea), \
         pyrite.is_envelope(bytea), pyrite.has_sane_directory(bytea)",
        "EXECUTE ON FUNCTION pyrite.ord(bytea), pyrite.ord_b(bytea), pyrite.ord_head(bytea), \
         pyrite.ord_head_b(bytea), pyrite.eq_caseless(bytea), pyrite.eq_caseless_b(bytea), \
         pyrite.match(bytea), pyrite.match_b(bytea), pyrite.has_order(bytea), \
         pyrite.has_caseless(bytea), pyrite.has_match(bytea)",
        "SELECT ON pyrite.columns, pyrite.groups",
    ]
    .map(|what| format!("GRANT {what} TO {roles};\n"))
    .concat()
}

fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_quote_roles_and_spare_the_keys() {
        let text = grants(&["app".to_owned(), "odd \"role\"".to_owned()]);
        assert!(text.contains("GRANT USAGE ON SCHEMA pyrite TO \"app\", \"odd \"\"role\"\"\";\n"));
        assert!(!text.contains("pyrite.keys") && !text.contains("pyrite.keyring"));
        assert_eq!(grants(&[]), "");
    }

    #[test]
    fn migrations_count_up_from_one() {
        let versions: Vec<i32> = MIGRATIONS.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, (1..=latest_version()).collect::<Vec<_>>());
    }
}
