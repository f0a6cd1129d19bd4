import Actors
import FoundationEssentials
import Glibc

/// One object on its way to a file: pulled, its checksum taken as it comes and compared with what the server keeps.
struct S3Download {
    let store: S3ObjectStore
    let key: ObjectKey
    let file: LocalFile

    func run() async throws(ObjectStoreError) {
        let download = try await begin()
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(file) }
        do {
            try await receive(download, into: descriptor)
            close(descriptor)
        } catch {
            close(descriptor)
            // A repetition makes it anew.
            unlink(file.path)
            throw error
        }
    }

    private func begin() async throws(ObjectStoreError) -> HTTPDownload {
        let request = store.bucket.request(
            "GET", key, on: store.client.endpoint, headers: ["x-amz-checksum-mode": "ENABLED"])
        store.client.note("s3:GetObject")
        let signed: AWSRequest
        let credentials: AWSCredentials
        do throws(AWSError) {
            (signed, credentials) = try await store.client.sign(request)
        } catch {
            throw S3Failure.error(error, "fetch")
        }
        let download: HTTPDownload
        do throws(HTTPClientError) {
            download = try await store.client.http.download(
                HTTPClientRequest(method: signed.method, url: signed.url, headers: signed.headers),
                headDeadline: S3ObjectStore.answerDeadline)
        } catch {
            throw S3Failure.error(.transport(error), "fetch")
        }
        guard download.head.status == 200 else {
            var body: [UInt8] = []
            do throws(HTTPClientError) {
                var chunks = download.body.makeAsyncIterator()
                while body.count < S3ObjectStore.maximumAnswerBytes, let chunk = try await chunks.next() {
                    body += chunk
                }
            } catch {
                // The status alone tells enough.
            }
            let answer = HTTPClientResponse(head: download.head, body: body)
            if await store.client.learns(from: answer, to: "GET", credentials) {
                throw .unavailable("fetch: the clock was off")
            }
            throw S3Failure.error(answer, "fetch", key)
        }
        return download
    }

    private func receive(_ download: HTTPDownload, into descriptor: Int32) async throws(ObjectStoreError) {
        var checksum = PartwiseChecksum(partBytes: Int(S3ObjectStore.partBytes))
        var size: Int64 = 0
        var writeError: Int32 = 0
        do throws(HTTPClientError) {
            var chunks = download.body.makeAsyncIterator()
            while let chunk = try await chunks.next() {
                checksum.update(chunk)
                guard Self.write(chunk, to: descriptor) else {
                    writeError = errno
                    throw HTTPClientError.cancelled
                }
                size += Int64(chunk.count)
            }
        } catch {
            if writeError == ENOSPC || writeError == EDQUOT { throw .full }
            if writeError != 0 { throw .unavailable("write \(file.path): \(String(cString: strerror(writeError)))") }
            throw S3Failure.error(.transport(error), "fetch")
        }
        if let length = download.head.headers["Content-Length"].flatMap(Int64.init), length != size {
            throw .unavailable("fetch \(key): \(size) of \(length) bytes came")
        }
        if let expected = download.head.headers["x-amz-checksum-crc32c"], checksum.contradicts(expected) {
            throw .unavailable("fetch \(key): its checksum does not match")
        }
    }

    /// - Returns: false with errno set when the disk does not take it.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        errno = 0
        return bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    private static func failure(_ file: LocalFile) -> ObjectStoreError {
        errno == ENOSPC ? .full : .unavailable("cannot make \(file.path): \(String(cString: strerror(errno)))")
    }
}
