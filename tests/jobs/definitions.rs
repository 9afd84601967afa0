//! Definitions in the database that hold an envelope: what they give comes out of no sweep.

use pyrite::jobs::{JobState, Options, Request, Settings, Target};
use pyrite::keys::KeyPurpose;

use super::run;
use super::stage::Stage;

fn mail() -> Target {
    Target::Group("mail".to_owned())
}

#[test]
fn a_key_that_a_definition_needs_is_neither_rotated_away_nor_destroyed() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text)")
            .await
            .unwrap();
        app.execute("INSERT INTO people VALUES (1, 'a@b.c', 'nothing yet')", &[]).await.unwrap();
        let admin = stage.admin("shop").await;
        let envelope: String =
            admin.query_one("SELECT note::bytea::text FROM people", &[]).await.unwrap().get(0);
        let set = format!("ALTER TABLE people ALTER note SET DEFAULT '{envelope}'");
        let proxy = stage.proxy(Settings::default()).await;
        let keyring = proxy.database.keyring();
        let old = keyring.primary(&keyring.group_id("mail").unwrap(), KeyPurpose::Data).unwrap().id;

        // Rows to come would be under the key that is to be left behind.
        admin.batch_execute(&set).await.unwrap();
        let refused = proxy.jobs.submit(Request::RotateKey(mail()), Options::default(), "test").await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("default value for column note of table"), "{refused}");
        // A group that the definition has nothing to do with is none of its business.
        let other = Target::Group("phone".to_owned());
        assert_eq!(proxy.complete(Request::RotateKey(other)).await.state, JobState::Done);

        // Put there behind the rotation's back.
        admin.batch_execute("ALTER TABLE people ALTER note DROP DEFAULT").await.unwrap();
        let job = proxy.complete(Request::RotateKey(mail())).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        admin.batch_execute(&set).await.unwrap();
        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        let error = job.error.unwrap();
        assert!(error.contains("default value for column note of table"), "{error}");
        app.execute("INSERT INTO people (id, email) VALUES (2, 'b@b.c')", &[]).await.unwrap();
        let note = app.query_one("SELECT note FROM people WHERE id = 2", &[]).await.unwrap();
        assert_eq!(note.get::<_, &str>(0), "nothing yet");

        admin.batch_execute("ALTER TABLE people ALTER note DROP DEFAULT").await.unwrap();
        assert_eq!(proxy.complete(Request::Repair(mail())).await.state, JobState::Done);
        assert_eq!(proxy.complete(Request::DestroyKey(old)).await.state, JobState::Done);
        proxy.stop(&stage).await;
    });
}
