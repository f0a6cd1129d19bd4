"""The roles' permissions against deploy/iam."""

import ast
import json

import boto3

from .common import ACCOUNT, read

# What a machine needs beside its node, and nothing of deploy/iam has.
HOST = {
    "HostSecrets": ["secretsmanager:GetSecretValue"], "HostGroup": ["autoscaling:CompleteLifecycleAction"],
    "HostPackage": ["s3:GetObject"], "HostSignal": ["cloudformation:SignalResource"],
    "HostLogs": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    "HostMetrics": ["cloudwatch:PutMetricData"],
    "HostSessions": ["ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
                     "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"],
}


def permissions(check, ids, template):
    iam = boto3.client("iam")
    def lists(value):
        return value if isinstance(value, list) else [value]
    def parts(document):
        # moto gives a role's own policy as Python prints it.
        return (ast.literal_eval(document) if isinstance(document, str) else document)["Statement"]
    def shown(statements):
        return {one["Sid"]: (sorted(lists(one["Action"])), sorted(lists(one.get("Resource")))) for one in statements}
    for role, logical in (("api", "ApiRole"), ("worker", "WorkerRole")):
        statements = []
        for name in iam.list_role_policies(RoleName=ids[logical])["PolicyNames"]:
            statements += parts(iam.get_role_policy(RoleName=ids[logical], PolicyName=name)["PolicyDocument"])
        attached = iam.list_attached_role_policies(RoleName=ids[logical])["AttachedPolicies"]
        for policy in attached:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            statements += parts(iam.get_policy_version(
                PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
        check(f"{role}: no policy of AWS's own, which would allow more",
              [policy["PolicyArn"] for policy in attached if ":aws:policy/" in policy["PolicyArn"]], [])
        text = read(f"deploy/iam/{role}.json").replace("anb-videos", ids["Bucket"]).replace("111122223333", ACCOUNT)
        check(f"{role}: the statements of deploy/iam/{role}.json, on this stack's bucket and queues",
              shown(one for one in statements if not one["Sid"].startswith("Host")),
              shown(json.loads(text)["Statement"]))
        host = [one for one in statements if one["Sid"].startswith("Host")]
        check(f"{role}: beside them what the machine needs",
              {one["Sid"]: sorted(lists(one["Action"])) for one in host}, HOST)
        check(f"{role}: all resources only where AWS knows none",
              sorted(one["Sid"] for one in host if "*" in lists(one.get("Resource"))), ["HostMetrics", "HostSessions"])
        # moto makes no secrets, and leaves out what would name them.
        secrets = next(one for one in template["Resources"][logical]["Properties"]["Policies"][0]["PolicyDocument"][
            "Statement"] if one["Sid"] == "HostSecrets")
        check(f"{role}: {'both secrets' if role == 'api' else 'not the token keys'}",
              [one["Ref"] for one in lists(secrets["Resource"])],
              ["DatabaseSecret", "TokenKeysSecret"] if role == "api" else ["DatabaseSecret"])
