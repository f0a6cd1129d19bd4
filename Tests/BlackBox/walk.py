#!/usr/bin/env python3
"""Walks the HTTP contract row by row, as a stranger would: nothing but sockets, against any node that also transcodes.

    walk.py http://127.0.0.1:8080 clip.mp4

Prints a line for each check that fails and the sum; exit code 1 when one failed. Standard library only."""
import base64, http.client, json, re, sys, time, urllib.parse, uuid

if len(sys.argv) != 3:
    sys.exit("usage: walk.py BASE_URL CLIP")
BASE = urllib.parse.urlsplit(sys.argv[1])
CLIP = open(sys.argv[2], "rb").read()
PASSWORD = "canasta de tres 8"
RUN = uuid.uuid4().hex[:8]
CITY = "Ráquira " + RUN  # Nobody else's: its lists are this run's.
passed, failed = 0, []
row = ""


def check(name, holds, seen=""):
    global passed
    if holds:
        passed += 1
    else:
        failed.append(name)
        print(f"FAILED {row}: {name} {str(seen)[:300]}")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self):
        return f"{self.status} {self.body[:200]}"


def call(method, path, body=None, token=None, headers=None, base=BASE):
    connection = http.client.HTTPConnection(base.hostname, base.port, timeout=60)
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + token
    if isinstance(body, dict):
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(body).encode()
    connection.request(method, path, body=body, headers=headers)
    answer = Answer(connection.getresponse())
    connection.close()
    check(f"{method} {path}: X-Request-Id", answer.headers.get("x-request-id"))
    check(f"{method} {path}: nosniff", answer.headers.get("x-content-type-options") == "nosniff")
    return answer


def multipart(parts):
    boundary = uuid.uuid4().hex
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def upload(token, clip=CLIP, title="Mi mejor triple", name="video_file", headers=None, title_first=False):
    parts = [(name, "clip.mp4", clip), ("title", None, title.encode())]
    body, own = multipart(parts[::-1] if title_first else parts)
    return call("POST", "/api/videos/upload", body, token, {**own, **(headers or {})})


def error(name, answer, status, *words):
    body = answer.json
    check(f"{name}: {status}", answer.status == status, answer)
    check(f"{name}: detail and message", isinstance(body, dict) and isinstance(body.get("message"), str)
          and isinstance(body.get("detail"), (str, list)), answer)
    for word in words:
        check(f"{name}: says {word!r}", word in json.dumps(body, ensure_ascii=False), answer)


def fields(answer):
    detail = (answer.json or {}).get("detail")
    return sorted(".".join(map(str, problem["loc"])) for problem in detail) if isinstance(detail, list) else []


def person(city="Bogotá", first="Ana", last="Torres"):
    form = {"first_name": first, "last_name": last, "email": f"{uuid.uuid4().hex}@example.com", "password1": PASSWORD,
            "password2": PASSWORD, "city": city, "country": "Colombia"}
    answer = call("POST", "/api/auth/signup", form)
    check("sign-up: 201", answer.status == 201, answer)
    return form, answer.json


def finished(token, video):
    for _ in range(300):
        state = call("GET", f"/api/videos/{video}", token=token).json
        if state and state["status"] in ("processed", "failed"):
            return state
        time.sleep(0.2)
    return {}


UUID4 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
UNKNOWN = str(uuid.uuid4())

row = "row 1, sign-up"
form, ana = person(first="José", last="Núñez", city=CITY)
check("user", set(ana["user"]) >= {"id", "first_name", "last_name", "email", "city", "country", "username"}, ana)
check("message", ana["message"] == "Usuario creado exitosamente.", ana)
check("token", ana["token_type"] == "Bearer" and ana["expires_in"] == 3600, ana)
check("id", UUID4.match(ana["user"]["id"]), ana)
check("username of the name", re.match(r"^jose\.nunez\d*$", ana["user"]["username"]), ana)
check("no password", PASSWORD not in json.dumps(ana))
error("taken, whatever the case", call("POST", "/api/auth/signup", {**form, "email": form["email"].upper()}), 400,
      "El email ya está registrado", "Email already registered")
