//! The relay on databases without encrypted columns, in the process: authentication, both kinds of upstream,
//! COPY, shutdown.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyrite::config::{Admin, Config, Limits, RootKey, Service, Upstream};
use pyrite::demo::postgres::{Auth, Options, PrivateServer};
use pyrite::server::Server;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

const PASSWORD: &str = "open, sesame";

fn proxy(upstream: Upstream, clients: usize) -> Server {
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream,
        workers: Some(1),
        limits: Limits { clients, ..Limits::default() },
        service: Service { user: "postgres".into(), password: None },
        root: RootKey::File(PathBuf::from("none")),
        admin: Admin::default(),
        path: None,
        next_root: None,
        state: None,
        databases: BTreeMap::new(),
    };
    Server::start(config).unwrap()
}

fn tcp(server: &PrivateServer) -> Upstream {
    Upstream::Tcp("127.0.0.1".into(), server.port())
}

async fn connect(proxy: &Server, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(proxy.local_addr().port()).user("postgres").dbname("postgres");
    let (client, connection) = config.password(password).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn one(client: &Client, text: &str) -> String {
    let messages = client.simple_query(text).await.unwrap();
    let row = messages.iter().find_map(|m| if let SimpleQueryMessage::Row(r) = m { Some(r) } else { None });
    row.unwrap().get(0).unwrap().to_owned()
}

#[test]
fn passwords_are_relayed() {
    for auth in [Auth::Trust, Auth::Password, Auth::Md5, Auth::Scram] {
        let server = PrivateServer::start(&Options::default().login(auth, PASSWORD)).unwrap();
        let proxy = proxy(tcp(&server), 10);
        block_on(async {
            let client = connect(&proxy, PASSWORD).await.unwrap();
            assert_eq!(one(&client, "SELECT 6 * 7").await, "42", "{auth:?}");
            let row = client.query_one("SELECT $1::text", &[&"prepared"]).await.unwrap();
            assert_eq!(row.get::<_, &str>(0), "prepared");
            if auth != Auth::Trust {
                let error = connect(&proxy, "open, sesam").await.err().unwrap();
                assert_eq!(error.code().unwrap().code(), "28P01", "{auth:?}");
            }
        });
        proxy.shutdown();
    }
}

#[test]
fn a_unix_socket_upstream_and_the_bound_on_clients() {
    let server = PrivateServer::start(&Options::default()).unwrap();
    let proxy = proxy(Upstream::Unix(server.socket_dir(), server.port()), 1);
    block_on(async {
        let client = connect(&proxy, "").await.unwrap();
        assert_eq!(one(&client, "SELECT pg_catalog.inet_server_addr() IS NULL").await, "t");
        let error = connect(&proxy, "").await.err().unwrap();
        assert_eq!(error.code().unwrap().code(), "53300");
        let rows = one(&client, "SELECT count(*) FROM generate_series(1, 100000)").await;
        assert_eq!(rows, "100000");
    });
}

#[test]
fn a_server_that_is_away_is_an_error_with_its_address() {
    let proxy = proxy(Upstream::Tcp("127.0.0.1".into(), 1), 10);
    block_on(async {
        let error = connect(&proxy, "").await.err().unwrap();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "08001");
        assert!(error.message().contains("127.0.0.1:1"), "{}", error.message());
        assert!(error.hint().is_some());
    });
}

#[test]
fn a_taken_port_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        listen: listener.local_addr().unwrap(),
        upstream: Upstream::Tcp("127.0.0.1".into(), 1),
        workers: Some(1),
        limits: Limits::default(),
        service: Service { user: "postgres".into(), password: None },
        root: RootKey::File(PathBuf::from("none")),
        admin: Admin::default(),
        path: None,
        next_root: None,
        state: None,
        databases: BTreeMap::new(),
    };
    let error = Server::start(config).unwrap_err().to_string();
    assert!(error.contains("port is taken"), "{error}");
}
