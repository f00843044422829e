//! Wires everything together, and serves until told to stop.

use crate::accounts;
use crate::alarms::{self, Bell};
use crate::clock::{now_ms, system_clock};
use crate::config::{self, Config};
use crate::console::shared::Console;
use crate::ends::{self, Ends};
use crate::heads::Heads;
use crate::limits::{Limits, Proxies};
use crate::listen::{self, Gate, Way};
use crate::log;
use crate::payer::marks::Pictures;
use crate::payer::notice::Notice;
use crate::payer::streams::Streams;
use crate::rates;
use crate::relay::{Line, Relay, Relayed};
use crate::reload::{self, Reloaded, Used};
use crate::state::{Held, State};
use crate::traces;
use crate::worker;
use crate::{operator, routes};
use anyhow::{Context, Error, Result, bail};
use axum::Router;
use channels::receiver::HttpReceiver;
use checkout::{Checkout, DEVELOPMENT_OPERATOR, Parts, Rates, Schedule, Toll};
use futures_util::future::OptionFuture;
use payment::domain::Domain;
use payment::ports::{Gateway, Receiver, Store, StoreError};
use payment::rate::NoRate;
use sd_notify::NotifyState;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Keys;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is under way when the program is told to stop has this long to end; the
/// program is gone within 10 s.
const DRAIN: Duration = Duration::from_secs(8);
/// Who takes leave waits so long for the database: one that says nothing is forgotten
/// by the others all the same.
const TAKE_LEAVE: Duration = Duration::from_millis(500);
/// Connections that the system keeps until they are taken.
const BACKLOG: u32 = 1_024;
/// Connections of the operator's systems.
const OPERATOR_CONNECTIONS: usize = 64;

/// Serves until SIGINT or SIGTERM. One that comes before it serves ends it at once: the first
/// process of a container has no other end.
pub(crate) async fn serve(config: Config, file: Option<PathBuf>, dev: bool) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(told_to_stop(stop));
    let is_serving = AtomicBool::new(false);
    let mut told = stopped.clone();
    let told_before = async {
        let _ = told.wait_for(|stop| *stop).await;
        if is_serving.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        done = serve_until(config, file, dev, stopped, &is_serving) => done,
        () = told_before => Ok(()),
    }
}

