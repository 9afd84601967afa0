//! From configuration and facts to what a reader sees.

use std::collections::BTreeMap;
use std::fmt;

use super::facts::{ColumnFacts, Facts, TableFacts};
use super::search;
use super::terms::Terms;
use crate::catalog::SearchSlot;
use crate::cli::failure::Outcome;
use crate::cli::slots::IndexKey;
use crate::config::{ColumnConfig, Database, display_name};
use crate::value::Type;

/// The oldest server that is supported.
const OLDEST_SERVER: u32 = 150_000;

/// The comparison of one database.
pub(super) struct Report {
    lines: Vec<String>,
    protected: usize,
    configured: usize,
    /// Things that leave a value plain or make applications fail.
    gaps: usize,
}

/// Compares one database with its configuration.
pub(super) fn compare(name: &str, database: &Database, facts: &Facts) -> Report {
    let mut report = Report { lines: Vec::new(), protected: 0, configured: 0, gaps: 0 };
    report.line(format!("database {name}: PostgreSQL {}, {}", facts.version, facts.encoding));
    if facts.version_num < OLDEST_SERVER {
        report.gap("this server is older than PostgreSQL 15, the oldest that Pyrite is made for: upgrade it");
    }
    if facts.encoding != "UTF8" {
        report.gap(format!(
            "the encoding {} is not supported: Pyrite reads texts in UTF8 only; dump and restore into a database \
             with ENCODING 'UTF8'",
            facts.encoding
        ));
    }
    if !facts.installed {
        if facts.may_create {
            report.note("schema pyrite is not installed yet: `pyrite run` does it");
        } else {
            report.gap(format!(
                "schema pyrite is not installed, and its role may not do it: GRANT CREATE ON DATABASE {} TO {};",
                display_name(name),
                display_name(&facts.user)
            ));
        }
    }
    if database.tables.is_empty() {
        report.note("the configuration names no column of this database");
    }
    for ((schema, table), columns) in &database.tables {
        let found = facts.tables.iter().find(|facts| facts.schema == *schema && facts.name == *table);
        report.table(&format!("{}.{}", display_name(schema), display_name(table)), columns, found, facts);
    }
    for column in &facts.unmanaged {
        report.gap(format!(
            "{column} is encrypted, but the configuration does not name its table: it cannot be read"
        ));
    }
    report
}

impl Report {
    /// How the command ends, as far as this database goes.
    pub(super) fn outcome(&self) -> Outcome {
        if self.gaps == 0 { Outcome::Fine } else { Outcome::Findings }
    }

    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    pub(super) fn note(&mut self, text: impl fmt::Display) {
        self.line(format!("    note: {text}"));
    }

    pub(super) fn gap(&mut self, text: impl fmt::Display) {
        self.gaps += 1;
        self.line(format!("  ! {text}"));
    }

    fn table(
        &mut self,
        shown: &str,
        columns: &BTreeMap<String, ColumnConfig>,
        found: Option<&TableFacts>,
        facts: &Facts,
    ) {
        self.configured += columns.len();
        self.line(format!("  {shown}"));
        let Some(table) = found else {
            self.gap("this table does not exist: create it through Pyrite, or correct the name in the configuration");
            return;
        };
        if !matches!(table.kind, 'r' | 'p') {
            self.gap("this is not a table: name the table itself in the configuration");
            return;
        }
        let width = columns.keys().map(|name| display_name(name).chars().count()).max().unwrap_or(0);
        let types = columns.values().map(|column| column.ty.to_string().len()).max().unwrap_or(0);
        for (name, column) in columns {
            let found = table.columns.iter().find(|facts| facts.name == *name);
            let (state, gap) = state(column, found, facts.index_key(&column.group).slot);
            let mark = if gap { '!' } else { ' ' };
            self.gaps += usize::from(gap);
            self.protected += usize::from(!gap);
            let (name, ty) = (display_name(name), column.ty.to_string());
            self.line(format!("  {mark} {name:width$}  {ty:types$}  {state}"));
        }
        for (name, column) in columns {
            let found = table.columns.iter().find(|facts| facts.name == *name && facts.encrypted);
            if let Some(found) = found {
                self.encrypted_column(shown, name, column, found, facts.index_key(&column.group));
                let place = (table.schema.clone(), table.name.clone(), name.clone());
                self.terms(shown, name, facts.terms.get(&place));
            }
        }
        self.surroundings(shown, columns, table, facts);
    }

