//! Actions that rules look for.
//!
//! Sources: Rhino Security Labs, "AWS IAM Privilege Escalation"; the lists of cloudsplaining (escalation, resource exposure,
//! data exfiltration) and parliament; AWS's service authorization reference.

use std::collections::HashSet;

use crate::review::action_data::{Action, ActionData};

/// Each of these alone is enough.
const IAM: [&str; 20] = [
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateServiceSpecificCredential",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:ResetServiceSpecificCredential",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "iam:UpdateSAMLProvider",
];

/// What starts something under a role that is passed to it.
const STARTS_WITH_ROLE: [&str; 27] = [
    "apprunner:CreateService",
    "autoscaling:CreateLaunchConfiguration",
    "bedrock-agentcore:CreateCodeInterpreter",
    "cloudformation:CreateStack",
    "cloudformation:CreateStackSet",
    "cloudformation:UpdateStack",
    "codebuild:CreateProject",
    "codebuild:UpdateProject",
    "datapipeline:CreatePipeline",
    "ec2:AssociateIamInstanceProfile",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "ec2:RequestSpotInstances",
    "ec2:RunInstances",
    "ecs:CreateService",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:StartTask",
    "elasticmapreduce:RunJobFlow",
    "glue:CreateDevEndpoint",
    "glue:CreateJob",
    "glue:UpdateJob",
    "lambda:CreateFunction",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "ssm:StartAutomationExecution",
    "states:CreateStateMachine",
];

/// What runs code in something that is there already.
const RUNS_CODE: [&str; 19] = [
    "cloudformation:ExecuteChangeSet",
    "cloudformation:UpdateStack",
    "codebuild:StartBuild",
    "codebuild:UpdateProject",
    "datapipeline:PutPipelineDefinition",
    "ec2-instance-connect:SendSSHPublicKey",
    "ec2-instance-connect:SendSerialConsoleSSHPublicKey",
    "ecs:ExecuteCommand",
    "glue:UpdateDevEndpoint",
    "glue:UpdateJob",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "sagemaker:CreatePresignedDomainUrl",
    "sagemaker:CreatePresignedNotebookInstanceUrl",
    "ssm:CreateAssociation",
    "ssm:SendCommand",
    "ssm:StartSession",
    "ssm:UpdateAssociation",
    "states:UpdateStateMachine",
];

/// An instance runs its user data when it starts again, so all three are needed.
const USER_DATA: [&str; 3] = ["ec2:ModifyInstanceAttribute", "ec2:StartInstances", "ec2:StopInstances"];

/// What shares or publishes data, or changes who may get it.
const SHARING: [&str; 48] = [
    "backup:PutBackupVaultAccessPolicy",
    "codeartifact:PutRepositoryPermissionsPolicy",
    "dynamodb:PutResourcePolicy",
    "ec2:CreateInstanceExportTask",
    "ec2:CreateStoreImageTask",
    "ec2:DisableImageBlockPublicAccess",
    "ec2:DisableSnapshotBlockPublicAccess",
    "ec2:ExportImage",
    "ec2:ModifyFpgaImageAttribute",
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "ecr-public:SetRepositoryPolicy",
    "ecr:PutRegistryPolicy",
    "ecr:PutReplicationConfiguration",
    "ecr:SetRepositoryPolicy",
    "elasticfilesystem:CreateReplicationConfiguration",
    "elasticfilesystem:PutFileSystemPolicy",
    "events:PutPermission",
    "glacier:SetVaultAccessPolicy",
    "kinesis:PutResourcePolicy",
    "kms:PutKeyPolicy",
    "lambda:AddLayerVersionPermission",
    "lambda:AddPermission",
    "lambda:CreateFunctionUrlConfig",
    "logs:PutResourcePolicy",
    "logs:PutSubscriptionFilter",
    "ram:AssociateResourceShare",
    "ram:CreateResourceShare",
    "rds:ModifyDBClusterSnapshotAttribute",
    "rds:ModifyDBSnapshotAttribute",
    "rds:StartExportTask",
    "redshift:AuthorizeSnapshotAccess",
    "s3:PutAccessPointPolicy",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutBucketAcl",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:PutReplicationConfiguration",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:ReplicateSecretToRegions",
    "sns:AddPermission",
    "sns:SetTopicAttributes",
    "sqs:AddPermission",
    "sqs:SetQueueAttributes",
    "ssm:ModifyDocumentPermission",
];

/// What reads or hands out passwords, keys and tokens.
const SECRETS: [&str; 14] = [
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    "connect:GetFederationToken",
    "ec2:GetPasswordData",
    "lightsail:GetInstanceAccessDetails",
    "lightsail:GetRelationalDatabaseMasterUserPassword",
    "redshift-serverless:GetCredentials",
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
];

/// What reads other data.
const DATA: [&str; 14] = [
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "kinesis:GetRecords",
    "logs:GetLogEvents",
    "rds-data:ExecuteStatement",
    "rds-db:connect",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "sqs:ReceiveMessage",
];

/// The lists, as what the data knows of them: a name that is not in it cannot be granted.
pub(super) struct Lists {
    /// Enough, each alone, for every permission.
    pub(super) iam: Names,
    /// Starts something under a role that is passed to it.
    pub(super) starts_with_role: Names,
    /// Runs code in something that is there already.
    pub(super) runs_code: Names,
    /// Changes an instance's user data and runs it.
    pub(super) user_data: Names,
    /// Shares or publishes data.
    pub(super) sharing: Names,
    /// Reads or hands out passwords, keys and tokens.
    pub(super) secrets: Names,
    /// Reads other data.
    pub(super) data: Names,
    pub(super) pass_role: Names,
    pub(super) assume_role: Names,
    pub(super) create_grant: Names,
}

/// Some actions.
pub(super) struct Names(HashSet<usize>);

impl Names {
    fn of(data: &ActionData, names: &[&str]) -> Self {
        Self(names.iter().filter_map(|name| data.action(name)).map(|action| action.id()).collect())
    }

    pub(super) fn has(&self, action: Action<'_>) -> bool {
        self.0.contains(&action.id())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Lists {
    pub(super) fn of(data: &ActionData) -> Self {
        Self {
            iam: Names::of(data, &IAM),
            starts_with_role: Names::of(data, &STARTS_WITH_ROLE),
            runs_code: Names::of(data, &RUNS_CODE),
            user_data: Names::of(data, &USER_DATA),
            sharing: Names::of(data, &SHARING),
            secrets: Names::of(data, &SECRETS),
            data: Names::of(data, &DATA),
            pass_role: Names::of(data, &["iam:PassRole"]),
            assume_role: Names::of(data, &["sts:AssumeRole"]),
            create_grant: Names::of(data, &["kms:CreateGrant"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_has_every_listed_action() {
        let data = ActionData::built_in().unwrap();
        let lists: [&[&str]; 7] = [&IAM, &STARTS_WITH_ROLE, &RUNS_CODE, &USER_DATA, &SHARING, &SECRETS, &DATA];
        for list in lists {
            assert!(list.is_sorted());
            for name in list {
                assert_eq!(data.action(name).map(|action| action.to_string()).as_deref(), Some(*name));
            }
        }
    }
}
