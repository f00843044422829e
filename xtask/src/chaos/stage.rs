//! Where a run takes place: sandbox and shop, which nobody kills, the platform's
//! instances, and the one address in front of them.

use super::balancer;
use super::books::{self, OurOrder};
use super::fleet::Fleet;
use super::plan::{HANGING, Kill, PARTNER, Plan, SECOND};
use super::scenario::ATTEMPT_LIFE;
use super::second;
use crate::cluster;
use crate::folders::target;
use crate::process::{Kept, Programs, free_ports};
use crate::step::{run_quietly, step};
use crate::wire::Wire;
use crate::world::{ONE_PEER, World};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The sandbox sends a notify again after these, ms.
const NOTIFY_SCHEDULE_MS: &str = "500,1000,2000,4000,8000,15000";
/// How long a worker of the platform keeps what it took, ms: who is killed with
/// something in hand delays it for so long.
const LEASE_MS: &str = "10000";
/// Behind Alipay the upstream knows no refund by its number: sent again it is another.
const FORGETFUL: &str = "ALIPAYH5";
/// How long a call to the upstream may take, seconds: less than a lease.
const CALL_LIMIT_S: u32 = 8;
/// Tries of a callback: so many that a receiver that fails now and then, or hangs
/// until the load is over, is told in the end.
const CALLBACK_TRIES: usize = 400;
/// Out of a hundred calls and notifies, so many go wrong.
const SANDBOX_PERCENT: u32 = 25;
/// Of a hundred captures, refunds and orders of the upstream so many are held back, come
/// to nothing later, or get another sum.
const ODD_PERCENT: u32 = 10;
const SHOP_PERCENT: (u32, u32, u32) = (15, 10, 3);
/// How long a disk is full.
const FULL: Duration = Duration::from_secs(3);
/// Runs a program that is told by an error, and not ended, when a file is too large.
const TOLD_OF_LIMITS: &str = "trap '' XFSZ; exec \"$@\"";

/// One kill in so many is the second platform's.
const KILLS_OF_SECOND: usize = 4;

/// A stage, as long as this value lives.
pub(crate) struct Stage {
    pub(crate) wire: Wire,
    /// The platform's instances, and the second platform behind them.
    pub(crate) fleet: Fleet,
    pub(crate) sandbox: String,
    pub(crate) shop: String,
    /// Where business systems call: the instances' own addresses, or nginx's.
    pub(crate) addresses: Vec<String>,
    pub(crate) data: PathBuf,
    /// How many instances of the platform there are.
    pub(crate) instances: usize,
    setting: Setting,
    second: Setting,
    /// nginx, on a cluster.
    front: Option<Kept>,
    _programs: Programs,
}

/// What a stage stands on.
#[derive(Default)]
pub(crate) struct Ground {
    /// Its folder.
    pub(crate) name: &'static str,
    /// The database's address for each instance; none: one instance, on a file.
    pub(crate) databases: Vec<String>,
    /// Whether nginx stands before the instances, and each keeps its mark.
    pub(crate) is_cluster: bool,
    /// The program that instances begin with, where it is an older one.
    pub(crate) older: Option<PathBuf>,
}

/// What every start of the platform, and of its commands, is given.
#[derive(Clone)]
struct Setting {
    bin: PathBuf,
    data: PathBuf,
    public_url: String,
    database_url: String,
    accounts: PathBuf,
    /// Whether an instance keeps its mark.
    keeps_mark: bool,
    version: Arc<Version>,
}

/// Which program instances and commands are started with.
#[derive(Default)]
struct Version {
    older: Option<PathBuf>,
    is_upgraded: AtomicBool,
}

impl Version {
    /// The older one, until all are upgraded.
    fn older(&self) -> Option<&Path> {
        let upgraded = self.is_upgraded.load(Ordering::Relaxed);
        self.older.as_deref().filter(|_| !upgraded)
    }
}

