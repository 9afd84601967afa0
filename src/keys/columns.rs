//! `pyrite.columns`: which columns are encrypted in fact, with which declared type and keys. Proxies whose
//! configurations differ find out here, before one of them writes what the other cannot find.

use tokio_postgres::{Client, Transaction};

use super::error::KeyError;
use super::keyring::{GroupBytes, Keyring};
use super::stored::{begin, bytes16};

#[path = "columns_search.rs"]
mod search;

/// A column as the configuration has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnRegistration {
    /// Schema, as stored in the catalog.
    pub schema: String,
    /// Table, as stored in the catalog.
    pub table: String,
    /// Column, as stored in the catalog.
    pub column: String,
    /// The type that clients see, as `format_type` prints it.
    pub declared_type: String,
    /// Name of the key group.
    pub group: String,
    /// Whether values carry an equality term.
    pub equality: bool,
    /// The further search kinds whose terms new values carry.
    pub search: Vec<String>,
    /// Those whose terms the table demands of each value.
    pub demanded: Vec<String>,
    /// By whose rules order terms of text are made; `None` where there are none.
    pub collation: Option<String>,
}

impl ColumnRegistration {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.column)
    }
}

/// A column as it is registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisteredColumn {
    /// OID of the table.
    pub table_oid: u32,
    /// Attribute number.
    pub attnum: i16,
    /// Schema, as stored in the catalog.
    pub schema: String,
    /// Table, as stored in the catalog.
    pub table: String,
    /// Column, as stored in the catalog.
    pub column: String,
    /// The type that clients see.
    pub declared_type: String,
    /// Whose keys it uses.
    pub group: GroupBytes,
    /// Whether values carry an equality term.
    pub equality: bool,
    /// The further search kinds whose terms new values carry.
    pub search: Vec<String>,
}

/// Registers columns that are of type `pyrite.encrypted`, and checks those that are registered already against
/// what is configured. All or nothing.
pub async fn register_columns(
    client: &mut Client,
    keyring: &Keyring,
    columns: &[ColumnRegistration],
) -> Result<(), KeyError> {
    let doing = "register encrypted columns";
    let transaction = begin(client, doing).await?;
    transaction
        .batch_execute("LOCK TABLE pyrite.columns IN SHARE ROW EXCLUSIVE MODE")
        .await
        .map_err(KeyError::database(doing))?;
    follow_catalog(&transaction).await?;
    for column in columns {
        register(&transaction, keyring, column).await?;
    }
    transaction.commit().await.map_err(KeyError::database(doing))
}

/// The registered columns that exist, with the names that they have now.
pub async fn registered_columns(client: &Client) -> Result<Vec<RegisteredColumn>, KeyError> {
    let doing = "read the registered columns";
    let fail = || KeyError::database(doing);
    let rows = client
        .query(
            "SELECT k.oid, a.attnum, n.nspname::pg_catalog.text, k.relname::pg_catalog.text,
                    a.attname::pg_catalog.text, c.declared_type, pg_catalog.uuid_send(c.group_id), c.equality,
                    c.search
             FROM pyrite.columns c
             JOIN pg_catalog.pg_class k ON k.oid OPERATOR(pg_catalog.=) c.relation
             JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) k.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.oid
                  AND NOT a.attisdropped
                  AND CASE WHEN c.relation_oid OPERATOR(pg_catalog.=) k.oid
                           THEN a.attnum OPERATOR(pg_catalog.=) c.attnum
                           ELSE a.attname OPERATOR(pg_catalog.=) c.column_name END
             ORDER BY 3, 4, 2",
            &[],
        )
        .await
        .map_err(fail())?;
    let column = |row: &tokio_postgres::Row| {
        Ok(RegisteredColumn {
            table_oid: row.try_get(0).map_err(fail())?,
            attnum: row.try_get(1).map_err(fail())?,
            schema: row.try_get(2).map_err(fail())?,
            table: row.try_get(3).map_err(fail())?,
            column: row.try_get(4).map_err(fail())?,
            declared_type: row.try_get(5).map_err(fail())?,
            group: bytes16(row, 6)?,
            equality: row.try_get(7).map_err(fail())?,
            search: row.try_get(8).map_err(fail())?,
        })
    };
    rows.iter().map(column).collect()
}

