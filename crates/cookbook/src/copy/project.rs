//! The reader's crate, as cargo itself understands it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use semver::Version;
use serde::Deserialize;
use toml_edit::{DocumentMut, Item};

/// A crate of the reader's: what `cargo metadata` says of it, and where it is.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of its manifest, as the reader typed it.
    pub(crate) folder: PathBuf,
    /// The manifest, as the reader typed it.
    pub(crate) manifest: PathBuf,
    /// The text of the manifest, as it was before cargo read it.
    pub(crate) text: String,
    /// The root of its workspace, absolute.
    pub(crate) root: PathBuf,
    package: Package,
}

/// One package of `cargo metadata`.
#[derive(Debug, Deserialize)]
struct Package {
    manifest_path: PathBuf,
    edition: String,
    rust_version: Option<String>,
    dependencies: Vec<Declared>,
    targets: Vec<Target>,
    features: BTreeMap<String, Vec<String>>,
}

/// A dependency with what it inherits.
#[derive(Debug, Deserialize)]
pub(crate) struct Declared {
    pub(crate) name: String,
    rename: Option<String>,
    pub(crate) req: String,
    kind: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) optional: bool,
    pub(crate) uses_default_features: bool,
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
    src_path: PathBuf,
}

/// A file that a crate begins with.
#[derive(Debug)]
pub(crate) struct Root {
    /// Its path, as the reader would type it.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Library,
    /// Such a library exports its macros, and nothing else.
    Macros,
    Program,
}

impl Declared {
    /// Its key in the manifest.
    pub(crate) fn key(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.name)
    }

    /// What the code calls it.
    pub(crate) fn ident(&self) -> String {
        ident(self.key())
    }

    /// Whether the library and the programs have it on every system.
    pub(crate) fn is_plain(&self) -> bool {
        self.kind.is_none() && self.target.is_none()
    }

    /// Whether only the build script has it, which sees no other dependency.
    pub(crate) fn is_for_the_build(&self) -> bool {
        self.kind.as_deref() == Some("build")
    }

    /// The table of the manifest that it is in, as the keys that lead there.
    pub(crate) fn table(&self) -> Vec<String> {
        let kind = match self.kind.as_deref() {
            Some(kind) => format!("{kind}-dependencies"),
            None => "dependencies".to_owned(),
        };
        let target = self.target.iter().flat_map(|target| ["target".to_owned(), target.clone()]);
        target.chain([kind]).collect()
    }

    /// The requirement, as people write it.
    pub(crate) fn wants(&self) -> &str {
        self.req.strip_prefix('^').unwrap_or(&self.req)
    }
}

/// What the code calls a crate.
pub(crate) fn ident(name: &str) -> String {
    name.replace('-', "_")
}

