//! Starts a small world of processes, and speaks to it.

use crate::keys::put_keys;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often something that must come is looked for: 30 s in all.
const LOOKS: u32 = 600;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A program that ends with the test.
pub(crate) struct Program(Child);

impl Program {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Tells it to stop, as an operator's system does; gives whether it ended well.
    pub(crate) fn terminate(mut self) -> bool {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        self.0.wait().is_ok_and(|status| status.success())
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Lets its files grow again.
    pub(crate) fn unlimit_files(&self) {
        let pid = self.0.id().to_string();
        let lifted = Command::new("prlimit")
            .args(["--fsize=unlimited:", "--pid", &pid])
            .status();
        assert!(lifted.is_ok_and(|status| status.success()));
    }

    /// Kills it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Which database a world stands on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Platform, gateway and shop.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) platform: String,
    /// The operator's listener.
    pub(crate) operator: String,
    pub(crate) gateway: String,
    pub(crate) shop: String,
    pub(crate) database_url: String,
    pub(crate) client: Client,
    pub(crate) programs: Vec<Program>,
}

impl World {
    /// Starts all three; `None` where PostgreSQL is asked for and not given.
    pub(crate) async fn start(database: Database) -> Option<Self> {
        let folder = temp_folder();
        let url = database_url(database, &folder).await?;
        Some(Self::start_on(folder, url).await)
    }

    /// Starts all three on this database.
    pub(crate) async fn start_on(folder: PathBuf, database_url: String) -> Self {
        Self::start_with(folder, database_url, &[]).await
    }

    /// The same, the platform with these settings from its first start on.
    pub(crate) async fn start_with(
        folder: PathBuf,
        database_url: String,
        settings: &[(&str, &str)],
    ) -> Self {
        let [platform, operator, gateway, shop] =
            [(); 4].map(|()| format!("127.0.0.1:{}", free_port()));
        let data = folder.join("sandbox");
        put_keys(&data);
        make_keys(&format!("http://{gateway}"), &data);
        let mut world = Self {
            platform: format!("http://{platform}"),
            operator: format!("http://{operator}"),
            gateway: format!("http://{gateway}"),
            shop: format!("http://{shop}"),
            client: Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .build()
                .unwrap(),
            programs: Vec::new(),
            database_url,
            folder,
        };
        let mut gateway_command = sandbox();
        gateway_command.args(["gateway", "--listen", &gateway, "--notify-schedule-ms"]);
        world.run(
            gateway_command
                .arg("200,200,500,1000,2000,5000")
                .arg("--data")
                .arg(&data),
        );
        let mut shop_command = sandbox();
        shop_command.args(["shop", "--listen", &shop, "--platform", &world.platform]);
        world.run(&mut shop_command);
        let mut platform_command = tongfu(&world.database_url);
        platform_command.envs(settings.iter().copied());
        let program = world.start_platform_by(platform_command);
        world.programs.push(program);
        world.answers(&format!("{}/healthz", world.gateway)).await;
        world.answers(&format!("{}/healthz", world.shop)).await;
        world.answers(&format!("{}/readyz", world.platform)).await;
        world
    }

    /// Starts another platform on a database of its own, with these accounts, before
    /// the same gateway and shop.
    pub(crate) async fn beside(&self, database: Database, accounts: &str) -> Option<Self> {
        let folder = temp_folder();
        let url = database_url(database, &folder).await?;
        Some(self.beside_on(folder, url, accounts).await)
    }

    /// Starts another instance on the same database, which knows no channel.
    pub(crate) async fn blind_instance(&self) -> Self {
        self.beside_on(temp_folder(), self.database_url.clone(), "")
            .await
    }

    /// Starts another platform as production has it, before the same gateway and on a
    /// database of its own, to which these commands are given first.
    pub(crate) async fn production(
        &self,
        database: Database,
        commands: &[&[&str]],
    ) -> Option<Self> {
        let folder = temp_folder();
        let url = database_url(database, &folder).await?;
        for words in [&["migrate"][..]].iter().chain(commands) {
            let done = tongfu(&url).args(*words).output().unwrap();
            assert!(done.status.success(), "{words:?}: {done:?}");
        }
        std::os::unix::fs::symlink(self.folder.join("sandbox"), folder.join("sandbox")).unwrap();
        let mut other = self.unstarted(folder, url);
        let program = other.serve(tongfu(&other.database_url), &["serve"]);
        other.programs.push(program);
        other.answers(&format!("{}/readyz", other.platform)).await;
        Some(other)
    }

