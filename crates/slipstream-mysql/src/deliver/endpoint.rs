//! The endpoint of a connection: requests that say the same here may share a connection.
//!
//! # Invariants
//! - No secret is a part of it.
//! - Passwords are looked up when a connection is made, and kept nowhere.
//! - Where secrets are guarded, nothing in the request decides by what a server proves its identity
//!   before it learns a password.
//!
//! # Non-goals
//! Reading the environment or a file. The program that runs the handler gives a way, and may refuse names
//! that it does not like.

use slipstream_core::{Destination, Failure, FailureScope, SecretRef};

use crate::deliver::option_file::OptionFile;
use crate::deliver::options::MysqlOptions;
use crate::deliver::wire::ServerKey;
use crate::request::{MysqlRequest, Tls};
use crate::url::Target;

/// A way from a secret's name to its text, for the destination that it is proven to; or to words
/// that say why there is none.
pub(crate) type LookUp = dyn Fn(&SecretRef, &Destination) -> Result<String, String> + Send + Sync;

/// Where to connect to, with which account and how, by the names that the request has for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    port_given: bool,
    socket: Option<String>,
    user: String,
    pub(crate) database: String,
    password: Option<String>,
    defaults_file: Option<String>,
    pub(crate) tls: Tls,
    cacert: Vec<u8>,
    server_public_key: Vec<u8>,
    get_server_public_key: bool,
    destination: Destination,
}

/// The same, looked up.
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
    /// What to connect to instead of host and port.
    pub(crate) socket: Option<String>,
    /// PEM; empty for the system's authorities.
    pub(crate) cacert: Vec<u8>,
    pub(crate) server_key: ServerKey,
    /// Whether there is a password, and the request's word does not count for how it is proven.
    pub(crate) guarded: bool,
}

impl Endpoint {
    pub(crate) fn new(request: &MysqlRequest, options: &MysqlOptions) -> Result<Self, Failure> {
        let target = Target::parse(&request.url);
        let target = target.map_err(|error| Failure::permanent(error.to_string()))?;
        Ok(Self {
            destination: target.destination(),
            host: target.host,
            port: target.port,
            port_given: target.port_given,
            socket: target.socket,
            user: target.user,
            database: target.database,
            password: request.password.clone(),
            defaults_file: request.defaults_file.clone(),
            tls: request.tls.unwrap_or(options.tls),
            cacert: request.cacert.clone(),
            server_public_key: request.server_public_key.clone(),
            get_server_public_key: request.get_server_public_key,
        })
    }

