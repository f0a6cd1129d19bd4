"""A stack of the template in moto, read back: queues, bucket, balancer, nodes, network, database."""

import base64
import json

import boto3

from .boot import user_data
from .common import DATABASE_HOST, GIVEN, REGION, STACK


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
    def without(value):
        if isinstance(value, dict):
            if value.get("Fn::GetAtt") in (["Database", "Endpoint.Address"], "Database.Endpoint.Address"):
                return DATABASE_HOST
            return {key: without(member) for key, member in value.items()}
        if isinstance(value, list):
            return [without(member) for member in value]
        return value.replace("${Database.Endpoint.Address}", DATABASE_HOST) if isinstance(value, str) else value
    return without(template)


def made_with_moto(template, given=None):
    cloud = boto3.client("cloudformation")
    if given is None:
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


def plain(check, template):
    """With the parameters alone that have no default."""
    state, ids = made_with_moto(template, {name: GIVEN[name] for name in ("PackageUrl", "SiteOrigin", "ImageId")})
    check("without a certificate: moto makes the stack", state, "CREATE_COMPLETE")
    listeners = boto3.client("elbv2").describe_listeners(LoadBalancerArn=ids["Balancer"])["Listeners"]
    check("without a certificate: port 80 serves, nothing else is open",
          [(one["Port"], one["DefaultActions"][0]["Type"]) for one in listeners], [(80, "forward")])
    actions = boto3.client("autoscaling").describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    check("without a voting night: nothing is scheduled", actions, [])


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
