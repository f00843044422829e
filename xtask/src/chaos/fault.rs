//! What happens to a cluster under load: each kind in turn, and how long nothing could be
//! written meanwhile.

use super::plan::Kill;
use super::stage::Stage;
use super::writes::{Span, Writes};
use crate::cluster::{Cluster, Network, TTL};
use anyhow::{Context, Result};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long clients get no answer from a leader that is well, and an instance stands still.
const SILENT: Duration = Duration::from_secs(5);
/// How long a member of etcd stays away at least: the others choose a leader meanwhile.
const ETCD_AWAY: Duration = Duration::from_secs(3);
/// What happens with the old leader after there is another.
const ALONE: Duration = Duration::from_secs(3);

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    ServerKilled,
    HostKilled,
    HostFrozen,
    HostCut,
    HostMute,
    ClientsUnanswered,
    SwitchedOver,
    EtcdKilled,
    InstanceKilled,
    InstanceFrozen,
    ProxyKilled,
    RestartedInTurn,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::ServerKilled,
        Self::HostKilled,
        Self::HostFrozen,
        Self::HostCut,
        Self::HostMute,
        Self::ClientsUnanswered,
        Self::SwitchedOver,
        Self::EtcdKilled,
        Self::InstanceKilled,
        Self::InstanceFrozen,
        Self::ProxyKilled,
        Self::RestartedInTurn,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::ServerKilled => "the leader's PostgreSQL killed",
            Self::HostKilled => "the leader's machine lost, and back",
            Self::HostFrozen => "the leader's machine stood still, and went on",
            Self::HostCut => "the leader's machine cut off",
            Self::HostMute => "what the leader's machine sent to the others lost",
            Self::ClientsUnanswered => "what the leader sent to us lost for 5 s",
            Self::SwitchedOver => "switched over",
            Self::EtcdKilled => "a member of etcd killed",
            Self::InstanceKilled => "an instance killed",
            Self::InstanceFrozen => "an instance stood still for 5 s",
            Self::ProxyKilled => "a proxy killed",
            Self::RestartedInTurn => "all instances restarted in turn",
        }
    }

    /// How long at most nothing may be written then, where that is promised.
    fn limit(self) -> Option<Duration> {
        match self {
            Self::ServerKilled => Some(Duration::from_secs(8)),
            Self::HostKilled | Self::HostFrozen | Self::HostCut | Self::HostMute => {
                Some(Duration::from_secs(TTL + 10))
            }
            _ => None,
        }
    }
}

/// A fault that came, from its beginning until all was whole again.
struct Struck {
    fault: Fault,
    time: Span,
}

/// What a kind of fault came to.
pub(crate) struct Suffered {
    fault: Fault,
    times: usize,
    /// The longest time without writes.
    longest: Duration,
}

impl Suffered {
    /// Whether nothing could be written for longer than is promised.
    pub(crate) fn is_too_long(&self) -> bool {
        let limit = self.fault.limit();
        limit.is_some_and(|limit| self.longest > limit)
    }

    /// A line about it.
    pub(crate) fn line(&self) -> String {
        let limit = self.fault.limit().map_or(String::new(), |limit| {
            format!(", of {} that may be", limit.as_secs())
        });
        format!(
            "{}: {} times, at most {:.1} s without writes{limit}{}",
            self.fault.word(),
            self.times,
            self.longest.as_secs_f64(),
            if self.is_too_long() { ": TOO LONG" } else { "" }
        )
    }
}

/// The faults of a run.
pub(crate) struct Faults<'a> {
    cluster: &'a Cluster,
    stage: &'a Stage,
    struck: Mutex<Vec<Struck>>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(cluster: &'a Cluster, stage: &'a Stage) -> Self {
        Self {
            cluster,
            stage,
            struck: Mutex::default(),
        }
    }

    /// The next kind strikes where `kill` says; all is whole again afterwards.
    ///
    /// # Errors
    /// When it does not become whole.
    pub(crate) fn strike(&self, nth: usize, kill: &Kill) -> Result<()> {
        let fault = Fault::ALL[nth % Fault::ALL.len()];
        let from = Instant::now();
        eprintln!("    {}", fault.word());
        self.cause(fault, kill).with_context(|| fault.word())?;
        self.cluster.wait_whole().with_context(|| fault.word())?;
        self.stage.fleet.wait_all_ready()?;
        let until = Instant::now();
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let time = Span { from, until };
        struck.push(Struck { fault, time });
        Ok(())
    }

    /// What each kind came to.
    pub(crate) fn suffered(&self, writes: &Writes) -> Vec<Suffered> {
        let struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let times: Vec<Span> = struck.iter().map(|one| one.time).collect();
        let longest = writes.longest(&times);
        let suffered = |fault: Fault| {
            let all = struck.iter().zip(&longest);
            let ones = all.filter(|(one, _)| one.fault == fault);
            Suffered {
                fault,
                times: ones.clone().count(),
                longest: ones.map(|(_, longest)| *longest).max().unwrap_or_default(),
            }
        };
        Fault::ALL.into_iter().map(suffered).collect()
    }

    fn cause(&self, fault: Fault, kill: &Kill) -> Result<()> {
        let (cluster, stage) = (self.cluster, self.stage);
        let network = cluster.network();
        let away = Duration::from_millis(kill.away_ms);
        let leader = cluster.leader().context("nobody leads")?;
        let machine = cluster.machine(leader);
        let other_leads = || -> Result<()> {
            cluster.wait_other_leader(leader)?;
            sleep(ALONE);
            Ok(())
        };
        match fault {
            Fault::ServerKilled => machine.kill_server(),
            Fault::HostKilled => {
                machine.kill();
                other_leads()?;
                machine.start()
            }
            Fault::HostFrozen => {
                machine.freeze();
                let done = other_leads();
                machine.thaw();
                done
            }
            Fault::HostCut => {
                Network::cut(leader)?;
                other_leads()?;
                network.mend(leader)
            }
            Fault::HostMute => {
                network.mute(leader)?;
                other_leads()?;
                network.mend(leader)
            }
            Fault::ClientsUnanswered => {
                Network::mute_to_us(leader)?;
                sleep(SILENT);
                network.mend(leader)
            }
            Fault::SwitchedOver => cluster.switch_over(),
            Fault::EtcdKilled => cluster
                .machine(kill.whom % 3 + 1)
                .kill_etcd(ETCD_AWAY + away),
            Fault::InstanceKilled => stage.fleet.kill(stage.victim(kill), away).map(drop),
            Fault::InstanceFrozen => {
                stage.fleet.freeze(kill.whom, SILENT);
                Ok(())
            }
            Fault::ProxyKilled => match kill.whom % 3 {
                0 => stage.kill_front(away),
                which => cluster.proxies.kill(which, away),
            },
            Fault::RestartedInTurn => stage.restart_in_turn(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_longer_than_promised_is_told() {
        let suffered = |fault, seconds| Suffered {
            fault,
            times: 1,
            longest: Duration::from_secs(seconds),
        };
        assert!(!suffered(Fault::ServerKilled, 8).is_too_long());
        let long = suffered(Fault::ServerKilled, 9);
        assert!(long.is_too_long() && long.line().contains("TOO LONG"));
        assert!(!suffered(Fault::SwitchedOver, 600).is_too_long());
    }
}
