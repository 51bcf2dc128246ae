//! Random lives of a spool against a model in plain collections.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use proptest::prelude::*;
use slipstream_core::operator::{Act, Letter, Operator, Standing};
use slipstream_core::{Backlog, Claim, Engine, Next, Settlement, Ticket};

use super::run::{Run, number_of};
use crate::format::frame::INTERRUPTIONS_MAX;
use crate::{OnFull, Settings, Stage};

/// What can happen to a spool.
#[derive(Debug, Clone)]
enum Step {
    Store {
        writer: usize,
    },
    Tick(u64),
    SetClock(i64),
    OpenBacklog,
    /// Claims, and keeps the claim.
    Claim,
    /// Begins an attempt of the newest claim that is kept.
    Begin,
    /// Settles the oldest claim that is kept.
    Settle(Settlement),
    CloseBacklog,
    /// The worker ends without a word.
    DropBacklog,
    /// A writer's process ends and another begins.
    Reopen {
        writer: usize,
    },
    /// A record that was spilled: behind the place that was read last, or from such a place on.
    ClaimPassedOver {
        on: bool,
        back: usize,
    },
    Purge(Stage),
    /// Failed requests with an odd number get another chance.
    RetryOdd,
}

fn step() -> impl Strategy<Value = Step> {
    let settlement = prop_oneof![
        4 => Just(Settlement::Delivered),
        2 => Just(Settlement::Failed),
        1 => Just(Settlement::Expired),
        2 => (0u64..200).prop_map(|s| Settlement::Retry { after: Duration::from_secs(s) }),
        1 => (0u64..200).prop_map(|s| Settlement::Release { after: Duration::from_secs(s) }),
        3 => Just(Settlement::Spill),
    ];
    prop_oneof![
        12 => (0usize..2).prop_map(|writer| Step::Store { writer }),
        4 => (0u64..90_000).prop_map(Step::Tick),
        1 => (-500_000i64..500_000).prop_map(Step::SetClock),
        3 => Just(Step::OpenBacklog),
        8 => Just(Step::Claim),
        4 => (any::<bool>(), 0usize..4).prop_map(|(on, back)| Step::ClaimPassedOver { on, back }),
        6 => Just(Step::Begin),
        8 => settlement.prop_map(Step::Settle),
        1 => Just(Step::CloseBacklog),
        1 => Just(Step::DropBacklog),
        1 => (0usize..2).prop_map(|writer| Step::Reopen { writer }),
        1 => prop::sample::select(Stage::ALL.to_vec()).prop_map(Step::Purge),
        1 => Just(Step::RetryOdd),
    ]
}

/// What the engine must agree with.
#[derive(Default)]
struct Model {
    delivered: BTreeSet<u64>,
    failed: BTreeSet<u64>,
    expired: BTreeSet<u64>,
    purged: u64,
    claims: Vec<Kept>,
    tried: BTreeMap<u64, Tried>,
    /// The places at which records came out, and whose they are.
    places: BTreeMap<u128, u64>,
    /// The requests that were spilled in this run.
    passed: BTreeSet<u128>,
    read_last: Option<u128>,
}

/// A claim that is out.
struct Kept {
    ticket: Ticket,
    number: u64,
    /// How often it had been tried, if an attempt was begun since.
    before: Option<Tried>,
}

/// How often a request was tried.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    attempts: u32,
    /// If an attempt is begun, how often in a row it was interrupted before.
    begun: Option<u32>,
}

impl Tried {
    fn interrupted(self) -> u32 {
        self.begun.map_or(0, |before| before + 1)
    }

    /// What counts once a worker has ended during an attempt.
    fn resumed(self) -> u32 {
        let given_back = self.begun.is_some_and(|before| before < INTERRUPTIONS_MAX.into());
        self.attempts - u32::from(given_back)
    }
}

