//! A statement of a permission policy in one line of words, for plans and reports.

use std::fmt;

use super::policy::{ActionPattern, ConditionValue, ConditionValues, Effect, PermissionStatement};
use crate::escape::Escaped;

/// `allows ec2:AttachVolume, ec2:DetachVolume on * if Bool kms:GrantIsForAWSResource is true`, escaped.
impl fmt::Display for PermissionStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { effect, action, not_action, resource, condition } = self;
        f.write_str(match effect {
            Effect::Allow => "allows ",
            Effect::Deny => "denies ",
        })?;
        if let Some(actions) = action {
            write_list(f, actions)?;
        }
        if let Some(spared) = not_action {
            f.write_str("all actions but ")?;
            write_list(f, spared)?;
        }
        write!(f, " on {}", Escaped(resource.as_str()))?;
        let mut word = "if";
        for (operator, keys) in condition.iter().flatten() {
            for (key, values) in keys {
                write!(f, " {word} {} {} is {values}", Escaped(operator.as_str()), Escaped(key.as_str()))?;
                word = "and";
            }
        }
        Ok(())
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, actions: &[ActionPattern]) -> fmt::Result {
    let texts: Vec<&str> = actions.iter().map(ActionPattern::as_str).collect();
    f.write_str(&texts.join(", "))
}

impl fmt::Display for ConditionValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(value) => write!(f, "{value}"),
            Self::Many(values) => {
                let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" or "))
            }
        }
    }
}

impl fmt::Display for ConditionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{}", Escaped(value.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(json: &str) -> String {
        serde_json::from_str::<PermissionStatement>(json).unwrap().to_string()
    }

    #[test]
    fn a_statement_is_one_line() {
        assert_eq!(
            words(r#"{"Effect":"Allow","Action":["ec2:Describe*","kms:CreateGrant"],"Resource":"*"}"#),
            "allows ec2:Describe*, kms:CreateGrant on *"
        );
        assert_eq!(
            words(
                r#"{"Effect":"Deny","NotAction":["s3:*"],"Resource":"arn:aws:s3:::b/*","Condition":
                   {"Bool":{"kms:GrantIsForAWSResource":true},"StringEquals":{"aws:ResourceTag/a":["x","y"],"aws:b":5}}}"#
            ),
            "denies all actions but s3:* on arn:aws:s3:::b/* if Bool kms:GrantIsForAWSResource is true and StringEquals \
             aws:ResourceTag/a is x or y and StringEquals aws:b is 5"
        );
    }
}
