"""The template by itself: cfn-lint, its references, and its values with those put in."""

import os
import re
import subprocess
import sys

from .common import ACCOUNT, REGION, STACK


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