    /// For the operator.
    pub(crate) fn peer(&self) -> String {
        match &self.socket {
            Some(path) => format!("unix:{path}"),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// What the option file and the secrets add to it.
    pub(crate) fn account(
        &self,
        look_up: &LookUp,
        options: &MysqlOptions,
    ) -> Result<Account, Failure> {
        let found = |what: &str, name: &str| found(look_up, &self.destination, what, name);
        let file = match &self.defaults_file {
            Some(path) => OptionFile::parse(&found("option file", &format!("file:{path}"))?),
            None => OptionFile::default(),
        };
        let password = match &self.password {
            Some(name) => {
                let text = found("password", name)?;
                // Editors end a file with a line break; it is no part of the password.
                if name.starts_with("file:") { text.trim().to_owned() } else { text }
            }
            None => file.password.unwrap_or_default(),
        };
        let guarded = options.guards_secrets && !password.is_empty();
        let cacert = match file.ssl_ca {
            _ if !guarded && !self.cacert.is_empty() => self.cacert.clone(),
            Some(path) => found("ssl-ca", &format!("file:{path}"))?.into_bytes(),
            None => options.cacert.clone(),
        };
        let server_key = match file.server_public_key_path {
            _ if !guarded && !self.server_public_key.is_empty() => {
                ServerKey::Known(self.server_public_key.clone())
            }
            Some(path) => ServerKey::Known(
                found("server-public-key-path", &format!("file:{path}"))?.into_bytes(),
            ),
            None if file.get_server_public_key => ServerKey::Asked,
            None if !guarded && self.get_server_public_key => ServerKey::Asked,
            None => ServerKey::Unknown,
        };
        // As with mysql, "localhost" is the socket, once there is one.
        let socket = file.socket.filter(|_| self.host == "localhost" && !self.port_given);
        let user =
            if self.user.is_empty() { file.user.unwrap_or_default() } else { self.user.clone() };
        if user.is_empty() {
            return Err(Failure::permanent(
                "neither the url nor the option file names a user; name one in the file, or store the request with mysql://user@host/",
            ));
        }
        let socket = self.socket.clone().or(socket);
        Ok(Account { user, password, socket, cacert, server_key, guarded })
    }
}

/// What cannot be had now may be there later.
fn found(look_up: &LookUp, to: &Destination, what: &str, name: &str) -> Result<String, Failure> {
    let reference = name
        .parse::<SecretRef>()
        .map_err(|error: slipstream_core::Invalid| Failure::permanent(error.to_string()))?;
    look_up(&reference, to).map_err(|why| {
        let words = format!("the {what}, {reference}, cannot be used: {why}");
        Failure::transient(FailureScope::Request, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(name: &SecretRef, to: &Destination) -> Result<String, String> {
        assert!(to.as_str().starts_with("mysql://"), "{to}");
        match &*name.to_string() {
            "env:SHOP" => Ok("by env ".into()),
            "file:/etc/shop" => Ok("by file\n".into()),
            "file:/etc/app.cnf" => Ok("[client]\nuser=other\npassword=by cnf\nssl-ca=/ca\n\
                socket=/run/a.sock\n"
                .into()),
            "file:/key.cnf" => {
                Ok("[client]\npassword=by cnf\nserver-public-key-path=/key\n".into())
            }
            "file:/get.cnf" => Ok("[client]\npassword=by cnf\nget-server-public-key\n".into()),
            "file:/ca" => Ok("PEM".into()),
            "file:/key" => Ok("KEY".into()),
            _ => Err("there is none".into()),
        }
    }

    fn account(request: MysqlRequest) -> Result<Account, Failure> {
        let options = MysqlOptions::default();
        Endpoint::new(&request, &options)?.account(&look_up, &options)
    }

    #[test]
    fn a_password_is_looked_up_by_its_name() {
        let request = MysqlRequest::new("mysql://app@db/");
        assert_eq!(account(request.clone()).unwrap().password, "");
        let password = |name| account(request.clone().password(name)).map(|a| a.password);
        assert_eq!(password("env:SHOP").unwrap(), "by env ");
        assert_eq!(password("file:/etc/shop").unwrap(), "by file");
        let failure = password("env:NONE").unwrap_err();
        assert_eq!(failure.reason, "the password, env:NONE, cannot be used: there is none");
        assert!(failure.transient);
        assert!(!password("sesame").unwrap_err().reason.contains("sesame"));
    }

    #[test]
    fn an_option_file_adds_what_the_request_does_not_say() {
        let from = |url: &str| account(MysqlRequest::new(url).defaults_file("/etc/app.cnf"));
        let all = from("mysql://localhost/shop").unwrap();
        assert_eq!((&*all.user, &*all.password), ("other", "by cnf"));
        assert_eq!((all.socket.as_deref(), &*all.cacert), (Some("/run/a.sock"), &b"PEM"[..]));
        let none = from("mysql://app@db/shop").unwrap();
        assert_eq!((&*none.user, none.socket), ("app", None));
        assert_eq!(from("mysql://localhost:3306/").unwrap().socket, None);
        let request = MysqlRequest::new("mysql://db/").defaults_file("/etc/app.cnf");
        let own = account(request.password("env:SHOP").cacert("OWN")).unwrap();
        assert_eq!((&*own.password, &*own.cacert), ("by env ", &b"OWN"[..]));
    }

    #[test]
    fn guarded_secrets_are_proven_by_what_the_worker_says_and_not_the_request() {
        let request =
            || MysqlRequest::new("mysql://app@db/").cacert("OWN").server_public_key("OWN KEY");
        let (known, asked) = (|pem: &str| ServerKey::Known(pem.into()), ServerKey::Asked);
        let table = [
            // Without a password there is nothing to guard.
            (request(), "OWN", known("OWN KEY"), "OWN", known("OWN KEY"), false),
            (request().password("env:SHOP"), "OWN", known("OWN KEY"), "", ServerKey::Unknown, true),
            (
                request().defaults_file("/etc/app.cnf"),
                "OWN",
                known("OWN KEY"),
                "PEM",
                ServerKey::Unknown,
                true,
            ),
            (
                request().defaults_file("/key.cnf").get_server_public_key(true),
                "OWN",
                known("OWN KEY"),
                "",
                known("KEY"),
                true,
            ),
            (
                MysqlRequest::new("mysql://app@db/").defaults_file("/get.cnf"),
                "",
                asked.clone(),
                "",
                asked.clone(),
                true,
            ),
            (
                MysqlRequest::new("mysql://app@db/")
                    .password("env:SHOP")
                    .get_server_public_key(true),
                "",
                asked,
                "",
                ServerKey::Unknown,
                true,
            ),
        ];
        let guarding = MysqlOptions { guards_secrets: true, ..MysqlOptions::default() };
        for (request, cacert, key, guarded_cacert, guarded_key, guarded) in table {
            let own = account(request.clone()).unwrap();
            assert_eq!((&*own.cacert, &own.server_key), (cacert.as_bytes(), &key), "{request:?}");
            let endpoint = Endpoint::new(&request, &guarding).unwrap();
            let theirs = endpoint.account(&look_up, &guarding).unwrap();
            assert_eq!(&*theirs.cacert, guarded_cacert.as_bytes(), "{request:?}");
            assert_eq!((theirs.server_key, theirs.guarded), (guarded_key, guarded), "{request:?}");
            assert!(!own.guarded);
        }
    }
}
