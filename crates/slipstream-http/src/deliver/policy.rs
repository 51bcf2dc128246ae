//! The address policy: which hosts and Unix sockets may be connected to, when not all of them may.
//!
//! # Invariants
//! - Whether an address may be connected to is decided by [`Gate::admits`] on the address itself,
//!   at the moment of connecting, on every hop.
//! - A host is exempt by its name only if nothing in the request could have chosen where the name
//!   leads.
//! - A socket outside the internet families is opened only for a request that names a socket that
//!   is allowed.
//!
//! # Non-goals
//! What a proxy connects to. Behind a proxy only addresses that are written as such in a URL can be
//! refused; the rest is the proxy's to refuse.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipstream_core::{AddressGate, Failure, bare_host};

use crate::deliver::route::{Peer, Route};
use crate::request::Options;

/// What may be connected to.
#[derive(Debug)]
pub(crate) struct AddressPolicy(AddressGate);

/// What a request's sockets may be opened to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Admission {
    /// To addresses that the policy allows.
    #[default]
    Judged,
    /// To any address.
    Exempt,
    /// To the Unix socket that the request names.
    Socket,
}

impl AddressPolicy {
    /// None if everything may be connected to.
    pub(crate) fn new(addresses: &AddressGate) -> Option<Self> {
        (!addresses.is_open()).then(|| Self(addresses.clone()))
    }

    /// What a connection to this peer may be opened to; or why there must be none at all.
    pub(crate) fn admission(&self, route: &Route, options: &Options) -> Result<Admission, Failure> {
        let judged = |exempt| if exempt { Admission::Exempt } else { Admission::Judged };
        match &route.peer {
            Peer::Host(host) => return Ok(judged(self.0.exempts(host))),
            Peer::Unix(path) => return self.0.socket(path).map(|()| Admission::Socket),
            Peer::AbstractUnix(name) => {
                return self.0.abstract_socket(name).map(|()| Admission::Socket);
            }
            Peer::Proxy(host) => {
                let address = bare_host(host).parse::<IpAddr>().ok();
                if !self.0.exempts(host) && !address.is_some_and(|a| self.0.names(a)) {
                    return Err(AddressGate::refused("a proxy of the request's own", host));
                }
            }
            Peer::OwnProxy => {}
        }
        if !self.0.is_public_only() {
            return Ok(Admission::Exempt);
        }
        // The exemption is the proxy's; around it there would be none to check.
        if options.noproxy.is_some() {
            return Err(Failure::permanent(
                "private addresses are denied, and so are ways around the proxy; store the request without noproxy",
            ));
        }
        match bare_host(&route.target).parse() {
            Ok(address) if !self.0.allows(address) => Err(AddressGate::denied(address)),
            _ => Ok(Admission::Exempt),
        }
    }
}

/// A gate between one of libcurl's handles and its sockets.
#[derive(Debug)]
pub(crate) struct Gate {
    policy: Arc<AddressPolicy>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    admission: Admission,
    /// The address that was turned away.
    refused: Option<IpAddr>,
    /// Whether another was let through.
    opened: bool,
    /// Whether the system had no socket to give.
    short: bool,
}

impl Gate {
    pub(crate) fn new(policy: Arc<AddressPolicy>) -> Self {
        Self { policy, state: Mutex::default() }
    }

    /// Begins anew for a request.
    pub(crate) fn set(&self, admission: Admission) {
        *self.state() = State { admission, ..State::default() };
    }

    /// Whether a socket may be opened to this address; `None` is outside the internet families.
    pub(crate) fn admits(&self, address: Option<IpAddr>) -> bool {
        let mut state = self.state();
        let admitted = match (state.admission, address) {
            (Admission::Socket, address) => address.is_none(),
            (Admission::Exempt, address) => address.is_some(),
            (Admission::Judged, address) => address.is_some_and(|a| self.policy.0.allows(a)),
        };
        state.opened |= admitted;
        if !admitted {
            state.refused = address.or(state.refused);
        }
        admitted
    }

