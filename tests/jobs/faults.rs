//! A job is stopped dead before and after each of its commits, and another proxy brings it to its end.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyrite::jobs::{Checkpoint, JobState, Kind, Moment, Options, Point, Request, Settings, Target};
use pyrite::server::Server;
use tokio_postgres::Client;

use super::run;
use super::stage::{Proxy, Stage, done};

/// Which commit: step, what, which one of these, and the side of it.
type Place = (&'static str, &'static str, u32, Moment);

/// Counts the commits of a job, and stops it at one of them.
fn stopping(at: Option<Place>, seen: Arc<Mutex<Vec<Place>>>) -> Settings {
    let checkpoint: Checkpoint = Arc::new(move |point: &Point| {
        let mut seen = seen.lock().unwrap();
        let same = |place: &&Place| place.0 == point.step && place.1 == point.what && place.3 == point.moment;
        let before = u32::try_from(seen.iter().filter(same).count()).unwrap();
        let place = (point.step, point.what, before, point.moment);
        seen.push(place);
        if at == Some(place) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    Settings {
        checkpoint: Some(checkpoint),
        lease: Duration::from_secs(2),
        share: 100,
        ..Settings::default()
    }
}

/// Tables with values in them, made through a proxy that is gone when this returns.
async fn fill(stage: &Stage) {
    let server = stage.serve().await;
    let app = stage.app(&server).await;
    app.batch_execute(
        "CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text);
         CREATE TABLE events (email text, at int);
         CREATE INDEX events_email_idx ON events (email)",
    )
    .await
    .unwrap();
    for n in 0..40i32 {
        app.execute("INSERT INTO people VALUES ($1, $2, 'n')", &[&n, &format!("m{n}@b.c")]).await.unwrap();
        app.execute("INSERT INTO events VALUES ($1, $2)", &[&format!("m{}@b.c", n % 9), &n]).await.unwrap();
    }
    app.batch_execute(
        "CREATE VIEW both_of_them AS SELECT p.id, e.at FROM people p JOIN events e ON p.email = e.email",
    )
    .await
    .unwrap();
    drop(app);
    close(server).await;
}

async fn close(server: Server) {
    tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap();
}

/// Everything that an application can see of the values.
async fn check(app: &Client) {
    let count =
        |query: &'static str| async move { app.query_one(query, &[]).await.unwrap().get::<_, i64>(0) };
    assert_eq!(count("SELECT count(*) FROM people WHERE email = 'm7@b.c'").await, 1);
    assert_eq!(count("SELECT count(*) FROM events WHERE email IN ('m7@b.c', 'm8@b.c')").await, 8);
    assert_eq!(count("SELECT count(*) FROM people p JOIN events e ON p.email = e.email").await, 40);
    assert_eq!(count("SELECT count(*) FROM both_of_them").await, 40);
    assert_eq!(app.query("SELECT email, note FROM people", &[]).await.unwrap().len(), 40);
    let twice = app.execute("INSERT INTO people VALUES (99, 'm7@b.c')", &[]).await.unwrap_err();
    let twice = twice.as_db_error().unwrap();
    assert_eq!((twice.code().code(), twice.constraint()), ("23505", Some("people_email_key")));
    app.execute("INSERT INTO people VALUES (7, 'm7@b.c') ON CONFLICT (email) DO UPDATE SET note = 'm'", &[])
        .await
        .unwrap();
}

async fn submit(proxy: &Proxy, request: &Request) -> i64 {
    proxy.jobs.submit(request.clone(), Options::default(), "test").await.unwrap()[0]
}

/// Stops the job at one place, looks at the values, and lets another proxy finish.
async fn stop_and_take_over(stage: &Stage, request: &Request, at: Place) {
    let mut first = stage.proxy(stopping(Some(at), Arc::default())).await;
    let id = submit(&first, request).await;
    first.ended().await;
    let job = first.jobs.get(id).await.unwrap();
    assert!(!job.state.is_over() || at.3 == Moment::After, "{at:?}: {job:?}");
    first.kill(stage).await;
    // Serves applications, and takes the job over.
    let server = stage.serve().await;
    let app = stage.app(&server).await;
    check(&app).await;
    let second = stage.proxy(stopping(None, Arc::default())).await;
    let job = done(&second.jobs, id).await;
    assert_eq!(job.state, JobState::Done, "{at:?}: {job:?}");
    check(&app).await;
    let stale = "SELECT (SELECT count(*) FROM people, pyrite.keys k WHERE k.state <> 'primary' AND pyrite.key_id(email) = k.id)
        + (SELECT count(*) FROM events, pyrite.keys k WHERE k.state <> 'primary'
           AND k.id IN (pyrite.key_id(email), substr(email, 17, 8)))
        + (SELECT count(*) FROM pyrite.keys WHERE state IN ('active', 'fading'))
        + (SELECT count(*) FROM pg_class WHERE relname LIKE 'pyrite_new%')";
    let admin = stage.admin("shop").await;
    let stale: i64 = admin.query_one(stale, &[]).await.unwrap().get(0);
    assert_eq!(stale, 0, "{at:?}");
    drop(app);
    close(server).await;
    second.stop(stage).await;
}

/// So many servers share the walk: most of its time is waiting.
const LANES: usize = 3;

/// Walks places until none is left.
async fn lane(stage: &Stage, request: &Request, places: &Mutex<Vec<Place>>) {
    loop {
        let next = places.lock().unwrap().pop();
        let Some(place) = next else { return };
        stop_and_take_over(stage, request, place).await;
    }
}

/// Every commit of a job of this kind is walked, as the job itself announces them.
fn walk(request: Request, kind: Kind) {
    run(async {
        let stage = Stage::new().await;
        fill(&stage).await;
        let seen: Arc<Mutex<Vec<Place>>> = Arc::default();
        let proxy = stage.proxy(stopping(None, Arc::clone(&seen))).await;
        let id = submit(&proxy, &request).await;
        done(&proxy.jobs, id).await;
        proxy.stop(&stage).await;
        let places: Vec<Place> = seen.lock().unwrap().clone();
        let steps: BTreeSet<&str> = places.iter().map(|place| place.0).collect();
        let all: BTreeSet<&str> = kind.steps().into_iter().collect();
        // The first step is entered by the one who asks for the job.
        let missing: Vec<_> = all.difference(&steps).filter(|step| **step != "check").collect();
        assert!(missing.is_empty(), "steps without a commit: {missing:?}");
        let places = Arc::new(Mutex::new(places));
        let others = (1..LANES).map(|_| {
            let (request, places) = (request.clone(), Arc::clone(&places));
            let walk = move || {
                run(async {
                    let stage = Stage::new().await;
                    fill(&stage).await;
                    lane(&stage, &request, &places).await;
                });
            };
            tokio::task::spawn_blocking(walk)
        });
        let others: Vec<_> = others.collect();
        lane(&stage, &request, &places).await;
        for other in others {
            other.await.unwrap();
        }
    });
}

#[test]
fn a_data_key_rotation_survives_a_crash_at_every_commit() {
    walk(Request::RotateKey(Target::Group("mail".to_owned())), Kind::RotateKey);
}

#[test]
fn an_index_key_rotation_survives_a_crash_at_every_commit() {
    walk(Request::RotateIndexKey(Target::Group("mail".to_owned())), Kind::RotateIndexKey);
}
