//! Statements that read.

use crate::kind::Family;
use crate::node::{Node, clause, list, maybe, text};
use crate::scalar::{Maker, Scope, Source, is_like};
use crate::world::{Column, Secrecy, Table};

impl Maker<'_> {
    /// A whole statement that reads.
    pub fn select(&mut self) -> (&'static str, Node) {
        let (with, tables) = self.with();
        let (form, body) = match self.random.below(100) {
            0..=38 => ("select", self.plain(&tables)),
            39..=53 => ("group by", self.grouped(&tables)),
            54..=63 => ("distinct", self.distinct(&tables)),
            64..=73 => ("set operation", self.set_operation()),
            74..=80 => ("window", self.windows(&tables)),
            81..=94 => return self.special(),
            _ => ("whole rows", self.whole_rows(&tables)),
        };
        (form, Node::All(vec![with, body]))
    }

    /// WITH, and what can be read besides tables because of it.
    fn with(&mut self) -> (Node, Vec<Table>) {
        if !self.random.chance(18) {
            return (text(""), Vec::new());
        }
        let (mut parts, mut tables) = (Vec::new(), Vec::new());
        for number in 0..1 + self.random.below(2) {
            let name = format!("c{number}");
            let (rows, columns) = self.rows();
            let how = ["", "MATERIALIZED ", "NOT MATERIALIZED "][self.random.below(3)];
            parts.push(Node::All(vec![text(format!("{name} AS {how}(")), rows, text(")")]));
            tables.push(Table { name, columns, is_view: true });
        }
        let with = Node::List {
            before: "WITH ".to_owned(),
            items: parts,
            separator: ", ",
            after: " ".to_owned(),
            least: 0,
        };
        (with, tables)
    }

    /// A subquery over one table, with `id`.
    pub fn rows(&mut self) -> (Node, Vec<Column>) {
        let table = self.any_table(&[]);
        let alias = self.alias();
        let scope = Scope {
            sources: vec![Source { alias: alias.clone(), columns: table.columns.clone() }],
            outer: Vec::new(),
        };
        let (mut items, mut columns) = (vec![text(format!("{alias}.id"))], Vec::new());
        for (number, column) in table.columns.iter().enumerate() {
            let bare = text(format!("{alias}.{}", column.name));
            let named = format!("s{number}");
            let mut column = Column { unique: false, ..column.clone() };
            let item = match self.random.below(100) {
                0..=19 => continue,
                20..=74 => bare,
                75..=81 => {
                    column.name = named.clone();
                    Node::All(vec![bare, text(format!(" AS {named}"))])
                }
                82..=94 => {
                    column.name = named.clone();
                    let value = self.scalar(&column, &scope, 1);
                    Node::All(vec![value, text(format!(" AS {named}"))])
                }
                _ if column.kind.family() == Family::Strings => {
                    column.name = named.clone();
                    if column.secrecy.is_secret() {
                        column.secrecy = Secrecy::Derived;
                    }
                    Node::All(vec![text("lower("), bare, text(format!(") AS {named}"))])
                }
                _ => bare,
            };
            items.push(item);
            columns.push(column);
        }
        let filter = if self.random.chance(40) { vec![self.condition(&scope, 1)] } else { Vec::new() };
        let rows = Node::All(vec![
            text("SELECT "),
            list(items, ", "),
            text(format!(" FROM {} AS {alias}", table.name)),
            clause(" WHERE ", filter, ""),
        ]);
        (rows, columns)
    }

    pub fn any_table(&mut self, more: &[Table]) -> Table {
        if !more.is_empty() && self.random.chance(60) {
            return more[self.random.below(more.len())].clone();
        }
        let tables = &self.world.tables;
        tables[self.random.below(tables.len())].clone()
    }

    fn source_item(&mut self, more: &[Table], derived: bool) -> (Node, Source) {
        let alias = self.alias();
        if derived && self.random.chance(14) {
            let (rows, columns) = self.rows();
            let item = Node::All(vec![text("("), rows, text(format!(") AS {alias}"))]);
            return (item, Source { alias, columns });
        }
        let table = self.any_table(more);
        (text(format!("{} AS {alias}", table.name)), Source { alias, columns: table.columns })
    }

    /// FROM, with everything that can be named behind it.
    pub fn from(&mut self, more: &[Table]) -> (Node, Scope) {
        let (first, source) = self.source_item(more, true);
        let mut scope = Scope { sources: vec![source], outer: Vec::new() };
        let count = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2][self.random.below(10)];
        let mut joins = Vec::new();
        for number in 0..count {
            let (item, source) = self.source_item(more, true);
            let words = [" JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", ", LATERAL "];
            let word = words[self.random.below(if number == 0 { words.len() } else { 3 })];
            let lateral = word.ends_with("LATERAL ");
            let condition = if lateral { text("") } else { self.join_condition(&scope, &source, number > 0) };
            let item = joined(item, word);
            let on = if lateral { text("") } else { text(" ON ") };
            joins.push(Node::All(vec![item, on, condition]));
            scope.sources.push(source);
        }
        let joins =
            Node::List { before: String::new(), items: joins, separator: "", after: String::new(), least: 0 };
        (Node::All(vec![text(" FROM "), first, joins]), scope)
    }

    fn join_condition(&mut self, scope: &Scope, source: &Source, by_id: bool) -> Node {
        let other = scope.sources[self.random.below(scope.sources.len())].clone();
        let ids = text(format!("{}.id = {}.id", other.alias, source.alias));
        let pairs: Vec<(&Column, &Column)> = other
            .columns
            .iter()
            .flat_map(|one| source.columns.iter().map(move |two| (one, two)))
            .filter(|(one, two)| {
                one.secrecy == two.secrecy
                    && one.secrecy != Secrecy::Derived
                    && one.kind.family() == two.kind.family()
            })
            .collect();
        let Some((one, two)) = self.random.pick(&pairs).filter(|_| !by_id) else { return ids };
        let values = text(format!("{}.{} = {}.{}", other.alias, one.name, source.alias, two.name));
        Node::Either(vec![values, ids])
    }

    pub fn filter(&mut self, scope: &Scope) -> Node {
        let conditions = if self.random.chance(65) { vec![self.condition(scope, 2)] } else { Vec::new() };
        clause(" WHERE ", conditions, "")
    }

    fn plain(&mut self, more: &[Table]) -> Node {
        let (from, scope) = self.from(more);
        let items = (0..1 + self.random.below(4)).map(|n| self.output(&scope, n)).collect();
        let filter = self.filter(&scope);
        let order = self.order(&scope);
        Node::All(vec![text("SELECT "), list(items, ", "), from, filter, order])
    }

    /// Something that is shown.
    pub fn output(&mut self, scope: &Scope, number: usize) -> Node {
        let (name, column) = self.any_column(scope);
        let item = match self.random.below(100) {
            0..=61 => name,
            62..=74 if column.secrecy != Secrecy::Derived => self.scalar(&column, scope, 2),
            75..=86 => Node::Either(vec![self.function(name.clone(), &column), name]),
            87..=90 => Node::All(vec![name, text("::text")]),
            91..=95 => text(format!("{}.id", scope.sources[0].alias)),
            _ => {
                let condition = self.condition(scope, 1);
                Node::All(vec![text("("), condition, text(")")])
            }
        };
        match self.random.chance(20) {
            true => Node::All(vec![item, text(format!(" AS x{number}"))]),
            false => item,
        }
    }

    fn function(&mut self, name: Node, column: &Column) -> Node {
        let forms: &[(&str, &str)] = match column.kind.family() {
            Family::Strings => &[
                ("lower(", ")"),
                ("upper(", ")"),
                ("length(", ")"),
                ("", " || '-tail'"),
                ("substring(", " FROM 2 FOR 3)"),
                ("left(", ", 2)"),
                ("btrim(", ")"),
            ],
            Family::Numbers => &[("", " + 1"), ("", " * 2"), ("abs(", ")"), ("- ", ""), ("round(", ")")],
            Family::Days => &[
                ("extract(year FROM ", ")"),
                ("", " + 1"),
                ("to_char(", ", 'YYYY-MM')"),
                ("date_trunc('month', ", ")"),
            ],
            Family::Moments => &[("date_trunc('hour', ", ")"), ("extract(month FROM ", ")"), ("", "::date")],
            Family::Instants => &[("date_trunc('day', ", ")"), ("extract(hour FROM ", ")")],
            Family::Truths => &[("NOT ", ""), ("", "::int")],
            Family::Names => &[("", "::text"), ("upper(", "::text)")],
        };
        let (before, after) = forms[self.random.below(forms.len())];
        Node::All(vec![text(before), name, text(after)])
    }

    /// ORDER BY with the numbers of the rows at its end, so that there is one order only; and how many of them.
    fn order(&mut self, scope: &Scope) -> Node {
        if self.random.chance(50) {
            return text("");
        }
        let count = [0, 1, 1, 1, 2][self.random.below(5)];
        let keys = (0..count)
            .map(|_| {
                let (name, _) = self.any_column(scope);
                let how = ["", "", " DESC", " ASC NULLS FIRST", " DESC NULLS LAST"][self.random.below(5)];
                Node::All(vec![name, text(how)])
            })
            .collect();
        let keys = Node::List {
            before: String::new(),
            items: keys,
            separator: ", ",
            after: ", ".to_owned(),
            least: 0,
        };
        let limit = self.limit();
        maybe(Node::All(vec![text(" ORDER BY "), keys, text(ids(scope)), Node::Total, limit]))
    }

    fn limit(&mut self) -> Node {
        let number = self.number(9);
        match self.random.below(6) {
            0 | 1 => maybe(Node::All(vec![text(" LIMIT "), number])),
            2 => {
                let offset = self.number(4);
                maybe(Node::All(vec![text(" LIMIT "), number, text(" OFFSET "), offset]))
            }
            3 => maybe(text(" FETCH FIRST 3 ROWS ONLY")),
            _ => text(""),
        }
    }

    fn aggregate(&mut self, scope: &Scope) -> Node {
        let (name, column) = self.any_column(scope);
        let strings = column.kind.family() == Family::Strings;
        match self.random.below(10) {
            0 | 1 => text("count(*)"),
            2 => Node::All(vec![text("count("), name, text(")")]),
            3 => Node::All(vec![text("count(DISTINCT "), name, text(")")]),
            4 => Node::All(vec![text("min("), name, text(")")]),
            5 => Node::All(vec![text("max("), name, text(")")]),
            6 => Node::All(vec![text("array_agg("), name, text(format!(" ORDER BY {})", ids(scope)))]),
            7 if strings => {
                Node::All(vec![text("string_agg("), name, text(format!(", ',' ORDER BY {})", ids(scope)))])
            }
            8 if column.kind.family() == Family::Numbers => Node::All(vec![text("sum("), name, text(")")]),
            _ => {
                let condition = self.condition(scope, 0);
                Node::All(vec![text("count(*) FILTER (WHERE "), condition, text(")")])
            }
        }
    }

    fn grouped(&mut self, more: &[Table]) -> Node {
        let (from, scope) = self.from(more);
        let mut keys: Vec<Node> = Vec::new();
        for _ in 0..[0, 1, 1, 1, 2][self.random.below(5)] {
            keys.push(self.any_column(&scope).0);
        }
        let mut items = keys.clone();
        items.extend((0..1 + self.random.below(2)).map(|_| self.aggregate(&scope)));
        let filter = self.filter(&scope);
        let having = match self.random.chance(25) {
            true => {
                let aggregate = self.aggregate(&scope);
                vec![match self.random.chance(70) {
                    true => text("count(*) > 1"),
                    false => Node::All(vec![aggregate, text(" IS NOT NULL")]),
                }]
            }
            false => Vec::new(),
        };
        let rollup = !keys.is_empty() && self.random.chance(10);
        let order = match self.random.chance(40) && !keys.is_empty() && !rollup {
            true => {
                let limit = self.limit();
                maybe(Node::All(vec![text(" ORDER BY "), fixed(&keys), Node::Total, limit]))
            }
            false => text(""),
        };
        let group = match (keys.is_empty(), rollup) {
            (true, _) => text(""),
            (false, true) => Node::All(vec![text(" GROUP BY ROLLUP ("), fixed(&keys), text(")")]),
            (false, false) => Node::All(vec![text(" GROUP BY "), fixed(&keys)]),
        };
        Node::All(vec![
            text("SELECT "),
            list(items, ", "),
            from,
            filter,
            group,
            clause(" HAVING ", having, ""),
            order,
        ])
    }

    fn distinct(&mut self, more: &[Table]) -> Node {
        let (from, scope) = self.from(more);
        let filter = self.filter(&scope);
        if self.random.chance(25) {
            let (key, _) = self.any_column(&scope);
            let output = self.output(&scope, 0);
            let order = Node::All(vec![
                text(" ORDER BY "),
                key.clone(),
                text(format!(", {}", ids(&scope))),
                Node::Total,
            ]);
            return Node::All(vec![
                text("SELECT DISTINCT ON ("),
                key.clone(),
                text(") "),
                list(vec![key, output], ", "),
                from,
                filter,
                order,
            ]);
        }
        let items: Vec<Node> = (0..1 + self.random.below(2)).map(|_| self.any_column(&scope).0).collect();
        let order = match self.random.chance(40) {
            true => {
                let limit = self.limit();
                maybe(Node::All(vec![text(" ORDER BY "), ordinals(items.len()), Node::Total, limit]))
            }
            false => text(""),
        };
        Node::All(vec![text("SELECT DISTINCT "), fixed(&items), from, filter, order])
    }

    fn set_operation(&mut self) -> Node {
        let first = self.any_table(&[]);
        let mut columns: Vec<Column> = first.columns.clone();
        while columns.len() > 2 || columns.len() > 1 && self.random.chance(50) {
            columns.remove(self.random.below(columns.len()));
        }
        let mut arms = vec![self.arm(&first, &columns)];
        let second: Vec<Table> = self
            .world
            .tables
            .iter()
            .filter(|table| {
                columns.iter().all(|column| table.columns.iter().any(|other| is_like(other, column)))
            })
            .cloned()
            .collect();
        let second = self.random.pick(&second).cloned().unwrap_or(first);
        let partners: Vec<Column> = columns
            .iter()
            .map(|column| {
                let found = second.columns.iter().find(|other| is_like(other, column));
                found.cloned().unwrap_or_else(|| column.clone())
            })
            .collect();
        arms.push(self.arm(&second, &partners));
        let words = [" UNION ", " UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ", " EXCEPT ALL "];
        let word = words[self.random.below(words.len())];
        let order = match self.random.chance(35) {
            true => {
                let limit = self.limit();
                maybe(Node::All(vec![text(" ORDER BY "), ordinals(columns.len()), Node::Total, limit]))
            }
            false => text(""),
        };
        Node::All(vec![list(arms, word), order])
    }

    fn arm(&mut self, table: &Table, columns: &[Column]) -> Node {
        let alias = self.alias();
        let scope = Scope {
            sources: vec![Source { alias: alias.clone(), columns: table.columns.clone() }],
            outer: Vec::new(),
        };
        let items: Vec<Node> =
            columns.iter().map(|column| text(format!("{alias}.{}", column.name))).collect();
        let filter = self.filter(&scope);
        Node::All(vec![
            text("SELECT "),
            fixed(&items),
            text(format!(" FROM {} AS {alias}", table.name)),
            filter,
        ])
    }

    fn windows(&mut self, more: &[Table]) -> Node {
        let (from, scope) = self.from(more);
        let mut items = vec![text(ids(&scope))];
        for _ in 0..1 + self.random.below(2) {
            let ((one, _), (two, _)) = (self.any_column(&scope), self.any_column(&scope));
            let order = ids(&scope);
            items.push(match self.random.below(6) {
                0 => Node::All(vec![
                    text("row_number() OVER (PARTITION BY "),
                    one,
                    text(format!(" ORDER BY {order})")),
                ]),
                1 => Node::All(vec![text("lag("), one, text(format!(") OVER (ORDER BY {order})"))]),
                2 => Node::All(vec![text("count(*) OVER (PARTITION BY "), one, text(")")]),
                3 => Node::All(vec![text("rank() OVER (ORDER BY "), one, text(")")]),
                4 => Node::All(vec![text("max("), one, text(") OVER (PARTITION BY "), two, text(")")]),
                _ => Node::All(vec![
                    text("first_value("),
                    one,
                    text(") OVER (PARTITION BY "),
                    two,
                    text(format!(" ORDER BY {order})")),
                ]),
            });
        }
        let filter = self.filter(&scope);
        Node::All(vec![text("SELECT "), list(items, ", "), from, filter])
    }

    fn whole_rows(&mut self, more: &[Table]) -> Node {
        let (from, scope) = self.from(more);
        let alias = scope.sources[0].alias.clone();
        let forms = [
            "*".to_owned(),
            format!("{alias}.*"),
            alias.clone(),
            format!("row_to_json({alias})"),
            format!("to_jsonb({alias})"),
        ];
        let item = forms[[0, 0, 1, 1, 2, 3, 4][self.random.below(7)]].clone();
        let filter = self.filter(&scope);
        let order = self.order(&scope);
        Node::All(vec![text(format!("SELECT {item}")), from, filter, order])
    }
}

/// Behind a word that joins; LATERAL goes without a plain table's name.
fn joined(item: Node, word: &str) -> Node {
    let word = match (word, &item) {
        (", LATERAL ", Node::Text(_)) => ", ",
        (word, _) => word,
    };
    Node::All(vec![text(word), item])
}

/// The numbers of a row's parts, which are another row's in no other row.
pub fn ids(scope: &Scope) -> String {
    let ids: Vec<String> = scope.sources.iter().map(|source| format!("{}.id", source.alias)).collect();
    ids.join(", ")
}

fn ordinals(count: usize) -> Node {
    let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    text(numbers.join(", "))
}

/// Parts that belong together: none may go.
pub fn fixed(items: &[Node]) -> Node {
    let (items, least) = (items.to_vec(), items.len());
    Node::List { before: String::new(), items, separator: ", ", after: String::new(), least }
}