async fn serve_until(
    config: Config,
    file: Option<PathBuf>,
    dev: bool,
    stopped: watch::Receiver<bool>,
    is_serving: &AtomicBool,
) -> Result<()> {
    let traces = traces::open(&config.traces_url)?;
    let (spans, traced) = traces.map(|traces| (traces.spans, traces.end)).unzip();
    let set_filter = log::start(&config.log, config.log_format, spans)?;
    tell_of_slips();
    if dev && !config.listen.ip().is_loopback() {
        bail!("--dev listens on loopback only; {} is not", config.listen);
    }
    let hangups = reload::hangups();
    let (socket, operator) = (bind(config.listen)?, operator_socket(&config)?);
    let proxies = Proxies::new(&config.trusted_proxies);
    let limits = Arc::new(Limits::new(config.request_rates(), proxies));
    let instance = instance_name(&config)?;
    let store = opened(&config, dev, &instance).await?;
    let revision = store.accounts_revision().await?;
    let accounts = accounts::opened(&config, &*store).await?;
    accounts.tell();
    let (rates, source) = rates::open(&config, dev, accounts::all(&config, &*store).await?)?;
    let metrics = operator::metrics::install(Arc::clone(&store))?;
    let announced = Arc::clone(&store);
    // Development's callbacks go to who listens, and to nobody else meanwhile.
    let line = dev.then(|| Arc::new(Line::default()));
    let receiver = receiver(line.clone())?;
    let checkout = checkout(
        &config,
        store,
        accounts.gateways(),
        receiver,
        rates,
        limits.toll(),
    )?;
    checkout.trip_key().await?;
    // Before payers or workers come; who is barred from the books tells so by `/readyz`.
    let _ = checkout.keep_mark().await;
    let mut workers = worker::start(&checkout, &stopped);
    let (settings, held) = watch::channel(config.clone());
    let (besides, ends) = beside(held, &checkout, &announced, &instance, &stopped)?;
    workers.extend(besides);
    workers.extend(source.map(|source| tokio::spawn(rates::keep(source, stopped.clone()))));
    let (pictures, notice) = shown(&config)?;
    let reloaded = Arc::new(Reloaded {
        file,
        store: Arc::clone(&announced),
        checkout: Arc::clone(&checkout),
        pictures: pictures.clone(),
        notice: notice.clone(),
        set_filter,
        accounts: Used::new(revision, accounts),
        public_url: config.public_url.clone(),
        settings,
        instance: instance.clone(),
    });
    tokio::spawn(reload::at_each_hangup(Arc::clone(&reloaded), hangups));
    workers.push(tokio::spawn(reload::at_each_change(
        Arc::clone(&reloaded),
        stopped.clone(),
    )));
    let connections = listen::descriptors(u64::from(config.connections));
    let state = State::new(Held {
        checkout: Arc::clone(&checkout),
        public_url: config.public_url.as_str().into(),
        metrics,
        pictures,
        notice,
        console: Console::new(&config, reloaded, dev, ends)?,
        limits: Arc::clone(&limits),
        streams: Arc::new(streams(&config, connections)),
        relay: Relay::new(line),
        stopped: stopped.clone(),
        clinic: dev,
        docs: config.docs,
    });
    let (public_listener, operator) = (listen(socket)?, operator.map(listen).transpose()?);
    tracing::info!(listen = %config.listen, public_url = config.public_url, connections, "serving");
    let public = way(&config, &state, connections, routes::router(state.clone()));
    let own = way(
        &config,
        &state,
        OPERATOR_CONNECTIONS,
        operator::router(state.clone()),
    );
    let served = listen::serve(public_listener, public, stopped.clone());
    let operated = operator.map(|listener| listen::serve(listener, own, stopped.clone()));
    is_serving.store(true, Ordering::Relaxed);
    let told = tell_manager(stopped.clone());
    let work = async {
        tokio::join!(served, OptionFuture::from(operated), told);
        for worker in workers {
            worker.await.context("a worker")?;
        }
        checkout.drained().await;
        anyhow::Ok(())
    };
    let mut over = stopped.clone();
    tokio::select! {
        done = work => done,
        () = async { let _ = over.wait_for(|stop| *stop).await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("what is still under way is cut; it is taken up again");
            Ok(())
        }
    }?;
    let _ = timeout(TAKE_LEAVE, announced.take_leave(&instance)).await;
    traces::end(traced).await;
    tracing::info!("stopped");
    Ok(())
}

/// The database, up to date and looked at, in which this instance has announced itself.
async fn opened(config: &Config, dev: bool, instance: &str) -> Result<Arc<dyn Store>> {
    let store = store::migrate(config.marked_database(dev)?).await?;
    // Before the keys are looked at: who changes them meanwhile sees that we are here.
    store.announce(instance, env!("CARGO_PKG_VERSION")).await?;
    tell_of_secrets(config, &*store, dev).await?;
    if config.mark(dev).is_none() && !dev {
        tracing::warn!("nothing notices when the database goes back: set state_dir");
    }
    check_domains(store.as_ref(), dev).await?;
    Ok(store)
}

/// What payers are shown of the operator's.
fn shown(config: &Config) -> Result<(Pictures, Notice)> {
    let (pictures, notice) = (Pictures::default(), Notice::default());
    pictures.read(&config.marks)?;
    notice.set(&config.page_notice, &config.page_notice_en);
    Ok((pictures, notice))
}

/// What goes on beside the use cases, and what is seen of certificates and secrets.
fn beside(
    held: watch::Receiver<Config>,
    checkout: &Arc<Checkout>,
    store: &Arc<dyn Store>,
    instance: &str,
    stopped: &watch::Receiver<bool>,
) -> Result<(Vec<JoinHandle<()>>, Ends)> {
    let config = held.borrow().clone();
    let heads = Heads::new(&config)?;
    let told = worker::tell_acts(Arc::clone(store), heads, stopped.clone());
    let announcing = worker::announce(Arc::clone(store), instance.to_owned(), stopped.clone());
    let (looked, seen) = watch::channel(None);
    let ends = ends::tell(held, Arc::clone(store), looked, stopped.clone());
    let mut begun = vec![
        tokio::spawn(told),
        tokio::spawn(announcing),
        tokio::spawn(ends),
    ];
    if let Some(bell) = Bell::new(&config)? {
        let told = alarms::tell(
            bell,
            Arc::clone(checkout),
            Arc::clone(store),
            stopped.clone(),
        );
        begun.push(tokio::spawn(told));
    }
    if config.retention_days > 0 {
        let kept = Duration::from_secs(u64::from(config.retention_days) * 86_400);
        let pruned = worker::prune(Arc::clone(checkout), kept, stopped.clone());
        begun.push(tokio::spawn(pruned));
    }
    Ok((begun, seen))
}

