//! One role per request: its name, its service accounts, and that no two requests get in each other's way.

use std::collections::{BTreeMap, HashMap};

use bundle_schema::documents::index::Component;
use bundle_schema::names::{ClusterName, NameError, Namespace, ObjectName, RoleName, RoleNaming};

use crate::requests::Selected;
use crate::settings::options::ServiceAccounts;

/// Why requests cannot become roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// Two requests for one Secret.
    #[error("requests {first} and {second} have the same Secret {secret}{hint}")]
    SameSecret {
        /// The first.
        first: String,
        /// The second.
        second: String,
        /// Their Secret.
        secret: String,
        /// What to do, where it is known.
        hint: &'static str,
    },
    /// Two requests whose roles would have one name.
    #[error(
        "requests {first} and {second} would both have the role {role} (names are compared without regard to case){hint}"
    )]
    SameRole {
        /// The first.
        first: String,
        /// The second.
        second: String,
        /// The role's name.
        role: RoleName,
        /// What to do.
        hint: &'static str,
    },
    /// A request without service accounts.
    #[error(
        "request {request} has no service account, so nothing could use its role\n  name its service accounts: --service-accounts {secret}=NAME,NAME"
    )]
    NoServiceAccounts {
        /// The request.
        request: String,
        /// Its Secret.
        secret: String,
    },
    /// Service accounts given for a request that has its own.
    #[error(
        "request {request} names its service accounts itself ({own})\n  leave out --service-accounts {secret}=..., or change the request"
    )]
    OwnServiceAccounts {
        /// The request.
        request: String,
        /// Its Secret.
        secret: String,
        /// Its own.
        own: String,
    },
    /// Service accounts for a Secret that no request has.
    #[error(
        "--service-accounts {secret}=... matches no request that becomes a role\n  compare it with spec.secretRef of the requests, and with those that were skipped"
    )]
    Unused {
        /// The Secret.
        secret: String,
    },
    /// A role name that IAM refuses.
    #[error(transparent)]
    Name(#[from] NameError),
}

const DECIDE_GATES: &str = "\n  at least one depends on a feature gate that is not decided: give --feature-gates";
const TRY_HASHED: &str =
    "\n  give --role-names hashed, which ends names that are too long in a hash, or a shorter --name";
const RENAME: &str = "\n  their namespaces and Secrets make the same name however it is cut: rename one Secret";

/// The component of each request, in the requests' order.
pub(crate) fn components(
    name: &ClusterName,
    role_names: RoleNaming,
    service_accounts: &ServiceAccounts,
    selected: &[Selected],
) -> Result<Vec<Component>, RolesError> {
    check_secrets(selected)?;
    let mut unused: BTreeMap<&(Namespace, ObjectName), &Vec<ObjectName>> = service_accounts.iter().collect();
    let mut roles: HashMap<String, (&Selected, String)> = HashMap::with_capacity(selected.len());
    let mut components = Vec::with_capacity(selected.len());
    for one in selected {
        let request = &one.request;
        let key = (request.secret_namespace.clone(), request.secret_name.clone());
        let given = unused.remove(&key);
        let full = format!("{name}-{}-{}", request.secret_namespace, request.secret_name);
        let role_name = role_names.role(name, &request.secret_namespace, &request.secret_name)?;
        if let Some((other, other_full)) = roles.insert(role_name.as_str().to_ascii_lowercase(), (one, full.clone())) {
            let hint = if other_full == full || role_names == RoleNaming::Hashed { RENAME } else { TRY_HASHED };
            return Err(RolesError::SameRole {
                first: other.to_string(),
                second: one.to_string(),
                role: role_name,
                hint,
            });
        }
        components.push(Component {
            request: request.name.clone(),
            source: one.source.clone(),
            role_name,
            service_accounts: accounts(one, given)?,
            secret_namespace: request.secret_namespace.clone(),
            secret_name: request.secret_name.clone(),
            token_path: request.token_path.clone(),
        });
    }
    match unused.into_keys().next() {
        None => Ok(components),
        Some((namespace, secret)) => Err(RolesError::Unused { secret: format!("{namespace}/{secret}") }),
    }
}

fn check_secrets(selected: &[Selected]) -> Result<(), RolesError> {
    let mut seen: HashMap<String, &Selected> = HashMap::with_capacity(selected.len());
    for one in selected {
        let secret = one.request.secret();
        if let Some(other) = seen.insert(secret.clone(), one) {
            let undecided = !one.undecided.is_empty() || !other.undecided.is_empty();
            let hint = if undecided { DECIDE_GATES } else { "" };
            return Err(RolesError::SameSecret { first: other.to_string(), second: one.to_string(), secret, hint });
        }
    }
    Ok(())
}