impl Stage {
    /// Sets up a stage.
    pub(crate) fn open(ground: Ground) -> Result<Self> {
        let Ground {
            name,
            databases,
            is_cluster,
            older,
        } = ground;
        let instances = u16::try_from(databases.len().max(1))?;
        let data = target(name)?.join("data");
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data)?;
        let world = World {
            bin: target("debug")?,
            data: data.clone(),
            port: free_ports(4 + instances)?,
            database: None,
            settings: &ONE_PEER,
        };
        let sqlite = |name: &str| format!("sqlite:{}", data.join(name).display());
        // Keys lie beside the sandbox's own file.
        let accounts_file = |name: &str| data.join("sandbox").join(name);
        let setting = Setting {
            bin: world.bin.clone(),
            data: data.clone(),
            public_url: world.address(0),
            database_url: match databases.first() {
                Some(url) => url.clone(),
                None => sqlite("tongfu.db"),
            },
            accounts: accounts_file("chaos.toml"),
            keeps_mark: is_cluster,
            version: Arc::new(Version {
                older,
                is_upgraded: AtomicBool::default(),
            }),
        };
        let ports: Vec<u16> = (0..instances).map(|index| world.port + 3 + index).collect();
        let behind = 3 + instances;
        let second = Setting {
            public_url: world.address(behind),
            database_url: sqlite("second.db"),
            accounts: accounts_file("second.toml"),
            keeps_mark: false,
            version: Arc::default(),
            ..setting.clone()
        };
        let mut programs = Programs::default();
        outside(&world, &mut programs)?;
        let known = std::fs::read_to_string(data.join("sandbox/accounts.toml"))?;
        std::fs::write(&second.accounts, second_accounts(&known))?;
        let key = second.begin_as_upstream()?;
        let through = (second.public_url.as_str(), key.as_str());
        std::fs::write(&setting.accounts, accounts(&known, through)?)?;
        let (each, last, second_port) = (setting.clone(), second.clone(), world.port + behind);
        let all: Vec<u16> = ports.iter().copied().chain([second_port]).collect();
        let first = world.port + 3;
        let fleet = Fleet::new(&all, move |port| {
            if port == second_port {
                return last.platform(port);
            }
            let own = databases.get(usize::from(port - first));
            let own = own.unwrap_or(&each.database_url).clone();
            each.on(own).platform(port)
        });
        fleet.start()?;
        let front = if is_cluster {
            let front = cluster::nginx(&data, world.port, &ports)?;
            front.start()?;
            Some(front)
        } else {
            balancer::start(world.port, ports.clone())?;
            None
        };
        for domain in ["demo", "test", PARTNER.0] {
            setting.shorten(domain)?;
        }
        Ok(Self {
            wire: Wire::new(),
            fleet,
            sandbox: world.address(1),
            shop: world.address(2),
            addresses: match &front {
                Some(_) => vec![world.address(0)],
                None => ports
                    .iter()
                    .map(|port| format!("http://127.0.0.1:{port}"))
                    .collect(),
            },
            data,
            instances: ports.len(),
            setting,
            second,
            front,
            _programs: programs,
        })
    }

    /// Whom a kill means, of the fleet.
    pub(crate) fn victim(&self, kill: &Kill) -> usize {
        let ours = self.instances;
        match kill.whom % KILLS_OF_SECOND {
            0 => ours,
            _ => kill.whom / KILLS_OF_SECOND % ours,
        }
    }

    /// `kill -9` of what stands before the instances, where that is nginx.
    pub(crate) fn kill_front(&self, away: Duration) -> Result<()> {
        self.front.as_ref().map_or(Ok(()), |front| front.kill(away))
    }

    /// Each instance is started again, from now on with the newer program.
    pub(crate) fn restart_in_turn(&self) -> Result<()> {
        let version = &self.setting.version;
        version.is_upgraded.store(true, Ordering::Relaxed);
        self.fleet.restart_in_turn(0..self.instances)
    }

    /// Where an instance itself is called.
    pub(crate) fn address_of(&self, index: usize) -> String {
        format!("http://127.0.0.1:{}", self.fleet.port(index))
    }

    /// How often an instance has logged something.
    pub(crate) fn logged(&self, index: usize, text: &str) -> Result<usize> {
        let name = format!("platform-{}.log", self.fleet.port(index));
        let log = std::fs::read_to_string(self.data.join(name))?;
        Ok(log.lines().filter(|line| line.contains(text)).count())
    }

    /// The operator says that the books as they are now are meant.
    pub(crate) fn accept_books(&self, index: usize) -> Result<()> {
        let mut tongfu = self.setting.tongfu();
        tongfu.env(
            "TONGFU_STATE_DIR",
            self.setting.state(self.fleet.port(index))?,
        );
        tongfu.args([
            "--as",
            "chaos",
            "database",
            "accept",
            "--reason",
            "a restore",
        ]);
        let output = tongfu.output()?;
        if output.status.success() {
            return Ok(());
        }
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
    }

    /// Everything outside the platform misbehaves from now on.
    pub(crate) fn misbehave(&self, plan: &Plan) -> Result<()> {
        self.control(
            &self.sandbox,
            "forget",
            &json!({"type": FORGETFUL, "status": "never"}),
        )?;
        let wish = json!({
            "seed": plan.sandbox_seed,
            "percent": SANDBOX_PERCENT,
            "odd": ODD_PERCENT,
        });
        self.control(&self.sandbox, "chaos", &wish)?;
        let (fail, error, hang) = SHOP_PERCENT;
        let wish = json!({"seed": plan.shop_seed, "fail": fail, "error": error, "hang": hang});
        self.control(&self.shop, "chaos", &wish)?;
        for receiver in HANGING {
            let wish = json!({"mode": "hang", "receiver": receiver});
            self.control(&self.shop, "answer", &wish)?;
        }
        Ok(())
    }

    /// All is well from now on.
    pub(crate) fn calm(&self) -> Result<()> {
        self.control(&self.sandbox, "chaos", &json!({"seed": 0, "percent": 0}))?;
        let calm = json!({"seed": 0, "fail": 0, "error": 0, "hang": 0});
        self.control(&self.shop, "chaos", &calm)
    }

    /// Our book.
    pub(crate) fn our_book(&self) -> Result<Vec<OurOrder>> {
        self.setting.book()
    }

    /// The second platform's.
    pub(crate) fn second_book(&self) -> Result<Vec<OurOrder>> {
        self.second.book()
    }

    /// The instances are upgraded one by one; where they are the newest, the tables get
    /// the columns of a newer program.
    pub(crate) fn upgrade(&self) -> Result<()> {
        if self.setting.version.older().is_some() {
            return step("upgrading under load", || self.restart_in_turn());
        }
        self.migrate_ahead()
    }

    /// A newer program adds columns to the tables that ours work on.
    fn migrate_ahead(&self) -> Result<()> {
        let mut ahead = Command::new(self.setting.bin.join("examples/migrate_ahead"));
        // A crash may come between: the next try finds the tables as they were.
        let run = || run_quietly(ahead.arg(&self.setting.database_url)).map(|_| ());
        step("adding columns under load", run)
    }

    /// No file of the platform's grows any further, for a while.
    pub(crate) fn fill_disk(&self) -> Result<()> {
        let log = self.data.join("tongfu.db-wal");
        let size = std::fs::metadata(&log).map_or(0, |file| file.len());
        let Some(process) = self.fleet.process(0) else {
            return Ok(());
        };
        limit_files(process, &size.to_string())?;
        std::thread::sleep(FULL);
        limit_files(process, "unlimited")
    }

    /// The operator has a channel asked about an order.
    pub(crate) fn requery(&self, order_sn: &str) -> Result<()> {
        let mut tongfu = self.setting.tongfu();
        tongfu.env("TONGFU_ACCOUNTS", &self.setting.accounts);
        run_quietly(tongfu.args(["order", "requery", order_sn])).map(|_| ())
    }

    fn control(&self, base: &str, act: &str, wish: &Value) -> Result<()> {
        let url = format!("{base}/control/{act}");
        let answer = self.wire.post_json(&url, &wish.to_string())?;
        if !(200..300).contains(&answer.status) {
            bail!("{act} {wish}: HTTP {}", answer.status);
        }
        Ok(())
    }
}

