//! What a pattern needs of a dependency that a reader may have already: which versions, and which features.

use anyhow::Context;
use semver::{Op, Version, VersionReq};
use toml_edit::{DocumentMut, Item};

use super::dependency::{Dependency, inherited, named_by, workspace};
use super::project::padded;
use super::source::uses_of_futures;
use crate::book::{Pattern, Recipe};

/// Instead of the default features, where a reader has turned them off: what patterns use of them.
const INSTEAD_OF_DEFAULT: [(&str, &[&str]); 9] = [
    ("anyhow", &["std"]),
    ("async-channel", &["std"]),
    ("bytes", &["std"]),
    ("futures", &["std"]),
    ("rustix", &["std"]),
    ("scopeguard", &["use_std"]),
    ("serde", &["std"]),
    ("serde_json", &["std"]),
    ("tokio-tungstenite", &["connect"]),
];

/// Features that had another name: the crate, today's name, the first version that has it, and the name before.
const RENAMED: [(&str, &str, &str, &str); 1] = [("reqwest", "rustls", "0.13.0", "rustls-tls")];

/// One dependency of a pattern.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: String,
    /// As the docs of the pattern say it, with the version that the cookbook was tried with.
    pub(crate) wanted: Dependency,
    /// The oldest version that the patterns compile with.
    pub(crate) minimum: Version,
    pub(crate) tried: Version,
    instead_of_default: Vec<String>,
}

/// What a requirement of the reader's is to a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It allows the version that was tried, or a later one.
    Tried,
    /// It allows none but older ones. They compile.
    Older,
    No,
}

impl Need {
    /// All that `pattern` names.
    ///
    /// # Errors
    ///
    /// When the cookbook's own manifests do not say enough.
    pub(crate) fn all(recipe: &Recipe, pattern: Pattern) -> anyhow::Result<Vec<Self>> {
        let (workspace, of_recipe) = (workspace()?, recipe.manifest()?);
        named_by(pattern)?
            .into_iter()
            .map(|(name, wanted)| {
                let tried = wanted.version.as_deref().and_then(padded);
                let tried = tried.with_context(|| format!("{name} has no version"))?;
                let minimum = minimum(&name, pattern.name, &of_recipe, &workspace);
                let minimum = minimum.with_context(|| format!("the oldest {name} is not known"))?;
                let table = INSTEAD_OF_DEFAULT.iter().find(|(known, _)| *known == name);
                let mut instead: Vec<_> = table.map_or(&[][..], |(_, features)| features).to_vec();
                if name == "futures" {
                    instead.extend(pattern.files().iter().flat_map(|(_, source)| uses_of_futures(source)));
                    instead.sort_unstable();
                    instead.dedup();
                }
                let instead_of_default = instead.into_iter().map(str::to_owned).collect();
                Ok(Self { name, wanted, minimum, tried, instead_of_default })
            })
            .collect()
    }

    /// The first version that may be too new.
    fn end(&self) -> Version {
        match self.tried.major {
            0 => Version::new(0, self.tried.minor + 1, 0),
            major => Version::new(major + 1, 0, 0),
        }
    }

    pub(crate) fn fit(&self, requirement: &str) -> anyhow::Result<Fit> {
        let there =
            VersionReq::parse(requirement).with_context(|| format!("{requirement:?} is no version"))?;
        let overlaps = |from: &Version| -> anyhow::Result<bool> {
            Ok(overlap(&there, &VersionReq::parse(&format!(">={from}, <{}", self.end()))?))
        };
        Ok(match (overlaps(&self.tried)?, overlaps(&self.minimum)?) {
            (true, _) => Fit::Tried,
            (false, true) => Fit::Older,
            (false, false) => Fit::No,
        })
    }

