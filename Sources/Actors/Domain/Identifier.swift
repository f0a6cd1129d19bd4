import FoundationEssentials

/// A random (version 4) UUID that names one `Subject`; written in lower case everywhere.
package struct Identifier<Subject>: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// Nil unless `text` is the 36-character form of a UUID.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36, let uuid = UUID(uuidString: String(text)) else { return nil }
        self.uuid = uuid
    }

    package var description: String { uuid.uuidString.lowercased() }

    package static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }
}

/// Names what a fencing token stands for: one worker's hold on one dispatch of a video.
package enum Lease {}
/// Names one lane of votes: one API process writes its batches in order under one of these.
package enum VoteWriter {}
/// Names one process of the cluster.
package enum Node {}

package typealias UserID = Identifier<User>
package typealias VideoID = Identifier<Video>
package typealias LeaseToken = Identifier<Lease>
package typealias WriterID = Identifier<VoteWriter>
package typealias NodeID = Identifier<Node>