/// Brings the registration in line with what happened to tables since: columns renamed (the attribute number
/// holds), tables restored from a dump (the names hold), columns dropped or no longer encrypted.
async fn follow_catalog(transaction: &Transaction<'_>) -> Result<(), KeyError> {
    transaction
        .batch_execute(
            "UPDATE pyrite.columns c SET attnum = a.attnum, relation_oid = a.attrelid
             FROM pg_attribute a
             WHERE c.relation_oid <> c.relation::oid AND a.attrelid = c.relation
               AND a.attname = c.column_name AND NOT a.attisdropped;
             UPDATE pyrite.columns c SET column_name = a.attname
             FROM pg_attribute a
             WHERE a.attrelid = c.relation AND a.attnum = c.attnum AND NOT a.attisdropped
               AND a.attname <> c.column_name;
             DELETE FROM pyrite.columns c
             WHERE NOT EXISTS (
                 SELECT FROM pg_attribute a
                 WHERE a.attrelid = c.relation AND a.attnum = c.attnum AND NOT a.attisdropped
                   AND a.atttypid = 'pyrite.encrypted'::regtype)",
        )
        .await
        .map_err(KeyError::database("bring pyrite.columns up to date"))
}

async fn register(
    transaction: &Transaction<'_>,
    keyring: &Keyring,
    column: &ColumnRegistration,
) -> Result<(), KeyError> {
    let doing = "register an encrypted column";
    let fail = || KeyError::database(doing);
    let refuse = |message: String, hint: &str| KeyError::Column {
        column: column.name(),
        message,
        hint: hint.to_owned(),
    };
    let group = keyring.group_id(&column.group).ok_or_else(|| {
        refuse(format!("has no keys: group \"{}\" is not in the keyring", column.group), "Restart the proxy.")
    })?;
    let found = transaction
        .query_opt(
            "SELECT k.oid, a.attnum, a.atttypid = 'pyrite.encrypted'::regtype, format_type(a.atttypid, a.atttypmod),
                    c.declared_type, uuid_send(c.group_id), g.name, c.equality, c.search, c.collation_identity, c.order_key
             FROM pg_class k
             JOIN pg_namespace n ON n.oid = k.relnamespace
             JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN (pyrite.columns c JOIN pyrite.groups g ON g.id = c.group_id)
                  ON c.relation = k.oid AND c.attnum = a.attnum
             WHERE n.nspname = $1 AND k.relname = $2 AND a.attname = $3",
            &[&column.schema, &column.table, &column.column],
        )
        .await
        .map_err(fail())?;
    let Some(row) = found else {
        return Err(refuse("does not exist".to_owned(), "Correct the name in the configuration."));
    };
    if !row.try_get::<_, bool>(2).map_err(fail())? {
        let actual: String = row.try_get(3).map_err(fail())?;
        return Err(refuse(
            format!("is not encrypted: its type is {actual}"),
            "Only columns of type pyrite.encrypted can be registered.",
        ));
    }
    let Some(declared) = row.try_get::<_, Option<String>>(4).map_err(fail())? else {
        let table: u32 = row.try_get(0).map_err(fail())?;
        let attnum: i16 = row.try_get(1).map_err(fail())?;
        transaction
            .execute(
                "INSERT INTO pyrite.columns (relation, attnum, relation_oid, column_name, declared_type, group_id, equality)
                 VALUES ($1::oid, $2, $1::oid, $3::text::name, $4, encode($5, 'hex')::uuid, $6)",
                &[&table, &attnum, &column.column, &column.declared_type, &&group[..], &column.equality],
            )
            .await
            .map_err(fail())?;
        return search::note(transaction, keyring, &group, column, (table, attnum), None).await;
    };
    let difference = if declared != column.declared_type {
        Some(format!("was encrypted as {declared}, and is configured as {}", column.declared_type))
    } else if bytes16(&row, 5)? != group {
        let name: String = row.try_get(6).map_err(fail())?;
        Some(format!("uses the keys of group \"{name}\", and is configured for group \"{}\"", column.group))
    } else {
        match (row.try_get::<_, bool>(7).map_err(fail())?, column.equality) {
            (true, false) => Some("has equality terms, and is configured without".to_owned()),
            (false, true) => Some("has no equality terms, and is configured with them".to_owned()),
            _ => None,
        }
    };
    match difference {
        None => {
            let place = (row.try_get(0).map_err(fail())?, row.try_get(1).map_err(fail())?);
            let known = search::Known {
                search: row.try_get(8).map_err(fail())?,
                collation: row.try_get(9).map_err(fail())?,
                order_key: row.try_get(10).map_err(fail())?,
            };
            search::note(transaction, keyring, &group, column, place, Some(known)).await
        }
        Some(message) => Err(refuse(
            message,
            "Configure it as it is, as all proxies must; to change it, its values have to be encrypted anew.",
        )),
    }
}
