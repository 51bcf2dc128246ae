//! Any record of a destination: what its circuit breaker makes of it.

use proptest::prelude::*;

use super::*;

const AFTER: usize = 3;
const WALL: Timestamp = Timestamp::from_millis(1_795_498_157_482);

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Delivered,
    /// It was answered, and failed by the request's fault.
    Refused,
    /// It failed by the destination's fault; whether it was the first and the last of its request.
    Failed {
        first: bool,
        last: bool,
    },
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    End(End),
    Pass(u32),
    TryNow,
}

fn failed() -> impl Strategy<Value = End> {
    any::<(bool, bool)>().prop_map(|(first, last)| End::Failed { first, last })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Start),
        6 => failed().prop_map(Step::End),
        2 => prop_oneof![Just(End::Delivered), Just(End::Refused)].prop_map(Step::End),
        3 => (0..4_000_u32).prop_map(Step::Pass),
        1 => (0..700_000_u32).prop_map(Step::Pass),
        1 => Just(Step::TryNow),
    ]
}

/// A destination as the worker drives its circuit breaker: nothing is begun while it is open, or while its
/// record is judged; one at a time while it is half open.
struct Bench {
    circuit: CircuitBreaker,
    in_flight: usize,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        Self { circuit: CircuitBreaker::new(AFTER), in_flight: 0, now: Duration::ZERO }
    }

    fn is_down(&self) -> bool {
        self.circuit.open().is_some_and(|down| self.now < down.until)
    }

    /// Whether an attempt was begun.
    fn start(&mut self) -> bool {
        if self.is_down() {
            return false;
        }
        if self.circuit.open().is_some() {
            self.circuit.half_open();
        }
        let alone = self.circuit.is_half_open() || self.circuit.is_judging();
        if alone && self.in_flight > 0 {
            return false;
        }
        self.in_flight += 1;
        true
    }

    /// Whether it opened.
    fn end(&mut self, end: End) -> bool {
        self.in_flight -= 1;
        match end {
            End::Delivered | End::Refused => {
                self.circuit.answered(end == End::Delivered, self.now);
                false
            }
            End::Failed { first, last } => {
                self.circuit.failed(first);
                if last {
                    self.circuit.exhausted();
                }
                self.circuit.judge(self.in_flight, self.now, WALL)
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_destination_is_down_only_by_its_own_recent_record(
        steps in prop::collection::vec(step(), 0..400),
    ) {
        let mut bench = Bench::new();
        let mut delivered = None;
        // Since an answer, or since it was half open last.
        let (mut exhausted, mut probing) = (0, false);
        let mut opened: Option<Duration> = None;
        for step in steps {
            match step {
                Step::Start => {
                    let was_open = bench.circuit.open().is_some();
                    let began = bench.start();
                    if was_open && began {
                        (exhausted, probing) = (0, true);
                        prop_assert!(bench.now >= opened.unwrap() + OPEN_LEAST);
                        opened = None;
                    }
                    if probing {
                        prop_assert!(bench.in_flight <= 1, "a probe is alone");
                    }
                }
                Step::Pass(millis) => bench.now += Duration::from_millis(millis.into()),
                Step::TryNow => if bench.circuit.try_now() {
                    prop_assert!(opened.is_some());
                    (exhausted, probing, opened) = (0, true, None);
                },
                Step::End(_) if bench.in_flight == 0 => {}
                Step::End(end) => {
                    let down = bench.end(end);
                    match end {
                        End::Delivered => {
                            (exhausted, probing, delivered) = (0, false, Some(bench.now));
                            opened = None;
                            prop_assert_eq!(bench.circuit.trips(), 0);
                        }
                        End::Refused => probing = false,
                        End::Failed { last, .. } => exhausted += usize::from(last),
                    }
                    prop_assert_eq!(bench.circuit.is_half_open(), probing);
                    let lost = probing && matches!(end, End::Failed { last: true, .. });
                    prop_assert!(down || !lost, "one probe is enough");
                    if down {
                        prop_assert_eq!(bench.in_flight, 0, "what is in flight is waited for");
                        let least = if probing { 1 } else { AFTER };
                        prop_assert!(exhausted >= least);
                        if let Some(delivered) = delivered {
                            prop_assert!(bench.now >= delivered + LATELY, "it took one lately");
                        }
                        let lasts = bench.circuit.open().unwrap().until - bench.now;
                        prop_assert!((OPEN_LEAST..=OPEN_MOST).contains(&lasts));
                        opened = Some(bench.now);
                    }
                }
            }
            prop_assert_eq!(bench.circuit.open().is_some(), opened.is_some());
        }
    }

    /// Whatever came before: when nothing is taken any more, so few further attempts are made before it is
    /// down; and once it is well again, one attempt is made in time, and closes it.
    #[test]
    fn one_that_takes_nothing_is_down_soon_and_one_that_recovers_is_tried_in_time(
        before in prop::collection::vec(step(), 0..200),
        attempts in 1..4_u32, in_flight in 1..9_usize, took in 1..1_000_u64,
    ) {
        let mut bench = Bench::new();
        for step in before {
            match step {
                Step::Start => drop(bench.start()),
                Step::End(end) => if bench.in_flight > 0 { bench.end(end); },
                Step::Pass(millis) => bench.now += Duration::from_millis(millis.into()),
                Step::TryNow => drop(bench.circuit.try_now()),
            }
        }
        bench.now += LATELY;
        // Requests that get so many attempts each, one after another, in so many flights side by side.
        let began = bench.now;
        let mut made = 0;
        let mut flights = vec![0; bench.in_flight.max(in_flight)];
        let mut flying = bench.in_flight;
        while !bench.is_down() {
            while flying < flights.len() && bench.start() {
                flying += 1;
            }
            prop_assert!(flying > 0, "something is tried");
            bench.now += Duration::from_millis(took);
            for flight in &mut flights[..flying] {
                *flight += 1;
                made += 1;
                let end = End::Failed { first: *flight == 1, last: *flight == attempts };
                *flight %= attempts;
                bench.end(end);
            }
            flying = 0;
            let rounds = u64::from(attempts) * 2 + 2;
            let most = rounds * (AFTER as u64).max(flights.len() as u64);
            // Or else there were few first attempts, and time decides.
            let doubted = bench.now < began + DOUBT + Duration::from_millis(took * rounds * 3);
            prop_assert!(made <= most || doubted, "{made} attempts in {:?}", bench.now - began);
        }
        let until = bench.circuit.open().unwrap().until;
        prop_assert!(until <= bench.now + OPEN_MOST);
        prop_assert!(!bench.start(), "nothing is tried meanwhile");
        bench.now = until;
        prop_assert!(bench.start() && !bench.start(), "one attempt is made");
        prop_assert!(!bench.end(End::Delivered));
        prop_assert!(bench.start() && bench.start(), "then as many as there is room for");
    }
}

#[test]
fn each_time_in_a_row_it_is_open_twice_as_long_and_no_longer_than_the_most() {
    let mut bench = Bench::new();
    let mut lasted = Vec::new();
    while lasted.len() < 7 {
        bench.start();
        if bench.end(End::Failed { first: true, last: true }) {
            let until = bench.circuit.open().unwrap().until;
            lasted.push((until - bench.now).as_secs());
            bench.now = until;
        }
    }
    assert_eq!(lasted, [30, 60, 120, 240, 480, 600, 600]);
    assert!(bench.start() && !bench.end(End::Delivered), "it closes");
    bench.now += secs(10);
    for last in [false, false, true] {
        assert!(bench.start());
        assert_eq!(bench.end(End::Failed { first: true, last: true }), last);
    }
    assert_eq!(bench.circuit.open().unwrap().until, bench.now + OPEN_LEAST);
}
