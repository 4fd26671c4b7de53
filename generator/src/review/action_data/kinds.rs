//! The kinds of things in action data: access levels, condition keys and the types of their values.

use std::fmt;

use bundle_schema::names::Pattern;

/// What an action does, the riskiest first [IAM user guide, access levels].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// It changes who may do what.
    PermissionsManagement,
    /// It makes, changes or deletes resources.
    Write,
    /// It changes tags only, on which conditions may rest.
    Tagging,
    /// It reads what is in resources.
    Read,
    /// It lists resources.
    List,
}

impl AccessLevel {
    /// The name that AWS gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PermissionsManagement => "Permissions management",
            Self::Write => "Write",
            Self::Tagging => "Tagging",
            Self::Read => "Read",
            Self::List => "List",
        }
    }

    /// Whether it changes anything: permissions, resources or tags.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(self, Self::PermissionsManagement | Self::Write | Self::Tagging)
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a condition key's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyType {
    /// One value's type.
    pub of: Of,
    /// Whether a request may have several.
    pub several: bool,
}

/// The type of a condition key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// Text.
    String,
    /// An ARN.
    Arn,
    /// `true` or `false`.
    Bool,
    /// A point in time.
    Date,
    /// An IP address.
    IpAddress,
    /// A number.
    Numeric,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.of {
            Of::String => "string",
            Of::Arn => "ARN",
            Of::Bool => "boolean",
            Of::Date => "date",
            Of::IpAddress => "IP address",
            Of::Numeric => "number",
        })
    }
}

/// A condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConditionKey<'a> {
    /// Its name, in which `${...}` stands for any text, such as `aws:ResourceTag/${TagKey}`.
    pub name: &'a str,
    /// What its values are.
    pub kind: KeyType,
}

impl ConditionKey<'_> {
    /// Whether a policy's key is this one: `aws:ResourceTag/owner` is `aws:ResourceTag/${TagKey}`.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        is_template_of(self.name, key)
    }
}

/// Whether text is what a template gives, without regard to case; each variable, `${...}` or `<...>`, stands for at least one
/// character.
fn is_template_of(template: &str, text: &str) -> bool {
    let variable = |text: &str| text.find(['$', '<']);
    let Some(start) = variable(template) else { return template.eq_ignore_ascii_case(text) };
    let (head, rest) = template.split_at(start);
    if !text.get(..start).is_some_and(|given| given.eq_ignore_ascii_case(head)) {
        return false;
    }
    // `ec2:Attribute/${A}` is `ec2:Attribute/?*` as a pattern.
    let mut pattern = head.to_owned();
    let mut rest = rest;
    while let Some(start) = variable(rest) {
        let (literal, from) = rest.split_at(start);
        let end = from.find(['}', '>']).map_or(from.len(), |end| end + 1);
        pattern.push_str(literal);
        pattern.push_str("?*");
        rest = from.get(end..).unwrap_or_default();
    }
    pattern.push_str(rest);
    Pattern::new(pattern).is_ok_and(|pattern| pattern.covers(text))
}
