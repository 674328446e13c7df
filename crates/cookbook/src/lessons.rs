//! The lessons of a recipe in reading order, as sentences; and a run of them in that order.

use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use serde::Deserialize;

use crate::book::{self, Recipe};
use crate::near;
use crate::text::hang;

/// One lesson, or one proof.
#[derive(Debug)]
struct Lesson {
    /// The modules that it is in, the file's first.
    modules: Vec<String>,
    name: String,
    /// The first paragraph of its docs.
    about: String,
}

impl Lesson {
    /// As the test runner calls it.
    fn path(&self) -> String {
        format!("{}::{}", self.modules.join("::"), self.name)
    }

    /// Its name as a sentence.
    fn sentence(&self) -> String {
        let mut sentence = self.name.replace('_', " ");
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        sentence
    }

    /// Below its sentence, what asyncio does and what Tokio does.
    fn shown(&self, mark: &str) -> String {
        let indent = " ".repeat(2 + mark.chars().count());
        let mut shown = hang(&format!("  {mark}"), &indent, &self.sentence());
        if !self.about.is_empty() {
            shown += &hang(&format!("{indent}  "), &format!("{indent}  "), &self.about);
        }
        shown
    }
}

/// A test target of a recipe.
#[derive(Debug)]
struct Suite {
    /// `gather` or `gather_proofs`
    target: String,
    /// In reading order.
    lessons: Vec<Lesson>,
}

/// The lessons and the proofs of a recipe; of one module, if it is named.
///
/// # Errors
///
/// When no lesson is in a module of that name. The message names the nearest one, or them all.
fn suites(recipe: &Recipe, module: Option<&str>) -> anyhow::Result<Vec<Suite>> {
    let (name, mut suites, mut modules) = (&recipe.name, Vec::new(), Vec::new());
    let folders = [(name.clone(), name.clone(), recipe.lessons()), {
        (format!("{name}_proofs"), format!("{name}/proofs"), recipe.proofs())
    }];
    for (target, folder, sources) in folders {
        let source = |file: &str| {
            let path = format!("{folder}/{file}.rs");
            sources.iter().find(|(found, _)| *found == path).map(|(_, source)| *source)
        };
        // What is `pub` is shared and has no lessons of the curriculum.
        let order = source("main").unwrap_or_default().lines();
        let order = order.filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let mut lessons = Vec::new();
        for file in order {
            modules.push(file);
            if module.is_none_or(|module| file == module.replace('-', "_")) {
                lessons.extend(read(file, source(file).unwrap_or_default()));
            }
        }
        suites.push(Suite { target, lessons });
    }
    suites.retain(|suite| !suite.lessons.is_empty());
    if let (true, Some(module)) = (suites.is_empty(), module) {
        modules.sort_unstable();
        modules.dedup();
        bail!("{name} has no lessons on {module:?}{}", near::hint_or_all(module, &modules));
    }
    Ok(suites)
}

/// The lessons of a file. It goes by lines, and may, for the sources are formatted.
fn read(file: &str, source: &str) -> Vec<Lesson> {
    let mut lessons = Vec::new();
    let (mut modules, mut docs, mut is_test) = (vec![(usize::MAX, file)], Vec::new(), false);
    for line in source.lines() {
        let code = line.trim_start();
        let margin = line.len() - code.len();
        if let Some(text) = code.strip_prefix("///") {
            docs.push(text.trim());
            continue;
        }
        if book::is_test(code) {
            is_test = true;
        } else if let Some(rest) = code.split_once("fn ").filter(|_| is_test).map(|(_, rest)| rest) {
            let name = rest.split(['(', '<']).next().unwrap_or_default().to_owned();
            let about =
                docs.iter().take_while(|line| !line.is_empty()).copied().collect::<Vec<_>>().join(" ");
            let modules = modules.iter().map(|(_, module)| (*module).to_owned()).collect();
            lessons.push(Lesson { modules, name, about });
            is_test = false;
        } else if let Some(name) = code.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            modules.push((margin, name));
        } else if code == "}" && modules.last().is_some_and(|(begin, _)| *begin == margin) {
            modules.pop();
        }
        if !is_test && !code.starts_with("#[") {
            docs.clear();
        }
    }
    lessons
}

/// Every recipe with the number of its lessons.
pub(crate) fn all() -> anyhow::Result<String> {
    let recipes = book::recipes()?;
    let width = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for recipe in &recipes {
        let count = |sources: Vec<(String, &str)>| -> usize {
            sources.iter().map(|(_, source)| book::count_lessons(source)).sum()
        };
        let (lessons, proofs) = (count(recipe.lessons()), count(recipe.proofs()));
        list += &format!("{:width$}  {lessons:3} lessons, {proofs:2} proofs\n", recipe.name);
    }
    let program = crate::program();
    Ok(format!(
        "{list}\nRead one recipe's:  {program} lessons gather\nRun them:           {program} lessons gather --run\n"
    ))
}

