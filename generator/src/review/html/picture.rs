//! One picture of the bundle: the service accounts, the issuer that their tokens come from, the roles that they may assume,
//! and the services that those roles reach.
//!
//! Input: a review. Output: an SVG inside the page, in which everything has its place by arithmetic, so that the same review
//! gives the same picture. Few roles stand alone; many are grouped by namespace, the riskiest first, and the rest is counted.

mod draw;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::level::{Access, Level};
use super::markup::Markup;
use crate::review::headline::counted;
use crate::review::report::{Review, Role};

/// As many rows are drawn.
const MAX_ROWS: usize = 12;
/// As many services are drawn.
const MAX_SERVICES: usize = 14;
/// As many service accounts of a row are named.
const MAX_ACCOUNTS: usize = 2;

/// What is drawn.
struct Picture<'a> {
    issuer: &'a str,
    rows: Vec<Row<'a>>,
    /// The roles that have no row.
    roles_left: usize,
    services: Vec<Service<'a>>,
    /// The services that are not drawn.
    services_left: usize,
}

/// A role, or all roles of a namespace.
struct Row<'a> {
    namespace: &'a str,
    accounts: Vec<String>,
    title: String,
    detail: String,
    level: Option<Level>,
    services: BTreeMap<&'a str, Level>,
    roles: usize,
}

struct Service<'a> {
    name: &'a str,
    level: Level,
    actions: usize,
}

/// The section.
pub(super) fn section(page: &mut Markup, review: &Review) {
    page.constant(
        "<section id=\"picture\" aria-labelledby=\"picture-heading\">\n<h2 id=\"picture-heading\">Picture</h2>\n",
    );
    let picture = Picture::of(review);
    page.constant(
        "<figure>\n<div class=\"canvas\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of the bundle\">\n",
    );
    draw::svg(page, &picture);
    page.constant("</div>\n<figcaption><ul class=\"legend\" aria-label=\"Riskiest access level\">\n");
    for level in Level::ALL {
        page.element("li", &[("class", &format_args!("level {}", level.class()))], level.name());
        page.constant("\n");
    }
    page.constant("</ul>\n<p>From left to right: every token comes from the issuer. A role, its lines and a service have the colour of the riskiest access level; the wider the line, the riskier; dashed lines only read.</p></figcaption>\n</figure>\n</section>\n");
}

impl<'a> Picture<'a> {
    fn of(review: &'a Review) -> Self {
        let (mut rows, total) = if review.roles.len() <= MAX_ROWS {
            (review.roles.iter().map(|role| one_role(review, role)).collect(), services(&review.roles))
        } else {
            (namespaces(&review.roles), services(&review.roles))
        };
        let rows_left = rows.split_off(rows.len().min(MAX_ROWS));
        let mut services: Vec<Service<'a>> =
            total.into_iter().map(|(name, (level, actions))| Service { name, level, actions }).collect();
        services.sort_by_key(|service| (service.level, service.name));
        let services_left = services.split_off(services.len().min(MAX_SERVICES)).len();
        let mut picture = Self {
            issuer: review.bundle.issuer_url.as_deref().unwrap_or_default(),
            rows,
            roles_left: rows_left.iter().map(|row| row.roles).sum(),
            services,
            services_left,
        };
        picture.untangle();
        picture
    }

    /// Services stand at the height of the rows that use them, so that fewer lines cross.
    fn untangle(&mut self) {
        let rows = &self.rows;
        self.services.sort_by_cached_key(|service| {
            let users: Vec<usize> = rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.services.contains_key(service.name))
                .map(|(index, _)| index)
                .collect();
            let middle = if users.is_empty() { usize::MAX } else { users.iter().sum::<usize>() * 1000 / users.len() };
            (middle, service.level, service.name)
        });
    }

    /// What the picture shows, in sentences.
    fn description(&self) -> String {
        let mut sentences = vec![format!("Service accounts get tokens from {}.", self.issuer)];
        for row in &self.rows {
            let services: Vec<&str> = row.services.keys().map(|name| service_name(name)).collect();
            let level = row.level.map_or("nothing", Level::name);
            let reaches = if services.is_empty() { "no service".to_owned() } else { services.join(", ") };
            sentences.push(format!(
                "{} of {} assume {}, which reaches {reaches}; riskiest level: {level}.",
                row.accounts.join(", "),
                row.namespace,
                row.title
            ));
        }
        if self.roles_left > 0 {
            sentences.push(format!("And {}.", counted(self.roles_left, "more role")));
        }
        sentences.join(" ")
    }
}

fn service_name(name: &str) -> &str {
    if name == "*" { "every service" } else { name }
}

