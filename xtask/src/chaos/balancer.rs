//! One address for all instances, as a load balancer gives it: notifies, and
//! payers who come back, go to whichever instance lives.

use anyhow::Result;
use std::io::{self, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// A connection over which nothing comes for so long is cut.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Forwards connections to `port` from now on, as long as this program lives.
pub(crate) fn start(port: u16, instances: Vec<u16>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    std::thread::spawn(move || {
        let next = AtomicUsize::new(0);
        for stream in listener.incoming().flatten() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let mut order = instances.clone();
            order.rotate_left(at % instances.len());
            std::thread::spawn(move || forward(stream, &order));
        }
    });
    Ok(())
}

/// The first instance that takes the connection gets it; else it is closed.
fn forward(client: TcpStream, instances: &[u16]) {
    let connect = |port: &u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        TcpStream::connect_timeout(&address, CONNECT_LIMIT).ok()
    };
    if let Some(server) = instances.iter().find_map(connect) {
        // Either side going away is what chaos is about.
        let _ = both_ways(client, server);
    }
}

fn both_ways(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE_MAX))?;
    server.set_read_timeout(Some(SILENCE_MAX))?;
    let (from_client, to_client) = (client.try_clone()?, client);
    let (from_server, to_server) = (server.try_clone()?, server);
    let up = std::thread::spawn(move || pump(from_client, to_server));
    pump(from_server, to_client);
    let _ = up.join();
    Ok(())
}

/// Copies until an end, and closes both: neither side waits for one that is gone.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