/// The lessons of a recipe, a heading for each pattern.
///
/// # Errors
///
/// When there is no such recipe, or no lesson in a module of that name.
pub(crate) fn list(recipe: &str, module: Option<&str>) -> anyhow::Result<String> {
    let mut list = String::new();
    for suite in suites(&book::recipe(recipe)?, module)? {
        let mut heading = String::new();
        for lesson in &suite.lessons {
            list += &headline(&suite, lesson, &mut heading);
            list += &lesson.shown("");
        }
    }
    Ok(list.trim_start().to_owned())
}

/// The heading above a lesson, if it is another one than the one before.
fn headline(suite: &Suite, lesson: &Lesson, last: &mut String) -> String {
    let heading = format!("{}: {}", suite.target, lesson.modules.join(", "));
    if *last == heading {
        return String::new();
    }
    last.clone_from(&heading);
    format!("\n{heading}\n")
}

/// Runs the lessons one after the other, and prints each with a mark when it has ended.
///
/// # Errors
///
/// When a lesson fails, and when the recipe cannot be built in this folder.
pub(crate) fn run(recipe: &str, module: Option<&str>) -> anyhow::Result<()> {
    let recipe = book::recipe(recipe)?;
    let suites = suites(&recipe, module)?;
    let programs = build(&recipe)?;
    let (mut passed, mut failed) = (0, 0);
    for suite in suites {
        // A copy of a recipe has no proofs.
        let Some(program) = programs.iter().find(|program| program.target == suite.target) else { continue };
        let mut heading = String::new();
        for lesson in &suite.lessons {
            let ended = Command::new(&program.path)
                .args(["--exact", &lesson.path(), "--test-threads=1"])
                .env("CARGO_MANIFEST_DIR", &program.folder)
                .current_dir(&program.folder)
                .stdin(Stdio::null())
                .output()
                .with_context(|| format!("cannot run {}", program.path.display()))?;
            let output = String::from_utf8_lossy(&ended.stdout);
            // A name that the program does not know runs nothing, and succeeds.
            let holds = ended.status.success() && output.contains("test result: ok. 1 passed");
            let mark = if holds { mark("✓ ", AnsiColor::Green) } else { mark("✗ ", AnsiColor::Red) };
            let shown = headline(&suite, lesson, &mut heading)
                + &lesson.shown("  ").replacen("    ", &format!("  {mark}"), 1);
            crate::print(if passed + failed == 0 { shown.trim_start_matches('\n') } else { &shown })?;
            if holds {
                passed += 1;
            } else {
                failed += 1;
                let errors = String::from_utf8_lossy(&ended.stderr);
                for line in output.lines().chain(errors.lines()).filter(|line| !line.trim().is_empty()) {
                    crate::print(&format!("      {line}\n"))?;
                }
            }
        }
    }
    crate::print(&format!("\n{passed} passed, {failed} failed\n"))?;
    if failed > 0 {
        bail!("{failed} of {} lessons of {} failed", passed + failed, recipe.name);
    }
    Ok(())
}

fn mark(mark: &str, colour: AnsiColor) -> String {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match io::stdout().is_terminal() && !no_colour {
        true => crate::show::styled(mark, Style::new().fg_color(Some(colour.into()))),
        false => mark.to_owned(),
    }
}

/// A test program that cargo has built.
struct Program {
    target: String,
    path: PathBuf,
    /// The folder of its crate.
    folder: PathBuf,
}

/// Builds the recipe's test targets, with what cargo says of it on stderr.
fn build(recipe: &Recipe) -> anyhow::Result<Vec<Program>> {
    /// A line of `--message-format json`; only what is needed of it.
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        manifest_path: Option<PathBuf>,
        target: Option<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "test",
            "--quiet",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
            "--package",
            &recipe.name,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    io::stderr().flush()?;
    if !built.status.success() {
        bail!(
            "--run builds the lessons with cargo: do it in the cookbook's folder, or in a copy of the recipe"
        );
    }
    let mut programs = Vec::new();
    for line in String::from_utf8_lossy(&built.stdout).lines() {
        let Message { executable, manifest_path, target } = serde_json::from_str(line)?;
        if let (Some(path), Some(manifest), Some(target)) = (executable, manifest_path, target)
            && target.kind == ["test"]
        {
            let folder = manifest.parent().map(PathBuf::from).unwrap_or_default();
            programs.push(Program { target: target.name, path, folder });
        }
    }
    Ok(programs)
}
