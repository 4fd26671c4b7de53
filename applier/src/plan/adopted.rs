//! What is known of a resource that `--adopt` takes over, or lets be deleted: enough for a person to say whether it is the cluster's.

use std::fmt;

use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::names::{RoleName, Timestamp};
use serde::Serialize;

use crate::account::live::{LastUsed, LiveProvider, LiveRole, Tags};
use crate::plan::finding::tags_listed;
use crate::plan::meaning::readable_policy;
use crate::record::RoleId;

/// A role or the identity provider as the account holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Adopted {
    /// A role's name, or the provider's ARN.
    resource: String,
    created: Timestamp,
    #[serde(skip_serializing_if = "Fate::is_kept")]
    fate: Fate,
    /// Whether it carries the cluster's tag.
    tagged: bool,
    tags: Tags,
    #[serde(flatten)]
    what: What,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fate {
    Kept,
    Deleted,
}

impl Fate {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_kept(&self) -> bool {
        *self == Self::Kept
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kept => "TAKEN OVER",
            Self::Deleted => "DELETED",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum What {
    Provider {
        audiences: Vec<String>,
        thumbprints: Vec<String>,
    },
    Role {
        role_id: RoleId,
        last_used: Option<LastUsed>,
        trust: String,
        boundary: Option<String>,
        attached: Vec<String>,
        inline: Vec<String>,
        max_session_duration: Option<i32>,
    },
}

impl Adopted {
    pub(super) fn provider(arn: String, provider: &LiveProvider, tagged: bool, fate: Fate) -> Self {
        let (audiences, thumbprints) = (provider.client_ids.clone(), provider.thumbprints.clone());
        let what = What::Provider { audiences, thumbprints };
        Self { resource: arn, created: provider.created, fate, tagged, tags: provider.tags.clone(), what }
    }

    pub(super) fn role(name: &RoleName, role: &LiveRole, tagged: bool, fate: Fate) -> Self {
        let own = role.policy.iter().map(|_| name.to_string());
        let what = What::Role {
            role_id: role.id.clone(),
            last_used: role.last_used.clone(),
            trust: role.trust.clone(),
            boundary: role.boundary.clone(),
            attached: role.attached.clone(),
            inline: own.chain(role.other_inline.iter().cloned()).collect(),
            max_session_duration: role.max_session_duration,
        };
        Self { resource: name.to_string(), created: role.created, fate, tagged, tags: role.tags.clone(), what }
    }
}

/// A line a fact; the trust policy as it stands there.
impl fmt::Display for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[String]| match values {
            [] => "none".to_owned(),
            some => some.iter().map(|value| Escaped(value).to_string()).collect::<Vec<_>>().join(", "),
        };
        let (name, fate) = (Escaped(&self.resource), self.fate.word());
        let why = if self.tagged { "IS NOT IN THE RECORD" } else { "DOES NOT CARRY THE CLUSTER'S TAG" };
        let tags = tags_listed(&self.tags);
        match &self.what {
            What::Provider { audiences, thumbprints } => {
                writeln!(f, "IDENTITY PROVIDER {name} {why} AND IS {fate} (--adopt)")?;
                writeln!(f, "    made          {}", self.created)?;
                writeln!(f, "    tags          {tags}")?;
                writeln!(f, "    audiences     {}", list(audiences))?;
                write!(f, "    thumbprints   {}", list(thumbprints))
            }
            What::Role { role_id, last_used, trust, boundary, attached, inline, max_session_duration } => {
                writeln!(f, "ROLE {name} {why} AND IS {fate} (--adopt)")?;
                writeln!(f, "    made          {}, ID {role_id}", self.created)?;
                writeln!(f, "    tags          {tags}")?;
                match last_used {
                    Some(LastUsed { time, region }) => {
                        writeln!(
                            f,
                            "    last used     {time} in {}",
                            Escaped(region.as_deref().unwrap_or("no region"))
                        )?;
                    }
                    None => writeln!(f, "    last used     never, as far as IAM tells")?,
                }
                writeln!(f, "    sessions last {} seconds at most", max_session_duration.unwrap_or_default())?;
                writeln!(
                    f,
                    "    boundary      {}",
                    boundary.as_deref().map_or("none".to_owned(), |arn| Escaped(arn).to_string())
                )?;
                writeln!(f, "    attached      {}", list(attached))?;
                writeln!(f, "    inline        {}", list(inline))?;
                write!(f, "    assumed by")?;
                readable_policy(trust).lines().try_for_each(|line| write!(f, "\n      {}", EscapedWhole(line)))
            }
        }
    }
}
