use std::fs;
use std::sync::atomic::AtomicBool;

use super::super::data::{Date, Price};
use super::super::postgres::{Options, PrivateServer};
use super::super::shop::Shop;
use super::*;

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("pyrite-thief-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("data/base/5")).unwrap();
    folder
}

fn columns() -> Vec<Column> {
    vec![
        Column {
            name: "text",
            values: ["Zoë Großmann", "Ελένη Μακρή", "欧阳秀英"].map(|t| Known::Text(t.to_owned())).into(),
        },
        Column { name: "number", values: vec![Known::Integer(9_610_000_047_110_005)] },
        Column { name: "price", values: vec![Known::Amount(Price(4_899_050))] },
        Column { name: "day", values: vec![Known::Day(Date::from_days(-5_000))] },
    ]
}

#[test]
fn each_form_is_found_alone_and_in_its_place() {
    let columns = columns();
    let searcher = Searcher::new(&columns);
    let folder = folder("forms");
    let file = folder.join("data/base/5/1234");
    for (index, column) in columns.iter().enumerate() {
        for known in &column.values {
            for (form, needle) in forms::needles(known) {
                // Some bytes before and after, so that offsets are odd and the ends are not the file's.
                fs::write(&file, [&b"\xffabc\x00"[..], &needle, b"=\x80"].concat()).unwrap();
                let found =
                    searcher.search(&Loot::of_folder(&folder).unwrap(), &AtomicBool::new(false)).unwrap();
                for (other, found) in found.iter().enumerate() {
                    assert_eq!(
                        found.found,
                        u32::from(other == index),
                        "{} as {form:?}: {}",
                        column.name,
                        found.name
                    );
                }
                assert_eq!(found[index].by_place, [1, 0, 0, 0, 0]);
                assert_eq!(found[index].by_form[form as usize], 1, "{form:?}");
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_value_across_two_chunks_is_found_and_a_changed_one_is_not() {
    let searcher = Searcher::new(&columns());
    let folder = folder("chunks");
    let name = "Zoë Großmann".as_bytes();
    for start in [(4 << 20) - 5, (4 << 20) - name.len(), 4 << 20, (8 << 20) - 1] {
        let mut haystack = vec![b'-'; 9 << 20];
        haystack[start..start + name.len()].copy_from_slice(name);
        fs::write(folder.join("data/base/5/1"), &haystack).unwrap();
        let found = searcher.search(&Loot::of_folder(&folder).unwrap(), &AtomicBool::new(false)).unwrap();
        assert_eq!(found[0].found, 1, "{start}");
        haystack[start + 3] ^= 1;
        assert_eq!(searcher.search_bytes(&haystack)[0].found, 0);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_search_can_be_called_off() {
    let folder = folder("cancel");
    fs::write(folder.join("data/file"), b"something").unwrap();
    let outcome =
        Searcher::new(&columns()).search(&Loot::of_folder(&folder).unwrap(), &AtomicBool::new(true));
    assert!(matches!(outcome, Err(Stopped::Cancelled)));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_root_key_is_found_as_bytes_and_in_digits() {
    let folder = folder("root");
    let file = folder.with_extension("key");
    fs::write(&file, format!("pyrite-root-1:{}\n", "0123456789abcdef".repeat(4))).unwrap();
    let searcher = Searcher::new(&[root_key(&file).unwrap()]);
    let look =
        || searcher.search(&Loot::of_folder(&folder).unwrap(), &AtomicBool::new(false)).unwrap()[0].found;
    let bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(4);
    for (content, found) in [
        (bytes.clone(), true),
        ("0123456789ABCDEF".repeat(4).into_bytes(), true),
        (forms::base64_part(&bytes, 1), true),
        (vec![7; 64], false),
    ] {
        fs::write(folder.join("data/base/5/2"), [&b"x"[..], &content, b"y"].concat()).unwrap();
        assert_eq!(look(), u32::from(found));
    }
    fs::write(&file, "something else").unwrap();
    assert!(root_key(&file).is_err());
    fs::remove_dir_all(folder).unwrap();
    fs::remove_file(file).unwrap();
}

#[test]
fn the_search_tests_itself() {
    let data = Data::generate(3, 50, 50);
    let columns = known_values(&data, &[]);
    let (found, total) = self_test(&Searcher::new(&columns), &columns);
    assert_eq!(found, total);
    assert!(total > 60, "{total}");
    // With needles of other values it finds next to nothing.
    let others = known_values(&Data::generate(4, 50, 50), &[]);
    assert!(self_test(&Searcher::new(&others), &columns).0 < total / 4);
}

#[tokio::test]
async fn everything_is_found_in_a_plain_database() {
    let options = Options::default().set("log_statement", "all").set("wal_level", "logical");
    let server = PrivateServer::start(&options).unwrap();
    let data = Data::generate(5, 500, 400);
    let shop = Shop::connect(&server.connection("postgres")).await.unwrap();
    shop.create_tables().await.unwrap();
    shop.load(&data).await.unwrap();
    let loot = Loot::steal(&server, "postgres").await.unwrap();
    for place in [Place::Tables, Place::Wal, Place::Log, Place::Dumps] {
        assert!(loot.bytes_in(place) > 10_000, "{place:?}");
    }
    let searcher = Searcher::new(&known_values(&data, &[]));
    for found in searcher.search(&loot, &AtomicBool::new(false)).unwrap() {
        assert_eq!(found.found, found.total, "{}", found.name);
        let [tables, wal, log, dumps, _] = found.by_place;
        // A date's binary form is left to the search by rows.
        if found.name != "customers.birthday" {
            assert_eq!([tables, wal], [found.total; 2], "{}", found.name);
        }
        assert_eq!([log, dumps], [found.total; 2], "{}", found.name);
    }
    let birthdays = birthdays(&loot, &data.customers).unwrap();
    assert_eq!((birthdays.rows, birthdays.own), (500, 500));
    assert!(birthdays.strangers < 5 && !birthdays.is_chance());
    // Other people's values are not there: what the search finds is what was stored.
    let others = Searcher::new(&known_values(&Data::generate(6, 500, 400), &[]));
    let found = others.search(&loot, &AtomicBool::new(false)).unwrap();
    for column in found.iter().filter(|found| ["customers.iban", "sales.vin"].contains(&found.name)) {
        assert_eq!(column.found, 0, "{}", column.name);
    }
}
