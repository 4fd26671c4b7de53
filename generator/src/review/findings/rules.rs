//! Every rule: its id, how much it matters, and what a reviewer should know about it. The texts stand in SARIF and in the
//! documentation; an id is never given another meaning.

use crate::review::report::Finding;
use crate::review::report::FindingLevel::{self, Error, Note, Warning};

/// A rule that findings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its id, such as `airlock/all-actions`.
    pub id: &'static str,
    /// How much it matters as a rule; a single finding may matter more or less.
    pub level: FindingLevel,
    /// What it is about, in a few words.
    pub name: &'static str,
    /// Why it matters, and what to do.
    pub help: &'static str,
}

impl Rule {
    /// A finding that is about the bundle and no role.
    pub(crate) fn about_bundle(&self, message: String, advice: &str) -> Finding {
        Finding {
            id: self.id,
            level: self.level,
            role: None,
            statement: None,
            source: None,
            line: None,
            message,
            advice: advice.to_owned(),
            accepted: None,
        }
    }
}

macro_rules! rules {
    ($($constant:ident = $id:literal, $level:ident, $name:literal, $help:literal;)*) => {
        $(pub(crate) const $constant: Rule = Rule { id: concat!("airlock/", $id), level: $level, name: $name, help: $help };)*

        /// All of them, sorted by id.
        pub const RULES: &[Rule] = &[$($constant),*];
    };
}

