//! The picture as SVG: four columns, from left to right as a request goes.

use std::fmt::Display;

use bundle_schema::escape::EscapedWhole;

use super::{Picture, Row, Service, service_name};
use crate::review::headline::counted;
use crate::review::html::level::Level;
use crate::review::html::markup::Markup;

/// The height of a row with its gap, and of the line that counts what is not drawn.
const ROW: usize = 62;
const BOX: usize = 52;
const SERVICE: usize = 38;
const SERVICE_BOX: usize = 28;
/// Above the rows: the columns' titles and the issuer's URL.
const TOP: usize = 52;

/// Each column: where it begins and how wide it is.
const ACCOUNTS: (usize, usize) = (0, 300);
const ISSUER: (usize, usize) = (352, 22);
const ROLES: (usize, usize) = (426, 400);
const SERVICES: (usize, usize) = (940, 260);
const WIDTH: usize = 1200;

/// Characters of the fixed-width font that fit, at 7 units each.
const ACCOUNT_CHARACTERS: usize = 39;
const ROLE_CHARACTERS: usize = 53;
/// Of a service and its number of actions together.
const SERVICE_CHARACTERS: usize = 32;
const ISSUER_CHARACTERS: usize = 76;

pub(super) fn svg(page: &mut Markup, picture: &Picture<'_>) {
    let services = picture.services.len() + usize::from(picture.services_left > 0);
    let rows = picture.rows.len() * ROW + if picture.roles_left > 0 { ROW / 2 } else { 0 };
    let body = rows.max(services * SERVICE).max(ROW);
    let drawing = Drawing { picture, top_rows: TOP + (body - rows) / 2, body };
    page.open(
        "svg",
        &[
            ("viewBox", &format_args!("0 0 {WIDTH} {}", TOP + body)),
            ("role", &"img"),
            ("aria-labelledby", &"picture-title picture-desc"),
        ],
    );
    page.element("title", &[("id", &"picture-title")], "Service accounts, issuer, roles and AWS services");
    page.element("desc", &[("id", &"picture-desc")], picture.description());
    drawing.titles(page);
    drawing.edges(page);
    drawing.issuer(page);
    for (index, row) in picture.rows.iter().enumerate() {
        drawing.row(page, index, row);
    }
    for (index, service) in picture.services.iter().enumerate() {
        drawing.service(page, index, service);
    }
    drawing.left_out(page);
    page.constant("</svg>\n");
}

struct Drawing<'p, 'a> {
    picture: &'p Picture<'a>,
    /// Where the first row begins.
    top_rows: usize,
    /// The height of the rows or services, whichever is more.
    body: usize,
}

impl Drawing<'_, '_> {
    /// The middle of a row.
    fn row_middle(&self, index: usize) -> usize {
        self.top_rows + index * ROW + BOX / 2
    }

    /// The middle of a service; they are spread over the whole height.
    fn service_middle(&self, index: usize) -> usize {
        let count = self.picture.services.len() + usize::from(self.picture.services_left > 0);
        let each = (self.body / count.max(1)).min(2 * SERVICE);
        TOP + (self.body - each * count) / 2 + index * each + each / 2
    }

    fn titles(&self, page: &mut Markup) {
        for (x, title) in [(ACCOUNTS.0, "Service accounts"), (ROLES.0, "Roles"), (SERVICES.0, "AWS services")] {
            text(page, (x, 14), "column", title);
        }
        let middle = ISSUER.0 + ISSUER.1 / 2;
        page.open("text", &[("x", &middle), ("y", &14), ("class", &"column middle")]);
        page.constant("Issuer</text>\n");
        page.open("text", &[("x", &middle), ("y", &34), ("class", &"mono middle")]);
        page.text(fit(self.picture.issuer, ISSUER_CHARACTERS));
        page.constant("</text>\n");
    }

    fn edges(&self, page: &mut Markup) {
        for (index, row) in self.picture.rows.iter().enumerate() {
            let y = self.row_middle(index);
            let (from, to) = (ACCOUNTS.0 + ACCOUNTS.1, ROLES.0);
            page.open("path", &[("class", &"edge token"), ("d", &format_args!("M{from} {y}H{to}"))]);
            page.constant("</path>\n");
            self.edges_of(page, y, row);
        }
    }

    /// From a role to its services, the riskiest last, so that it lies on top; all services that are not drawn share one.
    fn edges_of(&self, page: &mut Markup, from_y: usize, row: &Row<'_>) {
        let mut edges: Vec<(Level, usize)> = Vec::new();
        let mut elsewhere: Option<Level> = None;
        for (name, level) in &row.services {
            match self.picture.services.iter().position(|service| service.name == *name) {
                Some(index) => edges.push((*level, index)),
                None => elsewhere = Some(elsewhere.map_or(*level, |other| other.min(*level))),
            }
        }
        edges.extend(elsewhere.map(|level| (level, self.picture.services.len())));
        edges.sort_by(|a, b| b.cmp(a));
        let (from, to) = (ROLES.0 + ROLES.1, SERVICES.0);
        let bend = usize::midpoint(from, to);
        for (level, index) in edges {
            let to_y = self.service_middle(index);
            let path = format!("M{from} {from_y}C{bend} {from_y} {bend} {to_y} {to} {to_y}");
            page.open("path", &[("class", &format_args!("edge {}", level.class())), ("d", &path)]);
            page.constant("</path>\n");
        }
    }

