"""Checks deploy/aws/anb.yaml without an account: cfn-lint finds nothing, every reference leads somewhere, and a stack
of it in moto has the owner's numbers (docs/architecture.md) and the permissions of deploy/iam, no more.

    .build/aws-local/bin/python3 deploy/aws/check_template.py [TEMPLATE]

One line a check, `N passed, N failed` at the end; exit code 1 when one failed.
"""

import json
import logging
import os
import sys
import warnings

from checks.common import GIVEN, Checks  # first: it clears this machine's AWS settings

import cfnlint.decode
from moto import mock_aws

from checks.alarms import alarms, costs, metrics, scaling
from checks.reading import Resolver, lint, references
from checks.roles import permissions
from checks.stack import balancer, bucket, database, made_with_moto, network, nodes, plain, queues

HERE = os.path.dirname(os.path.abspath(__file__))


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
    with mock_aws():
        check.section(plain, template)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
