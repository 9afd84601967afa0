//! Every fuzz entry point with seeds and with inputs made from them: small changes, cuts, joins. The same inputs
//! in every run, so a failure can be repeated; `fuzz/` looks further.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a property that fails panics

#[path = "../fuzz/entries.rs"]
mod entries;

/// A small generator with a fixed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0) % end.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// One input: a seed, changed in a few places.
fn mutate(random: &mut Random, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(6) {
        let at = random.below(input.len() + 1);
        match random.below(7) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => {
                input[at] = random.pick(&[&0u8, &0xFF, &b'\'', &b'"', &b'\\', &b'$', &b'(']).to_owned()
            }
            2 => input.truncate(at),
            3 => {
                let end = (at + random.below(8)).min(input.len());
                input.drain(at..end);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at..at, other[from..].iter().copied().take(64));
            }
            _ => {
                let word = random.pick(words).as_bytes().to_vec();
                input.splice(at..at, word);
            }
        }
    }
    input
}

fn run(name: &str, count: usize, seeds: &[Vec<u8>], words: &[&str]) {
    let (_, entry) = entries::ALL.iter().find(|(known, _)| *known == name).expect("an entry of this name");
    seeds.iter().for_each(|seed| entry(seed));
    let mut random = Random(0x5079_7269_7465 + name.len() as u64);
    for number in 0..count {
        let input = mutate(&mut random, seeds, words);
        // The panic itself must not decide what is printed: which input it was is worth more.
        if std::panic::catch_unwind(|| entry(&input)).is_err() {
            panic!("{name}, input {number}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}

fn texts(seeds: &[&str]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

#[test]
fn frames() {
    let seeds = vec![
        message(b'Q', b"SELECT 1\0"),
        message(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x19"),
        message(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x03abc\xff\xff\xff\xff\0\x01\0\0"),
        message(b'E', b"p\0\0\0\0\x05"),
        message(b'F', b"\0\0\x04\xd2\0\0\0\0\0\0"),
        message(b'T', b"\0\x01id\0\0\0\x4e\x21\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"),
        message(b'D', b"\0\x02\0\0\0\x01a\xff\xff\xff\xff"),
        message(b'E', b"SERROR\0VERROR\0C42703\0Mno\0\0"),
        message(b't', b"\0\x01\0\0\0\x17"),
        message(b'S', b"TimeZone\0UTC\0"),
        message(b'K', b"\0\0\0\x01\0\0\0\x02"),
        [message(b'Z', b"I"), message(b'R', b"\0\0\0\0")].concat(),
    ];
    run("frames", 40_000, &seeds, &["\0", "\u{7f}", "\0\0\0\u{4}", "P", "B", "D", "T"]);
}

#[test]
fn startup() {
    let packet = |code: u32, rest: &[u8]| {
        let length = u32::try_from(rest.len() + 8).unwrap();
        [&length.to_be_bytes()[..], &code.to_be_bytes(), rest].concat()
    };
    let seeds = vec![
        packet(196_608, b"user\0ada\0database\0shop\0replication\0off\0\0"),
        packet(196_610, b"user\0ada\0_pq_.x\0y\0\0"),
        packet(80_877_103, b""),
        packet(80_877_104, b""),
        packet(80_877_102, b"\0\0\0\x01\0\0\0\x02"),
        packet(131_072, b""),
    ];
    run("startup", 40_000, &seeds, &["\0", "user\0", "replication\0", "\0\u{3}\0\0"]);
}

#[test]
fn console() {
    let mut seeds = texts(&[
        "SHOW KEYS IN DATABASE \"Shop\"; HELP",
        "ROTATE INDEX KEY ON public.\"Customers\".\"e\"\"mail\" FIRING TRIGGERS",
        "ROTATE KEY ON GROUP 'a group'",
        "DESTROY KEY '\\x0123456789abcdef'",
        "RETIRE KEY 12e5678901234567",
        "EXPLAIN IN DATABASE shop SELECT 'é;' /* ; */ ; PAUSE JOB 9",
        "SELECT pg_catalog.version(), 1 AS \"n\", current_setting('TimeZone')",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET TIME ZONE 'UTC'; SHOW TIME ZONE",
    ]);
    seeds.extend(texts(&["BEGIN; COMMIT; DISCARD ALL", "CANCEL JOB 99999999999999999999"]));
    run(
        "console",
        40_000,
        &seeds,
        &[";", "ON", "GROUP", ".", "KEY", "IN DATABASE", "'", "$$", "U&\"", "SHOW "],
    );
}

#[test]
fn envelope() {
    let mut seeds = texts(&["", "a", "alice@example.org"]);
    let header = b"\xff\x50\x59\x52\x01\x07";
    seeds.push([&header[..], &[0; 60]].concat());
    seeds.push([&header[..], b"\0\x01", &[0; 90]].concat());
    seeds.push(
        [&header[..], b"\0\x05", &[0; 32], b"\0\0\0\0\0\0\0\x09\0\0\0\x38\0\0\0\x10", &[0; 70]].concat(),
    );
    run("envelope", 4_000, &seeds, &["\0", "\u{1}", "\0\0\0\0\0\0\0\0"]);
}

#[test]
fn reseal() {
    let mut seeds = texts(&["", "a", "alice@example.org", "Ærø"]);
    let header = b"\xff\x50\x59\x52\x01\x01";
    seeds.push([&header[..], b"\0\x01\0\0\0\0\0\0\0\x01", &[0; 90]].concat());
    seeds.push([&header[..], b"\0\x03\0\0\0\0\0\0\0\x05", &[0; 110]].concat());
    let head: Vec<u8> = [2i32, 1, 17, 1, 1, 1, 1, -1].into_iter().flat_map(i32::to_be_bytes).collect();
    seeds.push(head);
    run("reseal", 2_000, &seeds, &["\0", "\u{1}", "\0\0\0\0\0\0\0\0", "\0\0\0\x01"]);
}

#[test]
fn values() {
    let inputs = [
        "",
        "0",
        "-1",
        "32768",
        "1e400",
        "NaN",
        "-Infinity",
        "12345.6789",
        "1e-40",
        "0.1",
        "t",
        "yes",
        "off",
        "2022-12-20",
        "20 Dec 2022 BC",
        "infinity",
        "2022-12-20 04:05:06.789+02",
        "04:05:06.123456",
        "24:00:00",
        "epoch",
        "January 8, 1999 04:05:06 PST",
        "1999-W01",
        "J2451187",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "{a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11}",
        r#"{"a": [1, 2.50, "\u00e9\ud83d\ude00", null], "a": {}}"#,
        r"\xDEADbeef",
        r"\000\\'",
        "Zoë  ",
        "🦀🦀🦀🦀",
        "{1,NULL,\"a,b\",{2}}",
        "[0:1]={1,2}",
        "varchar(10)",
        "numeric(10,2)",
        "timestamp(3) with time zone",
        "\0\0\0\u{1}",
        "\0\u{1}\0\0\0\0\0\u{2}\0\u{5}\u{9}",
    ];
    let mut seeds = Vec::new();
    for kind in 0..24u8 {
        for format in 0..2u8 {
            seeds.extend(inputs.iter().map(|text| [&[kind, format][..], text.as_bytes()].concat()));
        }
    }
    run(
        "values",
        60_000,
        &seeds,
        &["\0", "9", "-", ".", "e", " ", ":", "+14", "{", "}", "\"", "\\", "é", ","],
    );
}

#[test]
fn config() {
    let seeds = texts(&[
        "",
        "keys.root = { provider = \"file\", path = \"root.key\" }\nlisten = \"[::1]:1\"\nworkers = 2\n",
        "[keys]\nroot = { provider = \"env\", variable = \"A\" }\n[service]\nuser = \"x\"\npassword_env = \"B\"\n",
        "keys.root = { provider = \"env\", variable = \"A\" }\n[databases.shop.tables.\"public.customers\"]\n\
         email = { type = \"varchar(254)\", search = [\"equality\"], group = \"email\" }\n'\"Id\"' = \"text\"\n",
        "[databases.shop.tables.'\"a\".\"b.c\"']\nx = \"numeric(10,2)\"\ny = { type = \"json\", search = [] }\n",
        "upstream = \"/var/run/postgresql:5432\"\nlimits.clients = 0x10\n",
    ]);
    let words =
        ["[", "]", "=", "\"", "'", "\"\"\"", ".", "\n", "{", "}", "é", "\\u0000", "1979-05-27", "0b1", ","];
    run("config", 20_000, &seeds, &words);
}

#[test]
fn planner() {
    let mut seeds = texts(&[
        "SELECT id, email FROM customers WHERE email = 'a@b.c' AND id = $1",
        "INSERT INTO customers (id, email, born) VALUES ($1, $2::varchar, '2000-01-01'), (2, DEFAULT, NULL) RETURNING *",
        "INSERT INTO orders VALUES (1, 'a', -1.50, 'x') ON CONFLICT (buyer) DO UPDATE SET price = EXCLUDED.price",
        "UPDATE customers c SET phone = $1, city = upper(city) FROM orders o WHERE o.buyer = c.email RETURNING c.email",
        "DELETE FROM public.customers WHERE email IN ('a', $1) OR phone = ANY($2) OR born IS NULL",
        "WITH m AS (SELECT email FROM mails) SELECT m.email::text, o.price FROM m JOIN orders o ON o.buyer = m.email",
        "SELECT * FROM (SELECT c.*, row_number() OVER () FROM customers c) t, LATERAL (SELECT price FROM orders) o",
        "SELECT email FROM customers UNION ALL SELECT buyer FROM orders ORDER BY 1 LIMIT 3",
        "CREATE TABLE customers (id int PRIMARY KEY, email varchar(254) UNIQUE, phone text NOT NULL)",
        "COPY customers (id, email) FROM STDIN; SELECT peek(); SELECT 1",
        "SELECT $$it''s$$, $x$ customers $x$, U&\"cust\\006fmers\", E'\\'', /* a /* b */ c */ B'01' -- end",
        "SELECT \"secret\" FROM \"Odd name\" WHERE secret IS DISTINCT FROM 'x'::character varying(5)",
        "PREPARE s (text) AS SELECT id FROM customers WHERE email = $1; EXECUTE s('a')",
        "DO $$ BEGIN PERFORM 1 FROM customers; END $$",
        "SELECT t FROM plain WHERE id = 1",
    ]);
    seeds.push(b"SELECT email FROM customers WHERE email = '\xff'".to_vec());
    let words = [
        " ",
        "'",
        "\"",
        "$1",
        "(",
        ")",
        ",",
        ";",
        "--",
        "/*",
        "*/",
        "$$",
        "::",
        " email ",
        " customers ",
        " = ",
        " IN ",
        " AND ",
        " NOT ",
        " FROM ",
        " WHERE ",
        " SELECT ",
        "*",
        "NULL",
        "E'",
        "U&'",
        " AS ",
        " JOIN ",
        "é",
        "\0",
    ];
    run("planner", 6_000, &seeds, &words);
}

#[test]
fn seeds_reach_the_planner() {
    assert_eq!(
        entries::outcome("SELECT id, email FROM customers WHERE email = 'a@b.c' AND id = $1"),
        "rewritten"
    );
    assert_eq!(entries::outcome("SELECT email FROM mails"), "rewritten");
    assert_eq!(entries::outcome("SELECT email FROM customers WHERE email < 'a'"), "refused");
    assert_eq!(entries::outcome("SELECT t FROM plain WHERE id = 1"), "forwarded");
}

#[test]
fn the_planner_bounds_depth_and_length() {
    let (_, planner) = entries::ALL.iter().find(|(name, _)| *name == "planner").expect("the planner");
    for (open, close) in
        [("(", ")"), ("ARRAY[", "]"), ("CASE WHEN ", " END"), ("NOT ", ""), ("- ", ""), ("1 + ", "")]
    {
        let text = format!(
            "SELECT email FROM customers WHERE email = {}1{}",
            open.repeat(60_000),
            close.repeat(60_000)
        );
        planner(text.as_bytes());
    }
    let chain = format!("SELECT email FROM customers WHERE id = 1{}", " OR id = 1".repeat(60_000));
    planner(chain.as_bytes());
    planner(format!("SELECT email FROM customers{}", " UNION SELECT 1".repeat(20_000)).as_bytes());
    planner(format!("SELECT {}email FROM customers", "(SELECT ".repeat(5_000)).as_bytes());
}

#[test]
fn every_target_has_an_entry_and_every_entry_a_target() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for (name, _) in entries::ALL {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "fuzz/Cargo.toml lacks {name}"
        );
    }
    assert_eq!(manifest.matches("[[bin]]").count(), entries::ALL.len());
}
