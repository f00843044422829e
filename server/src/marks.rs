//! The operator's own pictures of the channels: a folder with files that are named
//! as the channels, such as `Wechat.svg`.

use anyhow::{Context, Result};
use app::page::Marks;
use payment::channel::Channel;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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

/// The pictures that were found, by channel.
#[derive(Clone, Default)]
pub(crate) struct Pictures(Arc<BTreeMap<Channel, Picture>>);

impl Pictures {
    /// Reads the folder once; an empty path has none.
    ///
    /// # Errors
    /// When a picture is there and can't be read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut pictures = BTreeMap::new();
        if folder.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        for channel in Channel::ALL {
            for (ending, kind) in KINDS {
                let path = folder.join(format!("{}.{ending}", channel.code()));
                if path.is_file() {
                    let bytes = std::fs::read(&path)
                        .with_context(|| format!("reading the mark {}", path.display()))?;
                    pictures.insert(channel, Picture { kind, bytes });
                    break;
                }
            }
        }
        Ok(Self(Arc::new(pictures)))
    }

    /// Where the page finds them.
    pub(crate) fn marks(&self) -> Marks {
        let address = |channel: &Channel| (*channel, format!("/marks/{}", channel.code()));
        Marks::new(self.0.keys().map(address).collect())
    }

    /// The picture of a channel.
    pub(crate) fn of(&self, channel: Channel) -> Option<&Picture> {
        self.0.get(&channel)
    }
}
