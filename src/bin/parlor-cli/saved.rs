//! The files that one conversation leaves for the next: `cli.toml` and the typed lines.
//!
//! Both are in `$XDG_CONFIG_HOME/parlor`, else in `~/.config/parlor`, readable by their owner alone. A
//! file that cannot be used causes a warning, never a failed start, and is not changed.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustyline::history::{FileHistory, History};
use toml::{Table, Value};

use super::flags::parse_wire;
use parlor::protocol::Nick;
use parlor::wire::Wire;

/// Longest file that is read, in bytes; ours has a few hundred.
const MAX_FILE: u64 = 64 * 1024;
const FILE_HEADER: &str = "# Written by parlor-cli when you talk in a terminal. Flags and variables count more.\n";

/// The saved settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SavedSettings {
    pub name: Option<Nick>,
    /// The server as it was given, and the wire format of its door.
    pub server: Option<(String, Wire)>,
    pub bell: bool,
    pub time: bool,
}

/// The paths of the files.
#[derive(Debug, Default)]
pub(super) struct SavedFiles {
    folder: Option<PathBuf>,
    /// The whole file, with foreign keys; `None` if it cannot be used and must not be replaced.
    table: Option<Table>,
}

impl SavedFiles {
    /// Reads `cli.toml`. Returns the saved settings and warnings.
    pub(super) fn read(variable: impl Fn(&str) -> Option<OsString>) -> (Self, SavedSettings, Vec<String>) {
        let Some(folder) = folder(variable) else { return Default::default() };
        let path = folder.join("cli.toml");
        let mut warnings = Vec::new();
        let mut warn = |what: String| {
            warnings.push(format!("{} is not used and not changed: {what}", path.display()));
        };
        let table = match read(&path) {
            Ok(text) => match text.parse::<Table>() {
                Ok(table) => Some(table),
                Err(error) => {
                    warn(error.message().to_owned());
                    None
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Table::new()),
            Err(error) => {
                warn(error.to_string());
                None
            }
        };
        let (table, saved) = match table.map(|table| (understood(&table), table)) {
            Some((Ok(saved), table)) => (Some(table), saved),
            Some((Err(what), _)) => {
                warn(what);
                (None, SavedSettings::default())
            }
            None => (None, SavedSettings::default()),
        };
        (Self { folder: Some(folder), table }, saved, warnings)
    }

    /// Replaces `cli.toml` atomically.
    ///
    /// # Errors
    /// With the file's name, if it cannot be written.
    pub(super) fn write(&mut self, saved: &SavedSettings) -> Result<(), String> {
        let (Some(folder), Some(table)) = (&self.folder, &mut self.table) else { return Ok(()) };
        let before = table.clone();
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        if let Some((server, wire)) = &saved.server {
            put("server", server.clone().into());
            put("wire", scheme(*wire).into());
        }
        if let Some(name) = &saved.name {
            put("name", name.as_str().into());
        }
        put("bell", saved.bell.into());
        put("time", saved.time.into());
        if *table == before {
            return Ok(());
        }
        let path = folder.join("cli.toml");
        let text = format!("{FILE_HEADER}{table}");
        make(folder)
            .and_then(|()| replace(&path, &text))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// The lines typed in earlier conversations.
    pub(super) fn lines(&self) -> Lines {
        Lines { file: self.folder.as_ref().map(|folder| folder.join("cli-history")), history: FileHistory::new() }
    }
}

/// The line editor's history across conversations.
pub(super) struct Lines {
    file: Option<PathBuf>,
    history: FileHistory,
}

impl Lines {
    /// The lines of earlier conversations, the oldest first.
    ///
    /// # Errors
    /// With the file's name, if it cannot be read; nothing is written to it then.
    pub(super) fn read(&mut self) -> Result<Vec<String>, String> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        if !file.try_exists().unwrap_or(false) {
            return Ok(Vec::new());
        }
        if let Err(error) = self.history.load(file) {
            let what = format!("{} is not used and not changed: {error}", file.display());
            self.file = None;
            return Err(what);
        }
        Ok(self.history.iter().cloned().collect())
    }

    /// Appends a line.
    ///
    /// # Errors
    /// With the file's name, if it cannot be written; later lines are not kept then.
    pub(super) fn add(&mut self, line: &str) -> Result<(), String> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let added = file.parent().map_or(Ok(()), make).map_err(|error| error.to_string()).and_then(|()| {
            self.history.add(line).and_then(|_| self.history.append(&file)).map_err(|error| error.to_string())
        });
        added.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        self.file = Some(file);
        Ok(())
    }
}

/// The folder of the files, if there is one. A relative path is ignored (XDG Base Directory Specification).
fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("parlor"))
}

fn read(path: &Path) -> io::Result<String> {
    let file = fs::metadata(path)?;
    if !file.is_file() {
        return Err(io::Error::other("it is no file"));
    } else if file.len() > MAX_FILE {
        return Err(io::Error::other("it is too long"));
    }
    fs::read_to_string(path)
}

