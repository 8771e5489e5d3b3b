//! What is done to the replicas and to everything that they stand on: one thing every half to three seconds.
//!
//! A thing that takes its time goes on while the next one begins, so that they fall together as they may. Only one is
//! done to a replica at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use postgres_server::Room;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinSet;

use crate::Result;
use crate::faults;
use crate::proxy::Mode;
use crate::replica::Replica;
use crate::stage::Stage;
use crate::store::Store;
use crate::tally::What;

/// The replicas; whoever has one may do something to it.
pub(crate) type Replicas = Arc<[Arc<Mutex<Replica>>]>;

/// Between two looks whether a replica is still there.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Kill,
    KillAtPlaces,
    Terminate,
    Pause,
    Faults,
    FillDisk,
    KillDatabase,
    StopDatabase,
    FillItsDisk(Room),
    Cut,
    BlackHole,
}

impl Action {
    fn is_on_replica(self) -> bool {
        !matches!(self, Self::Faults | Self::KillDatabase | Self::StopDatabase | Self::FillItsDisk(_))
    }
}

/// How often each is done in a round, where the store is a file.
const OVER_A_FILE: &[(Action, usize)] = &[
    (Action::Kill, 2),
    (Action::KillAtPlaces, 5),
    (Action::Terminate, 1),
    (Action::Pause, 1),
    (Action::Faults, 3),
    (Action::FillDisk, 1),
];
/// The same where it is a server.
const OVER_A_SERVER: &[(Action, usize)] = &[
    (Action::Kill, 3),
    (Action::KillAtPlaces, 5),
    (Action::Terminate, 1),
    (Action::Pause, 2),
    (Action::Faults, 3),
    (Action::KillDatabase, 1),
    (Action::StopDatabase, 1),
    (Action::FillItsDisk(Room::ForTheLog), 1),
    (Action::FillItsDisk(Room::None), 1),
    (Action::Cut, 1),
    (Action::BlackHole, 1),
];

/// What everything is done with.
#[derive(Clone)]
pub(crate) struct Chaos {
    pub(crate) stage: Arc<Stage>,
    pub(crate) replicas: Replicas,
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) lease: Duration,
}

impl Chaos {
    /// Does things until then, and waits until the last one is over.
    ///
    /// # Errors
    /// When something can't be done that is the campaign's own affair.
    pub(crate) async fn go_on(self, mut rng: Rng, until: Instant) -> Result {
        let actions = if self.store.lock().await.lease().is_some() { OVER_A_SERVER } else { OVER_A_FILE };
        let (mut under_way, mut bag) = (JoinSet::new(), Vec::<Action>::new());
        let supervisor = tokio::spawn(supervise(Arc::clone(&self.replicas)));
        loop {
            let pause = Duration::from_millis(rng.u64(500..3000));
            if Instant::now() + pause >= until {
                break;
            }
            tokio::time::sleep(pause).await;
            while let Some(ended) = under_way.try_join_next() {
                ended??;
            }
            // Drawn without putting back, so that even a short campaign has something of each.
            if bag.is_empty() {
                bag.extend(actions.iter().flat_map(|(action, times)| std::iter::repeat_n(*action, *times)));
                rng.shuffle(&mut bag);
            }
            let Some(action) = bag.pop() else { continue };
            let replica = if action.is_on_replica() { self.free_replica(&mut rng) } else { None };
            if action.is_on_replica() && replica.is_none() {
                // Its turn comes later.
                bag.insert(rng.usize(..=bag.len()), action);
                continue;
            }
            under_way.spawn(self.clone().act(action, replica, rng.fork()));
        }
        while let Some(ended) = under_way.join_next().await {
            ended??;
        }
        supervisor.abort();
        match supervisor.await {
            Ok(ended) => ended,
            Err(_) => Ok(()),
        }
    }

    async fn act(self, action: Action, replica: Option<OwnedMutexGuard<Replica>>, mut rng: Rng) -> Result {
        match (action, replica) {
            (Action::Faults, _) => faults::for_a_while(self.stage, rng).await,
            (_, Some(mut replica)) => self.act_on(action, &mut replica, &mut rng).await?,
            (action, None) => self.act_on_server(action, &mut rng).await?,
        }
        Ok(())
    }

    async fn act_on_server(&self, action: Action, rng: &mut Rng) -> Result {
        // One that is away already is left alone.
        let Ok(store) = self.store.try_lock() else { return Ok(()) };
        let tally = &self.stage.tally;
        let _disturbance = self.stage.calm.disturb();
        if let Action::FillItsDisk(left) = action {
            tally.count(What::DiskFull);
            let full = store.fill_disk(left, Duration::from_millis(rng.u64(1000..4000)));
            if self.noticed_while(full).await? {
                tally.count(What::DiskFullNoticed);
            }
            return Ok(());
        }
        let kills = action == Action::KillDatabase;
        tally.count(if kills { What::DatabaseKilled } else { What::DatabaseStopped });
        store.restart(kills, Duration::from_millis(rng.u64(..3000))).await
    }

