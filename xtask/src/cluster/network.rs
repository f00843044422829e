//! A bridge, and machines on it in network namespaces of their own: cut off, or with
//! packets lost in one direction, as a network loses them.

use crate::step::{run_quietly, works};
use anyhow::{Context, Result};
use std::process::Command;

/// Where the machines' addresses begin.
const NET: &str = "10.77.0";
/// This machine's own number there: from it instances and proxies ask.
const OURS: usize = 254;
const BRIDGE: &str = "tongfu0";

/// The network, as long as this value lives.
pub(crate) struct Network {
    machines: usize,
}

impl Network {
    /// Lays it for machines 1 to `machines`; what a run that was killed left is taken
    /// away before.
    ///
    /// # Errors
    /// Where namespaces may not be made.
    pub(crate) fn lay(machines: usize) -> Result<Self> {
        let network = Self { machines };
        network.take_away();
        let may = "network namespaces can't be made here: they need root, and iproute2";
        ip(&format!("link add {BRIDGE} type bridge")).context(may)?;
        ip(&format!("addr add {}/24 dev {BRIDGE}", address(OURS)))?;
        ip(&format!("link set {BRIDGE} up"))?;
        for machine in network.all() {
            let (name, wire) = (namespace(machine), wire(machine));
            ip(&format!("netns add {name}"))?;
            ip(&format!(
                "link add {wire} type veth peer name eth0 netns {name}"
            ))?;
            ip(&format!("link set {wire} master {BRIDGE} up"))?;
            let own = format!("{}/24", address(machine));
            ip(&format!("-n {name} addr add {own} dev eth0"))?;
            for device in ["lo", "eth0"] {
                ip(&format!("-n {name} link set {device} up"))?;
            }
        }
        Ok(network)
    }

    pub(crate) fn all(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.machines
    }

    /// `program` on a machine.
    pub(crate) fn on(machine: usize, program: &Command) -> Command {
        let mut on = Command::new("ip");
        on.args(["netns", "exec", &namespace(machine)])
            .arg(program.get_program())
            .args(program.get_args());
        if let Some(folder) = program.get_current_dir() {
            on.current_dir(folder);
        }
        on
    }

    /// All processes of a machine.
    pub(crate) fn processes(machine: usize) -> Vec<u32> {
        let mut pids = Command::new("ip");
        pids.args(["netns", "pids", &namespace(machine)]);
        let told = pids
            .output()
            .map(|output| output.stdout)
            .unwrap_or_default();
        let told = String::from_utf8_lossy(&told).into_owned();
        told.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Nothing reaches it and nothing leaves it.
    pub(crate) fn cut(machine: usize) -> Result<()> {
        ip(&format!("link set {} down", wire(machine)))
    }

    /// What it sends to its fellows is lost; what they send reaches it.
    pub(crate) fn mute(&self, machine: usize) -> Result<()> {
        let mut fellows = self.all().filter(|other| *other != machine);
        fellows.try_for_each(|fellow| lose(machine, fellow))
    }

    /// What it sends to us is lost; what we send reaches it.
    pub(crate) fn mute_to_us(machine: usize) -> Result<()> {
        lose(machine, OURS)
    }

    /// All that was cut or lost is whole again.
    pub(crate) fn mend(&self, machine: usize) -> Result<()> {
        for other in self.all().chain([OURS]) {
            works(Command::new("ip").args([
                "-n",
                &namespace(machine),
                "route",
                "del",
                "blackhole",
                &format!("{}/32", address(other)),
            ]));
        }
        ip(&format!("link set {} up", wire(machine)))
    }

    fn take_away(&self) {
        for machine in self.all() {
            crate::process::send("-KILL", &Self::processes(machine));
            // By itself the wire goes some time after the namespace.
            works(Command::new("ip").args(["link", "del", &wire(machine)]));
            works(Command::new("ip").args(["netns", "del", &namespace(machine)]));
        }
        works(Command::new("ip").args(["link", "del", BRIDGE]));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.take_away();
    }
}

/// A machine's address.
pub(crate) fn address(machine: usize) -> String {
    format!("{NET}.{machine}")
}

/// Packets of a machine to another are lost.
fn lose(from: usize, to: usize) -> Result<()> {
    let (name, to) = (namespace(from), address(to));
    ip(&format!("-n {name} route add blackhole {to}/32"))
}

fn namespace(machine: usize) -> String {
    format!("tongfu-{machine}")
}

fn wire(machine: usize) -> String {
    format!("tongfu-v{machine}")
}

fn ip(words: &str) -> Result<()> {
    run_quietly(Command::new("ip").args(words.split(' '))).map(drop)
}
