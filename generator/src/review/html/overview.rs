//! The top of the page: which bundle it is, the verdict, and what must not be overlooked.

use std::fmt::Display;

use bundle_schema::documents::index::Kind;

use super::markup::Markup;
use crate::review::headline::{Headline, Tone};
use crate::review::report::{PrivateBucket, Review};
use crate::review::words::{former_issuers, issuer, key_use};

/// The bundle's name, and the way to every section.
pub(super) fn masthead(page: &mut Markup, review: &Review) {
    page.constant("<header class=\"masthead\">\n<p class=\"product\">STS Airlock <span>bundle review</span></p>\n<h1>");
    page.text(&review.bundle.name);
    page.constant(" <span class=\"serial\">serial ");
    page.text(review.bundle.serial);
    page.constant("</span></h1>\n<p class=\"place\">");
    page.text(format_args!(
        "account {}, {}, {}",
        review.bundle.account_id, review.bundle.region, review.bundle.partition
    ));
    page.constant("</p>\n<nav aria-label=\"Sections\"><ul>\n");
    let count = |count: usize| (count > 0).then_some(count);
    let changed = review.comparison.as_ref().map(|comparison| count(comparison.roles.len()));
    let has_roles = review.bundle.kind != Kind::Endpoint;
    let of_roles = |number: Option<usize>| has_roles.then_some(number);
    for (id, name, number) in [
        ("picture", "Picture", of_roles(None)),
        ("rebuild", "Rebuild", Some(count(review.rebuild.differences.len()))),
        ("comparison", "Comparison", changed),
        ("roles", "Roles", of_roles(Some(review.roles.len()))),
        ("findings", "Findings", Some(Some(review.findings.len()))),
        ("skipped", "Skipped", of_roles(Some(review.skipped.len()))),
        ("settings", "Settings", Some(None)),
    ] {
        let Some(number) = number else { continue };
        page.constant("<li>");
        page.open("a", &[("href", &format_args!("#{id}"))]);
        page.text(name);
        if let Some(number) = number {
            page.constant(" ");
            page.element("span", &[("class", &"number")], number);
        }
        page.constant("</a></li>\n");
    }
    page.constant("</ul></nav>\n</header>\n");
}

/// What making it again, comparing, the findings and the signatures came to.
pub(super) fn verdict(page: &mut Markup, review: &Review) {
    page.constant("<section id=\"verdict\" aria-labelledby=\"verdict-title\" tabindex=\"-1\">\n<h2 id=\"verdict-title\">Verdict</h2>\n<ul class=\"verdict\">\n");
    // In the order in which the verdict has its parts.
    let subjects =
        [Some("Rebuild"), review.comparison.as_ref().map(|_| "Comparison"), Some("Findings"), Some("Signatures")];
    for (subject, part) in subjects.into_iter().flatten().zip(review.verdict()) {
        page.open("li", &[("class", &tone_class(part.tone))]);
        page.constant("<span class=\"subject\">");
        mark(page, part.tone);
        page.text(subject);
        page.constant("</span> <strong>");
        page.text(part.text);
        page.constant("</strong></li>\n");
    }
    page.constant("</ul>\n");
    headlines(page, &review.headlines());
    page.constant("</section>\n");
}

fn headlines(page: &mut Markup, lines: &[Headline]) {
    if lines.is_empty() {
        return;
    }
    page.constant("<ul class=\"headlines\" aria-label=\"Not to be overlooked\">\n");
    for line in lines {
        page.open("li", &[("class", &tone_class(line.tone))]);
        mark(page, line.tone);
        page.element("span", &[], &line.text);
        page.constant("</li>\n");
    }
    page.constant("</ul>\n");
}

fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Plain => "plain",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    }
}

