//! From the catalog's JSON and the configuration to a [`Catalog`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{
    Catalog, CatalogError, Column, EncryptedColumn, Environment, KeyGroup, Relation, SearchKinds, Unprotected,
};
use crate::config::{ColumnConfig, Database};
use crate::sql;
use crate::value::{Collation, CollationFacts, Family, Provider};

/// A relation as the queries give it.
#[derive(serde::Deserialize)]
pub(super) struct RawRelation {
    oid: u32,
    schema: String,
    name: String,
    kind: char,
    #[serde(default)]
    columns: Option<Vec<(String, i16, u32)>>,
    #[serde(default)]
    parents: Option<Vec<u32>>,
    #[serde(default)]
    definition: Option<String>,
}

#[derive(serde::Deserialize)]
struct RawFunction {
    #[allow(dead_code)] // part of the format; bodies are matched by bare name, whatever the schema
    #[serde(default)]
    schema: String,
    name: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(serde::Deserialize)]
struct RawCatalog {
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    domain: Option<u32>,
    #[serde(default)]
    relations: Option<Vec<RawRelation>>,
    #[serde(default)]
    indexes: Option<Vec<(String, String, u32)>>,
    #[serde(default)]
    constraints: Option<Vec<(u32, String)>>,
    #[serde(default)]
    uniques: Option<Vec<(u32, String, Vec<String>)>>,
    #[serde(default)]
    functions: Option<Vec<RawFunction>>,
    #[serde(default)]
    builtins: Option<Vec<String>>,
    /// Table, column and search kind of each constraint that demands a term.
    #[serde(default)]
    complete: Option<Vec<(u32, i16, String)>>,
    #[serde(default)]
    collations: Option<Vec<RawCollation>>,
}

#[derive(serde::Deserialize)]
struct RawCollation {
    name: String,
    provider: char,
    #[serde(default)]
    collate: Option<String>,
    #[serde(default)]
    ctype: Option<String>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    rules: Option<String>,
    #[serde(default)]
    version: Option<String>,
    deterministic: bool,
    utf8: bool,
}

const NOT_CONFIGURED: &str = "the configuration does not say what it holds";
const NO_KEYS: &str = "the keyring has no keys for its group";

/// A relation before lineage: columns of the domain type are unmanaged until something is known of them.
pub(super) fn plain_relation(raw: RawRelation, domain: Option<u32>) -> Relation {
    let columns = raw.columns.unwrap_or_default().into_iter().map(|(name, attnum, type_oid)| Column {
        name,
        attnum,
        type_oid,
        encrypted: None,
        unmanaged: (Some(type_oid) == domain).then_some(NOT_CONFIGURED),
    });
    Relation {
        oid: raw.oid,
        columns: columns.collect(),
        schema: raw.schema,
        name: raw.name,
        kind: raw.kind,
        unusable: None,
    }
}

