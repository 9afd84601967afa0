//! A proxy without a port, in the test process: it changes keys as jobs do, and sees what others say of themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyrite::config::Config;
use pyrite::database::{Database, Databases, Waiting};
use pyrite::keys::{Change, KeyId, KeyPurpose, KeyState, Keyring};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// One protected database, opened.
pub struct Observer {
    handle: Handle,
    database: Arc<Database>,
    databases: Databases,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Observer {
    /// Opens the only database of a configuration.
    pub fn open(config: &Config) -> Observer {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        // The managers go on while the test does something else.
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        let databases = handle.block_on(Databases::open(config)).unwrap_or_else(|e| panic!("{e}"));
        let database = databases.iter().next().expect("a database").clone();
        Observer { handle, database, databases, stop: Some(stop), thread: Some(thread) }
    }

    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    pub fn keyring(&self) -> Arc<Keyring> {
        self.database.keyring()
    }

    /// Changes keys.
    pub fn change(&self, changes: &[Change]) -> Arc<Keyring> {
        self.run(self.database.change_keys(changes.to_vec())).unwrap_or_else(|e| panic!("{changes:?}: {e}"))
    }

    /// Whom a step that needs this keyring would have to wait for.
    pub fn waiting(&self, counter: u64) -> Vec<Waiting> {
        self.run(async {
            let client = self.database.connect().await.expect("connect");
            self.database.all_drained(&client, counter).await.expect("all_drained")
        })
    }

    /// Waits until all proxies have gone over to a keyring; tells how long that took.
    pub fn settle(&self, counter: u64) -> Duration {
        let began = Instant::now();
        loop {
            let waiting = self.waiting(counter);
            if waiting.is_empty() {
                return began.elapsed();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "still waiting for {waiting:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Makes a change and waits until it is in use everywhere.
    pub fn change_everywhere(&self, changes: &[Change]) -> Arc<Keyring> {
        let keyring = self.change(changes);
        self.settle(keyring.counter());
        keyring
    }

    /// The group of a column, by its name in the configuration.
    pub fn group(&self, name: &str) -> [u8; 16] {
        self.keyring().group_id(name).unwrap_or_else(|| panic!("no key group {name}"))
    }

    /// The newest key of a group that is not in use yet.
    pub fn active(&self, group: &str, purpose: KeyPurpose) -> KeyId {
        let (group, keyring) = (self.group(group), self.keyring());
        let mut keys = keyring.keys().iter().filter(|key| key.group == group && key.purpose == purpose);
        keys.rfind(|key| key.state == KeyState::Active).expect("an active key").id
    }

    /// A new data key, in use everywhere; without the sweep. Gives the one before and the new one.
    pub fn replace_data_key(&self, group: &str) -> (KeyId, KeyId) {
        let id = self.group(group);
        let before = self.keyring().primary(&id, KeyPurpose::Data).expect("a primary key").id;
        self.change_everywhere(&[Change::AddData { group: id }]);
        let new = self.active(group, KeyPurpose::Data);
        self.change_everywhere(&[Change::Promote { id: new }]);
        (before, new)
    }

    /// A second index key, written everywhere and searched nowhere. Gives the one before and the new one.
    pub fn add_index_key(&self, group: &str) -> (KeyId, KeyId) {
        let id = self.group(group);
        let before = self.keyring().primary(&id, KeyPurpose::Equality).expect("a primary key").id;
        self.change_everywhere(&[Change::AddIndex { group: id, purpose: KeyPurpose::Equality }]);
        (before, self.active(group, KeyPurpose::Equality))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.run(self.databases.close());
        self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}
