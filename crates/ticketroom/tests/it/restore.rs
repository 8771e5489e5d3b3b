//! A store that is restored from an older backup: the world has gone on without it, and no ticket
//! gets a second room, a second note or its folders twice.

use testbed::{Desk, Process, Systems};

use crate::process::{BINARY, process_over_a_file, run};
use crate::stores::TestStore;

const SUBJECT: &str = "restored";

pub(crate) async fn tell(process: &Process, systems: &Systems, tickets: &[(Desk, String)]) {
    for (desk, id) in tickets {
        let parcel = desk.created(systems, id, SUBJECT);
        assert!(process.acknowledges(*desk, &parcel).await, "{}", process.log());
    }
}

pub(crate) fn open(systems: &Systems) -> Vec<(Desk, String)> {
    (0..3).flat_map(|_| Desk::ALL.map(|desk| (desk, desk.open(systems, SUBJECT)))).collect()
}

/// What is wrong with all of them, counted at the other ends.
pub(crate) fn wrong(systems: &Systems, tickets: &[(Desk, String)]) -> Vec<String> {
    let mut wrong: Vec<String> =
        tickets.iter().flat_map(|(desk, id)| systems.wrong_with_opened(*desk, id)).collect();
    let rooms = systems.docspace.rooms().len();
    if rooms != tickets.len() {
        wrong.push(format!("{rooms} rooms for {} tickets", tickets.len()));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_of_a_file_makes_no_second_rooms() {
    let systems = Systems::start().await;
    let mut process = process_over_a_file(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    let mut tickets = open(&systems);
    tell(&process, &systems, &tickets).await;
    process.wait_until_all_rest().await;
    // These are in the backup without their rooms.
    let unfinished = open(&systems);
    systems.docspace.set_down(true);
    tell(&process, &systems, &unfinished).await;
    let (status, out, err) = run(&mut process.command(&["store", "backup", "kept.db"])).await;
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("kept.db has 24 tickets"), "{out}");
    systems.docspace.set_down(false);
    // And these not at all.
    let later = open(&systems);
    tell(&process, &systems, &later).await;
    process.wait_until_all_rest().await;
    tickets.extend(unfinished);
    tickets.extend(later);
    assert_eq!(wrong(&systems, &tickets), [""; 0]);

    process.kill().await;
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(process.folder().join(file));
    }
    std::fs::rename(process.folder().join("kept.db"), process.folder().join("store.db")).unwrap();
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    process.log_with("a backup that was restored").await;
    tell(&process, &systems, &tickets).await;
    process.wait_until_all_rest().await;
    assert_eq!(wrong(&systems, &tickets), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_state_of_a_database_makes_no_second_rooms() {
    let systems = Systems::start().await;
    let (store, restored) = (TestStore::postgres(), TestStore::postgres());
    let mut process = Process::on_store(BINARY, &systems, &store.url);
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    let mut tickets = open(&systems);
    systems.docspace.set_down(true);
    tell(&process, &systems, &tickets).await;
    // A copy of the store as it is now, without any room.
    process.kill().await;
    let copying = process.command(&["store", "copy", &store.url, &restored.url]);
    let deadline = std::time::Instant::now() + testbed::PATIENCE;
    let mut copying = copying;
    loop {
        let (status, out, err) = run(&mut copying).await;
        if status == 0 {
            assert!(out.contains("copied and compared: ticket 12"), "{out}");
            break;
        }
        // The killed process is missed when its lease has ended.
        assert!(err.contains("stop every “ticketroom serve”"), "{err}");
        assert!(std::time::Instant::now() < deadline, "{err}");
    }
    systems.docspace.set_down(false);
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    let later = open(&systems);
    tell(&process, &systems, &later).await;
    process.wait_until_all_rest().await;
    tickets.extend(later);
    assert_eq!(wrong(&systems, &tickets), [""; 0]);

    process.kill().await;
    let mut process = Process::on_store(BINARY, &systems, &restored.url);
    let serve = process.command(&["serve", "--recover"]);
    process.start(serve);
    assert!(process.is_ready().await, "{}", process.log());
    tell(&process, &systems, &tickets).await;
    process.wait_until_all_rest().await;
    assert_eq!(wrong(&systems, &tickets), [""; 0]);
    let (status, _, err) = run(&mut process.command(&["store", "backup", "x.db"])).await;
    assert_eq!(status, 1);
    assert!(err.contains("pg_dump"), "{err}");
}
