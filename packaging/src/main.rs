//! Writes the man pages and shell completions of both programs: `cargo run -p packaging -- OUT DATE`.
//!
//! Input: the programs' own command lines, the folder to write to, and the date that the pages name. Output: `man1/*.1`, and
//! `completions/*` for bash, zsh and fish, always the same bytes for the same input. Nothing here is untrusted.

mod man;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, Parser};
use clap_complete::Shell;
use thiserror::Error;

use crate::man::Date;

/// Write the man pages and shell completions of airlock-applier and airlock-generator.
#[derive(Debug, Parser)]
#[command(name = "packaging")]
struct Cli {
    /// Folder for man1 and completions; made if it is missing
    out: PathBuf,
    /// The date that the pages name, YYYY-MM-DD
    date: Date,
}

/// A file cannot be written.
#[derive(Debug, Error)]
#[error("{} cannot be written: {source}", path.display())]
struct WriteError {
    path: PathBuf,
    source: std::io::Error,
}

fn main() -> ExitCode {
    let Cli { out, date } = Cli::parse();
    let written =
        [applier::cli::command(), generator::command()].iter().try_for_each(|program| write(program, &out, &date));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes all pages and completions of a program.
fn write(program: &Command, out: &Path, date: &Date) -> Result<(), WriteError> {
    let (pages, completions) = (folder(out, "man1")?, folder(out, "completions")?);
    for page in man::pages(program, date) {
        let path = pages.join(page.file);
        fs::write(&path, page.text).map_err(|source| WriteError { path, source })?;
    }
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut program.clone(), program.get_name(), &completions)
            .map_err(|source| WriteError { path: completions.clone(), source })?;
    }
    Ok(())
}

fn folder(out: &Path, name: &str) -> Result<PathBuf, WriteError> {
    let path = out.join(name);
    match fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(WriteError { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn written(program: &Command) -> BTreeMap<String, String> {
        let out = tempfile::tempdir().unwrap();
        write(program, out.path(), &"2026-11-26".parse().unwrap()).unwrap();
        let folders = ["man1", "completions"].map(|name| out.path().join(name));
        let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        files
            .map(|file| file.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
            .collect()
    }

    #[test]
    fn completions_of_each_shell_know_every_command_and_flag() {
        for program in [applier::cli::command(), generator::command()] {
            let (name, files) = (program.get_name(), written(&program));
            for file in [format!("{name}.bash"), format!("{name}.fish"), format!("_{name}")] {
                let text = &files[&file];
                for command in program.get_subcommands() {
                    assert!(text.contains(command.get_name()), "{file}: {}", command.get_name());
                    for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                        assert!(text.contains(flag), "{file}: {} --{flag}", command.get_name());
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_bytes_are_written_twice() {
        for program in [applier::cli::command(), generator::command()] {
            let files = written(&program);
            assert_eq!(files.len(), 1 + program.get_subcommands().count() + 3);
            assert_eq!(written(&program), files);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("man1"), "a file").unwrap();
        let error = write(&generator::command(), out.path(), &"2026-11-26".parse().unwrap()).unwrap_err();
        assert_eq!(error.path, out.path().join("man1"));
    }
}
