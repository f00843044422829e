//! What stands between instances and leader, and before the instances: PgBouncer, HAProxy
//! that asks Patroni who leads, and nginx by the sample that is shipped.

use super::machine::PORT;
use super::network::address;
use crate::database::Place;
use crate::folders::root;
use crate::process::{Kept, free_ports};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// HAProxy and PgBouncer; they are gone with this value.
pub(crate) struct Proxies {
    haproxy: Kept,
    pgbouncer: Kept,
    port: u16,
}

impl Proxies {
    pub(crate) fn start(place: &Place, machines: usize) -> Result<Self> {
        let port = free_ports(2)?;
        let folder = &place.folder;
        let behind = port + 1;
        let haproxy = file(folder, "haproxy.cfg", &haproxy(behind, machines))?;
        let pgbouncer = file(folder, "pgbouncer.ini", &pgbouncer(port, behind))?;
        let mut pooler = place.command(Path::new("pgbouncer"));
        pooler.arg("--quiet").arg(pgbouncer);
        let pooler: Vec<_> = std::iter::once(pooler.get_program())
            .chain(pooler.get_args())
            .map(std::ffi::OsStr::to_owned)
            .collect();
        let proxies = Self {
            haproxy: quiet(vec!["haproxy".into(), "-f".into(), haproxy.into()]),
            pgbouncer: quiet(pooler),
            port,
        };
        proxies.haproxy.start()?;
        proxies.pgbouncer.start()?;
        Ok(proxies)
    }

    /// PgBouncer's address, without a database name.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    /// `kill -9` of one of both.
    pub(crate) fn kill(&self, which: usize, away: Duration) -> Result<()> {
        [&self.haproxy, &self.pgbouncer][which % 2].kill(away)
    }
}

/// nginx before the instances at `ports`, listening at `port`.
pub(crate) fn nginx(folder: &Path, port: u16, ports: &[u16]) -> Result<Kept> {
    let place = folder.join("nginx");
    std::fs::create_dir_all(&place)?;
    let sample = std::fs::read_to_string(root().join("packaging/nginx.conf"))?;
    let text = main_file(&place, &own_ports(&sample, port, ports)?);
    let file = file(&place, "nginx.conf", &text)?;
    let words = ["nginx", "-g", "daemon off; master_process off;", "-c"].map(Into::into);
    Ok(quiet(words.into_iter().chain([file.into()]).collect()))
}

/// What stands around the sample, with every folder of nginx's own in `place`.
pub(crate) fn main_file(place: &Path, sample: &str) -> String {
    let place = place.display();
    format!(
        "pid {place}/nginx.pid; error_log {place}/nginx.log; events {{}}\nhttp {{\n\
         client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n\
         fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;\n\
         scgi_temp_path {place}/scgi;\n{sample}}}\n"
    )
}

/// The sample, in clear, at ports of ours.
fn own_ports(sample: &str, port: u16, ports: &[u16]) -> Result<String> {
    let line = |line: &str| sample.lines().find(|known| known.trim().starts_with(line));
    let server = line("server 127.0.0.1:3000").context("nginx's sample has no server 3000")?;
    let servers = ports
        .iter()
        .map(|port| server.replace("3000", &port.to_string()));
    let servers: Vec<String> = servers.collect();
    let mut text = sample.replacen(server, &servers.join("\n"), 1);
    for gone in [
        "server 127.0.0.1:4000",
        "ssl_certificate ",
        "ssl_certificate_key",
    ] {
        text = text.replace(line(gone).with_context(|| gone.to_owned())?, "");
    }
    Ok(text.replace("listen 443 ssl", &format!("listen 127.0.0.1:{port}")))
}

fn haproxy(port: u16, machines: usize) -> String {
    let server = |each| {
        let own = address(each);
        format!("    server m{each} {own}:{PORT} check port 8008\n")
    };
    let servers: String = (1..=machines).map(server).collect();
    format!(
        "global\n    maxconn 1000\ndefaults\n    mode tcp\n    timeout connect 2s\n    \
         timeout client 30m\n    timeout server 30m\n    timeout check 2s\nlisten leader\n    \
         bind 127.0.0.1:{port}\n    option httpchk OPTIONS /primary\n    \
         http-check expect status 200\n    default-server inter 1s fall 2 rise 1 \
         on-marked-down shutdown-sessions\n{servers}"
    )
}

fn pgbouncer(port: u16, behind: u16) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={behind} user=postgres\n[pgbouncer]\n\
         listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = session\nmax_client_conn = 500\ndefault_pool_size = 100\n\
         server_login_retry = 1\n"
    )
}

fn file(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A program whose words are of no use here.
fn quiet(words: Vec<std::ffi::OsString>) -> Kept {
    Kept::new(move || {
        let (program, rest) = words.split_first().context("no program")?;
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    })
}
