//! Which hosts may be connected to when private addresses are denied.
//!
//! Guarantees: whether an address may be connected to is decided by [`Gate::admits`] on the
//! address itself, at the moment of connecting, on every hop. A host is exempt by its name only if
//! nothing in the request could have chosen where the name leads.
//!
//! Absent on purpose: what a proxy connects to. Behind a proxy only addresses that are
//! written as such in a URL can be refused; the rest is the proxy's to refuse.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipstream_core::{AddressPolicy, Failure, bare_host};

use crate::request::Options;
use crate::route::{Peer, Route};

/// What may be connected to although it is not public.
#[derive(Debug)]
pub(crate) struct Policy(AddressPolicy);

impl Policy {
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self(AddressPolicy::public_and(allowed))
    }

    /// Whether a connection to this peer needs no look at its address; or why there must be
    /// none at all.
    pub(crate) fn exempts(&self, route: &Route, options: &Options) -> Result<bool, Failure> {
        let exempt = match &route.peer {
            Peer::Host(host) => return Ok(self.0.exempts(host)),
            Peer::Unix(path) => {
                let named = format!("unix:{path}");
                if !self.0.exempts(&named) {
                    return Err(AddressPolicy::refused("a unix socket", &named));
                }
                return Ok(true);
            }
            Peer::Proxy(host) => {
                let address = bare_host(host).parse::<IpAddr>().ok();
                if !self.0.exempts(host) && !address.is_some_and(|a| self.0.names(a)) {
                    return Err(AddressPolicy::refused("a proxy of the request's own", host));
                }
                true
            }
            Peer::OwnProxy => true,
        };
        // The exemption is the proxy's; around it there would be none to check.
        if options.noproxy.is_some() {
            return Err(Failure::permanent(
                "private addresses are denied, and so are ways around the proxy; store the request without noproxy",
            ));
        }
        match bare_host(&route.target).parse() {
            Ok(address) if !self.0.allows(address) => Err(AddressPolicy::denied(address)),
            _ => Ok(exempt),
        }
    }
}

/// Stands between one of libcurl's handles and its sockets.
#[derive(Debug)]
pub(crate) struct Gate {
    policy: Arc<Policy>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    exempt: bool,
    /// The address that was turned away.
    refused: Option<IpAddr>,
    /// Whether another was let through.
    opened: bool,
}

impl Gate {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Self { policy, state: Mutex::default() }
    }

    /// Begins anew for a request.
    pub(crate) fn set(&self, exempt: bool) {
        *self.state() = State { exempt, ..State::default() };
    }

    /// Whether a socket may be opened to this address; `None` is none of the internet's.
    pub(crate) fn admits(&self, address: Option<IpAddr>) -> bool {
        let mut state = self.state();
        let admitted = state.exempt || address.is_some_and(|a| self.policy.0.allows(a));
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
        Some(AddressPolicy::denied(address))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Authority;

    fn policy(allowed: &[&str]) -> Policy {
        Policy::new(&allowed.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_host_is_exempt_by_its_name_and_an_address_by_itself() {
        let policy = policy(&["Internal.Example.", "10.0.0.7", "[::1]", "unix:/run/A.sock"]);
        let exempts = |peer| {
            let route = Route { peer, target: "h".into(), connect_to: None };
            policy.exempts(&route, &Options::new()).ok()
        };
        assert_eq!(exempts(Peer::Host("internal.example".into())), Some(true));
        assert_eq!(exempts(Peer::Host("INTERNAL.example.".into())), Some(true));
        assert_eq!(exempts(Peer::Host("x.internal.example".into())), Some(false));
        assert_eq!(exempts(Peer::Host("10.0.0.7".into())), Some(false));
        assert_eq!(exempts(Peer::Unix("/run/A.sock".into())), Some(true));
        assert_eq!(exempts(Peer::Unix("/run/b.sock".into())), None);
        assert_eq!(exempts(Peer::Proxy("internal.example".into())), Some(true));
        assert_eq!(exempts(Peer::Proxy("10.0.0.7".into())), Some(true));
        assert_eq!(exempts(Peer::Proxy("proxy.example".into())), None);
        assert_eq!(exempts(Peer::OwnProxy), Some(true));
        let gate = Gate::new(Arc::new(policy));
        assert!(gate.admits(address("10.0.0.7")) && !gate.admits(address("10.0.0.8")));
        assert!(!gate.admits(None));
    }

    #[test]
    fn behind_a_proxy_what_can_be_seen_is_refused() {
        let policy = policy(&["10.0.0.7"]);
        let through = |url: &str, options: Options| {
            let route = Route::to(&Authority::of(url).unwrap(), &options, true, 1);
            policy.exempts(&route, &options)
        };
        assert_eq!(through("http://8.8.8.8/", Options::new()), Ok(true));
        assert_eq!(through("http://10.0.0.7/", Options::new()), Ok(true));
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
        gate.set(true);
        assert!(gate.admits(address("127.0.0.1")) && gate.admits(None));
        gate.set(false);
        assert!(!gate.admits(address("127.0.0.1")));
    }
}
