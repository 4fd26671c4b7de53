//! For tests: one good bundle's contents, and an account in memory that does what an action says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bundle_schema::documents::contents::{Contents, IssuerDocuments, RoleDocuments};
use bundle_schema::documents::index::{Endpoint, Header, Kind};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::policy::{
    Effect, FederatedPrincipal, PermissionPolicy, PermissionStatement, PolicyVersion, RoleTrustPolicy, TrustCondition,
    TrustStatement,
};
use bundle_schema::documents::settings::Settings;
use bundle_schema::documents::{CreateRole, PutRolePolicy};
use bundle_schema::json::Embedded;
use bundle_schema::names::{BucketName, ClusterName, RoleName, RoleNaming, RolePath, Sha256, Tag, Timestamp};

use crate::account::issuer::{Published, ReadIssuer, Unread};
use crate::account::live::Tags;
use crate::account::live::{
    BucketState, Caller, ListedRole, LiveBucket, LiveObject, LiveProvider, LiveRecord, LiveRole, LiveState, ReadAccount,
};
use crate::account::{AwsError, CallLog};
use crate::apply::{Patience, WriteAccount};
use crate::plan::Plan;
use crate::plan::action::{Action, Call};
use crate::plan::choices::Choices;
use crate::plan::desired::{self, Desired};
use crate::plan::refusal::Refused;
use crate::record::{Made, MadeProvider, Making, Place, Record, RecordState, RoleId, tags};

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzqI/ldq8a6+ZkkP31VpqCwJmF4x8
K6YYnPnO4zCVn1Slk/VhZ3kh2ZRZaAdm5vT9Hy5dLJpYVefpQ6WBybL6SQ==
-----END PUBLIC KEY-----
";

pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// The digest of the bundle in these tests.
pub(crate) fn digest() -> Sha256 {
    Sha256::of(b"bundle")
}

/// A bundle `prod`, serial 7, two roles.
pub(crate) fn contents() -> Contents {
    let tag = |key: &str, value: &str| Tag { key: parsed(key), value: parsed(value) };
    let header = Header {
        kind: Kind::Cluster,
        name: parsed("prod"),
        serial: 7,
        created: Timestamp::from_unix(1_790_000_000).unwrap(),
        expires: Timestamp::from_unix(1_800_000_000).unwrap(),
        generator_version: parsed("0.1.0"),
        partition: parsed("aws"),
        dns_suffix: parsed("amazonaws.com"),
        region: parsed("us-east-2"),
        account_id: parsed("123456789012"),
        issuer_url: parsed("https://prod-oidc.s3.us-east-2.amazonaws.com"),
        endpoint: Some(Endpoint::PublicBucket),
        bucket_name: None,
        audiences: None,
        role_path: parsed("/"),
        tags: vec![tag("Name", "prod"), tag("openshift.io/cloud-credential-operator/prod", "owned")],
        previous: None,
        settings: Settings {
            role_names: RoleNaming::Ccoctl,
            permissions_boundary_arn: None,
            feature_set: parsed("Default"),
            feature_gates: None,
            capabilities: None,
            service_accounts: Vec::new(),
        },
        components: Vec::new(),
        skipped: Vec::new(),
    };
    let public_key = ServiceAccountKey::from_pem(KEY).unwrap();
    let audiences = vec![parsed("openshift"), parsed("sts.amazonaws.com")];
    Contents {
        issuer: Some(IssuerDocuments::of(&header, public_key, Vec::new(), audiences, None)),
        roles: ["disk", "registry"].map(|name| role(&header, name)).into(),
        requests: Vec::new(),
        header,
    }
}

/// A bundle `addons`, serial 7, two roles for the provider of [`contents`].
pub(crate) fn roles_contents() -> Contents {
    let tag = |key: &str, value: &str| Tag { key: parsed(key), value: parsed(value) };
    let header = Header {
        kind: Kind::Roles,
        name: parsed("addons"),
        endpoint: None,
        audiences: Some(vec![parsed("openshift")]),
        tags: vec![tag("Name", "addons"), tag("openshift.io/cloud-credential-operator/addons", "owned")],
        ..contents().header
    };
    let roles = ["efs", "lb"].map(|name| role(&header, name)).into();
    Contents { header, issuer: None, roles, requests: Vec::new() }
}

