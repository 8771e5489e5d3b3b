//! Disturbs the replicas and what they depend on: one action every half to three seconds.
//!
//! Actions overlap as their durations happen to. A replica has only one at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use postgres_server::Room;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinSet;

use crate::Result;
use crate::context::Context;
use crate::fault_points::Choice;
use crate::faults;
use crate::proxy::Mode;
use crate::replica::Replica;
use crate::store::{Absence, Store};
use crate::tally::What;

/// The replicas. An action locks the one that it is done to.
pub(crate) type Replicas = Arc<[Arc<Mutex<Replica>>]>;

/// The pause between two checks of a replica.
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

/// What an action is done to, locked for its duration.
enum Held {
    Replica(OwnedMutexGuard<Replica>),
    Server(OwnedMutexGuard<Store>),
    Systems,
}

impl Action {
    /// What it is counted as.
    fn what(self) -> What {
        match self {
            Self::Kill => What::KilledAtRandom,
            Self::KillAtPlaces => What::KilledAtPlace,
            Self::Terminate => What::Terminated,
            Self::Pause => What::Paused,
            Self::Faults => What::FaultWindow,
            Self::FillDisk | Self::FillItsDisk(Room::ForTheLog) => What::DiskFull,
            Self::FillItsDisk(Room::None) => What::LogDiskFull,
            Self::KillDatabase => What::DatabaseKilled,
            Self::StopDatabase => What::DatabaseStopped,
            Self::Cut => What::Cut,
            Self::BlackHole => What::BlackHoled,
        }
    }
}

/// How often each action is done in a round, where the store is a file.
const OVER_A_FILE: &[(Action, usize)] = &[
    (Action::Kill, 2),
    (Action::KillAtPlaces, 5),
    (Action::Terminate, 1),
    (Action::Pause, 1),
    (Action::Faults, 3),
    (Action::FillDisk, 1),
];
/// The same where the store is a server.
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

fn actions(store: &Store) -> &'static [(Action, usize)] {
    if store.lease().is_some() { OVER_A_SERVER } else { OVER_A_FILE }
}

/// What each action on this store is counted as.
pub(crate) fn all_over(store: &Store) -> Vec<What> {
    actions(store).iter().map(|(action, _)| action.what()).collect()
}

/// What the actions need.
#[derive(Clone)]
pub(crate) struct Chaos {
    pub(crate) context: Arc<Context>,
    pub(crate) replicas: Replicas,
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) absence: Absence,
}