other = {**form, "email": f"{uuid.uuid4().hex}@example.com"}
answer = call("POST", "/api/auth/signup", {**other, "password2": "otra distinta 9"})
error("passwords differ", answer, 400, "Las contraseñas no coinciden (Passwords do not match)")
check("names password2", fields(answer) == ["body.password2"], answer)
answer = call("POST", "/api/auth/signup", {})
error("nothing", answer, 422)
check("every field at once", fields(answer) == sorted("body." + name for name in form), answer)
answer = call("POST", "/api/auth/signup", {**other, "email": "no", "password1": "corta", "city": "  "})
error("wrong fields", answer, 422, "value is not a valid email address", "Password must be at least 8 characters")
check("all of them", fields(answer) == ["body.city", "body.email", "body.password1"], answer)
error("a common password", call("POST", "/api/auth/signup", {**other, "password1": "password1", "password2": "password1"}), 422)
error("no JSON", call("POST", "/api/auth/signup", b"{", headers={"Content-Type": "application/json"}), 422)

row = "row 2, login"
answer = call("POST", "/api/auth/login", {"email": form["email"].upper(), "password": PASSWORD})
check("200", answer.status == 200 and answer.json["token_type"] == "Bearer" and answer.json["expires_in"] == 3600, answer)
token = answer.json["access_token"]
wrong = call("POST", "/api/auth/login", {"email": form["email"], "password": "no es esta"})
unknown = call("POST", "/api/auth/login", {"email": f"{RUN}@example.org", "password": "no es esta"})
error("wrong password", wrong, 401, "Credenciales inválidas")
check("unknown account: the same body", wrong.body == unknown.body, unknown)
error("malformed address", call("POST", "/api/auth/login", {"email": "no", "password": "x"}), 422)

row = "row 3, me"
me = call("GET", "/api/auth/me", token=token)
check("me", me.status == 200 and set(me.json) >= {"id", "first_name", "last_name", "email", "city", "country", "username",
                                                   "is_active", "created_at"}, me)
check("time", TIME.match(me.json["created_at"]), me)


