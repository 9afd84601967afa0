//! Statements that write.

use crate::node::{Node, clause, list, maybe, text};
use crate::scalar::{Maker, Scope, Source, is_like};
use crate::world::{Column, Table};

/// Numbers of new rows begin here.
const NEW: usize = 1000;

impl Maker<'_> {
    /// A whole statement that writes, and the table that it writes to.
    pub fn write(&mut self) -> (&'static str, Node, Table) {
        let tables: Vec<Table> = self.world.tables.iter().filter(|table| !table.is_view).cloned().collect();
        let table = tables[self.random.below(tables.len())].clone();
        let (form, node) = match self.random.below(100) {
            0..=29 => ("insert", self.insert(&table)),
            30..=37 => ("insert select", self.insert_select(&table)),
            38..=65 => ("update", self.update(&table)),
            66..=73 => ("update from", self.update_from(&table)),
            74..=87 => ("delete", self.delete(&table)),
            88..=94 => ("with delete", self.moved(&table)),
            _ => ("merge", self.merge(&table)),
        };
        (form, node, table)
    }

    fn scope(&mut self, table: &Table) -> (String, Scope) {
        let alias = self.alias();
        let source = Source { alias: alias.clone(), columns: table.columns.clone() };
        (alias, Scope { sources: vec![source], outer: Vec::new() })
    }

    /// A new row's number, or one that is there.
    fn new_id(&mut self, number: usize) -> usize {
        if self.random.chance(25) { self.random.below(12) } else { NEW + 10 * number + self.random.below(10) }
    }

    fn some_columns(&mut self, table: &Table) -> Vec<Column> {
        let mut columns: Vec<Column> =
            table.columns.iter().filter(|_| self.random.chance(70)).cloned().collect();
        if columns.is_empty() {
            columns.extend(table.columns.first().cloned());
        }
        columns
    }

    fn insert(&mut self, table: &Table) -> Node {
        let columns = self.some_columns(table);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let rows = (0..1 + self.random.below(3))
            .map(|number| {
                let id = self.new_id(number);
                let mut values = vec![text(format!("({id}"))];
                for column in &columns {
                    values.push(text(", "));
                    values.push(match self.random.chance(6) {
                        true => text("DEFAULT"),
                        false => self.constant(column),
                    });
                }
                values.push(text(")"));
                Node::All(values)
            })
            .collect();
        let mut parts = vec![
            text(format!("INSERT INTO {} AS z (id, {}) VALUES ", table.name, names.join(", "))),
            list(rows, ", "),
        ];
        if self.random.chance(35) {
            parts.push(self.on_conflict(table, &columns));
        }
        parts.push(self.returning("z", table));
        Node::All(parts)
    }

    fn on_conflict(&mut self, table: &Table, columns: &[Column]) -> Node {
        let unique = table.columns.iter().find(|column| column.unique && self.random.chance(60));
        let target = unique.map_or("id", |column| column.name.as_str()).to_owned();
        let column = &columns[self.random.below(columns.len())];
        let value = match self.random.below(3) {
            0 => self.constant(column),
            _ => text(format!("EXCLUDED.{}", column.name)),
        };
        match self.random.chance(40) {
            true => maybe(text(format!(" ON CONFLICT ({target}) DO NOTHING"))),
            false => {
                let filter = match self.random.chance(25) {
                    true => vec![text(format!("z.{0} IS DISTINCT FROM EXCLUDED.{0}", column.name))],
                    false => Vec::new(),
                };
                maybe(Node::All(vec![
                    text(format!(" ON CONFLICT ({target}) DO UPDATE SET {} = ", column.name)),
                    value,
                    clause(" WHERE ", filter, ""),
                ]))
            }
        }
    }

    fn returning(&mut self, alias: &str, table: &Table) -> Node {
        if self.random.chance(50) {
            return text("");
        }
        if self.random.chance(30) {
            return maybe(text(" RETURNING *"));
        }
        let scope = Scope {
            sources: vec![Source { alias: alias.to_owned(), columns: table.columns.clone() }],
            outer: Vec::new(),
        };
        let items = (0..1 + self.random.below(2)).map(|number| self.output(&scope, number)).collect();
        clause(" RETURNING ", items, ", ")
    }

    fn insert_select(&mut self, table: &Table) -> Node {
        let from = self.any_table(&[]);
        let (alias, scope) = self.scope(&from);
        let mut pairs = Vec::new();
        for column in &table.columns {
            if let Some(other) = from.columns.iter().find(|other| is_like(other, column)) {
                pairs.push((column.name.clone(), text(format!("{alias}.{}", other.name))));
            } else if self.random.chance(40) {
                let value = self.constant(column);
                pairs.push((column.name.clone(), value));
            }
        }
        let names: String = pairs.iter().map(|(name, _)| format!(", {name}")).collect();
        let mut items = vec![text(format!("{alias}.id + {NEW}"))];
        for (_, item) in pairs {
            items.push(text(", "));
            items.push(item);
        }
        let filter = if self.random.chance(70) { vec![self.condition(&scope, 1)] } else { Vec::new() };
        let returning = if self.random.chance(30) { maybe(text(" RETURNING *")) } else { text("") };
        Node::All(vec![
            text(format!("INSERT INTO {} (id{names}) SELECT ", table.name)),
            Node::All(items),
            text(format!(" FROM {} AS {alias}", from.name)),
            clause(" WHERE ", filter, ""),
            returning,
        ])
    }

    fn assignments(&mut self, table: &Table, scope: &Scope) -> Node {
        let columns = self.some_columns(table);
        let items = columns
            .iter()
            .take(3)
            .map(|column| {
                let value = match self.random.below(10) {
                    0 => text("NULL"),
                    1 => text("DEFAULT"),
                    2..=5 => self.constant(column),
                    _ => self.scalar(column, scope, 1),
                };
                Node::All(vec![text(format!("{} = ", column.name)), value])
            })
            .collect();
        list(items, ", ")
    }

    fn update(&mut self, table: &Table) -> Node {
        let (alias, scope) = self.scope(table);
        let set = self.assignments(table, &scope);
        let condition = self.condition(&scope, 2);
        let returning = self.returning(&alias, table);
        Node::All(vec![
            text(format!("UPDATE {} AS {alias} SET ", table.name)),
            set,
            clause(" WHERE ", vec![condition], ""),
            returning,
        ])
    }

    fn update_from(&mut self, table: &Table) -> Node {
        let other = self.any_table(&[]);
        let ((alias, own), (from, scope)) = (self.scope(table), self.scope(&other));
        let all = Scope { sources: [own.sources, scope.sources].concat(), outer: Vec::new() };
        let set = self.assignments(table, &all);
        let condition = self.condition(&all, 1);
        let returning = self.returning(&alias, table);
        Node::All(vec![
            text(format!("UPDATE {} AS {alias} SET ", table.name)),
            set,
            text(format!(" FROM {} AS {from} WHERE {alias}.id = {from}.id", other.name)),
            clause(" AND ", vec![condition], ""),
            returning,
        ])
    }

    fn delete(&mut self, table: &Table) -> Node {
        let (alias, scope) = self.scope(table);
        let condition = self.condition(&scope, 2);
        let returning = self.returning(&alias, table);
        if self.random.chance(25) {
            let other = self.any_table(&[]);
            let (using, _) = self.scope(&other);
            return Node::All(vec![
                text(format!("DELETE FROM {} AS {alias} USING {} AS {using}", table.name, other.name)),
                text(format!(" WHERE {alias}.id = {using}.id")),
                clause(" AND ", vec![condition], ""),
                returning,
            ]);
        }
        Node::All(vec![
            text(format!("DELETE FROM {} AS {alias}", table.name)),
            clause(" WHERE ", vec![condition], ""),
            returning,
        ])
    }

    /// Rows that are deleted and read in one statement.
    fn moved(&mut self, table: &Table) -> Node {
        let (alias, scope) = self.scope(table);
        let condition = self.condition(&scope, 1);
        let column = &table.columns[self.random.below(table.columns.len())].name;
        Node::All(vec![
            text(format!("WITH gone AS (DELETE FROM {} AS {alias}", table.name)),
            clause(" WHERE ", vec![condition], ""),
            text(format!(" RETURNING {alias}.id, {alias}.{column}) SELECT id, {column} FROM gone")),
        ])
    }

    fn merge(&mut self, table: &Table) -> Node {
        let other = self.any_table(&[]);
        let ((alias, _), (from, scope)) = (self.scope(table), self.scope(&other));
        let column = table.columns[self.random.below(table.columns.len())].clone();
        let value = match self.column(&scope, |other| is_like(other, &column)) {
            Some((name, _)) => name,
            None => self.constant(&column),
        };
        let inserted = self.constant(&column);
        Node::All(vec![
            text(format!(
                "MERGE INTO {} AS {alias} USING {} AS {from} ON {alias}.id = {from}.id",
                table.name, other.name
            )),
            maybe(Node::All(vec![text(format!(" WHEN MATCHED THEN UPDATE SET {} = ", column.name)), value])),
            text(format!(" WHEN NOT MATCHED THEN INSERT (id, {}) VALUES ({from}.id, ", column.name)),
            inserted,
            text(")"),
        ])
    }
}
