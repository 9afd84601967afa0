//! `pyrite init`: a commented configuration, a root key, and the SQL that prepares the server.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::args::Init;
use super::failure::{Failure, Outcome};
use super::output::print;
use crate::config::{self, Config, ConfigError, DEFAULT_SERVICE_USER, display_name};

/// Name of the root key's file, beside the configuration.
const ROOT_KEY: &str = "root.key";

pub(super) fn run(options: &Init) -> Result<Outcome, Failure> {
    let text = template(options);
    let folder = options.config.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    refuse_mistakes(&text, folder)?;
    let key = folder.join(ROOT_KEY);
    // The key is the file that must never be lost: it is looked for first and written last.
    if key.try_exists().unwrap_or(true) {
        return Err(Failure::new(
            format!("{} exists, and values may be encrypted under it", key.display()),
            "name a configuration in another folder with --config, or move the key to a safe place",
        ));
    }
    write_new(&options.config, &text)?;
    if let Err(error) = crate::keys::generate_root_file(&key) {
        // Without its key the configuration is of no use, and it would be in the way of the next attempt.
        let _ = std::fs::remove_file(&options.config);
        return Err(error.into());
    }
    print(&format!(
        "Wrote {} and {}.\n\
         Keep a copy of the key where a copy of the database never goes: without it every encrypted value is\n\
         lost, and with it a thief reads them.\n\n{}\n{}",
        options.config.display(),
        key.display(),
        preparation(&options.database),
        next_steps(&options.config)
    ))?;
    Ok(Outcome::Fine)
}

/// What was given on the command line must read back as a sound configuration.
fn refuse_mistakes(text: &str, folder: &Path) -> Result<(), Failure> {
    match Config::parse(text, folder, &config::SystemSecrets) {
        Ok(_) => Ok(()),
        Err(ConfigError::Invalid { problems, .. }) => {
            let problem = problems.into_iter().next();
            let (what, way_out) = problem.map_or_else(Default::default, |p| (p.message, p.way_out));
            Err(Failure::new(what, way_out))
        }
        Err(other) => Err(other.into()),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let shown = path.display();
        match error.kind() {
            ErrorKind::AlreadyExists => Failure::new(
                format!("{shown} exists and is not overwritten"),
                "edit it, or name another file with --config",
            ),
            ErrorKind::NotFound => Failure::new(
                format!("cannot write {shown}: its folder does not exist"),
                "create the folder first",
            ),
            _ => Failure::new(
                format!("cannot write {shown}: {error}"),
                "check the folder's permissions and space",
            ),
        }
    })
}

/// A TOML basic string: no TOML writer is linked for the three strings that are needed.
fn toml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn template(options: &Init) -> String {
    let database = toml_string(&options.database);
    format!(
        r#"# Pyrite's configuration. Unknown keys are errors; `pyrite check` compares it with the database.
# Relative paths are relative to this file's folder. All keys: docs/configuration.md

# Where applications connect, and the server behind.
listen   = {listen}
upstream = {upstream}
# workers = 4                     # threads; by default one per core

[keys]
# The key that all other keys are wrapped under. It never leaves this machine.
root = {{ provider = "file", path = "{ROOT_KEY}" }}
# root = {{ provider = "env", variable = "PYRITE_ROOT_KEY" }}
# The one that ROTATE ROOT KEY moves to, in every proxy's configuration; other providers: docs/providers.md
# next_root = {{ provider = "file", path = "next_root.key" }}
# A folder that remembers across restarts which keyring was the newest, so that an old one put back is
# found out. Make it first: mkdir -m 700 state
# state = "state"

[service]
# The role of Pyrite's own connections (catalog, wrapped keys). Applications keep their roles.
user = "{DEFAULT_SERVICE_USER}"
# password_file = "service.password"   # mode 0600; or:
# password_env  = "PYRITE_SERVICE_PASSWORD"

# The admin console: a database `pyrite` on this port that shows what the proxy does and rotates keys. Closed to
# all but these roles of the server, who log in with the passwords that they have there.
[admin]
# roles = ["postgres"]

# The columns to encrypt. Names are written as in SQL, types as in CREATE TABLE.
[databases.{database}]
# [databases.{database}.tables."public.customers"]
# email   = {{ type = "varchar(254)", search = ["equality"] }}   # can be looked up with =, IN, joins
# phone   = {{ type = "text", search = ["equality"] }}
# id_card = "text"                                             # stored and returned, not searchable
"#,
        listen = toml_string(&options.listen),
        upstream = toml_string(&options.upstream),
    )
}

/// What the server's administrator runs.
fn preparation(database: &str) -> String {
    let role = display_name(DEFAULT_SERVICE_USER);
    let database = display_name(database);
    let grants = crate::keys::grants(&["application_role".to_owned()]);
    let grants: String = grants.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "Run this on the server with psql, as an administrator:\n\n\
         \x20 CREATE ROLE {role} LOGIN;\n\
         \x20 \\password {role}\n\
         \x20 -- lets it create its own schema, `pyrite`, for wrapped keys and functions\n\
         \x20 GRANT CONNECT, CREATE ON DATABASE {database} TO {role};\n\
         \x20 -- lets it encrypt values anew when keys rotate: for each role that owns a table with encrypted columns\n\
         \x20 GRANT table_owner TO {role};\n\
         \x20 -- keeps triggers (updated_at and the like) from running then; PostgreSQL 15 or newer\n\
         \x20 GRANT SET ON PARAMETER session_replication_role TO {role};\n\n\
         and, when `pyrite run` has started for the first time, in {database} for each role of an application:\n\n\
         {grants}"
    )
}

fn next_steps(config: &Path) -> String {
    let shown = config.display();
    format!(
        "Then name the columns to encrypt in {shown}, and:\n\n\
         \x20 pyrite check -c {shown}     what is protected, what is not yet\n\
         \x20 pyrite run -c {shown}       serve\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{template, toml_string};
    use crate::cli::args::Init;
    use crate::config::{Config, SystemSecrets, Upstream};

    fn options(database: &str) -> Init {
        Init {
            config: "pyrite.toml".into(),
            listen: "[::1]:6432".into(),
            upstream: "/var/run/postgresql:5433".into(),
            database: database.into(),
        }
    }

    #[test]
    fn the_template_is_a_configuration_as_it_is_and_without_its_comment_signs() {
        for database in ["shop", "a \"b\" \\ c.d"] {
            let text = template(&options(database));
            let config = Config::parse(&text, "/etc".as_ref(), &SystemSecrets).unwrap();
            assert_eq!(config.listen.to_string(), "[::1]:6432");
            assert_eq!(config.upstream, Upstream::Unix("/var/run/postgresql".into(), 5433));
            assert!(config.databases[database].tables.is_empty());
            // Every example in a comment is one line that is valid where it stands.
            let examples = text.replace("# [", "[").replace("# email", "email").replace("# phone", "phone");
            let examples = examples.replace("# id_card", "id_card").replace("# workers", "workers");
            let examples = examples.replace("# next_root", "next_root").replace("# roles", "roles");
            let examples = examples.replace("# state", "state");
            let config = Config::parse(&examples, "/etc".as_ref(), &SystemSecrets).unwrap();
            let tables = &config.databases[database].tables;
            assert_eq!(tables[&("public".into(), "customers".into())].len(), 3);
            assert!(
                config.next_root.is_some()
                    && config.state.is_some()
                    && config.admin.roles.contains("postgres")
            );
        }
    }

    #[test]
    fn strings_are_quoted_for_toml() {
        assert_eq!(toml_string("a\"\\\n"), "\"a\\\"\\\\\\u000A\"");
    }
}
