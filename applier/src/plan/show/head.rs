//! The head of a plan in text.

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::{Escaped, EscapedWhole};

use super::{Text, Tone};
use crate::plan::Plan;
use bundle_schema::receipt::BundleId;

use crate::plan::head::{Head, Holds, Served};
use crate::served;

impl Plan {
    /// What the plan is about: what `apply` shows where the plan was approved already.
    pub(crate) fn head_text(&self) -> Text {
        let Head { bundle, signers, account_id, partition, region, issuer_url, .. } = self.head();
        let Head { former_issuers, provider_arn, served, holds, caller, time, .. } = self.head();
        let BundleId { kind, name, bucket_name: _, serial, sha256, created, expires } = bundle;
        let mut text = Text::default();
        let mut row = |label: &str, value: String| text.add_row(Tone::Plain, &format!("{label:<9} "), &value);
        row("Bundle", format!("{name} serial {serial}"));
        row("SHA-256", sha256.to_string());
        row("Created", format!("{created}, expires {expires}"));
        for signer in signers {
            let remark = if signer.is_without_rebuild() { ", without making the bundle again" } else { "" };
            row("Signed", format!("{} {}{remark}", Escaped(&signer.role), EscapedWhole(&signer.key)));
        }
        row("Account", format!("{account_id} ({partition}, {region})"));
        match (kind, issuer_url, provider_arn) {
            (Kind::Cluster, Some(url), _) => row("Issuer", url.to_string()),
            (Kind::Roles, _, Some(arn)) => row("Kind", format!("roles for identity provider {arn}")),
            _ => row("Kind", "endpoint: the issuer gets its name from the distribution".to_owned()),
        }
        for url in former_issuers {
            row("Former", format!("{url}, whose tokens the roles still take"));
        }
        if let Some(Served { alias, certificate, distribution }) = served {
            let distribution = distribution.as_ref().map(|found| (&found.id, &found.domain));
            row("Served", served::words(alias.as_deref(), certificate.as_deref(), distribution));
        }
        if let Some(Holds { state, serial, time, caller, .. }) = holds {
            row("Holds", format!("serial {serial}, {}, {time}, by {}", state.word(), Escaped(caller)));
        }
        row("Caller", Escaped(caller).to_string());
        row("Time", time.to_string());
        text.empty_line();
        text
    }
}
