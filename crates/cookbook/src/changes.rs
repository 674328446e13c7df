//! Writes several files together, or none of them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use tempfile::{NamedTempFile, TempPath};

/// The files that a command is about to write.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    files: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    path: PathBuf,
    old: Option<Vec<u8>>,
    new: Vec<u8>,
    /// Whether `old` is meant to go: an edit of what the reader has keeps the rest of it.
    is_edit: bool,
}

impl Changes {
    /// A file that is all ours. If there is another one in its place, it takes `--force` to write it.
    pub(crate) fn put(&mut self, path: PathBuf, new: impl Into<Vec<u8>>) -> anyhow::Result<()> {
        let old = match fs::read(&path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        self.files.push(Change { path, old, new: new.into(), is_edit: false });
        Ok(())
    }

    /// A file of the reader's that was `old` when it was read.
    pub(crate) fn edit(&mut self, path: PathBuf, old: String, new: String) {
        self.files.push(Change { path, old: Some(old.into()), new: new.into(), is_edit: true });
    }

    fn real(&self) -> impl Iterator<Item = &Change> {
        self.files.iter().filter(|change| change.old.as_ref() != Some(&change.new))
    }

    /// Shows the planned changes: the names of new files, and the lines that would change in existing files.
    pub(crate) fn preview(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for Change { path, old, new, is_edit } in self.real() {
            let path = path.display();
            let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            match old {
                None => writeln!(text, "would create  {path}")?,
                Some(old) => {
                    let how = if *is_edit { "edit    " } else { "replace " };
                    let (old, new) = (lines(old), lines(new));
                    let diff = TextDiff::from_lines(&old, &new);
                    writeln!(text, "would {how}{path}\n{}", diff.unified_diff().context_radius(2))?;
                }
            }
        }
        if text.is_empty() {
            text.push_str("nothing would change\n");
        }
        Ok(text)
    }

    /// Refuses to overwrite existing files. `way_out` names an alternative to replacing them.
    pub(crate) fn check(&self, way_out: &str) -> anyhow::Result<()> {
        let there: Vec<_> = self
            .real()
            .filter(|change| change.old.is_some() && !change.is_edit)
            .map(|change| change.path.display().to_string())
            .collect();
        match there.as_slice() {
            [] => Ok(()),
            [one] => {
                bail!(
                    "{one} is there already, and differs: --force replaces it, {way_out}--dry-run shows how"
                )
            }
            [first, ..] => bail!(
                "{first} and {} more files are there already, and differ: --force replaces them, {way_out}--dry-run \
                 shows how",
                there.len() - 1
            ),
        }
    }

    /// Writes everything. After an error everything is unchanged. If the program is killed, the next [`alone`] in `home`
    /// finishes the changes, or undoes them.
    pub(crate) fn apply(&self, home: &Path) -> anyhow::Result<()> {
        let Some(first) = self.real().next().map(|change| change.path.display()) else { return Ok(()) };
        let mut created = Created::default();
        let mut ready = || -> io::Result<_> {
            created.folder(home)?;
            Ok(Journal { home: std::path::absolute(home)?, ..Journal::default() })
        };
        let mut journal = ready().with_context(|| format!("cannot write {first}"))?;
        for change in self.real() {
            let path = std::path::absolute(&change.path)?;
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != journal.home);
            journal.folders.extend(folders.filter(|folder| !folder.is_dir()).map(Path::to_path_buf));
            journal.staged_in.extend(path.parent().map(Path::to_path_buf));
        }
        let saved = journal.save();
        let _in_the_end = Remove(saved.with_context(|| format!("cannot write {first}"))?);

        let mut staged = Vec::new();
        for change in self.real() {
            let mut prepare = || -> io::Result<_> {
                // The file behind a link is the one to replace, not the link.
                let path = match &change.old {
                    Some(_) => fs::canonicalize(&change.path)?,
                    None => std::path::absolute(&change.path)?,
                };
                let permissions = change.old.as_ref().map(|_| fs::metadata(&path)).transpose()?;
                let permissions = permissions.map(|metadata| metadata.permissions());
                // It could be replaced all the same. Its owner has said that it should not be.
                if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
                }
                let folder = path.parent().unwrap_or(Path::new("."));
                created.folder(folder)?;
                // What is there is written once more too, so that taking it back needs no room on the disk.
                let undo = match &change.old {
                    Some(old) => Some(stage(folder, old, permissions.clone())?),
                    None => None,
                };
                Ok((path.clone(), stage(folder, &change.new, permissions)?, undo))
            };
            staged.push(prepare().with_context(|| format!("cannot write {}", change.path.display()))?);
        }
        for change in self.real() {
            change.check_unchanged()?;
        }
        journal.renames.extend(staged.iter().map(|(path, new, undo)| Rename {
            path: path.clone(),
            new: new.to_path_buf(),
            undo: undo.as_ref().map(|undo| undo.to_path_buf()),
        }));
        journal.save().with_context(|| format!("cannot write {first}"))?;
        for (change, (path, new, undo)) in self.real().zip(staged) {
            change.check_unchanged()?;
            let renamed = match &undo {
                Some(_) => new.persist(&path),
                None => new.persist_noclobber(&path),
            };
            renamed
                .map_err(|error| error.error)
                .with_context(|| format!("cannot write {}", path.display()))?;
            created.files.push((path, undo));
        }
        created.keep();
        Ok(())
    }
}

