//! The platform's instances: started, killed as `kill -9` kills, started again.

use crate::process::{get, told_to_stop};
use anyhow::{Context, Result, bail};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    make: Box<dyn Fn() -> Result<Command> + Send + Sync>,
    child: Mutex<Option<Child>>,
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
                make: Box::new(move || make(port)),
                child: Mutex::default(),
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
            *lock(&instance.child) = Some(instance.spawn()?);
            self.wait_ready(index)?;
        }
        Ok(())
    }

    /// SIGKILL; it stays away for `away`, and is started again.
    pub(crate) fn kill(&self, whom: usize, away: Duration) -> Result<usize> {
        let index = whom % self.instances.len();
        let instance = &self.instances[index];
        // The supervisor keeps out while the lock is held.
        let mut child = lock(&instance.child);
        if let Some(child) = child.as_mut() {
            child.kill().context("killing the platform")?;
            child.wait().context("waiting for its end")?;
        }
        sleep(away);
        *child = Some(instance.spawn()?);
        Ok(index)
    }

    /// The process of one that runs.
    pub(crate) fn process(&self, whom: usize) -> Option<u32> {
        let instance = &self.instances[whom % self.instances.len()];
        lock(&instance.child).as_ref().map(Child::id)
    }

    pub(crate) fn wait_ready(&self, index: usize) -> Result<()> {
        let (started, port) = (Instant::now(), self.instances[index].port);
        while get(port, "/readyz").is_err() {
            if told_to_stop() {
                bail!("stopped");
            }
            if started.elapsed() > PATIENCE {
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
                let mut child = lock(&instance.child);
                let ended = match child.as_mut() {
                    Some(child) => child.try_wait()?.is_some(),
                    None => false,
                };
                if ended {
                    self.ended.fetch_add(1, Ordering::Relaxed);
                    *child = Some(instance.spawn()?);
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

impl Instance {
    fn spawn(&self) -> Result<Child> {
        (self.make)()?.spawn().context("starting the platform")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for instance in &self.instances {
            if let Some(child) = lock(&instance.child).as_mut() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
