//! The command line as a client of the console.

use std::os::unix::fs::PermissionsExt as _;

use crate::Stage;

#[test]
fn any_command_in_three_styles() {
    let stage = Stage::start();
    let (status, text) = stage.line(&["admin", "SHOW", "COLUMNS"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains(" database ") && text.contains("| customers |") && text.contains("(2 rows)"), "{text}");
    let (status, text) = stage.line(&["admin", "--format", "json", "SHOW CLIENTS"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, Some(0));
    assert!(json[0]["session"].is_i64() && json[0]["database"] == "pyrite", "{text}");
    let (_, text) = stage.line(&["admin", "--format", "csv", "SELECT 1 AS a, 'x,y' AS b"]);
    assert_eq!(text, "a,b\n1,\"x,y\"\n");
    let (status, text) = stage.line(&["keys", "list"]);
    assert!(status == Some(0) && text.contains("equality") && text.contains("primary"), "{text}");
}

#[test]
fn refusals_and_errors_have_their_own_status() {
    let stage = Stage::start();
    let (status, text) = stage.line(&["admin", "SHOW COLUMN"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("Did you mean COLUMNS?") && text.contains("\n    SHOW COLUMN\n         ^"), "{text}");
    let (status, text) = stage.line(&["admin", "--port", "1", "HELP"]);
    assert!(status == Some(2) && text.contains("cannot talk to the proxy"), "{text}");
    let (status, text) = stage.line(&["admin", "-U", "nobody_at_all", "HELP"]);
    assert!(status == Some(2) && text.contains("nobody_at_all"), "{text}");
    let (status, text) = stage.line(&["keys", "destroy", "0123456789abcdef"]);
    assert!(status == Some(2) && text.contains("--yes"), "{text}");
    let closed = Stage::with("");
    let (status, text) = closed.line(&["admin", "-U", "postgres", "HELP"]);
    assert!(status == Some(2) && text.contains("[admin] roles"), "{text}");
}

#[test]
fn reload_from_the_command_line() {
    let stage = Stage::start();
    stage.edit("upstream =", "limits.clients = 78\nupstream =");
    let (status, text) = stage.line(&["admin", "RELOAD"]);
    assert!(status == Some(0) && text.contains("limits.clients") && text.contains("applied"), "{text}");
}

#[test]
fn escrow_files_go_out_and_come_back() {
    let stage = Stage::start();
    let folder = stage.pyrite.config_file().parent().unwrap().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (file, passphrase) = (path("keys.escrow"), path("passphrase"));
    let (status, text) = stage.line(&["keys", "export", &file]);
    assert!(status == Some(2) && text.contains("PYRITE_ESCROW_PASSPHRASE"), "{text}");
    std::fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (status, text) = stage.line(&["keys", "export", &file, "--passphrase-file", &passphrase]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (status, text) = stage.line(&["keys", "export", &file, "--passphrase-file", &passphrase]);
    assert!(status == Some(2) && text.contains("nothing is overwritten"), "{text}");
    let (status, text) = stage.line(&["keys", "import", &file, "--passphrase-file", &passphrase]);
    assert!(status == Some(0) && text.contains("already"), "{text}");
    std::fs::write(&passphrase, "wrong horse battery staple\n").unwrap();
    let (status, text) = stage.line(&["keys", "import", &file, "--passphrase-file", &passphrase]);
    assert!(status == Some(2) && !text.contains("wrong horse"), "{text}");
    // The rows of the keys are lost, and come back under the same root key.
    let mut direct = crate::support::server::shared().connect(&stage.database);
    let ids = "SELECT pg_catalog.encode(id, 'hex') FROM pyrite.keys ORDER BY 1";
    let before = direct.column(ids);
    assert!(before.len() > 1);
    direct.run("DELETE FROM pyrite.keys");
    std::fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    let (status, text) = stage.line(&["keys", "import", &file, "--passphrase-file", &passphrase]);
    assert!(status == Some(0) && text.contains("Put "), "{text}");
    assert_eq!(direct.column(ids), before);
}
