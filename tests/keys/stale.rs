//! The conditions that a sweep sends to the server, against what it decides for itself.

use std::sync::Arc;

use pyrite::crypto::Envelope;
use pyrite::keys::{Change, KeyPurpose, Keyring, Slot, change, install, load_or_create};
use pyrite::transform::{Goal, Resealed, Resealer, stale_sql, uses_key_sql};
use tokio_postgres::Client;

use super::cluster::{Cluster, names, opened, root, run, sealed};

/// The keyring after each step of a rotation of both kinds of key.
async fn stages(service: &mut Client) -> Vec<Arc<Keyring>> {
    let first = load_or_create(service, &root(1), &names(&["g"])).await.unwrap();
    let (group, purpose) = (first.group_id("g").unwrap(), KeyPurpose::Equality);
    let mut stages = vec![first];
    for round in 0..2 {
        for step in 0..6 {
            let now = stages.last().unwrap().clone();
            let index: Vec<_> = now.index_keys(&group, purpose).map(|key| key.id).collect();
            let data: Vec<_> = now.data_keys(&group).map(|key| key.id).collect();
            let next = match step {
                0 => Change::AddIndex { group, purpose },
                1 => Change::AddData { group },
                2 => Change::SwitchIndex { id: index[round + 1] },
                3 => Change::Promote { id: data[round + 1] },
                4 => Change::Retire { id: index[round] },
                _ => Change::Retire { id: data[round] },
            };
            stages.push(change(service, &root(1), &now, &[next]).await.unwrap());
        }
    }
    stages
}

#[test]
fn the_server_finds_what_the_sweep_would_change() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("stale").await;
        install(&mut service).await.unwrap();
        let stages = stages(&mut service).await;
        let group = stages[0].group_id("g").unwrap();
        service
            .batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (id int, c pyrite.encrypted)")
            .await
            .unwrap();
        service.batch_execute("SET search_path = pg_catalog").await.unwrap();
        let insert = service.prepare("INSERT INTO s.t VALUES ($1, $2::bytea)").await.unwrap();
        service.execute(&insert, &[&-1, &None::<Vec<u8>>]).await.unwrap();
        let mut values = Vec::new();
        for keyring in &stages {
            for (plain, equality) in [(&b""[..], true), (b"v", true), (b"v", false), (b"longer text", false)]
            {
                values.push(sealed(keyring, "g", plain, equality));
                service
                    .execute(&insert, &[&(values.len() as i32 - 1), values.last().unwrap()])
                    .await
                    .unwrap();
            }
        }
        let select = async |condition: &str| -> Vec<i32> {
            let rows = service.query(&format!("SELECT id FROM s.t WHERE {condition} ORDER BY id"), &[]).await;
            rows.unwrap().iter().map(|row| row.get(0)).collect()
        };
        for (n, keyring) in stages.iter().enumerate() {
            let resealer = Resealer::new(keyring.clone());
            for goal in [Goal::DataKey, Goal::IndexTerms] {
                let found = select(&stale_sql(keyring, &group, None, goal, "t.c").unwrap()).await;
                let stale = |n: &usize| !resealer.is_current(&group, None, goal, &values[*n]);
                let expected: Vec<i32> = (0..values.len()).filter(stale).map(|n| n as i32).collect();
                assert_eq!(found, expected, "stage {n}, {goal:?}");
                assert!(found.len() < values.len(), "those of this stage are current");
            }
            for key in keyring.keys() {
                let found = select(&uses_key_sql(key, "c")).await;
                let uses = |n: &usize| {
                    let envelope = Envelope::parse(&values[*n]).unwrap();
                    match key.purpose {
                        KeyPurpose::Data => envelope.data_key() == key.id,
                        _ => Slot::ALL.into_iter().any(|slot| {
                            let term = envelope.term(pyrite::crypto::TermKind::Equality, slot);
                            term.is_some_and(|term| term.key == key.id)
                        }),
                    }
                };
                let expected: Vec<i32> = (0..values.len()).filter(uses).map(|n| n as i32).collect();
                assert_eq!(found, expected, "stage {n}, {key:?}");
            }
        }
    });
}

#[test]
fn arrays_of_envelopes_can_be_swept() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("arrays").await;
        install(&mut service).await.unwrap();
        let stages = stages(&mut service).await;
        let (first, last) = (&stages[0], stages.last().unwrap());
        let group = first.group_id("g").unwrap();
        service.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (c pyrite.encrypted)").await.unwrap();
        for value in [Some(sealed(first, "g", b"one", true)), None, Some(sealed(last, "g", b"two", true))] {
            service.execute("INSERT INTO s.t VALUES ($1::bytea)", &[&value]).await.unwrap();
        }
        service
            .batch_execute(
                "CREATE TABLE s.u AS SELECT array_agg(c) AS c FROM s.t;
                 INSERT INTO s.u SELECT ARRAY[c, c] FROM s.u;
                 SET search_path = pg_catalog",
            )
            .await
            .unwrap();
        let mut resealer = Resealer::new(last.clone());
        for goal in [Goal::DataKey, Goal::IndexTerms] {
            let stale = stale_sql(last, &group, None, goal, "e").unwrap();
            let stale = format!(
                "SELECT array_send(c), ctid::text FROM s.u
                                 WHERE EXISTS (SELECT FROM unnest(c) AS e WHERE {stale})"
            );
            for row in service.query(&stale, &[]).await.unwrap() {
                let mut new = Vec::new();
                let done = resealer.reseal_array(&group, None, goal, row.get(0), &mut new).unwrap();
                assert_eq!(done, Resealed::Changed);
                let update = service.prepare_typed("UPDATE s.u SET c = $1 WHERE ctid::text = $2", &[]);
                let rows =
                    service.execute(&update.await.unwrap(), &[&Raw(new), &row.get::<_, &str>(1)]).await;
                assert_eq!(rows.unwrap(), 1);
            }
            assert!(service.query(&stale, &[]).await.unwrap().is_empty(), "{goal:?}");
        }
        let rows =
            service.query("SELECT array_dims(c), c[1]::bytea, c[1][1]::bytea FROM s.u ORDER BY 1", &[]);
        let rows = rows.await.unwrap();
        let dims: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(dims, ["[1:2][1:3]", "[1:3]"]);
        assert_eq!(opened(last, "g", rows[1].get(1)), b"one");
        assert_eq!(opened(last, "g", rows[0].get(2)), b"one");
    });
}

/// A value in its type's binary format.
#[derive(Debug)]
struct Raw(Vec<u8>);

impl tokio_postgres::types::ToSql for Raw {
    fn to_sql(
        &self,
        _: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(tokio_postgres::types::IsNull::No)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
