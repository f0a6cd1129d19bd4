#!/usr/bin/env python3
"""Asks an API what its own document promises, with schemathesis: valid and invalid data for every operation, each answer
held against the document.

    ask.py BASE_URL TOKEN VIDEO [EXAMPLES]

TOKEN is an account's, which is erased at the end; VIDEO a processed video's id. Needs the Python of `deploy/aws-local`."""
import os, subprocess, sys, tempfile

base, token, video = sys.argv[1:4]
examples = sys.argv[4] if len(sys.argv) > 4 else "10"
# Whether the data is any good is for the API to say, and whether an id is known; both are no breach of the document.
LEFT_OUT = "positive_data_acceptance,ensure_resource_availability"


def ask(name, *options, parameters=""):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "schemathesis.toml"), "w") as config:
            config.write(parameters)
        outcome = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", base + "/openapi.json", "--no-color",
             "-H", f"Authorization: Bearer {token}", "--checks", "all", "--exclude-checks", LEFT_OUT,
             "--continue-on-failure", "--max-examples", examples, "--warnings", "off", *options],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(f"ask: {name}:", next((line.strip() for line in outcome.stdout.splitlines() if "generated" in line), "nothing"))
    if outcome.returncode != 0:
        sys.stderr.write(outcome.stdout + outcome.stderr)
        sys.exit(1)


ask("ids that nobody has", "--phases", "examples,coverage,fuzzing,stateful", "--exclude-operation-id", "eraseAccount")
ask("a video that is there", "--phases", "coverage,fuzzing", "--include-path-regex", "{id}",
    parameters=f'[parameters]\n"path.id" = "{video}"\n')
ask("the account's end", "--phases", "coverage,fuzzing", "--include-operation-id", "eraseAccount")
print("ask: no complaint")
