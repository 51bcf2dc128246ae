//! The results of the tests, for people and for programs.

use serde_json::json;

use super::{Outcome, Verdict};

/// Prints one line of JSON, or a table and a summary.
pub(crate) fn print(as_json: bool, outcomes: &[Outcome], curl: &str) {
    let count = |wanted: &dyn Fn(&Verdict) -> bool| {
        outcomes.iter().filter(|outcome| wanted(&outcome.verdict)).count()
    };
    let same = count(&|it| *it == Verdict::Same);
    let differ = count(&|it| matches!(it, Verdict::Differs(_)));
    let refused = count(&|it| matches!(it, Verdict::Refused(_)));
    let left_out = count(&|it| matches!(it, Verdict::NotApplicable(_)));
    let taken = same + differ + refused;
    let of_curl = outcomes.iter().filter(|outcome| outcome.curl).count();
    if as_json {
        let rows: Vec<_> = outcomes.iter().map(row).collect();
        println!(
            "{}",
            json!({
                "curl": curl, "taken": taken, "same": same, "differ": differ, "refused": refused,
                "not_applicable": left_out, "same_by_curl": of_curl, "tests": rows,
            })
        );
        return;
    }
    for outcome in outcomes {
        let (word, why) = words(&outcome.verdict);
        if !matches!(outcome.verdict, Verdict::NotApplicable(_) | Verdict::Same) {
            println!("{:>5}  {word:<8}  {}: {why}", outcome.number, outcome.name);
        }
    }
    println!(
        "{same} of {taken} the same, {differ} differ, {refused} refused by name; {left_out} not applicable"
    );
    println!("for comparison, {curl}: {of_curl} of {taken} the same");
}

fn words(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Same => ("same", ""),
        Verdict::Differs(why) => ("differs", why),
        Verdict::Refused(why) => ("refused", why),
        Verdict::NotApplicable(why) => ("not applicable", why),
    }
}

fn row(outcome: &Outcome) -> serde_json::Value {
    let (verdict, why) = words(&outcome.verdict);
    json!({
        "test": outcome.number, "name": outcome.name, "verdict": verdict, "why": why,
        "curl": outcome.curl,
    })
}
