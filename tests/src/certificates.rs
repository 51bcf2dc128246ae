//! Certificates that openssl makes: an authority of our own, and what it vouches for.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority, with its files in a temporary directory.
#[derive(Debug)]
pub struct Certificates {
    dir: tempfile::TempDir,
}

/// A certificate and its key, each a file of PEM.
#[derive(Debug)]
pub struct Pair {
    /// The certificate.
    pub cert: PathBuf,
    /// The key, without a passphrase.
    pub key: PathBuf,
}

impl Pair {
    /// What both files hold.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn pem(&self) -> (String, String) {
        let read = |path| std::fs::read_to_string(path).expect("openssl wrote it");
        (read(&self.cert), read(&self.key))
    }
}

impl Certificates {
    /// A new authority.
    ///
    /// # Panics
    /// When there is no openssl.
    #[allow(clippy::new_without_default, reason = "it starts a program, and may fail")]
    pub fn new() -> Self {
        Self::vouched_for(&[])
    }

    /// An authority that this one vouches for.
    ///
    /// # Panics
    /// When there is no openssl.
    pub fn intermediate(&self) -> Self {
        let (ca, key) = (self.authority(), self.path("authority", "key"));
        Self::vouched_for(&[Path::new("-CA"), &ca, Path::new("-CAkey"), &key])
    }

    fn vouched_for(by: &[&Path]) -> Self {
        let certificates = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        // No two have one name, or OpenSSL would take one for the other.
        let name = format!("authority {}", certificates.dir.path().display()).replace('/', " ");
        certificates.make("authority", &name, by);
        certificates
    }

    /// The authority's own certificate.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// A certificate for this name or address, which the authority vouches for.
    ///
    /// # Panics
    /// When there is no openssl.
    pub fn pair(&self, name: &str) -> Pair {
        let sort = if name.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
        let names = format!("subjectAltName={sort}:{name}");
        let (ca, key) = (self.authority(), self.dir.path().join("authority.key"));
        self.make(
            name,
            name,
            &[
                Path::new("-addext"),
                Path::new(&names),
                Path::new("-CA"),
                &ca,
                Path::new("-CAkey"),
                &key,
            ],
        );
        Pair { cert: self.path(name, "pem"), key: self.path(name, "key") }
    }

    /// A directory that OpenSSL finds the authority in, as a system has one.
    ///
    /// # Panics
    /// When there is no openssl.
    pub fn directory(&self) -> PathBuf {
        let authority = self.authority();
        let hash = openssl(["x509", "-hash", "-noout", "-in"].map(Path::new), &[&authority]);
        let directory = self.dir.path().join("trusted");
        std::fs::create_dir_all(&directory).expect("a directory of its own");
        std::fs::copy(authority, directory.join(format!("{}.0", hash.trim())))
            .expect("the authority is copied");
        directory
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.{extension}"))
    }

    fn make(&self, file: &str, name: &str, more: &[&Path]) {
        let (key, cert) = (self.path(file, "key"), self.path(file, "pem"));
        let subject = format!("/CN={name}");
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let rest = ["-nodes", "-days", "2", "-subj", &subject, "-keyout"].map(Path::new);
        let args = [&rest[..], &[&key, Path::new("-out"), &cert], more].concat();
        openssl(new.map(Path::new), &args);
    }
}

/// Runs it, and returns what it printed.
fn openssl<const N: usize>(first: [&Path; N], args: &[&Path]) -> String {
    let program =
        std::env::var_os("SLIPSTREAM_TEST_OPENSSL").map_or_else(|| "openssl".into(), PathBuf::from);
    let ran = Command::new(program).args(first).args(args).output();
    let ran =
        ran.unwrap_or_else(|error| panic!("no openssl ({error}); `cargo xtask setup` installs it"));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("it prints text")
}
