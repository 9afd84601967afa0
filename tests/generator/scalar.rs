//! Values and conditions.

use crate::kind::{Family, Kind};
use crate::node::{Constant, Node, clause, list, maybe, text};
use crate::random::Random;
use crate::world::{Column, Secrecy, UNIQUE, World, unique_value};

/// Something that rows come from, under a name; with a column `id`.
#[derive(Clone, Debug)]
pub struct Source {
    pub alias: String,
    pub columns: Vec<Column>,
}

/// The sources that a name can mean.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub sources: Vec<Source>,
    /// Those of the statement around it.
    pub outer: Vec<Source>,
}

/// Makes statements about a world.
pub struct Maker<'w> {
    pub world: &'w World,
    pub random: Random,
    aliases: usize,
}

impl<'w> Maker<'w> {
    pub fn new(world: &'w World, random: Random) -> Maker<'w> {
        Maker { world, random, aliases: 0 }
    }

    pub fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn value_of(&mut self, column: &Column) -> String {
        match column.unique && column.kind == Kind::Text && self.random.chance(80) {
            true => unique_value(self.random.below(UNIQUE)),
            false => column.kind.any_value(column.secrecy.is_secret(), &mut self.random).to_owned(),
        }
    }

    /// A value that a column may have; rarely NULL.
    pub fn constant(&mut self, like: &Column) -> Node {
        let value = if self.random.chance(4) { None } else { Some(self.value_of(like)) };
        self.constant_of(like.kind, value)
    }

    pub fn constant_of(&mut self, kind: Kind, value: Option<String>) -> Node {
        Node::Value(Constant {
            kind,
            text: value,
            array: false,
            param: self.random.chance(70),
            cast: self.random.chance(12),
        })
    }

    pub fn number(&mut self, below: usize) -> Node {
        let number = self.random.below(below).to_string();
        Node::Value(Constant {
            kind: Kind::Int,
            text: Some(number),
            array: false,
            param: self.random.chance(40),
            cast: false,
        })
    }

    /// A column that fits, by its whole name.
    pub fn column(&mut self, scope: &Scope, fits: impl Fn(&Column) -> bool) -> Option<(Node, Column)> {
        let sources =
            if self.random.chance(15) && !scope.outer.is_empty() { &scope.outer } else { &scope.sources };
        let all: Vec<(&Source, &Column)> = sources
            .iter()
            .flat_map(|source| source.columns.iter().map(move |column| (source, column)))
            .filter(|(_, column)| fits(column))
            .collect();
        let (source, column) = self.random.pick(&all)?;
        Some((text(format!("{}.{}", source.alias, column.name)), (*column).clone()))
    }

    /// Any column; a table has at least one.
    pub fn any_column(&mut self, scope: &Scope) -> (Node, Column) {
        self.column(scope, |_| true).unwrap_or_else(|| {
            let alias = scope.sources.first().map(|source| source.alias.clone()).unwrap_or_default();
            (text(format!("{alias}.id")), id_column())
        })
    }

    /// A value of a column's type that can be compared with it and stored in it.
    pub fn scalar(&mut self, like: &Column, scope: &Scope, depth: usize) -> Node {
        // A secret value that stands alone has nothing by which it could be known as one.
        let always = like.secrecy.is_secret();
        let simple = match self.column(scope, |column| is_like(column, like)) {
            Some((column, _)) if always || self.random.chance(85) => column,
            _ if always => return text("NULL"),
            _ => self.constant(like),
        };
        if depth == 0 || self.random.chance(65) {
            return simple;
        }
        let whole = match self.random.below(5) {
            0 => {
                let two =
                    if self.random.chance(50) { self.constant(like) } else { self.scalar(like, scope, 0) };
                let one = self.scalar(like, scope, depth - 1);
                Node::All(vec![text("COALESCE("), list(vec![one, two], ", "), text(")")])
            }
            1 => {
                let value = self.constant(like);
                Node::All(vec![text("NULLIF("), simple.clone(), text(", "), value, text(")")])
            }
            2 => match self.lookup(like, scope) {
                Some(lookup) => lookup,
                None => return simple,
            },
            _ => {
                let condition = self.condition(scope, 0);
                let mut then = self.scalar(like, scope, depth - 1);
                let mut otherwise =
                    if self.random.chance(40) { self.constant(like) } else { self.scalar(like, scope, 0) };
                if self.random.chance(50) {
                    std::mem::swap(&mut then, &mut otherwise);
                }
                Node::All(vec![
                    text("CASE WHEN "),
                    condition,
                    text(" THEN "),
                    then,
                    maybe(Node::All(vec![text(" ELSE "), otherwise])),
                    text(" END"),
                ])
            }
        };
        Node::Either(vec![whole, simple])
    }

    /// A subquery that gives one value.
    fn lookup(&mut self, like: &Column, scope: &Scope) -> Option<Node> {
        let (table, column) = self.any_table_with(|column| is_like(column, like))?;
        let alias = self.alias();
        let by = match (self.random.chance(50), scope.sources.first()) {
            (true, Some(source)) => text(format!("{}.id", source.alias)),
            _ => self.number(12),
        };
        Some(Node::All(vec![
            text(format!("(SELECT {alias}.{} FROM {table} AS {alias} WHERE {alias}.id = ", column.name)),
            by,
            text(")"),
        ]))
    }

    pub fn any_table_with(&mut self, fits: impl Fn(&Column) -> bool) -> Option<(String, Column)> {
        let tables = &self.world.tables;
        let all: Vec<(&str, &Column)> = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| (table.name.as_str(), column)))
            .filter(|(_, column)| fits(column))
            .collect();
        let (table, column) = self.random.pick(&all)?;
        Some(((*table).to_owned(), (*column).clone()))
    }

    /// A condition on the rows of a scope.
    pub fn condition(&mut self, scope: &Scope, depth: usize) -> Node {
        if depth == 0 || self.random.chance(55) {
            return self.predicate(scope, depth);
        }
        let (one, two) = (self.condition(scope, depth - 1), self.condition(scope, depth - 1));
        let parts = |word: &str| {
            let whole =
                Node::All(vec![text("("), one.clone(), text(word.to_owned()), two.clone(), text(")")]);
            Node::Either(vec![whole, one.clone(), two.clone()])
        };
        match self.random.below(7) {
            0..=2 => parts(" AND "),
            3..=5 => parts(" OR "),
            _ => Node::Either(vec![Node::All(vec![text("NOT ("), one.clone(), text(")")]), one]),
        }
    }

    fn predicate(&mut self, scope: &Scope, depth: usize) -> Node {
        let (name, column) = self.any_column(scope);
        if column.secrecy == Secrecy::Derived {
            return self.compare(name, &column);
        }
        match self.random.below(100) {
            0..=33 => self.compare(name, &column),
            34..=38 => self.between(name, &column),
            39..=50 => self.among(name, &column),
            51..=58 => {
                let word = if self.random.chance(60) { " IS NULL" } else { " IS NOT NULL" };
                Node::All(vec![name, text(word)])
            }
            59..=62 => {
                let word = [" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "][self.random.below(2)];
                let value = self.constant(&column);
                Node::All(vec![name, text(word), value])
            }
            63..=72 => self.compare_columns(name, &column, scope),
            73..=78 if depth > 0 => self.exists(name, &column),
            79..=84 if depth > 0 => self.in_subquery(name, &column),
            85..=87 => self.row_comparison(name, &column, scope),
            88..=96 => self.pattern(name, &column),
            _ => match column.kind {
                Kind::Bool => Node::Either(vec![Node::All(vec![text("NOT "), name.clone()]), name]),
                _ => self.compare(name, &column),
            },
        }
    }

    fn operator(&mut self) -> &'static str {
        const ALL: [&str; 12] =
            [" = ", " = ", " = ", " = ", " = ", " = ", " <> ", " <> ", " < ", " <= ", " > ", " >= "];
        ALL[self.random.below(ALL.len())]
    }

    fn compare(&mut self, name: Node, column: &Column) -> Node {
        let (operator, value) = (self.operator(), self.constant(column));
        match self.random.chance(85) {
            true => Node::All(vec![name, text(operator), value]),
            false => Node::All(vec![value, text(operator), name]),
        }
    }

    fn between(&mut self, name: Node, column: &Column) -> Node {
        let word = [" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "][self.random.below(3)];
        let (low, high) = (self.constant(column), self.constant(column));
        Node::All(vec![name, text(word), low, text(" AND "), high])
    }

    fn among(&mut self, name: Node, column: &Column) -> Node {
        if self.random.chance(25) {
            let values: Vec<String> = (0..1 + self.random.below(3))
                .map(|_| self.value_of(column).replace('\\', "\\\\").replace('"', "\\\""))
                .map(|value| format!("\"{value}\""))
                .collect();
            let array = Node::Value(Constant {
                kind: column.kind,
                text: Some(format!("{{{}}}", values.join(","))),
                array: true,
                param: self.random.chance(80),
                cast: self.random.chance(20),
            });
            return Node::All(vec![name, text(" = ANY ("), array, text(")")]);
        }
        let word = if self.random.chance(70) { " IN (" } else { " NOT IN (" };
        let values = (0..1 + self.random.below(3)).map(|_| self.constant(column)).collect();
        Node::All(vec![name, text(word), list(values, ", "), text(")")])
    }

    fn compare_columns(&mut self, name: Node, column: &Column, scope: &Scope) -> Node {
        // Now and then one that must not be compared with it.
        let anything = self.random.chance(4);
        let other = self.column(scope, |other| {
            other.kind.family() == column.kind.family() && (anything || other.secrecy == column.secrecy)
        });
        match other {
            Some((other, _)) => Node::All(vec![name, text(self.operator()), other]),
            None => self.compare(name, column),
        }
    }

    fn exists(&mut self, name: Node, column: &Column) -> Node {
        let Some((table, other)) = self.any_table_with(|other| is_like(other, column)) else {
            return self.compare(name, column);
        };
        let alias = self.alias();
        let inner = Scope {
            sources: vec![Source { alias: alias.clone(), columns: self.columns_of(&table) }],
            outer: Vec::new(),
        };
        let more = self.condition(&inner, 0);
        let word = if self.random.chance(70) { "EXISTS" } else { "NOT EXISTS" };
        Node::All(vec![
            text(format!("{word} (SELECT 1 FROM {table} AS {alias}")),
            Node::List {
                before: " WHERE ".to_owned(),
                items: vec![Node::All(vec![text(format!("{alias}.{} = ", other.name)), name]), more],
                separator: " AND ",
                after: String::new(),
                least: 0,
            },
            text(")"),
        ])
    }

    fn in_subquery(&mut self, name: Node, column: &Column) -> Node {
        let Some((table, other)) = self.any_table_with(|other| {
            other.secrecy == column.secrecy && other.kind.family() == column.kind.family()
        }) else {
            return self.compare(name, column);
        };
        let alias = self.alias();
        let inner = Scope {
            sources: vec![Source { alias: alias.clone(), columns: self.columns_of(&table) }],
            outer: Vec::new(),
        };
        let condition = self.condition(&inner, 0);
        let word = if self.random.chance(70) { "IN" } else { "NOT IN" };
        Node::All(vec![
            name,
            text(format!(" {word} (SELECT {alias}.{} FROM {table} AS {alias}", other.name)),
            clause(" WHERE ", vec![condition], ""),
            text(")"),
        ])
    }

    fn row_comparison(&mut self, name: Node, column: &Column, scope: &Scope) -> Node {
        let (other_name, other) = self.any_column(scope);
        let (one, two) = (self.constant(column), self.constant(&other));
        let operator = self.operator();
        Node::All(vec![
            text("("),
            name,
            text(", "),
            other_name,
            text(")"),
            text(operator),
            text("("),
            one,
            text(", "),
            two,
            text(")"),
        ])
    }

    fn pattern(&mut self, name: Node, column: &Column) -> Node {
        let value = self.value_of(column);
        match column.kind.family() {
            Family::Strings => {
                let start: String = value.chars().take(1 + self.random.below(6)).collect();
                let end: String = value.chars().skip(3).collect();
                let (form, argument) = match self.random.below(8) {
                    0 => (" LIKE ", format!("{start}%")),
                    1 => (" NOT LIKE ", format!("%{end}")),
                    2 => (" ILIKE ", format!("{start}_%")),
                    3 => (" ILIKE ", value),
                    4 => (" ~ ", format!("^{}", start.replace(['(', ')', '[', '?', '+', '*'], "."))),
                    5 => return self.folded(name, value),
                    6 => {
                        let length = self.number(12);
                        return Node::All(vec![text("length("), name, text(") > "), length]);
                    }
                    _ => (" LIKE ", value.replacen('-', "_", 1)),
                };
                let argument = self.constant_of(Kind::Text, Some(argument));
                Node::All(vec![name, text(form), argument])
            }
            Family::Days | Family::Moments => {
                Node::All(vec![text("date_part('year', "), name, text(") = 1987")])
            }
            Family::Numbers => {
                let value = self.constant(column);
                Node::All(vec![name, text(" + 1 > "), value])
            }
            _ => self.compare(name, column),
        }
    }

    fn folded(&mut self, name: Node, value: String) -> Node {
        let function = ["lower", "upper"][self.random.below(2)];
        let value = self.constant_of(Kind::Text, Some(value));
        Node::All(vec![
            text(format!("{function}(")),
            name,
            text(format!(") = {function}(")),
            value,
            text(")"),
        ])
    }

    pub fn columns_of(&self, table: &str) -> Vec<Column> {
        let table = self.world.tables.iter().find(|known| known.name == table);
        table.map(|table| table.columns.clone()).unwrap_or_default()
    }
}

/// The number that each row has.
pub fn id_column() -> Column {
    Column {
        name: "id".to_owned(),
        kind: Kind::Int,
        secrecy: Secrecy::Plain,
        search: Vec::new(),
        unique: true,
    }
}

/// Whether one value can stand for another in every place.
pub fn is_like(one: &Column, other: &Column) -> bool {
    one.kind == other.kind && one.secrecy == other.secrecy
}