/// The cluster of [`contents`], with an issuer that somebody else hosts.
pub(crate) fn hosted_contents() -> Contents {
    let Contents { mut header, issuer, requests, .. } = contents();
    header.issuer_url = parsed("https://oidc.example.com/prod");
    header.endpoint = Some(Endpoint::Hosted);
    let IssuerDocuments { public_key, provider, .. } = issuer.unwrap();
    let issuer = IssuerDocuments::of(&header, public_key, Vec::new(), provider.client_id_list, None);
    let roles = ["disk", "registry"].map(|name| role(&header, name)).into();
    Contents { header, issuer: Some(issuer), roles, requests }
}

/// The account's resources of [`hosted_contents`], which was applied.
pub(crate) fn hosted_held() -> Held {
    let mut held = Held::nothing();
    let plan = plan(&hosted_contents(), &held.state()).unwrap();
    for action in plan.actions() {
        held.perform(action).unwrap();
    }
    let provider = held.provider.as_ref().map(MadeProvider::from);
    let roles = held.roles.iter().map(|(name, role)| (name.clone(), role.id.clone())).collect();
    let record = Record { made: Made { provider, roles }, ..record() };
    held.provider().tags.extend(tags::write(&record).0);
    held
}

fn role(header: &Header, name: &str) -> RoleDocuments {
    let role_name: RoleName = parsed(&format!("{}-{name}", header.name));
    let subjects = vec![format!("system:serviceaccount:{name}:operator")];
    RoleDocuments {
        create: CreateRole {
            path: header.role_path.clone(),
            role_name: role_name.clone(),
            assume_role_policy_document: Embedded(RoleTrustPolicy {
                version: PolicyVersion::V2012,
                statement: vec![TrustStatement {
                    effect: Effect::Allow,
                    principal: FederatedPrincipal { federated: header.provider_arn() },
                    action: "sts:AssumeRoleWithWebIdentity".to_owned(),
                    condition: TrustCondition {
                        string_equals: [(format!("{}:sub", header.issuer_url.without_scheme()), subjects)].into(),
                    },
                }],
            }),
            description: format!("OpenShift role for {name}/creds"),
            permissions_boundary: None,
            tags: header.tags.clone(),
        },
        policy: PutRolePolicy {
            role_name: role_name.clone(),
            policy_name: role_name,
            policy_document: Embedded(PermissionPolicy {
                version: PolicyVersion::V2012,
                statement: vec![PermissionStatement {
                    effect: Effect::Allow,
                    action: Some(vec![parsed("ec2:DescribeVolumes"), parsed("ec2:AttachVolume")]),
                    not_action: None,
                    resource: parsed("*"),
                    condition: None,
                }],
            }),
        },
    }
}

/// The plan of these contents for an account.
pub(crate) fn plan(contents: &Contents, live: &LiveState) -> Result<Plan, Refused> {
    plan_with(contents, live, &Choices::default())
}

/// As [`plan`], with these choices.
pub(crate) fn plan_with(contents: &Contents, live: &LiveState, choices: &Choices) -> Result<Plan, Refused> {
    Plan::of(&Desired::for_test(contents, &digest()), live, choices, &[], Timestamp::from_unix(0).unwrap())
}

/// The record of these contents, applied.
pub(crate) fn record() -> Record {
    match Held::everything(&contents()).state().record().unwrap().content.clone() {
        Ok(record) => record,
        Err(error) => panic!("{error}"),
    }
}

fn role_id(name: &RoleName) -> RoleId {
    let letters = name.as_str().to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    format!("AROAEXAMPLE0{letters}").try_into().unwrap()
}

