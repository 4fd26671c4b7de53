//! What came and went, role by role.

use super::lines::{Ink, PLAIN, Text};
use super::{Tone, escaped};
use crate::review::report::{BundleComparison, Presence, RoleComparison, Verdict};
use crate::review::words::{self, RoleNames};

/// The comparison: what is about the whole bundle once, then each role that is not the same.
pub(super) fn add(text: &mut Text, comparison: &BundleComparison, names: &RoleNames<'_>) {
    let against = &comparison.against;
    text.add_heading(format!("Against {} serial {}", escaped(&against.name), against.serial));
    text.add(PLAIN, format!("  SHA-256 {}", against.sha256));
    for change in &comparison.identity {
        let values = format!("{} {}, was {}", change.field, change.new, change.old);
        text.add(Ink::Tone(Tone::Warning), format!("  ~ {}", escaped(&values)));
    }
    for (came, change) in words::bundle_changes(comparison) {
        add_change(text, "  ", came, &change);
    }
    for line in words::unchanged(comparison) {
        text.add(Ink::Tone(Tone::Good), format!("  {line}"));
    }
    for role in &comparison.roles {
        add_role(text, role, names);
    }
}

fn add_change(text: &mut Text, indent: &str, came: bool, change: &str) {
    let (ink, mark) = if came { (Ink::Comes, '+') } else { (Ink::Goes, '-') };
    text.add_row(ink, &format!("{indent}{mark} "), &escaped(change));
}

fn add_role(text: &mut Text, role: &RoleComparison, names: &RoleNames<'_>) {
    let mark = match role.presence {
        Presence::Came => '+',
        Presence::Went => '-',
        Presence::Both => '~',
    };
    let tone = match role.verdict {
        Verdict::Widened | Verdict::Undecided => Tone::Bad,
        Verdict::Narrowed | Verdict::Same => Tone::Good,
    };
    let line = format!("  {mark} role {}: {}", escaped(names.short(&role.role)), words::role_verdict(role));
    text.add(Ink::Tone(tone), line);
    for change in &role.changes {
        add_change(text, "      ", change.came, &words::change(change));
    }
    for witness in &role.witnesses {
        text.add_row(Ink::Tone(Tone::Bad), "      ! ", &escaped(&words::witness(witness)));
    }
    for reason in &role.undecided {
        text.add_row(Ink::Tone(Tone::Bad), "      ? ", &escaped(&words::undecided(reason)));
    }
}
