//! What earlier statements of the same text will have made and dropped when a later one runs.

use std::sync::Arc;

use super::{Catalog, Column, EncryptedColumn, Relation, load};

/// A column as CREATE TABLE declares it: name, and type OID (0 if it is not known).
pub(crate) type Declared = (String, u32);

impl Catalog {
    /// The same with a table that has no OID yet. `columns` is `None` where they cannot be told from the
    /// statement: then no other statement may use the table. Its configured columns are encrypted.
    pub(crate) fn create_provisional(&mut self, schema: &str, name: &str, columns: Option<Vec<Declared>>) {
        let configured = self.configured(schema, name).cloned().unwrap_or_default();
        let mut unusable = columns
            .is_none()
            .then(|| "it is created by the same query: send the statements one by one".to_owned());
        let mut made = Vec::new();
        for (index, (column, type_oid)) in columns.unwrap_or_default().into_iter().enumerate() {
            let attnum = i16::try_from(index + 1).unwrap_or_default();
            let encrypted = configured.get(&column).and_then(|settings| {
                let group = *self.groups.get(&settings.group)?;
                let kinds = load::kinds(settings);
                Some(Arc::new(EncryptedColumn {
                    table_oid: 0,
                    schema: schema.to_owned(),
                    table: name.to_owned(),
                    name: column.clone(),
                    attnum,
                    ty: settings.ty,
                    group: group.id,
                    group_name: settings.group.clone(),
                    equality: settings.equality,
                    order: kinds.order,
                    caseless: kinds.caseless,
                    matching: kinds.matching,
                    // CREATE TABLE brings the constraints with it.
                    complete: kinds,
                    collation: load::collation(&self.collations, settings),
                    slot: group.slot,
                }))
            });
            if configured.contains_key(&column) && encrypted.is_none() {
                unusable = Some("the keyring has no keys for its groups".to_owned());
            }
            made.push(Column { name: column, attnum, type_oid, encrypted, unmanaged: None });
        }
        let relation = Relation {
            oid: 0,
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind: 'r',
            columns: made,
            unusable,
        };
        let index = self.relations.len();
        self.relations.push(relation);
        self.by_name.entry(schema.to_owned()).or_default().insert(name.to_owned(), index);
    }

    /// The same without a table. Its name stays a protected one if it was.
    pub(crate) fn drop_provisional(&mut self, schema: &str, name: &str) {
        let index = self.by_name.get_mut(schema).and_then(|names| names.remove(name));
        // The entry itself stays, as others are found by their place; nothing is to find this one.
        if let Some(relation) = index.and_then(|index| self.relations.get_mut(index)) {
            self.by_oid.remove(&relation.oid);
            relation.columns.clear();
            relation.name.clear();
        }
    }

    /// The same with an index of this name.
    pub(crate) fn take_name(&mut self, schema: &str, name: &str) {
        self.indexes.insert((schema.to_owned(), name.to_owned()));
    }
}
