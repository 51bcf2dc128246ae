use proptest::prelude::*;

use super::*;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn policy(text: &str) -> RetryPolicy {
    RetryPolicy::default().amended(text).unwrap()
}

#[test]
fn waits_double_from_two_seconds_up_to_the_cap() {
    let policy = RetryPolicy { attempts: u32::MAX, ..RetryPolicy::default() };
    for (attempt, expected) in [(0, 2), (1, 2), (2, 4), (3, 8), (9, 512), (10, 600)] {
        assert_eq!(policy.delay(attempt, 0.0), secs(expected), "{attempt}");
    }
    assert_eq!(policy.delay(u32::MAX, 0.0), secs(600));
}

#[test]
fn jitter_only_adds_and_adds_no_more_than_its_fraction() {
    let policy = RetryPolicy::default();
    assert_eq!(policy.delay(1, 1.0), Duration::from_millis(2_400));
    assert_eq!(policy.delay(1, 0.5), Duration::from_millis(2_200));
    assert_eq!(policy.delay(1, f64::NAN), secs(2));
}

#[test]
fn retry_after_is_honoured_but_never_below_the_back_off_nor_above_its_cap() {
    let policy = RetryPolicy::default();
    let table = [
        (None, 4),
        (Some(secs(0)), 4),
        (Some(secs(3)), 4),
        (Some(secs(30)), 30),
        (Some(secs(86_400 * 365)), 3_600),
    ];
    for (asked, expected) in table {
        assert_eq!(policy.wait(2, asked, 0.0), secs(expected), "{asked:?}");
    }
}

#[test]
fn twelve_attempts_over_three_days_are_one_line() {
    let policy = policy("attempts=3,rounds=4,every=1d,jitter=0");
    let times: Vec<u64> = policy.schedule().map(|step| step.earliest.as_secs()).collect();
    let day = 86_400;
    let round = |n: u64| [0, 2, 6].map(|at| n * (day + 6) + at);
    assert_eq!(times, [round(0), round(1), round(2), round(3)].concat());
    assert!(!policy.is_spent(11) && policy.is_spent(12));
    assert!(policy.ends_round(3) && !policy.ends_round(4));
}

#[test]
fn a_policy_says_itself_in_text_that_reads_back() {
    for text in [
        "",
        "attempts=1",
        "attempts=7, base=100ms, factor=1.5, cap=1h, jitter=0",
        "rounds=6,every=12h,permanent=400-407+410",
        "base=90",
        "base=2h",
    ] {
        let policy = policy(text);
        assert_eq!(self::policy(&policy.to_string()), policy, "{text}");
    }
    assert_eq!(policy("base=2h").cap, secs(7_200));
    assert!(policy("permanent=400-407+410").permanent.contains(404));
    assert!(!policy("permanent=400-407+410").permanent.contains(409));
}

#[test]
fn what_is_no_policy_is_refused_by_name() {
    for (text, part) in [
        ("attempts", "policy 'attempts'; expected NAME=VALUE"),
        ("tries=3", "unknown key 'tries'"),
        ("attempts=0", "attempts '0'"),
        ("attempts=9999,rounds=9999", "more than 65535"),
        ("base=soon", "base 'soon'"),
        ("every=7d", "every '7d'"),
        ("factor=0.5", "factor '0.5'"),
        ("factor=NaN", "factor 'NaN'"),
        ("jitter=2", "jitter '2'"),
        ("permanent=4xx", "status '4xx'"),
        ("permanent=500-400", "status '500-400'"),
    ] {
        let words = RetryPolicy::default().amended(text).unwrap_err().to_string();
        assert!(words.contains(part), "{text}: {words}");
    }
}

proptest! {
    #[test]
    fn no_setting_makes_a_delay_panic_or_exceed_its_bounds(
        attempt: u32, attempts: u32, rounds: u32, base: u32, cap: u32, every: u32,
        factor: f64, jitter: f64, random: f64,
    ) {
        let [base, cap, every] = [base, cap, every].map(|s| secs(s.into()));
        let policy = RetryPolicy { attempts, rounds, base, cap, every, factor, jitter, ..RetryPolicy::default() };
        let delay = policy.delay(attempt, random);
        prop_assert!(delay >= base.min(cap).min(every));
        prop_assert!(delay <= cap.max(every) * 2);
    }

    #[test]
    fn any_text_is_a_policy_or_an_error(text in "[a-z=,0-9.+-]{0,40}") {
        let _ = RetryPolicy::default().amended(&text);
    }
}
