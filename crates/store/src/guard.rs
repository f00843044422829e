//! What an instance has seen of its books, kept in a file beside them: a database that
//! lacks some of it is refused (docs/reliability.md, Books that go back).

use payment::ports::{Answer, Mark, StoreError};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// What was seen, and whether the books still hold it.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Where the mark is kept; without it nothing is noticed.
    file: Option<PathBuf>,
    seen: Mutex<Option<Mark>>,
    /// Why nothing is done with these books.
    bar: RwLock<Option<String>>,
    /// Something was written since the last mark.
    written: AtomicBool,
    /// Whether the books are compared already: not while a program opens them.
    armed: AtomicBool,
}

impl Guard {
    /// Reads the mark that was kept, none where there is no such file yet, and makes sure
    /// that one can be kept.
    ///
    /// # Errors
    /// When the file can't be read or written, or holds something else: then nobody knows.
    pub(crate) fn read(file: Option<PathBuf>) -> io::Result<Self> {
        let seen = match &file {
            None => None,
            Some(file) => {
                let seen = kept_mark(file)?;
                write(&beside(file), "")?;
                let _ = std::fs::remove_file(beside(file));
                seen
            }
        };
        Ok(Self {
            file,
            seen: Mutex::new(seen),
            ..Self::default()
        })
    }

    /// Compares from now on; `false` where no mark is kept.
    pub(crate) fn arm(&self) -> bool {
        self.armed.store(self.file.is_some(), Ordering::Relaxed);
        self.is_armed()
    }

    /// Whether the books are compared.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    /// Lets through who wants something of the books.
    ///
    /// # Errors
    /// While they lack what was seen in them.
    pub(crate) fn pass(&self) -> Answer<()> {
        let bar = self.bar.read().unwrap_or_else(PoisonError::into_inner);
        match &*bar {
            None => Ok(()),
            Some(why) => Err(StoreError::Unavailable(why.clone())),
        }
    }

    /// Somebody wrote.
    pub(crate) fn note_write(&self) {
        self.written.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wrote since this was asked last.
    pub(crate) fn take_written(&self) -> bool {
        self.written.swap(false, Ordering::Relaxed)
    }

    /// What was seen last. Who compares takes it before he looks at the books: what is
    /// seen meanwhile is newer than what he finds.
    pub(crate) fn seen(&self) -> Option<Mark> {
        self.last().clone()
    }

    /// Compares the books as they are with what was seen before somebody looked at them.
    ///
    /// # Errors
    /// Why they are refused from now on.
    pub(crate) fn judge(&self, seen: Option<&Mark>, now: &Mark) -> Answer<()> {
        let lost = seen.and_then(|seen| seen.lost_at(now));
        let lost = lost.map(|why| format!("{why}; see `tongfu database accept`"));
        let mut bar = self.bar.write().unwrap_or_else(PoisonError::into_inner);
        if lost != *bar {
            match &lost {
                Some(why) => tracing::error!(why, "the books are not worked on"),
                None => tracing::warn!("the books are worked on again"),
            }
            bar.clone_from(&lost);
        }
        lost.map_or(Ok(()), |why| Err(StoreError::Unavailable(why)))
    }

    /// Keeps how far the books are, which [`Guard::judge`] let through. What was seen is
    /// remembered also where the file can't be written.
    ///
    /// # Errors
    /// When it can't.
    pub(crate) async fn keep(&self, now: Mark) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        if self.last().as_ref() == Some(&now) {
            return Ok(());
        }
        let (file, text) = (file.clone(), format!("{now}\n"));
        *self.last() = Some(now);
        // A disk may take its time, and nobody else waits for it.
        let written = tokio::task::spawn_blocking(move || replace(&file, &text));
        let written = written.await.map_err(io::Error::other)?;
        if written.is_err() {
            // It is tried again, whatever was seen meanwhile.
            self.note_write();
        }
        written
    }

    fn last(&self) -> MutexGuard<'_, Option<Mark>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mark that an instance keeps in a file; none where there is no such file.
///
/// # Errors
/// When the file can't be read, or holds something else.
pub fn kept_mark(file: &Path) -> io::Result<Option<Mark>> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let no_mark = || io::Error::new(ErrorKind::InvalidData, "it holds no mark");
    Mark::parse(&text).ok_or_else(no_mark).map(Some)
}

/// Puts a whole file in the place of another, on disk before it is there.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new = beside(file);
    write(&new, text)?;
    std::fs::rename(&new, file)
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut written = File::create(file)?;
    written.write_all(text.as_bytes())?;
    written.sync_data()
}

/// Where a file is written before it takes another one's place: by this process alone.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    PathBuf::from(name)
}