pub(super) fn catalog(
    json: &str,
    config: &Database,
    groups: &dyn Fn(&str) -> Option<KeyGroup>,
) -> Result<Catalog, CatalogError> {
    let raw: RawCatalog = serde_json::from_str(json).map_err(CatalogError::json)?;
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    format!("{:?}", config.tables).hash(&mut hasher);
    config.enforce.hash(&mut hasher);
    for column in columns_of(config) {
        groups(&column.group).hash(&mut hasher);
    }

    let mut parents = HashMap::new();
    let mut views = Vec::new();
    let mut relations = Vec::new();
    for mut relation in raw.relations.unwrap_or_default() {
        parents.insert(relation.oid, relation.parents.take().unwrap_or_default());
        if let Some(definition) = relation.definition.take() {
            views.push((relations.len(), definition));
        }
        relations.push(plain_relation(relation, raw.domain));
    }
    let mut by_name: HashMap<String, HashMap<String, usize>> = HashMap::new();
    let mut by_oid = HashMap::new();
    for (index, relation) in relations.iter().enumerate() {
        by_name.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), index);
        by_oid.insert(relation.oid, index);
    }
    let indexes = raw.indexes.unwrap_or_default();
    let mut catalog = Catalog {
        version: hasher.finish(),
        relations,
        by_name,
        by_oid,
        protected_names: HashSet::new(),
        waiting: None,
        enforced: config.enforce,
        configured: config.tables.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        groups: columns_of(config).filter_map(|c| Some((c.group.clone(), groups(&c.group)?))).collect(),
        collations: raw.collations.unwrap_or_default().into_iter().map(server_collation).collect(),
        builtins: raw.builtins.unwrap_or_default().into_iter().collect(),
        index_names: indexes.iter().map(|(_, name, oid)| (*oid, name.clone())).collect(),
        indexes: indexes.into_iter().map(|(schema, name, _)| (schema, name)).collect(),
        constraints: raw.constraints.unwrap_or_default().into_iter().collect(),
        uniques: raw.uniques.unwrap_or_default().into_iter().map(|(t, n, e)| ((t, n), e)).collect(),
        sensitive_functions: HashSet::new(),
        unprotected: Vec::new(),
        matcher: matcher(&BTreeSet::new())?,
    };
    let mut complete: HashMap<(u32, i16), SearchKinds> = HashMap::new();
    for (table, attnum, kind) in raw.complete.unwrap_or_default() {
        let kinds = complete.entry((table, attnum)).or_default();
        *kinds = kinds.with(&kind).unwrap_or(*kinds);
    }
    apply_config(&mut catalog, config, groups, &complete);
    inherit(&mut catalog, &parents);
    follow_slots(&mut catalog);
    let functions = raw.functions.unwrap_or_default();
    let environment = Environment::with_path(raw.path);
    lineage(&mut catalog, views, &functions, &environment)?;
    Ok(catalog)
}

fn columns_of(config: &Database) -> impl Iterator<Item = &crate::config::ColumnConfig> {
    config.tables.values().flat_map(BTreeMap::values)
}

/// The search kinds beside equality.
pub(super) fn kinds(column: &ColumnConfig) -> SearchKinds {
    SearchKinds { order: column.order, caseless: column.caseless, matching: column.matching }
}

/// The collation of a column. One that the database does not have is not followed.
pub(super) fn collation(collations: &HashMap<String, Collation>, column: &ColumnConfig) -> Collation {
    if column.ty.family() != Some(Family::Text) {
        return Collation::c();
    }
    let name = column.collation.as_deref().unwrap_or("default");
    collations.get(name).cloned().unwrap_or_else(|| Collation::unknown(name))
}

fn server_collation(raw: RawCollation) -> (String, Collation) {
    let collation = match Provider::from_letter(raw.provider) {
        None => Collation::unknown(&raw.name),
        Some(provider) => Collation::open(&CollationFacts {
            provider,
            collate: raw.collate.unwrap_or_default(),
            ctype: raw.ctype.unwrap_or_default(),
            locale: raw.locale,
            rules: raw.rules.is_some(),
            deterministic: raw.deterministic,
            version: raw.version,
            utf8: raw.utf8,
        }),
    };
    (raw.name, collation)
}

/// Marks configured columns that have the domain type; lists those that have not.
fn apply_config(
    catalog: &mut Catalog,
    config: &Database,
    groups: &dyn Fn(&str) -> Option<KeyGroup>,
    complete: &HashMap<(u32, i16), SearchKinds>,
) {
    for ((schema, table), columns) in &config.tables {
        let missing = |column: Option<&String>, reason| Unprotected {
            schema: schema.clone(),
            table: table.clone(),
            column: column.cloned(),
            reason,
        };
        let index = catalog.by_name.get(schema).and_then(|names| names.get(table));
        let Some(relation) = index.and_then(|index| catalog.relations.get_mut(*index)) else {
            catalog.unprotected.push(missing(None, "the table does not exist"));
            continue;
        };
        for (name, configured) in columns {
            let table_oid = relation.oid;
            let Some(column) = relation.columns.iter_mut().find(|c| c.name == *name) else {
                catalog.unprotected.push(missing(Some(name), "the column does not exist"));
                enforce(relation, config, name, "does not exist");
                continue;
            };
            if column.unmanaged.is_none() {
                catalog.unprotected.push(missing(Some(name), "the column is not encrypted yet"));
                enforce(relation, config, name, "is not encrypted in the database");
                continue;
            }
            let Some(group) = groups(&configured.group) else {
                column.unmanaged = Some(NO_KEYS);
                catalog.unprotected.push(missing(Some(name), NO_KEYS));
                continue;
            };
            column.unmanaged = None;
            column.encrypted = Some(Arc::new(EncryptedColumn {
                table_oid,
                schema: schema.clone(),
                table: table.clone(),
                name: name.clone(),
                attnum: column.attnum,
                ty: configured.ty,
                group: group.id,
                group_name: configured.group.clone(),
                equality: configured.equality,
                order: configured.order,
                caseless: configured.caseless,
                matching: configured.matching,
                complete: complete.get(&(table_oid, column.attnum)).copied().unwrap_or_default(),
                collation: collation(&catalog.collations, configured),
                slot: group.slot,
            }));
        }
    }
}