    /// Whether a version that it allows may be the one that cargo takes for a plain new dependency.
    pub(crate) fn is_same_as_new(&self, requirement: &str) -> anyhow::Result<bool> {
        let there =
            VersionReq::parse(requirement).with_context(|| format!("{requirement:?} is no version"))?;
        let series = match self.tried.major {
            0 => format!("0.{}", self.tried.minor),
            major => major.to_string(),
        };
        Ok(overlap(&there, &VersionReq::parse(&series)?))
    }

    /// Whether this version is one that the pattern compiles with.
    pub(crate) fn takes(&self, version: &Version) -> bool {
        *version >= self.minimum && *version < self.end()
    }

    /// Whether it is one of those that cargo would choose among for a new dependency.
    pub(crate) fn is_of_the_series(&self, version: &Version) -> bool {
        *version < self.end()
            && version.major == self.tried.major
            && (version.major > 0 || version.minor == self.tried.minor)
    }

    /// The features that the pattern needs where the reader has these.
    pub(crate) fn lacking(
        &self,
        has_default: bool,
        there: &[String],
        requirement: Option<&str>,
    ) -> Vec<String> {
        let has = |feature: &str| there.iter().any(|there| there == feature);
        let mut needed: Vec<_> = self.wanted.features.iter().cloned().collect();
        if self.wanted.default_features && !has_default && !has("default") {
            needed.extend(self.instead_of_default.iter().cloned());
        }
        let requirement = requirement.and_then(|requirement| VersionReq::parse(requirement).ok());
        for feature in &mut needed {
            let renamed = RENAMED.iter().find(|(name, now, ..)| *name == self.name && now == feature);
            if let (Some((_, _, since, before)), Some(there)) = (renamed, &requirement) {
                let newer = VersionReq::parse(&format!(">={since}"));
                if newer.is_ok_and(|newer| !overlap(there, &newer)) {
                    *feature = (*before).to_owned();
                }
            }
        }
        // Which TLS it is, is the reader's choice: his own, or that of the default features.
        let is_tls = |feature: &str| feature.contains("rustls") || feature.contains("native-tls");
        if self.name == "reqwest" && (has_default || there.iter().any(|feature| is_tls(feature))) {
            needed.retain(|feature| !is_tls(feature));
        }
        needed.retain(|feature| !has(feature));
        needed
    }
}

/// The oldest version of `name` that a pattern compiles with: its recipe says so, or the workspace for all.
fn minimum(name: &str, pattern: &str, recipe: &DocumentMut, workspace: &DocumentMut) -> Option<Version> {
    let of_pattern =
        || recipe.get("package")?.get("metadata")?.get("recipe")?.get("minimum")?.get(pattern)?.get(name);
    let of_all = || workspace.get("workspace")?.get("metadata")?.get("minimum")?.get(name);
    padded(of_pattern().or_else(of_all).and_then(Item::as_str)?)
}

/// Whether a requirement allows no tokio as new as the one that was tried.
pub(crate) fn is_older_tokio(requirement: &str) -> bool {
    let tried = || -> Option<VersionReq> {
        let tried =
            Dependency::read("tokio", inherited("tokio", &workspace().ok()?)?, &workspace().ok()?).ok()?;
        VersionReq::parse(&format!(">={}", tried.version?)).ok()
    };
    let there = VersionReq::parse(requirement).ok();
    there.zip(tried()).is_some_and(|(there, tried)| !overlap(&there, &tried))
}

/// Whether some version satisfies both.
fn overlap(one: &VersionReq, other: &VersionReq) -> bool {
    // If there is one, there is one at or right above the versions that the two name.
    [one, other].into_iter().flat_map(|requirement| &requirement.comparators).any(|comparator| {
        let named =
            Version::new(comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0));
        let mut above = named.clone();
        match (comparator.op, comparator.minor, comparator.patch) {
            (Op::Greater, None, _) => above = Version::new(named.major + 1, 0, 0),
            (Op::Greater, _, None) => above = Version::new(named.major, named.minor + 1, 0),
            _ => above.patch += 1,
        }
        [named, above].iter().any(|version| one.matches(version) && other.matches(version))
    })
}
