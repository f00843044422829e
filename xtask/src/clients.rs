//! `cargo xtask clients`: the sample clients (clients/) and the guide's code, from an order
//! to its refund, at the real server with the sandbox, and clients that speak epay.
//! Languages that are not there are named.

mod epay;
mod forged;
mod guide;
mod twice;

use crate::browser::installed;
use crate::chaos::books;
use crate::folders::{root, target};
use crate::process::{Programs, free_ports, wait_until};
use crate::sign::{Purpose, json as json_of, md5_signed, query, signed};
use crate::step::{run_quietly, works};
use crate::test::Count;
use crate::wire::Wire;
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::fs::{File, read_to_string};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// A callback is there well before.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is told is the walks.
const QUIET: [(&str, &str); 1] = [("TONGFU_LOG", "warn")];

/// A language of the clients and of the guide's shops.
struct Language {
    /// As the guide's code says it.
    fence: &'static str,
    /// What runs it.
    program: &'static str,
    /// What has to be there for that.
    needs: &'static str,
    /// The distribution's package that has it.
    package: &'static str,
    client: &'static str,
    /// What the guide calls its shop.
    shop: &'static str,
}

const LANGUAGES: [Language; 5] = [
    Language {
        fence: "python",
        program: "python3",
        needs: "python3",
        package: "python3",
        client: "clients/python/tongfu.py",
        shop: "shop.py",
    },
    Language {
        fence: "php",
        program: "php",
        needs: "php",
        package: "php-cli",
        client: "clients/php/tongfu.php",
        shop: "shop.php",
    },
    Language {
        fence: "js",
        program: "node",
        needs: "node",
        package: "nodejs",
        client: "clients/node/tongfu.mjs",
        shop: "shop.mjs",
    },
    Language {
        fence: "java",
        program: "java",
        needs: "javac",
        package: "openjdk-17-jdk-headless",
        client: "clients/java/Tongfu.java",
        shop: "Shop.java",
    },
    Language {
        fence: "go",
        program: "go",
        needs: "go",
        package: "golang-go",
        client: "clients/go/tongfu.go",
        shop: "shop.go",
    },
];

impl Language {
    /// The words that run a file. Go's own `run` would outlive who ends it.
    fn runs(&self, file: &Path) -> Result<Vec<PathBuf>> {
        if self.program != "go" {
            return Ok(vec![self.program.into(), file.to_owned()]);
        }
        let name = file.file_stem().context("a file has a name")?;
        let program = target("clients")?.join(name);
        let mut build = Command::new("go");
        build.env("CGO_ENABLED", "0");
        run_quietly(build.args(["build", "-o"]).arg(&program).arg(file))?;
        Ok(vec![program])
    }
}

pub(crate) fn run() -> Result<ExitCode> {
    world::build_with_tests()?;
    Ok(walks()?.tell())
}

/// All walks, in a world of their own.
pub(crate) fn walks() -> Result<Count> {
    let world = World {
        settings: &QUIET,
        ..World::fresh("clients")?
    };
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    // Both signs of a callback are verified, and what is no payment is told too.
    let mut set = world.tongfu();
    let told = ["--sign2", "true", "--failurepay", "true"];
    run_quietly(set.args(["domain", "set", "demo"]).args(told))?;
    let mut count = Count::default();
    let mut tell = |what: &str, walked: Result<()>| count.add(what, walked);
    let callback = guide::first_payment(&world)?;
    tell("the guide's two languages", guide::is_one());
    let rust = [world.bin.join("tongfu-client")];
    tell("the client for rust", walk(&world, &rust, &callback));
    if installed(&["python3"]).is_some() {
        let mut check = Command::new("python3");
        check.args(["docs/vectors/make.py", "--check"]);
        tell("the samples of signs", run_quietly(&mut check).map(|_| ()));
    }
    for language in &LANGUAGES {
        let Language { fence, package, .. } = language;
        if installed(&[language.needs]).is_none() {
            println!("NOT TRIED  {fence}: install {package}");
            continue;
        }
        let runs = language.runs(&root().join(language.client));
        let walked = runs.and_then(|runs| walk(&world, &runs, &callback));
        tell(&format!("the client for {fence}"), walked);
        let sold = guide::sells(&world, language, &callback);
        tell(&format!("the guide's shop for {fence}"), sold);
        let beside = [
            ("partner", guide::sells_as_partner(&world, language)),
            ("shop by epay", guide::sells_by_epay(&world, language)),
        ];
        for (what, sold) in beside {
            if let Some(sold) = sold.transpose() {
                tell(&format!("the guide's {what} for {fence}"), sold);
            }
        }
        for (_, client) in epay::CLIENTS.iter().filter(|(known, _)| known == fence) {
            let runs = language.runs(&root().join(client));
            let walked = runs.and_then(|runs| epay::walk(&world, &runs));
            tell(&format!("a client that speaks epay for {fence}"), walked);
        }
    }
    Ok(count)
}

