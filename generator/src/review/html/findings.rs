//! The findings, the worst first, with what to do about each; those that somebody accepted say who and why.

use super::markup::Markup;
use super::{Anchors, source};
use crate::review::report::{Finding, FindingLevel, Review};

/// The section; one sentence where there is nothing.
pub(super) fn section(page: &mut Markup, review: &Review, anchors: &Anchors<'_>) {
    page.constant(
        "<section id=\"findings\" aria-labelledby=\"findings-title\">\n<h2 id=\"findings-title\">Findings</h2>\n",
    );
    if review.findings.is_empty() {
        page.constant("<p>None.</p>\n</section>\n");
        return;
    }
    page.constant(
        "<table class=\"findings\" role=\"table\"><caption class=\"spoken\">Findings, the worst first</caption>\n\
         <thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Level</th><th scope=\"col\" role=\"columnheader\">What and why</th><th scope=\"col\" role=\"columnheader\">Where</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
    );
    for (index, finding) in review.findings.iter().enumerate() {
        row(page, index + 1, finding, anchors);
    }
    page.constant(
        "</tbody></table>\n<p class=\"none\" id=\"no-findings\" hidden>No finding matches.</p>\n</section>\n",
    );
}

/// A level in words, and its class in the style.
pub(super) fn level(level: FindingLevel) -> (&'static str, &'static str) {
    match level {
        FindingLevel::Error => ("error", "bad"),
        FindingLevel::Warning => ("warning", "warning"),
        FindingLevel::Note => ("note", "plain"),
    }
}

fn row(page: &mut Markup, number: usize, finding: &Finding, anchors: &Anchors<'_>) {
    let (word, class) = level(finding.level);
    let row_class = if finding.accepted.is_some() { "accepted" } else { "open" };
    page.open(
        "tr",
        &[("role", &"row"), ("id", &format_args!("finding-{number}")), ("class", &row_class), ("data-level", &word)],
    );
    page.constant("<td role=\"cell\">");
    page.element("span", &[("class", &format_args!("chip {class}"))], word);
    page.constant("</td><td role=\"cell\"><p class=\"message\">");
    page.text(&finding.message);
    page.constant("</p><p class=\"advice\">");
    page.text(&finding.advice);
    page.constant("</p>");
    if let Some(accepted) = &finding.accepted {
        page.constant("<p class=\"acceptance\"><b>Accepted</b> by ");
        page.text(&accepted.by);
        page.constant(" until ");
        page.text(accepted.until);
        page.constant(": ");
        page.text(&accepted.reason);
        page.constant("</p>");
    }
    page.element("p", &[("class", &"rule")], finding.id);
    page.constant("</td><td role=\"cell\">");
    match &finding.role {
        Some(role) => anchors.link(page, role, finding.statement),
        None => page.constant("the bundle"),
    }
    if let Some(entry) = &finding.source {
        page.constant(" ");
        source(page, entry.as_str(), finding.line);
    }
    page.constant("</td></tr>\n");
}
