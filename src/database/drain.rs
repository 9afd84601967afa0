//! Whether all proxies have gone over to a keyring.

use tokio_postgres::Client;

use super::{LEASE, MARGIN, RefreshError};

/// A proxy that a change of keys has to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id, as in `pyrite.proxies`.
    pub proxy: [u8; 16],
    /// Where it listens.
    pub address: String,
    /// What it has not done yet.
    pub why: String,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "proxy {} {}", self.address, self.why)
    }
}

/// The proxies through which something that was sealed or planned under a keyring older than `counter` can still
/// reach the server. One that has been silent for longer than its lease and the margin seals nothing any more.
pub(super) async fn waiting(client: &Client, counter: u64) -> Result<Vec<Waiting>, RefreshError> {
    let doing = "read pyrite.proxies";
    let wanted = i64::try_from(counter).unwrap_or(i64::MAX);
    let patience = (LEASE + MARGIN).as_secs_f64();
    let rows = client
        .query(
            "SELECT pg_catalog.uuid_send(id), address, counter, drained, note FROM pyrite.proxies
             WHERE drained < $1
               AND seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)
             ORDER BY started_at, id",
            &[&wanted, &patience],
        )
        .await
        .map_err(|e| RefreshError::server(doing, &e))?;
    let field = |e: tokio_postgres::Error| RefreshError::server(doing, &e);
    rows.iter()
        .map(|row| {
            let id: &[u8] = row.try_get(0).map_err(field)?;
            let (uses, drained): (i64, i64) =
                (row.try_get(2).map_err(field)?, row.try_get(3).map_err(field)?);
            let note: Option<String> = row.try_get(4).map_err(field)?;
            let mut why = if uses < wanted {
                format!("still uses keyring {uses}, and {wanted} is needed")
            } else {
                format!("has a statement or portal under way that was sealed under keyring {drained}")
            };
            if let Some(note) = note {
                why = format!("{why} ({note})");
            }
            Ok(Waiting {
                proxy: id.try_into().map_err(|_| RefreshError::silent(doing))?,
                address: row.try_get(1).map_err(field)?,
                why,
            })
        })
        .collect()
}

/// Whether there is a proxy that never said it had gone over to this keyring, and is waited for no longer.
pub(super) async fn passed_over(client: &Client, counter: u64) -> Result<bool, RefreshError> {
    let doing = "read pyrite.proxies";
    let wanted = i64::try_from(counter).unwrap_or(i64::MAX);
    let query = "SELECT EXISTS (SELECT FROM pyrite.proxies WHERE drained < $1)";
    let row = client.query_one(query, &[&wanted]).await.map_err(|e| RefreshError::server(doing, &e))?;
    row.try_get(0).map_err(|e| RefreshError::server(doing, &e))
}

/// The running proxies, other than `own`, that could not open a keyring under this root key.
pub(super) async fn lacking_root(
    client: &Client,
    own: &[u8; 16],
    identity: &[u8; 8],
) -> Result<Vec<String>, RefreshError> {
    let doing = "read pyrite.proxies";
    let rows = client
        .query(
            "SELECT address FROM pyrite.proxies
             WHERE pg_catalog.uuid_send(id) <> $1 AND NOT ($2 = ANY (roots))
               AND seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $3)
             ORDER BY address",
            &[&&own[..], &&identity[..], &(LEASE + MARGIN).as_secs_f64()],
        )
        .await
        .map_err(|e| RefreshError::server(doing, &e))?;
    rows.iter().map(|row| row.try_get(0).map_err(|e| RefreshError::server(doing, &e))).collect()
}