def base64url(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


payload = token.split(".")[1]
forged = [None, "x", "a.b.c", token[:-2], token + "x", base64url({"alg": "none", "typ": "JWT"}) + "." + payload + ".",
          base64url({"alg": "RS256", "typ": "JWT", "kid": "1"}) + "." + payload + "." + token.split(".")[2], "x" * 9000]
for index, text in enumerate(forged):
    answer = call("GET", "/api/auth/me", token=text)
    error(f"token {index}", answer, 401, "Could not validate credentials")
    check("WWW-Authenticate", answer.headers.get("www-authenticate", "").startswith("Bearer"))

row = "row 4, upload"
answer = upload(token)
check("201", answer.status == 201, answer)
video = answer.json["video_id"]
check("task_id equals video_id", answer.json["task_id"] == video and UUID4.match(video), answer)
check("message", answer.json["message"] == "Video subido correctamente. Procesamiento en curso.", answer)
answer = upload(token, name="file", title="Otro", title_first=True)
check("alias, any order", answer.status == 201, answer)
second = answer.json["video_id"]
error("no video", upload(token, clip=b"this is no video"), 400, "Tipo de archivo inválido")
error("blank title", upload(token, title="   "), 400, "El título del video no puede estar vacío")
error("empty title", upload(token, title=""), 422)
error("long title", upload(token, title="x" * 201), 400)
body, headers = multipart([("title", None, b"x")])
error("no file", call("POST", "/api/videos/upload", body, token, headers), 422, "video_file")
error("no token", upload(None), 401)

row = "row 5, list"
listed = call("GET", "/api/videos", token=token)
check("oldest first", [item["video_id"] for item in listed.json] == [video, second], listed)
check("fields", all(set(item) >= {"video_id", "title", "status", "uploaded_at", "processed_at", "processed_url", "votes"}
                    for item in listed.json), listed)
error("no token", call("GET", "/api/videos"), 401)

row = "row 6, one video"
state = finished(token, video)
check("processed", state.get("status") == "processed" and TIME.match(state["processed_at"] or ""), state)
check("original_url", state.get("original_url", "").startswith("http"), state)
_, luis = person(first="Luis", last="Otero", city="Ráquira")
error("somebody else's", call("GET", f"/api/videos/{video}", token=luis["access_token"]), 403)
error("unknown", call("GET", f"/api/videos/{UNKNOWN}", token=token), 404)
error("malformed", call("GET", "/api/videos/x", token=token), 422)
error("no token", call("GET", f"/api/videos/{video}"), 401)

row = "row 8, files"
for kind in ("original", "processed"):
    answer = call("GET", f"/api/videos/{kind}/{video}", token=token)
    check(f"{kind}: 302", answer.status == 302 and answer.headers.get("location", "").startswith("http"), answer)
    link = urllib.parse.urlsplit(answer.headers["location"])
    film = http.client.HTTPConnection(link.hostname, link.port, timeout=60)
    film.request("GET", link.path + "?" + link.query, headers={"Range": "bytes=0-99"})
    part = film.getresponse()
    check(f"{kind}: a range of a video", part.status == 206 and part.getheader("Content-Type", "").startswith("video/")
          and len(part.read()) == 100, part.status)
    error(f"{kind}: somebody else's", call("GET", f"/api/videos/{kind}/{video}", token=luis["access_token"]), 403)
    error(f"{kind}: unknown", call("GET", f"/api/videos/{kind}/{UNKNOWN}", token=token), 404)
    error(f"{kind}: no token", call("GET", f"/api/videos/{kind}/{video}"), 401)

row = "row 7, deletion"
finished(token, second)
error("processed", call("DELETE", f"/api/videos/{second}", token=token), 400)
third = upload(token, title="Para borrar").json["video_id"]
error("somebody else's", call("DELETE", f"/api/videos/{third}", token=luis["access_token"]), 403)
answer = call("DELETE", f"/api/videos/{third}", token=token)
check("200", answer.status == 200 and answer.json == {"message": "El video ha sido eliminado exitosamente.",
                                                       "video_id": third}, answer)
error("again", call("DELETE", f"/api/videos/{third}", token=token), 404)
error("malformed", call("DELETE", "/api/videos/x", token=token), 422)

row = "row 9, the public list"
for query, known in (("", False), (f"?city=raquira%20{RUN}&sort=votes&limit=100", True), (f"?city=R%C3%81QUIRA%20{RUN.upper()}&sort=recent", True)):
    answer = call("GET", "/api/public/videos" + query)
    check(f"{query}: 200", answer.status == 200 and isinstance(answer.json, list), answer)
    check(f"{query}: total", int(answer.headers["x-total-count"]) >= len(answer.json))
    check(f"{query}: fields", all(set(item) >= {"video_id", "title", "status", "processed_url", "poster_url", "username",
                                                "city", "votes"} for item in answer.json))
walked, path = [], f"/api/public/videos?city=raquira%20{RUN}&sort=votes&limit=1"
while path and len(walked) < 50:
    answer = call("GET", path)
    walked += [item["video_id"] for item in answer.json]
    links = dict((relation, link) for link, relation in
                 re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers.get("link", "")))
    path = links.get("next")
check("each once, and ours among them", len(walked) == len(set(walked)) and {video, second} <= set(walked), walked)
for query in ("limit=0", "limit=101", "limit=x", "skip=-1", "page=0", "sort=x", "cursor=x"):
    error(query, call("GET", "/api/public/videos?" + query), 400)

row = "row 10, votes"
path = f"/api/public/videos/{video}/vote"
answer = call("POST", path, token=luis["access_token"])
check("200", answer.status == 200 and answer.json == {"message": "Voto registrado exitosamente."}, answer)
error("again", call("POST", path, token=luis["access_token"]), 400, "Ya has votado por este video")
error("own", call("POST", path, token=token), 400)
error("unknown", call("POST", f"/api/public/videos/{UNKNOWN}/vote", token=token), 404, "Video not found")
error("malformed", call("POST", "/api/public/videos/x/vote", token=token), 400, "Invalid video ID format")
error("no token", call("POST", path), 401)

