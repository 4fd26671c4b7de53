//! What a cluster's Kubernetes objects are called.

use super::{all, ensure, is_lower_alphanumeric, name};

name! {
    /// A Kubernetes namespace: an RFC 1123 label, at most 63 characters [Kubernetes, object names].
    Namespace, "namespace", |value| {
        ensure((1..=63).contains(&value.len()), "must have 1 to 63 characters")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-'), "must consist of a-z, 0-9 and -")?;
        ensure(!value.starts_with('-') && !value.ends_with('-'), "must begin and end with a letter or a digit")
    }
}

name! {
    /// The name of a Secret, a service account or a CredentialsRequest: an RFC 1123 subdomain, at most 253 characters
    /// [Kubernetes, object names].
    ObjectName, "object name", |value| {
        ensure((1..=253).contains(&value.len()), "must have 1 to 253 characters")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-' || b == b'.'), "must consist of a-z, 0-9, - and .")?;
        ensure(
            value.split('.').all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')),
            "each part between dots must begin and end with a letter or a digit",
        )
    }
}

name! {
    /// Where the pod finds its token: an absolute path of characters that neither YAML nor an INI file gives meaning to.
    TokenPath, "cloudTokenPath", |value| {
        ensure((2..=255).contains(&value.len()), "must have 2 to 255 characters")?;
        ensure(value.starts_with('/'), "must be absolute")?;
        ensure(all(value, |b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)), "must consist of /, letters, digits and ._-")?;
        ensure(!value.split('/').any(|part| part == "." || part == ".."), "must have no part . or ..")
    }
}

impl Default for TokenPath {
    /// `/var/run/secrets/openshift/serviceaccount/token`, where OpenShift's components mount it.
    fn default() -> Self {
        Self("/var/run/secrets/openshift/serviceaccount/token".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_paths_are_plain() {
        assert!(TokenPath::new("/var/run/../x").is_err() && TokenPath::new("rel").is_err());
    }
}
