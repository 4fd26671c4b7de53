//! Condition keys that do not belong to one service [IAM user guide, AWS global condition context keys, as of November 2026].
//!
//! `aws:RequestTag`, `aws:ResourceTag` and `aws:TagKeys` are not here: the data says which actions take them.

use super::{ConditionKey, KeyType, Of};

/// Types of keys with one value.
const fn one(of: Of) -> KeyType {
    KeyType { of, several: false }
}

const STRINGS: KeyType = KeyType { of: Of::String, several: true };

/// Every request may have these. `${...}` stands for any text.
const GLOBAL: [(&str, KeyType); 59] = [
    ("aws:AssumedRoot", one(Of::Bool)),
    ("aws:CalledVia", STRINGS),
    ("aws:CalledViaAWSMCP", one(Of::String)),
    ("aws:CalledViaFirst", one(Of::String)),
    ("aws:CalledViaLast", one(Of::String)),
    ("aws:ChatbotSourceArn", one(Of::Arn)),
    ("aws:CurrentTime", one(Of::Date)),
    ("aws:Ec2InstanceSourcePrivateIPv4", one(Of::IpAddress)),
    ("aws:Ec2InstanceSourceVpc", one(Of::String)),
    ("aws:EpochTime", one(Of::Date)),
    ("aws:FederatedProvider", one(Of::String)),
    ("aws:IsMcpServiceAction", one(Of::Bool)),
    ("aws:MultiFactorAuthAge", one(Of::Numeric)),
    ("aws:MultiFactorAuthPresent", one(Of::Bool)),
    ("aws:PrincipalAccount", one(Of::String)),
    ("aws:PrincipalArn", one(Of::Arn)),
    ("aws:PrincipalIsAWSService", one(Of::Bool)),
    ("aws:PrincipalOrgID", one(Of::String)),
    ("aws:PrincipalOrgPaths", STRINGS),
    ("aws:PrincipalServiceName", one(Of::String)),
    ("aws:PrincipalServiceNamesList", STRINGS),
    ("aws:PrincipalTag/${TagKey}", one(Of::String)),
    ("aws:PrincipalType", one(Of::String)),
    ("aws:referer", one(Of::String)),
    ("aws:RequestedRegion", one(Of::String)),
    ("aws:ResourceAccount", one(Of::String)),
    ("aws:ResourceOrgID", one(Of::String)),
    ("aws:ResourceOrgPaths", STRINGS),
    ("aws:SecureTransport", one(Of::Bool)),
    ("aws:SignInSessionArn", one(Of::Arn)),
    ("aws:SourceAccount", one(Of::String)),
    ("aws:SourceArn", one(Of::Arn)),
    ("aws:SourceIdentity", one(Of::String)),
    ("aws:SourceIp", one(Of::IpAddress)),
    ("aws:SourceOrgID", one(Of::String)),
    ("aws:SourceOrgPaths", STRINGS),
    ("aws:SourceVpc", one(Of::String)),
    ("aws:SourceVpcArn", one(Of::Arn)),
    ("aws:SourceVpce", one(Of::String)),
    ("aws:TokenIssueTime", one(Of::Date)),
    ("aws:UserAgent", one(Of::String)),
    ("aws:userid", one(Of::String)),
    ("aws:username", one(Of::String)),
    ("aws:ViaAWSMCPService", one(Of::Bool)),
    ("aws:ViaAWSService", one(Of::Bool)),
    ("aws:ViaCustomerDomain", one(Of::String)),
    ("aws:VpceAccount", one(Of::String)),
    ("aws:VpceOrgID", one(Of::String)),
    ("aws:VpceOrgPaths", STRINGS),
    ("aws:VpcSourceIp", one(Of::IpAddress)),
    // Keys of one service that requests to others have too.
    ("codebuild:BuildArn", one(Of::Arn)),
    ("codebuild:ProjectArn", one(Of::Arn)),
    ("ec2:RoleDelivery", one(Of::Numeric)),
    ("ec2:SourceInstanceARN", one(Of::Arn)),
    ("glue:CredentialIssuingService", one(Of::String)),
    ("glue:RoleAssumedBy", one(Of::String)),
    ("identitystore:UserId", one(Of::String)),
    ("lambda:SourceFunctionArn", one(Of::Arn)),
    ("ssm:SourceInstanceARN", one(Of::Arn)),
];

/// The global key of this name, without regard to case.
pub(super) fn key(name: &str) -> Option<ConditionKey<'static>> {
    GLOBAL.iter().map(|(known, kind)| ConditionKey { name: known, kind: *kind }).find(|known| known.is(name))
}