impl Project {
    /// Asks cargo, which needs no network for it and writes nothing.
    ///
    /// # Errors
    ///
    /// When there is no crate in `project`, or cargo does not understand it.
    pub(crate) fn read(project: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            packages: Vec<Package>,
            workspace_root: PathBuf,
        }
        // The folder of the crate, or its manifest.
        let manifest = if project.is_file() { project.to_path_buf() } else { project.join("Cargo.toml") };
        if !manifest.is_file() {
            bail!("{} is no crate: there is no {}", project.display(), manifest.display());
        }
        let text =
            fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            bail!("{} is empty: cargo init makes a crate there", manifest.display());
        }
        let metadata = run_cargo(
            &manifest,
            &["metadata", "--no-deps", "--offline", "--format-version", "1", "--quiet"],
        )?;
        let Metadata { packages, workspace_root } =
            serde_json::from_str(&metadata).context("the answer of cargo metadata")?;
        let here = fs::canonicalize(&manifest)?;
        let is_here =
            |package: &Package| fs::canonicalize(&package.manifest_path).is_ok_and(|path| path == here);
        let (mut found, others): (Vec<_>, Vec<_>) = packages.into_iter().partition(is_here);
        let Some(package) = found.pop() else {
            let members = match others.is_empty() {
                true => "and it has no member yet",
                false => "choose one of its members",
            };
            bail!("{} is a workspace without a crate of its own: {members}", manifest.display());
        };
        let folder = manifest.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self { folder, manifest, text, root: workspace_root, package })
    }

    pub(crate) fn edition(&self) -> &str {
        &self.package.edition
    }

    /// The oldest compiler that the reader promises to support.
    pub(crate) fn rust_version(&self) -> Option<Version> {
        padded(self.package.rust_version.as_deref()?)
    }

    pub(crate) fn dependencies(&self) -> &[Declared] {
        &self.package.dependencies
    }

    /// The name of the library in code.
    pub(crate) fn library(&self) -> Option<String> {
        let library = self.package.targets.iter().find(|target| kind(target) == Some(Kind::Library))?;
        Some(ident(&library.name))
    }

    /// The files that its library and its programs begin with: the one to declare a module in comes first.
    pub(crate) fn roots(&self) -> Vec<Root> {
        let around = self.package.manifest_path.parent().unwrap_or(Path::new(""));
        let mut roots: Vec<_> = self
            .package
            .targets
            .iter()
            .filter_map(|target| {
                let path = match target.src_path.strip_prefix(around) {
                    Ok(inside) => self.folder.join(inside),
                    Err(_) => target.src_path.clone(),
                };
                Some(Root { path, kind: kind(target)? })
            })
            .collect();
        // A library of macros can use a module, and no other crate can use it from there.
        roots.sort_by_key(|root| {
            let is_main = root.path.file_name().is_some_and(|name| name == "main.rs");
            (root.kind == Kind::Program, root.kind == Kind::Program && !is_main)
        });
        if roots.first().is_some_and(|root| root.kind == Kind::Macros) && roots.len() > 1 {
            roots.rotate_left(1);
        }
        roots
    }

    /// The feature of the reader's crate that turns an optional dependency on.
    pub(crate) fn feature_for(&self, key: &str) -> Option<&str> {
        let turns_on =
            |names: &Vec<String>| names.iter().any(|name| *name == format!("dep:{key}") || name == key);
        let features = &self.package.features;
        let of_its_name = features.get_key_value(key).filter(|(_, names)| turns_on(names));
        let found = of_its_name.or_else(|| features.iter().find(|(_, names)| turns_on(names)))?;
        Some(found.0)
    }

    /// The versions of `name` in the reader's Cargo.lock.
    pub(crate) fn locked(&self, name: &str) -> Vec<Version> {
        let lock = fs::read_to_string(self.root.join("Cargo.lock")).ok();
        let lock: Option<DocumentMut> = lock.and_then(|lock| lock.parse().ok());
        let packages = lock.as_ref().and_then(|lock| lock.get("package")?.as_array_of_tables());
        packages
            .into_iter()
            .flatten()
            .filter(|package| package.get("name").and_then(Item::as_str) == Some(name))
            .filter_map(|package| Version::parse(package.get("version")?.as_str()?).ok())
            .collect()
    }
}

fn kind(target: &Target) -> Option<Kind> {
    let is = |name: &str| target.kind.iter().any(|kind| kind == name);
    match () {
        () if is("proc-macro") => Some(Kind::Macros),
        () if is("bin") => Some(Kind::Program),
        () if is("custom-build") || is("test") || is("bench") || is("example") => None,
        () => Some(Kind::Library),
    }
}

/// A version of which parts may be missing.
pub(crate) fn padded(version: &str) -> Option<Version> {
    let dots = version.matches('.').count();
    Version::parse(&format!("{version}{}", ".0".repeat(2_usize.saturating_sub(dots)))).ok()
}

/// Runs the reader's cargo on a manifest, and returns what it prints.
///
/// # Errors
///
/// What cargo says, on one line.
fn run_cargo(manifest: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    // `cargo run` names itself; else it is the one that the reader would type.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--manifest-path")
        .arg(manifest)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        // What cargo warns of comes before, and is no reason.
        let error = error.split_once("error: ").map_or(&*error, |(_warnings, error)| error);
        bail!("cargo says {}", error.replace("Caused by:", "because").trim_end());
    }
    Ok(String::from_utf8(output.stdout)?)
}