/// A client whose shop sells to a payer.
struct Client<'a> {
    world: &'a World,
    runs: &'a [PathBuf],
    wire: Wire,
    /// Its shop.
    port: u16,
    /// Where it finds the platform.
    platform: String,
}

/// One client, all that it can.
fn walk(world: &World, runs: &[PathBuf], callback: &str) -> Result<()> {
    Client::with_shop(world, runs, |client| {
        client.pays_the_platform()?;
        client.pays_a_partner()?;
        client.judges(callback)?;
        client.ships_nothing_given_back()
    })?;
    twice::ships_once(world, runs)
}

impl<'a> Client<'a> {
    /// Does this while its shop is open.
    fn with_shop(
        world: &'a World,
        runs: &'a [PathBuf],
        walk: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        let client = Self {
            world,
            runs,
            wire: Wire::new(),
            port: free_ports(1)?,
            platform: world.address(0),
        };
        client.open(&["shop", &client.port.to_string()], walk)
    }

    /// Does this while the shop that these words open is open, and two callers of it say
    /// nothing, or not all.
    fn open(&self, words: &[&str], walk: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let mut programs = Programs::default();
        let mut shop = self.command(words);
        let says = File::create(self.says())?;
        programs.start("a shop", shop.stdout(says).stderr(Stdio::null()))?;
        programs.wait_for(self.port, "/")?;
        let silent = TcpStream::connect(("127.0.0.1", self.port))?;
        let mut slow = TcpStream::connect(("127.0.0.1", self.port))?;
        slow.write_all(b"POST /notify HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\n")?;
        let walked = walk(self);
        drop((silent, slow));
        // PHP's workers outlive who started them.
        let shop = programs.pid("a shop").unwrap_or_default().to_string();
        let _ = Command::new("pkill").args(["-P", &shop]).status();
        walked
    }

    /// The file of what its shop says.
    fn says(&self) -> PathBuf {
        self.world.data.join(format!("shop-{}.txt", self.port))
    }