impl Model {
    /// Takes a claim in.
    fn claimed(&mut self, run: &Run, claim: &Claim) -> Result<(), TestCaseError> {
        let number = number_of(&claim.payload);
        prop_assert!(run.acknowledged.contains(&number), "{number} was never stored");
        let settled = [&self.delivered, &self.failed, &self.expired];
        prop_assert!(settled.iter().all(|set| !set.contains(&number)), "{number} came out again");
        prop_assert!(self.claims.iter().all(|kept| kept.number != number), "{number} is out twice");
        let tried = self.tried.get(&number).copied().unwrap_or_default();
        prop_assert_eq!(claim.attempts, tried.resumed(), "{:?}", tried);
        prop_assert_eq!(claim.interrupted, tried.interrupted());
        prop_assert_eq!(*self.places.entry(claim.position).or_insert(number), number);
        self.claims.push(Kept { ticket: claim.ticket, number, before: None });
        Ok(())
    }

    fn run_ends(&mut self) {
        self.claims.clear();
        self.passed.clear();
        self.read_last = None;
    }

    /// How often a request was tried, once an attempt of the newest claim is begun; none if there
    /// is no claim, or its attempt is begun already.
    fn begin(&mut self) -> Option<(Ticket, u32)> {
        let kept = self.claims.last_mut().filter(|kept| kept.before.is_none())?;
        let before = self.tried.get(&kept.number).copied().unwrap_or_default();
        let begun = before.interrupted().min(INTERRUPTIONS_MAX.into());
        let tried = Tried { attempts: before.resumed() + 1, begun: Some(begun) };
        kept.before = Some(before);
        self.tried.insert(kept.number, tried);
        Some((kept.ticket, tried.attempts))
    }

    fn settle(&mut self, settlement: &Settlement) -> Option<Ticket> {
        if self.claims.is_empty() {
            return None;
        }
        let Kept { ticket, number, before } = self.claims.remove(0);
        match (settlement, before) {
            (Settlement::Delivered, _) => drop(self.delivered.insert(number)),
            (Settlement::Failed, _) => drop(self.failed.insert(number)),
            (Settlement::Expired, _) => drop(self.expired.insert(number)),
            (Settlement::Release { after: _ } | Settlement::Spill, None) => {}
            (Settlement::Release { after: _ } | Settlement::Spill, Some(before)) => {
                self.tried.insert(number, before);
            }
            (Settlement::Retry { after: _ }, before) => {
                let tried = self.tried.entry(number).or_default();
                // Of a request that was not begun, an attempt in an earlier run may be.
                let attempts = before.map_or(tried.resumed(), |_| tried.attempts);
                *tried = Tried { attempts, begun: None };
            }
        }
        if *settlement == Settlement::Spill {
            let place = self.places.iter().find(|(_, other)| **other == number);
            self.passed.extend(place.map(|(place, _)| *place));
        }
        Some(ticket)
    }
}

