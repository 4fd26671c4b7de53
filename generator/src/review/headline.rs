//! The verdict of a review, in the same words in every format.
//!
//! Input: a review. Output: its parts, each with a tone that a format may show as a colour, and the lines that must not be
//! overlooked. A value in them that comes from the bundle is one that its type has checked.

use bundle_schema::documents::index::Kind;
use bundle_schema::documents::policy::Effect;
use bundle_schema::signature::Signer;

use super::report::{
    ACCESS_LEVELS, FORMER_ISSUERS, FindingLevel, NO_ISSUER, RequestsFrom, Review, Role, ValueChange, Verdict,
};

/// How good the news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Neither.
    Plain,
    /// To be looked at.
    Warning,
    /// Wrong.
    Bad,
}

/// One part of the verdict, or one line under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// How good the news is.
    pub tone: Tone,
    /// The words.
    pub text: String,
}

impl Headline {
    fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Actions that stand in a line; the rest is counted.
const MAX_ACTIONS: usize = 6;

impl Role {
    /// The riskiest that the role may do, in words: `Permissions management: kms:CreateGrant`.
    #[must_use]
    pub fn riskiest(&self) -> String {
        let granted = || self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        if let Some(spared) = granted().find_map(|statement| statement.not_actions.as_ref()) {
            return format!("everything but {}", spared.join(", "));
        }
        let levels = || granted().flat_map(|s| &s.access).flat_map(|of| of.levels.iter().map(move |level| (of, level)));
        let Some(worst) = levels().map(|(_, level)| rank(&level.level)).min() else { return "nothing".to_owned() };
        let mut actions: Vec<String> = levels()
            .filter(|(_, level)| rank(&level.level) == worst)
            .flat_map(|(of, level)| level.actions.iter().map(|name| full_name(&of.service, name)))
            .collect();
        actions.dedup();
        let more = actions.len().saturating_sub(MAX_ACTIONS);
        actions.truncate(MAX_ACTIONS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let level = levels().find(|(_, level)| rank(&level.level) == worst).map_or("", |(_, level)| &level.level);
        format!("{level}: {}{more}", actions.join(", "))
    }
}

/// How risky a level is, the riskiest first.
fn rank(level: &str) -> usize {
    ACCESS_LEVELS.iter().position(|name| *name == level).unwrap_or_default()
}

/// `service:Action`, or `*`.
fn full_name(service: &str, action: &str) -> String {
    if service == "*" { "*".to_owned() } else { format!("{service}:{action}") }
}

/// `1 role` or `2 roles`.
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl Review {
    /// The verdict: what making it again showed, what it allows that another bundle did not, what was found, and who signed.
    #[must_use]
    pub fn verdict(&self) -> Vec<Headline> {
        let mut parts = vec![self.rebuild_headline()];
        parts.extend(self.comparison_headline());
        parts.push(self.findings_headline());
        parts.push(self.signers_headline());
        parts
    }

    fn rebuild_headline(&self) -> Headline {
        match (self.rebuild.differences.len(), self.rebuild.requests) {
            (0, _) if self.bundle.kind == Kind::Endpoint => Headline::new(Tone::Good, "is what its settings give"),
            (0, RequestsFrom::Bundle) => Headline::new(Tone::Good, "is what its requests ask for"),
            (0, RequestsFrom::Directory) => Headline::new(Tone::Good, "is what the requests of the directory ask for"),
            (count, RequestsFrom::Bundle) => {
                Headline::new(Tone::Bad, format!("IS NOT WHAT ITS REQUESTS ASK FOR ({})", counted(count, "difference")))
            }
            (count, RequestsFrom::Directory) => Headline::new(
                Tone::Bad,
                format!("IS NOT WHAT THE REQUESTS OF THE DIRECTORY ASK FOR ({})", counted(count, "difference")),
            ),
        }
    }

    fn comparison_headline(&self) -> Option<Headline> {
        let comparison = self.comparison.as_ref()?;
        let roles = |verdict| comparison.roles.iter().filter(|role| role.verdict == verdict).count();
        let against = format!("{} serial {}", comparison.against.name, comparison.against.serial);
        let (widened, undecided) = (roles(Verdict::Widened), roles(Verdict::Undecided));
        let mut wide = Vec::new();
        if widened > 0 {
            wide.push(format!("WIDENS {}", counted(widened, "role")));
        }
        if !comparison.audiences.came.is_empty() {
            wide.push(format!("TAKES {}", counted(comparison.audiences.came.len(), "more audience")));
        }
        if undecided > 0 {
            wide.push(format!("MAY WIDEN {}", counted(undecided, "role")));
        }
        Some(match (wide.is_empty(), comparison.verdict) {
            (false, _) => Headline::new(Tone::Bad, format!("{} against {against}", wide.join(", "))),
            (true, Verdict::Narrowed) => Headline::new(Tone::Good, format!("allows less than {against}")),
            (true, _) => Headline::new(Tone::Good, format!("allows nothing new against {against}")),
        })
    }

    fn findings_headline(&self) -> Headline {
        let count = |level| self.findings.iter().filter(|f| f.level == level && f.accepted.is_none()).count();
        let accepted = self.findings.iter().filter(|finding| finding.accepted.is_some()).count();
        let counts = [
            ("error", count(FindingLevel::Error)),
            ("warning", count(FindingLevel::Warning)),
            ("note", count(FindingLevel::Note)),
        ];
        let mut words: Vec<String> =
            counts.into_iter().filter(|(_, count)| *count > 0).map(|(level, count)| counted(count, level)).collect();
        if accepted > 0 {
            words.push(format!("{accepted} accepted"));
        }
        let tone = match self.worst_finding() {
            None => Tone::Good,
            Some(FindingLevel::Note) => Tone::Plain,
            Some(FindingLevel::Warning) => Tone::Warning,
            Some(FindingLevel::Error) => Tone::Bad,
        };
        Headline::new(tone, if words.is_empty() { "no findings".to_owned() } else { words.join(", ") })
    }

    fn signers_headline(&self) -> Headline {
        if !self.signatures_checked {
            return Headline::new(Tone::Bad, "SIGNATURES NOT CHECKED");
        }
        let without = |signer: &Signer| if signer.is_without_rebuild() { " WITHOUT A REBUILD" } else { "" };
        let roles: Vec<String> =
            self.signers.iter().map(|signer| format!("{}{}", signer.role, without(signer))).collect();
        if roles.is_empty() {
            Headline::new(Tone::Bad, "NOT SIGNED")
        } else {
            Headline::new(Tone::Good, format!("signed by {}", roles.join(", ")))
        }
    }

    /// What stands right under the verdict: a change of keys, and whatever else shows that this is another cluster's bundle.
    #[must_use]
    pub fn headlines(&self) -> Vec<Headline> {
        let mut lines = Vec::new();
        if let Some(made_by) = &self.rebuild.made_by {
            let own = env!("CARGO_PKG_VERSION");
            lines.push(Headline::new(
                Tone::Warning,
                format!("made by version {made_by} of the generator, and made again by version {own}"),
            ));
        }
        let Some(comparison) = &self.comparison else { return lines };
        for kid in &comparison.keys.came {
            lines.push(Headline::new(
                Tone::Bad,
                format!("NEW KEY {kid}: whoever holds its private half can use every role"),
            ));
        }
        for kid in &comparison.keys.went {
            lines.push(Headline::new(Tone::Bad, format!("KEY GONE {kid}: every token that it signed stops working")));
        }
        let is_same_cluster =
            !comparison.identity.iter().any(|change| ["name", "account", "partition"].contains(&change.field));
        for change in &comparison.identity {
            if change.field == "issuer" && is_same_cluster {
                lines.push(self.moved(change));
                continue;
            }
            if change.field == FORMER_ISSUERS && is_same_cluster {
                let (new, old) = (&change.new, &change.old);
                lines.push(Headline::new(
                    Tone::Warning,
                    format!("FORMER ISSUERS that roles still trust: {new}, was {old}"),
                ));
                continue;
            }
            lines.push(Headline::new(
                Tone::Warning,
                format!("another {}: {}, was {}", change.field, change.new, change.old),
            ));
        }
        lines
    }

    /// The issuer of one cluster is at another place, or at its first.
    fn moved(&self, ValueChange { new, old, .. }: &ValueChange) -> Headline {
        if old == NO_ISSUER {
            return Headline::new(Tone::Plain, format!("the issuer's first name: {new}"));
        }
        let taken = if self.bundle.former_issuers.contains(old) {
            "roles take tokens of both, until a later bundle drops the former one"
        } else {
            "AWS takes tokens that name the new one, and no others"
        };
        Headline::new(Tone::Bad, format!("THE ISSUER CHANGES to {new}, was {old}: {taken}"))
    }

    /// The worst of the findings that nobody accepted.
    #[must_use]
    pub fn worst_finding(&self) -> Option<FindingLevel> {
        self.findings.iter().filter(|finding| finding.accepted.is_none()).map(|finding| finding.level).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    fn words(parts: &[Headline]) -> Vec<&str> {
        parts.iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn the_verdict_says_all_four_things() {
        let mut review = sample::review();
        assert_eq!(
            words(&review.verdict()),
            [
                "IS NOT WHAT ITS REQUESTS ASK FOR (1 difference)",
                "WIDENS 1 role, MAY WIDEN 1 role against prod-a serial 3",
                "1 error, 1 note, 1 accepted",
                "signed by generator"
            ]
        );
        review.rebuild.differences.clear();
        review.rebuild.identical = true;
        review.signatures_checked = false;
        review.findings.clear();
        let comparison = review.comparison.as_mut().unwrap();
        comparison.roles.clear();
        comparison.verdict = Verdict::Narrowed;
        assert_eq!(
            words(&review.verdict()),
            [
                "is what its requests ask for",
                "allows less than prod-a serial 3",
                "no findings",
                "SIGNATURES NOT CHECKED"
            ]
        );
    }

    #[test]
    fn the_riskiest_actions_stand_for_a_role() {
        let words: Vec<String> = sample::review().roles.iter().map(Role::riskiest).collect();
        assert_eq!(
            words,
            [
                "everything but iam:*",
                "Permissions management: kms:CreateGrant",
                "Permissions management: s3:PutBucketPolicy"
            ]
        );
    }

    #[test]
    fn another_key_is_a_headline() {
        assert_eq!(
            words(&sample::review().headlines()),
            [
                "NEW KEY bmV3LWtleQ: whoever holds its private half can use every role",
                "KEY GONE b2xkLWtleQ: every token that it signed stops working",
                "another region: us-east-2, was us-east-1"
            ]
        );
    }
}
