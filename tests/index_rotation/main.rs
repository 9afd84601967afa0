//! Rotation of an index key through running proxies: at every commit the job is killed, and what applications see must
//! be exact: lookups, joins, uniqueness, ON CONFLICT.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by panicking

mod application;
mod fleet;
mod kinds;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use pyrite::jobs::{Checkpoint, JobState, Moment, Point, Request, Target};

use application::Application;
use fleet::Fleet;

/// A commit of a job: the step, what is committed, which side of it.
type Stop = (&'static str, &'static str, Moment);

/// Stops the job once at each point that it has not stopped at before.
fn walker(stops: &Arc<Mutex<BTreeSet<Stop>>>) -> Checkpoint {
    let stops = Arc::clone(stops);
    Arc::new(move |point: &Point| {
        match stops.lock().unwrap().insert((point.step, point.what, point.moment)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })
}

#[test]
fn applications_see_exact_answers_at_every_commit() {
    let fleet = Fleet::start();
    let mut applications = [Application::connect(&fleet, 0), Application::connect(&fleet, 1)];
    applications[0].create();
    let old_terms = fleet.terms();
    assert!(old_terms.len() > 100);
    applications.iter_mut().for_each(Application::check);
    assert_eq!(fleet.names("pyrite.eq_b"), Vec::<String>::new());
    let names = fleet.names("pyrite.eq");
    assert!(names.len() >= 6, "{names:?}");

    let job = fleet.submit(Request::RotateIndexKey(Target::Group("mail".into())));
    let stops = Arc::default();
    loop {
        let state = fleet.work(job, Some(walker(&stops)));
        for application in &mut applications {
            application.check();
        }
        match state {
            JobState::Done => break,
            JobState::Running => {}
            other => panic!("{other:?}: {}", fleet.error_of(job)),
        }
    }
    let stops = stops.lock().unwrap().clone();
    let steps: BTreeSet<&str> = stops.iter().map(|(step, ..)| *step).collect();
    for step in pyrite::jobs::index::Step::ALL.into_iter().skip(1) {
        assert!(steps.contains(step.as_str()), "never stopped at {}: {steps:?}", step.as_str());
    }
    // Definitions went over, under the same names, and no other one came.
    assert_eq!(fleet.names("pyrite.eq_b"), names);
    assert_eq!(fleet.names("pyrite.eq"), Vec::<String>::new());
    assert_eq!(fleet.check(), (0, String::new()));

    // Nothing is left of the old key, and it can be destroyed.
    let [old] = fleet.retired_index_keys("mail").try_into().expect("one retired index key");
    let destroyed = fleet.submit(Request::DestroyKey(old));
    assert_eq!(fleet.work(destroyed, None), JobState::Done, "{}", fleet.error_of(destroyed));
    assert_eq!(fleet.rewritten_files_with(&old_terms), Vec::<String>::new());
    applications.iter_mut().for_each(Application::check);

    // And back, while both applications work.
    let between = fleet.terms();
    let job = fleet.submit(Request::RotateIndexKey(Target::Group("mail".into())));
    let state = std::thread::scope(|scope| {
        let work = scope.spawn(|| fleet.work(job, None));
        while !work.is_finished() {
            applications.iter_mut().for_each(Application::check);
        }
        work.join().unwrap()
    });
    assert_eq!(state, JobState::Done, "{}", fleet.error_of(job));
    assert_eq!(fleet.names("pyrite.eq"), names);
    assert_eq!(fleet.names("pyrite.eq_b"), Vec::<String>::new());
    assert_eq!(fleet.rewritten_files_with(&between), Vec::<String>::new());
    applications.iter_mut().for_each(Application::check);
    assert_eq!(fleet.check(), (0, String::new()));
}

#[test]
fn a_rotation_is_given_up_at_any_step_before_the_switch() {
    let fleet = Fleet::start();
    let mut application = Application::connect(&fleet, 0);
    application.create();
    let names = fleet.names("pyrite.eq");
    // Nothing is committed by the check.
    for last in pyrite::jobs::index::Step::ALL.into_iter().skip(1).filter(|step| step.can_be_undone()) {
        let job = fleet.submit(Request::RotateIndexKey(Target::Group("mail".into())));
        let stop = stop_behind(last.as_str());
        assert_eq!(fleet.work(job, Some(stop)), JobState::Running, "{last:?} {}", fleet.error_of(job));
        application.check();
        fleet.cancel(job);
        assert_eq!(fleet.work(job, None), JobState::Cancelled, "{last:?} {}", fleet.error_of(job));
        application.check();
        assert_eq!(fleet.names("pyrite.eq"), names);
        assert_eq!(fleet.names("pyrite.eq_b"), Vec::<String>::new());
        assert_eq!(fleet.check(), (0, String::new()));
    }
}

/// Stops behind the first commit of a step that is more than its entry, or before the next step.
fn stop_behind(step: &'static str) -> Checkpoint {
    let inside = std::sync::atomic::AtomicBool::new(false);
    Arc::new(move |point: &Point| {
        use std::sync::atomic::Ordering::SeqCst;
        let within = point.step == step;
        let before = inside.fetch_or(within, SeqCst);
        let worked = within && point.what != "step" && point.moment == Moment::After;
        match worked || before && !within {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })
}

/// Stops behind the entry of a step.
fn stop_in(step: &'static str) -> Checkpoint {
    Arc::new(move |point: &Point| match point.step == step && point.moment == Moment::After {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
}

#[test]
fn upserts_race_while_there_are_two_unique_indexes() {
    let fleet = Fleet::start();
    let mut applications = [Application::connect(&fleet, 0), Application::connect(&fleet, 1)];
    applications[0].create();
    let job = fleet.submit(Request::RotateIndexKey(Target::Group("mail".into())));
    // Before the switch the copy is the index that is no arbiter, behind it the original.
    for (from, step) in [(10_000, "redefine"), (20_000, "replace indexes")] {
        assert_eq!(fleet.work(job, Some(stop_in(step))), JobState::Running, "{}", fleet.error_of(job));
        std::thread::scope(|scope| {
            for application in &mut applications {
                scope.spawn(move || application.race(from..from + 300));
            }
        });
        let rows = fleet.bytes("SELECT int4send(count(*)::int4) FROM people WHERE note IS NOT NULL");
        assert_eq!(rows, 300i32.to_be_bytes());
        fleet.run("DELETE FROM people WHERE note IS NOT NULL");
    }
    assert_eq!(fleet.work(job, None), JobState::Done, "{}", fleet.error_of(job));
    applications.iter_mut().for_each(Application::check);
}

#[test]
fn obstacles_are_refused_and_definitions_wait() {
    let fleet = Fleet::start();
    let mut application = Application::connect(&fleet, 0);
    application.create();
    fleet.run(
        "CREATE MATERIALIZED VIEW counts AS SELECT pyrite.eq(email) AS term, count(*) FROM people GROUP BY 1",
    );
    let refused = fleet.try_submit(Request::RotateIndexKey(Target::Group("mail".into()))).unwrap_err();
    assert_eq!(refused.sqlstate(), "55000");
    assert!(refused.to_string().contains("materialized view public.counts"), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("Nothing was changed")));
    fleet.run("DROP MATERIALIZED VIEW counts");
    let stored: String = fleet
        .bytes("SELECT email::bytea FROM people WHERE id = 1")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();

    let job = fleet.submit(Request::RotateIndexKey(Target::Group("mail".into())));
    assert_eq!(fleet.work(job, Some(stop_in("write new terms"))), JobState::Running);
    // Nobody's index is lost between two looks of the job.
    for statement in [
        "CREATE INDEX late ON people (email)",
        "CREATE UNIQUE INDEX CONCURRENTLY late ON people (city, email)",
    ] {
        let error = application.refused(statement);
        assert_eq!(error.code().map(|code| code.code()), Some("55006"), "{statement}: {error}");
    }
    let error = application.refused("CREATE TABLE later (id int, email varchar(100) UNIQUE)");
    assert_eq!(error.code().map(|code| code.code()), Some("55006"), "{error}");
    // One that comes past the proxies goes over with the others.
    fleet.run("CREATE INDEX late ON people (pyrite.eq(email), id)");
    assert_eq!(fleet.work(job, None), JobState::Done, "{}", fleet.error_of(job));
    assert!(fleet.names("pyrite.eq_b").contains(&"late".to_owned()));
    application.check();
    application.run("CREATE INDEX later ON people (email)");
    assert!(fleet.names("pyrite.eq_b").contains(&"later".to_owned()));

    // A row from a dump of before the rotation: it opens, and no lookup would find it.
    fleet.run(&format!("UPDATE people SET email = '\\x{stored}' WHERE id = 1"));
    let (status, findings) = fleet.check();
    assert!(status == 1 && findings.contains("lookups miss 1 of 150 values of email"), "{findings}");
    assert!(findings.contains("REPAIR ON public.people.email"), "{findings}");
    let repair = fleet.submit(Request::Repair(Target::Group("mail".into())));
    assert_eq!(fleet.work(repair, None), JobState::Done, "{}", fleet.error_of(repair));
    assert_eq!(fleet.check(), (0, String::new()));
    application.check();
}