    /// Whether any replica says meanwhile that it can't take deliveries.
    async fn noticed_while(&self, outage: impl Future<Output = Result>) -> Result<bool> {
        let mut outage = pin!(outage);
        let mut noticed = false;
        loop {
            tokio::select! {
                ended = &mut outage => return ended.map(|()| noticed),
                () = tokio::time::sleep(LOOK) => {}
            }
            for replica in self.replicas.iter().filter_map(|replica| replica.try_lock().ok()) {
                noticed |= replica.is_unready().await;
            }
        }
    }

    /// A replica that nothing is done to just now.
    fn free_replica(&self, rng: &mut Rng) -> Option<OwnedMutexGuard<Replica>> {
        let free = self.replicas.iter().filter_map(|replica| Arc::clone(replica).try_lock_owned().ok());
        rng.choice(free.collect::<Vec<_>>())
    }

    async fn act_on(&self, action: Action, replica: &mut Replica, rng: &mut Rng) -> Result {
        let tally = &self.stage.tally;
        match action {
            Action::Kill => {
                replica.kill().await;
                tally.count(What::KilledAtRandom);
                down_for(rng).await;
                replica.start(true).await?;
            }
            Action::KillAtPlaces => {
                // It dies several times in a row, as in a loop of crashes.
                for _ in 0..rng.u32(2..=6) {
                    replica.kill().await;
                    down_for(rng).await;
                    let Some(place) = self.stage.places.choose(rng) else { break };
                    let times = rng.choice([1, 1, 1, 2, 3]).unwrap_or(1);
                    if !replica.die_at(&place, times).await? && rng.bool() {
                        // Something else may bring it there.
                        return Ok(());
                    }
                }
                replica.kill().await;
                replica.start(true).await?;
            }
            Action::Terminate => {
                tally.count(What::Terminated);
                replica.terminate().await;
                down_for(rng).await;
                replica.start(false).await?;
            }
            Action::Pause => {
                tally.count(What::Paused);
                let _disturbance = self.stage.calm.disturb();
                replica.pause(self.around_a_lease(rng)).await;
            }
            Action::Cut | Action::BlackHole => {
                let Some(proxy) = &replica.proxy else { return Ok(()) };
                let (what, mode) = match action {
                    Action::Cut => (What::Cut, Mode::Cut),
                    _ => (What::BlackHoled, Mode::BlackHole),
                };
                tally.count(what);
                let _disturbance = self.stage.calm.disturb();
                proxy.set(mode);
                tokio::time::sleep(self.around_a_lease(rng)).await;
                proxy.set(Mode::Pass);
            }
            Action::FillDisk => self.fill_disk(replica, rng).await?,
            Action::Faults | Action::KillDatabase | Action::StopDatabase | Action::FillItsDisk(_) => {}
        }
        Ok(())
    }

    /// 1.2 to 2 leases: claims pass on to others meanwhile.
    fn around_a_lease(&self, rng: &mut Rng) -> Duration {
        self.lease.mul_f64(1.2 + 0.8 * rng.f64())
    }

    /// Its disk has a little room left, for a few seconds.
    async fn fill_disk(&self, replica: &mut Replica, rng: &mut Rng) -> Result {
        let tally = &self.stage.tally;
        let _disturbance = self.stage.calm.disturb();
        tally.count(What::DiskFull);
        replica.kill().await;
        let kibibytes = replica.store_size() / 1024 + rng.u64(40..160);
        let runs = replica.start_with_room(kibibytes).await?;
        let until = Instant::now() + Duration::from_millis(rng.u64(2000..5000));
        let mut noticed = !runs;
        while runs && Instant::now() < until {
            noticed |= replica.is_unready().await;
            tokio::time::sleep(LOOK).await;
        }
        if noticed {
            tally.count(What::DiskFullNoticed);
        }
        replica.kill().await;
        replica.start(false).await
    }
}

/// How long a replica stays down: most often a supervisor is fast.
async fn down_for(rng: &mut Rng) {
    let most = rng.choice([1, 1, 200, 2000]).unwrap_or(1);
    tokio::time::sleep(Duration::from_millis(rng.u64(..most))).await;
}

/// Starts replicas again that have ended without anybody's doing.
async fn supervise(replicas: Replicas) -> Result {
    loop {
        for replica in replicas.iter() {
            if let Ok(mut replica) = replica.try_lock() {
                replica.keep_up().await?;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
