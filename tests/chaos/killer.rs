//! SIGKILL, at moments that a seed decides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::random::Random;
use crate::rotations;
use crate::workload::World;

/// How often what was killed.
#[derive(Default)]
pub struct Killed {
    proxies: u64,
    holders: u64,
    servers: u64,
}

impl Killed {
    fn all(&self) -> u64 {
        self.proxies + self.holders + self.servers
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Killed { proxies, holders, servers } = self;
        write!(
            f,
            "{} kills (any proxy {proxies}, the holder of the job {holders}, server {servers})",
            self.all()
        )
    }
}

/// Kills so many times, with time between them for something to happen.
pub async fn run(world: Arc<World>, mut random: Random, kills: u64) -> Killed {
    let mut killed = Killed::default();
    while killed.all() < kills {
        tokio::time::sleep(random.millis(300..2_500)).await;
        if world.stopped() {
            break;
        }
        let pause = random.millis(0..400);
        match random.below(5) {
            0 => {
                let fleet = Arc::clone(&world.fleet);
                tokio::task::spawn_blocking(move || fleet.kill_server(pause))
                    .await
                    .expect("the server comes back");
                killed.servers += 1;
            }
            1 | 2 => {
                let proxies = world.fleet.proxies();
                if proxies[random.below(proxies.len())].kill(pause) {
                    killed.proxies += 1;
                }
            }
            _ => {
                // Whoever works on a job; anyone, if nobody does.
                let port = rotations::holder(&world.fleet).await;
                let holder = world.fleet.proxies().iter().find(|proxy| Some(proxy.port()) == port);
                match holder {
                    Some(proxy) if proxy.kill(pause) => killed.holders += 1,
                    _ => {
                        let proxies = world.fleet.proxies();
                        if proxies[random.below(proxies.len())].kill(pause) {
                            killed.proxies += 1;
                        }
                    }
                }
            }
        }
    }
    // Dead proxies are waited for by rotations for fifteen seconds: that goes on while the rest runs.
    tokio::time::sleep(Duration::from_millis(200)).await;
    killed
}
