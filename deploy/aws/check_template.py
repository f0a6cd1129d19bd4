"""Checks deploy/aws/anb.yaml without an account: cfn-lint finds nothing, every reference leads somewhere, and a stack
of it in moto has the owner's numbers (docs/architecture.md) and the permissions of deploy/iam, no more.

    .build/aws-local/bin/python3 deploy/aws/check_template.py [TEMPLATE]

One line a check, `N passed, N failed` at the end; exit code 1 when one failed.
"""

import ast
import base64
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REGION, ACCOUNT, STACK = "us-east-1", "123456789012", "anb"
# Before boto3 is imported: nothing of this machine's own AWS settings may be used.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION,
                  AWS_EC2_METADATA_DISABLED="true")

import boto3  # noqa: E402
import cfnlint.decode  # noqa: E402
from moto import mock_aws  # noqa: E402

GIVEN = {"PackageUrl": "s3://anb-packages/1/anb_1.0_amd64.deb", "SiteOrigin": "https://anb.example",
         "AlarmEmail": "night@anb.example", "VotingNightStarts": "2099-06-20T20:00:00Z",
         "VotingNightEnds": "2099-06-21T04:00:00Z",
         # moto knows Amazon's images by their parameters, not Debian's: the parameter becomes a plain text below.
         "ImageId": "ami-12c6146b"}
DATABASE_HOST = "database.internal"


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, found, wanted=True):
        if found == wanted:
            self.passed += 1
            print(f"ok    {name}")
        else:
            self.failed += 1
            print(f"FAIL  {name}: {found!r}, wanted {wanted!r}")

    def section(self, body, *arguments):
        """A check that cannot even be made is a failed one, and no reason to leave out the others."""
        try:
            body(self, *arguments)
        except Exception as error:  # noqa: BLE001
            self.failed += 1
            print(f"FAIL  {body.__name__}: {type(error).__name__}: {error}")


# ---- the template as it is


def lint(check, path):
    command = [os.path.join(os.path.dirname(sys.executable), "cfn-lint"), "--include-checks", "I", "--", path]
    done = subprocess.run(command, capture_output=True, text=True)
    check("cfn-lint finds nothing", (done.returncode, done.stdout.strip()), (0, ""))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    check("no rule of cfn-lint is switched off", "ignore_checks" in text or "cfn-lint" in text, False)
    check("no YAML aliases, which CloudFormation does not take", re.findall(r"^[^#'\"]*: [&*]\w+$", text, re.M), [])
    check("the template fits into the 1 MB that CloudFormation reads from S3", len(text.encode()) < 1_000_000)


def walk(value):
    yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from walk(member)


PSEUDO = {"AWS::AccountId", "AWS::Region", "AWS::StackName", "AWS::StackId", "AWS::Partition", "AWS::NoValue"}


def references(check, template):
    """Names alone; that a resource has the attribute is cfn-lint's to know (E1010)."""
    resources, parameters = set(template["Resources"]), set(template["Parameters"])
    conditions, used, missing = set(template["Conditions"]), set(), []

    def wants(name, known, what):
        used.add(name)
        if name not in known:
            missing.append(f"{what} {name}")

    for value in walk(template):
        if not isinstance(value, dict):
            continue
        for key, argument in value.items():
            if key == "Ref":
                wants(argument, resources | parameters | PSEUDO, "Ref")
            elif key == "Fn::GetAtt":
                wants((argument if isinstance(argument, list) else argument.split("."))[0], resources, "GetAtt")
            elif key == "Fn::Sub":
                text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
                for name in re.findall(r"\$\{([^!}][^}]*)\}", text):
                    known = resources if "." in name else resources | parameters | PSEUDO | set(own)
                    wants(name.split(".")[0], known, "Sub")
            elif key == "Fn::If":
                wants(argument[0], conditions, "If")
            elif key == "Condition" and isinstance(argument, str):
                wants(argument, conditions, "Condition")
            elif key == "Fn::FindInMap":
                try:
                    template["Mappings"][argument[0]][argument[1]][argument[2]]
                except KeyError:
                    missing.append(f"FindInMap {argument}")
            elif key == "DependsOn":
                for name in argument if isinstance(argument, list) else [argument]:
                    wants(name, resources, "DependsOn")
    check("every reference leads somewhere", missing, [])
    check("every parameter is used", sorted(parameters - used), [])


