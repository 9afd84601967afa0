//! Pyrite itself, in this process, in front of a private server.

use std::path::{Path, PathBuf};

use super::DemoError;
use super::play::Front;
use super::postgres::PrivateServer;
use super::stage::{DATABASE, SERVICE_USER, SHOP_USER, administer};
use crate::config::Config;
use crate::keys;
use crate::server::{Server, ServerError};

/// Where users of Pyrite expect it. If it is taken, any other will do.
const PORT: u16 = 6432;

/// What the shop's operator configures: everything that can be told of a person, and what was paid for which car.
const TABLES: &str = r#"
[databases.shop.tables."public.customers"]
name        = { type = "text", search = ["equality"] }
email       = { type = "varchar(254)", search = ["equality"], group = "email" }
phone       = { type = "varchar(20)", search = ["equality"] }
id_number   = "text"
birthday    = "date"
address     = "text"
iban        = { type = "varchar(34)", search = ["equality"] }
charge_card = { type = "bigint", search = ["equality"] }

[databases.shop.tables."public.sales"]
vin            = { type = "char(17)", search = ["equality"] }
customer_email = { type = "varchar(254)", search = ["equality"], group = "email" }
price          = "numeric(10,2)"
"#;

/// Writes a root key and a configuration, and starts Pyrite with them.
pub async fn start(server: &PrivateServer) -> Result<Front, DemoError> {
    let root_key = server.folder().join("root.key");
    keys::generate_root_file(&root_key).map_err(|error| DemoError::Proxy(error.to_string()))?;
    let file = server.folder().join("pyrite.toml");
    let running = match start_on(PORT, server, &file).await? {
        Ok(running) => running,
        Err(_) => start_on(0, server, &file).await?.map_err(|error| DemoError::Proxy(error.to_string()))?,
    };
    // What `pyrite init` prints for the application's role.
    let grants = keys::grants(&[SHOP_USER.to_owned()]);
    administer(server, DATABASE, &[&grants]).await?;
    let port = running.local_addr().port();
    Ok(Front { port, files: Some(Files { root_key, configuration: file }), running: Some(running) })
}

/// What the operator keeps, and the thief does not get.
pub struct Files {
    /// The root key.
    pub root_key: PathBuf,
    /// `pyrite.toml`.
    pub configuration: PathBuf,
}

/// The inner error is that of a port that is taken.
async fn start_on(
    port: u16,
    server: &PrivateServer,
    file: &Path,
) -> Result<Result<Server, ServerError>, DemoError> {
    std::fs::write(file, configuration(port, server.port()))
        .map_err(|error| DemoError::Proxy(format!("writing {}: {error}", file.display())))?;
    let config = Config::load(file).map_err(|error| DemoError::Proxy(error.to_string()))?;
    // It waits for the server; this thread has connections of its own to drive.
    let started = tokio::task::spawn_blocking(move || Server::start(config)).await;
    match started {
        Ok(Ok(running)) => Ok(Ok(running)),
        Ok(Err(error @ ServerError::Listen { .. })) => Ok(Err(error)),
        Ok(Err(error)) => Err(DemoError::Proxy(error.to_string())),
        Err(_) => Err(DemoError::Proxy("its thread failed".to_owned())),
    }
}

fn configuration(port: u16, upstream: u16) -> String {
    format!(
        "listen   = \"127.0.0.1:{port}\"\n\
         upstream = \"127.0.0.1:{upstream}\"\n\n\
         [service]\nuser = \"{SERVICE_USER}\"\n\n\
         [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n{TABLES}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SystemSecrets;

    #[test]
    fn the_configuration_is_valid_and_names_all_that_is_searched_for() {
        for port in [0, PORT] {
            let config = Config::parse(&configuration(port, 5432), Path::new("/"), &SystemSecrets).unwrap();
            let shop = config.databases.get(DATABASE).unwrap();
            let mut names: Vec<String> = Vec::new();
            for ((_, table), columns) in &shop.tables {
                names.extend(columns.keys().map(|column| format!("{table}.{column}")));
            }
            let data = super::super::data::Data::generate(1, 10, 10);
            let mut searched: Vec<&str> =
                super::super::thief::known_values(&data, &[]).iter().map(|column| column.name).collect();
            names.sort();
            searched.sort();
            assert_eq!(names, searched);
        }
    }
}