/// The account's resources of [`roles_contents`], which was applied.
pub(crate) fn roles_held() -> Held {
    let mut held = Held::everything(&contents());
    held.bucket = BucketState::Absent;
    held.roles.clear();
    held.provider().tags = tag_set(&[("theirs", "1")]);
    let plan = plan(&roles_contents(), &held.state()).unwrap();
    for action in plan.actions() {
        held.perform(action).unwrap();
    }
    let mut record = Record { made: Made::default(), name: parsed("addons"), ..record() };
    record.made.roles = held.roles.iter().map(|(name, role)| (name.clone(), role.id.clone())).collect();
    held.provider().tags.extend(tags::write(&record).0);
    held
}

/// What is read of an account for a bundle.
pub(crate) fn read(contents: &Contents, held: &Held) -> LiveState {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LiveState::read(&Arc::new(Fake::new(held.clone())), contents, None)).unwrap()
}

/// An account's resources of one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) bucket: BucketState,
    pub(crate) provider: Option<LiveProvider>,
    pub(crate) roles: BTreeMap<RoleName, LiveRole>,
    /// Roles that are not the bundle's.
    pub(crate) others: BTreeMap<RoleName, LiveRole>,
}

impl Held {
    pub(crate) fn nothing() -> Self {
        Self { bucket: BucketState::Absent, provider: None, roles: BTreeMap::new(), others: BTreeMap::new() }
    }

    /// Everything that the bundle says.
    pub(crate) fn everything(contents: &Contents) -> Self {
        let mut held = Self::nothing();
        let plan = plan(contents, &held.state()).unwrap();
        for action in plan.actions() {
            held.perform(action).unwrap();
        }
        held.write_record(contents, RecordState::Applied);
        held
    }

    /// What a run writes that has made everything that is there.
    pub(crate) fn write_record(&mut self, contents: &Contents, state: RecordState) {
        let provider = self
            .provider
            .as_ref()
            .map(|provider| MadeProvider { created: provider.created, thumbprints: provider.thumbprints.clone() });
        let roles = self.roles.iter().map(|(name, role)| (name.clone(), role.id.clone())).collect();
        let record = Record {
            version: Record::VERSION,
            name: contents.header.name.clone(),
            state,
            serial: contents.header.serial,
            sha256: digest(),
            time: Timestamp::from_unix(0).unwrap(),
            caller: "arn:aws:iam::123456789012:user/x".to_owned(),
            run: "0".repeat(32),
            plan_digest: None,
            made: Made { provider, roles },
            making: Making::default(),
        };
        self.put_record(record);
    }

    pub(crate) fn put_record(&mut self, record: Record) {
        let etag = Sha256::of(&record.to_bytes()).to_string();
        self.bucket().is_empty = false;
        self.bucket().record = Some(LiveRecord { etag, content: Ok(record) });
    }

    pub(crate) fn state(&self) -> LiveState {
        LiveState::for_test(self.bucket.clone(), self.provider.clone(), self.roles.clone(), self.others.clone())
    }

    pub(crate) fn bucket(&mut self) -> &mut LiveBucket {
        if let BucketState::Present(bucket) = &mut self.bucket { bucket } else { panic!("no bucket") }
    }

    pub(crate) fn role(&mut self, name: &str) -> &mut LiveRole {
        self.roles.get_mut(&parsed::<RoleName>(name)).unwrap()
    }

    fn any_role(&mut self, name: &RoleName) -> Option<&mut LiveRole> {
        self.roles.get_mut(name).or(self.others.get_mut(name))
    }

    pub(crate) fn provider(&mut self) -> &mut LiveProvider {
        self.provider.as_mut().unwrap()
    }