row = "row 10b, vote status"
answer = call("GET", path + "-status", token=luis["access_token"])
check("voted", answer.json == {"video_id": video, "has_voted": True, "user_id": luis["user"]["id"]}, answer)
check("not voted", call("GET", path + "-status", token=token).json["has_voted"] is False)
error("malformed", call("GET", "/api/public/videos/x/vote-status", token=token), 400)
error("unknown", call("GET", f"/api/public/videos/{UNKNOWN}/vote-status", token=token), 404)
error("no token", call("GET", path + "-status"), 401)

row = "row 11, rankings"
answer = call("GET", f"/api/public/rankings?city=RAQUIRA%20{RUN}&limit=1000&x=y")
check("200", answer.status == 200, answer)
check("exactly four fields", all(set(item) == {"position", "username", "city", "votes"} for item in answer.json), answer)
mine = [item for item in answer.json if item["username"] == ana["user"]["username"]]
check("ours is in it", len(mine) == 1 and mine[0]["votes"] == 1, mine)
votes = [item["votes"] for item in answer.json]
check("best first", votes == sorted(votes, reverse=True) and all(votes))
for query in ("limit=0", "limit=1001", "skip=x", "page=-1"):
    error(query, call("GET", "/api/public/rankings?" + query), 400, "Parámetro inválido en la consulta.")

row = "row 12, health"
answer = call("GET", "/api/health")
check("health", answer.status == 200 and answer.json["status"] == "healthy" and answer.json["service"] == "backend"
      and answer.json["database"] == "ok", answer)
check("ready", call("GET", "/api/ready").status == 200)

row = "row 13, the document"
answer = call("GET", "/openapi.json")
check("3.1", answer.status == 200 and answer.json["openapi"].startswith("3.1"), answer)
answer = call("GET", "/docs")
check("page", answer.status == 200 and answer.headers["content-type"].startswith("text/html"), answer)

row = "rules"
for path in ("/api/health/", "/api/public/rankings/", "/api/public/videos/"):
    check(f"{path}: no redirect", call("GET", path).status == 200)
head = call("HEAD", "/api/public/rankings")
check("HEAD", head.status == 200 and head.body == b"", head)
error("unknown route", call("GET", "/api/nowhere"), 404)
answer = call("DELETE", "/api/public/rankings")
error("wrong method", answer, 405)
check("Allow", "GET" in answer.headers.get("allow", ""), answer.headers)
check("the client's request id", call("GET", "/api/health", headers={"X-Request-Id": "mine-7"}).headers["x-request-id"] == "mine-7")
check("a bad one is replaced", call("GET", "/api/health", headers={"X-Request-Id": "no good"}).headers["x-request-id"] != "no good")
check("no origin is allowed", "access-control-allow-origin" not in
      call("GET", "/api/health", headers={"Origin": "https://evil.example"}).headers)

row = "Idempotency-Key"
key = {"Idempotency-Key": RUN}
one, two = upload(token, title="Una vez", headers=key), upload(token, title="Una vez", headers=key)
check("upload: the first answer", one.status == two.status == 201 and one.body == two.body, two)
error("another payload", upload(token, title="Otra cosa", headers=key), 422)
_, eva = person(first="Eva", last="Lara")
votes = [call("POST", f"/api/public/videos/{second}/vote", token=eva["access_token"], headers=key) for _ in range(2)]
check("vote: the first answer", votes[0].status == votes[1].status == 200 and votes[0].body == votes[1].body, votes[1])
error("another video", call("POST", f"/api/public/videos/{video}/vote", token=eva["access_token"], headers=key), 422)

row = "row 3, erasure"
check("204", call("DELETE", "/api/auth", token=luis["access_token"]).status == 204)
error("its token", call("GET", "/api/auth/me", token=luis["access_token"]), 401)
mine = [item for item in call("GET", f"/api/public/rankings?city=raquira%20{RUN}").json
        if item["username"] == ana["user"]["username"]]
check("its vote is taken back", len(mine) == 1 and mine[0]["votes"] == 1, mine)
check("204", call("DELETE", "/api/auth", token=token).status == 204)
check("its videos are gone", video not in [item["video_id"] for item in call("GET", f"/api/public/videos?city=raquira%20{RUN}").json])
error("a login", call("POST", "/api/auth/login", {"email": form["email"], "password": PASSWORD}), 401)

print(f"walk: {passed} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
