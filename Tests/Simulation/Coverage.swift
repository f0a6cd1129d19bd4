import Actors

/// Which combinations of actor, state and event a run reached, and how often: an invariant over a combination that
/// never comes is a dead one.
package struct Coverage: Sendable, Equatable {
    package struct Point: Sendable, Hashable, Comparable {
        package let actor: String
        /// Of what the event is about: a row, a queue, a process.
        package let state: String
        package let event: String

        package static func < (left: Point, right: Point) -> Bool {
            (left.actor, left.event, left.state) < (right.actor, right.event, right.state)
        }
    }

    package private(set) var counts: [Point: Int] = [:]

    package init() {}

    mutating func reach(_ actor: String, _ state: String, _ event: String) {
        counts[Point(actor: actor, state: state, event: event), default: 0] += 1
    }

    package mutating func merge(_ other: Coverage) { counts.merge(other.counts, uniquingKeysWith: +) }

    /// A line for each actor and event, with its states.
    package var report: String {
        var lines: [String] = []
        var last = ""
        for point in counts.keys.sorted() {
            let head = "\(point.actor): \(point.event)"
            if head != last { lines.append(head) }
            last = head
            lines.append("    \(point.state): \(counts[point] ?? 0)")
        }
        return lines.joined(separator: "\n")
    }
}

/// An answer's name, without what it carries.
protocol Told {
    var told: String { get }
}

extension ClaimVerdict: Told {
    var told: String {
        switch self {
        case .granted: "granted"
        case .leased: "leased"
        case .obsolete: "obsolete"
        }
    }
}
extension GuardedWrite: Told {
    var told: String { self == .done ? "done" : "lost" }
}
extension OwnFailureVerdict: Told {
    var told: String {
        switch self {
        case .retried: "retried"
        case .failed: "failed"
        case .lost: "lost"
        }
    }
}
extension DeadLetterVerdict: Told {
    var told: String {
        switch self {
        case .wait: "wait"
        case .keep: "keep"
        case .delete: "delete"
        case .failed: "failed"
        }
    }
}
extension CreateVideoVerdict: Told {
    var told: String {
        switch self {
        case .created: "created"
        case .tooManyVideos: "too many"
        case .unknownOwner: "unknown owner"
        case .superseded: "superseded"
        }
    }
}
extension DeleteVideoVerdict: Told {
    var told: String {
        switch self {
        case .deleted: "deleted"
        case .processed: "processed"
        case .notOwner: "not the owner"
        case .unknown: "unknown"
        }
    }
}
extension ReservationVerdict: Told {
    var told: String {
        switch self {
        case .reserved: "reserved"
        case .inProgress: "in progress"
        case .answered: "answered"
        case .tooMany: "too many"
        }
    }
}
extension VoteVerdict: Told {
    var told: String {
        switch self {
        case .accepted: "accepted"
        case .unknownVideo: "unknown video"
        case .notProcessed: "not processed"
        case .ownVideo: "own video"
        case .alreadyVoted: "already voted"
        case .superseded: "superseded"
        }
    }
}
extension Array: Told {
    var told: String {
        switch count {
        case 0: "none"
        case 1: (self[0] as? any Told)?.told ?? "one"
        default: "several"
        }
    }
}