/// Tells systemd, where it started us, that we serve, that we still live, and that we stop.
async fn tell_manager(mut stopped: watch::Receiver<bool>) {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    // Twice in the time after which it takes us for dead.
    let pause = sd_notify::watchdog_enabled().map_or(Duration::MAX, |limit| limit / 2);
    while !*stopped.borrow() {
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(pause) => {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
        }
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Takes a port. Nobody is let in before there is somebody to answer him: a migration may
/// take its time, and a proxy would wait for it.
fn bind(address: SocketAddr) -> Result<TcpSocket> {
    let taken = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    let bound: io::Result<_> = taken();
    bound.with_context(|| no_port(address))
}

/// Lets callers in.
fn listen(socket: TcpSocket) -> Result<TcpListener> {
    let address = socket.local_addr()?;
    let listening = socket.listen(BACKLOG);
    listening.with_context(|| no_port(address))
}

fn no_port(address: SocketAddr) -> String {
    let port = address.port();
    format!("port {port} can't be taken: is another program using it?")
}

/// The operator's listener: where it was set; else beside ours, if that port is free.
fn operator_socket(config: &Config) -> Result<Option<TcpSocket>> {
    let named = config.operator_address()?;
    let address = named.or_else(|| config.operator_default());
    let bound = match (named, address) {
        (Some(address), _) => Some(bind(address)?),
        (None, Some(address)) => bind(address).ok(),
        (None, None) => None,
    };
    match &bound {
        Some(socket) => tracing::info!(listen = %socket.local_addr()?, "serving the operator"),
        None => tracing::warn!(
            "no listener for the operator: port {} is taken; set operator_listen",
            address.map_or(0, |address| address.port())
        ),
    }
    Ok(bound)
}

/// What is behind a listener.
fn way(config: &Config, state: &State, connections: usize, router: Router) -> Arc<Way> {
    Arc::new(Way {
        times: config.times(),
        gate: Gate::new(connections, to_usize(config.connections_peer)),
        limits: Arc::clone(&state.limits),
        unfinished: Arc::new(Semaphore::new(to_usize(config.unfinished_mb) << 20)),
        router,
        narrow: routes::narrow_router(state.clone()),
    })
}

/// Room for push streams: the other half of the connections is for who asks.
fn streams(config: &Config, connections: usize) -> Streams {
    let all = to_usize(config.streams).min(connections / 2);
    let (peer, request) = (config.streams_peer, config.streams_request);
    Streams::new(all, to_usize(peer), to_usize(request))
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Brings the database up to date, and no more.
pub(crate) async fn migrate(config: &Config) -> Result<()> {
    store::migrate(config.database()?).await?;
    println!("the database is up to date");
    Ok(())
}

/// Says what bringing the database up to date would change.
pub(crate) async fn tell_pending(config: &Config) -> Result<()> {
    let pending = store::pending(config.database()?).await?;
    for one in &pending {
        let (version, name) = (one.version, one.name.replace(' ', "_"));
        println!("{version:04}_{name}");
    }
    let is_new = pending.first().is_some_and(|one| one.version == 1);
    let told = if pending.is_empty() {
        "the database is up to date"
    } else if is_new {
        "the database is new"
    } else if pending.iter().all(|one| one.compatible) {
        "older instances go on beside these: replace one after the other"
    } else {
        "not all of these are compatible: stop every older instance first"
    };
    println!("{told}");
    Ok(())
}

/// Opens the database for a command of the operator's: its tables must be up to date.
pub(crate) async fn open(config: &Config) -> Result<Arc<dyn Store>> {
    Ok(store::open(config.database()?).await?)
}

/// Says which names of the environment are no settings.
fn tell_of_slips() {
    for name in config::unknown_names() {
        tracing::warn!(name, "no setting, and passed over");
    }
}

/// Says where secrets are kept less well than they could be.
async fn tell_of_secrets(config: &Config, store: &dyn Store, dev: bool) -> Result<()> {
    for file in config.wide_files() {
        tracing::warn!(file = %file.display(), "others can read this file: it should be 0600");
    }
    let state = store.sealing().await?;
    if let Some(why) = state.keeps_from_work() {
        bail!(why);
    }
    let development = Keys::development();
    match &state.writes {
        _ if dev => {}
        None => {
            tracing::warn!("secrets stand in the database in clear: give a key by secrets_key_file")
        }
        Some(key) if development.ids().eq([key.as_str()]) => tracing::warn!(
            "the database's secrets are kept by the key of development, which everybody has"
        ),
        Some(_) if state.sealed_ms.is_none() => tracing::warn!(
            "secrets stand in the database in clear too: run `tongfu secrets seal` once no older \
             program is at work"
        ),
        Some(_) => {}
    }
    Ok(())
}

/// What this instance is known by among those at work on its database.
/// No other has its name, whatever hosts are called.
fn instance_name(config: &Config) -> Result<String> {
    let mut number = [0; 4];
    getrandom::fill(&mut number).context("no random numbers")?;
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let number = hex::encode(number);
    Ok(format!("{host}:{} {number}", config.listen.port()))
}

/// The development domains exist only where `--dev` is given: their secrets
/// are printed in the documents.
async fn check_domains(store: &dyn Store, dev: bool) -> Result<()> {
    if dev {
        let documented = [Domain::test(), Domain::demo()].into_iter();
        for domain in documented.chain(doors::development()) {
            match store.add_domain(&domain).await {
                Ok(()) | Err(StoreError::Exists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (operator, given, _) = checkout::development(now_ms()).map_err(Error::msg)?;
        // `Err` where it is there already.
        let _ = store.add_operator(&operator, &given.proof).await?;
        return Ok(());
    }
    if let Some(code) = store.development_domain().await? {
        bail!(
            "this database holds the development domain `{code}`, whose secret is public: serve \
             it with --dev, or give TONGFU_DATABASE_URL a database of its own"
        );
    }
    let known = store.known_operator(DEVELOPMENT_OPERATOR).await?;
    if known.is_some_and(|known| known.operator.enabled) {
        bail!(
            "this database holds development's operator, whose password is public: `tongfu \
             operator set {DEVELOPMENT_OPERATOR} --enabled false`, or serve it with --dev"
        );
    }
    Ok(())
}

/// The use cases over everything that is configured.
pub(crate) fn checkout(
    config: &Config,
    store: Arc<dyn Store>,
    gateways: Vec<Arc<dyn Gateway>>,
    receiver: Arc<dyn Receiver>,
    rates: Rates,
    toll: Toll,
) -> Result<Arc<Checkout>> {
    let clock = system_clock();
    let parts = Parts {
        gateways,
        store,
        doors: doors::all(),
        receiver,
        clock,
        schedule: Schedule::new(config.callback_delays_ms.clone()),
        untaken_ms: i64::from(config.callback_alarm_s) * 1000,
        lost_orders: config.channel_lost_orders,
        lease_ms: config.lease_ms,
        rates,
        toll,
        instances: config.instances,
        refund_alone: config.refund_alone()?,
        public_url: config.public_url.clone(),
    };
    Checkout::new(parts).context("no random numbers")
}

/// The same for a command: it is charged nothing, and what it does to orders needs no
/// rate, since theirs is kept with them.
pub(crate) async fn commanded(config: &Config, store: Arc<dyn Store>) -> Result<Arc<Checkout>> {
    let gateways = accounts::opened(config, &*store).await?.gateways();
    let no_rates: Rates = Arc::new(|_, _| Err(NoRate::Unset));
    let free: Toll = Arc::new(|_, _| Ok(()));
    checkout(config, store, gateways, receiver(None)?, no_rates, free)
}

/// The way out to business systems, and with a line to who listens in their place.
fn receiver(line: Option<Arc<Line>>) -> Result<Arc<dyn Receiver>> {
    let http = HttpReceiver::new(system_clock())?;
    Ok(match line {
        Some(line) => Arc::new(Relayed { http, line }),
        None => Arc::new(http),
    })
}

async fn told_to_stop(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    tracing::info!("told to stop");
    stop.send_replace(true);
}
