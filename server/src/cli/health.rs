//! `tongfu health`: for containers and scripts.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A ready instance answers within a second.
const LIMIT: Duration = Duration::from_secs(2);
/// An answer is a line.
const ANSWER_MAX: u64 = 4 << 10;

pub(crate) async fn run(config: &Config) -> Result<()> {
    let address = reached(config.listen);
    let asked = tokio::time::timeout(LIMIT, ready(address)).await;
    let answer = asked.context("no answer in time")?;
    let answer = answer.with_context(|| format!("nothing answers at {address}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let why = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
    if status != "200" {
        bail!("not ready: {status} {why}");
    }
    println!("ready");
    Ok(())
}

async fn ready(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Where somebody on this machine reaches what listens there.
pub(super) fn reached(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        for (listen, expected) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("10.0.0.5:80", "10.0.0.5:80"),
        ] {
            let reached = reached(listen.parse().unwrap());
            assert_eq!(reached, expected.parse().unwrap());
        }
    }
}
