/// What a node does: `role=api`, `role=worker`, or both in one process.
package enum NodeRole: String, Sendable, CaseIterable {
    case api, worker, all

    package var servesAPI: Bool { self != .worker }
    package var transcodes: Bool { self != .api }

    package static let names = allCases.map(\.rawValue).joined(separator: ", ")
}
