//! The same callback twice at once: it comes again where its first answer is late.

use super::Client;
use crate::process::free_ports;
use crate::wire::Wire;
use crate::world::World;
use anyhow::{Result, anyhow, bail};
use std::io::{Read, Write, copy};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// A question for a payment is held so long on its way to the platform.
const HELD: Duration = Duration::from_secs(1);

/// Whose confirmation takes its time, a shop ships once.
pub(super) fn ships_once(world: &World, runs: &[PathBuf]) -> Result<()> {
    let client = Client {
        world,
        runs,
        wire: Wire::new(),
        port: free_ports(1)?,
        platform: format!("http://127.0.0.1:{}", relay(world.port)?),
    };
    client.open(&["shop", &client.port.to_string()], |client| {
        let (key, callback) = client.paid_elsewhere()?;
        let answers = std::thread::scope(|threads| {
            let calls = [(); 2].map(|()| threads.spawn(|| client.wire.get(&callback)));
            calls.map(|call| call.join().unwrap_or_else(|_| Err(anyhow!("it panicked"))))
        });
        for answer in answers {
            let said = answer?.body;
            if said.trim() != "success" {
                bail!("one of two callbacks at once is answered {said:?}");
            }
        }
        let shipped = client.shipped(&key)?;
        if shipped != 1 || !client.is(&key, "paid")? {
            bail!("of two callbacks at once it ships {shipped} times");
        }
        Ok(())
    })
}

/// Forwards connections to a port as long as this program lives; gives its own.
fn relay(port: u16) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || forward(client, port));
        }
    });
    Ok(own)
}

fn forward(mut client: TcpStream, port: u16) -> Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (mut answers, mut asker) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || copy(&mut answers, &mut asker));
    let mut part = [0; 4096];
    loop {
        let read = client.read(&mut part)?;
        if read == 0 {
            server.shutdown(std::net::Shutdown::Write)?;
            return Ok(());
        }
        let part = &part[..read];
        if part.windows(9).any(|word| word == b"queryInfo") {
            std::thread::sleep(HELD);
        }
        server.write_all(part)?;
    }
}
