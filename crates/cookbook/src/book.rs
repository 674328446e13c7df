//! The contents of the binary: the recipes, their lessons, and the files that a copy needs.

use anyhow::{Context, bail};
use include_dir::{Dir, File, include_dir};
use serde::Deserialize;
use toml_edit::DocumentMut;

use crate::near;

static RECIPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../recipes");
static LESSONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../tests");

/// The manifest of the workspace: every version is here once.
pub(crate) static WORKSPACE: &str = include_str!("../../../Cargo.toml");
/// The versions that the lessons were run with.
pub(crate) static LOCK: &str = include_str!("../../../Cargo.lock");
/// How the sources are formatted.
pub(crate) static RUSTFMT: &str = include_str!("../../../rustfmt.toml");
/// The manifest of `common`, which says what its server needs.
pub(crate) static COMMON: &str = include_str!("../../common/Cargo.toml");
/// The local server that a demo may fetch from.
pub(crate) static SERVER: &str = include_str!("../../common/src/server.rs");
pub(crate) static LICENCES: [(&str, &str); 3] = [
    ("LICENSE-0BSD", include_str!("../../../LICENSE-0BSD")),
    ("LICENSE-APACHE", include_str!("../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../LICENSE-MIT")),
];

/// A pattern file is one that may be copied without attribution.
const PATTERN: &str = "// SPDX-License-Identifier: 0BSD";

/// One recipe.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    /// Its subject, in one sentence.
    pub(crate) description: String,
    /// The recipe's place in reading order.
    place: u32,
    folder: &'static Dir<'static>,
}

/// A file to copy, together with the folder of its name if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    /// The modules inside: `x/` beside `x.rs`.
    folder: Option<&'static Dir<'static>>,
}

impl Recipe {
    fn read(folder: &'static Dir<'static>) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Manifest {
            package: Package,
        }
        #[derive(Deserialize)]
        struct Package {
            name: String,
            description: String,
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            recipe: Index,
        }
        /// `[package.metadata.recipe]`
        #[derive(Deserialize)]
        struct Index {
            chapter: u32,
        }
        let Manifest { package } = toml_edit::de::from_str(text(folder, "Cargo.toml")?)?;
        let Metadata { recipe: Index { chapter } } = package.metadata;
        Ok(Self { name: package.name, description: package.description, place: chapter, folder })
    }

    /// The text of one of its files.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<&'static str> {
        text(self.folder, path)
    }

    /// The program that its binary runs; an index of pages has none.
    pub(crate) fn demo(&self) -> Option<&'static str> {
        self.text("src/demo.rs").ok()
    }

    pub(crate) fn manifest(&self) -> anyhow::Result<DocumentMut> {
        let manifest = self.text("Cargo.toml")?;
        manifest.parse().with_context(|| format!("recipes/{}/Cargo.toml", self.name))
    }

    /// Every file, with its path from the recipe's folder.
    pub(crate) fn files(&self) -> Vec<(String, &'static [u8])> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs().filter(|folder| !is_litter(folder.path())));
            for file in folder.files().filter(|file| !is_litter(file.path())) {
                let path = file.path().strip_prefix(self.folder.path()).unwrap_or(file.path());
                files.push((slashed(path), file.contents()));
            }
        }
        files.sort();
        files
    }

    /// The patterns, in the order of their names.
    pub(crate) fn patterns(&self) -> Vec<Pattern> {
        let sources = self.folder.get_dir(self.folder.path().join("src"));
        let mut patterns: Vec<_> = sources
            .into_iter()
            .flat_map(Dir::files)
            .filter_map(|file| {
                let name = file.path().file_stem()?.to_str()?;
                let source = file.contents_utf8()?;
                let folder = self.folder.get_dir(file.path().with_extension(""));
                source.starts_with(PATTERN).then_some(Pattern { name, source, folder })
            })
            .collect();
        patterns.sort_by_key(|pattern| pattern.name);
        patterns
    }

    /// # Errors
    ///
    /// When there is no such pattern. The message names the nearest one, or them all.
    pub(crate) fn pattern(&self, name: &str) -> anyhow::Result<Pattern> {
        self.find(self.patterns(), name)
    }

    /// A source to read: a pattern, or the demo, which is no pattern, if there is one.
    ///
    /// # Errors
    ///
    /// When there is no such source. The message names the nearest one, or them all.
    pub(crate) fn source(&self, name: &str) -> anyhow::Result<Pattern> {
        let mut sources = self.patterns();
        sources.extend(self.demo().map(|source| Pattern { name: "demo", source, folder: None }));
        self.find(sources, name)
    }

    fn find(&self, sources: Vec<Pattern>, name: &str) -> anyhow::Result<Pattern> {
        match sources.iter().find(|source| same_name(source.name, name)) {
            Some(source) => Ok(*source),
            None => {
                let names: Vec<_> = sources.iter().map(|source| source.name).collect();
                bail!("{} has no pattern {name:?}{}", self.name, near::hint_or_all(name, &names))
            }
        }
    }

    /// The sources of its lessons, with their paths from `tests`: the suite without its proofs, and what it shares with
    /// other suites.
    pub(crate) fn lessons(&self) -> Vec<(String, &'static str)> {
        let mut sources = sources(LESSONS.get_dir(&self.name));
        let shared: Vec<_> = sources
            .iter()
            .filter(|(path, _)| path.ends_with("/main.rs"))
            .flat_map(|(_, main)| main.lines())
            .filter_map(|line| line.strip_prefix("#[path = \"../support/")?.strip_suffix("\"]"))
            .collect();
        for (path, source) in self::sources(LESSONS.get_dir("support")) {
            if path.rsplit('/').next().is_some_and(|name| shared.contains(&name)) {
                sources.push((path, source));
            }
        }
        sources
    }

    /// The sources of its proofs, which need the cookbook's own tools.
    pub(crate) fn proofs(&self) -> Vec<(String, &'static str)> {
        sources(LESSONS.get_dir(format!("{}/proofs", self.name)))
    }
}