    /// How often its shop shipped an order.
    fn shipped(&self, number: &str) -> Result<usize> {
        let said = read_to_string(self.says())?;
        let ship = format!("ship {number}");
        Ok(said.lines().filter(|line| *line == ship).count())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.runs[0]);
        command
            .args(&self.runs[1..])
            .args(words)
            .env("TONGFU_URL", &self.platform)
            // PHP's keeps its orders there, and answers more than one at a time.
            .env("TMPDIR", &self.world.data)
            .env("PHP_CLI_SERVER_WORKERS", "4")
            .env("NO_PROXY", "127.0.0.1");
        command
    }

    /// The answer that a command prints.
    fn asks(&self, words: &[&str]) -> Result<Value> {
        let printed = run_quietly(&mut self.command(words))?;
        serde_json::from_str(&printed).with_context(|| format!("reading {printed}"))
    }

    fn pays_the_platform(&self) -> Result<()> {
        let key = self.sells("/buy")?;
        let info = self.asks(&["query", &key])?;
        holds(&info, "/obj/payStatus", &json!("SUCCESSPAY"))?;
        holds(&info, "/obj/money", &json!(100))?;
        let refund = self.asks(&["refund", &key, &format!("R-{key}"), "40"])?;
        holds(&refund, "/errcode", &json!("0"))?;
        holds(&refund, "/obj/refundMoney", &json!(40))?;
        let closed = self.asks(&["close", &key])?;
        holds(&closed, "/errcode", &json!("10009"))
    }

    fn pays_a_partner(&self) -> Result<()> {
        let number = self.sells("/order")?;
        self.compares_the_currency(&number)?;
        let number = format!("outOrderId={number}");
        let info = self.asks(&["forecore", "queryOrder", &number])?;
        holds(&info, "/received", &json!(19.99))?;
        let words = ["forecore", "refund", &number, "money=0.40"];
        if works(&mut self.command(&words)) {
            bail!("it asks for a refund that a repeat would make again");
        }
        let own = number.replace("outOrderId", "out_refund_no");
        let words = [&words[..], &[&own]].concat();
        let refund = self.asks(&words)?;
        holds(&refund, "/result", &json!("ok"))?;
        holds(&self.asks(&words)?, "/trans_no", &refund["trans_no"])?;
        let words = ["currency=USD", "payment=ALIPAYH5"];
        let rate = self.asks(&["forecore", "exchangeRate", words[0], words[1]])?;
        holds(&rate, "/result", &json!("ok"))
    }

    /// Told of the right sum in another currency, its shop does not take it.
    fn compares_the_currency(&self, number: &str) -> Result<()> {
        for (currency, taken) in [("CNY", true), ("USD", false)] {
            let told = [
                ("outOrderId", number),
                ("money", "19.99"),
                ("currency", currency),
            ];
            let told = query(&md5_signed(&told, "123456"));
            let shop = format!("http://127.0.0.1:{}/notify", self.port);
            let answer = self.wire.post_form(&shop, &told)?.body;
            if answer.contains("success") != taken {
                bail!("the shop answers {answer} to {currency}");
            }
        }
        Ok(())
    }

    /// A trial before going live of an order that nobody paid: all is answered right, and
    /// nothing is shipped.
    fn stands_a_trial(&self, address: &str, key: &str) -> Result<()> {
        begin(&self.wire, self.world, address)?;
        let mut golive = self.world.tongfu();
        golive.args(["golive", "demo", "--key", key, "--yes"]);
        run_quietly(&mut golive).context("a trial before going live")?;
        if self.unpaid()? != key {
            bail!("it ships what a trial says is paid");
        }
        Ok(())
    }

    /// Another order's callback, put onto this one that is not paid.
    fn takes_no_forged(&self, callback: &str, key: &str) -> Result<()> {
        let forged = callback
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some(("requestKey", _)) => format!("requestKey={key}"),
                _ => pair.to_owned(),
            })
            .collect::<Vec<_>>();
        let forged = self.at(&format!("/callback?{}", forged.join("&")));
        let answer = self.wire.get(&forged)?;
        if answer.body.trim() == "success" || self.unpaid()? != key {
            bail!("the shop takes a forged callback");
        }
        Ok(())
    }

    /// Told late of a payment that was given back meanwhile, it ships nothing.
    fn ships_nothing_given_back(&self) -> Result<()> {
        let (key, late) = self.paid_elsewhere()?;
        let refund = [
            ("domainCode", "demo"),
            ("requestKey", key.as_str()),
            ("refundKey", &key),
            ("refundMoney", "100"),
        ];
        let refund = json_of(&signed(Purpose::Refund, &refund, "demo-secret"));
        let call = format!("{}/pay/api/private/pay/refund", self.world.address(0));
        let refunded = self.wire.post_json(&call, &refund)?.body;
        holds(&serde_json::from_str(&refunded)?, "/errcode", &json!("0"))?;
        let answer = self.wire.get(&late)?.body;
        if answer.trim() != "success" || !self.is(&key, "open")? {
            bail!("told late of what was given back it answers {answer:?}");
        }
        Ok(())
    }

    /// A new order of its shop, paid, whose callback another shop took; its number, and
    /// the callback as its shop would have been called.
    fn paid_elsewhere(&self) -> Result<(String, String)> {
        let before = self.lists()?;
        self.wire.get(&self.at("/buy"))?;
        let list = self.lists()?;
        let new = list.lines().find(|line| !before.contains(line));
        let key = new
            .and_then(|line| line.split(' ').next())
            .context("no order")?;
        let elsewhere = format!("{}/callback", self.world.address(2));
        let request = signed(
            Purpose::Pay,
            &[
                ("domainCode", "demo"),
                ("requestKey", key),
                ("money", "100"),
                ("currencyType", "CNY"),
                ("info", "headphones"),
                ("bgUrl", &elsewhere),
            ],
            "demo-secret",
        );
        let address = format!("{}/pay.html?{}", self.world.address(0), query(&request));
        pay(&self.wire, self.world, &address)?;
        let told = || -> Result<Option<books::Called>> {
            let told = books::of_shop(&self.wire, &self.world.address(2))?;
            let of_it =
                |one: &books::Called| one.values.get("requestKey").is_some_and(|it| it == key);
            Ok(told.into_iter().find(of_it))
        };
        let otherwise = format!("nobody was told that {key} is paid");
        let told = wait_until(&otherwise, PATIENCE, told)?;
        let mut late = form_urlencoded::Serializer::new(String::new());
        let late = late.extend_pairs(&told.values).finish();
        Ok((key.to_owned(), self.at(&format!("/callback?{late}"))))
    }

    /// Its shop sells something, and is told of the payment; gives the order's number.
    fn sells(&self, path: &str) -> Result<String> {
        let address = self.wire.get(&self.at(path))?.location;
        let address = address.context("the shop leads nowhere")?;
        let number = self.unpaid()?;
        pay(&self.wire, self.world, &address)?;
        let otherwise = format!("the shop was not told that {number} is paid");
        wait_until(&otherwise, PATIENCE, || {
            Ok(self.is(&number, "paid")?.then(|| number.clone()))
        })
    }

    /// Whether its shop's list says so of an order.
    fn is(&self, number: &str, state: &str) -> Result<bool> {
        let (begins, ends) = (format!("{number} "), format!(" {state}"));
        let list = self.lists()?;
        let mut lines = list.lines();
        Ok(lines.any(|line| line.starts_with(&begins) && line.ends_with(&ends)))
    }

    fn lists(&self) -> Result<String> {
        Ok(self.wire.get(&self.at("/"))?.body)
    }

    /// An address of its shop.
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The one order that is not paid.
    fn unpaid(&self) -> Result<String> {
        let list = self.lists()?;
        let open = list.lines().find(|line| line.ends_with(" open"));
        let number = open.and_then(|line| line.split(' ').next());
        Ok(number
            .with_context(|| format!("no order in {list:?}"))?
            .into())
    }
}

