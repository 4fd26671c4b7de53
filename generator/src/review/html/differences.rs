//! What making the bundle again showed: where it is not what its requests ask for, both sides beside each other.

use std::collections::BTreeSet;

use super::markup::Markup;
use super::{Anchors, source};
use crate::review::headline::counted;
use crate::review::report::{Difference, RequestsFrom, Review};

/// The section; one sentence where nothing differs.
pub(super) fn section(page: &mut Markup, review: &Review, anchors: &Anchors<'_>) {
    let rebuild = &review.rebuild;
    page.constant("<section id=\"rebuild\" aria-labelledby=\"rebuild-title\">\n<h2 id=\"rebuild-title\">Rebuild</h2>\n<p class=\"lead\">");
    let requests = match rebuild.requests {
        RequestsFrom::Bundle => "the requests in it",
        RequestsFrom::Directory => "the requests of the directory",
    };
    if rebuild.differences.is_empty() {
        page.text(format_args!("Made again from {requests}, every entry is the same."));
    } else {
        let count = counted(rebuild.differences.len(), "difference");
        page.text(format_args!("{count} between the bundle and what {requests} and its settings give."));
    }
    page.constant("</p>\n");
    for difference in &rebuild.differences {
        one(page, difference, anchors);
    }
    page.constant("</section>\n");
}

fn one(page: &mut Markup, difference: &Difference, anchors: &Anchors<'_>) {
    page.constant("<article class=\"difference\">\n<h3>");
    page.text(&difference.message);
    page.constant("</h3>\n<p class=\"where\">");
    if let Some(role) = &difference.role {
        anchors.link(page, role, difference.statement);
        page.constant(" <span class=\"in\">in</span> ");
    }
    source(page, &difference.entry, None);
    page.constant("</p>\n");
    if difference.expected.is_some() || difference.found.is_some() {
        let (expected, found) = (difference.expected.as_deref(), difference.found.as_deref());
        page.constant("<div class=\"sides\">\n");
        side(page, "Asked for", expected, found, "del");
        side(page, "In the bundle", found, expected, "ins");
        page.constant("</div>\n");
    }
    page.constant("</article>\n");
}

/// One side, in which the words are marked that the other side does not have.
fn side(page: &mut Markup, title: &'static str, text: Option<&str>, other: Option<&str>, tag: &'static str) {
    page.constant("<div class=\"side\"><p class=\"side-title\">");
    page.constant(title);
    page.constant("</p>");
    let Some(text) = text else {
        page.constant("<p class=\"nothing\">nothing</p></div>\n");
        return;
    };
    let has = other.map(|other| pieces(other).into_iter().collect::<BTreeSet<_>>());
    page.constant("<pre>");
    for piece in pieces(text) {
        let differs = !separates(piece) && has.as_ref().is_some_and(|has| !has.contains(piece));
        if differs {
            page.open(tag, &[]);
            page.code(piece);
            page.close(tag);
        } else {
            page.lines(piece);
        }
    }
    page.constant("</pre></div>\n");
}

fn separates(piece: &str) -> bool {
    piece.chars().all(|character| character.is_whitespace() || ",;[]{}\"".contains(character))
}

/// Words, and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let between = separates(first.encode_utf8(&mut [0; 4]));
        let end = rest
            .char_indices()
            .find(|(_, character)| separates(character.encode_utf8(&mut [0; 4])) != between)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_what_is_between_them() {
        assert_eq!(pieces("allows s3:Get*, \"a\"\n x"), ["allows", " ", "s3:Get*", ", \"", "a", "\"\n ", "x"]);
        assert_eq!(pieces(""), Vec::<&str>::new());
        assert_eq!(pieces(" é "), [" ", "é", " "]);
    }

    #[test]
    fn words_of_one_side_alone_are_marked() {
        let mut page = Markup::default();
        side(&mut page, "Asked for", Some("allows a, b\non *"), Some("allows b, c on *"), "del");
        assert_eq!(
            page.finish(),
            "<div class=\"side\"><p class=\"side-title\">Asked for</p><pre>allows <del><code>a</code></del>, b\non *</pre></div>\n"
        );
    }

    #[test]
    fn a_side_that_has_nothing_says_so_and_then_nothing_is_marked() {
        let mut page = Markup::default();
        side(&mut page, "Asked for", None, Some("b"), "del");
        side(&mut page, "In the bundle", Some("b"), None, "ins");
        assert_eq!(
            page.finish(),
            "<div class=\"side\"><p class=\"side-title\">Asked for</p><p class=\"nothing\">nothing</p></div>\n\
             <div class=\"side\"><p class=\"side-title\">In the bundle</p><pre>b</pre></div>\n"
        );
    }
}