fn accounts(one: &Selected, given: Option<&Vec<ObjectName>>) -> Result<Vec<ObjectName>, RolesError> {
    let own = &one.request.service_accounts;
    let (request, secret) = (one.to_string(), one.request.secret());
    match (own.as_slice(), given) {
        ([], Some(given)) => Ok(given.clone()),
        ([], None) => Err(RolesError::NoServiceAccounts { request, secret }),
        (own, None) => Ok(own.to_vec()),
        (own, Some(_)) => {
            let own = own.iter().map(ObjectName::as_str).collect::<Vec<_>>().join(", ");
            Err(RolesError::OwnServiceAccounts { request, secret, own })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::request::Request;
    use bundle_schema::names::{EntryPath, TokenPath};

    fn one(namespace: &str, secret: &str, accounts: &[&str]) -> Selected {
        Selected {
            request: Request {
                name: ObjectName::new(format!("request-{secret}")).unwrap(),
                secret_namespace: Namespace::new(namespace).unwrap(),
                secret_name: ObjectName::new(secret).unwrap(),
                service_accounts: accounts.iter().map(|name| ObjectName::new(*name).unwrap()).collect(),
                token_path: TokenPath::default(),
                statements: vec![],
                lines: vec![],
                service_accounts_line: 1,
            },
            source: EntryPath::new("credentials-requests/a.yaml").unwrap(),
            document: 1,
            undecided: vec![],
        }
    }

    fn names(selected: &[Selected], role_names: RoleNaming) -> Result<Vec<String>, String> {
        let name = ClusterName::new("democluster").unwrap();
        let components = components(&name, role_names, &ServiceAccounts::new(), selected);
        Ok(components.map_err(|error| error.to_string())?.into_iter().map(|c| c.role_name.into()).collect())
    }

    #[test]
    fn names_are_cut_as_ccoctl_cuts_them() {
        let long = one("openshift-cloud-credential-operator", "cloud-credential-operator-iam-ro-creds", &["a"]);
        assert_eq!(
            names(&[one("n", "s", &["a"]), long.clone()], RoleNaming::Ccoctl).unwrap(),
            ["democluster-n-s", "democluster-openshift-cloud-credential-operator-cloud-credential"]
        );
        let hashed = names(&[one("n", "s", &["a"]), long], RoleNaming::Hashed).unwrap();
        assert_eq!(hashed[0], "democluster-n-s");
        assert!(
            hashed[1].starts_with("democluster-openshift-cloud-credential-operator-cloud-c") && hashed[1].len() == 64
        );
    }

    #[test]
    fn collisions_name_both_requests() {
        let (a, b) = ("s".repeat(60) + "-a", "s".repeat(60) + "-b");
        let pair = [one("n", &a, &["a"]), one("n", &b, &["a"])];
        let error = names(&pair, RoleNaming::Ccoctl).unwrap_err();
        assert!(error.starts_with(&format!(
            "requests request-{a} (a.yaml, document 1) and request-{b} (a.yaml, document 1) would both have the role democluster-n-ss"
        )));
        assert!(error.contains("give --role-names hashed"));
        assert_eq!(names(&pair, RoleNaming::Hashed).unwrap().len(), 2);
        let same = [one("a-b", "c", &["a"]), one("a", "b-c", &["a"])];
        for role_names in [RoleNaming::Ccoctl, RoleNaming::Hashed] {
            assert!(names(&same, role_names).unwrap_err().ends_with(RENAME));
        }
        let twice = [one("n", "s", &["a"]), one("n", "s", &["b"])];
        assert_eq!(
            names(&twice, RoleNaming::Ccoctl).unwrap_err(),
            "requests request-s (a.yaml, document 1) and request-s (a.yaml, document 1) have the same Secret n/s"
        );
        let gated = [twice[0].clone(), Selected { undecided: vec!["-A".to_owned()], ..twice[1].clone() }];
        assert!(names(&gated, RoleNaming::Ccoctl).unwrap_err().ends_with("give --feature-gates"));
    }

    #[test]
    fn service_accounts_come_from_the_request_or_the_command_line() {
        let name = ClusterName::new("demo").unwrap();
        let given: ServiceAccounts =
            [((Namespace::new("n").unwrap(), ObjectName::new("s").unwrap()), vec![ObjectName::new("x").unwrap()])]
                .into();
        let with = |selected: &[Selected]| components(&name, RoleNaming::Ccoctl, &given, selected);
        assert_eq!(with(&[one("n", "s", &[])]).unwrap()[0].service_accounts[0].as_str(), "x");
        assert_eq!(with(&[one("n", "t", &["a"])]), Err(RolesError::Unused { secret: "n/s".to_owned() }));
        assert!(matches!(with(&[one("n", "s", &["a"])]), Err(RolesError::OwnServiceAccounts { .. })));
        assert_eq!(
            names(&[one("n", "s", &[])], RoleNaming::Ccoctl).unwrap_err(),
            "request request-s (a.yaml, document 1) has no service account, so nothing could use its role\n  name its service accounts: --service-accounts n/s=NAME,NAME"
        );
    }
}
