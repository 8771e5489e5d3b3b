//! A certificate for the server, and the authority that vouches for it, both made anew.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::folder::Folder;
use crate::programs::openssl;
use crate::{Error, Result};

/// Of its own, so that nothing depends on what the machine has in `openssl.cnf`.
const SETTINGS: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
authorityKeyIdentifier = keyid
";

const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// Where the certificate of the authority is.
pub(crate) fn authority(folder: &Folder) -> PathBuf {
    folder.path().join("ca.crt")
}

/// Makes `server.crt` and `server.key` for the host `localhost` in the folder, and the authority
/// behind them.
pub(crate) fn make(folder: &Folder) -> Result {
    let program = openssl()?;
    let settings = folder.path().join("openssl.cnf");
    fs::write(&settings, SETTINGS).map_err(Error::io("write the settings for openssl"))?;
    let run = |arguments: &[&[&str]]| {
        let mut command = Command::new(&program);
        folder.run(command.args(arguments.concat()).env("OPENSSL_CONF", &settings))
    };
    run(&[
        &["req", "-x509", "-subj", "/CN=authority of a test", "-extensions", "authority", "-days", "30"],
        &NEW_KEY,
        &["-keyout", "ca.key", "-out", "ca.crt"],
    ])?;
    run(&[
        &["req", "-new", "-subj", "/CN=localhost"],
        &NEW_KEY,
        &["-keyout", "server.key", "-out", "server.csr"],
    ])?;
    run(&[
        &["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
        &["-days", "30", "-extfile", "openssl.cnf", "-extensions", "server", "-out", "server.crt"],
    ])?;
    // PostgreSQL doesn't take a key that others can read.
    let secret = fs::Permissions::from_mode(0o600);
    fs::set_permissions(folder.path().join("server.key"), secret).map_err(Error::io("protect the key"))
}
