//! Files that are written together, or not at all.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use similar::TextDiff;
use tempfile::{NamedTempFile, TempPath};

/// What a command is about to write.
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

    /// What would be written: the names of new files, and the lines that would change in those that are there.
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

    /// Refuses to write over files that are there.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let there: Vec<_> = self
            .real()
            .filter(|change| change.old.is_some() && !change.is_edit)
            .map(|change| change.path.display().to_string())
            .collect();
        match there.as_slice() {
            [] => Ok(()),
            [one] => bail!("{one} is there already, and differs: --force replaces it, --dry-run shows how"),
            [first, ..] => bail!(
                "{first} and {} more files are there already, and differ: --force replaces them, --dry-run shows how",
                there.len() - 1
            ),
        }
    }

    /// Writes everything. After an error all is as it was.
    pub(crate) fn apply(&self) -> anyhow::Result<()> {
        let mut created = Created::default();
        let mut staged = Vec::new();
        for change in self.real() {
            let mut prepare = || -> io::Result<_> {
                // The file behind a link is the one to replace, not the link.
                let path = match &change.old {
                    Some(_) => fs::canonicalize(&change.path)?,
                    None => change.path.clone(),
                };
                let folder =
                    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                created.folder(folder)?;
                let permissions = change.old.as_ref().map(|_| fs::metadata(&path)).transpose()?;
                let permissions = permissions.map(|metadata| metadata.permissions());
                // What is there is written once more too, so that taking it back needs no room on the disk.
                let undo = match &change.old {
                    Some(old) => Some(stage(folder, old, permissions.clone())?),
                    None => None,
                };
                Ok((path.clone(), stage(folder, &change.new, permissions)?, undo))
            };
            staged.push(prepare().with_context(|| format!("cannot write {}", change.path.display()))?);
        }
        for (path, new, undo) in staged {
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

fn stage(folder: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cookbook-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What `File::create` asks for; the umask takes its share. An existing file keeps its own.
        builder.permissions(permissions.unwrap_or(fs::Permissions::from_mode(0o666)));
    }
    #[cfg(not(unix))]
    let _same_everywhere = permissions;
    let mut file: NamedTempFile = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file.into_temp_path())
}

/// What has been created so far. Dropped, it is gone again.
#[derive(Default)]
struct Created {
    folders: Vec<PathBuf>,
    /// Each file, and what stood in its place.
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
        assert!(changes.apply().is_err());
        assert_eq!(fs::read_to_string(&replaced)?, "mine");
        assert_eq!(fs::read_dir(folder.path())?.count(), 2);
        fs::remove_dir(&blocked)?;
        changes.apply()?;
        assert_eq!(fs::read_to_string(&replaced)?, "ours");
        assert_eq!(fs::read_dir(folder.path())?.count(), 3);
        Ok(())
    }
}