/// A payer opens the address, takes WeChat's code and pays it at the sandbox.
fn pay(wire: &Wire, world: &World, address: &str) -> Result<()> {
    begin(wire, world, address)?;
    let book = books::of_sandbox(wire, &world.address(1))?;
    let open: Vec<_> = book.iter().filter(|one| one.state == "NOTPAY").collect();
    let [order] = open[..] else {
        bail!("one order is open at the sandbox, not {}", open.len());
    };
    let body = json!({"channelOrderNo": order.channel_order_no}).to_string();
    let paid = wire.post_json(&format!("{}/control/pay", world.address(1)), &body)?;
    if paid.status != 204 {
        bail!("the sandbox answers {}", paid.status);
    }
    Ok(())
}

/// A payer opens the address and takes WeChat's code.
fn begin(wire: &Wire, world: &World, address: &str) -> Result<()> {
    let page = wire.get(address)?;
    if page.status >= 400 {
        bail!("{} at {address}", page.status);
    }
    // A door may lead on to the page.
    let address = page.location.unwrap_or_else(|| address.to_owned());
    let (_, query) = address.split_once('?').context("an address has a query")?;
    let mut body: Map<String, Value> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into()))
        .collect();
    body.insert("payTypeCode".to_owned(), "Wechat".into());
    let call = format!("{}/pay/api/pc/pay", world.address(0));
    let begun = wire
        .post_json(&call, &Value::Object(body).to_string())?
        .body;
    holds(&serde_json::from_str(&begun)?, "/errcode", &json!("0"))
}

/// Whether an answer has this value at this place.
fn holds(answer: &Value, place: &str, wanted: &Value) -> Result<()> {
    if answer.pointer(place) != Some(wanted) {
        bail!("{place} is not {wanted} in {answer}");
    }
    Ok(())
}