class Resolver:
    """Values of the template with parameters and, where moto made it, the resource's own id in place of references."""

    def __init__(self, template, parameters, ids):
        self.template, self.ids = template, ids
        self.known = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::StackName": STACK, "AWS::Partition": "aws",
                      "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1"}
        self.known |= {name: str(parameters.get(name, value.get("Default")))
                       for name, value in template["Parameters"].items()}

    def reference(self, name):
        if name in self.known:
            return self.known[name]
        return self.ids.get(name) or f"made-up-{name}"

    def attribute(self, resource, attribute):
        made = self.ids.get(resource, f"made-up-{resource}")
        if attribute == "QueueName":
            return self.template["Resources"][resource]["Properties"]["QueueName"]
        if attribute in ("TargetGroupFullName", "LoadBalancerFullName"):
            return made.split(":")[-1].removeprefix("loadbalancer/")
        return made

    def __call__(self, value):
        if isinstance(value, list):
            return [self(member) for member in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return self.reference(argument)
            if key == "Fn::GetAtt":
                parts = argument if isinstance(argument, list) else argument.split(".", 1)
                return self.attribute(parts[0], ".".join(parts[1:]))
            if key == "Fn::Sub" and isinstance(argument, str):
                return re.sub(r"\$\{([^}]+)\}", lambda found: self.substitute(found[1]), argument)
        return {key: self(member) for key, member in value.items()}

    def substitute(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)


# ---- the stack in moto


def for_moto(template):
    """What moto 5.2.5 cannot do is taken out or put differently; what the template says of it is checked from itself."""
    template = json.loads(json.dumps(template))
    template["Parameters"]["ImageId"] = {"Type": "String"}
    # moto makes an object of the group where it expects its name, and fails on it.
    del template["Resources"]["Database"]["Properties"]["DBParameterGroupName"]
    # moto knows neither alarms, whose Arn a dashboard names, nor a target group's full name: metrics() reads the boards.
    for one in template["Resources"].values():
        if one["Type"] == "AWS::CloudWatch::Dashboard":
            one["Properties"]["DashboardBody"] = '{"widgets": []}'
    # moto looks for an attribute `Endpoint` of an instance, not for `Endpoint.Address`.
    def plain(value):
        if isinstance(value, dict):
            if value.get("Fn::GetAtt") in (["Database", "Endpoint.Address"], "Database.Endpoint.Address"):
                return DATABASE_HOST
            return {key: plain(member) for key, member in value.items()}
        if isinstance(value, list):
            return [plain(member) for member in value]
        return value.replace("${Database.Endpoint.Address}", DATABASE_HOST) if isinstance(value, str) else value
    return plain(template)


def made_with_moto(template):
    cloud = boto3.client("cloudformation")
    certificate = boto3.client("acm").request_certificate(DomainName="anb.example")["CertificateArn"]
    given = GIVEN | {"CertificateArn": certificate}
    cloud.create_stack(
        StackName=STACK, TemplateBody=json.dumps(for_moto(template)), Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()])
    state = cloud.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    ids = {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
           for resource in cloud.describe_stack_resources(StackName=STACK)["StackResources"]
           if "LogicalResourceId" in resource}
    return state, ids


def queues(check):
    sqs = boto3.client("sqs")
    def attributes(name):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    jobs, letters = attributes("anb-video-processing-queue"), attributes("anb-video-processing-dlq")
    check("queue: visibility 3600 s", jobs["VisibilityTimeout"], "3600")
    check("queue: long poll 20 s", jobs["ReceiveMessageWaitTimeSeconds"], "20")
    check("queue: retention 4 days", jobs["MessageRetentionPeriod"], str(4 * 86400))
    redrive = json.loads(jobs["RedrivePolicy"])
    check("queue: 3 receives, then the dead letter queue",
          (int(redrive["maxReceiveCount"]), redrive["deadLetterTargetArn"]), (3, letters["QueueArn"]))
    check("dead letters: retention 14 days", letters["MessageRetentionPeriod"], str(14 * 86400))


