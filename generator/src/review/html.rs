//! A review as one page for a security reviewer who has ten minutes.
//!
//! Input: a review, whose texts nobody vouches for. Output: one HTML file that loads nothing. Its content security policy
//! allows its own style and its own script, by their hashes, and nothing else: also what would get past [`markup`] runs
//! nothing and sends nothing. The same review gives the same bytes.
//!
//! Sources: the HTML standard; Content Security Policy level 3; WCAG 2.2 AA.

mod appendix;
mod comparison;
mod differences;
mod findings;
mod level;
mod markup;
mod overview;
mod picture;
mod roles;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle_schema::documents::index::Kind;
use sha2::{Digest, Sha256};

use self::markup::Markup;
use super::report::Review;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The page of a review.
#[must_use]
pub fn page(review: &Review) -> String {
    let anchors = Anchors::of(review);
    let mut page = Markup::default();
    head(&mut page, review);
    page.constant("<body>\n<a class=\"skip\" href=\"#verdict\">Skip to the verdict</a>\n");
    overview::masthead(&mut page, review);
    page.constant("<main>\n");
    overview::verdict(&mut page, review);
    overview::identity(&mut page, review);
    // A bundle of kind endpoint has no roles, and no requests that could make some.
    let has_roles = review.bundle.kind != Kind::Endpoint;
    if has_roles {
        picture::section(&mut page, review);
    }
    differences::section(&mut page, review, &anchors);
    comparison::section(&mut page, review, &anchors);
    page.constant("<div class=\"filtered\">\n");
    if has_roles {
        roles::toolbar(&mut page, review);
        roles::section(&mut page, review);
    }
    findings::section(&mut page, review, &anchors);
    page.constant("</div>\n");
    appendix::sections(&mut page, review);
    page.constant("</main>\n");
    appendix::footer(&mut page, review);
    page.constant("</body>\n</html>\n");
    page.finish()
}

/// The policy comes before everything that it is about.
fn head(page: &mut Markup, review: &Review) {
    page.constant("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.open("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &security_policy())]);
    page.constant(
        "\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex\">\n",
    );
    let verdict: Vec<String> = review.verdict().into_iter().map(|part| part.text).collect();
    let title = format!("{} serial {}: {}", review.bundle.name, review.bundle.serial, verdict.join("; "));
    page.element("title", &[], title);
    page.constant("\n<style>");
    page.constant(STYLE);
    page.constant("</style>\n<script>");
    page.constant(SCRIPT);
    page.constant("</script>\n</head>\n");
}

fn security_policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Where the page has a role, by its place in the review: names are values, and no value becomes an address.
struct Anchors<'a>(BTreeMap<&'a str, usize>);

impl<'a> Anchors<'a> {
    fn of(review: &'a Review) -> Self {
        Self(review.roles.iter().enumerate().map(|(index, role)| (role.role.as_str(), index)).collect())
    }

    fn index(&self, role: &str) -> Option<usize> {
        self.0.get(role).copied()
    }

    /// A role's name, with a link to its statement or row where the bundle has it.
    fn link(&self, page: &mut Markup, role: &str, statement: Option<usize>) {
        match (self.index(role), statement) {
            (Some(index), Some(statement)) => {
                page.open("a", &[("href", &format_args!("#role-{}-{statement}", index + 1))]);
                page.code(role);
                page.text(format_args!(" statement {statement}"));
                page.close("a");
            }
            (Some(index), None) => {
                page.open("a", &[("href", &format_args!("#role-{}", index + 1))]);
                page.code(role);
                page.close("a");
            }
            (None, _) => page.code(role),
        }
    }
}

/// A file of the bundle without its folder, with the line in it where that is known.
fn source(page: &mut Markup, entry: &str, line: Option<usize>) {
    let file = entry.strip_prefix("credentials-requests/").unwrap_or(entry);
    page.open("code", &[("class", &"source")]);
    page.text(file);
    if let Some(line) = line {
        page.text(format_args!(":{line}"));
    }
    page.close("code");
}