    fn perform(&mut self, action: &Action) -> Result<Option<RoleId>, AwsError> {
        let exists = |code| Err(crate::account::answered(action.name(), 409, code, "it exists"));
        match action.call.clone() {
            Call::CreateBucket { .. } if self.bucket != BucketState::Absent => {
                return exists("BucketAlreadyOwnedByYou");
            }
            Call::CreateBucket { tags, .. } => {
                let ownership = Some("BucketOwnerEnforced".to_owned());
                let made = LiveBucket { tags, ownership, is_empty: true, ..LiveBucket::default() };
                self.bucket = BucketState::Present(made);
            }
            Call::TagBucket { after, .. } => self.bucket().tags = after,
            Call::SetOwnership { .. } => self.bucket().ownership = Some("BucketOwnerEnforced".to_owned()),
            Call::BlockPublicAccess { input, .. } => {
                self.bucket().public_access_block = Some(input.public_access_block_configuration);
            }
            Call::SetBucketPolicy { input, .. } => self.bucket().policy = Some(input.policy.text()),
            Call::PutObject { before: None, after, .. } if self.bucket().objects.contains_key(after.key) => {
                return exists("PreconditionFailed");
            }
            Call::PutObject { after, .. } => {
                let live = LiveObject {
                    etag: Sha256::of(after.body.as_bytes()).to_string(),
                    content_type: Some(after.content_type.to_owned()),
                    encryption: Some(after.encryption.to_owned()),
                    tags: after.tags,
                    body: Some(after.body.into_bytes()),
                };
                self.bucket().objects.insert(after.key.to_owned(), live);
                self.bucket().is_empty = false;
            }
            Call::CreateProvider { .. } if self.provider.is_some() => return exists("EntityAlreadyExists"),
            Call::CreateProvider { input, tags } => {
                let client_ids = input.client_id_list.iter().map(ToString::to_string).collect();
                let thumbprints = vec!["A".repeat(40)];
                self.provider = Some(LiveProvider { client_ids, thumbprints, tags, created: made(), record: None });
            }
            Call::AddClientId { client_id } => self.provider().client_ids.push(client_id.to_string()),
            Call::RemoveClientId { client_id } => self.provider().client_ids.retain(|id| *id != client_id),
            Call::SetThumbprints { after, .. } => {
                self.provider().thumbprints = after.iter().map(ToString::to_string).collect();
            }
            Call::TagProvider { after, .. } => self.provider().tags.extend(after),
            Call::CreateRole { input } if self.roles.contains_key(&input.role_name) => {
                return exists("EntityAlreadyExists");
            }
            Call::CreateRole { input } => {
                let id = role_id(&input.role_name);
                let live = LiveRole {
                    id: id.clone(),
                    created: made(),
                    last_used: None,
                    path: input.path.to_string(),
                    trust: input.assume_role_policy_document.text(),
                    description: Some(input.description),
                    boundary: input.permissions_boundary.map(String::from),
                    max_session_duration: Some(3600),
                    tags: desired::tags(&input.tags),
                    policy: None,
                    other_inline: Vec::new(),
                    attached: Vec::new(),
                };
                self.roles.insert(input.role_name, live);
                return Ok(Some(id));
            }
            Call::SetTrustPolicy { role, after, .. } => self.role(role.as_str()).trust = after.text(),
            Call::UpdateRole { role, after, .. } => {
                self.role(role.as_str()).description = after.description;
                self.role(role.as_str()).max_session_duration = after.max_session_duration;
            }
            Call::SetBoundary { role, after, .. } => self.role(role.as_str()).boundary = Some(after.into()),
            Call::RemoveBoundary { role, .. } => self.role(role.as_str()).boundary = None,
            Call::TagRole { role, after, .. } => self.role(role.as_str()).tags.extend(after),
            Call::SetRolePolicy { input, .. } => {
                self.role(input.role_name.as_str()).policy = Some(input.policy_document.text());
            }
            call @ (Call::DetachPolicy { .. }
            | Call::DeletePolicy { .. }
            | Call::DeleteRole { .. }
            | Call::DeleteProvider { .. }
            | Call::DeleteObject { .. }
            | Call::DeleteVersions { .. }
            | Call::DeleteBucket { .. }) => self.remove(action.name(), call)?,
            // The run writes the record itself.
            Call::OpenRecord { .. }
            | Call::CloseRecord { .. }
            | Call::OpenRemoval { .. }
            | Call::DeleteRecord { .. } => {}
        }
        Ok(None)
    }