    fn encrypted_column(
        &mut self,
        table: &str,
        name: &str,
        column: &ColumnConfig,
        facts: &ColumnFacts,
        key: IndexKey,
    ) {
        let name = display_name(name);
        if column.equality && key.rotating {
            self.note(format!("the index key of {name}'s group is being rotated: SHOW JOBS on the console"));
        } else if column.equality && facts.index(key.slot).is_none() {
            let function = key.slot.equality_function();
            self.note(format!("no index serves equality: CREATE INDEX ON {table} ({function}({name}));"));
        }
        search::report(self, table, &name, column, facts, key);
        if !facts.external {
            self.note(format!(
                "ciphertext does not compress: ALTER TABLE {table} ALTER {name} SET STORAGE EXTERNAL;"
            ));
        }
        if !facts.constraints.is_empty() {
            self.note(format!(
                "constraints on {name} see envelopes, not values: {}",
                list(&facts.constraints)
            ));
        }
    }

    /// Values that lookups miss.
    fn terms(&mut self, table: &str, name: &str, terms: Option<&Terms>) {
        let name = display_name(name);
        match terms {
            Some(Terms::Counted { seen, lacking }) if *lacking > 0 => self.gap(format!(
                "lookups miss {lacking} of {seen} values of {name} that were looked at: they have no term of the index \
                 key in use (rows from before its rotation?): REPAIR ON {table}.{name} on the console brings them up to date"
            )),
            Some(Terms::Forbidden) => self.note(format!(
                "the values of {name} were not looked at: Pyrite's role may not read {table}"
            )),
            _ => {}
        }
    }

    /// What else touches the table and could carry a value away, or fail on an envelope.
    fn surroundings(
        &mut self,
        shown: &str,
        columns: &BTreeMap<String, ColumnConfig>,
        table: &TableFacts,
        facts: &Facts,
    ) {
        let generated: Vec<String> = table
            .columns
            .iter()
            .filter(|facts| facts.generated && !columns.contains_key(&facts.name))
            .map(|facts| facts.name.clone())
            .collect();
        for (what, names) in [
            ("triggers", &table.triggers),
            ("rules", &table.rules),
            ("policies", &table.policies),
            ("generated columns", &generated),
        ] {
            if !names.is_empty() {
                self.note(format!("{what} run in the server and see envelopes, not values: {}", list(names)));
            }
        }
        if facts.installed {
            for role in &table.without_usage {
                let role = if role == "public" { "PUBLIC".to_owned() } else { display_name(role) };
                self.gap(format!(
                    "role {role} may use {shown}, but not its encrypted columns: GRANT USAGE ON SCHEMA pyrite TO \
                     {role};"
                ));
            }
        }
    }
}

