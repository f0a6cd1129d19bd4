import Actors
import FoundationEssentials

/// One large file in parts (S3 User Guide, "Uploading and copying objects using multipart upload").
///
/// Each request is repeated by itself, so that one lost part does not cost the others; what fails for good is the
/// gateway's to repeat as a whole.
struct S3MultipartUpload {
    let store: S3ObjectStore
    let file: LocalFile
    let key: ObjectKey
    let contentType: String
    let size: Int64

    /// Who cancels an upload waits for its abort: a drain has no time for a store that is silent.
    private static let abortDeadline: Duration = .seconds(2)

    private struct Part: Sendable {
        let number: Int
        let etag: String
        let checksum: String
    }

    func run() async throws(ObjectStoreError) {
        let id = try await create()
        do {
            try await complete(id, try await sendParts(id))
        } catch {
            await abort(id)
            throw error
        }
    }

    private func create() async throws(ObjectStoreError) -> String {
        let answer = try await store.sendRepeatedly(
            store.bucket.request(
                "POST", key, on: store.client.endpoint, query: [.init("uploads", "")],
                headers: ["Content-Type": contentType, "x-amz-checksum-algorithm": "CRC32C"]),
            .none, "begin the upload of \(key)", nil, action: "s3:PutObject")
        guard let id = XMLElement(parsing: answer.body)?["UploadId"]?.text, !id.isEmpty else {
            throw .unavailable("begin the upload of \(key): an answer without an id")
        }
        return id
    }

    /// At most `parallelParts` at a time; the first failure cancels the others.
    private func sendParts(_ id: String) async throws(ObjectStoreError) -> [Part] {
        let count = Int((size + S3ObjectStore.partBytes - 1) / S3ObjectStore.partBytes)
        do {
            return try await withThrowingTaskGroup(of: Part.self) { group in
                var parts: [Part] = []
                var next = 1
                while parts.count < count {
                    while next <= count, next - 1 - parts.count < S3ObjectStore.parallelParts {
                        let number = next
                        group.addTask { try await send(part: number, of: id) }
                        next += 1
                    }
                    guard let part = try await group.next() else { break }
                    parts.append(part)
                }
                return parts.sorted { $0.number < $1.number }
            }
        } catch let error as ObjectStoreError {
            throw error
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func send(part number: Int, of id: String) async throws(ObjectStoreError) -> Part {
        let offset = Int64(number - 1) * S3ObjectStore.partBytes
        let count = min(S3ObjectStore.partBytes, size - offset)
        let checksum = try await CRC32C.of(file, from: offset, count: count).base64
        let answer = try await store.sendRepeatedly(
            store.bucket.request(
                "PUT", key, on: store.client.endpoint,
                query: [.init("partNumber", "\(number)"), .init("uploadId", id)],
                headers: ["x-amz-checksum-crc32c": checksum], payload: .unsigned),
            .file(path: file.path, offsetBytes: offset, sizeBytes: count), "send part \(number) of \(key)", nil,
            action: "s3:PutObject", deadline: S3ObjectStore.transferDeadline(count))
        guard let etag = answer.headers["ETag"] else {
            throw .unavailable("send part \(number) of \(key): an answer without ETag")
        }
        return Part(number: number, etag: etag, checksum: checksum)
    }

    private func complete(_ id: String, _ parts: [Part]) async throws(ObjectStoreError) {
        let entries = parts.map { part in
            "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(S3ObjectStore.escaped(part.etag))</ETag>"
                + "<ChecksumCRC32C>\(part.checksum)</ChecksumCRC32C></Part>"
        }
        let body = Array("<CompleteMultipartUpload>\(entries.joined())</CompleteMultipartUpload>".utf8)
        var request = store.bucket.request(
            "POST", key, on: store.client.endpoint, query: [.init("uploadId", id)],
            headers: ["Content-Type": "application/xml"], payload: .hash(SignatureV4.sha256(body)))
        if S3ObjectStore.isWrittenOnce(key) { request.headers.append(name: "If-None-Match", value: "*") }
        let answer = try await store.sendRepeatedly(
            request, .bytes(body), "complete the upload of \(key)", nil, action: "s3:PutObject", deadline: .seconds(120)
        )
        if answer.status == S3ObjectStore.isThere {
            await abort(id)
            return try await store.confirm(key, size)
        }
        // The status is sent before S3 knows: a failure may follow in the body of a 200.
        guard XMLElement(parsing: answer.body)?.name == "CompleteMultipartUploadResult" else {
            throw .unavailable(
                "complete the upload of \(key): \(String(decoding: answer.body.prefix(300), as: UTF8.self))")
        }
    }

    /// From a task of its own: the caller's may be cancelled, and its requests would fail at once. What an abort does
    /// not reach, the bucket's lifecycle rule removes after a day.
    private func abort(_ id: String) async {
        let request = store.bucket.request(
            "DELETE", key, on: store.client.endpoint, query: [.init("uploadId", id)])
        await Task {
            _ = try? await store.send(
                request, .none, "abort the upload of \(key)", nil, action: "s3:AbortMultipartUpload",
                deadline: Self.abortDeadline)
        }.value
    }
}
