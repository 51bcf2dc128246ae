//! Functions of libcurl that the `curl` crate has no words for. The only `unsafe` of this crate.
//!
//! # Invariants
//! Each function keeps libcurl's side of the bargain by itself, for any handle that it can be
//! given.
//!
//! # Non-goals
//! Decisions. What is set here, and when, is for others to say.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_long, c_void};
use std::os::fd::IntoRawFd;
use std::ptr;
use std::sync::Arc;

use curl::Error;
use curl::easy::Easy2;
use curl::multi::Multi;
use curl_sys::{CURLoption, curl_sockaddr, curl_socket_t, curlsocktype};
use socket2::{SockAddr, SockAddrStorage, Socket};

use crate::deliver::policy::Gate;
use crate::deliver::transfer::{Exchange, is_shortage};

/// From libcurl's `curl.h`; the bindings do not have them.
const CURLOPT_PROTOCOLS_STR: CURLoption = curl_sys::CURLOPTTYPE_OBJECTPOINT + 318;

const CURLOPT_REQUEST_TARGET: CURLoption = curl_sys::CURLOPTTYPE_OBJECTPOINT + 266;

/// What is in the request line in place of the URL's path and query.
pub(crate) fn request_target<H>(easy: &mut Easy2<H>, target: &str) -> Result<(), Error> {
    let target = CString::new(target)?;
    // SAFETY: the handle is a live one, and this option takes a string that ends with NUL,
    // of which libcurl makes a copy.
    check(unsafe {
        curl_sys::curl_easy_setopt(easy.raw(), CURLOPT_REQUEST_TARGET, target.as_ptr())
    })
}

/// Lets a handle speak http and https, and nothing else that libcurl was built with.
pub(crate) fn only_http<H>(easy: &mut Easy2<H>) -> Result<(), Error> {
    const NAMES: &CStr = c"http,https";
    // SAFETY: the handle is a live one, and this option takes a string that ends with NUL,
    // of which libcurl makes a copy.
    check(unsafe { curl_sys::curl_easy_setopt(easy.raw(), CURLOPT_PROTOCOLS_STR, NAMES.as_ptr()) })
}

/// Whether libcurl can set up a multi handle now. It cannot without memory, or without descriptors for
/// what wakes it; `Multi::new` panics then.
pub(crate) fn can_set_up_multi() -> bool {
    // SAFETY: it takes nothing, and gives a handle or null.
    let multi = unsafe { curl_sys::curl_multi_init() };
    if multi.is_null() {
        return false;
    }
    // SAFETY: the handle was just made, nothing was added to it, and nothing has it afterwards.
    unsafe { curl_sys::curl_multi_cleanup(multi) };
    true
}

/// From libcurl's `multi.h`; the bindings do not have it.
const CURLMOPT_QUICK_EXIT: curl_sys::CURLMoption = curl_sys::CURLOPTTYPE_LONG + 21;

/// Has libcurl not wait for threads that look up names when the handle is dropped. They end later.
pub(crate) fn quit_quickly(multi: &Multi) {
    // SAFETY: the handle is a live one, and this option takes a long.
    let set =
        unsafe { curl_sys::curl_multi_setopt(multi.raw(), CURLMOPT_QUICK_EXIT, c_long::from(1)) };
    if set != curl_sys::CURLM_OK {
        tracing::debug!(set, "libcurl waits for its threads");
    }
}

/// Takes the system's directory of certificates from a handle, so that only the certificates count
/// that it is given.
pub(crate) fn without_ca_path<H>(easy: &mut Easy2<H>) -> Result<(), Error> {
    let none: *const c_char = ptr::null();
    // SAFETY: the handle is a live one, and for this option a null string means "none".
    check(unsafe { curl_sys::curl_easy_setopt(easy.raw(), curl_sys::CURLOPT_CAPATH, none) })
}

/// Has a handle ask its gate before it opens a socket, if it has one.
pub(crate) fn guard(easy: &mut Easy2<Exchange>) -> Result<(), Error> {
    let Some(gate) = easy.get_ref().gate() else {
        return Ok(());
    };
    let gate: *const Gate = Arc::as_ptr(gate);
    let call: curl_sys::curl_opensocket_callback = open_socket;
    // SAFETY: the handle is a live one; the options take a function of this type, and a pointer
    // that libcurl hands to it and does nothing else with. The pointer is good for as long as
    // libcurl may use it: the gate is in the handle's exchange, which keeps the gate that it was
    // made with (its field is private and never assigned), and `Easy2` closes the handle before it
    // drops the exchange. Sockets are opened inside calls on the handle alone.
    unsafe {
        let handle = easy.raw();
        check(curl_sys::curl_easy_setopt(handle, curl_sys::CURLOPT_OPENSOCKETFUNCTION, call))?;
        check(curl_sys::curl_easy_setopt(handle, curl_sys::CURLOPT_OPENSOCKETDATA, gate))
    }
}

/// What libcurl calls for a socket to connect with.
extern "C" fn open_socket(
    gate: *mut c_void,
    _: curlsocktype,
    address: *mut curl_sockaddr,
) -> curl_socket_t {
    // SAFETY: libcurl hands over the pointer that `guard` gave it, which is good (see there).
    // A gate is shared by nature: it changes behind a lock.
    let gate = unsafe { &*gate.cast::<Gate>() };
    // SAFETY: libcurl passes an address of its own that no other code uses during the call.
    let (family, kind, protocol, length) = unsafe {
        ((*address).family, (*address).socktype, (*address).protocol, (*address).addrlen)
    };
    let length = (length as usize).min(size_of::<SockAddrStorage>());
    // SAFETY: behind `addr` lie `addrlen` bytes (the struct that libcurl passes is longer than
    // its declaration), of which no more are copied than `storage`, zeroed before, has room for.
    // The pointer is made from the whole one, without a reference to the short declaration.
    let known = unsafe {
        SockAddr::try_init(|storage, size| {
            let bytes = ptr::addr_of!((*address).addr).cast::<u8>();
            ptr::copy_nonoverlapping(bytes, storage.cast::<u8>(), length);
            *size = length as u32;
            Ok(())
        })
    };
    let internet = known.ok().and_then(|((), address)| address.as_socket());
    if !gate.admits(internet.map(|address| address.ip())) {
        return curl_sys::CURL_SOCKET_BAD;
    }
    match Socket::new(family.into(), kind.into(), Some(protocol.into())) {
        Ok(socket) => socket.into_raw_fd(),
        Err(error) => {
            if is_shortage(&error) {
                gate.run_short();
            }
            curl_sys::CURL_SOCKET_BAD
        }
    }
}

fn check(code: curl_sys::CURLcode) -> Result<(), Error> {
    if code == curl_sys::CURLE_OK { Ok(()) } else { Err(Error::new(code)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libcurl_itself_speaks_nothing_but_http() {
        let mut easy = Easy2::new(Exchange::new(1_000, None));
        easy.url("file:///dev/null").unwrap();
        only_http(&mut easy).unwrap();
        assert!(easy.perform().unwrap_err().is_unsupported_protocol());
    }
}
