"""Scaling policies, alarms, dashboards, logs; the runbook and the costs, which speak of them."""

import json
import os
import re

import boto3

from .common import GIVEN, ROOT, read
from .reading import walk


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
    entries = re.findall(r"^### `(anb-[a-z0-9-]+)`$", read("docs/runbook.md"), re.M)
    check("docs/runbook.md has one entry an alarm", sorted(entries), sorted(found))
    # moto makes no subscriptions that stand alone.
    check("the topic has its reader", resolver(template["Resources"]["AlarmMail"]["Properties"]),
          {"TopicArn": topic, "Protocol": "email", "Endpoint": GIVEN["AlarmEmail"]})


def metrics(check, template, resolver):
    """Names that no node emits would make an alarm that never rings."""
    emitted = set(re.findall(r'\.init\("(\w+)"', read("Sources/Actors/Platform/MetricsEmitter.swift")))
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
    text = read("docs/costs.md")
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
    metrics_read = sum(sum("MetricStat" in one for one in words["Metrics"]) if "Metrics" in words else 1 for words in (
        one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"))
    check("docs/costs.md: metrics that alarms read",
          set(re.findall(r"^\| alarms: metrics that they read \| 0\.10 × (\d+) metrics", text, re.M)),
          {str(metrics_read)})
