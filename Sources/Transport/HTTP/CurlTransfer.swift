import CLibCurl

/// One easy handle and what belongs to it. Not Sendable: made, used and freed on the loop's thread. libcurl's
/// callbacks get it unretained: `CurlWorker.active` holds it as long as the handle is in the multi handle.
final class CurlTransfer {
    let handle: UnsafeMutableRawPointer
    let transfer: Transfer
    let origin: String
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>
    private var source: RequestBodySource
    private var headParser: ResponseHeadParser
    private var hasHead = false
    private var leastRate: LeastRate?
    private var receivedBytes: Int64 = 0
    private var hasStarted = false
    /// The network was not asked to move anything for a part of the rate's window.
    private var isExcused = true
    /// Why a callback ended the transfer.
    private var ownError: HTTPClientError?

    static func make(
        _ transfer: Transfer, configuration: HTTPClientConfiguration
    ) -> Result<CurlTransfer, HTTPClientError> {
        do throws(HTTPClientError) {
            let source = try RequestBodySource(transfer)
            guard let handle = curl_easy_init() else {
                source.close()
                throw .unreachable("out of memory")
            }
            let curl = CurlTransfer(handle: handle, transfer: transfer, source: source, configuration: configuration)
            guard curl.setUp(configuration) else {
                curl.free()
                throw .invalidRequest("libcurl refuses the request")
            }
            return .success(curl)
        } catch {
            return .failure(error)
        }
    }

    private init(
        handle: UnsafeMutableRawPointer, transfer: Transfer, source: RequestBodySource,
        configuration: HTTPClientConfiguration
    ) {
        self.handle = handle
        self.transfer = transfer
        origin = OriginSlots.origin(of: transfer.request.url)
        self.source = source
        headParser = ResponseHeadParser(maxBytes: configuration.maxHeadBytes)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        leastRate = LeastRate(
            minimumBytesPerSecond: configuration.minimumBytesPerSecond, window: configuration.rateWindow, now: .now
        )
    }

    /// Only when the handle is in no multi handle.
    func free() {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
        errorText.deallocate()
        source.close()
    }

    // MARK: Set-up