fn one_role<'a>(review: &Review, role: &'a Role) -> Row<'a> {
    let access = Access::of(role);
    let mut accounts: Vec<String> = role.service_accounts.iter().take(MAX_ACCOUNTS).cloned().collect();
    if role.service_accounts.len() > MAX_ACCOUNTS {
        accounts.pop();
        accounts.push(format!("and {} more", role.service_accounts.len() + 1 - MAX_ACCOUNTS));
    }
    let own = format!("{}-", review.bundle.name);
    let bounded = if role.boundary.is_some() { ", bounded" } else { "" };
    Row {
        namespace: &role.namespace,
        accounts,
        title: role.role.strip_prefix(&own).unwrap_or(&role.role).to_owned(),
        detail: format!("{}{bounded}", counted(role.statements.len(), "statement")),
        level: access.riskiest(),
        services: access.services.into_iter().map(|(name, (level, _))| (name, level)).collect(),
        roles: 1,
    }
}

/// A row for each namespace: the riskiest first, and of those the ones with most roles.
fn namespaces(roles: &[Role]) -> Vec<Row<'_>> {
    let mut by_namespace: BTreeMap<&str, Vec<&Role>> = BTreeMap::new();
    for role in roles {
        by_namespace.entry(&role.namespace).or_default().push(role);
    }
    let mut rows: Vec<Row<'_>> = by_namespace
        .into_iter()
        .map(|(namespace, roles)| {
            let accounts = roles.iter().map(|role| role.service_accounts.len()).sum();
            let services = services(roles.iter().copied());
            let statements = roles.iter().map(|role| role.statements.len()).sum();
            Row {
                namespace,
                accounts: vec![counted(accounts, "service account")],
                title: match roles.as_slice() {
                    [one] => one.secret.clone(),
                    several => counted(several.len(), "role"),
                },
                detail: counted(statements, "statement"),
                level: services.values().map(|(level, _)| *level).min(),
                services: services.into_iter().map(|(name, (level, _))| (name, level)).collect(),
                roles: roles.len(),
            }
        })
        .collect();
    // What has no level comes last.
    rows.sort_by_key(|row| (row.level.is_none(), row.level, Reverse(row.roles), row.namespace));
    rows
}

/// The services of roles, each with the riskiest level and the number of its actions, those of each role counted.
fn services<'a>(roles: impl IntoIterator<Item = &'a Role>) -> BTreeMap<&'a str, (Level, usize)> {
    let mut services: BTreeMap<&str, (Level, usize)> = BTreeMap::new();
    for role in roles {
        for (name, (level, actions)) in Access::of(role).services {
            let service = services.entry(name).or_insert((level, 0));
            service.0 = service.0.min(level);
            service.1 += actions;
        }
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    #[test]
    fn few_roles_stand_alone() {
        let review = sample::review();
        let picture = Picture::of(&review);
        let rows: Vec<(&str, &str, Option<Level>)> =
            picture.rows.iter().map(|row| (row.title.as_str(), row.detail.as_str(), row.level)).collect();
        let riskiest = Some(Level::Permissions);
        assert_eq!(
            rows,
            [
                ("kube-system-odd", "1 statement", riskiest),
                ("openshift-cluster-csi-drivers-ebs-cloud-credentials", "2 statements, bounded", riskiest),
                ("openshift-image-registry-installer-cloud-credentials", "2 statements", riskiest),
            ]
        );
        let services: Vec<&str> = picture.services.iter().map(|service| service.name).collect();
        assert_eq!(services, ["*", "kms", "ec2", "s3"], "beside the rows that use them");
        assert_eq!((picture.roles_left, picture.services_left), (0, 0));
        assert!(picture.description().contains("default of kube-system assume kube-system-odd, which reaches every service; riskiest level: Permissions management."));
    }

    #[test]
    fn many_roles_are_grouped_and_the_rest_is_counted() {
        let mut review = sample::review();
        let [odd, disks, registry] = review.roles.try_into().unwrap();
        let numbered = |index| Role { namespace: format!("ns-{index:02}"), ..disks.clone() };
        review.roles = (0..20).map(numbered).collect();
        review.roles.extend([odd, registry.clone(), registry]);
        let picture = Picture::of(&review);
        assert_eq!(picture.rows.len(), MAX_ROWS);
        assert_eq!(picture.rows[2].title, "ebs-cloud-credentials");
        let grouped = &picture.rows[0];
        assert_eq!(grouped.namespace, "openshift-image-registry");
        assert_eq!((grouped.title.as_str(), grouped.accounts[0].as_str()), ("2 roles", "4 service accounts"));
        assert_eq!(picture.rows.iter().map(|row| row.roles).sum::<usize>() + picture.roles_left, 23);
        assert!(picture.description().ends_with("And 10 more roles."), "{}", picture.description());
    }
}