    /// The calls that take something away.
    fn remove(&mut self, name: &'static str, call: Call) -> Result<(), AwsError> {
        let refused = |code| Err(crate::account::answered(name, 409, code, "it is so"));
        match call {
            Call::DetachPolicy { role, policy_arn } => match self.any_role(&role) {
                Some(live) => live.attached.retain(|arn| *arn != policy_arn),
                None => return refused("NoSuchEntity"),
            },
            Call::DeletePolicy { role, policy_name } => match self.any_role(&role) {
                Some(live) if policy_name == role.as_str() => live.policy = None,
                Some(live) => live.other_inline.retain(|name| *name != policy_name),
                None => return refused("NoSuchEntity"),
            },
            Call::DeleteRole { role_name, .. } => match self.any_role(&role_name) {
                Some(LiveRole { policy: None, other_inline, attached, .. })
                    if other_inline.is_empty() && attached.is_empty() =>
                {
                    self.roles.remove(&role_name);
                    self.others.remove(&role_name);
                }
                Some(_) => return refused("DeleteConflict"),
                None => return refused("NoSuchEntity"),
            },
            Call::DeleteProvider { .. } => self.provider = None,
            Call::DeleteObject { key, .. } | Call::DeleteVersions { key, .. } => {
                drop(self.bucket().objects.remove(&key));
            }
            Call::DeleteBucket { .. } => self.bucket = BucketState::Absent,
            _ => {}
        }
        Ok(())
    }
}

/// An account that takes 10 ms for a write, and notes what began and what ended.
pub(crate) struct Fake {
    pub(crate) held: Mutex<Held>,
    pub(crate) log: Mutex<Vec<String>>,
    /// Errors to give instead, by call and resource, and whether the call is carried out all the same.
    pub(crate) errors: Mutex<Vec<(&'static str, String, AwsError, bool)>>,
    /// What reading the record answers first, the last of these before the others.
    pub(crate) records: Mutex<Vec<Option<LiveRecord>>>,
    /// What somebody else publishes, by key.
    pub(crate) hosted: Mutex<BTreeMap<String, Vec<u8>>>,
    /// A call that brings its task down.
    pub(crate) panics: Option<&'static str>,
}

impl Fake {
    pub(crate) fn new(held: Held) -> Self {
        Self {
            held: Mutex::new(held),
            log: Mutex::default(),
            errors: Mutex::default(),
            records: Mutex::default(),
            hosted: Mutex::default(),
            panics: None,
        }
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap().clone()
    }
}

impl ReadAccount for Fake {
    async fn caller(&self) -> Result<Caller, AwsError> {
        Ok(Caller { account: "123456789012".to_owned(), arn: "arn:aws:iam::123456789012:user/x".to_owned() })
    }
    async fn find_bucket(&self, _: &BucketName) -> Result<BucketState<()>, AwsError> {
        Ok(self.held().bucket.with(drop))
    }
    async fn record(&self, place: &Place, name: &ClusterName) -> Result<Option<LiveRecord>, AwsError> {
        if let Some(answer) = self.records.lock().unwrap().pop() {
            return Ok(answer);
        }
        let mut held = self.held();
        Ok(match place {
            Place::Bucket(_) => held.bucket().record.clone(),
            Place::Provider { .. } => held.provider.and_then(|provider| LiveRecord::of_tags(&provider.tags, name)),
        })
    }
    async fn bucket_settings(&self, _: &BucketName) -> Result<LiveBucket, AwsError> {
        Ok(LiveBucket { objects: BTreeMap::new(), record: None, ..self.held().bucket().clone() })
    }
    async fn object(&self, _: &BucketName, key: &str) -> Result<Option<LiveObject>, AwsError> {
        Ok(self.held().bucket().objects.remove(key))
    }
    async fn provider(&self, _: &str) -> Result<Option<LiveProvider>, AwsError> {
        Ok(self.held().provider)
    }
    async fn role(&self, role: &RoleName, _: &RoleName) -> Result<Option<LiveRole>, AwsError> {
        self.log.lock().unwrap().push(format!("read {role}"));
        Ok(self.held().any_role(role).cloned())
    }
    async fn list_roles(&self, path: Option<&RolePath>) -> Result<Vec<ListedRole>, AwsError> {
        self.log.lock().unwrap().push(format!("list {}", path.map_or("/", |path| path.as_str())));
        let held = self.held();
        let listed =
            |(name, role): (&RoleName, &LiveRole)| ListedRole { name: name.to_string(), id: role.id.to_string() };
        Ok(held.roles.iter().chain(&held.others).map(listed).collect())
    }
    async fn role_tags(&self, role: &RoleName) -> Result<Option<Tags>, AwsError> {
        self.log.lock().unwrap().push(format!("tags {role}"));
        Ok(self.held().any_role(role).map(|role| role.tags.clone()))
    }
}

impl ReadIssuer for Fake {
    fn published<'a>(&'a self, key: &'a str) -> Published<'a> {
        let published = match self.held().bucket {
            BucketState::Present(mut bucket) => bucket.objects.remove(key).and_then(|object| object.body),
            // By somebody else.
            _ => self.hosted.lock().unwrap().get(key).cloned(),
        };
        let unread = || Unread { answer: "HTTP 404".to_owned(), advice: "look" };
        Box::pin(std::future::ready(published.ok_or_else(unread)))
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn advice(&self) -> &'static str {
        "look"
    }
}

impl WriteAccount for Fake {
    async fn perform(&self, action: &Action, log: &CallLog) -> Result<Option<RoleId>, AwsError> {
        let (name, resource) = (action.name(), action.resource.rsplit([':', '/']).next().unwrap().to_owned());
        self.log.lock().unwrap().push(format!("begin {name} {resource}"));
        // Long enough for whatever may begin meanwhile to begin.
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.log.lock().unwrap().push(format!("end {name} {resource}"));
        log.note(Some(format!("{name}-1")));
        assert_ne!(Some(name), self.panics, "as the test wants it");
        let error = self.errors.lock().unwrap().iter().find(|(call, of, ..)| *call == name && *of == resource).cloned();
        if let Some((.., error, carried_out)) = error {
            if carried_out {
                self.held.lock().unwrap().perform(action).unwrap();
            }
            return Err(error);
        }
        self.held.lock().unwrap().perform(action)
    }

