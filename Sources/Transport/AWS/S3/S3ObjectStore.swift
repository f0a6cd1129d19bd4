import Actors
import Crypto
import FoundationEssentials
import Glibc

/// Objects in a bucket of S3, or of a server that speaks its protocol.
///
/// Retries are S3Gateway's: an operation here is tried once, but for the steps of an upload in parts. Bytes are verified
/// both ways by CRC-32C: what is sent carries a checksum, signed, that the server compares and keeps, what is fetched is
/// compared with it. Files above `multipartThreshold` go in parts, `parallelParts` at a time; a failed upload is aborted.
package struct S3ObjectStore: ObjectStore {
    /// From here on an object is sent in parts.
    static let multipartThreshold: Int64 = 16 << 20
    /// Above S3's least of 5 MiB; 100 MB are 12 parts.
    static let partBytes: Int64 = 8 << 20
    static let parallelParts = 4
    /// Of each request of an upload in parts.
    static let triesOfPart = 4
    /// Answers that are read whole: a page of 1,000 keys is some 300 kB.
    static let maximumAnswerBytes = 4 << 20
    /// For an answer's head, and for requests without a body of note.
    static let answerDeadline: Duration = .seconds(30)
    /// Bytes a second that a transfer may be expected to move at the least; slower ones end.
    package static let leastBytesPerSecond: Int64 = 16 << 10

    let client: AWSClient
    let bucket: S3Bucket

    package init(client: AWSClient, bucket: S3Bucket) {
        self.client = client
        self.bucket = bucket
    }

    /// An original is never written over (S3 User Guide, "Conditional writes"): no other upload has its key.
    package func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(ObjectStoreError) {
        let size = try Self.size(of: file)
        if size > Self.multipartThreshold {
            return try await S3MultipartUpload(store: self, file: file, key: key, contentType: contentType, size: size)
                .run()
        }
        let checksum = try await CRC32C.of(file, from: 0, count: size)
        var request = bucket.request(
            "PUT", key, on: client.endpoint,
            headers: ["Content-Type": contentType, "x-amz-checksum-crc32c": checksum.base64], payload: .unsigned)
        if Self.isWrittenOnce(key) { request.headers.append(name: "If-None-Match", value: "*") }
        let answer = try await send(
            request, .file(path: file.path, offsetBytes: 0, sizeBytes: size), "put", key, action: "s3:PutObject",
            deadline: Self.transferDeadline(size))
        if answer.status == Self.isThere { try await confirm(key, size) }
    }

    /// Of a conditional write: the object is there already (412 Precondition Failed).
    static let isThere = 412

    static func isWrittenOnce(_ key: ObjectKey) -> Bool { key.name.hasPrefix(ObjectPrefix.original.rawValue) }

    /// What is there already was left by an earlier try, whose answer was lost: or by nobody of this contest.
    func confirm(_ key: ObjectKey, _ size: Int64) async throws(ObjectStoreError) {
        let answer = try await send(
            bucket.request("GET", key, on: client.endpoint, headers: ["Range": "bytes=0-0"]), .none, "look at", key,
            action: "s3:GetObject")
        // `bytes 0-0/1234` (RFC 9110, section 14.4).
        let length = answer.headers["Content-Range"]?.split(separator: "/").last.flatMap { Int64($0) }
        guard length == size else { throw .rejected("put \(key): another object has that key") }
    }

    package func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        try await S3Download(store: self, key: key, file: file).run()
    }

    package func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        let answer: HTTPClientResponse
        do {
            answer = try await send(
                bucket.request("HEAD", key, on: client.endpoint), .none, "head", key, action: "s3:GetObject")
        } catch {
            if case .notFound = error { return nil }
            throw error
        }
        guard let size = answer.headers["Content-Length"].flatMap(Int64.init),
            let modified = answer.headers["Last-Modified"].flatMap(HTTPDate.parse)
        else { throw .unavailable("head \(key): an answer without length or time") }
        return ObjectAttributes(key: key, sizeBytes: size, modifiedAt: modified)
    }

    package func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        guard !keys.isEmpty else { return }
        let entries = keys.map { "<Object><Key>\(Self.escaped($0.name))</Key></Object>" }.joined()
        let body = Array("<Delete><Quiet>true</Quiet>\(entries)</Delete>".utf8)
        let request = bucket.request(
            "POST", nil, on: client.endpoint, query: [.init("delete", "")],
            headers: [
                "Content-Type": "application/xml",
                "Content-MD5": Data(Insecure.MD5.hash(data: body)).base64EncodedString(),
                "x-amz-checksum-sha256": Data(SHA256.hash(data: body)).base64EncodedString(),
            ], payload: .hash(SignatureV4.sha256(body)))
        let answer = try await send(request, .bytes(body), "delete", nil, action: "s3:DeleteObject")
        guard let failed = XMLElement(parsing: answer.body)?.all("Error"), let first = failed.first else { return }
        let code = first["Code"]?.text ?? ""
        let text = "delete: \(failed.count) keys stay, \(first["Key"]?.text ?? ""): \(code)"
        throw code == "AccessDenied" ? .rejected(text) : .unavailable(text)
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    {
        var query: [AWSRequest.QueryItem] = [
            .init("list-type", "2"), .init("prefix", prefix.rawValue), .init("max-keys", "\(limit)"),
        ]
        if let after { query.append(.init("start-after", after.name)) }
        let answer = try await send(
            bucket.request("GET", nil, on: client.endpoint, query: query), .none, "list", nil,
            action: "s3:ListBucket")
        guard let document = XMLElement(parsing: answer.body), document.name == "ListBucketResult" else {
            throw .unavailable("list: the answer is no listing")
        }
        return document.all("Contents").compactMap { entry in
            guard let name = entry["Key"]?.text, let size = entry["Size"].flatMap({ Int64($0.text) }),
                let modified = entry["LastModified"].flatMap({ Self.date($0.text) })
            else { return nil }
            return ObjectAttributes(key: ObjectKey(name), sizeBytes: size, modifiedAt: modified)
        }
    }

    package func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError)
        -> SignedURL
    {
        let signer: SignatureV4
        do { signer = try await client.signer() } catch { throw .unavailable("no credentials: \(error)") }
        client.note("s3:GetObject")
        let now = client.now
        var expiresAt = now.addingTimeInterval(validFor.inSeconds)
        if let end = signer.credentials.expiresAt { expiresAt = min(expiresAt, end) }
        var query: [AWSRequest.QueryItem] = [.init("response-content-type", request.contentType)]
        if let name = request.downloadName {
            query.append(.init("response-content-disposition", "attachment; filename=\"\(name)\""))
        }
        let unsigned = bucket.request("GET", request.key, on: client.endpoint, query: query, payload: .unsigned)
        let made = signer.presigned(
            unsigned, at: now, validFor: .seconds(Int64(expiresAt.timeIntervalSince(now).rounded(.down))))
        // By the node's clock, with which it is compared.
        return SignedURL(url: made.url, expiresAt: expiresAt.addingTimeInterval(-client.clockOffset))
    }

    package func check() async throws(ObjectStoreError) {
        _ = try await send(
            bucket.request("HEAD", nil, on: client.endpoint), .none, "reach the bucket", nil, action: "s3:ListBucket")
    }

    // MARK: - Requests

    func send(
        _ request: AWSRequest, _ body: HTTPClientRequest.Body, _ action: String, _ key: ObjectKey?,
        action permission: String, deadline: Duration = answerDeadline
    ) async throws(ObjectStoreError) -> HTTPClientResponse {
        let answer: HTTPClientResponse
        do throws(AWSError) {
            answer = try await client.send(
                request, action: permission, body: body, deadline: deadline, maxBodyBytes: Self.maximumAnswerBytes)
        } catch {
            throw S3Failure.error(error, action)
        }
        let isConditional = request.headers.contains("If-None-Match")
        // A store that does not know conditions is asked without.
        if answer.status == 501, isConditional {
            var request = request
            request.headers.remove("If-None-Match")
            return try await send(request, body, action, key, action: permission, deadline: deadline)
        }
        guard (200..<300).contains(answer.status) || (isConditional && answer.status == Self.isThere) else {
            throw S3Failure.error(answer, action, key)
        }
        return answer
    }

    /// A step of an upload in parts, up to `triesOfPart` times with full jitter, as long as the client's quota lasts.
    func sendRepeatedly(
        _ request: AWSRequest, _ body: HTTPClientRequest.Body, _ what: String, _ key: ObjectKey?,
        action permission: String, deadline: Duration = answerDeadline
    ) async throws(ObjectStoreError) -> HTTPClientResponse {
        var ceiling = 0.2
        var tries = 1
        while true {
            do throws(ObjectStoreError) {
                let answer = try await send(request, body, what, key, action: permission, deadline: deadline)
                client.retries.withLock { [tries] in $0.succeeded(afterRetry: tries > 1) }
                return answer
            } catch {
                guard case .unavailable = error, tries < Self.triesOfPart, !Task.isCancelled,
                    client.retries.withLock({ $0.takeOne() })
                else { throw error }
                do { try await Task.sleep(for: .seconds(.random(in: 0...ceiling))) } catch { throw .unavailable(what) }
                ceiling *= 2
                tries += 1
            }
        }
    }

    static func transferDeadline(_ bytes: Int64) -> Duration { answerDeadline + .seconds(bytes / leastBytesPerSecond) }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: .iso8601))
    }

    static func size(of file: LocalFile) throws(ObjectStoreError) -> Int64 {
        var status = stat()
        guard stat(file.path, &status) == 0 else {
            throw .rejected("\(file.path): \(String(cString: strerror(errno)))")
        }
        return Int64(status.st_size)
    }
}
