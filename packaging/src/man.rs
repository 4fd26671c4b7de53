//! Man pages: one of the program, and one of each of its commands.
//!
//! Input: a command line as clap has it, and a date. Output: roff. The sections follow man-pages(7). What `--help` says after
//! the options is divided among EXAMPLES, EXIT STATUS and NOTES; its indented lines stay as they are, the others are filled.

use std::str::FromStr;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use thiserror::Error;

/// The date of a page, `YYYY-MM-DD`.
#[derive(Debug, Clone)]
pub(crate) struct Date(String);

/// A date of another form.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("expected a date YYYY-MM-DD")]
pub(crate) struct DateError;

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if form == "0000-00-00" { Ok(Self(text.to_owned())) } else { Err(DateError) }
    }
}

/// A page, and the file that it belongs into.
pub(crate) struct Page {
    pub(crate) file: String,
    pub(crate) text: String,
}

/// The pages of a program: its own, then those of its commands.
pub(crate) fn pages(program: &Command, date: &Date) -> Vec<Page> {
    let mut program = program.clone().disable_help_subcommand(true);
    program.build();
    let source = format!("STS Airlock {}", program.get_version().unwrap_or_default());
    let all = std::iter::once(&program).chain(program.get_subcommands());
    all.map(|command| page(command, &program, &source, date)).collect()
}

fn page(command: &Command, program: &Command, source: &str, date: &Date) -> Page {
    // No name of a manual: in 80 columns there is no room for it beside the longer names.
    let man = Man::new(command.clone()).date(&date.0).source(source).manual(" ");
    let mut text = Vec::new();
    // A vector takes whatever is written to it.
    let _ = man.render_title(&mut text);
    let _ = man.render_name_section(&mut text);
    let _ = synopsis(command).to_writer(&mut text);
    let _ = man.render_options_section(&mut text);
    if command.has_subcommands() {
        let _ = man.render_subcommands_section(&mut text);
    }
    let _ = sections(&command.get_after_help().map(ToString::to_string).unwrap_or_default()).to_writer(&mut text);
    let _ = see_also(command, program).to_writer(&mut text);
    Page { file: man.get_filename(), text: String::from_utf8_lossy(&text).into_owned() }
}

/// The usage as `--help` has it: a page that lists every option again says less.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.control("nf", []);
    for line in usage.trim_start_matches("Usage: ").lines() {
        roff.text([bold(line)]);
    }
    roff.control("fi", []);
    roff
}

/// What follows the options, paragraph by paragraph.
fn sections(help: &str) -> Roff {
    let mut roff = Roff::new();
    let mut last = "";
    for paragraph in help.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let (section, rest) = match paragraph.split_once('\n') {
            Some(("Example:" | "Examples:", rest)) => ("EXAMPLES", rest),
            _ if paragraph.starts_with("Example") => ("EXAMPLES", paragraph),
            _ => match paragraph.strip_prefix("Exit codes: ") {
                Some(codes) => ("EXIT STATUS", codes),
                None => ("NOTES", paragraph),
            },
        };
        if section != last {
            roff.control("SH", [section]);
            last = section;
        }
        write_paragraph(&mut roff, rest);
    }
    roff
}

fn write_paragraph(roff: &mut Roff, paragraph: &str) {
    roff.control("PP", []);
    let mut filled = true;
    for line in paragraph.lines() {
        let fill = !line.starts_with(' ');
        if fill != filled {
            roff.control(if fill { "fi" } else { "nf" }, []);
            filled = fill;
        }
        roff.text([roman(line)]);
    }
    if !filled {
        roff.control("fi", []);
    }
}

/// From a command to its program, and from the program to each command.
fn see_also(command: &Command, program: &Command) -> Roff {
    let pages: Vec<String> = if command.has_subcommands() {
        command.get_subcommands().map(|command| format!("{}-{}(1)", program.get_name(), command.get_name())).collect()
    } else {
        vec![format!("{}(1)", program.get_name())]
    };
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages.join(", "))]);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date() -> Date {
        "2026-11-26".parse().unwrap()
    }

    /// As a reader sees it: without roff's escapes.
    fn plain(text: &str) -> String {
        ["\\fB", "\\fI", "\\fR"]
            .iter()
            .fold(text.replace("\\-", "-").replace("\\*(Aq", "'"), |text, font| text.replace(font, ""))
    }

    #[test]
    fn every_command_has_a_page_and_every_flag_is_on_it() {
        for program in [applier::cli::command(), generator::command()] {
            let pages = pages(&program, &date());
            assert_eq!(pages.len(), 1 + program.get_subcommands().count());
            for command in program.get_subcommands() {
                let file = format!("{}-{}.1", program.get_name(), command.get_name());
                let page = plain(&pages.iter().find(|page| page.file == file).unwrap().text);
                for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
                    let flag = format!("\n--{}", argument.get_long().unwrap());
                    assert!(page.contains(&flag), "{file}: {flag}");
                }
                for argument in command.get_positionals() {
                    let name = argument.get_value_names().unwrap().join(" ");
                    assert!(page.contains(&name), "{file}: {name}");
                }
            }
        }
    }

    #[test]
    fn the_program_s_page_names_its_commands() {
        for program in [applier::cli::command(), generator::command()] {
            let pages = pages(&program, &date());
            let page = plain(&pages[0].text);
            assert_eq!(pages[0].file, format!("{}.1", program.get_name()));
            for command in program.get_subcommands() {
                let line =
                    format!("\n{}-{}(1)\n{}", program.get_name(), command.get_name(), command.get_about().unwrap());
                assert!(page.contains(&line), "{line}");
            }
        }
    }

    #[test]
    fn a_page_begins_with_its_title_date_and_version() {
        let page = &pages(&generator::command(), &date())[1];
        let title = format!(
            ".TH airlock-generator-create-signing-key 1 2026-11-26 \"STS Airlock {}\" \" \"\n",
            env!("CARGO_PKG_VERSION")
        );
        assert!(page.text.contains(&title), "{}", page.text);
    }

    #[test]
    fn help_after_the_options_is_divided_and_indented_lines_stay() {
        let help = "Examples:\n  a b \\\n      c\n\nFirst\nline:\n  x\nlast.\n\nMore.\n\nExit codes: 0 done;\n1 not.";
        let roff = sections(help).to_roff();
        assert_eq!(
            roff,
            ".SH EXAMPLES\n.PP\n.nf\n  a b \\\\\n      c\n.fi\n.SH NOTES\n.PP\nFirst\nline:\n.nf\n  x\n.fi\nlast.\n.PP\nMore.\n\
             .SH \"EXIT STATUS\"\n.PP\n0 done;\n1 not.\n"
        );
        assert_eq!(sections("").to_roff(), "");
    }

    #[test]
    fn a_date_has_one_form() {
        for text in ["", "2026-11-2", "26-11-2026", "2026-11-26 ", "today"] {
            assert_eq!(text.parse::<Date>().err(), Some(DateError), "{text}");
        }
    }
}