    async fn put_record(
        &self,
        place: &Place,
        before: Option<&str>,
        record: &Record,
        _: Patience,
        log: &CallLog,
    ) -> Result<String, AwsError> {
        log.note(Some("record-1".to_owned()));
        self.log.lock().unwrap().push("record".to_owned());
        let mut held = self.held.lock().unwrap();
        if let Place::Provider { .. } = place {
            let (tags, version) = tags::write(record);
            held.provider().tags.extend(tags);
            return Ok(version);
        }
        let found = held.bucket().record.as_ref().map(|record| record.etag.clone());
        if found.as_deref() != before {
            return Err(crate::account::answered("s3:PutObject", 412, "PreconditionFailed", "it changed"));
        }
        held.put_record(Record::parse(&record.to_bytes(), &parsed("prod")).unwrap());
        Ok(held.bucket().record.as_ref().unwrap().etag.clone())
    }

    async fn delete_record(&self, place: &Place, etag: &str, _: &CallLog) -> Result<(), AwsError> {
        self.log.lock().unwrap().push("delete record".to_owned());
        let mut held = self.held.lock().unwrap();
        if let Place::Provider { name, .. } = place {
            held.provider().tags.retain(|key, _| tags::bundle_of(key).as_ref() != Some(name));
            return Ok(());
        }
        let found = held.bucket().record.as_ref().map(|record| record.etag.clone());
        if found.as_deref() != Some(etag) {
            return Err(crate::account::answered("s3:DeleteObject", 412, "PreconditionFailed", "it changed"));
        }
        held.bucket().record = None;
        Ok(())
    }

    async fn delete_record_versions(&self, _: &Place, _: &CallLog) -> Result<(), AwsError> {
        self.log.lock().unwrap().push("delete record versions".to_owned());
        self.held.lock().unwrap().bucket().record = None;
        Ok(())
    }

    fn stop_sending(&self) {}
}

/// When IAM made everything that is there.
fn made() -> Timestamp {
    Timestamp::from_unix(1_790_000_000).unwrap()
}

/// Tags as a map.
pub(crate) fn tag_set(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
