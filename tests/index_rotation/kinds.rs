//! The further search kinds: terms of all of them go over with the index keys, and a kind that is added to the
//! configuration of a column with values is searched by only when all values have its terms.

use std::time::{Duration, Instant};

use pyrite::jobs::{JobState, Request, Target};

use super::application::Application;
use super::fleet::Fleet;

const RANKS: &str = r#"
[databases.postgres.tables."public.ranks"]
score = { type = "int4", search = ["order"], group = "rank" }
title = { type = "text", search = ["order", "caseless", "match"], collation = "C", group = "rank_title" }
"#;
const PLAINER: &str = r#"
[databases.postgres.tables."public.ranks"]
score = { type = "int4", search = ["equality"], group = "rank" }
title = { type = "text", search = ["equality", "caseless"], collation = "C", group = "rank_title" }
"#;

/// How many rows there are; every fifth has no score.
const ROWS: i32 = 200;

fn create(application: &mut Application) {
    application.run("CREATE TABLE ranks (id int, score int4, title text COLLATE \"C\")");
    for n in 0..ROWS {
        let score = if n % 5 == 0 { "NULL".to_owned() } else { (n * 7919 % 1009 - 500).to_string() };
        application.run(&format!("INSERT INTO ranks VALUES ({n}, {score}, 'Title {} of {n}')", n % 13));
    }
}

/// What PostgreSQL would answer, computed here.
fn check_order(application: &mut Application) {
    let scores = (0..ROWS).filter(|n| n % 5 != 0).map(|n| (n * 7919 % 1009 - 500, n));
    let mut expected: Vec<(i32, i32)> = scores.filter(|(score, _)| (-100..250).contains(score)).collect();
    expected.sort_unstable();
    let expected: Vec<String> = expected.into_iter().map(|(_, n)| n.to_string()).collect();
    assert!(expected.len() > 30);
    let sql = "SELECT id FROM ranks WHERE score >= -100 AND score < 250 ORDER BY score, id";
    assert_eq!(application.column(sql), expected);
    let mut titles: Vec<(String, i32)> = (0..ROWS).map(|n| (format!("Title {} of {n}", n % 13), n)).collect();
    titles.sort();
    let first: Vec<String> = titles.iter().take(20).map(|(_, n)| n.to_string()).collect();
    assert_eq!(application.column("SELECT id FROM ranks ORDER BY title LIMIT 20"), first);
}

/// How many values have the term that this function cuts out.
fn with(fleet: &Fleet, function: &str, column: &str) -> i64 {
    fleet.number(&format!("SELECT count({function}({column})) FROM ranks"))
}