/// Reads our keys.
fn understood(table: &Table) -> Result<SavedSettings, String> {
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("{key} is no text")),
    };
    let flag = |key: &str| match table.get(key) {
        None => Ok(false),
        Some(Value::Boolean(flag)) => Ok(*flag),
        Some(_) => Err(format!("{key} is neither true nor false")),
    };
    let wire = text("wire")?.map_or(Ok(Wire::Text), parse_wire).map_err(|what| format!("wire: {what}"))?;
    let server = text("server")?.map(|server| (server.to_owned(), wire));
    if let Some((server, wire)) = &server {
        super::address::address(server, *wire).map_err(|error| format!("server: {error}"))?;
    }
    let name = text("name")?.map(Nick::parse).transpose().map_err(|refusal| format!("name: {refusal}"))?;
    Ok(SavedSettings { name, server, bell: flag("bell")?, time: flag("time")? })
}

/// A wire format as `--wire` takes it.
fn scheme(wire: Wire) -> String {
    match wire {
        Wire::Json(Some(framing)) => format!("json+{}", framing.name()),
        other => other.name().to_owned(),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file beside the old one and renames it. A symbolic link stays a link.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let _ = fs::remove_file(&beside); // left by a process of the same number
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A folder that is deleted when the test ends.
    struct Home(PathBuf);

    impl Home {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("parlor-cli-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn read(&self) -> (SavedFiles, SavedSettings, Vec<String>) {
            SavedFiles::read(|name| (name == "XDG_CONFIG_HOME").then(|| self.0.clone().into()))
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join("parlor").join(name)
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let home = Home::new("again");
        let (mut memory, nothing, warnings) = home.read();
        assert_eq!((nothing, warnings.len()), (SavedSettings::default(), 0));
        let all = SavedSettings {
            name: Some(Nick::parse("josé").unwrap()),
            server: Some(("[::1]:81".into(), Wire::from_scheme("json+gf3").unwrap())),
            bell: true,
            time: true,
        };
        memory.write(&all).unwrap();
        let (_, read, warnings) = home.read();
        assert_eq!((read, warnings.len()), (all.clone(), 0));
        assert_eq!(fs::metadata(home.file("cli.toml")).unwrap().permissions().mode() & 0o777, 0o600);
        // Foreign keys stay.
        let text = fs::read_to_string(home.file("cli.toml")).unwrap();
        fs::write(home.file("cli.toml"), format!("{text}later = 1\n")).unwrap();
        let mut memory = home.read().0;
        memory.write(&SavedSettings { bell: false, ..all }).unwrap();
        let text = fs::read_to_string(home.file("cli.toml")).unwrap();
        assert!(text.contains("later = 1") && text.contains("bell = false"), "{text}");
        assert_eq!(fs::read_dir(home.0.join("parlor")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn wrong_file_warns_and_stays() {
        let home = Home::new("wrong");
        fs::create_dir_all(home.0.join("parlor")).unwrap();
        for wrong in
            ["name = ", "name = 5", "name = \"a b\"", "wire = \"relay\"", "server = \"a b\"", "bell = 1", "\u{0}"]
        {
            fs::write(home.file("cli.toml"), wrong).unwrap();
            let (mut memory, read, warnings) = home.read();
            assert_eq!(read, SavedSettings::default(), "{wrong}");
            assert!(
                matches!(&*warnings, [one] if one.contains("parlor/cli.toml is not used")),
                "{wrong}: {warnings:?}"
            );
            memory.write(&SavedSettings { bell: true, ..SavedSettings::default() }).unwrap();
            assert_eq!(fs::read_to_string(home.file("cli.toml")).unwrap(), wrong);
        }
        fs::write(home.file("cli.toml"), b"name = \"\xff\"").unwrap();
        assert_eq!(home.read().2.len(), 1);
        fs::write(home.file("cli.toml"), "#".repeat(70_000)).unwrap();
        assert_eq!(home.read().2.len(), 1);
        fs::remove_file(home.file("cli.toml")).unwrap();
        fs::create_dir(home.file("cli.toml")).unwrap();
        assert_eq!(home.read().2.len(), 1);
    }

    #[test]
    fn lines_outlive_the_conversation() {
        let home = Home::new("lines");
        let mut lines = home.read().0.lines();
        assert_eq!(lines.read(), Ok(vec![]));
        lines.add("one").unwrap();
        lines.add("two\nlines").unwrap();
        assert_eq!(home.read().0.lines().read(), Ok(vec!["one".to_owned(), "two\nlines".to_owned()]));
        assert_eq!(fs::metadata(home.file("cli-history")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(home.file("cli-history"), b"\xff\n").unwrap();
        let mut lines = home.read().0.lines();
        assert!(lines.read().is_err_and(|what| what.contains("cli-history is not used")));
        lines.add("three").unwrap();
        assert_eq!(fs::read(home.file("cli-history")).unwrap(), b"\xff\n");
    }

    #[test]
    fn relative_config_path_is_ignored() {
        let all = |config: &'static str, home: &'static str| {
            folder(|name| Some(if name == "HOME" { home } else { config }.into()))
        };
        assert_eq!(all("/c", "/h"), Some("/c/parlor".into()));
        assert_eq!(all("", "/h"), Some("/h/.config/parlor".into()));
        assert_eq!(all("c", "/h"), Some("/h/.config/parlor".into()));
        assert_eq!(all("", ""), None);
    }
}
