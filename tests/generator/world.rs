//! A random schema: tables and views, with what the configuration says of their columns, and their rows.

use crate::kind::{Kind, canaries};
use crate::random::Random;
use crate::support::canary::Canary;

/// What a value is allowed to be compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrecy {
    /// Not encrypted.
    Plain,
    /// Encrypted under the keys of this group.
    Group(usize),
    /// Made of an encrypted value.
    Derived,
}

impl Secrecy {
    pub fn is_secret(self) -> bool {
        self != Secrecy::Plain
    }
}

/// A column of a table, a view or a subquery.
#[derive(Clone, Debug)]
pub struct Column {
    /// Quoted, where it has to be.
    pub name: String,
    pub kind: Kind,
    pub secrecy: Secrecy,
    /// What the configuration lets it be searched by.
    pub search: Vec<&'static str>,
    pub unique: bool,
}

/// A table or a view. Each has a column `id`, plain and unique, besides these.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub is_view: bool,
}

/// All that statements can be about.
pub struct World {
    pub tables: Vec<Table>,
    /// For both sides, in this order.
    pub setup: Vec<String>,
    /// Of Pyrite, with DATABASE for the database's name.
    pub config: String,
    pub canaries: Vec<Canary>,
    /// How the database is created.
    pub locale: String,
}

/// Rows of a table at first.
const ROWS: usize = 10;
/// Values of a unique column.
pub const UNIQUE: usize = 24;

/// A value of a unique column.
pub fn unique_value(number: usize) -> String {
    format!("Only-Once-{number:03}")
}

const NAMES: [&str; 4] = ["accounts", "\"order\"", "items", "\"Log Entry\""];

impl World {
    /// `kinds`: the kinds of search that there are; `locales`: others than by bytes.
    pub fn new(random: &mut Random, kinds: &[&'static str], locales: &[String]) -> World {
        let mut world = World {
            tables: Vec::new(),
            setup: Vec::new(),
            config: String::new(),
            canaries: canaries(),
            locale: String::new(),
        };
        if random.chance(45) {
            world.locale = random.pick(locales).cloned().unwrap_or_default();
        }
        world.canaries.extend((0..UNIQUE).map(|n| Canary::Text(unique_value(n))));
        for number in 0..3 + random.below(2) {
            let table = table(random, number, kinds);
            world.create(&table);
            world.fill(random, &table);
            world.tables.push(table);
        }
        for number in 0..2 {
            world.add_view(random, number);
        }
        world
    }

    fn create(&mut self, table: &Table) {
        let unique = |column: &Column| if column.unique { " UNIQUE" } else { "" };
        let columns = table.columns.iter();
        let columns = columns
            .map(|column| format!(", {} {}{}", column.name, column.kind.sql(), unique(column)))
            .collect::<String>();
        self.setup.push(format!("CREATE TABLE {} (id integer PRIMARY KEY{columns})", table.name));
        let secret: Vec<&Column> = table.columns.iter().filter(|column| column.secrecy.is_secret()).collect();
        if secret.is_empty() {
            return;
        }
        let quoted = |name: &str| name.replace('"', "\\\"");
        self.config.push_str(&format!("\n[databases.DATABASE.tables.\"public.{}\"]\n", quoted(&table.name)));
        for column in secret {
            let group = match column.secrecy {
                Secrecy::Group(group) => format!(", group = \"g{group}\""),
                _ => String::new(),
            };
            let search = match column.search.is_empty() {
                true => String::new(),
                false => format!(", search = {:?}", column.search),
            };
            self.config.push_str(&format!(
                "'{}' = {{ type = \"{}\"{search}{group} }}\n",
                column.name,
                column.kind.sql()
            ));
        }
    }

    fn fill(&mut self, random: &mut Random, table: &Table) {
        for id in 0..ROWS + random.below(4) {
            let value = |column: &Column, random: &mut Random| match (column.unique, random.chance(22)) {
                (true, false) => format!("'{}'", unique_value(id)),
                (_, true) => "NULL".to_owned(),
                _ => {
                    let value = column.kind.any_value(column.secrecy.is_secret(), random);
                    format!("'{}'", value.replace('\'', "''"))
                }
            };
            let values: Vec<String> = table.columns.iter().map(|column| value(column, random)).collect();
            self.setup.push(format!("INSERT INTO {} VALUES ({id}, {})", table.name, values.join(", ")));
        }
    }

    /// Of some columns of a table, with its own names for them.
    fn add_view(&mut self, random: &mut Random, number: usize) {
        let Some(of) = random.pick(&self.tables).filter(|table| !table.is_view).cloned() else { return };
        let mut columns: Vec<Column> = of.columns.iter().filter(|_| random.chance(70)).cloned().collect();
        if columns.is_empty() {
            columns.extend(of.columns.first().cloned());
        }
        let renamed = random.chance(40);
        let items: Vec<String> = columns
            .iter_mut()
            .map(|column| {
                let before = column.name.clone();
                column.unique = false;
                if renamed {
                    column.name = format!("v_{}", before.trim_matches('"').replace(' ', "_"));
                }
                format!("{before} AS {}", column.name)
            })
            .collect();
        let name = format!("view_{number}");
        let filter = if random.chance(50) { " WHERE id <> 3" } else { "" };
        self.setup.push(format!(
            "CREATE VIEW {name} AS SELECT id, {} FROM {}{filter}",
            items.join(", "),
            of.name
        ));
        self.tables.push(Table { name, columns, is_view: true });
    }
}

fn table(random: &mut Random, number: usize, kinds: &[&'static str]) -> Table {
    const COLUMNS: [&str; 7] = ["email", "amount", "\"select\"", "code", "\"When\"", "note", "flag"];
    let count = 3 + random.below(4);
    let mut columns = Vec::new();
    for (at, name) in COLUMNS.into_iter().enumerate().take(count) {
        // The first ones have partners in the other tables more often than not.
        let kind = match (at, random.chance(75)) {
            (0, true) => [Kind::Text, Kind::Varchar][random.below(2)],
            (1, true) => [Kind::Int, Kind::Bigint, Kind::Numeric][random.below(3)],
            _ => Kind::ALL[random.below(Kind::ALL.len())],
        };
        let mut secrecy = Secrecy::Plain;
        let mut search = Vec::new();
        if random.chance(if at < 2 { 85 } else { 50 }) {
            // Alone, or with all of its family.
            secrecy = Secrecy::Group(match random.chance(70) {
                true => kind.family() as usize,
                false => 100 + 10 * number + at,
            });
            if random.chance(88) {
                search.push("equality");
                let strings = matches!(kind, Kind::Text | Kind::Varchar);
                let fits = |search: &&str| *search == "order" || strings;
                search.extend(kinds.iter().filter(|kind| fits(kind) && random.chance(60)).copied());
                // Each of the others implies it.
                if search.len() > 1 && random.chance(30) {
                    search.remove(0);
                }
            }
        }
        let unique = kind == Kind::Text && !search.is_empty() && random.chance(35);
        columns.push(Column { name: name.to_owned(), kind, secrecy, search, unique });
    }
    Table { name: NAMES[number % NAMES.len()].to_owned(), columns, is_view: false }
}
