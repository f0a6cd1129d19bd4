import Logging

/// Every key that a node reads.
package enum ConfigurationSchema {
    package static let settings: [Setting] =
        http + database + storage + queue + worker + contest + auth + metrics + log + drain + reconciler + [
            Setting(
                "dataDir", .text, default: .text("data"),
                "Folder of the embedded database, objects and temporary files; relative to cluster.json's folder.")
        ]

    package static func setting(_ path: String) -> Setting? { byPath[path] }

    private static let byPath = Dictionary(uniqueKeysWithValues: settings.map { ($0.path, $0) })

    private static let http = [
        Setting(
            "http.host", .text, default: .text("0.0.0.0"), "Address that the API listens on."),
        Setting(
            "http.port", .integer(0...65535), default: .integer(8080),
            "Port that the API listens on; 0 takes a free one.", ecosystem: ["PORT"]),
        Setting(
            "http.publicURL", .text, default: .text(""),
            "Scheme and authority that clients reach the API by, for absolute URLs; empty: taken from each request."),
        Setting(
            "http.maxUploads", .integer(1...1024), default: .integer(16),
            "Uploads at once on one node; beyond it 503 with Retry-After."),
        Setting(
            "http.spoolReserveBytes", .integer(0...1_000_000_000_000), default: .integer(268_435_456),
            "Free disk space that uploads never use up."),
        Setting(
            "http.maxBodyBytes", .integer(1024...16_777_216), default: .integer(65536),
            "Largest JSON body of a request."),
        Setting(
            "http.idleSeconds", .integer(1...3600), default: .integer(75),
            "A connection on which nothing moves for this long is closed; longer than a load balancer keeps its own (60)."
        ),
        Setting(
            "http.maxJSONDepth", .integer(1...256), default: .integer(16),
            "Levels of nesting of a JSON body; beyond it 422."),
        Setting(
            "http.maxHeaderBytes", .integer(1024...81920), default: .integer(16384),
            "All header fields of a request together, and its target; beyond it 431."),
        Setting(
            "http.maxHeaderFields", .integer(8...1000), default: .integer(100),
            "Header fields of a request; beyond it 431."),
        Setting(
            "http.headerSeconds", .integer(1...600), default: .integer(15),
            "From the first byte of a request to the end of its header; then 408."),
        Setting(
            "http.leastBodyRate", .integer(0...1_000_000_000), default: .integer(1024),
            "Bytes a second that a body brings at least, on the average of http.bodyWindowSeconds; then 408. A bad mobile line has ten times that."
        ),
        Setting(
            "http.bodyWindowSeconds", .integer(1...3600), default: .integer(30),
            "Over this time a body's rate is measured: a silent upload ends after it."),
        Setting(
            "http.maxConnections", .integer(8...1_000_000), default: .integer(8192),
            "Connections at once, as far as the process may have descriptors; beyond it 503."),
        Setting(
            "http.maxConnectionsPerAddress", .integer(1...1_000_000), default: .integer(2048),
            "Connections at once from one address (/64 of IPv6), but for trusted proxies; beyond it 429. A school of a thousand behind one address fits."
        ),
        Setting(
            "http.trustedProxies", .list, default: .list([]),
            "Addresses or CIDR blocks of load balancers whose X-Forwarded-For and X-Forwarded-Proto are believed; without it clients are who connects."
        ),
        Setting(
            "http.corsOrigins", .list, default: .list([]), "Origins of web front ends that may call the API."),
    ]

    private static let database = [
        Setting(
            "database.url", .text, default: .text(""),
            "postgres:// URL, several hosts for failover; empty: a private PostgreSQL in the data folder.",
            ecosystem: ["DATABASE_URL"], isSecret: true),
        Setting(
            "database.passwordFile", .text, default: .text(""),
            "File with the password for database.url, read at the start; relative to cluster.json's folder."),
        Setting(
            "database.poolSize", .integer(2...200), default: .integer(8), "Connections of one node."),
        Setting(
            "database.statementSeconds", .integer(1...600), default: .integer(10),
            "A statement without an answer for this long fails."),
    ]

    private static let storage = [
        Setting(
            "storage.kind", .choice(["local", "s3"]), default: .text("local"),
            "Where objects are kept: in the data folder, or in a bucket of S3."),
        Setting("storage.bucket", .text, default: .text(""), "Name of the bucket; required for s3."),
        Setting(
            "storage.region", .text, default: .text("us-east-1"), "Region of the bucket.",
            ecosystem: ["AWS_REGION", "AWS_DEFAULT_REGION"]),
        Setting(
            "storage.endpoint", .text, default: .text(""), "http(s) URL of the service; empty: AWS's own.",
            ecosystem: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
        Setting(
            "storage.addressing", .choice(["auto", "path", "virtual"]), default: .text("auto"),
            "Whether the bucket's name goes into path or host; `auto`: into the host, but for names with dots and hosts given by their address."
        ),
    ]

    private static let queue = [
        Setting(
            "queue.kind", .choice(["local", "sqs"]), default: .text("local"),
            "What carries the jobs: the database, or SQS."),
        Setting(
            "queue.name", .text, default: .text("anb-video-processing-queue"), "Name of the queue in SQS."),
        Setting(
            "queue.deadLetterName", .text, default: .text("anb-video-processing-dlq"),
            "Name of its dead letter queue in SQS."),
        Setting(
            "queue.region", .text, default: .text("us-east-1"), "Region of both queues.",
            ecosystem: ["AWS_REGION", "AWS_DEFAULT_REGION"]),
        Setting(
            "queue.endpoint", .text, default: .text(""), "http(s) URL of the service; empty: AWS's own.",
            ecosystem: ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"]),
        Setting(
            "queue.maxOutboxSeconds", .integer(10...345_600), default: .integer(600),
            "Uploads are refused while a dispatch has waited longer than this to reach the queue."),
        Setting(
            "queue.maxUnfinishedSeconds", .integer(10...345_600), default: .integer(172_800),
            "Uploads are refused while a video is unfinished for longer than this; SQS keeps a message for 4 days."),
        Setting(
            "queue.leaseSeconds", .integer(6...43200), default: .integer(120),
            "Visibility that each receive and heartbeat passes; a dead worker's job is taken over after it."),
        Setting(
            "queue.pollSeconds", .integer(0...20), default: .integer(20), "Longest wait of one receive."),
    ]

    private static let worker = [
        Setting(
            "worker.slots", .integer(0...64), default: .integer(0),
            "Transcodes at once on one node; 0: one for each processor."),
        Setting(
            "worker.threads", .integer(1...64), default: .integer(1),
            "Threads of one ffmpeg. More make one clip faster and a full queue slower: use slots instead."),
        Setting(
            "worker.memoryBudget", .integer(0...1_099_511_627_776), default: .integer(0),
            "Bytes that transcodes use together; what a clip needs is estimated from its pixels, and it waits for its share. 0: two thirds of the machine's (or the control group's) memory."
        ),
        Setting(
            "worker.attemptDeadlineSeconds", .integer(5...43200), default: .integer(900),
            "An attempt that takes longer is ended and tried again."),
        Setting(
            "worker.firstRetrySeconds", .integer(0...900), default: .integer(30),
            "Wait after a first failed attempt; up to a fifth is added at random."),
        Setting(
            "worker.laterRetrySeconds", .integer(0...900), default: .integer(120),
            "Wait after a second failed attempt; the third is the last."),
        Setting(
            "worker.brandDir", .text, default: .text(""),
            "Folder with an intro, an outro or a watermark (clips or pictures, docs/brand.md) to use instead of the built-in ones."
        ),
    ]

    private static let contest = [
        Setting(
            "contest.maxFileBytes", .integer(1...5_000_000_000), default: .integer(100_000_000),
            "Largest video file."),
        Setting("contest.minSeconds", .integer(0...3600), default: .integer(1), "Shortest clip."),
        Setting("contest.maxSeconds", .integer(1...7200), default: .integer(600), "Longest clip."),
        Setting(
            "contest.maxPixels", .integer(1...268_435_456), default: .integer(33_177_600),
            "Width × height of a frame at most."),
        Setting(
            "contest.minLines", .integer(0...8192), default: .integer(0),
            "Lines of the shorter side at least; the published rules have 1080."),
        Setting(
            "contest.maxFrameRate", .integer(1...1000), default: .integer(300),
            "Frames a second of an original at most; phones film slow motion at 240."),
        Setting(
            "contest.maxStreams", .integer(1...64), default: .integer(16),
            "Tracks of an original at most: pictures, sound, subtitles, data."),
        Setting(
            "contest.maxVideosPerPlayer", .integer(1...10000), default: .integer(200), "Videos of one account."),
        Setting("contest.allowSelfVote", .flag, default: .flag(false), "Whether a player may vote for own videos."),
        Setting(
            "contest.maxWaitingVotes", .integer(1...1_000_000), default: .integer(10000),
            "Votes that wait on one node at most; beyond it 503."),
    ]

    private static let auth = [
        Setting(
            "auth.accountFailures", .integer(1...1_000_000), default: .integer(100),
            "Wrong passwords of one account, and sign-ups with one taken address, within auth.failureWindowSeconds; beyond it 429. Right ones cost nothing. NIST SP 800-63B allows 100 in a row; test suites use fixed addresses."
        ),
        Setting(
            "auth.addressFailures", .integer(1...1_000_000), default: .integer(1000),
            "Wrong passwords from one network address within auth.failureWindowSeconds; beyond it 429. A school behind one address mistypes less."
        ),
        Setting(
            "auth.failureWindowSeconds", .integer(1...86400), default: .integer(600),
            "In this time a bucket of failures fills again, little by little."),
        Setting(
            "auth.addressSignUps", .integer(1...10_000_000), default: .integer(5000),
            "Sign-ups from one network address within auth.signUpWindowSeconds; one that is told that its e-mail address is taken counts as ten. Beyond it 429."
        ),
        Setting(
            "auth.signUpWindowSeconds", .integer(1...86400), default: .integer(3600),
            "In this time the bucket of sign-ups fills again, little by little."),
        Setting(
            "auth.accountHashes", .integer(1...256), default: .integer(64),
            "Logins of one account that wait for their password's hash at once on one node, of 256 places; beyond it 429."
        ),
        Setting(
            "auth.addressHashes", .integer(1...256), default: .integer(192),
            "Logins and sign-ups from one network address that wait for a hash at once on one node; beyond it 429."),
        Setting("auth.tokenSeconds", .integer(60...86400), default: .integer(3600), "Life of an access token."),
        Setting(
            "auth.keys", .list, default: .list([]),
            "Keys of access tokens as `id:base64`, 32 bytes at least; the first signs, all are accepted. Empty: one made in the data folder, with the embedded database alone.",
            isSecret: true),
        Setting(
            "auth.keysFile", .text, default: .text(""),
            "File with such keys, one a line, instead of auth.keys; relative to cluster.json's folder."),
    ]

    private static let metrics = [
        Setting(
            "metrics.intervalSeconds", .integer(1...3600), default: .integer(60),
            "Time between two metric lines of the same kind.")
    ]

    private static let log = [
        Setting(
            "log.level", .choice(Logger.Level.allCases.map(\.rawValue)), default: .text("info"),
            "Records below it are not written; `debug` has each request."),
        Setting(
            "log.format", .choice(LogFormat.allCases.map(\.rawValue)), default: .text("auto"),
            "Form of the log on standard error; `auto` is text on a terminal, a JSON object a line otherwise."),
    ]

    private static let drain = [
        Setting(
            "drain.noticeSeconds", .integer(0...600), default: .integer(0),
            "How long health says 503 before the listener closes; a load balancer needs two failed checks."),
        Setting(
            "drain.graceSeconds", .integer(0...3600), default: .integer(30),
            "How long requests and transcodes under way may take after that."),
    ]

    private static let reconciler = [
        Setting("reconciler.intervalSeconds", .integer(1...3600), default: .integer(30), "Time between two rounds."),
        Setting(
            "reconciler.redispatchAfterSeconds", .integer(10...604800), default: .integer(7200),
            "A video that nobody works on for this long is dispatched anew."),
        Setting(
            "reconciler.orphanAgeSeconds", .integer(5...604800), default: .integer(3600),
            "Objects without a row are removed when older; must exceed the time from storing to the row, and clocks' errors."
        ),
        Setting(
            "reconciler.sweepSeconds", .integer(1...604800), default: .integer(3600),
            "Time between two searches for objects without a row."),
    ]
}
