//! The further search kinds in `pyrite.columns`, and by whose rules order terms are made.

use tokio_postgres::Transaction;

use super::super::error::KeyError;
use super::super::keyring::{GroupBytes, KeyPurpose, Keyring};
use super::ColumnRegistration;

/// What is registered of a column.
pub(super) struct Known {
    pub(super) search: Vec<String>,
    pub(super) collation: Option<String>,
    /// The order key whose terms were made by that collation.
    pub(super) order_key: Option<Vec<u8>>,
}

/// Writes down the search kinds of a column, table's OID and attribute number at hand.
///
/// # Errors
/// The table demands terms that are not configured, so that no value could be written; or order terms under the same
/// key were made by other rules, and would not compare with those that are made now.
pub(super) async fn note(
    transaction: &Transaction<'_>,
    keyring: &Keyring,
    group: &GroupBytes,
    column: &ColumnRegistration,
    (table, attnum): (u32, i16),
    known: Option<Known>,
) -> Result<(), KeyError> {
    let refuse = |message: String, hint: &str| KeyError::Column {
        column: column.name(),
        message,
        hint: hint.to_owned(),
    };
    if let Some(kind) = column.demanded.iter().find(|kind| !column.search.contains(kind)) {
        return Err(refuse(
            format!("demands {kind} terms of each value, by a constraint, and is configured without"),
            "Add the search kind to the configuration, as all proxies must have it; or drop the constraint, and REPAIR \
             the column to take the terms out of its values.",
        ));
    }
    let key = keyring.primary(group, KeyPurpose::Order).map(|key| key.id.to_bytes().to_vec());
    let old = known.as_ref().and_then(|known| known.collation.as_deref().zip(known.order_key.as_deref()));
    let (collation, order_key) = match (&column.collation, old) {
        (Some(rules), Some((before, under))) if rules != before && Some(under) == key.as_deref() => {
            return Err(refuse(
                format!(
                    "has order terms by the rules of \"{before}\", and they would be made by those of \"{rules}\" now"
                ),
                "The collation of server or proxy is of another version, or another one is configured. Go back to it; \
                 or drop the constraint that demands order terms, ROTATE INDEX KEY while \"order\" is not configured, \
                 configure it again, and REPAIR the column.",
            ));
        }
        (Some(rules), _) => (Some(rules.clone()), key),
        // Values may still have some.
        (None, Some((before, under))) => (Some(before.to_owned()), Some(under.to_vec())),
        (None, None) => (None, None),
    };
    let unchanged = known.as_ref().is_some_and(|known| {
        known.search == column.search && known.collation == collation && known.order_key == order_key
    });
    if unchanged {
        return Ok(());
    }
    transaction
        .execute(
            "UPDATE pyrite.columns SET search = $3, collation_identity = $4, order_key = $5
             WHERE relation = $1::oid AND attnum = $2",
            &[&table, &attnum, &column.search, &collation, &order_key],
        )
        .await
        .map_err(KeyError::database("register search kinds"))?;
    Ok(())
}
