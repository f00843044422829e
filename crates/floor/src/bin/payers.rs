//! Payers whose pages wait: connections that ask at their own pace, each line of a file in
//! turn, of one instance or of the first of several that answers. Run by
//! `cargo xtask bench`.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

/// Who waits longer for an answer has none.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Cli {
    /// Where the instances are; who gets no answer asks the next one, once.
    #[arg(long, value_delimiter = ',')]
    at: Vec<SocketAddr>,
    /// A file of paths, a line each.
    #[arg(long)]
    asked: PathBuf,
    #[arg(long)]
    connections: usize,
    /// Each waits so long after an answer.
    #[arg(long)]
    pause_ms: u64,
    #[arg(long)]
    seconds: u64,
}

/// What all share.
struct Work {
    cli: Cli,
    lines: Vec<String>,
    until: Instant,
}

/// What one connection came to.
#[derive(Default)]
struct Taken {
    /// Of each answer, with the second question where one was needed.
    took_us: Vec<u32>,
    /// Answered by another instance only.
    again: u64,
    /// Not answered by any.
    broken: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let lines = std::fs::read_to_string(&cli.asked).context("what is asked")?;
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    ensure!(!lines.is_empty() && !cli.at.is_empty(), "nothing to ask");
    let began = Instant::now();
    let until = began + Duration::from_secs(cli.seconds);
    let work = Arc::new(Work { cli, lines, until });
    let all =
        (0..work.cli.connections).map(|number| tokio::spawn(payer(Arc::clone(&work), number)));
    let all: Vec<_> = all.collect();
    let mut sum = Taken::default();
    for one in all {
        let one = one.await?;
        sum.took_us.extend(one.took_us);
        sum.again += one.again;
        sum.broken += one.broken;
    }
    sum.took_us.sort_unstable();
    let at = |hundredths: usize| {
        let index = sum.took_us.len() * hundredths / 100;
        sum.took_us.get(index).copied().unwrap_or_default()
    };
    println!(
        "LOAD {{\"requests\":{},\"us\":{},\"broken\":{},\"refused\":0,\"late\":0,\"again\":{},\
         \"p50_us\":{},\"p99_us\":{}}}",
        sum.took_us.len(),
        began.elapsed().as_micros(),
        sum.broken,
        sum.again,
        at(50),
        at(99)
    );
    Ok(())
}

async fn payer(work: Arc<Work>, number: usize) -> Taken {
    let Cli {
        at,
        connections,
        pause_ms,
        ..
    } = &work.cli;
    let pause = Duration::from_millis(*pause_ms);
    // Not all at once.
    sleep(
        pause * u32::try_from(number).unwrap_or_default()
            / u32::try_from(*connections).unwrap_or(1),
    )
    .await;
    let (mut taken, mut home, mut line) = (Taken::default(), number % at.len(), number);
    let mut connection = None;
    while Instant::now() < work.until {
        let path = &work.lines[line % work.lines.len()];
        line += connections;
        let began = Instant::now();
        let mut is_answered = ask(at[home], &mut connection, path).await.is_ok();
        if !is_answered && at.len() > 1 {
            home = (home + 1) % at.len();
            is_answered = ask(at[home], &mut connection, path).await.is_ok();
            taken.again += u64::from(is_answered);
        }
        if is_answered {
            let took = began.elapsed().as_micros();
            taken.took_us.push(u32::try_from(took).unwrap_or(u32::MAX));
        } else {
            taken.broken += 1;
        }
        sleep_until(Instant::now() + pause).await;
    }
    taken
}

type Connection = SendRequest<Empty<Bytes>>;

/// Asks by the connection that there is, or by a new one; a failed one is not kept.
async fn ask(at: SocketAddr, connection: &mut Option<Connection>, path: &str) -> Result<()> {
    let asked = async {
        let mut kept = match connection.take() {
            Some(kept) => kept,
            None => connect(at).await?,
        };
        let request = Request::get(path).header("host", "127.0.0.1");
        let answer = kept.send_request(request.body(Empty::new())?).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        answer.into_body().collect().await?;
        *connection = Some(kept);
        Ok(())
    };
    timeout(PATIENCE, asked).await?
}

async fn connect(at: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let (kept, driver) = handshake(TokioIo::new(stream)).await?;
    // It ends with its connection.
    tokio::spawn(async move { driver.await.is_ok() });
    Ok(kept)
}
