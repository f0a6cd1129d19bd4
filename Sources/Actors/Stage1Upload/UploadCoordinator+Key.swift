/// Uploads under an idempotency key: one is taken in, and all are answered as it was.
extension UploadCoordinator {
    /// As without a key, but a repetition is not taken in: it is answered as the first was.
    /// - Parameter answer: the words for an outcome; nil for one that is not to be remembered.
    /// - Returns: them.
    package nonisolated func receive(
        _ source: some UploadSource, requestID: String? = nil, under key: IdempotencyKey,
        answer: @escaping @Sendable (Result<Accepted, UploadError>) -> String?
    ) async throws(UploadError) -> String {
        let beginning: IdempotencyKeys.Beginning
        do { beginning = try await keys.begin(key) } catch { throw .unavailable("\(error)") }
        switch beginning {
        case .inProgress: throw .inProgress
        case .tooMany: throw .tooManyKeys
        case .repeated(let known):
            return try await words(source, from: key.user, requestID, Once(known: known, token: nil, answer: answer))
        case .first(let token):
            let result = await keys.keep(token) { () -> Result<String, UploadError> in
                let once = Once(known: nil, token: token, answer: answer)
                do throws(UploadError) {
                    return .success(try await words(source, from: key.user, requestID, once))
                } catch {
                    return .failure(error)
                }
            }
            // One that is answered stays.
            if case .failure = result { await keys.release(token) }
            return try result.get()
        }
    }

    /// What a request under an idempotency key brings along.
    struct Once: Sendable {
        /// Of the first request.
        let known: RememberedAnswer?
        /// Of a first request.
        let token: ReservationToken?
        let answer: @Sendable (Result<Accepted, UploadError>) -> String?
    }

    enum Receipt {
        case accepted(Accepted)
        case known(String)
    }

    private nonisolated func words(
        _ source: some UploadSource, from owner: UserID, _ requestID: String?, _ once: Once
    ) async throws(UploadError) -> String {
        switch try await admitted(source, from: owner, requestID, once) {
        case .known(let answer): return answer
        case .accepted(let accepted):
            guard let answer = once.answer(.success(accepted)) else { throw .unavailable("no words for an upload") }
            return answer
        }
    }

    /// The first request takes the file in; a repetition brings the same file, or is refused.
    nonisolated func answer(
        _ once: Once, _ spooled: SpooledFile, titled text: String, from owner: UserID, _ requestID: String?
    ) async throws(UploadError) -> Receipt {
        let payload = Self.payload(spooled, titled: text)
        if let known = once.known {
            guard known.payload == payload else { throw .keyReused }
            return .known(known.answer)
        }
        func promise(_ outcome: Result<Accepted, UploadError>) -> AnswerOnce? {
            guard let token = once.token, let answer = once.answer(outcome) else { return nil }
            return AnswerOnce(token: token, remembered: RememberedAnswer(payload: payload, answer: answer))
        }
        do {
            let accepted = try await store(spooled, titled: text, from: owner, requestID) { promise(.success($0)) }
            return .accepted(accepted)
        } catch {
            if let refusal = promise(.failure(error)) { await keys.remember(refusal) }
            throw error
        }
    }

    /// Equal for equal files with equal titles.
    private static func payload(_ spooled: SpooledFile, titled text: String) -> String {
        "\(spooled.sha256) \(ReadyBytes.tag(of: text.utf8))"
    }
}
