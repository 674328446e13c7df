//! The output: a stdout that may be closed or full, and files that are complete or absent.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tempfile::NamedTempFile;
use tokio::sync::SetOnce;

/// Standard output that remembers its first error instead of panicking on it.
///
/// After `| head` has closed the pipe, or on a full disk, writes are dropped and [`Stdout::failed`] resolves, so
/// that the program can end.
#[derive(Clone, Default)]
pub(crate) struct Stdout {
    failure: Arc<SetOnce<io::Error>>,
}

impl Stdout {
    /// Waits until a write has failed. Cancel safe.
    pub(crate) async fn failed(&self) -> &io::Error {
        self.failure.wait().await
    }

    /// The error of the first write that failed.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.get()
    }

    fn attempt<T>(
        &self,
        on_failure: T,
        write: impl FnOnce(io::StdoutLock<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failure.initialized() {
            return Ok(on_failure);
        }
        write(io::stdout().lock()).or_else(|error| {
            // Another thread may have failed first: its error is the one that is reported.
            let _second = self.failure.set(error);
            Ok(on_failure)
        })
    }
}

/// Whether a person reads stdout, and wants colour: a terminal, and no `NO_COLOR` in the environment.
pub fn wants_colour() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stdout().is_terminal() && !no_color && !dumb
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |mut stdout| stdout.write_all(bytes).map(|()| bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), |mut stdout| stdout.flush())
    }
}

/// A file that gets its name when it is complete.
///
/// It is opened before the program runs, so that a folder which cannot be written is reported at once, and written
/// after it.
pub(crate) struct OutputFile {
    path: PathBuf,
    target: Target,
}

enum Target {
    /// A new file, or one to be replaced: written beside it, then renamed over it.
    Replace(NamedTempFile),
    /// A device or a pipe, such as `/dev/stderr`: a rename would put a file in its place.
    Device(File),
}

impl OutputFile {
    /// Checks that `path` can be written, and changes nothing yet.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        Self::open(path).with_context(|| format!("cannot write {}", path.display()))
    }

    fn open(path: &Path) -> io::Result<Self> {
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            // No system opens a folder for writing, so this returns the system's error.
            let device = File::options().write(true).open(path)?;
            return Ok(Self { path: path.into(), target: Target::Device(device) });
        }
        // A link keeps pointing where it did: the file behind it is the one to replace.
        let path = if existing.is_some() { fs::canonicalize(path)? } else { path.to_path_buf() };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Said before tempfile says it of a name that was not asked for.
        fs::metadata(folder)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What `File::create` asks for; the umask takes its share. An existing file keeps its own.
            let new = fs::Permissions::from_mode(0o666);
            builder.permissions(existing.map_or(new, |metadata| metadata.permissions()));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Self { path, target: Target::Replace(file) })
    }

    /// Writes `bytes` and gives the file its name. On an error no part of it is left behind.
    pub(crate) fn write(self, bytes: &[u8]) -> anyhow::Result<()> {
        let Self { path, target } = self;
        let written = match target {
            Target::Replace(mut file) => file
                .write_all(bytes)
                .and_then(|()| file.flush())
                .and_then(|()| file.persist(&path).map(drop).map_err(|error| error.error)),
            Target::Device(mut device) => device.write_all(bytes),
        };
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Bytes in memory that a layer writes and its owner reads.
#[derive(Clone, Default)]
pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(crate) fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        // A panic elsewhere cannot leave the `Vec` half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
