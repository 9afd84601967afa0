//! The commands of the console: one table that HELP shows, the parser's hints use and the manual is checked
//! against.

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How it is written.
    pub syntax: &'static str,
    /// What it does.
    pub says: &'static str,
}

const fn usage(syntax: &'static str, says: &'static str) -> Usage {
    Usage { syntax, says }
}

/// Every command, in the order in which HELP shows them.
pub const COMMANDS: &[Usage] = &[
    usage("SHOW COLUMNS [IN DATABASE name]", "configured columns: type, search, key group, protected or not"),
    usage("SHOW KEYS [IN DATABASE name]", "data keys and index keys, their versions and states"),
    usage("SHOW JOBS [IN DATABASE name]", "rotations and other sweeps, the newest first"),
    usage("SHOW JOB n [IN DATABASE name]", "one of them"),
    usage("SHOW CLIENTS [IN DATABASE name]", "sessions of this proxy"),
    usage(
        "SHOW PROXIES [IN DATABASE name]",
        "running proxies of each database, and the keyring that each of them uses",
    ),
    usage("SHOW STATS [IN DATABASE name]", "what this proxy has done since it started"),
    usage("SHOW CONFIG", "settings in use, without secrets"),
    usage("SHOW VERSION", "version of this proxy"),
    usage(
        "ROTATE KEY ON [schema.]table.column | GROUP name | ALL [FIRING TRIGGERS] [SHARE n] [RATE n] [IN DATABASE name]",
        "new data key; every value is encrypted anew under it, online",
    ),
    usage(
        "ROTATE INDEX KEY ON [schema.]table.column | GROUP name | ALL [FIRING TRIGGERS] [SHARE n] [RATE n] [IN DATABASE name]",
        "new keys of search terms; indexes are rebuilt, online",
    ),
    usage("ROTATE ROOT KEY [IN DATABASE name]", "wraps all keys anew, under next_root of the configuration"),
    usage(
        "REPAIR ON [schema.]table.column | GROUP name | ALL [FIRING TRIGGERS] [SHARE n] [RATE n] [IN DATABASE name]",
        "brings values of a restored dump to the present keys, and gives all values the terms of search kinds that were added to the configuration; no key changes",
    ),
    usage("RETIRE KEY id [IN DATABASE name]", "ends the use of a key, once no value needs it"),
    usage(
        "DESTROY KEY id [IN DATABASE name]",
        "deletes a retired key, once a scan finds no value that needs it",
    ),
    usage("PAUSE JOB n [IN DATABASE name]", "stops a job after its current batch"),
    usage("RESUME JOB n [IN DATABASE name]", "lets a paused or failed job go on"),
    usage("CANCEL JOB n [IN DATABASE name]", "ends a job; what it has done stays and is sound"),
    usage("RELOAD", "reads the configuration again; a bad one changes nothing"),
    usage("EXPLAIN [IN DATABASE name] statement", "the plan of a statement, which is not run"),
    usage("HELP", "this list"),
];

/// How the command with these first words is written.
pub(super) fn syntax(start: &str) -> String {
    let lines: Vec<&str> =
        COMMANDS.iter().map(|usage| usage.syntax).filter(|line| line.starts_with(start)).collect();
    match lines.as_slice() {
        [] => "HELP lists the commands.".to_owned(),
        lines => format!("It is written: {}", lines.join(", or ")),
    }
}
