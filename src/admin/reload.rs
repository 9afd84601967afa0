//! RELOAD: reads the configuration again. All of what can change while clients are served is applied, or nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::table::{Cell, Column, Kind, column};
use super::{Console, Failure};
use crate::config::{self, Config, display_name};
use crate::database::Database;

pub(super) const COLUMNS: &[Column] = &[column("key", Kind::Text), column("outcome", Kind::Text)];

/// A part of the configuration that was typed anew, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The key or section.
    pub key: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Applied,
    /// It stays as it was until then.
    Waits,
    /// It is in use, as far as that goes.
    Useless(String),
}

impl Change {
    fn applied(key: impl Into<String>) -> Self {
        Self { key: key.into(), outcome: Outcome::Applied }
    }

    fn waits(key: impl Into<String>) -> Self {
        Self { key: key.into(), outcome: Outcome::Waits }
    }

    /// In words.
    pub(crate) fn outcome(&self) -> Cow<'static, str> {
        match &self.outcome {
            Outcome::Applied => "applied".into(),
            Outcome::Waits => "needs a restart".into(),
            Outcome::Useless(why) => format!("cannot be used: {why}").into(),
        }
    }
}

/// The rows that RELOAD answers.
pub(super) fn rows(changes: &[Change]) -> Vec<Vec<Cell>> {
    changes
        .iter()
        .map(|change| vec![change.key.as_str().into(), change.outcome().into_owned().into()])
        .collect()
}

impl Console {
    /// Reads the configuration again and says what changed.
    pub(crate) async fn reload(&self) -> Result<Vec<Change>, Failure> {
        let _one_at_a_time = self.reloading.lock().await;
        let old = self.config.load_full();
        let Some(path) = &old.path else {
            return Err(Failure::new("55000", "the configuration did not come from a file")
                .hint("Only a configuration that was read from a file can be read again."));
        };
        let new = Config::load(path).map_err(|error| {
            Failure::new("F0000", "the configuration has mistakes, and the one in use stays")
                .detail(error.to_string())
        })?;
        let mut changes = unchangeable(&old, &new);
        changes.extend(self.apply_databases(&old, &new).await?);
        changes.extend(self.apply_roots(&old, &new).await);
        if old.admin != new.admin {
            changes.push(Change::applied("admin"));
        }
        if old.limits != new.limits {
            self.most_clients.store(new.limits.clients, Ordering::Relaxed);
            changes.push(Change::applied("limits.clients"));
        }
        for change in &changes {
            tracing::info!(key = change.key, "configuration: {}", change.outcome());
        }
        self.config.store(Arc::new(in_use(&old, new)));
        Ok(changes)
    }

    /// Hands the providers of root keys to every database. Those that are to come are asked again even if nothing was
    /// typed anew: the file may be there by now.
    async fn apply_roots(&self, old: &Config, new: &Config) -> Vec<Change> {
        let differs =
            [("keys.root", old.root != new.root), ("keys.next_root", old.next_root != new.next_root)];
        let typed = differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key);
        let mut changes: Vec<Change> = typed.map(Change::applied).collect();
        if changes.is_empty() && new.next_root.is_none() {
            return changes;
        }
        for database in self.databases.iter() {
            for (key, error) in database.set_roots(new).await {
                let useless = Change { key: key.to_owned(), outcome: Outcome::Useless(error.to_string()) };
                changes.retain(|change| change.key != key);
                changes.push(useless);
            }
        }
        changes
    }

    /// Gives every database its new columns. If one cannot have them, those before it get their old ones back.
    async fn apply_databases(&self, old: &Config, new: &Config) -> Result<Vec<Change>, Failure> {
        let mut done: Vec<(&Arc<Database>, &config::Database)> = Vec::new();
        for database in self.databases.iter() {
            let name = database.name();
            let (Some(before), Some(after)) = (old.databases.get(name), new.databases.get(name)) else {
                continue;
            };
            if before.tables == after.tables && before.enforce == after.enforce {
                continue;
            }
            if let Err(error) = database.reconfigure(after.clone()).await {
                for (database, before) in done {
                    if let Err(error) = database.reconfigure(before.clone()).await {
                        tracing::error!(database = database.name(), %error, "cannot go back to the old columns");
                    }
                }
                let message = format!("database {}: {error}", display_name(name));
                return Err(Failure::new("55000", message).hint("Nothing was changed; RELOAD tries again."));
            }
            done.push((database, before));
        }
        let section = |name: &str| format!("databases.{}", display_name(name));
        Ok(done.iter().map(|(database, _)| Change::applied(section(database.name()))).collect())
    }
}

/// What differs and cannot change while clients are served.
fn unchangeable(old: &Config, new: &Config) -> Vec<Change> {
    let service = |config: &Config| (config.service.user.clone(), config.service.password.clone());
    let differs = [
        ("listen", old.listen != new.listen),
        ("upstream", old.upstream != new.upstream),
        ("workers", old.workers != new.workers),
        ("service", service(old) != service(new)),
        ("keys.state", old.state != new.state),
    ];
    let mut changes: Vec<Change> =
        differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| Change::waits(key)).collect();
    let names = old.databases.keys().chain(new.databases.keys());
    let mut moved: Vec<&String> =
        names.filter(|name| old.databases.contains_key(*name) != new.databases.contains_key(*name)).collect();
    moved.dedup();
    changes.extend(moved.into_iter().map(|name| Change::waits(format!("databases.{}", display_name(name)))));
    changes
}

/// The configuration that is in use from now on: what needs a restart is as it was.
fn in_use(old: &Config, new: Config) -> Config {
    let databases = old
        .databases
        .iter()
        .map(|(name, before)| (name.clone(), new.databases.get(name).unwrap_or(before).clone()))
        .collect();
    Config {
        admin: new.admin,
        limits: new.limits,
        root: new.root,
        next_root: new.next_root,
        databases,
        ..old.clone()
    }
}