impl Chaos {
    /// Does actions until then, and waits until the last one has ended.
    ///
    /// # Errors
    /// When the campaign itself fails.
    pub(crate) async fn run(self, mut rng: Rng, until: Instant) -> Result {
        let actions = actions(&*self.store.lock().await);
        // Each action once at first, so that even a short campaign has all of them.
        let (mut under_way, mut bag) = (JoinSet::new(), Vec::<Action>::new());
        bag.extend(actions.iter().map(|(action, _)| *action));
        rng.shuffle(&mut bag);
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
            // Drawn without replacement, so that no action is left out for long.
            if bag.is_empty() {
                bag.extend(actions.iter().flat_map(|(action, times)| std::iter::repeat_n(*action, *times)));
                rng.shuffle(&mut bag);
            }
            let Some((action, held)) = self.next(&mut bag, &mut rng) else { continue };
            under_way.spawn(self.clone().act(action, held, rng.fork()));
        }
        while let Some(ended) = under_way.join_next().await {
            ended??;
        }
        supervisor.abort();
        match supervisor.await {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(format!("restarting replicas failed: {error}").into()),
        }
    }

    /// The next action that is possible now, and what it is done to.
    fn next(&self, bag: &mut Vec<Action>, rng: &mut Rng) -> Option<(Action, Held)> {
        for place in (0..bag.len()).rev() {
            if let Some(action) = bag.get(place).copied()
                && let Some(held) = self.hold(action, rng)
            {
                bag.remove(place);
                return Some((action, held));
            }
        }
        None
    }

    fn hold(&self, action: Action, rng: &mut Rng) -> Option<Held> {
        match action {
            Action::Faults => Some(Held::Systems),
            Action::KillDatabase | Action::StopDatabase | Action::FillItsDisk(_) => {
                Arc::clone(&self.store).try_lock_owned().ok().map(Held::Server)
            }
            _ => {
                let free = self.replicas.iter();
                let free = free.filter_map(|replica| Arc::clone(replica).try_lock_owned().ok());
                rng.choice(free.collect::<Vec<_>>()).map(Held::Replica)
            }
        }
    }

    async fn act(self, action: Action, held: Held, mut rng: Rng) -> Result {
        match held {
            Held::Systems => faults::for_a_while(self.context, rng).await,
            Held::Replica(mut replica) => self.act_on(action, &mut replica, &mut rng).await?,
            Held::Server(store) => self.act_on_server(action, &store, &mut rng).await?,
        }
        Ok(())
    }

    async fn act_on_server(&self, action: Action, store: &Store, rng: &mut Rng) -> Result {
        let tally = &self.context.tally;
        let _disturbance = self.context.disturbances.begin();
        tally.count(action.what());
        if let Action::FillItsDisk(left) = action {
            let full = store.fill_disk(left, Duration::from_millis(rng.u64(1000..4000)));
            if self.noticed_while(full).await? {
                tally.count(What::DiskFullNoticed);
            }
            return Ok(());
        }
        store.restart(action == Action::KillDatabase, Duration::from_millis(rng.u64(..3000))).await
    }

    /// Whether any replica reports meanwhile that it can't accept deliveries.
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

    async fn act_on(&self, action: Action, replica: &mut Replica, rng: &mut Rng) -> Result {
        let (context, what) = (&self.context, action.what());
        match action {
            Action::Kill => {
                replica.kill().await;
                context.tally.count(what);
                down_for(rng).await;
                replica.start_armed(true, self.rare_point(rng)).await?;
            }
            Action::KillAtPlaces => {
                // It dies several times in a row, as in a loop of crashes.
                for _ in 0..rng.u32(2..=6) {
                    replica.kill().await;
                    down_for(rng).await;
                    let Some(choice) = context.fault_points.choose(rng) else { break };
                    let passing = if choice.again { rng.choice([1, 1, 1, 2, 3]).unwrap_or(1) } else { 1 };
                    if !replica.die_at(&choice.place, passing).await? && rng.bool() {
                        // A later action may bring it there.
                        return Ok(());
                    }
                }
                replica.kill().await;
                replica.start_armed(true, self.rare_point(rng)).await?;
            }
            Action::Terminate => {
                context.tally.count(what);
                replica.terminate().await;
                down_for(rng).await;
                replica.start_armed(false, self.rare_point(rng)).await?;
            }
            Action::Pause => {
                let _disturbance = context.disturbances.begin();
                if replica.pause(self.absence.random(rng)).await {
                    context.tally.count(what);
                }
            }
            Action::Cut | Action::BlackHole => {
                let Some(proxy) = &replica.proxy else { return Ok(()) };
                context.tally.count(what);
                let _disturbance = context.disturbances.begin();
                proxy.set(if action == Action::Cut { Mode::Cut } else { Mode::BlackHole });
                tokio::time::sleep(self.absence.random(rng)).await;
                proxy.set(Mode::Pass);
            }
            Action::FillDisk => self.fill_disk(replica, rng).await?,
            Action::Faults | Action::KillDatabase | Action::StopDatabase | Action::FillItsDisk(_) => {}
        }
        Ok(())
    }

    /// A rare fault point for two of three starts that nothing else ends soon.
    fn rare_point(&self, rng: &mut Rng) -> Option<Choice> {
        if rng.u32(..3) > 0 { self.context.fault_points.choose_rare(rng) } else { None }
    }

    /// Leaves a little room on its disk, for a few seconds.
    async fn fill_disk(&self, replica: &mut Replica, rng: &mut Rng) -> Result {
        let tally = &self.context.tally;
        let _disturbance = self.context.disturbances.begin();
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

/// How long a replica stays down: usually not long.
async fn down_for(rng: &mut Rng) {
    let most = rng.choice([1, 1, 200, 2000]).unwrap_or(1);
    tokio::time::sleep(Duration::from_millis(rng.u64(..most))).await;
}

/// Restarts replicas that have ended by themselves.
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
