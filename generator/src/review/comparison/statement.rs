//! Statements of a policy in the form that they are compared in: what means the same is equal.
//!
//! Input: statements as the bundle has them, untrusted. Output: actions in lower case, resources in pieces, and conditions
//! as a list of [`Test`]s that all have to hold [IAM user guide, condition operators; conditions with multiple keys].

use bundle_schema::documents::policy::{ActionPattern, ConditionValue, ConditionValues, Effect, PermissionStatement};
use bundle_schema::escape::Escaped;

use super::glob::{Budget, Exceeded, Globs, Token};
use super::pattern::{Piece, pieces};

/// A statement.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Statement {
    /// Whether it refuses.
    pub(super) denies: bool,
    /// Whether it is about all actions but those listed.
    pub(super) spares: bool,
    /// The actions without wildcards, in lower case and in order.
    pub(super) exact: Vec<String>,
    /// The others.
    pub(super) wild: Globs,
    /// The resource.
    pub(super) resource: Vec<Piece>,
    /// The conditions, in order.
    pub(super) tests: Vec<Test>,
}

impl Statement {
    /// Reads a statement.
    pub(super) fn of(statement: &PermissionStatement) -> Self {
        let PermissionStatement { effect, action, not_action, resource, condition } = statement;
        let patterns = action.iter().chain(not_action).flatten().map(|pattern| pattern.as_str().to_ascii_lowercase());
        let (mut wild, mut exact): (Vec<String>, Vec<String>) = patterns.partition(|p| p.contains(['*', '?']));
        for list in [&mut wild, &mut exact] {
            list.sort_unstable();
            list.dedup();
        }
        let mut globs = Globs::default();
        for pattern in &wild {
            globs.push(action_tokens(pattern));
        }
        let mut tests: Vec<Test> = condition
            .iter()
            .flatten()
            .flat_map(|(operator, keys)| {
                keys.iter().map(|(key, values)| Test::of(operator.as_str(), key.as_str(), values))
            })
            .collect();
        tests.sort_unstable();
        tests.dedup();
        Self {
            denies: *effect == Effect::Deny,
            spares: not_action.is_some(),
            exact,
            wild: globs,
            resource: pieces(resource.as_str()),
            tests,
        }
    }

    /// Whether it is about an action, which is given in lower case.
    pub(super) fn is_about(&self, action: &str, budget: &Budget) -> Result<bool, Exceeded> {
        budget.spend(1)?;
        let listed = self.exact.binary_search_by(|exact| exact.as_str().cmp(action)).is_ok()
            || self.wild.matches(action, budget)?;
        Ok(listed != self.spares)
    }

    /// All actions that it lists.
    pub(super) fn listed(&self) -> Globs {
        let mut all = self.wild.clone();
        for exact in &self.exact {
            all.push(exact.chars().map(Token::Literal));
        }
        all
    }
}

fn action_tokens(pattern: &str) -> impl Iterator<Item = Token> + '_ {
    pieces(pattern).into_iter().map(|piece| match piece {
        Piece::Run => Token::Run { colon: true },
        Piece::One => Token::One { colon: true },
        Piece::Character(character) => Token::Literal(character),
        // An action has no `$`.
        Piece::Variable(_) => Token::End,
    })
}

/// The spelling of an action in a statement's list, which is found by its lower case.
pub(super) fn spelling<'a>(statement: &'a PermissionStatement, action: &str) -> Option<&'a str> {
    statement.action.iter().flatten().map(ActionPattern::as_str).find(|listed| listed.eq_ignore_ascii_case(action))
}

/// One operator with one key and its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Test {
    /// The key, in lower case: IAM takes either.
    pub(super) key: String,
    /// The operator as it is written.
    operator: String,
    /// The values in order, each once.
    pub(super) values: Vec<String>,
    /// How several values in a request are taken.
    pub(super) set: Option<Set>,
    /// How a value is compared.
    pub(super) kind: Kind,
    /// Whether it holds where no value matches.
    pub(super) negated: bool,
    /// Whether it holds where the key is absent.
    pub(super) if_exists: bool,
}

/// How several values in a request are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Set {
    /// `ForAnyValue`: one of them has to satisfy the test.
    Any,
    /// `ForAllValues`: each has to.
    All,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// As text.
    Text { any_case: bool, wildcards: bool },
    /// As an ARN with wildcards.
    Arn,
    /// As `true` or `false`.
    Bool,
    /// As base64.
    Binary,
    /// As a number.
    Number(Order),
    /// As a point in time.
    Date(Order),
    /// As an address, with ranges of them.
    Address,
    /// Whether the key is absent.
    Null,
    /// An operator that IAM does not have.
    Unknown,
}

/// How a number or a point in time has to stand to a policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Order {
    /// The same.
    Same,
    /// Less.
    Less,
    /// Less, or the same.
    AtMost,
    /// Greater.
    Greater,
    /// Greater, or the same.
    AtLeast,
}

