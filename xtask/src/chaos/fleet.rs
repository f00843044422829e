//! The platform's instances: started, killed as `kill -9` kills, started again.

use crate::process::{Kept, get, send, told_to_stop};
use anyhow::{Result, bail};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// An instance gets this long to be ready.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Between two looks of the supervisor at its instances.
const WATCH: Duration = Duration::from_millis(200);

/// One instance.
struct Instance {
    port: u16,
    program: Kept,
}

/// All instances.
pub(crate) struct Fleet {
    instances: Vec<Instance>,
    /// How often an instance ended that nobody had killed.
    ended: AtomicUsize,
    over: AtomicBool,
}

impl Fleet {
    /// Instances on these ports, not started; `make` says how one is started.
    pub(crate) fn new<F>(ports: &[u16], make: F) -> Self
    where
        F: Fn(u16) -> Result<Command> + Clone + Send + Sync + 'static,
    {
        let instance = |port: &u16| {
            let (port, make) = (*port, make.clone());
            Instance {
                port,
                program: Kept::new(move || make(port)),
            }
        };
        Self {
            instances: ports.iter().map(instance).collect(),
            ended: AtomicUsize::default(),
            over: AtomicBool::default(),
        }
    }

    /// Starts all, one after the other: the first makes the tables.
    pub(crate) fn start(&self) -> Result<()> {
        for (index, instance) in self.instances.iter().enumerate() {
            instance.program.start()?;
            self.wait_ready(index)?;
        }
        Ok(())
    }

    /// SIGKILL; it stays away for `away`, and is started again.
    pub(crate) fn kill(&self, whom: usize, away: Duration) -> Result<usize> {
        let index = whom % self.instances.len();
        self.instances[index].program.kill(away)?;
        Ok(index)
    }

    /// Each in turn ends what it does, is started again, and ready before the next.
    pub(crate) fn restart_in_turn(&self, which: std::ops::Range<usize>) -> Result<()> {
        for index in which {
            self.instances[index].program.restart()?;
            self.wait_ready(index)?;
        }
        Ok(())
    }

    /// It stands still for so long, and goes on.
    pub(crate) fn freeze(&self, index: usize, still: Duration) {
        if let Some(process) = self.process(index) {
            send("-STOP", &[process]);
            sleep(still);
            send("-CONT", &[process]);
        }
    }

    /// The process of one that runs.
    pub(crate) fn process(&self, whom: usize) -> Option<u32> {
        self.instances[whom % self.instances.len()]
            .program
            .process()
    }

    pub(crate) fn port(&self, index: usize) -> u16 {
        self.instances[index].port
    }

    pub(crate) fn is_ready(&self, index: usize) -> bool {
        get(self.instances[index].port, "/readyz").is_ok()
    }

    pub(crate) fn wait_ready(&self, index: usize) -> Result<()> {
        let started = Instant::now();
        while !self.is_ready(index) {
            if told_to_stop() {
                bail!("stopped");
            }
            if started.elapsed() > PATIENCE {
                let port = self.instances[index].port;
                bail!("the platform at port {port} is not ready after {PATIENCE:?}");
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    pub(crate) fn wait_all_ready(&self) -> Result<()> {
        (0..self.instances.len()).try_for_each(|index| self.wait_ready(index))
    }

    /// Starts what ended by itself, as any service manager does, until it is over.
    pub(crate) fn supervise(&self) -> Result<()> {
        while !self.over.load(Ordering::Relaxed) && !told_to_stop() {
            for instance in &self.instances {
                if instance.program.look_after()? {
                    self.ended.fetch_add(1, Ordering::Relaxed);
                }
            }
            sleep(WATCH);
        }
        Ok(())
    }

    pub(crate) fn end_supervision(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn ended_by_themselves(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}
