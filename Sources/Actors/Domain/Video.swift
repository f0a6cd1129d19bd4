import FoundationEssentials

/// Where a video is on its way. `processed` and `failed` are terminal: only an operator's redrive leaves `failed`.
package enum VideoState: String, Sendable, Equatable, CaseIterable {
    case uploaded, processing, processed, failed

    package var isTerminal: Bool { self == .processed || self == .failed }
}

/// A clip as its owner and the public see it.
package struct Video: Sendable, Equatable {
    package let id: VideoID
    package let owner: UserID
    package let title: String
    package let original: OriginalObject
    package let state: VideoState
    package let uploadedAt: Date
    package let processedAt: Date?
    /// Percent of the transcode, 0 to 100; meaningful while `processing`.
    package let progressPercent: Int
    package let failure: FailureReason?
    package let votes: Int

    package init(
        id: VideoID, owner: UserID, title: String, original: OriginalObject, state: VideoState, uploadedAt: Date,
        processedAt: Date?, progressPercent: Int, failure: FailureReason?, votes: Int
    ) {
        self.id = id
        self.owner = owner
        self.title = title
        self.original = original
        self.state = state
        self.uploadedAt = uploadedAt
        self.processedAt = processedAt
        self.progressPercent = progressPercent
        self.failure = failure
        self.votes = votes
    }
}

/// What is known of the file that the player sent.
package struct OriginalObject: Sendable, Equatable {
    package let key: ObjectKey
    package let contentType: String
    package let sizeBytes: Int64
    /// Lower-case hexadecimal.
    package let sha256: String
    /// What the probe found; nil where the container does not say.
    package let duration: Duration?

    package init(key: ObjectKey, contentType: String, sizeBytes: Int64, sha256: String, duration: Duration?) {
        self.key = key
        self.contentType = contentType
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.duration = duration
    }
}

/// The name of an object in the bucket: `original/{id}.{ext}`, `processed/{id}.mp4`, `processed/{id}.jpg`.
package struct ObjectKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let name: String

    package init(_ name: String) {
        self.name = name
    }

    package static func original(_ id: VideoID, fileExtension: String) -> Self {
        Self("\(ObjectPrefix.original.rawValue)\(id).\(fileExtension)")
    }
    package static func processedVideo(_ id: VideoID) -> Self { Self("\(ObjectPrefix.processed.rawValue)\(id).mp4") }
    package static func poster(_ id: VideoID) -> Self { Self("\(ObjectPrefix.processed.rawValue)\(id).jpg") }

    /// The video that the object belongs to; nil for a name that this system does not make.
    package var video: VideoID? {
        for prefix in ObjectPrefix.allCases where name.hasPrefix(prefix.rawValue) {
            let rest = name.dropFirst(prefix.rawValue.count)
            guard let dot = rest.firstIndex(of: ".") else { return nil }
            return VideoID(rest[..<dot])
        }
        return nil
    }

    package var description: String { name }

    package static func < (left: Self, right: Self) -> Bool {
        left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }
}

/// The bucket's folders, as the owner named them.
package enum ObjectPrefix: String, Sendable, CaseIterable {
    case original = "original/"
    case processed = "processed/"
    case temp = "temp/"
}