impl Test {
    fn of(operator: &str, key: &str, values: &ConditionValues) -> Self {
        let given = match values {
            ConditionValues::One(value) => std::slice::from_ref(value),
            ConditionValues::Many(values) => values,
        };
        let mut values: Vec<String> = given.iter().map(written).collect();
        values.sort_unstable();
        values.dedup();
        let (set, rest) = match operator.split_once(':') {
            Some(("ForAnyValue", rest)) => (Some(Set::Any), rest),
            Some(("ForAllValues", rest)) => (Some(Set::All), rest),
            _ => (None, operator),
        };
        let (plain, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |plain| (plain, true));
        let (kind, negated) = Kind::of(plain);
        let (key, operator) = (key.to_ascii_lowercase(), operator.to_owned());
        Self { key, operator, values, set, kind, negated, if_exists }
    }
}

fn written(value: &ConditionValue) -> String {
    match value {
        ConditionValue::Boolean(value) => value.to_string(),
        ConditionValue::Integer(value) => value.to_string(),
        ConditionValue::Text(text) => text.as_str().to_owned(),
    }
}

impl Kind {
    /// The kind of an operator, and whether it is negated.
    fn of(operator: &str) -> (Self, bool) {
        let text = |any_case, wildcards| Self::Text { any_case, wildcards };
        match operator {
            "StringEquals" => (text(false, false), false),
            "StringNotEquals" => (text(false, false), true),
            "StringEqualsIgnoreCase" => (text(true, false), false),
            "StringNotEqualsIgnoreCase" => (text(true, false), true),
            "StringLike" => (text(false, true), false),
            "StringNotLike" => (text(false, true), true),
            "ArnEquals" | "ArnLike" => (Self::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Self::Arn, true),
            "Bool" => (Self::Bool, false),
            "BinaryEquals" => (Self::Binary, false),
            "NumericEquals" => (Self::Number(Order::Same), false),
            "NumericNotEquals" => (Self::Number(Order::Same), true),
            "NumericLessThan" => (Self::Number(Order::Less), false),
            "NumericLessThanEquals" => (Self::Number(Order::AtMost), false),
            "NumericGreaterThan" => (Self::Number(Order::Greater), false),
            "NumericGreaterThanEquals" => (Self::Number(Order::AtLeast), false),
            "DateEquals" => (Self::Date(Order::Same), false),
            "DateNotEquals" => (Self::Date(Order::Same), true),
            "DateLessThan" => (Self::Date(Order::Less), false),
            "DateLessThanEquals" => (Self::Date(Order::AtMost), false),
            "DateGreaterThan" => (Self::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Self::Date(Order::AtLeast), false),
            "IpAddress" => (Self::Address, false),
            "NotIpAddress" => (Self::Address, true),
            "Null" => (Self::Null, false),
            _ => (Self::Unknown, false),
        }
    }
}

/// `StringLike aws:username is a, b`, escaped.
impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.values.join(", ");
        write!(f, "{} {} is {}", Escaped(&self.operator), Escaped(&self.key), Escaped(&values))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(value: serde_json::Value) -> Statement {
        Statement::of(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn what_means_the_same_is_equal() {
        let one = statement(json!({"Effect": "Allow", "Action": ["ec2:A", "s3:*", "s3:**"], "Resource": "*",
            "Condition": {"Bool": {"aws:X": true}, "StringLike": {"k": ["b", "a"]}}}));
        let other = statement(json!({"Effect": "Allow", "Action": ["S3:*", "EC2:a", "ec2:A"], "Resource": "*",
            "Condition": {"StringLike": {"K": ["a", "b", "a"]}, "Bool": {"aws:x": ["true"]}}}));
        assert_eq!((one.exact.as_slice(), one.tests.len()), (["ec2:a".to_owned()].as_slice(), 2));
        assert_eq!(one.tests, other.tests);
        assert_eq!(one.exact, other.exact);
    }

    #[test]
    fn every_operator_has_a_kind() {
        for operator in ["ForAllValues:StringNotLikeIfExists", "ForAnyValue:ArnEquals", "NumericLessThanEqualsIfExists"]
        {
            let values: ConditionValues = serde_json::from_value(json!("x")).unwrap();
            let test = Test::of(operator, "K", &values);
            assert_ne!(test.kind, Kind::Unknown, "{operator}");
            assert_eq!(test.negated, operator.contains("Not"));
            assert_eq!(test.if_exists, operator.ends_with("IfExists"));
            assert_eq!(test.set.is_some(), operator.contains(':'));
        }
    }

    #[test]
    fn actions_are_compared_without_case_and_lists_can_be_spared() {
        let budget = Budget::new(10_000);
        let listed =
            statement(json!({"Effect": "Allow", "Action": ["ec2:Describe*", "s3:GetObject"], "Resource": "*"}));
        let spared = statement(json!({"Effect": "Allow", "NotAction": ["ec2:Describe*"], "Resource": "*"}));
        for (action, in_list, spares) in
            [("ec2:describex", true, false), ("s3:getobject", true, true), ("s3:getobjects", false, true)]
        {
            assert_eq!(listed.is_about(action, &budget), Ok(in_list), "{action}");
            assert_eq!(spared.is_about(action, &budget), Ok(spares), "{action}");
        }
    }
}
