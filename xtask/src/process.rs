//! Programs that run beside this one, and never outlive it.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A program gets this long to answer, and to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AT_MEMORY: Duration = Duration::from_millis(100);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM are noted instead of ending this program, so
/// that it can end the others first.
pub(crate) fn note_signals() -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)).context("catching Ctrl-C")
}

/// Whether this program was told to stop.
pub(crate) fn told_to_stop() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Programs that are ended, last one first, when this value goes away.
#[derive(Default)]
pub(crate) struct Programs(Vec<(String, Child)>);

impl Programs {
    pub(crate) fn start(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let child = command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.0.push((name.to_owned(), child));
        Ok(())
    }

    /// The process id of a program.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, child)| child.id())
    }

    /// The name of a program that ended by itself.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        self.0
            .iter_mut()
            .find_map(|(name, child)| ended(child).then(|| name.clone()))
    }

    /// Waits until `url` answers 200; fails at once when a program ends.
    pub(crate) fn wait_for(&mut self, port: u16, path: &str) -> Result<()> {
        let started = Instant::now();
        while get(port, path).is_err() {
            if told_to_stop() {
                bail!("stopped");
            }
            if let Some(name) = self.ended() {
                bail!("{name} ended before it was ready");
            }
            if started.elapsed() > PATIENCE {
                bail!("nothing answers at port {port}");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for (_, child) in self.0.iter_mut().rev() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
        }
        let started = Instant::now();
        for (_, child) in self.0.iter_mut().rev() {
            while matches!(child.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
                std::thread::sleep(LOOK_AGAIN);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Looks again and again until something is found.
///
/// # Errors
/// After so long, with `otherwise`; and when this program is told to stop.
pub(crate) fn wait_until<T>(
    otherwise: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    const LOOK_AGAIN: Duration = Duration::from_millis(250);
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if told_to_stop() {
            bail!("stopped");
        }
        if started.elapsed() > patience {
            bail!("{otherwise} within {patience:?}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A program that was told to end gets so long to do it.
const END_PATIENCE: Duration = Duration::from_secs(120);

/// How a program is started, each time anew.
type Make = Box<dyn Fn() -> Result<Command> + Send + Sync>;

/// A program that is killed and started again while others go on.
pub(crate) struct Kept {
    make: Make,
    child: Mutex<Option<Child>>,
}

impl Kept {
    /// One that does not run yet.
    pub(crate) fn new(make: impl Fn() -> Result<Command> + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            child: Mutex::default(),
        }
    }

    pub(crate) fn start(&self) -> Result<()> {
        *self.child() = Some(self.spawn()?);
        Ok(())
    }

    /// SIGKILL; it stays away for `away`, and is started again. Who looks after it keeps
    /// out meanwhile.
    pub(crate) fn kill(&self, away: Duration) -> Result<()> {
        let mut child = self.child();
        if let Some(child) = child.as_mut() {
            send("-KILL", &[child.id()]);
            child.wait().context("waiting for a program's end")?;
        }
        std::thread::sleep(away);
        *child = Some(self.spawn()?);
        Ok(())
    }

    /// The same by SIGTERM: it ends what it does.
    ///
    /// # Errors
    /// When it does not end; it runs on then.
    pub(crate) fn restart(&self) -> Result<()> {
        self.restart_within(END_PATIENCE)
    }

    fn restart_within(&self, patience: Duration) -> Result<()> {
        let mut child = self.child();
        if let Some(child) = child.as_mut() {
            send("-TERM", &[child.id()]);
            wait_until("a program does not end", patience, || Ok(child.try_wait()?))?;
        }
        *child = Some(self.spawn()?);
        Ok(())
    }

    /// Kills it for good.
    pub(crate) fn end(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The process of one that runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// Starts it again where it ended by itself; whether it had.
    pub(crate) fn look_after(&self) -> Result<bool> {
        let mut child = self.child();
        let ended = match child.as_mut() {
            Some(child) => child.try_wait()?.is_some(),
            None => false,
        };
        if ended {
            *child = Some(self.spawn()?);
        }
        Ok(ended)
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = (self.make)()?;
        let name = command.get_program().to_string_lossy().into_owned();
        command.spawn().with_context(|| format!("starting {name}"))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends a signal (`-KILL`, `-STOP`) to processes; one may have ended meanwhile.
pub(crate) fn send(signal: &str, processes: &[u32]) {
    let mut kill = Command::new("kill");
    kill.arg(signal)
        .args(processes.iter().map(ToString::to_string));
    let _ = kill.stderr(std::process::Stdio::null()).status();
}

/// A figure that the system tells of a process in one of its files.
pub(crate) fn figure(pid: u32, file: &str, name: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no such figure")?.parse()?)
}

/// What a process has, MB.
pub(crate) fn memory(pid: u32) -> Result<f64> {
    Ok(figure(pid, "status", "VmRSS:")? * 1024.0 / 1e6)
}

/// What a process has taken of the cores so far, ms.
pub(crate) fn core_ms(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, figures) = text.rsplit_once(") ").context("no such process")?;
    let ticks = |place: usize| -> Result<f64> {
        let figure = figures.split(' ').nth(place);
        Ok(figure.context("no such figure")?.parse()?)
    };
    // In user mode and in the kernel, in hundredths of a second.
    Ok((ticks(11)? + ticks(12)?) * 10.0)
}

/// What a process had while it was watched: after how many seconds how many MB.
#[derive(Default)]
pub(crate) struct Memory(Vec<(f64, f64)>);

impl Memory {
    /// Looks at a process until it is over.
    pub(crate) fn watched(pid: u32, over: &AtomicBool) -> Self {
        let (began, mut seen) = (Instant::now(), Vec::new());
        while !over.load(Ordering::Relaxed) {
            if let Ok(mb) = memory(pid) {
                seen.push((began.elapsed().as_secs_f64(), mb));
            }
            std::thread::sleep(LOOK_AT_MEMORY);
        }
        Self(seen)
    }

    /// The most, MB.
    pub(crate) fn most(&self) -> f64 {
        self.0.iter().map(|(_, mb)| *mb).fold(0.0, f64::max)
    }

    /// How much more it is each minute, MB: the line that lies closest to the second half of
    /// the time, when what fills up is full.
    pub(crate) fn slope(&self) -> f64 {
        let late = &self.0[self.0.len() / 2..];
        let count = late.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| late.iter().map(of).sum::<f64>() / count;
        let (at, mb) = (mean(|seen| seen.0), mean(|seen| seen.1));
        let both: f64 = late.iter().map(|seen| (seen.0 - at) * (seen.1 - mb)).sum();
        let alone: f64 = late.iter().map(|seen| (seen.0 - at).powi(2)).sum();
        60.0 * both / alone
    }
}

/// The body of a plain GET on this machine.
pub(crate) fn get(port: u16, path: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    if !head
        .lines()
        .next()
        .is_some_and(|line| line.contains(" 200"))
    {
        bail!("{}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

/// Refuses a port that another program has.
pub(crate) fn check_free(port: u16) -> Result<()> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        bail!("port {port} is in use: stop the program that has it, or choose others with --port");
    }
    Ok(())
}

/// The first of `count` ports in a row that are free now, and that this process gave to
/// nobody else: two that start programs at once get ports of their own. They lie below those
/// that the system gives to outgoing connections, so that none takes them meanwhile, and
/// above 10080, the last that no browser opens.
pub(crate) fn free_ports(count: u16) -> Result<u16> {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let spread = u16::try_from(std::process::id() % 500)? * 20;
    let mut starts = (next.unwrap_or(11_000 + spread)..30_000).step_by(usize::from(count));
    let free = |start: &u16| (*start..*start + count).all(|port| check_free(port).is_ok());
    let first = starts.find(free).context("no free ports below 30000")?;
    *next = Some(first + count);
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_grows_is_told_from_memory_that_fills_up() {
        let mb = |seconds: u32| if seconds < 60 { seconds } else { 60 };
        let full = Memory((0..=120).map(|at| (at.into(), mb(at).into())).collect());
        assert!((full.most() - 60.0).abs() < 1e-9 && full.slope().abs() < 1e-9);
        let grows = Memory(
            (0..=120)
                .map(|at| (at.into(), f64::from(at) / 30.0))
                .collect(),
        );
        assert!((grows.slope() - 2.0).abs() < 1e-9, "{}", grows.slope());
    }

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for_without_limit() {
        let deaf = Kept::new(|| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' TERM; exec sleep 1000"]);
            Ok(shell)
        });
        deaf.start().unwrap();
        let before = deaf.process();
        // Not to be told before it has learnt to be deaf.
        let pid = before.unwrap();
        while !std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| name.trim() == "sleep")
        {
            std::thread::yield_now();
        }
        let refused = deaf.restart_within(Duration::ZERO).unwrap_err();
        assert!(refused.to_string().contains("does not end"), "{refused}");
        assert_eq!(deaf.process(), before);
    }
}