/// The tone as a sign and, for a screen reader, as a word.
fn mark(page: &mut Markup, tone: Tone) {
    page.constant(match tone {
        Tone::Good => "<span class=\"mark\" aria-hidden=\"true\">\u{2713}</span><span class=\"spoken\">Good: </span>",
        Tone::Plain => "<span class=\"mark\" aria-hidden=\"true\">i</span>",
        Tone::Warning => "<span class=\"mark\" aria-hidden=\"true\">!</span><span class=\"spoken\">Warning: </span>",
        Tone::Bad => "<span class=\"mark\" aria-hidden=\"true\">\u{2715}</span><span class=\"spoken\">Bad: </span>",
    });
}

/// What names the bundle, the cluster's keys, and the keys that signed.
pub(super) fn identity(page: &mut Markup, review: &Review) {
    let bundle = &review.bundle;
    page.constant("<section id=\"identity\" aria-labelledby=\"identity-title\">\n<h2 id=\"identity-title\">Identity</h2>\n<div class=\"pair\">\n");
    page.constant("<table class=\"facts\"><caption class=\"spoken\">The bundle</caption>\n");
    let rows: [(&str, &dyn Display); 9] = [
        ("Name", &bundle.name),
        ("Serial", &bundle.serial),
        ("Account", &bundle.account_id),
        ("Partition", &bundle.partition),
        ("Region", &bundle.region),
        ("Issuer", &issuer(review)),
        ("Created", &bundle.created),
        ("Expires", &bundle.expires),
        ("SHA-256", &bundle.sha256),
    ];
    for (name, value) in rows {
        fact(page, name, |page| page.code(value));
    }
    for (name, value) in former_issuers(review) {
        fact(page, name, |page| page.text(value));
    }
    for (name, value) in bundle.private_bucket.iter().flat_map(PrivateBucket::rows) {
        fact(page, name, |page| page.text(value));
    }
    page.constant("</table>\n<div>\n");
    if !review.keys.is_empty() {
        keys(page, review);
    }
    signers(page, review);
    page.constant("</div>\n</div>\n</section>\n");
}

/// A row of a table of names and values.
pub(super) fn fact(page: &mut Markup, name: &'static str, value: impl FnOnce(&mut Markup)) {
    page.constant("<tr><th scope=\"row\">");
    page.constant(name);
    page.constant("</th><td>");
    value(page);
    page.constant("</td></tr>\n");
}

fn keys(page: &mut Markup, review: &Review) {
    page.constant("<table class=\"list\"><caption>Keys of the cluster&#39;s tokens</caption>\n<thead><tr><th scope=\"col\">Key ID</th><th scope=\"col\">Type</th></tr></thead>\n<tbody>\n");
    let came = review.comparison.as_ref().map(|comparison| comparison.keys.came.as_slice()).unwrap_or_default();
    for key in &review.keys {
        page.constant("<tr><td>");
        page.code(&key.kid);
        if came.contains(&key.kid) {
            page.constant(" <ins class=\"tag\">new</ins>");
        }
        page.constant("</td><td class=\"word\">");
        page.text(&key.key);
        page.constant(key_use(key, &review.keys));
        page.constant("</td></tr>\n");
    }
    page.constant("</tbody></table>\n");
}

fn signers(page: &mut Markup, review: &Review) {
    if !review.signatures_checked {
        page.constant("<p class=\"loud\">No trusted key was given, so no signature was checked. Whoever made this bundle may be anybody.</p>\n");
        return;
    }
    page.constant("<table class=\"list\"><caption>Keys that signed</caption>\n<thead><tr><th scope=\"col\">Role</th><th scope=\"col\">Key, and its trusted comment</th></tr></thead>\n<tbody>\n");
    for signer in &review.signers {
        page.constant("<tr><td class=\"word\">");
        page.text(&signer.role);
        page.constant("</td><td>");
        page.code(&signer.key);
        page.constant("<p class=\"comment\">");
        page.text(signer.trusted_comment.replace('\t', ", "));
        page.constant("</p></td></tr>\n");
    }
    page.constant("</tbody></table>\n");
}