    async fn beside_on(&self, folder: PathBuf, database_url: String, accounts: &str) -> Self {
        std::fs::create_dir_all(folder.join("sandbox")).unwrap();
        std::fs::write(folder.join("sandbox/accounts.toml"), accounts).unwrap();
        let mut other = self.unstarted(folder, database_url);
        let program = other.start_platform();
        other.programs.push(program);
        other.answers(&format!("{}/readyz", other.platform)).await;
        other
    }

    /// The same gateway and shop, before a platform that does not run yet.
    fn unstarted(&self, folder: PathBuf, database_url: String) -> Self {
        Self {
            platform: format!("http://127.0.0.1:{}", free_port()),
            operator: format!("http://127.0.0.1:{}", free_port()),
            gateway: self.gateway.clone(),
            shop: self.shop.clone(),
            client: self.client.clone(),
            programs: Vec::new(),
            database_url,
            folder,
        }
    }

    /// Starts the platform on the world's database.
    pub(crate) fn start_platform(&self) -> Program {
        self.start_platform_by(tongfu(&self.database_url))
    }

    /// Starts it anew with these settings beside.
    pub(crate) async fn restart_platform_with(&mut self, settings: &[(&str, &str)]) {
        self.programs.pop().unwrap().kill();
        let mut command = tongfu(&self.database_url);
        command.envs(settings.iter().copied());
        let platform = self.start_platform_by(command);
        self.programs.push(platform);
        self.answers(&format!("{}/readyz", self.platform)).await;
    }

    /// The same, by a command of the test's own that runs the program.
    pub(crate) fn start_platform_by(&self, command: Command) -> Program {
        self.serve(command, &["serve", "--dev"])
    }

    /// Starts it by these words.
    pub(crate) fn serve(&self, mut command: Command, words: &[&str]) -> Program {
        command
            .args(words)
            .env("TONGFU_LISTEN", self.platform.trim_start_matches("http://"))
            .env(
                "TONGFU_OPERATOR_LISTEN",
                self.operator.trim_start_matches("http://"),
            )
            .env("TONGFU_ACCOUNTS", self.accounts());
        let delays = "TONGFU_CALLBACK_DELAYS_MS";
        if command.get_envs().all(|(name, _)| name != delays) {
            command.env(delays, "[0, 300, 300, 300, 300, 300]");
        }
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        Program(command.stderr(log.unwrap()).spawn().unwrap())
    }

    /// Where its channel accounts are.
    pub(crate) fn accounts(&self) -> PathBuf {
        self.folder.join("sandbox/accounts.toml")
    }

    /// Where the platform's log is.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("platform.log")
    }

    /// Waits until an address answers 200.
    pub(crate) async fn answers(&self, url: &str) {
        eventually(url, async || {
            let answer = self.client.get(url).send().await;
            answer
                .is_ok_and(|answer| answer.status() == 200)
                .then_some(())
        })
        .await;
    }

