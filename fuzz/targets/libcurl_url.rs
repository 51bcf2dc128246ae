//! libcurl's own parser of URLs (curl/urlapi.h), which the bindings do not have. The only `unsafe` of
//! the targets.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

// Links libcurl.
use curl_sys as _;

/// libcurl's handle for a URL.
#[repr(C)]
struct Handle {
    _private: [u8; 0],
}

// The declarations are those of curl/urlapi.h and curl/curl.h; CURLUcode and CURLUPart are enums of C,
// without negative values, which libcurl's ABI keeps as ints.
unsafe extern "C" {
    fn curl_url() -> *mut Handle;
    fn curl_url_cleanup(handle: *mut Handle);
    fn curl_url_set(handle: *mut Handle, what: c_int, part: *const c_char, flags: c_uint) -> c_int;
    fn curl_url_get(
        handle: *const Handle,
        what: c_int,
        part: *mut *mut c_char,
        flags: c_uint,
    ) -> c_int;
    fn curl_free(text: *mut c_void);
}

/// CURLUPart.
#[derive(Debug, Clone, Copy)]
enum Part {
    Url = 0,
    Scheme = 1,
    User = 2,
    Password = 3,
    Host = 5,
    Port = 6,
    Path = 7,
    Query = 8,
    Fragment = 9,
}

/// Flags of CURLU_.
const DEFAULT_PORT: c_uint = 1 << 0;
const NON_SUPPORT_SCHEME: c_uint = 1 << 3;
const PATH_AS_IS: c_uint = 1 << 4;
const URLENCODE: c_uint = 1 << 7;
const GUESS_SCHEME: c_uint = 1 << 9;
const ALLOW_SPACE: c_uint = 1 << 11;
const GET_EMPTY: c_uint = 1 << 14;

/// A URL that libcurl has read.
pub(crate) struct Url(*mut Handle);

impl Url {
    /// Reads a URL as a transfer does; `None` when libcurl refuses it, or when it holds a NUL, which
    /// libcurl would never see.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        // SAFETY: it takes nothing, and gives a new handle or null.
        let url = Self(unsafe { curl_url() });
        assert!(!url.0.is_null());
        url.set(text, GUESS_SCHEME | NON_SUPPORT_SCHEME | PATH_AS_IS).then_some(url)
    }

    /// Goes where an answer's `Location` leads, as a transfer does; `None` when libcurl refuses it.
    pub(crate) fn follow(self, location: &[u8]) -> Option<Self> {
        self.set(location, URLENCODE | ALLOW_SPACE).then_some(self)
    }

    fn set(&self, text: &[u8], flags: c_uint) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the handle is a live one, and the text ends with NUL; libcurl copies what it keeps
        // of it.
        unsafe { curl_url_set(self.0, Part::Url as c_int, text.as_ptr(), flags) == 0 }
    }

    fn get(&self, part: Part, flags: c_uint) -> Option<Vec<u8>> {
        let mut text: *mut c_char = ptr::null_mut();
        // SAFETY: the handle is a live one, and `text` is written to before the call returns.
        let code = unsafe { curl_url_get(self.0, part as c_int, &raw mut text, flags) };
        if code != 0 || text.is_null() {
            return None;
        }
        // SAFETY: on success, it is a string that ends with NUL and is ours until it is freed.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes().to_vec();
        // SAFETY: libcurl allocated it, and nothing refers to it: the bytes were copied.
        unsafe { curl_free(text.cast()) };
        Some(bytes)
    }

    fn text(&self, part: Part, flags: c_uint) -> Option<String> {
        self.get(part, flags).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn scheme(&self) -> String {
        self.text(Part::Scheme, 0).unwrap_or_default()
    }

    /// User, and password behind a colon.
    pub(crate) fn user(&self) -> Option<Vec<u8>> {
        match (self.get(Part::User, 0), self.get(Part::Password, 0)) {
            (user, None) => user,
            (user, Some(password)) => {
                Some([&user.unwrap_or_default()[..], b":", &password].concat())
            }
        }
    }

    pub(crate) fn host(&self) -> String {
        self.text(Part::Host, 0).unwrap_or_default()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.text(Part::Port, 0)?.parse().ok()
    }

    /// The port that is connected to.
    pub(crate) fn actual_port(&self) -> Option<u16> {
        self.text(Part::Port, DEFAULT_PORT)?.parse().ok()
    }

    pub(crate) fn path(&self) -> String {
        self.text(Part::Path, 0).unwrap_or_default()
    }

    pub(crate) fn query(&self) -> Option<String> {
        self.text(Part::Query, GET_EMPTY)
    }

    pub(crate) fn fragment(&self) -> Option<String> {
        self.text(Part::Fragment, GET_EMPTY)
    }
}

impl Drop for Url {
    fn drop(&mut self) {
        // SAFETY: the handle is a live one, and nothing has it afterwards.
        unsafe { curl_url_cleanup(self.0) };
    }
}