rules! {
    ACCEPTED_EXPIRED = "accepted-expired", Warning, "Acceptance that has expired",
        "The finding was accepted until a time that has passed, so it counts again. Decide again, and write down until when, or have \
         the request changed.";
    ACCEPTED_UNUSED = "accepted-unused", Warning, "Acceptance of nothing",
        "No finding has this id, role and statement: it is solved, or the entry is misspelled. Take the entry out of the file of \
         accepted findings, or correct it.";
    ACTION_WILDCARD = "action-wildcard", Warning, "Pattern of actions that change something",
        "A pattern also stands for actions that AWS adds later, which nobody has looked at. Patterns that only read or list are \
         not reported. Name each action that is needed.";
    ALL_ACTIONS = "all-actions", Error, "Every action of every service",
        "The role can do everything in the account, so whoever gets its token has the account. Name each action that is needed.";
    ASSUME_ANY_ROLE = "assume-any-role", Warning, "Any role may be assumed",
        "With sts:AssumeRole on every resource the role can become any role whose trust policy lets the account in, and those may \
         be in other accounts. Name the ARNs of the roles.";
    AUDIENCE = "audience", Note, "Unusual audience",
        "OpenShift asks for tokens with the audiences openshift and sts.amazonaws.com. With another one AWS also takes tokens that \
         were meant for somebody else, who could hand them on. Leave it out unless a component needs it.";
    BOUNDARY_ON_SOME = "boundary-on-some", Warning, "Permissions boundary on some roles only",
        "A boundary that some roles lack protects nothing: the others can do what it forbids. The generator sets it on all roles or \
         none, so the bundle was changed. Make it again.";
    CLOUDFRONT_TLS = "cloudfront-tls", Note, "CloudFront decides about TLS versions",
        "At CloudFront's own name a distribution shows CloudFront's certificate, and its security policy is TLSv1: CloudFront also \
         answers clients that speak TLS 1.0. The documents are public, and AWS's own clients speak TLS 1.2 or later. With a host name \
         and a certificate of your own nothing older than TLS 1.2 is answered: --issuer-url with --certificate-arn.";
    CONDITION_FOR_ALL_VALUES = "condition-for-all-values", Warning, "ForAllValues holds without the key",
        "ForAllValues also holds where the request does not have the key at all. In an Allow statement such a condition can be got \
         around by leaving the key out. Add a Null condition with false for the same key.";
    CONDITION_IF_EXISTS = "condition-if-exists", Note, "Condition holds without the key",
        "An operator with IfExists also holds where the request does not have the key. Leave IfExists out where every request \
         that is meant has it.";
    CONDITION_KEY_NOT_TAKEN = "condition-key-not-taken", Warning, "Condition key that no action takes",
        "A request has only the condition keys that its action takes. With another key a condition never holds, and the statement \
         grants nothing; with a negated operator or IfExists it always holds, and limits nothing. Use a key that the actions take.";
    CONDITION_KEY_PARTLY_TAKEN = "condition-key-partly-taken", Note, "Condition key that some actions do not take",
        "For an action that does not take the key, the condition never holds, and the action is not granted; with a negated operator \
         or IfExists it always holds, and the action is not limited. Put those actions into a statement of their own.";
    CONDITION_MATCHES_ALL = "condition-matches-all", Warning, "Condition that every request fulfils",
        "A range of all addresses, or a star for a key that every request has, limits nothing. Give the values that are meant, or \
         leave the condition out.";
    CONDITION_OPERATOR = "condition-operator", Warning, "Condition operator that does not fit the key",
        "Each condition key has a type, and an operator of another type compares its values in a way that nobody expects, or never \
         matches. Use an operator of the key's type.";
    CONDITION_SESSION = "condition-session", Warning, "Condition key that a pod's session does not have",
        "A role that is assumed with a service account's token has neither multi-factor authentication nor a user's name. A condition \
         on those never holds; with IfExists or a negated operator it always holds. Leave it out.";
    CONDITION_SET_OPERATOR = "condition-set-operator", Warning, "Set operator and key do not fit",
        "ForAnyValue and ForAllValues are for keys of which a request may have several values, and such keys need one of them. \
         Otherwise the outcome is not what it looks like.";
    CONDITION_VALUE = "condition-value", Warning, "Condition value that never matches",
        "A value that the operator cannot read or compare never matches, so the statement does not do what it seems to. Correct it.";
    DATA_READ = "data-read", Warning, "Other data can be read",
        "The role can read data that does not belong to the cluster: objects of every bucket, rows of every table, messages of every \
         queue. Limit the resource to what belongs to the cluster.";
    EMPTY_PATTERN = "empty-pattern", Warning, "Pattern that no action matches",
        "No action of AWS matches, so today the pattern grants nothing; most often it is misspelled. It may match an action that is \
         added later. Correct it or leave it out.";
    ESCALATION_IAM = "escalation-iam", Error, "More permissions through IAM",
        "With one of these actions the role can give itself, or a user that it then becomes, whatever permissions it wants: see the \
         published lists of escalation paths (Rhino Security Labs, cloudsplaining). Leave them out, or limit them to resources that \
         cannot be used so.";
    ESCALATION_PASS_ROLE = "escalation-pass-role", Warning, "More permissions through a passed role",
        "Whoever may pass any role to a service, and start something there, gets the permissions of every role of the account that \
         this service can assume. Limit iam:PassRole to the ARNs of the roles that are meant, and by iam:PassedToService.";
    ESCALATION_RUN_CODE = "escalation-run-code", Warning, "More permissions through what already runs",
        "These actions run code in functions, instances or stacks that are already there, with the permissions of their roles. Limit \
         them to resources of the cluster.";
    EXPIRED = "expired", Warning, "Bundle that has expired",
        "The applier refuses a bundle after its time. Have it made again with a new serial.";
    FOREIGN_ACCOUNT = "foreign-account", Warning, "Resource of another account",
        "The resource names an account that the bundle is not for. It is either a mistake, and the statement grants nothing, or \
         access to another account that somebody has to have asked for.";
    GATES_UNDECIDED = "gates-undecided", Warning, "Feature gates not decided",
        "The request depends on feature gates, and the settings do not say whether the cluster has them. The role may be made for \
         nothing. Make the bundle with --feature-gates or an install-config.";
    KEY_GRANT = "key-grant", Warning, "Grants on keys without a limit",
        "A grant lets somebody else use a key, and does not show in the key's policy. With the condition kms:GrantIsForAWSResource \
         only AWS services get one, for what they do for the role. Add that condition.";
    LONG_VALIDITY = "long-validity", Warning, "Bundle is valid for long",
        "Until it expires a bundle can be applied, also after the requests or the keys have changed. Make it with a lower \
         --expires-in.";
    MANY_SERVICE_ACCOUNTS = "many-service-accounts", Note, "Many service accounts",
        "Each service account that may assume the role is one more way to get it. Split the request where they do not need the same.";
    MAY_WIDEN = "may-widen", Warning, "Role that may allow more than before",
        "Whether the role allows something that the older bundle refused cannot be decided, so it counts as widened. Compare the \
         statements before and after.";
    MORE_FINDINGS = "more-findings", Error, "Findings left out",
        "The role has more findings than a report shows. The level is that of the worst one left out. No request of OpenShift comes \
         near: look at the policy itself.";
    NEW_AUDIENCE = "new-audience", Warning, "Audience that was not there before",
        "AWS takes tokens with this audience that it did not take before. Ask which component needs it.";
    NEW_KEY = "new-key", Warning, "Signing key that was not there before",
        "Whoever holds the private half of the new key can use every role, and every token of the old key stops working. Ask why the \
         key changed.";
    NEW_THUMBPRINT = "new-thumbprint", Warning, "Thumbprint that was not there before",
        "IAM trusts an issuer whose certificate chain has this thumbprint. Compare it with the issuer's chain.";
    NOT_ACTION = "not-action", Error, "All actions but some",
        "Allow with NotAction grants everything that is not named, of every service, and what AWS adds later. Name the actions that \
         are needed. No CredentialsRequest can ask for it, so the bundle was changed.";
    NOT_EXAMINED = "not-examined", Error, "Patterns that were not examined",
        "The bundle has more patterns of actions than this program compares with the actions of AWS. No request of OpenShift comes \
         near: look at the policy itself.";
    NOT_SIGNED = "not-signed", Note, "Role that has not signed",
        "The applier refuses the bundle until every role of the trust file has signed. Have it signed, unless the role is yours and \
         you sign after the review.";
    OLDER_NOT_SIGNED = "older-not-signed", Warning, "Older bundle that was not signed",
        "What a bundle is compared with should be what was applied, and that was signed by every role. Otherwise somebody could offer \
         a wide bundle to compare with. Get the bundle that was applied, with its signatures.";
    OTHER_REGION = "other-region", Note, "Resource of another region",
        "The resource names a region that the bundle is not for. It is either a mistake, and the statement grants nothing there, or \
         access to another region that somebody has to have asked for.";
    PASS_ANY_ROLE = "pass-any-role", Warning, "Any role may be passed",
        "With iam:PassRole on every role, a service can be given any role of the account by whoever can also start something \
         there. Limit it to the ARNs of the roles that are meant, and by iam:PassedToService.";
    PERMISSIONS_MANAGEMENT = "permissions-management", Warning, "Who may do what can be changed",
        "AWS counts these actions as permissions management: they change who may do what. Where a condition or a resource limits \
         them, it is a note. Check that the component needs them.";
    POLICY_VARIABLE = "policy-variable", Note, "Policy variable",
        "What the statement is about depends on the request. Check who decides on the value: tags of a session and of a resource \
         can often be chosen by others.";
    QUOTA = "quota", Note, "Quota nearly reached",
        "A policy, a trust policy or a list is close to what IAM takes, so the next change of the request may not fit. Split the \
         request.";
    REBUILD_DIFFERENCE = "rebuild-difference", Error, "Bundle that its requests and settings do not give",
        "Whoever made the bundle put something into it that nobody asked for, or left something out. Do not sign it: have it made \
         again, and find out why it differs.";
    REDUNDANT_STATEMENT = "redundant-statement", Note, "Redundant statement",
        "Another statement of the role says the same or more, so this one changes nothing. Leave it out.";
    RESOURCE_MISMATCH = "resource-mismatch", Warning, "Resource that actions are not about",
        "An action is about resources of certain types, and some only about the whole account. With a resource of another type it \
         is not granted. Give the action a resource of its type, or * where it has none.";
    ROLE_NAME_CUT = "role-name-cut", Note, "Role name is cut",
        "A role's name has at most 64 characters, so it does not show the whole namespace and Secret. Look at its description, or \
         give the cluster a shorter name.";
    SECRETS_READ = "secrets-read", Warning, "Other secrets can be read",
        "Passwords and keys of the whole account can be read, and with them somebody can go on elsewhere. Limit the resource to the \
         secrets of the cluster.";
    SERVICE_WILDCARD = "service-wildcard", Warning, "Every action of a service",
        "The role can do everything in a service, and what AWS adds to it later. Where this includes permissions management, it is an \
         error. Name each action that is needed.";
    SHARED_SERVICE_ACCOUNT = "shared-service-account", Note, "Service account of several roles",
        "Whoever gets a token of this service account can do what all of the roles can do. Check that it needs all of them.";
    SHARING = "sharing", Warning, "Data can be given away",
        "These actions share snapshots or images with other accounts, publish them, or change the policy of a bucket, queue, key or \
         the like: data can leave the account without being read by the role. Limit them to resources of the cluster.";
    SMALL_KEY = "small-key", Note, "Small RSA key",
        "The key signs every token that AWS takes. NIST SP 800-57 takes RSA keys of 2,048 bits until 2030; with 3,072 or more it can \
         stay longer. Make the next one with --key-type rsa-4096.";
    THUMBPRINTS = "thumbprints", Note, "Thumbprints given",
        "IAM does not need a thumbprint for an issuer on S3, whose certificate is from a public authority, and one that is given has \
         to be changed with the certificate's authority. Leave --thumbprint out.";
    TRUST_DEFAULT_SERVICE_ACCOUNT = "trust-default-service-account", Warning, "Service account default",
        "Pods that name no service account run as default, so every one of them in that namespace gets the role's token. Give the \
         component a service account of its own.";
    TRUST_LIMIT = "trust-limit", Error, "Limit of the trust file",
        "The trust file does not allow the bundle, so the applier refuses it. Do not sign it.";
    TRUST_POLICY_QUOTA = "trust-policy-quota", Warning, "Trust policy above the default quota",
        "IAM takes trust policies of up to 2,048 characters unless the account's quota was raised; otherwise applying the bundle \
         fails there. Raise the quota, or split the request.";
    TRUST_SHARED_NAMESPACE = "trust-shared-namespace", Warning, "Namespace that many use",
        "More people and components can make pods in this namespace than in one of its own, and each of them can get the role. \
         Give the component a namespace of its own.";
    UNKNOWN_ACTION = "unknown-action", Error, "Action that AWS does not have",
        "The action is misspelled, or newer than the action data. IAM takes it and grants nothing, so the component will fail in \
         operation. Correct it, or give newer data with --action-data.";
    UNKNOWN_CONDITION_KEY = "unknown-condition-key", Warning, "Condition key that AWS does not have",
        "No request has this key. A condition on it never holds, so the statement does nothing; with a negated operator or IfExists \
         it always holds, and limits nothing. Correct the key.";
    UNKNOWN_SERVICE = "unknown-service", Error, "Service that AWS does not have",
        "The service's prefix is misspelled, or newer than the action data. Its actions grant nothing. Correct it, or give newer \
         data with --action-data.";
    UNSCOPED_WRITE = "unscoped-write", Warning, "Could be limited and is not",
        "The actions change resources, AWS can limit each of them to some resources by ARN or tag, and the statement does not: \
         whoever gets the role's token can change or delete what belongs to others in the account. For OpenShift's own requests this \
         is known as CVE-2026-10843. Limit the resource, add a condition on a tag, or bound the role, and try it before relying on \
         it: conditions on tags have broken snapshots.";
    UNUSED_EXCEPTION = "unused-exception", Note, "Exception of the trust file that spares nothing",
        "No role of this bundle needs the exception. Take it out of the trust file, unless another bundle needs it.";
    WIDENED = "widened", Warning, "Role that allows more than before",
        "A request that the older bundle refused is allowed now. Compare the statements before and after, and sign only if the \
         release needs the difference.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_occur_once() {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }

    #[test]
    fn texts_are_sentences() {
        for rule in RULES {
            assert!(rule.help.ends_with('.') && !rule.name.ends_with('.'), "{}", rule.id);
            assert!(!rule.help.contains("  "), "{}", rule.id);
        }
    }

    #[test]
    fn the_document_for_reviewers_lists_every_rule() {
        let document = include_str!("../../../REVIEW.md");
        let row = |rule: &Rule| format!("| `{}` | {} | {} |", rule.id, rule.level.name(), rule.name);
        let missing: Vec<String> = RULES.iter().map(row).filter(|row| !document.contains(row.as_str())).collect();
        assert_eq!(missing, Vec::<String>::new());
        assert_eq!(document.matches("| `airlock/").count(), RULES.len());
    }
}
