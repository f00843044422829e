//! What happens to a cluster under load: each kind in turn, and how long nothing could be
//! written meanwhile.

use super::plan::Kill;
use super::stage::Stage;
use super::writes::Writes;
use crate::cluster::{Cluster, Network, TTL};
use anyhow::{Context, Result};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long clients get no answer from a leader that is well, and an instance stands still.
const SILENT: Duration = Duration::from_secs(5);
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
    from: Instant,
    until: Instant,
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
        struck.push(Struck { fault, from, until });
        Ok(())
    }

    /// A line for each kind.
    pub(crate) fn told(&self, writes: &Writes) -> Vec<String> {
        let struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |fault: Fault| {
            let ones = struck.iter().filter(|one| one.fault == fault);
            let gaps = ones.map(|one| writes.longest(one.from, one.until).as_secs_f64());
            let gaps: Vec<f64> = gaps.collect();
            let most = gaps.iter().copied().fold(0.0, f64::max);
            let limit = fault.limit().map_or(String::new(), |limit| {
                format!(", of {} that may be", limit.as_secs())
            });
            format!(
                "{}: {} times, at most {most:.1} s without writes{limit}",
                fault.word(),
                gaps.len()
            )
        };
        Fault::ALL.into_iter().map(line).collect()
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
            Fault::EtcdKilled => cluster.machine(kill.whom % 3 + 1).kill_etcd(away),
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