    /// GETs a path of the platform.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.platform))
            .send()
            .await
            .unwrap()
    }

    /// The text at a path of the platform.
    pub(crate) async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    /// What the operator's listener tells Prometheus.
    pub(crate) async fn metrics(&self) -> String {
        let answer = self.client.get(format!("{}/metrics", self.operator));
        answer.send().await.unwrap().text().await.unwrap()
    }

    /// POSTs a JSON body to a path of the platform; gives the answer's text.
    pub(crate) async fn post(&self, path: &str, body: &str) -> String {
        let request = self.client.post(format!("{}{path}", self.platform));
        let request = request.header("Content-Type", "application/json;charset=utf-8");
        request
            .body(body.to_owned())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// A fresh signed address of the shop: its query.
    pub(crate) async fn signed_query(&self) -> String {
        let url = self
            .client
            .get(format!("{}/sample-url", self.shop))
            .send()
            .await
            .unwrap();
        let url = url.text().await.unwrap();
        url.trim().split_once('?').unwrap().1.to_owned()
    }

    /// The gateway's book.
    pub(crate) async fn book(&self) -> Vec<serde_json::Value> {
        self.json(&format!("{}/control/orders", self.gateway)).await
    }

    /// The channel's number of the newest order in the book.
    pub(crate) async fn newest_order(&self) -> String {
        let orders = self.book().await;
        let newest = orders
            .iter()
            .max_by_key(|order| order["createdMs"].as_i64());
        newest.unwrap()["channelOrderNo"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The shop's callbacks for a requestKey.
    pub(crate) async fn callbacks(&self, key: &str) -> Vec<serde_json::Value> {
        let mut all: Vec<serde_json::Value> =
            self.json(&format!("{}/control/callbacks", self.shop)).await;
        all.retain(|callback| callback["values"]["requestKey"] == key);
        all
    }

    /// Lets something happen outside; expects it to be taken.
    pub(crate) async fn control(&self, base: &str, act: &str, body: serde_json::Value) {
        let request = self.client.post(format!("{base}/control/{act}"));
        let request = request.header("Content-Type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{act}: {}", answer.status());
    }

    pub(crate) async fn json(&self, url: &str) -> Vec<serde_json::Value> {
        let text = self
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn run(&mut self, command: &mut Command) {
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        self.programs.push(Program(child));
    }
}

/// Looks until there is something to see, for 30 s at most.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    panic!("never seen: {what}");
}

/// Gives what must not happen the time to happen.
pub(crate) async fn a_while() {
    tokio::time::sleep(LOOK_AGAIN * 10).await;
}

/// The program under test, on this database. A test asks as fast as it can: who wants
/// limits sets them.
pub(crate) fn tongfu(database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tongfu"));
    // The tests' own names are no settings.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TONGFU_TEST_") {
            command.env_remove(name);
        }
    }
    command
        .env("TONGFU_DATABASE_URL", database_url)
        .env("TONGFU_LOG", "info")
        .env("TONGFU_PEER_PER_SECOND", "0")
        .env("TONGFU_REQUEST_PER_SECOND", "0");
    command
}

/// A value of a query string, decoded as far as these tests need it.
pub(crate) fn value_of(query: &str, name: &str) -> String {
    let found = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_default().to_owned()
}

/// The keys that are missing in a folder, and the accounts of a gateway at `base`.
fn make_keys(base: &str, data: &Path) {
    let mut keys = sandbox();
    let made = keys.args(["keys", "--base", base, "--data"]).arg(data);
    assert!(made.status().is_ok_and(|status| status.success()));
}

/// A fresh folder that is this test's own, and outlasts it: its logs tell why it failed. The
/// next run of all tests takes it away.
pub(crate) fn temp_folder() -> PathBuf {
    let below = env!("CARGO_TARGET_TMPDIR");
    let folder = tempfile::Builder::new().prefix("it-").tempdir_in(below);
    folder.unwrap().keep()
}

/// A database of the test's own.
pub(crate) async fn database_url(database: Database, folder: &Path) -> Option<String> {
    match database {
        Database::Sqlite => Some(format!("sqlite:{}", folder.join("tongfu.db").display())),
        Database::Postgres => {
            let Ok(server) = std::env::var("TONGFU_TEST_POSTGRES") else {
                eprintln!("SKIPPED on PostgreSQL: TONGFU_TEST_POSTGRES is not set");
                return None;
            };
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("it_{}_{number}", std::process::id());
            let admin = format!("{server}/postgres");
            let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&admin)
                .await
                .unwrap();
            let create = sqlx::AssertSqlSafe(format!("create database {name}"));
            sqlx::query(create).execute(&mut connection).await.unwrap();
            Some(format!("{server}/{name}"))
        }
    }
}

fn sandbox() -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_tongfu")).with_file_name("sandbox");
    assert!(
        path.exists(),
        "build the sandbox first: cargo build -p sandbox"
    );
    Command::new(path)
}

/// A port that is free, that no other test of this run gets, and that the system
/// gives to no outgoing connection meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let spread = std::process::id() % 40 * 30;
    loop {
        let port = 30_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(port).unwrap();
        assert!(port < 32_768, "no free port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
