//! `cargo xtask full`: what is slow and rare. The tests on the newest PostgreSQL; the page's
//! main flows in Firefox, and in WebKit, the engine of every browser on iOS; the clients in
//! every language. What is missing is named.

use crate::browser::installed;
use crate::database::Postgres;
use crate::folders::{root, target};
use crate::process::{Programs, free_ports};
use crate::step::{self, step};
use crate::test::rust_tests;
use crate::tools::{apt_install, from_pypi, is_root_on_debian, node_packages};
use crate::world::{self, SHARED, World};
use crate::{clients, site};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// The distribution's packages of both engines.
const PACKAGES: [&str; 3] = ["firefox-esr", "webkit2gtk-driver", "xvfb"];
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];
/// Pinned.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run() -> Result<ExitCode> {
    let modules = node_packages("xtask/engines", "engines")?;
    set_up();
    site::build()?;
    world::build_with_tests()?;
    let world = World {
        settings: &SHARED,
        ..World::fresh("engines")?
    };
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    let walk = |engine: &str, program: &Path, driver: &str| -> Result<bool> {
        let mut node = flows(&modules, &world)?;
        node.env("TONGFU_ENGINE", engine)
            .env("TONGFU_PROGRAM", program)
            .env("TONGFU_WEBKIT_DRIVER", driver);
        Ok(step::run(&mut node).is_ok())
    };
    let newest = Postgres::start_newest()?;
    let count = step("all tests on the newest PostgreSQL", || {
        rust_tests(&newest, None)
    })?;
    let clients = step("clients", clients::walks)?;
    let described = step("calls made up of their description", || {
        schemathesis(&world)
    });
    let mut good = count.failed + clients.failed == 0 && described.is_ok();
    if let Err(error) = described {
        println!("{error:#}");
    }
    match installed(&FIREFOX) {
        Some(firefox) => good &= walk("firefox", &firefox, "")?,
        None => println!("NOT TRIED  firefox: install {}", PACKAGES[0]),
    }
    match webkit() {
        Some(webkit) => {
            let driver = webkit.start(&mut programs, free_ports(1)?)?;
            good &= walk("webkit", &webkit.browser, &driver)?;
        }
        None => println!(
            "NOT TRIED  webkit: install {} and {}",
            PACKAGES[1], PACKAGES[2]
        ),
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Calls that the interfaces' description allows or forbids, made up by Schemathesis: none
/// is answered by a 5xx, nor otherwise than the description says. That a call is refused
/// stands in its errcode, so the status of what is refused is not judged.
fn schemathesis(world: &World) -> Result<()> {
    let programs = from_pypi("schemathesis", &[SCHEMATHESIS])?;
    let mut made_up = Command::new(programs.join("st"));
    made_up
        .arg("run")
        .arg(format!("{}/docs/openapi.json", world.address(0)))
        .args(["--checks", CHECKS, "--max-examples", "150"])
        .current_dir(target("schemathesis")?);
    step::run(&mut made_up)
}

/// Installs what is missing, where that can be done without asking.
fn set_up() {
    if (installed(&FIREFOX).is_some() && webkit().is_some()) || !is_root_on_debian() {
        return;
    }
    let _ = step("installing Firefox and WebKit", || {
        if !apt_install(&PACKAGES) {
            bail!("apt-get can't install them");
        }
        Ok(())
    });
}

/// The walk through all flows, beside the modules that it imports.
fn flows(modules: &Path, world: &World) -> Result<Command> {
    let folder = modules.parent().context("no folder above node_modules")?;
    for file in ["browsers.mjs", "flows.mjs"] {
        std::fs::copy(root().join("xtask/engines").join(file), folder.join(file))?;
    }
    let mut node = Command::new("node");
    node.arg(folder.join("flows.mjs"))
        .env("TONGFU_PORT", world.port.to_string());
    Ok(node)
}

/// WebKit's small browser, its driver, and the screen that it needs.
struct WebKit {
    browser: PathBuf,
    driver: PathBuf,
    screen: PathBuf,
}

fn webkit() -> Option<WebKit> {
    Some(WebKit {
        browser: small_browser(Path::new("/usr/lib"))?,
        driver: installed(&["WebKitWebDriver"])?,
        screen: installed(&["Xvfb"])?,
    })
}

/// `…/webkit2gtk-4.1/MiniBrowser`, below the folder of this machine's libraries.
fn small_browser(libraries: &Path) -> Option<PathBuf> {
    let below = |folder: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let machines = below(libraries.to_owned());
    let folders = machines.into_iter().flat_map(below);
    folders
        .filter(|folder| folder.to_string_lossy().contains("/webkit2gtk-"))
        .map(|folder| folder.join("MiniBrowser"))
        .find(|program| program.is_file())
}

impl WebKit {
    /// Starts screen and driver; gives the driver's address. A display's number may be as
    /// large as a port's.
    fn start(&self, programs: &mut Programs, port: u16) -> Result<String> {
        let display = format!(":{port}");
        let mut screen = Command::new(&self.screen);
        screen.args([&display, "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
        programs.start("the screen", &mut screen)?;
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{port}"));
        let started = Instant::now();
        while !socket.exists() {
            if started.elapsed() > PATIENCE {
                bail!("no screen came up");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut driver = Command::new(&self.driver);
        driver
            .arg(format!("--port={port}"))
            .env("DISPLAY", &display);
        programs.start("WebKit's driver", &mut driver)?;
        programs.wait_for(port, "/status")?;
        Ok(format!("http://127.0.0.1:{port}"))
    }
}