impl Change {
    /// The reader may have an editor open.
    fn check_unchanged(&self) -> anyhow::Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        if fs::read(&self.path).ok().as_ref() != Some(old) {
            bail!("{} has been changed meanwhile: run the command once more", self.path.display());
        }
        Ok(())
    }
}

const PREFIX: &str = ".cookbook-";

/// The record that a killed program leaves behind for the next run.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    home: PathBuf,
    /// Folders that are made, from the inside out.
    folders: Vec<PathBuf>,
    /// Where files wait for their names.
    staged_in: Vec<PathBuf>,
    /// Empty until all of them are written.
    renames: Vec<Rename>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rename {
    path: PathBuf,
    new: PathBuf,
    /// What was in its place.
    undo: Option<PathBuf>,
}

/// Removes a file when it is dropped.
struct Remove(PathBuf);

impl Drop for Remove {
    fn drop(&mut self) {
        // The next run does it, if there was a reason against it now.
        let _left_to_the_next_run = fs::remove_file(&self.0);
    }
}

impl Journal {
    fn path(home: &Path) -> PathBuf {
        home.join(format!("{PREFIX}journal"))
    }

    fn save(&self) -> io::Result<PathBuf> {
        let path = Self::path(&self.home);
        stage(&self.home, &serde_json::to_vec(self)?, None)?.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    /// Finishes the changes of a killed run if all of them were written; otherwise undoes them.
    fn finish(home: &Path) -> io::Result<()> {
        let path = Self::path(home);
        let journal: Option<Self> =
            fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let journal = journal.unwrap_or_default();
        for Rename { path, new, undo } in &journal.renames {
            let there = fs::read(path).ok();
            let before = undo.as_ref().and_then(|undo| fs::read(undo).ok());
            // Files that the reader has changed since then stay.
            if new.exists() && there == before {
                fs::rename(new, path)?;
            }
        }
        let home = home.to_path_buf();
        for folder in journal.staged_in.iter().chain([&home]) {
            for file in fs::read_dir(folder).into_iter().flatten().flatten() {
                if file.file_name().to_string_lossy().starts_with(PREFIX) && file.path() != path {
                    fs::remove_file(file.path())?;
                }
            }
        }
        if journal.renames.is_empty() {
            for folder in &journal.folders {
                // One that is not empty is the reader's by now.
                let _kept = fs::remove_dir(folder);
            }
        }
        // Last, so that being killed in here is being killed in there.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Waits until no other run writes in `home`, and finishes or undoes the changes of a killed run. While the returned value
/// lives, no other run begins.
///
/// # Errors
///
/// When what is left cannot be written or removed.
pub(crate) fn alone(home: &Path) -> anyhow::Result<Option<File>> {
    let home = if home.as_os_str().is_empty() { Path::new(".") } else { home };
    if !home.is_dir() {
        return Ok(None);
    }
    // Not every system locks a folder: two runs at once are rare.
    let lock = File::open(home).ok().filter(|folder| folder.lock().is_ok());
    Journal::finish(home).with_context(|| format!("cannot clean up {}", home.display()))?;
    Ok(lock)
}

fn stage(folder: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What `File::create` asks for; the umask takes its share.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file: NamedTempFile = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.flush()?;
    // An existing file keeps its own, whatever the umask is.
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file.into_temp_path())
}

/// What has been created so far. Dropped, it is gone again.
#[derive(Default)]
struct Created {
    folders: Vec<PathBuf>,
    /// Each file, and what was there before.
    files: Vec<(PathBuf, Option<TempPath>)>,
}

impl Created {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.folder(parent)?;
        }
        fs::create_dir(folder)?;
        self.folders.push(folder.to_path_buf());
        Ok(())
    }

    fn keep(mut self) {
        self.folders.clear();
        self.files.clear();
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        // There is an error to report already; one more would say nothing of its cause.
        for (path, undo) in self.files.drain(..).rev() {
            let _reported = match undo {
                Some(undo) => undo.persist(path).map_err(|error| error.error),
                None => fs::remove_file(path),
            };
        }
        for folder in self.folders.drain(..).rev() {
            let _reported = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gets in the way after everything is staged: what has its name already is taken back.
    #[test]
    fn a_rename_that_fails_takes_the_earlier_ones_back() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (replaced, new, blocked) =
            (folder.path().join("replaced"), folder.path().join("new/file"), folder.path().join("blocked"));
        fs::write(&replaced, "mine")?;
        let mut changes = Changes::default();
        changes.put(replaced.clone(), "ours")?;
        changes.put(new, "ours")?;
        changes.put(blocked.clone(), "ours")?;
        fs::create_dir(&blocked)?;
        assert!(changes.apply(folder.path()).is_err());
        assert_eq!(fs::read_to_string(&replaced)?, "mine");
        assert_eq!(fs::read_dir(folder.path())?.count(), 2);
        fs::remove_dir(&blocked)?;
        changes.apply(folder.path())?;
        assert_eq!(fs::read_to_string(&replaced)?, "ours");
        assert_eq!(fs::read_dir(folder.path())?.count(), 3);
        Ok(())
    }
}