    fn issuer(&self, page: &mut Markup) {
        rectangle(page, "issuer", (ISSUER.0, TOP - 8), (ISSUER.1, self.body + 8));
    }

    fn row(&self, page: &mut Markup, index: usize, row: &Row<'_>) {
        let top = self.row_middle(index) - BOX / 2;
        rectangle(page, "box", (ACCOUNTS.0, top), (ACCOUNTS.1, BOX));
        let lines = 1 + row.accounts.len();
        let first = top + BOX / 2 + 4 - (lines - 1) * 7;
        text(page, (ACCOUNTS.0 + 12, first), "small", fit(row.namespace, ACCOUNT_CHARACTERS + 4));
        for (line, account) in row.accounts.iter().enumerate() {
            text(page, (ACCOUNTS.0 + 12, first + (line + 1) * 14), "mono", fit(account, ACCOUNT_CHARACTERS));
        }
        let class = row.level.map_or("", Level::class);
        rectangle(page, &format!("box {class}"), (ROLES.0, top), (ROLES.1, BOX));
        rectangle(page, &format!("bar {class}"), (ROLES.0, top), (6, BOX));
        text(page, (ROLES.0 + 18, top + 22), "mono", fit(&row.title, ROLE_CHARACTERS));
        let level = row.level.map_or("allows nothing", Level::name);
        page.open("text", &[("x", &(ROLES.0 + 18)), ("y", &(top + 39)), ("class", &"small")]);
        page.element("tspan", &[("class", &format_args!("name {class}"))], level);
        page.text(format_args!(" \u{b7} {}", row.detail));
        page.constant("</text>\n");
    }

    fn service(&self, page: &mut Markup, index: usize, service: &Service<'_>) {
        let middle = self.service_middle(index);
        let (class, top) = (service.level.class(), middle - SERVICE_BOX / 2);
        rectangle(page, &format!("box {class}"), (SERVICES.0, top), (SERVICES.1, SERVICE_BOX));
        rectangle(page, &format!("bar {class}"), (SERVICES.0, top), (6, SERVICE_BOX));
        let actions = if service.name == "*" { "all".to_owned() } else { counted(service.actions, "action") };
        let name = fit(service_name(service.name), SERVICE_CHARACTERS.saturating_sub(actions.len()));
        text(page, (SERVICES.0 + 16, middle + 4), "mono strong", name);
        page.open("text", &[("x", &(WIDTH - 10)), ("y", &(middle + 4)), ("class", &"small end")]);
        page.text(actions);
        page.constant("</text>\n");
    }

    fn left_out(&self, page: &mut Markup) {
        if self.picture.roles_left > 0 {
            let y = self.row_middle(self.picture.rows.len()) - BOX / 4;
            text(page, (ROLES.0, y), "small", format_args!("and {}", counted(self.picture.roles_left, "more role")));
        }
        if self.picture.services_left > 0 {
            let y = self.service_middle(self.picture.services.len()) + 4;
            let count = counted(self.picture.services_left, "more service");
            text(page, (SERVICES.0 + 6, y), "small", format_args!("and {count}"));
        }
    }
}

fn rectangle(page: &mut Markup, class: &str, (x, y): (usize, usize), (width, height): (usize, usize)) {
    page.open("rect", &[("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &height), ("rx", &3)]);
    page.constant("</rect>\n");
}

fn text(page: &mut Markup, (x, y): (usize, usize), class: &str, value: impl Display) {
    page.element("text", &[("x", &x), ("y", &y), ("class", &class)], value);
    page.constant("\n");
}

/// Text of at most so many characters as they are shown, cut in the middle: names differ at both ends.
fn fit(text: &str, characters: usize) -> String {
    let shown: Vec<char> = EscapedWhole(text).to_string().chars().collect();
    if shown.len() <= characters {
        return shown.into_iter().collect();
    }
    let tail = characters / 2;
    let head = characters.saturating_sub(tail + 1);
    shown.iter().take(head).chain(&['\u{2026}']).chain(shown.iter().skip(shown.len() - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_in_the_middle() {
        assert_eq!(fit("abcdefghij", 10), "abcdefghij");
        assert_eq!(fit("abcdefghijk", 10), "abcd\u{2026}ghijk");
        assert_eq!(fit("\u{202e}", 10), "\\u{202e}");
    }
}
