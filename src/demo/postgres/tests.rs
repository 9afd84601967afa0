use super::*;

async fn ask(server: &PrivateServer, sql: &str) -> String {
    let (client, connection) = server.connection("postgres").connect(tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let answer = client.query_one(sql, &[]).await.unwrap().get::<_, String>(0);
    drop(client);
    driver.await.unwrap().unwrap();
    answer
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn is_running(pid: i32) -> bool {
    // SAFETY: signal 0 only asks whether the process is there.
    unsafe { libc::kill(pid, 0) == 0 }
}

fn pid_of(server: &PrivateServer) -> i32 {
    let text = std::fs::read_to_string(server.data_dir().join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_server_answers_and_leaves_nothing_behind() {
    let server = PrivateServer::start(&Options::default().set("application_name", "it's a \\ test")).unwrap();
    let (folder, pid) = (server.folder().to_owned(), pid_of(&server));
    assert_eq!(block_on(ask(&server, "SELECT current_setting('fsync')")), "off");
    assert!(server.socket_dir().join(format!(".s.PGSQL.{}", server.port())).exists());
    assert!(is_running(pid));
    drop(server);
    assert!(!is_running(pid));
    assert!(!folder.exists());
}

#[test]
fn a_server_lives_on_when_its_starters_thread_ends() {
    let server = std::thread::spawn(|| PrivateServer::start(&Options::default()).unwrap()).join().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(block_on(ask(&server, "SELECT 'still here'")), "still here");
}

#[test]
fn a_stopped_server_starts_again_with_its_data_and_port() {
    let mut server = PrivateServer::start(&Options::default()).unwrap();
    let port = server.port();
    for crash in [false, true] {
        block_on(ask(&server, "SELECT pg_switch_wal()::text"));
        if crash {
            server.crash()
        } else {
            server.stop()
        }
        assert!(!server.data_dir().join("postmaster.pid").exists() || crash);
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        assert_eq!(block_on(ask(&server, "SELECT 'back'")), "back");
    }
}

#[test]
fn passwords_are_asked_for() {
    for auth in [Auth::Password, Auth::Md5, Auth::Scram] {
        let server = PrivateServer::start(&Options::default().login(auth, "open, sesame")).unwrap();
        let stored = block_on(ask(&server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"));
        assert_eq!(stored.starts_with("md5"), auth == Auth::Md5, "{auth:?}");
        let mut wrong = server.connection("postgres");
        wrong.password("open, sesam");
        assert!(block_on(wrong.connect(tokio_postgres::NoTls)).is_err(), "{auth:?}");
    }
}

#[test]
fn a_setting_that_the_server_refuses_is_told() {
    let error = PrivateServer::start(&Options::default().set("work_mem", "plenty")).unwrap_err().to_string();
    assert!(error.contains("work_mem"), "{error}");
}
