//! Who gets in.

use pyrite::config::{Admin, Config, Limits, RootKey, Service, Upstream};
use pyrite::demo::postgres::{Auth, Options, PrivateServer};
use pyrite::server::Server;
use tokio_postgres::NoTls;

use crate::Stage;
use crate::support::raw::Client;
use crate::support::server;

fn refused(port: u16, settings: &[(&str, &str)]) -> String {
    Client::try_connect(port, settings).map(|_| "let in".to_owned()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn without_roles_the_console_is_closed_and_says_how_to_open_it() {
    let stage = Stage::with("");
    let error = refused(stage.pyrite.port(), &[("user", "postgres"), ("database", "pyrite")]);
    assert!(
        error.contains("42501") && error.contains("closed") && error.contains("[admin] roles"),
        "{error}"
    );
    assert!(stage.pyrite.alive());
}

#[test]
fn only_listed_roles_get_in_whatever_they_say_at_the_start() {
    let stage = Stage::start();
    server::shared().connect("postgres").run(
        "CREATE ROLE clerk LOGIN IN ROLE postgres; ALTER ROLE clerk SET role = 'postgres'; CREATE ROLE nologin",
    );
    let port = stage.pyrite.port();
    for options in ["", "-c role=postgres", "-c session_authorization=postgres"] {
        let settings =
            [("user", "clerk"), ("database", "pyrite"), ("options", options), ("role", "postgres")];
        let error = refused(port, &settings);
        assert!(error.contains("42501") && error.contains("clerk"), "{options}: {error}");
    }
    // What the server finds wrong only after the password comes from the server.
    let error = refused(port, &[("user", "nologin"), ("database", "pyrite")]);
    assert!(error.contains("28000"), "{error}");
    let error = refused(port, &[("user", "nobody_at_all"), ("database", "pyrite")]);
    assert!(error.contains("28000"), "{error}");
    let doubled = [("user", "postgres"), ("user", "clerk"), ("database", "pyrite")];
    assert!(refused(port, &doubled).contains("clerk"), "the last one counts, as in PostgreSQL");
    let mut client = stage.console();
    assert_eq!(client.column("SELECT current_user"), [Some("postgres".into())]);
    server::shared().connect("postgres").run("DROP ROLE clerk; DROP ROLE nologin");
}

#[test]
fn passwords_are_checked_by_the_server() {
    const PASSWORD: &str = "open, sesame";
    for auth in [Auth::Password, Auth::Md5, Auth::Scram] {
        let server = PrivateServer::start(&Options::default().login(auth, PASSWORD)).unwrap();
        let proxy = Server::start(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            upstream: Upstream::Tcp("127.0.0.1".into(), server.port()),
            workers: Some(1),
            limits: Limits { clients: 5, ..Limits::default() },
            service: Service { user: "postgres".into(), password: None },
            root: RootKey::File("none".into()),
            next_root: None,
            state: None,
            admin: Admin { roles: ["postgres".to_owned()].into(), database: Some("postgres".into()) },
            databases: Default::default(),
            path: None,
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut login = tokio_postgres::Config::new();
            login.host("127.0.0.1").port(proxy.local_addr().port()).user("postgres").dbname("pyrite");
            let error = login.clone().password("wrong").connect(NoTls).await.err().unwrap();
            assert_eq!(error.code().unwrap().code(), "28P01", "{auth:?}");
            let (client, connection) = login.password(PASSWORD).connect(NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let row = client.query_one("SHOW VERSION", &[]).await.unwrap();
            assert!(row.get::<_, &str>(0).starts_with("pyrite "), "{auth:?}");
            drop(client);
            connection.await.unwrap().unwrap();
        });
        proxy.shutdown();
    }
}
