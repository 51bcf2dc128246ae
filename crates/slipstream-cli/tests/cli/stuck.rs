//! What waits because its destination takes nothing: every look at the spool shows since when, why,
//! and when it is tried again.

use crate::receiver::{Receiver, dead_url};
use crate::run::Spool;
use crate::schema::assert_holds;

/// What each look says of a spool: the picture, the plugin, doctor, the metrics, the JSON's destinations.
struct Looks {
    picture: String,
    check: (Option<i32>, String),
    doctor: (Option<i32>, String),
    metrics: String,
    waiting_for: serde_json::Value,
}

fn look(spool: &Spool) -> Looks {
    let check = spool.run(["status", "--check"]);
    let doctor = spool.run(["doctor", "--json"]);
    assert_holds("doctor", &doctor.out);
    let json = assert_holds("status", &spool.run(["status", "--json"]).out);
    let metrics = spool.path().with_file_name("x.prom");
    Looks {
        picture: spool.run(["status"]).out,
        check: (check.code, check.out),
        doctor: (doctor.code, doctor.out),
        metrics: std::fs::read_to_string(metrics).unwrap(),
        waiting_for: json["waiting_for"].clone(),
    }
}

fn work(spool: &Spool, policy: &str) {
    let metrics = format!("--metrics={}", spool.path().with_file_name("x.prom").display());
    spool.run(["work", "--quiet", "--max-idle=0", "--retry", policy, &metrics]);
}

/// That all of them say these words of this destination, and with how many that wait.
#[track_caller]
fn assert_told(looks: &Looks, to: &str, state: &str, pending: u64, why: &str) {
    let told = &looks.waiting_for[0];
    assert_eq!((&told["destination"], &told["state"]), (&to.into(), &state.into()), "{told}");
    assert_eq!(told["pending"], pending, "{told}");
    assert!(told["why"].as_str().unwrap().contains(why), "{told}");
    let waits = if pending == 1 { "1 request waits" } else { &*format!("{pending} requests wait") };
    let waits = format!("{waits} for {to}, ");
    assert!(looks.picture.contains(&waits) && looks.picture.contains(why), "{}", looks.picture);
    let (code, line) = &looks.check;
    assert!(*code == Some(1) && line.contains(&waits) && line.contains(why), "{line}");
    assert!(line.contains("the next attempt is in "), "{line}");
    assert!(line.contains(" destinations_in_trouble=1;"), "{line}");
    let (code, found) = &looks.doctor;
    assert!(*code == Some(1) && found.contains(&waits), "{found}");
    let label = format!("destination=\"{to}\"}} {pending}\n");
    assert!(looks.metrics.contains(&label), "{}", looks.metrics);
}

#[test]
fn a_dead_host_that_a_request_has_rounds_for_is_told_everywhere_and_no_more_when_it_is_well() {
    let (spool, url) = (Spool::new(), dead_url());
    spool.quietly(["store", "--retry=rounds=10,every=1d", &url]);
    work(&spool, "attempts=1");
    let looks = look(&spool);
    let to = url.trim_end_matches('/');
    assert_told(&looks, to, "failing", 1, "refused");
    assert!(
        looks.check.1.contains("in 23h 5") || looks.check.1.contains("in 1day"),
        "{:?}",
        looks.check
    );
    // A run that has nothing to do forgets nothing.
    work(&spool, "attempts=1");
    let again = look(&spool);
    assert_told(&again, to, "failing", 1, "refused");
    assert_eq!(again.waiting_for[0]["since"], looks.waiting_for[0]["since"]);
    assert_eq!(spool.run(["status", "--check", "--max-down=1h"]).code, Some(0));
    assert_eq!(spool.run(["purge", "--yes"]).code, Some(0));
    let nothing = look(&spool);
    assert_eq!(nothing.waiting_for, serde_json::json!([]));
    assert_eq!((nothing.check.0, nothing.doctor.0), (Some(0), Some(0)), "{}", nothing.doctor.1);
}

#[test]
fn a_host_that_is_down_and_one_that_asked_for_a_pause_are_told_until_they_take_requests() {
    let (spool, url) = (Spool::new(), dead_url());
    for _ in 0..4 {
        spool.quietly(["store", &url]);
    }
    work(&spool, "attempts=1");
    // What came since waits, and was not tried.
    spool.quietly(["store", &url]);
    spool.quietly(["store", &url]);
    work(&spool, "attempts=1");
    assert_eq!(spool.sums(), [6, 2, 4, 0]);
    spool.run(["failed", "drop", "--all"]);
    let looks = look(&spool);
    assert_told(&looks, url.trim_end_matches('/'), "down", 2, "refused");
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for path in ["/429", "/ok"] {
        spool.quietly(["store", "--source=a", &receiver.url(path)]);
    }
    work(&spool, "attempts=3,base=1h,cap=1h");
    assert_eq!(spool.sums(), [2, 1, 0, 1]);
    assert_eq!(look(&spool).waiting_for, serde_json::json!([]), "it took one since");
}

#[test]
fn a_member_of_a_group_is_told_what_the_worker_knows() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const GROUP: u32 = 4_242;
    let (spool, url) = (Spool::new(), dead_url());
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(spool.path().parent().unwrap(), open).unwrap();
    assert_eq!(spool.run(["init", "--group", &GROUP.to_string()]).code, Some(0));
    spool.quietly(["store", "--retry=rounds=10,every=1d", &url]);
    work(&spool, "attempts=1");
    let mut member = spool.command(["status", "--check"]);
    let told = spool.tell(member.uid(65_534).gid(GROUP).output().unwrap());
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.out.contains("1 request waits for http://127.0.0.1:"), "{told:?}");
}