    private func setUp(_ configuration: HTTPClientConfiguration) -> Bool {
        var options = CurlOptions(handle: handle)
        options.set(CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: transfer.id))
        options.set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        options.set(CURLOPT_URL, transfer.request.url)
        options.set(CURLOPT_PATH_AS_IS, 1)
        options.set(CURLOPT_PROTOCOLS_STR, "http,https")
        options.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        options.set(CURLOPT_FOLLOWLOCATION, 0)
        options.set(CURLOPT_NOSIGNAL, 1)
        options.set(CURLOPT_CONNECTTIMEOUT_MS, max(Int(configuration.connectTimeout / .milliseconds(1)), 1))
        options.set(CURLOPT_BUFFERSIZE, configuration.receiveBufferBytes)
        options.set(CURLOPT_UPLOAD_BUFFERSIZE, configuration.sendBufferBytes)
        if !configuration.usesEnvironmentProxy { options.set(CURLOPT_PROXY, "") }
        if let file = configuration.certificateAuthorityFile { options.set(CURLOPT_CAINFO, file) }
        if let userAgent = configuration.userAgent { options.set(CURLOPT_USERAGENT, userAgent) }
        setHeaders(&options)
        setMethod(&options)
        setCallbacks(&options)
        return options.areAccepted
    }

    private func setHeaders(_ options: inout CurlOptions) {
        let given = transfer.request.headers
        var lines = given.fields.map { field in
            // "Name:" would remove a header of libcurl's own; an empty value is written "Name;".
            field.value.allSatisfy(\.isWhitespace) ? "\(field.name);" : "\(field.name): \(field.value)"
        }
        // libcurl's own ideas: wait a second for "100 Continue" before a large body, and take any answer.
        for name in ["Accept", "Expect"] where !given.contains(name) { lines.append("\(name):") }
        for line in lines {
            guard let extended = curl_slist_append(headers, line) else { return options.refuse() }
            headers = extended
        }
        options.set(CURLOPT_HTTPHEADER, headers)
    }

    private func setMethod(_ options: inout CurlOptions) {
        let method = transfer.request.method
        if let sizeBytes = source.sizeBytes {
            options.set(CURLOPT_UPLOAD, 1)
            options.set(CURLOPT_INFILESIZE_LARGE, offset: sizeBytes)
        } else if method == "HEAD" {
            options.set(CURLOPT_NOBODY, 1)
        } else {
            options.set(CURLOPT_HTTPGET, 1)
        }
        options.set(CURLOPT_CUSTOMREQUEST, method)
    }

    private func setCallbacks(_ options: inout CurlOptions) {
        let this = Unmanaged.passUnretained(self).toOpaque()
        options.set(CURLOPT_WRITEDATA, this)
        options.set(CURLOPT_HEADERDATA, this)
        options.set(CURLOPT_READDATA, this)
        options.set(CURLOPT_SEEKDATA, this)
        options.set(CURLOPT_WRITEFUNCTION) { bytes, size, count, this in
            guard let transfer = CurlTransfer.from(this) else { return 0 }
            return transfer.received(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        options.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, this in
            guard let transfer = CurlTransfer.from(this) else { return 0 }
            return transfer.receivedHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        options.set(CURLOPT_READFUNCTION) { bytes, size, count, this in
            guard let transfer = CurlTransfer.from(this) else { return Int(CURL_READFUNC_ABORT) }
            return transfer.fill(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
        }
        options.setSeek { this, offset, origin in
            guard let transfer = CurlTransfer.from(this), origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
            return transfer.rewind(to: Int64(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
        }
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> CurlTransfer? {
        pointer.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Callbacks

    private func receivedHeader(_ line: UnsafeRawBufferPointer) -> Int {
        // Lines after the head are trailers, which nobody here reads.
        if hasHead { return line.count }
        switch headParser.receive(line) {
        case .more: return line.count
        case .head(let head):
            hasHead = true
            isExcused = true
            transfer.apply { $0.receive(head: head) }
            return line.count
        case .tooLarge:
            ownError = .interrupted("the response's head is too large")
            return 0
        case .malformed:
            ownError = .interrupted("the response's head is malformed")
            return 0
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch transfer.apply({ $0.receive(body: bytes) }) {
        case .taken:
            receivedBytes += Int64(bytes.count)
            return bytes.count
        case .pause:
            isExcused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        case .abort: return 0
        }
    }

    private func fill(_ target: UnsafeMutableRawBufferPointer) -> Int {
        hasStarted = true
        switch source.read(into: target) {
        case .bytes(let count): return count
        case .failed:
            ownError = .invalidRequest("the file is shorter than declared or cannot be read")
            return Int(CURL_READFUNC_ABORT)
        case .offered: break
        }
        switch transfer.apply({ $0.fill(target) }) {
        case .bytes(let count):
            source.offeredBytesSent(count)
            return count
        case .pause:
            isExcused = true
            return Int(CURL_READFUNC_PAUSE)
        case .abort: return Int(CURL_READFUNC_ABORT)
        }
    }

    /// libcurl repeats a request by itself if a reused connection dies before any answer. What may have an effect
    /// twice is not sent twice: refusing to rewind makes it an error.
    private func rewind(to offset: Int64) -> Bool {
        guard transfer.request.isIdempotent || source.position == 0 else { return false }
        return source.rewind(to: offset)
    }

    // MARK: For the worker

    /// Takes up again what is no longer to be paused. libcurl may call the callbacks from within.
    func resume() {
        let paused = transfer.paused
        var mask = CURLPAUSE_CONT
        if paused.receive { mask |= CURLPAUSE_RECV }
        if paused.send { mask |= CURLPAUSE_SEND }
        _ = curl_easy_pause(handle, mask)
    }

    /// nil: the transfer ended well.
    func error(for code: CURLcode) -> HTTPClientError? {
        if code == CURLE_OK { return nil }
        if let ownError { return ownError }
        let text = errorText.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
        return HTTPClientError(
            code: code, sentBytes: anb_curl_info_long(handle, CURLINFO_REQUEST_SIZE), text: text
        )
    }

    /// When `checkTime` is due.
    var nextDue: ContinuousClock.Instant? {
        [transfer.limits.total, hasHead ? nil : transfer.limits.head, leastRate?.nextCheck].compactMap { $0 }.min()
    }

    func checkTime(now: ContinuousClock.Instant) -> HTTPClientError? {
        if let total = transfer.limits.total, now >= total { return .deadlineExceeded(.total) }
        if !hasHead, let head = transfer.limits.head, now >= head { return .deadlineExceeded(.total) }
        guard leastRate != nil else { return nil }
        let paused = transfer.paused
        let isAnswered = hasHead && transfer.isStreamed
        let isMoving = (isAnswered || (hasStarted && !source.isSentWhole)) && !paused.receive && !paused.send
        // What libcurl took into its buffer is not yet on its way.
        let movedBytes = receivedBytes + Int64(anb_curl_info_offset(handle, CURLINFO_SIZE_UPLOAD_T))
        let verdict = leastRate?.check(now: now, movedBytes: movedBytes, isExcused: isExcused || !isMoving)
        if verdict == .tooSlow { return .deadlineExceeded(.leastRate) }
        isExcused = !isMoving
        return nil
    }
}
