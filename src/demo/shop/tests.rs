use super::super::data::Data;
use super::super::postgres::{Options, PrivateServer};
use super::*;

/// The statements and their expected answers are right if plain PostgreSQL says so.
#[tokio::test]
async fn plain_postgresql_gives_all_the_right_answers() {
    let server = PrivateServer::start(&Options::default()).unwrap();
    let data = Data::generate(11, 1_050, 900);
    let shop = Shop::connect(&server.connection("postgres")).await.unwrap();
    shop.create_tables().await.unwrap();
    shop.load(&data).await.unwrap();
    let answers = shop.run(&data).await;
    for group in &answers.groups {
        assert_eq!(group.first_wrong, None, "{}", group.name);
    }
    assert!(answers.all_right() && answers.asked() > 1_500, "{}", answers.asked());
    // And they are answers to what was asked: other data give others.
    let wrong = shop.run(&Data::generate(12, 1_050, 900)).await;
    assert!(!wrong.all_right());
}
