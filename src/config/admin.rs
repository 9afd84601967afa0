//! Section `admin`: who may use the admin console.

use std::collections::BTreeSet;

use super::error::Problems;
use super::raw::{RawAdmin, RawDatabase};
use super::resolve::{NAME_BYTES, check_name};

/// Name of the database that the proxy serves itself.
pub const CONSOLE: &str = "pyrite";

/// Who may use the admin console, and where their passwords are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admin {
    /// Roles of the server; nobody else gets in.
    pub roles: BTreeSet<String>,
    /// The database that a login to the console is relayed to.
    pub database: Option<String>,
}

/// Checks the section against the databases that are protected.
pub(super) fn resolve(raw: RawAdmin, databases: &[RawDatabase], problems: &mut Problems<'_>) -> Admin {
    if let Some(reserved) = databases.iter().find(|database| database.name.get_ref() == CONSOLE) {
        let message = format!("a database named `{CONSOLE}` cannot be reached through Pyrite");
        let way_out =
            "this name is the admin console's; give the database another one with ALTER DATABASE … RENAME TO";
        problems.add(&reserved.name.span(), message, way_out);
    }
    let mut roles = BTreeSet::new();
    for role in &raw.roles {
        check_name(role, "role name", NAME_BYTES, problems);
        if !roles.insert(role.get_ref().clone()) {
            problems.add(&role.span(), format!("role `{role}` is given twice"), "keep one");
        }
    }
    let database = match &raw.database {
        Some(name) => {
            check_name(name, "database name", NAME_BYTES, problems);
            if name.get_ref() == CONSOLE {
                let message = "the console cannot check passwords against itself";
                problems.add(
                    &name.span(),
                    message,
                    "name a database of the server, as in database = \"postgres\"",
                );
            }
            Some(name.get_ref().clone())
        }
        None => databases.iter().map(|database| database.name.get_ref().clone()).min(),
    };
    if let (Some(role), None) = (raw.roles.first(), &database) {
        let message = "there is no database to check the passwords of these roles against";
        problems.add(&role.span(), message, "add database = \"postgres\" to [admin]");
    }
    Admin { roles, database }
}