/// What a configured column is by now, and whether that leaves it unprotected.
fn state(column: &ColumnConfig, found: Option<&ColumnFacts>, slot: SearchSlot) -> (String, bool) {
    let Some(facts) = found else {
        return (
            "no such column: add it through Pyrite, or correct the name in the configuration".into(),
            true,
        );
    };
    if facts.encrypted {
        let further = search::names(column).iter().map(|kind| format!(", {kind}")).collect::<String>();
        return match (facts.index(slot), column.equality) {
            (Some(index), true) => {
                (format!("encrypted, equality by index {}{further}", display_name(index)), false)
            }
            (None, true) => (format!("encrypted, equality without an index{further}"), false),
            (_, false) => ("encrypted, not searchable".into(), false),
        };
    }
    if facts.generated {
        return (
            "generated by the server, so it cannot be encrypted: take it out of the configuration".into(),
            true,
        );
    }
    let state = match Type::parse(&facts.ty) {
        Ok(ty) if ty == column.ty => {
            "STILL PLAIN: copy it, through Pyrite, into a column of type pyrite.encrypted".into()
        }
        _ => format!("STILL PLAIN, and of type {}, not {}", facts.ty, column.ty),
    };
    (state, true)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| display_name(name)).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        let Report { protected, configured, gaps, .. } = self;
        let verdict = match gaps {
            0 => "nothing is missing".to_owned(),
            1 => "1 line marked ! needs attention".to_owned(),
            _ => format!("{gaps} lines marked ! need attention"),
        };
        writeln!(f, "  {protected} of {configured} configured columns are encrypted; {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::{IndexKey, Outcome, SearchSlot, Terms, compare};
    use crate::cli::check::facts::Facts;
    use crate::config::{Config, SystemSecrets};

    fn config() -> Config {
        let text = r#"
            keys.root = { provider = "env", variable = "ROOT" }
            [databases.shop.tables."public.customers"]
            email = { type = "varchar(254)", search = ["equality"] }
            phone = "text"
        "#;
        Config::parse(text, "/".as_ref(), &SystemSecrets).unwrap()
    }

    fn report(facts: serde_json::Value) -> (String, Outcome) {
        let facts: Facts = serde_json::from_value(facts).unwrap();
        let report = compare("shop", &config().databases["shop"], &facts);
        (report.to_string(), report.outcome())
    }

    fn column(name: &str, ty: &str, encrypted: bool, index: Option<&str>) -> serde_json::Value {
        serde_json::json!({ "name": name, "type": ty, "encrypted": encrypted, "generated": false,
            "external": true, "constraints": [],
            "indexes": index.map(|index| [index, "pyrite.eq"]).into_iter().collect::<Vec<_>>() })
    }

    fn facts(columns: &[serde_json::Value]) -> serde_json::Value {
        serde_json::json!({
            "version": "15.14", "version_num": 150_014, "encoding": "UTF8", "installed": true,
            "may_create": false, "user": "pyrite", "unmanaged": [],
            "tables": [{ "schema": "public", "name": "customers", "kind": "r", "columns": columns,
                "triggers": [], "rules": [], "policies": [], "without_usage": [] }],
        })
    }

    #[test]
    fn a_protected_database_is_fine() {
        let email = column("email", "pyrite.encrypted", true, Some("customers_email_key"));
        let (text, outcome) = report(facts(&[email, column("phone", "pyrite.encrypted", true, None)]));
        assert_eq!(outcome, Outcome::Fine, "{text}");
        assert!(text.contains("2 of 2 configured columns are encrypted; nothing is missing"), "{text}");
        assert!(text.contains("equality by index customers_email_key"), "{text}");
    }

    #[test]
    fn what_is_plain_missing_or_of_another_type_is_a_finding() {
        let plain = column("email", "character varying(254)", false, None);
        let (text, outcome) = report(facts(&[plain]));
        assert_eq!(outcome, Outcome::Findings);
        assert!(text.contains("STILL PLAIN: copy") && text.contains("no such column"), "{text}");
        assert!(text.contains("0 of 2"), "{text}");
        let (text, _) = report(facts(&[column("email", "character varying(20)", false, None)]));
        assert!(text.contains("STILL PLAIN, and of type character varying(20)"), "{text}");
        let mut absent = facts(&[]);
        absent["tables"] = serde_json::json!([]);
        let (text, outcome) = report(absent);
        assert!(text.contains("does not exist") && outcome == Outcome::Findings, "{text}");
    }

    #[test]
    fn an_index_serves_in_the_slot_that_is_searched() {
        let index = |functions: &[&str]| {
            let mut email = column("email", "pyrite.encrypted", true, None);
            let indexes =
                functions.iter().map(|function| [format!("over_{}", &function[7..]), (*function).to_owned()]);
            email["indexes"] = indexes.collect::<Vec<_>>().into();
            facts(&[email, column("phone", "pyrite.encrypted", true, None)])
        };
        for (functions, slot, rotating, expected) in [
            (&["pyrite.eq"][..], SearchSlot::A, false, "by index over_eq"),
            (&["pyrite.eq"], SearchSlot::B, false, "CREATE INDEX ON public.customers (pyrite.eq_b(email));"),
            (&["pyrite.eq_b"], SearchSlot::A, false, "CREATE INDEX ON public.customers (pyrite.eq(email));"),
            (&["pyrite.eq", "pyrite.eq_b"], SearchSlot::B, false, "by index over_eq_b"),
            (&["pyrite.eq"], SearchSlot::B, true, "the index key of email's group is being rotated"),
        ] {
            let mut facts: Facts = serde_json::from_value(index(functions)).unwrap();
            let key = IndexKey { slot, rotating, id: None };
            facts.index_keys.insert("public.customers.email".to_owned(), key);
            let text = compare("shop", &config().databases["shop"], &facts).to_string();
            assert!(text.contains(expected), "{functions:?} {slot:?}:\n{text}");
            assert_eq!(text.contains("CREATE INDEX"), expected.starts_with("CREATE"), "{text}");
        }
    }

    #[test]
    fn values_that_lookups_miss_are_a_finding() {
        let columns = [
            column("email", "pyrite.encrypted", true, Some("i")),
            column("phone", "pyrite.encrypted", true, None),
        ];
        let place = ["public", "customers", "email"].map(str::to_owned);
        for (terms, outcome, expected) in [
            (
                Terms::Counted { seen: 900, lacking: 12 },
                Outcome::Findings,
                "lookups miss 12 of 900 values of email",
            ),
            (Terms::Counted { seen: 900, lacking: 0 }, Outcome::Fine, "nothing is missing"),
            (Terms::Forbidden, Outcome::Fine, "the values of email were not looked at"),
        ] {
            let mut facts: Facts = serde_json::from_value(facts(&columns)).unwrap();
            let [schema, table, column] = place.clone();
            facts.terms.insert((schema, table, column), terms);
            let report = compare("shop", &config().databases["shop"], &facts);
            assert_eq!(report.outcome(), outcome);
            assert!(report.to_string().contains(expected), "{report}");
        }
    }

    #[test]
    fn a_missing_index_is_a_note_and_a_missing_grant_a_finding() {
        let columns = [
            column("email", "pyrite.encrypted", true, None),
            column("phone", "pyrite.encrypted", true, None),
        ];
        let (text, outcome) = report(facts(&columns));
        assert_eq!(outcome, Outcome::Fine);
        assert!(text.contains("CREATE INDEX ON public.customers (pyrite.eq(email));"), "{text}");
        let mut ungranted = facts(&columns);
        ungranted["tables"][0]["without_usage"] = serde_json::json!(["App"]);
        ungranted["tables"][0]["triggers"] = serde_json::json!(["audit"]);
        let (text, outcome) = report(ungranted);
        assert_eq!(outcome, Outcome::Findings);
        assert!(text.contains("GRANT USAGE ON SCHEMA pyrite TO \"App\";"), "{text}");
        assert!(text.contains("triggers run in the server and see envelopes"), "{text}");
    }

    #[test]
    fn the_wrong_encoding_an_old_server_and_a_missing_schema_are_findings() {
        let mut odd = facts(&[]);
        odd["encoding"] = "LATIN1".into();
        odd["version_num"] = 110_000.into();
        odd["installed"] = false.into();
        let (text, _) = report(odd);
        assert!(text.contains("LATIN1 is not supported") && text.contains("older than"), "{text}");
        assert!(text.contains("GRANT CREATE ON DATABASE shop TO pyrite;"), "{text}");
    }
}