#[test]
fn terms_of_all_kinds_go_over_with_the_index_keys() {
    let fleet = Fleet::start_with(RANKS);
    let mut applications = [Application::connect(&fleet, 0), Application::connect(&fleet, 1)];
    create(&mut applications[0]);
    for sql in [
        "CREATE INDEX ranks_score ON ranks (score)",
        "CREATE INDEX ranks_title ON ranks (title)",
        "CREATE INDEX ranks_lower ON ranks (lower(title))",
        "CREATE INDEX ranks_parts ON ranks USING gin (title gin_trgm_ops)",
    ] {
        applications[0].run(sql);
    }
    assert_eq!(fleet.names("pyrite.ord"), ["ranks_score_order"]);
    assert_eq!(fleet.names("pyrite.ord_head"), ["ranks_title_order"]);
    assert_eq!(fleet.names("pyrite.eq_caseless"), ["ranks_lower"]);
    assert_eq!(fleet.names("pyrite.match"), ["ranks_parts"]);
    applications.iter_mut().for_each(check_order);
    let plan =
        applications[0].column("EXPLAIN (COSTS OFF) SELECT id FROM ranks ORDER BY score LIMIT 3").join("\n");
    assert!(plan.contains("ranks_score_order"), "{plan}");
    assert_eq!(fleet.check(), (0, String::new()));

    for group in ["rank", "rank_title"] {
        let job = fleet.submit(Request::RotateIndexKey(Target::Group(group.into())));
        let state = std::thread::scope(|scope| {
            let work = scope.spawn(|| fleet.work(job, None));
            while !work.is_finished() {
                applications.iter_mut().for_each(check_order);
            }
            work.join().unwrap()
        });
        assert_eq!(state, JobState::Done, "{}", fleet.error_of(job));
    }
    applications.iter_mut().for_each(check_order);
    assert_eq!(fleet.names("pyrite.ord_b"), ["ranks_score_order"]);
    assert_eq!(fleet.names("pyrite.ord_head_b"), ["ranks_title_order"]);
    assert_eq!(fleet.names("pyrite.eq_caseless_b"), ["ranks_lower"]);
    assert_eq!(fleet.names("pyrite.match_b"), ["ranks_parts"]);
    for (old, new, column) in [
        ("pyrite.ord", "pyrite.ord_b", "title"),
        ("pyrite.ord_head", "pyrite.ord_head_b", "title"),
        ("pyrite.eq_caseless", "pyrite.eq_caseless_b", "title"),
        ("pyrite.match", "pyrite.match_b", "title"),
    ] {
        assert_eq!((with(&fleet, old, column), with(&fleet, new, column)), (0, i64::from(ROWS)), "{new}");
    }
    assert_eq!(with(&fleet, "pyrite.ord", "score"), 0);
    assert_eq!(with(&fleet, "pyrite.ord_b", "score"), i64::from(ROWS - ROWS / 5));
    // Each kind has a key of its own, and none is in use any more.
    for purpose in ["equality", "order", "caseless", "match"] {
        let retired = fleet.number(&format!(
            "SELECT count(*) FROM pyrite.keys k JOIN pyrite.groups g ON g.id = k.group_id
             WHERE g.name = 'rank_title' AND k.purpose = '{purpose}' AND k.state = 'retired'"
        ));
        assert_eq!(retired, 1, "{purpose}");
    }
    let orders = fleet.retired_keys("rank_title", "order");
    let destroyed = fleet.submit(Request::DestroyKey(orders[0]));
    assert_eq!(fleet.work(destroyed, None), JobState::Done, "{}", fleet.error_of(destroyed));
    applications.iter_mut().for_each(check_order);
    assert_eq!(fleet.check(), (0, String::new()));
}

#[test]
fn a_kind_that_is_added_later_is_searched_by_when_all_values_have_it() {
    let mut fleet = Fleet::start_with(PLAINER);
    let mut application = Application::connect(&fleet, 0);
    create(&mut application);
    assert_eq!(with(&fleet, "pyrite.ord", "score"), 0);
    assert_eq!(with(&fleet, "pyrite.eq_caseless", "title"), i64::from(ROWS));
    drop(application);

    fleet.restart_with(RANKS).unwrap();
    let mut application = Application::connect(&fleet, 0);
    // Conditions are answered all the same, decided on the values; an order needs the terms.
    application.run("SELECT id FROM ranks WHERE score < 0");
    let ordered = "SELECT id FROM ranks ORDER BY score";
    let refused = application.refused(ordered);
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.code().code(), "0A000");
    assert!(refused.hint().unwrap().contains("REPAIR"), "{refused:?}");
    assert!(fleet.check().1.contains("nothing is searched by order in score yet"), "{:?}", fleet.check());
    // New values have the terms at once, and that is not enough.
    application.run("INSERT INTO ranks VALUES (9999, 7, 'new')");
    assert_eq!(with(&fleet, "pyrite.ord", "score"), 1);
    application.refused(ordered);
    application.run("DELETE FROM ranks WHERE id = 9999");
    // Values without them stay writable.
    application.run("UPDATE ranks SET id = id");

    for group in ["rank", "rank_title"] {
        let job = fleet.submit(Request::Repair(Target::Group(group.into())));
        assert_eq!(fleet.work(job, None), JobState::Done, "{}", fleet.error_of(job));
    }
    // The proxies that serve hear of it when it is done.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !application.takes("SELECT id FROM ranks ORDER BY score, title") {
        assert!(Instant::now() < deadline, "still refused");
        std::thread::sleep(Duration::from_millis(20));
    }
    check_order(&mut application);
    assert_eq!(fleet.check(), (0, String::new()));
    assert_eq!(
        fleet.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pyrite\\_%' AND convalidated"),
        4
    );
    drop(application);

    // A proxy that would write values without them does not start; nor can anybody else write one.
    let refused = fleet.restart_with(PLAINER).unwrap_err();
    assert!(refused.contains("demands order terms"), "{refused}");
}
