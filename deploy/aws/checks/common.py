"""What all checks share. Imported before boto3: nothing of this machine's own AWS settings may be used."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
REGION, ACCOUNT, STACK = "us-east-1", "123456789012", "anb"
# Before boto3 is imported: nothing of this machine's own AWS settings may be used.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION,
                  AWS_EC2_METADATA_DISABLED="true")

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


def read(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:
        return file.read()