def bucket(check, ids, template):
    s3, name = boto3.client("s3"), ids["Bucket"]
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    check("bucket: encrypted", rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
    # moto's CloudFormation sets neither versioning, nor lifecycle, nor CORS, nor the public access block.
    words = template["Resources"]["Bucket"]["Properties"]
    check("bucket: versions are kept", words["VersioningConfiguration"], {"Status": "Enabled"})
    lifecycle = {rule["Id"]: rule for rule in words["LifecycleConfiguration"]["Rules"]}
    check("bucket: temp/ is kept for a day", [lifecycle["temporary"][key] for key in ("Prefix", "ExpirationInDays")],
          ["temp/", 1])
    check("bucket: incomplete uploads are kept for a day",
          lifecycle["incomplete-uploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 1)
    check("bucket: old versions end", (lifecycle["old-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"],
          template["Parameters"]["OldVersionDays"]["Default"]), ({"Ref": "OldVersionDays"}, 7))
    check("bucket: each rule is in force", {rule["Status"] for rule in lifecycle.values()}, {"Enabled"})
    check("bucket: no more rules of lifecycle", sorted(lifecycle), ["incomplete-uploads", "old-versions", "temporary"])
    check("bucket: CORS for playback by ranges",
          [(rule["AllowedOrigins"], rule["AllowedMethods"], "Range" in rule["AllowedHeaders"],
            {"Content-Range", "Accept-Ranges"} <= set(rule["ExposedHeaders"]))
           for rule in words["CorsConfiguration"]["CorsRules"]],
          [([{"Ref": "SiteOrigin"}], ["GET", "HEAD"], True, True)])
    block = words["PublicAccessBlockConfiguration"]
    check("bucket: public access is blocked", (len(block), all(block.values())), (4, True))
    for kept in ("Bucket", "Queue", "DeadLetterQueue"):
        check(f"{kept} outlives the stack", template["Resources"][kept]["DeletionPolicy"], "Retain")


def balancer(check, ids, template):
    elb = boto3.client("elbv2")
    # moto's CloudFormation leaves a target group's attributes as they are by default.
    attributes = template["Resources"]["ApiTargets"]["Properties"]["TargetGroupAttributes"]
    elb.modify_target_group_attributes(TargetGroupArn=ids["ApiTargets"], Attributes=attributes)
    group = elb.describe_target_groups(TargetGroupArns=[ids["ApiTargets"]])["TargetGroups"][0]
    check("targets: HTTP on port 80", (group["Protocol"], group["Port"]), ("HTTP", 80))
    check("targets: GET /api/health every 30 s, 2 to be healthy, 2 to be not",
          (group["HealthCheckPath"], group["HealthCheckIntervalSeconds"], group["HealthyThresholdCount"],
           group["UnhealthyThresholdCount"], group["Matcher"]["HttpCode"]), ("/api/health", 30, 2, 2, "200"))
    found = {pair["Key"]: pair["Value"]
             for pair in elb.describe_target_group_attributes(TargetGroupArn=ids["ApiTargets"])["Attributes"]}
    check("targets: sticky by the balancer's cookie", (found["stickiness.enabled"], found["stickiness.type"]),
          ("true", "lb_cookie"))
    check("targets: deregistration waits for notice 65 + grace 30 + 5 s",
          found["deregistration_delay.timeout_seconds"], "100")
    one = elb.describe_load_balancers(LoadBalancerArns=[ids["Balancer"]])["LoadBalancers"][0]
    check("balancer: in the internet, in both zones",
          (one["Scheme"], sorted(zone["ZoneName"] for zone in one["AvailabilityZones"])),
          ("internet-facing", ["us-east-1a", "us-east-1b"]))
    listeners = {listener["Port"]: listener["DefaultActions"][0]
                 for listener in elb.describe_listeners(LoadBalancerArn=ids["Balancer"])["Listeners"]}
    check("balancer: 80 redirects and 443 serves, with a certificate",
          {port: action["Type"] for port, action in listeners.items()}, {80: "redirect", 443: "forward"})


def nodes(check, ids, template):
    scaling, ec2 = boto3.client("autoscaling"), boto3.client("ec2")
    def group(name):
        return scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    api, worker = group("anb-api"), group("anb-worker")
    check("api: 1 to 5 nodes", (api["MinSize"], api["MaxSize"]), (1, 5))
    check("api: cooldown 300 s", api["DefaultCooldown"], 300)
    check("api: in the balancer's target group, whose health counts",
          (api["TargetGroupARNs"], api["HealthCheckType"]), ([ids["ApiTargets"]], "ELB"))
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in ec2.describe_subnets()["Subnets"]}
    for name, one in (("api", api), ("worker", worker)):
        check(f"{name}: both zones", sorted(zones[subnet] for subnet in one["VPCZoneIdentifier"].split(",")),
              ["us-east-1a", "us-east-1b"])
    check("worker: 1 to 4 nodes by default", (worker["MinSize"], worker["MaxSize"]), (1, 4))
    for name, kind in (("ApiTemplate", "t2.small"), ("WorkerTemplate", "c6i.large")):
        data = ec2.describe_launch_template_versions(LaunchTemplateId=ids[name])["LaunchTemplateVersions"][0][
            "LaunchTemplateData"]
        check(f"{name}: {kind}", data["InstanceType"], kind)
        check(f"{name}: IMDSv2 alone", data["MetadataOptions"]["HttpTokens"], "required")
        check(f"{name}: disks are encrypted", [str(disk["Ebs"]["Encrypted"]).lower()
                                               for disk in data["BlockDeviceMappings"]], ["true"])
        check(f"{name}: no key for SSH", data.get("KeyName"), None)
        user_data(check, name, base64.b64decode(data["UserData"]).decode())
    actions = {action["MinSize"]: str(action["StartTime"])[:16]
               for action in scaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"]}
    check("voting night: at least 2 from its start, 1 from its end",
          actions, {2: "2099-06-20 20:00", 1: "2099-06-21 04:00"})
    # moto makes no lifecycle hooks of a group's list.
    for name in ("ApiNodes", "WorkerNodes"):
        hook = template["Resources"][name]["Properties"]["LifecycleHookSpecificationList"][0]
        check(f"{name}: a hook holds the machine while it drains",
              (hook["LifecycleTransition"], hook["HeartbeatTimeout"] >= 65 + 30 + 5, hook["DefaultResult"]),
              ("autoscaling:EC2_INSTANCE_TERMINATING", True, "CONTINUE"))


# What user data calls, in place of the machine that it would change.
STUBS = """
apt-get() { :; }
chown() { :; }
sleep() { :; }
install() { mkdir -p "${@: -1}"; }
systemctl() { printf '%s\\n' "${@: -1}" >>"$ROOT/started"; }
jq() { cat >/dev/null; printf 'secret\\n'; }
anb-imds() { echo i-1; }
curl() { local i; for ((i = 1; i <= $#; i++)); do [ "${!i}" != -o ] || { i=$((i + 1)); : >"${!i}"; }; done; }
aws() {
    case "$1 $2" in
        "cloudformation signal-resource") echo "$6 ${*: -1}" >>"$ROOT/signals" ;;
        "secretsmanager get-secret-value") printf 'k%.0s' {1..64}; echo ;;
    esac
}
"""
FOLDERS = ["etc/anb", "etc/systemd/system", "usr/local/sbin", "opt/aws/amazon-cloudwatch-agent/etc",
           "opt/aws/amazon-cloudwatch-agent/bin", "var/log", "tmp"]


def boot(root, script, more=""):
    """Runs user data with stubs below a folder; returns its exit code, and what it has written there."""
    shutil.rmtree(root, ignore_errors=True)
    for folder in FOLDERS:
        os.makedirs(f"{root}/{folder}")
    control = f"{root}/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    with open(control, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
        file.write("#!/bin/sh\n")
    its_own = r"(?<![\w.}:/])/(?=etc/anb|etc/systemd|usr/local/sbin|opt/aws|var/log/anb-boot|tmp/)"
    here = re.sub(its_own, f"{root}/", script)
    environment = {"PATH": "/usr/bin:/bin", "ROOT": root}
    done = subprocess.run(["bash", "-c", f"{STUBS}{more}\n{here}"], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    if done.returncode and not more:
        print(done.stderr[-500:], open(f"{root}/var/log/anb-boot.log", encoding="utf-8").read()[-1500:])
    def written(path):
        try:
            with open(f"{root}/{path}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None
    return done.returncode, written


def user_data(check, name, script):
    role = "api" if name == "ApiTemplate" else "worker"
    check(f"{name}: user data below 16 KiB", len(script.encode()) < 16384)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    check(f"{name}: user data is bash", (done.returncode, done.stderr), (0, ""))
    check(f"{name}: user data is of its role, with the package", (f"ROLE={role} " in script,
          f"PACKAGE='{GIVEN['PackageUrl']}'" in script), (True, True))
    with tempfile.TemporaryDirectory(prefix="anb-user-data-") as root:
        code, written = boot(root, script)
        check(f"{name}: user data runs, and CloudFormation hears of it", (code, written("signals")),
              (0, f"{'ApiNodes' if role == 'api' else 'WorkerNodes'} SUCCESS\n"))
        started = ["anb-drain.service", f"anb-{role}.service"]
        check(f"{name}: user data starts the node and its drain",
              [line for line in started if f"{line}\n" in written("started")], started)
        settings = json.loads(written("etc/anb/cluster.json"))
        agent = json.loads(written("opt/aws/amazon-cloudwatch-agent/etc/anb.json"))
        check(f"{name}: the database's password and, on API nodes alone, the token keys are there",
              (written("etc/anb/database-password"), written("etc/anb/token-keys")),
              ("secret\n", f"k1:{'k' * 64}\n" if role == "api" else None))
        check(f"{name}: the drain stops this role's unit, then lets the group go on",
              [f"stop anb-{role}.service" in written("usr/local/sbin/anb-drain"),
               f"--auto-scaling-group-name anb-{role} " in written("usr/local/sbin/anb-drain")], [True, True])
        check(f"{name}: nginx believes the balancer's subnets", (written("etc/anb/balancers.conf") or "").split("\n"),
              ["set_real_ip_from 10.20.0.0/24;", "set_real_ip_from 10.20.1.0/24;", ""] if role == "api" else [""])
        code, written = boot(root, script, "apt-get() { false; }")
        check(f"{name}: CloudFormation hears of a failure, too", (code != 0, written("signals")),
              (True, f"{'ApiNodes' if role == 'api' else 'WorkerNodes'} FAILURE\n"))
    paths = [f"{section}.{key}" for section, members in settings.items() if isinstance(members, dict) for key in members]
    with open(f"{ROOT}/docs/configuration.md", encoding="utf-8") as file:
        known = set(re.findall(r"^\| `([^`]+)`", file.read(), re.M))
    check(f"{name}: cluster.json has known keys alone", sorted(set(paths) - known), [])
    check(f"{name}: cluster.json has the drain's numbers", settings["drain"],
          {"noticeSeconds": 65 if role == "api" else 0, "graceSeconds": 30})
    check(f"{name}: cluster.json leads to the stack's bucket and database",
          (settings["storage"]["bucket"], DATABASE_HOST in settings["database"]["url"],
           "sslmode=verify-full" in settings["database"]["url"]),
          (f"anb-videos-{ACCOUNT}-{REGION}", True, True))
    files = {part["file_path"]: part["log_group_name"]
             for part in agent["logs"]["logs_collected"]["files"]["collect_list"]}
    check(f"{name}: the agent brings metrics and log to CloudWatch",
          (files.get("/var/log/anb/metrics.log"), files.get("/var/log/anb/node.log")), ("/anb/metrics", "/anb/node"))
    check(f"{name}: the agent measures the disk", "disk" in agent["metrics"]["metrics_collected"])


def network(check, ids, template):
    groups = {group["GroupId"]: group for group in boto3.client("ec2").describe_security_groups()["SecurityGroups"]}
    names = {ids[name]: name for name in ("BalancerGroup", "ApiSecurityGroup", "WorkerSecurityGroup",
                                          "DatabaseSecurityGroup")}
    rules = {(names[identifier], permission["FromPort"], permission["ToPort"], source)
             for identifier in names for permission in groups[identifier]["IpPermissions"]
             for source in [one["CidrIp"] for one in permission["IpRanges"]]
             + [names[pair["GroupId"]] for pair in permission["UserIdGroupPairs"]]}
    check("network: exactly these ways in, and no port 22", rules, {
        ("BalancerGroup", 80, 80, "0.0.0.0/0"), ("BalancerGroup", 443, 443, "0.0.0.0/0"),
        ("ApiSecurityGroup", 80, 80, "BalancerGroup"),
        ("DatabaseSecurityGroup", 5432, 5432, "ApiSecurityGroup"),
        ("DatabaseSecurityGroup", 5432, 5432, "WorkerSecurityGroup")})
    # A rule of its own would be a way in that the list above does not see in every version of moto.
    kinds = [resource["Type"] for resource in template["Resources"].values()]
    check("network: no rule stands outside its group", kinds.count("AWS::EC2::SecurityGroupIngress"), 0)
    # moto makes no AWS::EC2::SecurityGroupEgress.
    out = template["Resources"]["BalancerToApi"]["Properties"]
    check("network: the balancer reaches port 80 of the nodes", (out["FromPort"], out["ToPort"]), (80, 80))
    endpoints = boto3.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    check("network: S3 by the free endpoint", [(one["VpcEndpointType"], one["ServiceName"]) for one in endpoints],
          [("Gateway", f"com.amazonaws.{REGION}.s3")])


def database(check, template):
    one = boto3.client("rds").describe_db_instances()["DBInstances"][0]
    check("database: PostgreSQL 15", (one["Engine"], one["EngineVersion"].split(".")[0]), ("postgres", "15"))
    check("database: encrypted, not public, backed up for 7 days",
          (one["StorageEncrypted"], one["PubliclyAccessible"], one["BackupRetentionPeriod"]), (True, False, 7))
    check("database: one zone by default", one["MultiAZ"], False)
    # moto's CloudFormation keeps no deletion policy and no protection, makes no secret, and is not given the parameter
    # group (above).
    resources = template["Resources"]
    check("database: protected from deletion by default",
          (resources["Database"]["Properties"]["DeletionProtection"],
           template["Parameters"]["DatabaseDeletionProtection"]["Default"]),
          ({"Ref": "DatabaseDeletionProtection"}, "true"))
    check("database: its end leaves a snapshot",
          (resources["Database"]["DeletionPolicy"], resources["Database"]["UpdateReplacePolicy"]),
          ("Snapshot", "Snapshot"))
    check("database: TLS alone", resources["DatabaseParameters"]["Properties"]["Parameters"], {"rds.force_ssl": "1"})
    check("database: its password is the generated one",
          resources["Database"]["Properties"]["MasterUserPassword"],
          {"Fn::Sub": "{{resolve:secretsmanager:${DatabaseSecret}:SecretString:password}}"})
    check("database: Multi-AZ is a parameter", resources["Database"]["Properties"]["MultiAZ"],
          {"Ref": "DatabaseMultiAZ"})
    key = resources["TokenKeysSecret"]["Properties"]["GenerateSecretString"]
    check("token key: base64 of at least 32 bytes",
          (key["PasswordLength"] % 4, key["PasswordLength"] * 3 // 4 >= 32, key["ExcludePunctuation"]), (0, True, True))


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
        with open(f"{ROOT}/deploy/iam/{role}.json", encoding="utf-8") as file:
            text = file.read().replace("anb-videos", ids["Bucket"]).replace("111122223333", ACCOUNT)
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


# ---- alarms and what they start


def scaling(check, template, resolver):
    """moto's CloudFormation makes neither policies nor alarms: they are made by their own calls, of the template's
    words, which checks the words, too."""
    client = boto3.client("autoscaling")
    for name in [name for name, one in template["Resources"].items() if one["Type"].endswith("::ScalingPolicy")]:
        words = resolver(template["Resources"][name]["Properties"])
        for key in ("Cooldown", "EstimatedInstanceWarmup"):
            if key in words:
                words[key] = int(words[key])
        client.put_scaling_policy(PolicyName=name, **words)
    found = {policy["PolicyName"]: policy for policy in client.describe_policies()["ScalingPolicies"]}
    resolver.ids |= {name: policy["PolicyARN"] for name, policy in found.items()}
    for name, change in (("ApiOut", 1), ("ApiIn", -1)):
        one = found[name]
        check(f"{name}: {change:+} node, then 300 s of quiet",
              (one["AutoScalingGroupName"], one["PolicyType"], one["ScalingAdjustment"], one["Cooldown"]),
              ("anb-api", "SimpleScaling", change, 300))
    check("workers grow and shrink by steps",
          {name: [step["ScalingAdjustment"] for step in found[name]["StepAdjustments"]]
           for name in ("WorkerOut", "WorkerOutOne", "WorkerIn")},
          {"WorkerOut": [1, 2], "WorkerOutOne": [1], "WorkerIn": [-1]})


SILENT = {"anb-contest-open", "anb-votes-absent"}
STARTS = {"anb-api-out-by-requests": "ApiOut", "anb-api-out-by-cpu": "ApiOut", "anb-api-in": "ApiIn",
          "anb-worker-out-by-backlog": "WorkerOut", "anb-worker-out-by-age": "WorkerOutOne",
          "anb-worker-in": "WorkerIn"}


def alarms(check, template, resolver):
    client = boto3.client("cloudwatch")
    for one in template["Resources"].values():
        words = one.get("Properties", {})
        if one["Type"] == "AWS::CloudWatch::Alarm":
            words = resolver(words)
            for key in ("EvaluationPeriods", "Threshold"):
                words[key] = float(words[key]) if key == "Threshold" else int(words[key])
            client.put_metric_alarm(**words)
    found = {alarm["AlarmName"]: alarm for alarm in client.describe_alarms()["MetricAlarms"]}
    # moto has no call for composite alarms.
    found |= {one["Properties"]["AlarmName"]: resolver(one["Properties"]) for one in template["Resources"].values()
              if one["Type"] == "AWS::CloudWatch::CompositeAlarm"}
    topic = resolver.ids["Alarms"]
    for name, alarm in sorted(found.items()):
        wanted = [] if name in SILENT else [resolver.ids[STARTS[name]]] if name in STARTS else [topic]
        what = "rings nobody itself" if name in SILENT else "starts its policy" if name in STARTS else "rings"
        check(f"{name}: {what}", alarm.get("AlarmActions", []), wanted)
    def numbers(name):
        one = found[name]
        return one.get("MetricName"), one.get("ComparisonOperator"), one.get("Threshold")
    check("+1 over 40 requests a target and minute", numbers("anb-api-out-by-requests") +
          (found["anb-api-out-by-requests"]["Period"], found["anb-api-out-by-requests"]["Statistic"]),
          ("RequestCountPerTarget", "GreaterThanThreshold", 40, 60, "Sum"))
    check("+1 over 70 % CPU", numbers("anb-api-out-by-cpu"), ("CPUUtilization", "GreaterThanThreshold", 70))
    check("-1 under 30 % CPU while requests are low, too",
          [metric["Expression"] for metric in found["anb-api-in"]["Metrics"] if "Expression" in metric],
          ["IF(cpu < 30 AND FILL(requests, 0) < 20, 1, 0)"])
    check("no votes: open and silent", found["anb-no-votes"]["AlarmRule"],
          'ALARM("anb-contest-open") AND ALARM("anb-votes-absent")')
    check("no votes: after NoVoteMinutes", found["anb-votes-absent"]["EvaluationPeriods"], 30)
    check("silence is an alarm of what must speak",
          sorted(name for name, one in found.items() if one.get("TreatMissingData") == "breaching"),
          ["anb-no-healthy-host", "anb-votes-absent", "anb-worker-silent"])
    with open(f"{ROOT}/docs/runbook.md", encoding="utf-8") as file:
        entries = re.findall(r"^### `(anb-[a-z0-9-]+)`$", file.read(), re.M)
    check("docs/runbook.md has one entry an alarm", sorted(entries), sorted(found))
    # moto makes no subscriptions that stand alone.
    check("the topic has its reader", resolver(template["Resources"]["AlarmMail"]["Properties"]),
          {"TopicArn": topic, "Protocol": "email", "Endpoint": GIVEN["AlarmEmail"]})


def metrics(check, template, resolver):
    """Names that no node emits would make an alarm that never rings."""
    with open(f"{ROOT}/Sources/Actors/Platform/MetricsEmitter.swift", encoding="utf-8") as file:
        emitted = set(re.findall(r'\.init\("(\w+)"', file.read()))
    routes = ""
    for folder, _, names in os.walk(f"{ROOT}/Sources/Nodes/HTTP"):
        for name in names:
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                routes += file.read()
    used, paths = set(), set()
    boards = 0
    for one in template["Resources"].values():
        for value in walk(one.get("Properties", {})):
            if isinstance(value, dict) and str(value.get("Namespace", "")) in ("ANB/Backend", "ANB/Worker"):
                used.add(value["MetricName"])
                paths |= {pair["Value"] for pair in value["Dimensions"] if pair["Name"] == "Route"}
        if one["Type"] == "AWS::CloudWatch::Dashboard":
            boards += 1
            board = json.loads(resolver(one["Properties"]["DashboardBody"]))
            for widget in board["widgets"]:
                for line in widget["properties"].get("metrics", []):
                    if line[0] in ("ANB/Backend", "ANB/Worker"):
                        used.add(line[1])
                        paths |= {line[i + 1] for i, word in enumerate(line[:-1]) if word == "Route"}
    check("two dashboards, which are JSON", boards, 2)
    check("metrics of nodes that alarms and dashboards read are emitted", sorted(used - emitted), [])
    check("routes that they name exist", sorted(path for path in paths if f'"{path.split(" ")[1]}"' not in routes), [])
    logs = {group["logGroupName"]: group.get("retentionInDays")
            for group in boto3.client("logs").describe_log_groups()["logGroups"]}
    check("logs end", logs, {"/anb/node": 30, "/anb/metrics": 7, "/anb/boot": 7})


def costs(check, template):
    """docs/costs.md: each line is its factors' product, each sum its lines', and the alarms are counted as they are."""
    with open(f"{ROOT}/docs/costs.md", encoding="utf-8") as file:
        text = file.read()
    wrong, total, lines = [], 0, 0
    number = lambda word: float(word.replace(",", ""))  # noqa: E731
    for what, factors, price in re.findall(r"^\| (.+?) \| (.*?) ?\| \*{0,2}([\d,]+\.\d\d)\*{0,2} \|$", text, re.M):
        if what == "**sum**":
            if round(total, 2) != number(price):
                wrong.append(f"sum {price}: {total:.2f}")
            total = 0
            continue
        product = 1
        for factor in factors.split(" × "):
            product *= number(factor.split()[0])
        if abs(product - number(price)) > 0.006:
            wrong.append(f"{what}: {product:.2f}")
        total += number(price)
        lines += 1
    check("docs/costs.md: lines and sums", (wrong, lines > 40), ([], True))
    read = sum(sum("MetricStat" in one for one in words["Metrics"]) if "Metrics" in words else 1 for words in (
        one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"))
    check("docs/costs.md: metrics that alarms read",
          set(re.findall(r"^\| alarms: metrics that they read \| 0\.10 × (\d+) metrics", text, re.M)), {str(read)})


def stack(check, template):
    try:
        state, ids = made_with_moto(template)
    except Exception as error:  # noqa: BLE001
        check(f"moto makes the stack ({type(error).__name__}: {error})", False)
        return
    check("moto makes the stack", state, "CREATE_COMPLETE")
    resolver = Resolver(template, GIVEN, ids)
    for body, arguments in (
            (queues, ()), (bucket, (ids, template)), (balancer, (ids, template)), (nodes, (ids, template)),
            (network, (ids, template)), (database, (template,)), (permissions, (ids, template)),
            (scaling, (template, resolver)), (alarms, (template, resolver)), (metrics, (template, resolver))):
        check.section(body, *arguments)


def main():
    if len(sys.argv) > 2 or any(word.startswith("-") for word in sys.argv[1:]):
        sys.exit(__doc__)
    path = os.path.abspath(sys.argv[1]) if len(sys.argv) == 2 else f"{HERE}/anb.yaml"
    check = Checks()
    # moto tells of each resource that it does not make; the checks say what is made of those.
    logging.getLogger("moto").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    check.section(lint, path)
    decoded, problems = cfnlint.decode.decode(path)
    if problems:
        sys.exit(f"check_template: {path} cannot be read: {problems[0].message}")
    template = json.loads(json.dumps(decoded))
    check.section(references, template)
    check.section(costs, template)
    with mock_aws():
        stack(check, template)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
