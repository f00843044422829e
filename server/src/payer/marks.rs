//! The operator's own pictures: a folder with files that are named as channels, such
//! as `Wechat.svg`, or as the settings of business systems name them.

use anyhow::{Context, Result, bail};
use app::page::Marks;
use payment::channel::Channel;
use payment::payee::is_picture;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The endings that are taken, the better one first, and what browsers call them.
const KINDS: [(&str, &str); 3] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webp", "image/webp"),
];
/// They stand in memory, and a payer waits for them.
const PICTURES_MAX: usize = 1_000;
const PICTURE_BYTES_MAX: u64 = 256 << 10;

/// One picture.
pub(crate) struct Picture {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The pictures that were found, by their names; shared by all who hold a copy.
#[derive(Clone, Default)]
pub(crate) struct Pictures(Arc<RwLock<Found>>);

type Found = BTreeMap<String, Arc<Picture>>;

impl Pictures {
    /// Reads the folder anew; an empty path has none. What can't be read changes
    /// nothing.
    ///
    /// # Errors
    /// When a picture is there and can't be read, or there is too much of it.
    pub(crate) fn read(&self, folder: &Path) -> Result<()> {
        let found = find(folder)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Where the page finds those of the channels.
    pub(crate) fn marks(&self) -> Marks {
        let channels = Channel::ALL.into_iter();
        let found = channels.filter_map(|channel| Some((channel, self.address(channel.code())?)));
        Marks::new(found.collect())
    }

    /// Where the page finds a picture, if there is one of this name.
    pub(crate) fn address(&self, name: &str) -> Option<String> {
        self.of(name).map(|_| format!("/marks/{name}"))
    }

    /// The picture of this name.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<Picture>> {
        let pictures = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pictures.get(name).cloned()
    }
}

fn find(folder: &Path) -> Result<Found> {
    let mut pictures = Found::new();
    if !folder.is_dir() {
        return Ok(pictures);
    }
    // The worst ending first: a better one takes its place.
    for (ending, kind) in KINDS.into_iter().rev() {
        for entry in std::fs::read_dir(folder).context("reading the folder of pictures")? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let fits = path.extension().is_some_and(|found| found == ending);
            let Some(name) = name.filter(|name| fits && is_picture(name)) else {
                continue;
            };
            let bytes = read(&path)?;
            pictures.insert(name.to_owned(), Arc::new(Picture { kind, bytes }));
            if pictures.len() > PICTURES_MAX {
                bail!("more than {PICTURES_MAX} pictures in {}", folder.display());
            }
        }
    }
    Ok(pictures)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let reading = || format!("reading the picture {}", path.display());
    let size = std::fs::metadata(path).with_context(reading)?.len();
    if size > PICTURE_BYTES_MAX {
        bail!(
            "the picture {} has {size} bytes: at most {PICTURE_BYTES_MAX}",
            path.display()
        );
    }
    std::fs::read(path).with_context(reading)
}