impl Setting {
    /// The program; whatever else is in the environment stays.
    fn tongfu(&self) -> Command {
        let mut command = Command::new(self.program());
        command.env("TONGFU_DATABASE_URL", &self.database_url);
        command
    }

    fn program(&self) -> PathBuf {
        let newer = || self.bin.join("tongfu");
        self.version.older().map_or_else(newer, Path::to_owned)
    }

    fn book(&self) -> Result<Vec<OurOrder>> {
        books::ours(&run_quietly(
            self.tongfu().args(["order", "list", "--json"]),
        )?)
    }

    /// Attempts of this domain live as long as the load's.
    fn shorten(&self, domain: &str) -> Result<()> {
        let life = format!("{}s", ATTEMPT_LIFE.as_secs());
        let set = ["domain", "set", domain, "--attempt-life", &life];
        run_quietly(self.tongfu().args(set)).map(|_| ())
    }

    /// Makes the tables, and the first platform a partner; gives its key.
    fn begin_as_upstream(&self) -> Result<String> {
        run_quietly(self.tongfu().arg("migrate"))?;
        let add = ["partner", "add", second::PARTNER];
        let mut add_it = self.tongfu();
        let add_it = add_it
            .args(add)
            .args(["--private-callback-host", "127.0.0.1"]);
        let told = run_quietly(add_it)?;
        let key = told.lines().find_map(|line| line.strip_prefix("key "));
        let key = key.context("the second platform gave no key")?.trim();
        self.shorten(&format!("apay.{}", second::PARTNER))?;
        Ok(key.to_owned())
    }