/// The Rust files of a folder of `tests`, with their paths from there.
fn sources(folder: Option<&'static Dir<'static>>) -> Vec<(String, &'static str)> {
    let files = folder.into_iter().flat_map(Dir::files);
    files
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|file| Some((slashed(file.path()), file.contents_utf8()?)))
        .collect()
}

/// How many lessons a source has.
pub(crate) fn count_lessons(source: &str) -> usize {
    source.lines().map(str::trim_start).filter(|line| is_test(line)).count()
}

/// Whether a line makes the function below it a lesson.
pub(crate) fn is_test(line: &str) -> bool {
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}

impl Pattern {
    /// Its files with their paths from `src`: its own first, then those of its folder.
    pub(crate) fn files(&self) -> Vec<(String, &'static str)> {
        let mut inside = Vec::new();
        let mut folders: Vec<_> = self.folder.into_iter().collect();
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs().filter(|folder| !is_litter(folder.path())));
            for file in folder.files().filter(|file| !is_litter(file.path())) {
                let path = file.path().components().skip(2).collect::<std::path::PathBuf>();
                inside.extend(file.contents_utf8().map(|source| (slashed(&path), source)));
            }
        }
        inside.sort();
        inside.insert(0, (format!("{}.rs", self.name), self.source));
        inside
    }

    /// The lines that are no comments.
    #[cfg(test)]
    pub(crate) fn code(&self) -> String {
        let files = self.files();
        let lines = files.iter().flat_map(|(_, source)| source.lines());
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// The lines of the docs that the file opens with.
    pub(crate) fn docs(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.source
            .lines()
            .skip_while(|line| !line.starts_with("//!"))
            .map_while(|line| line.strip_prefix("//!").map(|line| line.strip_prefix(' ').unwrap_or(line)))
    }
}

/// Every recipe, in reading order.
///
/// # Errors
///
/// When a recipe's manifest lacks one of the fields that it is listed by.
pub(crate) fn recipes() -> anyhow::Result<Vec<Recipe>> {
    let mut recipes = RECIPES
        .dirs()
        .map(|folder| Recipe::read(folder).with_context(|| format!("recipes/{}", folder.path().display())))
        .collect::<anyhow::Result<Vec<_>>>()?;
    recipes.sort_by_key(|recipe| recipe.place);
    Ok(recipes)
}

/// # Errors
///
/// When there is no such recipe. The message names the nearest one, or them all.
pub(crate) fn recipe(name: &str) -> anyhow::Result<Recipe> {
    let mut recipes = recipes()?;
    match recipes.iter().position(|recipe| same_name(&recipe.name, name)) {
        Some(at) => Ok(recipes.swap_remove(at)),
        None => {
            let names: Vec<_> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
            bail!("there is no recipe {name:?}{}", near::hint_or_all(name, &names))
        }
    }
}

/// A name may be typed with `-` for `_`, as Cargo allows it for crates.
fn same_name(known: &str, typed: &str) -> bool {
    known.eq_ignore_ascii_case(&typed.replace('-', "_"))
}

fn text(folder: &'static Dir<'static>, path: &str) -> anyhow::Result<&'static str> {
    let file = folder.get_file(folder.path().join(path));
    file.and_then(File::contents_utf8).with_context(|| format!("there is no {path}"))
}

/// Files that programs and editors leave behind in a folder.
fn is_litter(path: &std::path::Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || name == "__pycache__" || name == "target"
}

fn slashed(path: &std::path::Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
