"""Signs random requests with botocore and prints them as JSON, one a line: COUNT SEED."""

import datetime
import json
import random
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.compat import quote
from botocore.credentials import Credentials

MOMENT = datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *_: MOMENT

# What names of players, cities and files are made of, and what encoders get wrong.
LETTERS = ["a", "Z", "0", "-", "_", ".", "~", " ", "+", "/", "%", "&", "=", "?", "#", "'", "\"", "*", "(", ")", "!",
           ":", ";", ",", "@", "$", "[", "]", "ñ", "é", "ü", "日", "🏀", "\u0301", "%2F"]


def text(rng, least, most):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(least, most)))


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for _ in range(count):
        service = rng.choice(["s3", "sqs"])
        scheme = rng.choice(["https", "http"])
        host = rng.choice(["bucket.s3.us-east-1.amazonaws.com", "sqs.sa-east-1.amazonaws.com", "127.0.0.1", "localhost"])
        port = rng.choice(["", "", ":8333", ":443" if scheme == "http" else ":80"])
        path = "/" + text(rng, 0, 12)
        if service == "sqs":
            # Only S3 keeps empty and dotted segments, as its keys are no folders.
            path = "/" + "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
        query = [(text(rng, 1, 6), text(rng, 0, 8)) for _ in range(rng.randint(0, 4))]
        headers = [("x-amz-meta-%d" % n, " ".join(["a b", "c"][: rng.randint(0, 2)])) for n in range(rng.randint(0, 3))]
        token = rng.choice([None, "session/token+=="])
        key = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
        region = rng.choice(["us-east-1", "sa-east-1"])
        presigns = service == "s3" and rng.random() < 0.4
        if presigns:
            # botocore keeps one value of a name that comes twice.
            query = list(dict(query).items())
        url = f"{scheme}://{host}{port}{quote(path, safe='/~')}"
        body = text(rng, 0, 40).encode()
        if presigns:
            signer, body, headers = botocore.auth.S3SigV4QueryAuth(key, service, region, expires=3600), b"", []
            url += ("?" + "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)) if query else ""
            request = AWSRequest(method="GET", url=url)
        else:
            kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
            signer = kind(key, service, region)
            request = AWSRequest(method=rng.choice(["GET", "PUT", "POST", "DELETE"]), url=url, params=query, data=body)
            request.context["payload_signing_enabled"] = True
            for name, value in headers:
                request.headers[name] = value
        signer.add_auth(request)
        print(json.dumps({
            "service": service, "region": region, "scheme": scheme, "authority": host + port, "path": path,
            "query": [list(pair) for pair in query], "headers": [list(pair) for pair in headers],
            "method": request.method, "body": body.decode(), "token": token, "presigns": presigns,
            "signature": request.url.split("X-Amz-Signature=")[1] if presigns
            else request.headers["Authorization"].split("Signature=")[1]}))


main()
