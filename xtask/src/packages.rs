//! Installs system packages that tests need. No test is skipped because one is missing.

use std::process::{Command, Stdio};

use rustix::process::geteuid;

/// Installs Debian's packages.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends postgresql-common openssl
# Debian's package would create and start a server, which is not needed. The file is restored afterwards.
settings=/etc/postgresql-common/createcluster.conf
cp -p "$settings" "$settings.before"
trap 'mv "$settings.before" "$settings"' EXIT
trap 'exit 1' INT TERM
echo 'create_main_cluster = false' >>"$settings"
apt-get install -y --no-install-recommends postgresql pgbouncer
# The pooler's package starts one as well.
if command -v systemctl >/dev/null; then systemctl disable --now pgbouncer || true; fi
"#;

/// Makes sure that PostgreSQL's programs are there.
///
/// # Errors
/// When they aren't and can't be installed; says what to do.
pub(crate) fn ensure_postgresql() -> Result<(), String> {
    let Err(missing) = postgres_server::installed() else { return Ok(()) };
    eprintln!("xtask: {missing}");
    let by_hand = "install PostgreSQL's server, pgbouncer and openssl by hand, such as by: apt-get install postgresql pgbouncer openssl";
    install(INSTALL, by_hand)?;
    postgres_server::installed().map(drop).map_err(|missing| format!("apt-get succeeded, and yet: {missing}"))
}

/// Installs Prometheus' `promtool`. The package would also start a server, which is not needed.
const INSTALL_PROMTOOL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends prometheus
if command -v systemctl >/dev/null; then systemctl disable --now prometheus prometheus-node-exporter || true; fi
"#;

/// Makes sure that the checker of metrics is there.
///
/// # Errors
/// When it isn't and can't be installed; says what to do.
pub(crate) fn ensure_promtool() -> Result<(), String> {
    let is_there = || succeeds(Command::new("promtool").arg("--version").stdout(Stdio::null()));
    if is_there() {
        return Ok(());
    }
    eprintln!("xtask: promtool can't be run");
    install(INSTALL_PROMTOOL, "install promtool by hand, such as by: apt-get install prometheus")?;
    is_there().then_some(()).ok_or_else(|| "apt-get succeeded, and yet promtool can't be run".to_owned())
}

/// Installs Python with what makes virtual environments.
const INSTALL_PYTHON: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
"#;

/// Makes sure that Python can make virtual environments, into which the simulator's tests install
/// clients that others wrote.
///
/// # Errors
/// When it can't, and can't be installed; says what to do.
pub(crate) fn ensure_python() -> Result<(), String> {
    let is_there = || {
        let mut python = Command::new("python3");
        succeeds(python.args(["-c", "import ensurepip, venv"]).stdout(Stdio::null()).stderr(Stdio::null()))
    };
    if is_there() {
        return Ok(());
    }
    eprintln!("xtask: python3 can't make virtual environments");
    install(INSTALL_PYTHON, "install Python by hand, such as by: apt-get install python3 python3-venv")?;
    is_there().then_some(()).ok_or_else(|| "apt-get succeeded, and yet python3 can't make them".to_owned())
}

/// Runs a script that installs packages, as root.
fn install(script: &str, by_hand: &str) -> Result<(), String> {
    if !succeeds(Command::new("apt-get").arg("--version").stdout(Stdio::null())) {
        return Err(format!("this machine has no apt-get; {by_hand}"));
    }
    let mut install = if geteuid().is_root() {
        Command::new("sh")
    } else if succeeds(Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null())) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        return Err(format!(
            "packages can only be installed by root, or with sudo without a password; {by_hand}"
        ));
    };
    eprintln!("xtask: installing it");
    if !succeeds(install.args(["-c", script]).stdin(Stdio::null())) {
        return Err(format!("apt-get failed, see above; {by_hand}"));
    }
    Ok(())
}

/// Whether a command can be run, and ends well.
fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
