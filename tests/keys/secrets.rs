//! Key bytes appear nowhere: not in what is printed, logged, stored, or sent to the server.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use pyrite::crypto::{Envelope, Key};
use pyrite::keys::{
    Change, Escrow, KeyPurpose, Memory, RootKey, RootNote, change, export, import, install, load_or_create,
    reload, rotate_root, stored_root,
};
use pyrite::transform::{Goal, Resealer};

use super::cluster::{Cluster, names, run};

const PASSPHRASE: &str = "correct horse battery staple";
/// The bytes that the keys of the pinned escrow file consist of, and those of two root keys.
const KEYS: [u8; 7] = [11, 12, 13, 20, 21, 0xA7, 0xB9];

fn root(byte: u8) -> RootKey {
    RootKey::new(&Key::new([byte; 32]))
}

fn escrow_file() -> Vec<u8> {
    let text = include_str!("../vectors/escrow_v1.txt");
    let digits = text.lines().find(|line| !line.starts_with('#')).unwrap();
    let byte = |n: usize| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap();
    (0..digits.len() / 2).map(byte).collect()
}

/// Which keys, or passphrase, these bytes show: as they are, or in a form that a program prints.
fn shown(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let has = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    for key in KEYS {
        let forms = [
            vec![key; 32],
            format!("{key:02x}").repeat(32).into_bytes(),
            format!("{key:02X}").repeat(32).into_bytes(),
            format!("{key}, ").repeat(8).into_bytes(),
            format!("\\x{key:02x}").repeat(8).into_bytes(),
        ];
        found.extend(forms.iter().filter(|form| has(form)).map(|_| format!("key {key:02x}")));
    }
    if has(PASSPHRASE.as_bytes()) {
        found.push("the passphrase".to_owned());
    }
    found
}

/// All files below a folder.
fn files(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.push(path);
        }
    }
}

/// Where the logs of this thread go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn key_bytes_appear_nowhere() {
    for sample in [
        format!("{:?}", [12u8; 32]),
        "0c".repeat(32),
        String::from_utf8(vec![12; 32]).unwrap(),
        PASSPHRASE.to_owned(),
    ] {
        assert!(!shown(sample.as_bytes()).is_empty(), "the scan finds {sample:?}");
    }
    let log = Log::default();
    let subscriber = {
        let log = log.clone();
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || log.clone())
    };
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    // A server of its own, which writes down each statement and each parameter.
    let cluster = Arc::new(Cluster::start());
    let mut printed = String::new();
    run(async {
        let mut service = cluster.database("secrets").await;
        let admin = cluster.connect("admin", "postgres").await;
        for setting in ["log_statement = 'all'", "log_parameter_max_length_on_error = -1"] {
            admin.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
        }
        admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        install(&mut service).await.unwrap();
        let folder = cluster.folder.join("memory");
        std::fs::create_dir(&folder).unwrap();

        let mut print = |what: &dyn std::fmt::Debug| printed.push_str(&format!("{what:?} {what:#?}\n"));
        let escrow = Escrow::open(&escrow_file(), PASSPHRASE).unwrap();
        let note = RootNote { provider: "test".to_owned(), wrapped: Some(b"elsewhere".to_vec()) };
        print(&import(&mut service, &escrow, &root(0xA7), &note).await);
        let keyring = load_or_create(&mut service, &root(0xA7), &names(&["email"])).await.unwrap();
        let group = keyring.group_id("email").unwrap();
        print(&(&escrow, &note, &keyring, keyring.keys(), root(0xA7), Key::new([12; 32])));
        print(&stored_root(&mut service).await);
        let memory = Memory::new(&folder, "secrets");
        memory.keep(&keyring).unwrap();
        print(&memory);

        let mut cipher = pyrite::keys::CellCipher::new(keyring.clone());
        let mut value = Vec::new();
        cipher.seal(&group, 1, b"value", Some(b"value"), &mut value).unwrap();
        print(&(&cipher, Envelope::parse(&value).unwrap()));
        let fading = keyring.index_keys(&group, KeyPurpose::Equality).next().unwrap().id;
        let changes = [Change::AddData { group }, Change::Retire { id: fading }];
        let changed = change(&mut service, &root(0xA7), &keyring, &changes).await.unwrap();
        let mut resealer = Resealer::new(changed.clone());
        print(&resealer.reseal(&group, None, Goal::IndexTerms, &value, &mut Vec::new()));
        print(&resealer);
        let file = export(&mut service, &root(0xA7), PASSPHRASE).await.unwrap();
        assert_eq!(shown(&file), [""; 0], "in the escrow file");
        let turned = rotate_root(&mut service, &root(0xA7), &root(0xB9), &note, &changed).await.unwrap();
        print(&reload(&mut service, &root(0xB9), &turned).await);

        // And whatever is said when it goes wrong.
        let promote = [Change::Promote { id: fading }];
        print(&change(&mut service, &root(0xB9), &turned, &promote).await.unwrap_err());
        print(&import(&mut service, &escrow, &root(0xA7), &note).await.unwrap_err());
        print(&Escrow::open(&file, "another long passphrase").unwrap_err());
        print(&reload(&mut service, &root(0xA7), &turned).await.unwrap_err());
        service
            .batch_execute("UPDATE pyrite.keys SET wrapped = '\\x01' WHERE state = 'primary'")
            .await
            .unwrap();
        let tampered = reload(&mut service, &root(0xB9), &turned).await.unwrap_err();
        print(&tampered);
        printed.push_str(&format!("{tampered} {:?}", tampered.hint()));
        admin.batch_execute("CHECKPOINT").await.unwrap();
    });
    assert_eq!(shown(printed.as_bytes()), [""; 0], "printed");
    assert_eq!(shown(&log.0.lock().unwrap()), [""; 0], "logged");
    let mut all = Vec::new();
    files(&cluster.folder, &mut all);
    assert!(all.len() > 500, "the server's files are read");
    let statements = std::fs::read_to_string(cluster.folder.join("log")).unwrap();
    assert!(statements.contains("INSERT INTO pyrite.keys") && statements.contains("parameters: $1"));
    for file in all {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert_eq!(shown(&bytes), [""; 0], "in {}", file.display());
    }
}
