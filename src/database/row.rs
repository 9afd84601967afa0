//! What a proxy says of itself in `pyrite.proxies` once a second, and what it learns in the same round trip.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::RefreshError;

/// Changes whenever DDL changed something that the catalog query reads. Row versions (xmin) of the catalog tables
/// are enough: DDL writes new ones.
pub(super) const FINGERPRINT: &str = "pg_catalog.concat_ws(',',
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_class WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_attribute WHERE attrelid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_proc WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_namespace),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_inherits),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_constraint WHERE conrelid >= 16384))";

/// Proxies that were killed leave their row behind.
const SWEEP: &str =
    "DELETE FROM pyrite.proxies WHERE seen_at < pg_catalog.clock_timestamp() - interval '1 day';";

/// A proxy's row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub id: [u8; 16],
    pub address: String,
    /// The keyring in use by all new statements; 0 before there is one.
    pub counter: u64,
    /// Nothing older than this is under way.
    pub drained: u64,
    pub sessions: usize,
    /// Fingerprints of the root keys at hand.
    pub roots: Vec<[u8; 8]>,
    /// What is the matter, if something is.
    pub note: Option<String>,
    /// Whether others shall wait for this proxy.
    pub seen: bool,
}

/// What the same round trip tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub counter: u64,
    /// The manifest's seal: no two keyrings with one counter have the same.
    pub seal: String,
    /// Differs when a job was added or went on.
    pub jobs: String,
    /// Of the catalog, if it was asked for.
    pub catalog: Option<String>,
}

impl Row {
    /// Writes the row.
    fn upsert(&self) -> String {
        let roots: Vec<String> = self.roots.iter().map(|root| format!("'\\x{}'::bytea", hex(root))).collect();
        let note = self.note.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        let seen = if self.seen { "EXCLUDED.seen_at" } else { "p.seen_at" };
        format!(
            "INSERT INTO pyrite.proxies AS p (id, address, version, seen_at, counter, drained, sessions, roots, note)
             VALUES ('{}', {}, {}, pg_catalog.clock_timestamp(), {}, {}, {}, ARRAY[{}]::bytea[], {note})
             ON CONFLICT (id) DO UPDATE SET address = EXCLUDED.address, version = EXCLUDED.version,
                seen_at = {seen}, counter = EXCLUDED.counter, drained = EXCLUDED.drained,
                sessions = EXCLUDED.sessions, roots = EXCLUDED.roots, note = EXCLUDED.note",
            hex(&self.id),
            literal(&self.address),
            literal(env!("CARGO_PKG_VERSION")),
            self.counter,
            self.drained,
            self.sessions,
            roots.join(","),
        )
    }

    /// Writes the row before anything else is known, so that no change of keys overlooks a proxy that starts.
    pub(super) async fn announce(&self, client: &Client) -> Result<(), RefreshError> {
        client
            .batch_execute(&self.upsert())
            .await
            .map_err(|e| RefreshError::server("write to pyrite.proxies", &e))
    }

    /// Writes the row and reads the news. `catalog`: whether to look for DDL; `sweep`: whether to remove the rows
    /// of proxies that are long gone.
    pub(super) async fn exchange(
        &self,
        client: &Client,
        catalog: bool,
        sweep: bool,
    ) -> Result<News, RefreshError> {
        let query = format!(
            "{}WITH me AS ({})
             SELECT k.counter, pg_catalog.encode(k.manifest, 'hex'),
                 (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(j.xmin::text::int8))
                  FROM pyrite.jobs j WHERE j.finished_at IS NULL),
                 {}
             FROM pyrite.keyring k",
            if sweep { SWEEP } else { "" },
            self.upsert(),
            if catalog { FINGERPRINT } else { "NULL" },
        );
        let doing = "poll pyrite.keyring";
        let messages = client.simple_query(&query).await.map_err(|e| RefreshError::server(doing, &e))?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.ok_or_else(RefreshError::no_keyring)?;
        let text = |at| row.get(at).map(str::to_owned);
        let news = || {
            let counter = text(0)?.parse().ok()?;
            Some(News { counter, seal: text(1)?, jobs: text(2)?, catalog: text(3) })
        };
        news().ok_or_else(|| RefreshError::silent(doing))
    }
}

/// Takes a proxy's row away.
pub(super) async fn remove(client: &Client, id: &[u8; 16]) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("DELETE FROM pyrite.proxies WHERE id = '{}'", hex(id))).await
}

/// A text as a literal that means the same under all settings.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\0', ""))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(literal(r"it's \ here"), r"E'it\'s \\ here'");
    }

    #[test]
    fn a_proxy_that_is_not_to_be_waited_for_keeps_its_time() {
        let mut row = Row { roots: vec![[1; 8]], ..Row::default() };
        assert!(row.upsert().contains("seen_at = p.seen_at"));
        assert!(row.upsert().contains(r"ARRAY['\x0101010101010101'::bytea]::bytea[]"));
        row.seen = true;
        assert!(row.upsert().contains("seen_at = EXCLUDED.seen_at"));
    }
}
