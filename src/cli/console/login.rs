//! Where the console is, and who logs in.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio_postgres::error::SqlState;
use zeroize::Zeroizing;

use super::super::args::ConsoleOptions;
use super::super::failure::Failure;
use super::{passfile, prompt};
use crate::config::{CONSOLE, Config, SecretSource, Secrets as _, SystemSecrets};

/// How long the proxy may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How to log in to a console.
pub(in crate::cli) struct Login {
    host: String,
    port: u16,
    user: String,
    password: Option<Zeroizing<String>>,
}

impl Login {
    /// What the options say, and the configuration and the environment where they say nothing.
    pub(super) fn of(options: &ConsoleOptions) -> Result<Login, Failure> {
        // Somebody who says it all needs no configuration on this machine.
        let user = options.user.clone().or_else(|| variable("PGUSER"));
        let complete = options.host.is_some() && options.port.is_some() && user.is_some();
        let config = if complete { None } else { Some(Config::load(&options.file.config)?) };
        let listen = config.as_ref().map(|config| config.listen);
        let address = listen.map(|listen| match listen.ip() {
            IpAddr::V4(address) if address.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::V6(address) if address.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
            address => address,
        });
        let host = options.host.clone().or_else(|| address.map(|address| address.to_string()));
        let port = options.port.or_else(|| listen.map(|listen| listen.port()));
        // The only role that may is surely meant.
        let listed = config.as_ref().and_then(|config| match config.admin.roles.len() {
            1 => config.admin.roles.first().cloned(),
            _ => None,
        });
        let user = user.or(listed).or_else(|| variable("USER"));
        let (Some(host), Some(port), Some(user)) = (host, port, user) else {
            return Err(Failure::new("it is not clear who shall log in", "add --user ROLE"));
        };
        let mut login = Login { host, port, user, password: None };
        login.password = match &options.password_file {
            Some(path) => Some(
                SystemSecrets
                    .read(&SecretSource::File(path.clone()))
                    .map_err(|error| Failure::new(error.message, error.way_out))?,
            ),
            None => variable("PGPASSWORD").map(Zeroizing::new),
        };
        if login.password.is_none() {
            login.password = passfile::find(&login.host, login.port, CONSOLE, &login.user);
        }
        Ok(login)
    }

    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host(&self.host).port(self.port).user(&self.user).dbname(CONSOLE);
        config.application_name("pyrite command line").connect_timeout(TIMEOUT);
        if let Some(password) = &self.password {
            config.password(password.as_bytes());
        }
        config
    }

    /// Whether an attempt failed for want of a password that somebody could type.
    pub(super) fn wants_password(&self, error: &tokio_postgres::Error) -> bool {
        // The library has no name for it; a server's refusal would have a code.
        let missing = error.code().is_none() && chain(error).contains("password missing");
        self.password.is_none() && missing && std::io::stdin().is_terminal()
    }

    pub(super) fn ask_password(&mut self) -> Result<(), Failure> {
        self.password = Some(prompt::secret(&format!("Password of {}: ", self.user))?);
        Ok(())
    }

    /// What went wrong, in terms of the options.
    pub(super) fn explain(&self, error: &tokio_postgres::Error) -> Failure {
        let Login { host, port, user, .. } = self;
        if let Some(reply) = error.as_db_error() {
            let what =
                format!("{user}@{host}:{port}: {} (SQLSTATE {})", reply.message(), reply.code().code());
            let way_out = match (reply.hint(), reply.code()) {
                (Some(hint), _) => hint.to_owned(),
                (_, &SqlState::INVALID_PASSWORD) => {
                    "give the password by PGPASSWORD, .pgpass or --password-file".into()
                }
                (_, &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                    "name a role of the server with --user".into()
                }
                _ => "the proxy's log may say more".into(),
            };
            return Failure::new(what, way_out);
        }
        let cause = chain(error);
        if cause.contains("password missing") {
            let way_out = "give it by PGPASSWORD, .pgpass or --password-file";
            return Failure::new(format!("{user}@{host}:{port} asks for a password"), way_out);
        }
        Failure::new(
            format!("cannot talk to the proxy at {host}:{port}: {cause}"),
            "is `pyrite run` running there? The address is `listen` of pyrite.toml, or --host and --port",
        )
    }
}

/// An error with what caused it.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
