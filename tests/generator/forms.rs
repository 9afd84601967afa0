//! Forms that applications have and the plain grammar has not.

use crate::kind::{Family, Kind};
use crate::node::{Constant, Node, clause, list, maybe, text};
use crate::query::{fixed, ids};
use crate::scalar::{Maker, Scope, Source, is_like};
use crate::world::{Column, Secrecy, Table};

impl Maker<'_> {
    /// One of them, with its name.
    pub fn special(&mut self) -> (&'static str, Node) {
        match self.random.below(11) {
            0 => ("using", self.using()),
            1 | 2 => ("keyset", self.keyset()),
            3 => ("grouping sets", self.grouping_sets()),
            4 => ("json", self.json()),
            5 | 6 => ("correlated", self.correlated()),
            7 => ("unnest", self.unnest()),
            8 => ("values", self.values_list()),
            9 => ("greatest", self.greatest()),
            _ => ("recursive", self.recursive()),
        }
    }

    fn one(&mut self) -> (Table, String, Scope) {
        let (table, alias) = (self.any_table(&[]), self.alias());
        let source = Source { alias: alias.clone(), columns: table.columns.clone() };
        (table, alias, Scope { sources: vec![source], outer: Vec::new() })
    }

    /// A table in which a column of this sort is, and that column.
    fn partner(&mut self, like: &Column) -> Option<(Table, Column)> {
        let all: Vec<(Table, Column)> = self
            .world
            .tables
            .iter()
            .flat_map(|table| table.columns.iter().map(move |column| (table.clone(), column.clone())))
            .filter(|(_, column)| is_like(column, like))
            .collect();
        self.random.pick(&all).cloned()
    }

    /// JOIN … USING, or NATURAL, of two tables that have a name in common.
    fn using(&mut self) -> Node {
        let (first, one, mut scope) = self.one();
        let (second, two) = (self.any_table(&[]), self.alias());
        let shared: Vec<&Column> = first
            .columns
            .iter()
            .filter(|column| {
                let other = second.columns.iter().find(|other| other.name == column.name);
                other.is_some_and(|other| {
                    other.secrecy == column.secrecy && other.kind.family() == column.kind.family()
                })
            })
            .collect();
        let name = self.random.pick(&shared).map_or("id".to_owned(), |column| column.name.clone());
        let word = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"][self.random.below(4)];
        scope.sources.push(Source { alias: two.clone(), columns: second.columns.clone() });
        let items = match self.random.below(3) {
            0 => text("*"),
            1 => text(format!("{name}, {one}.id AS x, {two}.id AS y")),
            _ => {
                let output = self.output(&scope, 0);
                list(vec![text(name.clone()), output], ", ")
            }
        };
        let filter = self.filter(&scope);
        Node::All(vec![
            text("SELECT "),
            items,
            text(format!(" FROM {} AS {one} {word} {} AS {two} USING ({name})", first.name, second.name)),
            filter,
        ])
    }

    /// The next page, behind a row that was seen.
    fn keyset(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let value = self.constant(&column);
        let id = self.number(12);
        let down = self.random.chance(40);
        let (operator, direction) = if down { ("<", " DESC") } else { (">", "") };
        let ties = self.random.chance(20);
        let condition = match ties {
            true => Node::All(vec![name.clone(), text(format!(" {operator}= ")), value]),
            false => Node::All(vec![
                text("("),
                name.clone(),
                text(format!(", {alias}.id) {operator} (")),
                value,
                text(", "),
                id,
                text(")"),
            ]),
        };
        let end = match ties {
            // All that are equal to the last one come too, in any order.
            true => Node::All(vec![text(direction), text(" FETCH FIRST 3 ROWS WITH TIES")]),
            false => Node::All(vec![
                text(format!("{direction}, {alias}.id{direction}")),
                Node::Total,
                maybe(text(" LIMIT 4")),
            ]),
        };
        Node::All(vec![
            text("SELECT "),
            list(vec![text(format!("{alias}.id")), name.clone()], ", "),
            text(format!(" FROM {} AS {alias}", table.name)),
            clause(" WHERE ", vec![condition], ""),
            text(" ORDER BY "),
            name,
            end,
        ])
    }

    fn grouping_sets(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let ((one, _), (two, _)) = (self.any_column(&scope), self.any_column(&scope));
        let how = match self.random.below(5) {
            0 => Node::All(vec![text("CUBE ("), fixed(&[one.clone(), two.clone()]), text(")")]),
            1 => Node::All(vec![
                text("GROUPING SETS (("),
                one.clone(),
                text("), ("),
                two.clone(),
                text("), ())"),
            ]),
            2 => text("1, 2"),
            3 => text("first, second"),
            _ => fixed(&[two.clone(), one.clone()]),
        };
        let filter = self.filter(&scope);
        Node::All(vec![
            text("SELECT "),
            one,
            text(" AS first, "),
            two,
            text(format!(" AS second, count(*), min({alias}.id) FROM {} AS {alias}", table.name)),
            filter,
            text(" GROUP BY "),
            how,
        ])
    }

    fn json(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, _) = self.any_column(&scope);
        let order = format!(" ORDER BY {alias}.id)");
        let item = match self.random.below(5) {
            0 => Node::All(vec![text("json_agg("), name, text(order)]),
            1 => Node::All(vec![text("jsonb_agg("), name, text(order)]),
            2 => text(format!("json_agg({alias}{order}")),
            3 => Node::All(vec![
                text(format!("json_agg(json_build_object('k', {alias}.id, 'v', ")),
                name,
                text(format!("){order}")),
            ]),
            _ => Node::All(vec![text("array_agg(DISTINCT "), name, text(")")]),
        };
        let filter = self.filter(&scope);
        let group = if self.random.chance(30) { format!(" GROUP BY {alias}.id") } else { String::new() };
        Node::All(vec![
            text("SELECT "),
            item,
            text(format!(" FROM {} AS {alias}", table.name)),
            filter,
            maybe(text(group)),
        ])
    }

    /// Subqueries that look at the row around them.
    fn correlated(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let Some((other, partner)) = self.partner(&column) else { return self.json() };
        let (inner, second) = (self.alias(), self.any_table_column(&other));
        let from = format!("FROM {} AS {inner} WHERE {inner}.{} = ", other.name, partner.name);
        let item = match self.random.below(5) {
            0 => Node::All(vec![text(format!("(SELECT count(*) {from}")), name.clone(), text(")")]),
            1 => Node::All(vec![text(format!("(SELECT max({inner}.id) {from}")), name.clone(), text(")")]),
            2 => Node::All(vec![
                text(format!("(SELECT {inner}.{second} {from}")),
                name.clone(),
                text(format!(" ORDER BY {inner}.id LIMIT 1)")),
            ]),
            3 => Node::All(vec![
                text(format!("(SELECT array_agg({inner}.id ORDER BY {inner}.id) {from}")),
                name.clone(),
                text(")"),
            ]),
            _ => Node::All(vec![text(format!("EXISTS (SELECT {from}")), name.clone(), text(")")]),
        };
        let filter = self.filter(&scope);
        if self.random.chance(30) {
            return Node::All(vec![
                text(format!(
                    "SELECT {alias}.id, l.n FROM {} AS {alias}, LATERAL (SELECT count(*) AS n {from}",
                    table.name
                )),
                name,
                text(") AS l"),
                filter,
            ]);
        }
        Node::All(vec![
            text("SELECT "),
            list(vec![text(format!("{alias}.id")), name, item], ", "),
            text(format!(" FROM {} AS {alias}", table.name)),
            filter,
        ])
    }

    fn any_table_column(&mut self, table: &Table) -> String {
        let column = self.random.pick(&table.columns);
        column.map_or("id".to_owned(), |column| column.name.clone())
    }

    /// A list of values as one parameter, to look up or to write.
    fn unnest(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let value = |random: &mut crate::random::Random| {
            let value = column.kind.any_value(column.secrecy.is_secret(), random);
            format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        };
        let values: Vec<String> = (0..1 + self.random.below(4)).map(|_| value(&mut self.random)).collect();
        let array = Node::Value(Constant {
            kind: column.kind,
            text: Some(format!("{{{}}}", values.join(","))),
            array: true,
            param: self.random.chance(80),
            cast: true,
        });
        let (before, after) = match self.random.below(3) {
            0 => (" IN (SELECT unnest(", "))"),
            1 => (" = ANY (", ")"),
            _ => (" <> ALL (", ")"),
        };
        Node::All(vec![
            text("SELECT "),
            list(vec![text(format!("{alias}.id")), name.clone()], ", "),
            text(format!(" FROM {} AS {alias} WHERE ", table.name)),
            name,
            text(before),
            array,
            text(after),
        ])
    }

    /// A join with rows that the statement brings along.
    fn values_list(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let rows: Vec<Node> = (0..1 + self.random.below(3))
            .map(|number| {
                let value = self.constant(&column);
                Node::All(vec![
                    text(format!("({number}, ")),
                    value,
                    text(format!("::{})", column.kind.sql())),
                ])
            })
            .collect();
        Node::All(vec![
            text(format!("SELECT {alias}.id, v.n FROM {} AS {alias} JOIN (VALUES ", table.name)),
            list(rows, ", "),
            text(") AS v (n, x) ON v.x = "),
            name,
        ])
    }

    fn greatest(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let (other, value) = (self.scalar(&column, &scope, 0), self.constant(&column));
        let function = ["GREATEST(", "LEAST(", "COALESCE("][self.random.below(3)];
        let item = Node::All(vec![text(function), list(vec![name, other, value], ", "), text(")")]);
        let filter = self.filter(&scope);
        Node::All(vec![
            text(format!("SELECT {alias}.id, ")),
            item,
            text(format!(" FROM {} AS {alias}", table.name)),
            filter,
            maybe(Node::All(vec![text(format!(" ORDER BY {}", ids(&scope))), Node::Total])),
        ])
    }

    fn recursive(&mut self) -> Node {
        let (table, alias, scope) = self.one();
        let (name, column) = self.any_column(&scope);
        let steps = self.alias();
        let back = match column.secrecy {
            Secrecy::Plain if column.kind == Kind::Text => format!("{steps}.x"),
            _ => format!("{alias}.{}", column.name),
        };
        let more = match column.kind.family() {
            Family::Truths => String::new(),
            _ => format!(" AND {alias}.{} IS NOT NULL", column.name),
        };
        Node::All(vec![
            text(format!("WITH RECURSIVE c (n, x) AS (SELECT {alias}.id, ")),
            name,
            text(format!(
                " FROM {0} AS {alias} WHERE {alias}.id = 0 UNION ALL SELECT {alias}.id, {back} FROM c AS {steps}",
                table.name
            )),
            text(format!(
                " JOIN {0} AS {alias} ON {alias}.id = {steps}.n + 1{more}) SELECT n, x FROM c",
                table.name
            )),
        ])
    }
}
