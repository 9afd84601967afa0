//! What must be in the tables: each acknowledged write, remembered outside of them.
//!
//! A key is *open* while a write of it is under way; between writes it is settled, and every reader must find
//! exactly what is written here. Each change moves the key's stamp, so that a reader knows whether what it compared
//! with held all the time it asked.

use std::collections::{BTreeMap, HashMap};

use crate::random::Random;

/// One of the tables of the workload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Table {
    /// With a primary key.
    Accounts,
    /// Without one; in one key group with `Accounts`.
    Contacts,
    /// Partitioned by region.
    Orders,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 3] = [Table::Accounts, Table::Contacts, Table::Orders];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Accounts => "accounts",
            Table::Contacts => "contacts",
            Table::Orders => "orders",
        }
    }

    /// Its unique encrypted column.
    pub fn value(self) -> &'static str {
        if self == Table::Orders { "token" } else { "email" }
    }

    /// The constraint that keeps that one unique.
    pub fn constraint(self) -> &'static str {
        match self {
            Table::Accounts => "accounts_email_key",
            Table::Contacts => "contacts_email_key",
            Table::Orders => "orders_region_token_key",
        }
    }

    /// The partition that a row belongs to, if there are any.
    pub fn region(self, id: i64) -> Option<i64> {
        (self == Table::Orders).then_some(id % 3)
    }
}

/// A row's name for all time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key {
    pub table: Table,
    pub id: i64,
}

/// What a row holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The unique encrypted value.
    pub value: String,
    /// Another encrypted value, without a term.
    pub note: Option<String>,
    /// Plain; grows with each write.
    pub revision: i64,
}

/// A write, by the rows that it leaves; `None`: no row.
#[derive(Clone, Debug)]
pub struct Change {
    pub key: Key,
    pub to: Option<Row>,
}

/// A write under way.
#[derive(Debug)]
pub struct Open {
    /// What it would leave.
    pub changes: Vec<Change>,
    /// What was there before, in the same order.
    pub before: Vec<Option<Row>>,
}

#[derive(Default)]
struct Entry {
    row: Option<Row>,
    stamp: u64,
    open: bool,
}

/// Who has a value.
#[derive(Clone, Copy, Default)]
struct Holder {
    id: Option<i64>,
    stamp: u64,
    open: bool,
}

/// All rows, and all values that ever were.
#[derive(Default)]
pub struct Ledger {
    entries: BTreeMap<Key, Entry>,
    keys: Vec<Key>,
    holders: HashMap<(Table, String), Holder>,
    values: Vec<(Table, String)>,
}

/// Something that was true when it was asked for.
pub struct Seen<T> {
    pub what: T,
    stamp: u64,
}

impl Ledger {
    /// Begins a write. Its keys must be settled.
    pub fn begin(&mut self, changes: Vec<Change>) -> Open {
        let mut before = Vec::new();
        for change in &changes {
            let entry = self.entries.entry(change.key).or_insert_with(|| {
                self.keys.push(change.key);
                Entry::default()
            });
            assert!(!entry.open, "{:?} is written by two", change.key);
            entry.open = true;
            entry.stamp += 1;
            before.push(entry.row.clone());
            let values = entry.row.iter().chain(&change.to).map(|row| row.value.clone()).collect::<Vec<_>>();
            values
                .into_iter()
                .for_each(|value| self.touch(change.key.table, value, |holder| holder.open = true));
        }
        Open { changes, before }
    }

    /// Ends a write: it happened, or it did not.
    pub fn settle(&mut self, open: Open, happened: bool) {
        for (change, before) in open.changes.into_iter().zip(open.before) {
            let Key { table, id } = change.key;
            for row in before.iter().chain(&change.to) {
                // No other write has to do with this value: each belongs to one writer.
                self.touch(table, row.value.clone(), |holder| (holder.id, holder.open) = (None, false));
            }
            let row = if happened { change.to } else { before };
            if let Some(row) = &row {
                self.touch(table, row.value.clone(), |holder| holder.id = Some(id));
            }
            if let Some(entry) = self.entries.get_mut(&change.key) {
                entry.row = row;
                entry.open = false;
                entry.stamp += 1;
            }
        }
    }

    fn touch(&mut self, table: Table, value: String, change: impl FnOnce(&mut Holder)) {
        let holder = self.holders.entry((table, value.clone())).or_insert_with(|| {
            self.values.push((table, value));
            Holder::default()
        });
        holder.stamp += 1;
        change(holder);
    }

    /// The row of this key, if it is settled.
    pub fn row(&self, key: Key) -> Option<Seen<Option<Row>>> {
        match self.entries.get(&key) {
            None => Some(Seen { what: None, stamp: 0 }),
            Some(entry) if entry.open => None,
            Some(entry) => Some(Seen { what: entry.row.clone(), stamp: entry.stamp }),
        }
    }

