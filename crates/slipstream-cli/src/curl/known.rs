//! Which options there are, by their names: options that `store` parses, and options of the tables.

use clap::Command;

use crate::options::curls::{IGNORED, PROXIES, REFUSED, is_curls};
use crate::options::spelt;

/// An option by what it was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'n> {
    Long(&'n str),
    Short(char),
}

/// What is to be done with an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Pass,
    Ignore,
    Refuse(&'static str),
    IsUrl,
    IsProxy(&'static str),
    ReadConfig,
    SetVariable,
    BeginAnother,
}

/// An option that is known.
pub(super) struct Known {
    pub(super) long: String,
    pub(super) takes_value: bool,
    pub(super) deed: Deed,
}

/// What is neither parsed nor ignored.
const BY_ITSELF: &[&str] = &["--url URL", "-K --config FILE", "--variable TEXT", "-: --next"];

/// The options of a command line's parser, and those of the tables.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    pub(super) cli: &'a Command,
    pub(super) store: &'a Command,
}

impl Options<'_> {
    /// The only option of curl's whose name begins so.
    pub(super) fn abbreviated(&self, name: &str) -> Option<String> {
        let parsed = self.store.get_arguments().flat_map(|arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            arg.get_long().into_iter().chain(aliases).map(str::to_owned)
        });
        let refused = REFUSED.iter().flat_map(|(_, specs)| *specs);
        let others = refused.chain(IGNORED).chain(BY_ITSELF).map(|spec| spelt(spec).1.to_owned());
        let proxies = PROXIES.iter().map(|(long, _)| (*long).to_owned());
        let curls = parsed.filter(|long| is_curls(long)).chain(others).chain(proxies);
        let mut fitting = curls.filter(|long| long.starts_with(name));
        let first = fitting.next().filter(|_| !name.is_empty())?;
        fitting.next().is_none().then_some(first)
    }

    pub(super) fn known(&self, name: Name<'_>) -> Option<Known> {
        let everywhere = self.cli.get_arguments().filter(|arg| arg.is_global_set());
        let parsed = self.store.get_arguments().chain(everywhere).find(|arg| match name {
            Name::Long(long) => {
                arg.get_long() == Some(long)
                    || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
            }
            Name::Short(short) => arg.get_short() == Some(short),
        });
        if let Some(arg) = parsed {
            let takes_value = arg.get_action().takes_values();
            let long = arg.get_long()?.to_owned();
            return Some(Known { long, takes_value, deed: Deed::Pass });
        }
        let other = |spec: &str, deed| {
            let (short, long, value) = spelt(spec);
            let found = match name {
                Name::Long(name) => name == long,
                Name::Short(name) => short == Some(name),
            };
            found.then(|| Known { long: long.to_owned(), takes_value: value.is_some(), deed })
        };
        let proxies = PROXIES
            .iter()
            .filter_map(|(long, scheme)| other(&format!("--{long} HOST"), Deed::IsProxy(scheme)));
        let refused = REFUSED
            .iter()
            .flat_map(|(advice, specs)| specs.iter().map(move |spec| (*advice, *spec)));
        let deeds = [Deed::IsUrl, Deed::ReadConfig, Deed::SetVariable, Deed::BeginAnother];
        let by_itself = BY_ITSELF.iter().zip(deeds).find_map(|(spec, deed)| other(spec, deed));
        by_itself
            .or_else(|| IGNORED.iter().find_map(|spec| other(spec, Deed::Ignore)))
            .or_else(|| { proxies }.next())
            .or_else(|| { refused }.find_map(|(advice, spec)| other(spec, Deed::Refuse(advice))))
    }
}
