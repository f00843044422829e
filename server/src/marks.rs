//! The operator's own pictures of the channels: a folder with files that are named
//! as the channels, such as `Wechat.svg`.

use anyhow::{Context, Result};
use app::page::Marks;
use payment::channel::Channel;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The endings that are looked for, and what browsers call them.
const KINDS: [(&str, &str); 3] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webp", "image/webp"),
];

/// One picture.
pub(crate) struct Picture {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The pictures that were found, by channel; shared by all who hold a copy.
#[derive(Clone, Default)]
pub(crate) struct Pictures(Arc<RwLock<BTreeMap<Channel, Arc<Picture>>>>);

impl Pictures {
    /// Reads the folder anew; an empty path has none. What can't be read changes
    /// nothing.
    ///
    /// # Errors
    /// When a picture is there and can't be read.
    pub(crate) fn read(&self, folder: &Path) -> Result<()> {
        let found = find(folder)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Where the page finds them.
    pub(crate) fn marks(&self) -> Marks {
        let address = |channel: &Channel| (*channel, format!("/marks/{}", channel.code()));
        let pictures = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Marks::new(pictures.keys().map(address).collect())
    }

    /// The picture of a channel.
    pub(crate) fn of(&self, channel: Channel) -> Option<Arc<Picture>> {
        let pictures = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pictures.get(&channel).cloned()
    }
}

fn find(folder: &Path) -> Result<BTreeMap<Channel, Arc<Picture>>> {
    let mut pictures = BTreeMap::new();
    if folder.as_os_str().is_empty() {
        return Ok(pictures);
    }
    for channel in Channel::ALL {
        for (ending, kind) in KINDS {
            let path = folder.join(format!("{}.{ending}", channel.code()));
            if path.is_file() {
                let bytes = std::fs::read(&path)
                    .with_context(|| format!("reading the mark {}", path.display()))?;
                pictures.insert(channel, Arc::new(Picture { kind, bytes }));
                break;
            }
        }
    }
    Ok(pictures)
}