    /// The same on this database.
    fn on(&self, database_url: String) -> Self {
        Self {
            database_url,
            ..self.clone()
        }
    }

    fn platform(&self, port: u16) -> Result<Command> {
        let mut command = Command::new("sh");
        if self.keeps_mark {
            command.env("TONGFU_STATE_DIR", self.state(port)?);
        }
        command
            .args(["-c", TOLD_OF_LIMITS, "sh"])
            .arg(self.program())
            .args(["serve", "--dev"])
            .env("TONGFU_DATABASE_URL", &self.database_url)
            .env("TONGFU_LISTEN", format!("127.0.0.1:{port}"))
            .env("TONGFU_OPERATOR_LISTEN", "127.0.0.1:0")
            .envs(ONE_PEER)
            .env("TONGFU_PUBLIC_URL", &self.public_url)
            .env("TONGFU_ACCOUNTS", &self.accounts)
            .env("TONGFU_CALLBACK_DELAYS_MS", callback_delays())
            .env("TONGFU_LEASE_MS", LEASE_MS)
            .env("TONGFU_LOG", "info")
            .stderr(log(&self.data, &format!("platform-{port}"))?);
        Ok(command)
    }

    /// Where the instance at `port` keeps its mark.
    fn state(&self, port: u16) -> Result<PathBuf> {
        let folder = self.data.join(format!("state-{port}"));
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// The merchants that only the second platform has.
fn second_accounts(known: &str) -> String {
    let accounts = known.split("[[account]]");
    let own = accounts.filter(|account| {
        let named = |name: &str| account.contains(&format!("name = \"{name}\"\n"));
        second::MERCHANTS.into_iter().any(named)
    });
    let enabled = own.map(|account| account.replace("enabled = false\n", ""));
    enabled
        .map(|account| format!("[[account]]{account}"))
        .collect()
}

/// The sandbox's accounts, and another checkout as the upstream of two business
/// systems: behind WeChat it knows refunds by our number, behind Alipay it does not.
/// The second platform, at this address and with this key, stands behind WeChat for the
/// third of them, and behind Alipay for the first.
fn accounts(text: &str, (base, key): (&str, &str)) -> Result<String> {
    let through = |channel: &str, domain: &str| {
        format!(
            "[[account]]\nchannel = \"{channel}\"\nvia = \"apay\"\nname = \"{}\"\n\
             base = \"{base}\"\npartner_id = \"{}\"\nkey = \"{key}\"\n\
             domains = [\"{domain}\"]\nlimit_s = {CALL_LIMIT_S}\nrefunds_by_number = true\n\n",
            SECOND,
            second::PARTNER
        )
    };
    let apay = text
        .split("[[account]]")
        .find(|account| account.contains("via = \"apay\""));
    let apay = apay.context("the sandbox has no account at Apay")?;
    let behind = |channel: &str, domain: &str, more: &str| {
        let own = format!("domains = [\"{domain}\"]\nlimit_s = {CALL_LIMIT_S}\n{more}");
        let account = apay.replace("enabled = false\n", &own);
        let channel = format!("channel = \"{channel}\"");
        format!(
            "[[account]]{}",
            account.replace("channel = \"Wechat\"", &channel)
        )
    };
    Ok([
        behind("Wechat", "test", "refunds_by_number = true\n"),
        behind("Alipay", PARTNER.0, ""),
        through("Wechat", "demo"),
        through("Alipay", "test"),
        // Its own stands there for WeChat, under the same name.
        text.replace(&format!("[[account]]{apay}"), ""),
    ]
    .concat())
}

/// At once, soon, and then each two seconds.
fn callback_delays() -> String {
    let delays: Vec<&str> = ["0", "500", "1000"]
        .into_iter()
        .chain(std::iter::repeat_n("2000", CALLBACK_TRIES))
        .collect();
    format!("[{}]", delays.join(","))
}

/// Starts sandbox and shop.
fn outside(world: &World, programs: &mut Programs) -> Result<()> {
    run_quietly(world.sandbox("keys").args(["--base", &world.address(1)]))?;
    let listen = format!("127.0.0.1:{}", world.port + 1);
    let mut gateway = world.sandbox("gateway");
    gateway
        .args([
            "--listen",
            &listen,
            "--notify-schedule-ms",
            NOTIFY_SCHEDULE_MS,
        ])
        .stderr(log(&world.data, "sandbox")?);
    programs.start("the sandbox gateway", &mut gateway)?;
    let mut shop = world.shop();
    programs.start("the demo shop", shop.stderr(log(&world.data, "shop")?))?;
    programs.wait_for(world.port + 1, "/healthz")?;
    programs.wait_for(world.port + 2, "/healthz")
}

/// How large files of a process may get, bytes. One that was killed meanwhile has no
/// files any more.
fn limit_files(process: u32, size: &str) -> Result<()> {
    let mut limit = Command::new("prlimit");
    // The soft limit alone: it can be raised again.
    limit
        .arg(format!("--fsize={size}:"))
        .args(["--pid", &process.to_string()]);
    let limited = limit
        .stderr(Stdio::null())
        .status()
        .context("running prlimit")?;
    if !limited.success() && Path::new("/proc").join(process.to_string()).exists() {
        bail!("the size of files can't be limited");
    }
    Ok(())
}

/// A program's log: each start writes behind what the one before it wrote.
fn log(data: &Path, name: &str) -> Result<File> {
    let path = data.join(format!("{name}.log"));
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.with_context(|| format!("opening {}", path.display()))
}
