//! `slipstream kinds`: what this binary can do.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use crate::args::KindsArgs;
use crate::exit::Exit;
use crate::kinds::KINDS;
use crate::term::print;

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    schemes: &'static [&'static str],
    about: &'static str,
    example: &'static str,
}

pub(crate) fn run(args: &KindsArgs) -> Result<Exit> {
    let rows = KINDS.map(|kind| {
        let (about, example) = kind.about();
        Row { kind: kind.name(), schemes: kind.schemes(), about, example }
    });
    if args.json {
        print::out(&print::json(&rows)?)?;
        return Ok(Exit::Success);
    }
    let mut text = format!("{:<6}  {:<15}  what is done\n", "kind", "schemes");
    for Row { kind, schemes, about, example } in rows {
        let schemes = schemes.join(", ");
        let _ = writeln!(text, "{kind:<6}  {schemes:<15}  {about}");
        let _ = writeln!(text, "{:<25}{example}", "");
    }
    print::out(&text)?;
    Ok(Exit::Success)
}
