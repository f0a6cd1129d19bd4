import Actors

extension VideoState {
    /// As `videos.state` has it.
    init?(code: Int32) {
        switch code {
        case 0: self = .uploaded
        case 1: self = .processing
        case 2: self = .processed
        case 3: self = .failed
        default: return nil
        }
    }
}

extension PostgresRow {
    /// Reads `VideoStatements.columns` from `first` on.
    func video(at first: Int) throws(PostgresError) -> Video {
        guard let state = VideoState(code: try int32(first + 8)) else {
            throw .decoding(column: first + 8, reason: "no state of a video")
        }
        return Video(
            id: try id(first), owner: try id(first + 1), title: try text(first + 2),
            original: try originalObject(at: first + 3), state: state, uploadedAt: try date(first + 9),
            processedAt: try optionalDate(first + 10), progressPercent: try count(first + 11),
            failure: try failure(at: first + 12), votes: try count(first + 15))
    }

    /// Reads `VideoStatements.originalColumns` from `first` on.
    func originalObject(at first: Int) throws(PostgresError) -> OriginalObject {
        OriginalObject(
            key: ObjectKey(try text(first)), contentType: try text(first + 1), sizeBytes: try int64(first + 2),
            sha256: try text(first + 3), duration: try optionalMilliseconds(first + 4))
    }

    private func failure(at first: Int) throws(PostgresError) -> FailureReason? {
        guard let name = try optionalText(first) else { return nil }
        guard let code = FailureReason.Code(rawValue: name) else {
            throw .decoding(column: first, reason: "no failure code: \(name)")
        }
        return FailureReason(code: code, spanish: try text(first + 1), english: try text(first + 2))
    }
}