/// Where the operator demands it, a table is of no use as long as a configured column of it is plain: whoever can
/// change the database, or speak in its place, must not get plaintext by calling a column plain.
fn enforce(relation: &mut Relation, config: &Database, column: &str, state: &str) {
    if config.enforce && relation.unusable.is_none() {
        relation.unusable = Some(format!("its column {column} is configured as encrypted and {state}"));
    }
}

/// Children and partitions hold what their parents' columns of the same name hold.
fn inherit(catalog: &mut Catalog, parents: &HashMap<u32, Vec<u32>>) {
    // Each round passes lineage one level down; a hierarchy cannot be deeper than it has members.
    for _ in 0..parents.len().min(64) {
        let mut changed = false;
        for index in 0..catalog.relations.len() {
            let Some(oid) = catalog.relations.get(index).map(|r| r.oid) else { continue };
            let mut found: Vec<(String, Arc<EncryptedColumn>)> = Vec::new();
            for parent in parents.get(&oid).into_iter().flatten() {
                let Some(parent) = catalog.relation_by_oid(*parent) else { continue };
                let encrypted = parent.columns.iter();
                found.extend(encrypted.filter_map(|c| Some((c.name.clone(), c.encrypted.clone()?))));
            }
            let Some(relation) = catalog.relations.get_mut(index) else { continue };
            for (name, encrypted) in found {
                let column = relation.columns.iter_mut().find(|c| c.name == name);
                if let Some(column) = column.filter(|c| c.encrypted.is_none() && c.unmanaged.is_some()) {
                    column.unmanaged = None;
                    column.encrypted = Some(encrypted);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
}

/// ON CONFLICT ON CONSTRAINT becomes what a unique index is over. While an index key is rotated there is one over
/// either slot, and before and behind that over one of them: statements mean the slot that is searched.
fn follow_slots(catalog: &mut Catalog) {
    let mut uniques = std::mem::take(&mut catalog.uniques);
    for ((table, _), keys) in &mut uniques {
        let Some(relation) = catalog.relation_by_oid(*table) else { continue };
        let slot = |path: &[String]| Some(relation.column(path.last()?)?.encrypted.as_ref()?.slot);
        for key in keys {
            if let Some(changed) = sql::with_slots(key, &slot) {
                *key = changed;
            }
        }
    }
    catalog.uniques = uniques;
}

/// Lineage of views, and the functions that reach protected relations, until nothing new is found.
fn lineage(
    catalog: &mut Catalog,
    views: Vec<(usize, String)>,
    functions: &[RawFunction],
    environment: &Environment,
) -> Result<(), CatalogError> {
    let mut pending = views;
    let mut names = protected_names(catalog);
    catalog.matcher = matcher(&names)?;
    loop {
        let reaching: Vec<&RawFunction> = functions
            .iter()
            .filter(|f| !catalog.sensitive_functions.contains(&f.name))
            .filter(|f| f.body.as_deref().is_some_and(|b| catalog.may_name_protected(b.as_bytes())))
            .collect();
        let touching: Vec<bool> =
            pending.iter().map(|(_, text)| catalog.may_name_protected(text.as_bytes())).collect();
        if reaching.is_empty() && !touching.contains(&true) {
            break;
        }
        for function in reaching {
            catalog.sensitive_functions.insert(function.name.clone());
        }
        // A view over a view that is itself still pending waits for the next round.
        let waiting: HashSet<u32> = pending
            .iter()
            .zip(&touching)
            .filter(|(_, touching)| **touching)
            .filter_map(|((index, _), _)| catalog.relations.get(*index).map(|r| r.oid))
            .collect();
        let mut later = Vec::new();
        let mut settled = false;
        for ((index, text), touching) in pending.into_iter().zip(touching) {
            if !touching {
                later.push((index, text));
                continue;
            }
            let result = sql::view_lineage(&text, catalog, environment);
            let depends = matches!(&result, Ok(view) if view.relations.iter().any(|r| waiting.contains(r)));
            if depends {
                later.push((index, text));
            } else {
                settled = true;
                settle(catalog, index, result);
            }
        }
        if !settled {
            // Views that wait for one another cannot be (PostgreSQL has no such), but must not loop.
            for (index, _) in &later {
                if let Some(relation) = catalog.relations.get_mut(*index)
                    && waiting.contains(&relation.oid)
                {
                    relation.unusable = Some("its definition could not be resolved".to_owned());
                }
            }
            later.retain(|(index, _)| {
                catalog.relations.get(*index).is_some_and(|relation| relation.unusable.is_none())
            });
        }
        pending = later;
        names = protected_names(catalog);
        catalog.matcher = matcher(&names)?;
    }
    let relation_names: Vec<String> =
        catalog.relations.iter().filter(|r| r.is_protected()).map(|r| r.name.clone()).collect();
    catalog.protected_names.extend(relation_names);
    let configured: Vec<String> = catalog.configured.keys().map(|(_, table)| table.clone()).collect();
    catalog.protected_names.extend(configured);
    let waiting: BTreeSet<String> = catalog
        .configured
        .keys()
        .map(|(_, table)| table.clone())
        .filter(|table| !names.contains(table))
        .collect();
    catalog.waiting = (!waiting.is_empty()).then(|| matcher(&waiting)).transpose()?;
    Ok(())
}

/// Writes what is known of a view's columns into it.
fn settle(catalog: &mut Catalog, index: usize, result: Result<sql::ViewLineage, String>) {
    let Some(relation) = catalog.relations.get_mut(index) else { return };
    match result {
        Ok(view) if view.columns.len() == relation.columns.len() => {
            for (column, lineage) in relation.columns.iter_mut().zip(view.columns) {
                if let Some(encrypted) = lineage {
                    column.unmanaged = None;
                    column.encrypted = Some(encrypted);
                }
            }
        }
        Ok(view) if view.columns.is_empty() && !view.protected => {}
        Ok(_) => relation.unusable = Some("its columns could not be told from its definition".to_owned()),
        Err(reason) => relation.unusable = Some(reason),
    }
}

/// Every name by which a statement can reach something protected.
fn protected_names(catalog: &Catalog) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        catalog.relations.iter().filter(|r| r.is_protected()).map(|r| r.name.clone()).collect();
    names.extend(catalog.sensitive_functions.iter().cloned());
    for (schema, table) in catalog.configured.keys() {
        let exists = catalog.relation(schema, table);
        let incomplete = exists.is_none_or(|relation| {
            catalog
                .configured(schema, table)
                .is_some_and(|columns| columns.keys().any(|c| relation.column(c).is_none()))
        });
        if incomplete {
            names.insert(table.clone());
        }
    }
    names
}

/// Finds any of the names in raw text, whatever their case and quoting.
fn matcher(names: &BTreeSet<String>) -> Result<aho_corasick::AhoCorasick, CatalogError> {
    let mut patterns: BTreeSet<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
    patterns.extend(names.iter().filter(|n| n.contains('"')).map(|n| n.replace('"', "\"\"")));
    if !patterns.is_empty() {
        // An identifier with Unicode escapes can spell any of them.
        patterns.insert("u&\"".to_owned());
    }
    aho_corasick::AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(&patterns)
        .map_err(|error| CatalogError { message: format!("too many protected names: {error}") })
}