fn live(settings: Settings, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut run = Run::new(settings);
    let mut model = Model::default();
    let mut backlog: Option<Box<dyn Backlog>> = None;
    for step in steps {
        match step {
            Step::Store { writer } => run.store_by(writer),
            Step::Tick(millis) => run.pass(Duration::from_millis(millis)),
            Step::SetClock(millis) => run.clock.step(millis),
            Step::OpenBacklog => {
                if backlog.is_none() {
                    backlog = Some(run.spool().backlog().unwrap());
                } else {
                    prop_assert!(run.spool().backlog().is_err(), "two workers");
                }
            }
            Step::Claim => {
                if let Some(backlog) = &mut backlog
                    && let Next::Work(claim) = backlog.next().unwrap()
                {
                    if !claim.visible_in.is_zero() {
                        // The worker only has to see it.
                        backlog
                            .settle(claim.ticket, Settlement::Release { after: claim.visible_in })
                            .unwrap();
                        continue;
                    }
                    prop_assert!(!model.passed.contains(&claim.position), "it was passed over");
                    model.claimed(&run, &claim)?;
                }
            }
            Step::ClaimPassedOver { on, back } => {
                let Some(backlog) = &mut backlog else { continue };
                let from = match model.read_last.filter(|_| on) {
                    Some(last) => Bound::Excluded(last),
                    None => match model.passed.iter().nth(back) {
                        Some(place) => Bound::Included(*place),
                        None => Bound::Unbounded,
                    },
                };
                let expected = model.passed.range((from, Bound::Unbounded)).next().copied();
                let claim = backlog.spilled(from).unwrap();
                prop_assert_eq!(claim.as_ref().map(|claim| claim.position), expected);
                if let Some(claim) = claim {
                    model.passed.remove(&claim.position);
                    model.read_last = Some(claim.position);
                    model.claimed(&run, &claim)?;
                }
            }
            Step::Settle(settlement) => {
                if let Some(backlog) = &mut backlog
                    && let Some(ticket) = model.settle(&settlement)
                {
                    backlog.settle(ticket, settlement).unwrap();
                }
            }
            Step::Begin => {
                if let Some(backlog) = &mut backlog
                    && let Some((ticket, number)) = model.begin()
                {
                    prop_assert_eq!(backlog.begin(ticket).unwrap(), number);
                }
            }
            Step::CloseBacklog => {
                model.run_ends();
                if let Some(backlog) = backlog.take() {
                    backlog.close().unwrap();
                }
            }
            Step::DropBacklog => {
                model.run_ends();
                backlog = None;
            }
            Step::Reopen { writer } => run.writers[writer] = run.spool(),
            Step::RetryOdd => {
                // Requests whose log is still being worked are not in failed/ yet.
                let mut chosen = Vec::new();
                let mut odd = |letter: &Letter<'_>| {
                    if letter.standing != Standing::Failed {
                        return false;
                    }
                    let number = number_of(letter.payload);
                    chosen.extend((number % 2 == 1).then_some(number));
                    number % 2 == 1
                };
                let retried = run.spool().apply(Act::Retry, &mut odd).unwrap().requests;
                prop_assert_eq!(retried, chosen.len() as u64);
                prop_assert!(chosen.iter().all(|number| model.failed.remove(number)));
                // They begin anew.
                model.tried.retain(|number, _| !chosen.contains(number));
            }
            Step::Purge(stage) => {
                if let Ok(purged) = run.spool().purge(stage) {
                    model.purged += purged.requests;
                }
            }
        }
        agree(&run, &model)?;
    }
    drop(backlog);
    finish(&mut run, &model)
}

/// Compares the sums after a step.
fn agree(run: &Run, model: &Model) -> Result<(), TestCaseError> {
    let totals = run.spool().status(Duration::ZERO).unwrap().totals;
    prop_assert!(totals.balanced(), "{:?}", totals);
    prop_assert_eq!(totals.stored, run.acknowledged.len() as u64);
    prop_assert_eq!(totals.outcomes.delivered, model.delivered.len() as u64);
    prop_assert_eq!(totals.outcomes.expired, model.expired.len() as u64);
    prop_assert_eq!(totals.outcomes.purged, model.purged);
    prop_assert_eq!(totals.outcomes.set_aside, 0);
    prop_assert!(totals.failed <= model.failed.len() as u64);
    Ok(())
}

/// Works the rest: what comes out is what is still to do, each once.
fn finish(run: &mut Run, model: &Model) -> Result<(), TestCaseError> {
    run.clock.step(0);
    run.pass(Duration::from_secs(86_400));
    let before = run.spool().status(Duration::ZERO).unwrap().totals;
    let mut backlog = run.spool().backlog().unwrap();
    run.work(&mut *backlog, &Settlement::Delivered);
    backlog.close().unwrap();
    prop_assert_eq!(run.deliveries.len() as u64, before.pending);
    for (number, times) in &run.deliveries {
        prop_assert_eq!(*times, 1);
        prop_assert!(run.acknowledged.contains(number));
        prop_assert!(!model.delivered.contains(number) && !model.expired.contains(number));
        prop_assert!(!model.failed.contains(number));
    }
    Ok(())
}

fn settings() -> impl Strategy<Value = Settings> {
    (1u16..3, 1u32..4, any::<bool>(), any::<bool>()).prop_map(|(slots, logs, reject, small)| {
        Settings {
            slots,
            logs,
            on_full: if reject { OnFull::Reject } else { OnFull::Overwrite },
            record_max: if small { 200 } else { 4096 },
            log_max: if small { 500 } else { 8192 },
            ..Settings::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_a_spool_agrees_with_the_model(
        settings in settings(), steps in prop::collection::vec(step(), 1..80),
    ) {
        live(settings, steps)?;
    }
}

/// `SLIPSTREAM_MODEL_CASES` asks for more than fit a quick run.
fn cases() -> u32 {
    let asked = std::env::var("SLIPSTREAM_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(1_000)
}