    /// Some settled row of a table.
    pub fn any_row(&self, random: &mut Random, table: Table) -> Option<(Key, Seen<Row>)> {
        (0..20).find_map(|_| {
            let key = *random.pick(&self.keys)?;
            let entry = self.entries.get(&key).filter(|entry| !entry.open && key.table == table)?;
            Some((key, Seen { what: entry.row.clone()?, stamp: entry.stamp }))
        })
    }

    /// Some value that no row has.
    pub fn any_absent(&self, random: &mut Random, table: Table) -> Option<(String, Seen<()>)> {
        (0..20).find_map(|_| {
            let name = random.pick(&self.values).filter(|name| name.0 == table)?;
            let holder = self.holders.get(name).filter(|holder| !holder.open && holder.id.is_none())?;
            Some((name.1.clone(), Seen { what: (), stamp: holder.stamp }))
        })
    }

    /// The row that has a value, if that is settled.
    pub fn holder(&self, table: Table, value: &str) -> Option<Seen<Option<i64>>> {
        match self.holders.get(&(table, value.to_owned())) {
            None => Some(Seen { what: None, stamp: 0 }),
            Some(holder) if holder.open => None,
            Some(holder) => Some(Seen { what: holder.id, stamp: holder.stamp }),
        }
    }

    /// Whether no write has had to do with the value since.
    pub fn still_held<T>(&self, table: Table, value: &str, seen: &Seen<T>) -> bool {
        let holder = self.holders.get(&(table, value.to_owned()));
        holder.map_or(seen.stamp == 0, |holder| !holder.open && holder.stamp == seen.stamp)
    }

    /// Whether the table never had the value. One that it had may be brought back by whoever tries a duplicate.
    pub fn is_new(&self, table: Table, value: &str) -> bool {
        !self.holders.contains_key(&(table, value.to_owned()))
    }

    /// Whether a value is free to be used again.
    pub fn is_absent(&self, table: Table, value: &str) -> bool {
        let holder = self.holders.get(&(table, value.to_owned()));
        holder.is_none_or(|holder| !holder.open && holder.id.is_none())
    }

    /// Whether the row has not changed since, and is not about to.
    pub fn still<T>(&self, key: Key, seen: &Seen<T>) -> bool {
        self.entries.get(&key).map_or(seen.stamp == 0, |entry| !entry.open && entry.stamp == seen.stamp)
    }

    /// The rows that a table must have now. Nothing is being written any more.
    pub fn rows(&self, table: Table) -> BTreeMap<i64, Row> {
        assert!(self.entries.values().all(|entry| !entry.open), "a write was never settled");
        let of_table = self.entries.iter().filter(|(key, _)| key.table == table);
        of_table.filter_map(|(key, entry)| Some((key.id, entry.row.clone()?))).collect()
    }

    /// Values that a table had once and has no more.
    pub fn gone(&self, table: Table) -> Vec<String> {
        let gone = self.holders.iter().filter(|((of, _), holder)| *of == table && holder.id.is_none());
        gone.map(|((_, value), _)| value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { table: Table::Accounts, id: 1 };

    fn row(value: &str) -> Option<Row> {
        Some(Row { value: value.to_owned(), note: None, revision: 1 })
    }

    fn change(to: Option<Row>) -> Vec<Change> {
        vec![Change { key: KEY, to }]
    }

    #[test]
    fn what_is_open_is_not_compared_with() {
        let mut ledger = Ledger::default();
        let nothing = ledger.row(KEY).expect("settled");
        assert!(nothing.what.is_none() && ledger.still(KEY, &nothing));
        let open = ledger.begin(change(row("a")));
        assert!(
            ledger.row(KEY).is_none()
                && !ledger.still(KEY, &nothing)
                && !ledger.is_absent(Table::Accounts, "a")
        );
        ledger.settle(open, true);
        let seen = ledger.row(KEY).expect("settled");
        assert_eq!(seen.what, row("a"));
        let open = ledger.begin(change(row("b")));
        ledger.settle(open, false);
        assert!(!ledger.still(KEY, &seen), "it could have been seen in between");
        assert_eq!(ledger.row(KEY).expect("settled").what, row("a"));
        assert!(ledger.is_absent(Table::Accounts, "b") && !ledger.is_absent(Table::Accounts, "a"));
        let open = ledger.begin(change(None));
        ledger.settle(open, true);
        assert!(ledger.is_absent(Table::Accounts, "a") && ledger.rows(Table::Accounts).is_empty());
        assert_eq!(ledger.gone(Table::Accounts).len(), 2);
    }
}