    /// Why nothing could be connected to, if that was the policy's doing.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        let state = self.state();
        let address = state.refused.filter(|_| !state.opened)?;
        Some(AddressGate::denied(address))
    }

    /// The system has no socket to give.
    pub(crate) fn run_short(&self) {
        self.state().short = true;
    }

    pub(crate) fn is_short(&self) -> bool {
        self.state().short
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Authority;

    fn texts(allowed: &[&str]) -> Vec<String> {
        allowed.iter().map(|text| (*text).to_owned()).collect()
    }

    fn policy(allowed: &[&str]) -> AddressPolicy {
        AddressPolicy(AddressGate::public_and(&texts(allowed)))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_host_is_exempt_by_its_name_and_an_address_by_itself() {
        let policy = policy(&["Internal.Example.", "10.0.0.7", "[::1]", "unix:/run/A.sock"]);
        let exempts = |peer| {
            let route = Route { peer, target: "h".into(), connect_to: None };
            policy.admission(&route, &Options::new()).ok()
        };
        assert_eq!(exempts(Peer::Host("internal.example".into())), Some(Admission::Exempt));
        assert_eq!(exempts(Peer::Host("INTERNAL.example.".into())), Some(Admission::Exempt));
        assert_eq!(exempts(Peer::Host("x.internal.example".into())), Some(Admission::Judged));
        assert_eq!(exempts(Peer::Host("10.0.0.7".into())), Some(Admission::Judged));
        assert_eq!(exempts(Peer::Unix("/run/A.sock".into())), Some(Admission::Socket));
        assert_eq!(exempts(Peer::AbstractUnix("/run/A.sock".into())), None);
        assert_eq!(exempts(Peer::Unix("/run/b.sock".into())), None);
        assert_eq!(exempts(Peer::Proxy("internal.example".into())), Some(Admission::Exempt));
        assert_eq!(exempts(Peer::Proxy("10.0.0.7".into())), Some(Admission::Exempt));
        assert_eq!(exempts(Peer::Proxy("proxy.example".into())), None);
        assert_eq!(exempts(Peer::OwnProxy), Some(Admission::Exempt));
        let gate = Gate::new(Arc::new(policy));
        assert!(gate.admits(address("10.0.0.7")) && !gate.admits(address("10.0.0.8")));
        assert!(!gate.admits(None));
    }

    #[test]
    fn behind_a_proxy_what_can_be_seen_is_refused() {
        let policy = policy(&["10.0.0.7"]);
        let through = |url: &str, options: Options| {
            let route = Route::to(&Authority::parse(url).unwrap(), &options, true, 1);
            policy.admission(&route, &options)
        };
        assert_eq!(through("http://8.8.8.8/", Options::new()), Ok(Admission::Exempt));
        assert_eq!(through("http://10.0.0.7/", Options::new()), Ok(Admission::Exempt));
        for url in ["http://10.0.0.8/", "http://[::ffff:169.254.169.254]/"] {
            let failure = through(url, Options::new()).unwrap_err();
            assert!(!failure.transient && failure.reason.contains("are denied"), "{failure:?}");
        }
        assert!(through("http://h/", Options::new().noproxy("*")).is_err());
        assert!(through("http://8.8.8.8/", Options::new().connect_to("::127.0.0.1:")).is_err());
    }

    #[test]
    fn a_gate_tells_what_it_refused_when_nothing_was_opened() {
        let gate = Gate::new(Arc::new(policy(&[])));
        assert_eq!(gate.refusal(), None);
        gate.admits(address("169.254.169.254"));
        let refusal = gate.refusal().unwrap();
        assert_eq!(
            refusal.reason,
            "169.254.169.254 is a link-local address, and those are denied; allow the host if it is meant, or store the request with another"
        );
        assert!(!refusal.transient);
        // Another address of the same name may have failed for a reason of its own.
        gate.admits(address("8.8.8.8"));
        assert_eq!(gate.refusal(), None);
        gate.set(Admission::Exempt);
        assert!(gate.admits(address("127.0.0.1")) && !gate.admits(None));
        gate.set(Admission::Socket);
        assert!(!gate.admits(address("8.8.8.8")) && gate.admits(None));
        gate.set(Admission::Judged);
        assert!(!gate.admits(address("127.0.0.1")));
    }

    #[test]
    fn where_only_sockets_are_named_every_address_is_admitted_and_no_other_socket() {
        assert!(AddressPolicy::new(&AddressGate::default()).is_none());
        let addresses = AddressGate::sockets_only_of(&texts(&["unix:/run/a", "unix:@app"]));
        let policy = AddressPolicy::new(&addresses).unwrap();
        let admission = |options: Options| {
            let route =
                Route::to(&Authority::parse("http://10.0.0.8/").unwrap(), &options, false, 1);
            policy.admission(&route, &options).ok()
        };
        let new = Options::new;
        for (options, expected) in [
            (new(), Some(Admission::Exempt)),
            (new().proxy("127.0.0.1:1").noproxy("*"), Some(Admission::Exempt)),
            (new().unix_socket("/run/a"), Some(Admission::Socket)),
            (new().abstract_unix_socket("app"), Some(Admission::Socket)),
            (new().unix_socket("@app"), None),
            (new().unix_socket("/run/b"), None),
            (new().abstract_unix_socket("b"), None),
        ] {
            assert_eq!(admission(options.clone()), expected, "{options:?}");
        }
    }
}
