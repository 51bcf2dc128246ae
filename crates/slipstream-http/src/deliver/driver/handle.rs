//! libcurl's handles, new or as good as new.

use std::sync::Arc;

use curl::easy::Easy2;

use crate::deliver::options::HttpOptions;
use crate::deliver::policy::{AddressPolicy, Gate};
use crate::deliver::raw;
use crate::deliver::transfer::Exchange;

/// A handle with a driver's settings.
pub(super) fn new(
    options: &HttpOptions,
    policy: Option<&Arc<AddressPolicy>>,
) -> Result<Easy2<Exchange>, curl::Error> {
    let gate = policy.map(|policy| Arc::new(Gate::new(Arc::clone(policy))));
    let mut easy = Easy2::new(Exchange::new(options.response_limit, gate));
    equip(&mut easy, options)?;
    Ok(easy)
}

/// Makes a handle as it was when it was new.
pub(super) fn reset(easy: &mut Easy2<Exchange>, options: &HttpOptions) -> Result<(), curl::Error> {
    easy.reset();
    easy.get_mut().forget();
    equip(easy, options)
}

/// What every handle has.
fn equip(easy: &mut Easy2<Exchange>, options: &HttpOptions) -> Result<(), curl::Error> {
    options.apply(easy)?;
    raw::only_http(easy)?;
    raw::guard(easy)
}
